//! Who presents a token, and that what is deleted makes a token fit less, never more.

use crate::{
    on_both,
    place::Place,
    world::{World, credential, digest, limits, organization, token},
};
use bellhop::{
    credential::Owner,
    id::{OrganizationId, TokenId},
    identity::Context,
    store::{ContextId, NewCredential, Origin, Restriction, TokenLimits, UserChange},
};

on_both! {
    async fn a_token_leads_to_its_holder_with_all_that_they_are(place: &Place) {
        let world = World::made(place).await;
        let snapshot = place.store.holder(&world.ada_digest).await.unwrap();
        assert_eq!(snapshot.head, place.store.head().await.unwrap());
        let holder = snapshot.value.unwrap();
        assert_eq!((holder.token, &*holder.token_name, holder.boundary), (world.ada_token, "laptop", None));
        assert_eq!((holder.standing.user, holder.standing.name.as_str()), (world.ada, "ada"));
        let [acme] = &*holder.standing.memberships else { panic!("one membership") };
        assert_eq!((acme.organization, acme.projects[0].id), (world.acme, world.optics));
        let unknown = place.store.holder(&digest(7)).await.unwrap();
        assert_eq!((unknown.head, unknown.value), (snapshot.head, None));
    }
}

on_both! {
    async fn memberships_and_their_projects_are_sorted_by_name(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        for name in ["zeta", "abc"] {
            let id = OrganizationId::new();
            tx.insert_organizations(&[organization(id, name)]).await.unwrap();
            tx.set_member(id, world.ada, bellhop::identity::role::Role::Owner, Origin::Hand).await.unwrap();
        }
        tx.commit().await.unwrap();
        let holder = place.store.holder(&world.ada_digest).await.unwrap().value.unwrap();
        let names: Vec<_> = holder.standing.memberships.iter().map(|m| (m.name.as_str(), m.projects.len())).collect();
        assert_eq!(names, [("abc", 0), ("acme", 1), ("zeta", 0)]);
    }
}

on_both! {
    async fn a_disabled_user_and_a_revoked_token_are_nobody(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        tx.change_user(world.ada, UserChange::Disabled(true)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(place.store.holder(&world.ada_digest).await.unwrap().value, None);
        assert_eq!(place.store.read().await.unwrap().standing(world.ada).await.unwrap(), None);
        let mut tx = place.write().await;
        tx.change_user(world.ada, UserChange::Disabled(false)).await.unwrap();
        tx.revoke_token(world.ada_token, Origin::Hand).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(place.store.holder(&world.ada_digest).await.unwrap().value, None);
    }
}

on_both! {
    async fn a_deleted_user_is_nobody_and_leaves_nothing_that_works(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        tx.insert_credentials(&[credential(Owner::User(world.ada), "ionq"), credential(Owner::Project(world.thesis), "ionq")])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut tx = place.write().await;
        tx.delete_user(world.ada, Origin::Hand).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(place.store.holder(&world.ada_digest).await.unwrap().value, None);
        assert_eq!(place.store.offers(world.ada, "ionq").await.unwrap().value, []);
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.user(world.ada).await.unwrap(), None);
        assert_eq!(read.find_user(&"ada".parse().unwrap()).await.unwrap(), None, "the name is free");
        assert_eq!(read.members(world.acme).await.unwrap().len(), 1);
        assert_eq!(read.credentials(None, 10).await.unwrap(), []);
    }
}

on_both! {
    async fn a_pin_to_something_deleted_fits_nothing_even_when_the_name_comes_back(place: &Place) {
        let world = World::made(place).await;
        let pinned = TokenLimits { pin: Some(ContextId::Organization(world.acme)), contexts: vec![ContextId::Project(world.acme, world.optics)], ..limits() };
        let mut tx = place.write().await;
        tx.insert_tokens(&[token(TokenId::new(), world.ada, "pinned", digest(2), pinned)]).await.unwrap();
        tx.change_user(world.ada, UserChange::Active(Some(ContextId::Organization(world.acme)))).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = place.write().await;
        tx.delete_organization(world.acme).await.unwrap();
        tx.insert_organizations(&[organization(OrganizationId::new(), "acme")]).await.unwrap();
        tx.commit().await.unwrap();
        let holder = place.store.holder(&digest(2)).await.unwrap().value.unwrap();
        let boundary = holder.boundary.unwrap();
        let (acme, pin): (Context, _) = ("acme".parse().unwrap(), boundary.pin.clone().unwrap());
        assert!(pin != acme && pin.to_string().starts_with("deleted-"), "{pin}");
        assert!(!boundary.allows_context(&acme) && !boundary.allows_context(&Context::me()));
        assert_eq!(holder.standing.active, Some(Box::new(pin)), "an active context does not fall back either");
        assert_eq!(holder.standing.memberships.len(), 0);
    }
}

on_both! {
    async fn a_restriction_to_a_deleted_project_still_restricts(place: &Place) {
        let world = World::made(place).await;
        let restriction = Restriction { projects: vec![world.optics], members: vec![world.ada] };
        let shared = NewCredential { restriction, ..credential(Owner::Organization(world.acme), "ionq") };
        let pinned = TokenLimits { pin: Some(ContextId::Project(world.acme, world.optics)), ..limits() };
        let mut tx = place.write().await;
        tx.insert_credentials(&[shared]).await.unwrap();
        tx.insert_tokens(&[token(TokenId::new(), world.grace, "pinned", digest(2), pinned)]).await.unwrap();
        tx.commit().await.unwrap();
        let before = place.store.offers(world.ada, "ionq").await.unwrap().value;
        assert_eq!((before[0].projects[0].as_str(), &*before[0].members), ("optics", &[world.ada][..]));
        let mut tx = place.write().await;
        tx.delete_project(world.optics).await.unwrap();
        tx.commit().await.unwrap();
        let offers = place.store.offers(world.grace, "ionq").await.unwrap().value;
        let pin = place.store.holder(&digest(2)).await.unwrap().value.unwrap().boundary.unwrap().pin.unwrap();
        assert_eq!(offers[0].projects.len(), 1);
        assert_ne!(Some(&offers[0].projects[0]), pin.project.as_ref(), "two names of what is gone must not meet");
    }
}
