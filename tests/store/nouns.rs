//! Users, organizations, projects and tokens: made, found, listed, changed, deleted.

use crate::{
    on_both,
    place::{NOW, Place},
    world::{World, digest, limits, organization, token, user},
};
use bellhop::{
    id::{OrganizationId, TokenId, UserId},
    identity::{Context, JobVisibility, Scopes, UserName, role::Role},
    secret::Secret,
    store::{Conflict, ContextId, OrganizationChange, Origin, ProjectOf, StoreError, TokenLimits, UserChange},
};

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("{other:?}"),
    }
}

on_both! {
    async fn what_is_made_is_found_as_it_was_made(place: &Place) {
        let world = World::made(place).await;
        let mut read = place.store.read().await.unwrap();
        let ada = read.find_user(&"ada".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(read.user(world.ada).await.unwrap().as_ref(), Some(&ada));
        assert_eq!((ada.id, ada.admin, ada.disabled, ada.has_password), (world.ada, false, false, false));
        assert_eq!((ada.active, ada.origin, ada.created), (None, Origin::Hand, NOW));
        let acme = read.find_organization(&"acme".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(read.organization(world.acme).await.unwrap().as_ref(), Some(&acme));
        assert_eq!(read.organizations().await.unwrap(), std::slice::from_ref(&acme));
        assert_eq!((acme.id, acme.job_visibility), (world.acme, JobVisibility::Own));
        let optics = read.find_project(ProjectOf::Organization(world.acme), &"optics".parse().unwrap()).await.unwrap();
        assert_eq!(read.project(world.optics).await.unwrap(), optics);
        assert_eq!(read.projects(ProjectOf::User(world.ada)).await.unwrap()[0].id, world.thesis);
        assert_eq!(read.projects(ProjectOf::Organization(world.acme)).await.unwrap(), [optics.unwrap()]);
        let members = read.members(world.acme).await.unwrap();
        let roles: Vec<_> = members.iter().map(|m| (m.name.as_str(), m.role)).collect();
        assert_eq!(roles, [("ada", Role::Member), ("grace", Role::Owner)]);
        assert_eq!(read.project_members(world.optics).await.unwrap()[0].user, world.ada);
        let standing = read.standing(world.grace).await.unwrap().unwrap();
        assert_eq!((standing.name.as_str(), standing.memberships[0].role), ("grace", Role::Owner));
    }
}

on_both! {
    async fn users_are_listed_page_by_page_and_found_in_bulk(place: &Place) {
        let names = ["B", "a", "a-1", "a.1", "b", "c@x"];
        let users: Vec<_> = names.iter().rev().map(|name| user(UserId::new(), name)).collect();
        let mut tx = place.write().await;
        tx.insert_users(&users).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let mut seen = Vec::new();
        loop {
            let page = read.users(seen.last(), 4).await.unwrap();
            let Some(_) = page.first() else { break };
            seen.extend(page.into_iter().map(|user| user.name));
        }
        assert_eq!(seen.iter().map(UserName::as_str).collect::<Vec<_>>(), names, "in byte order on both");
        let asked = ["a".parse().unwrap(), "nobody".parse().unwrap(), "B".parse().unwrap()];
        assert_eq!(read.users_named(asked.iter()).await.unwrap().len(), 2, "names are compared byte by byte");
        assert_eq!(read.users_named([].iter()).await.unwrap(), []);
    }
}

on_both! {
    async fn users_are_changed_one_thing_at_a_time(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        for change in [
            UserChange::Name("ada.l".parse().unwrap()),
            UserChange::Admin(true),
            UserChange::Disabled(true),
            UserChange::Password(Some(Secret::new("$argon2id$fake-canary"))),
            UserChange::Active(Some(ContextId::Project(world.acme, world.optics))),
        ] {
            tx.change_user(world.ada, change).await.unwrap();
        }
        let missing = tx.change_user(UserId::new(), UserChange::Admin(true)).await;
        assert_eq!(conflict(missing), Conflict::Missing);
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let ada = read.user(world.ada).await.unwrap().unwrap();
        assert_eq!((ada.name.as_str(), ada.admin, ada.disabled, ada.has_password), ("ada.l", true, true, true));
        assert_eq!(ada.active.unwrap().to_string(), "acme.optics");
        assert_eq!(read.password_hash(world.ada).await.unwrap().unwrap().expose(), "$argon2id$fake-canary");
        let mut tx = place.write().await;
        tx.change_user(world.ada, UserChange::Active(None)).await.unwrap();
        tx.change_user(world.ada, UserChange::Password(None)).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.user(world.ada).await.unwrap().unwrap().active, None);
        assert!(read.password_hash(world.ada).await.unwrap().is_none());
    }
}

on_both! {
    async fn names_are_unique_where_they_must_be(place: &Place) {
        let world = World::made(place).await;
        let taken = place.write().await.insert_users(&[user(UserId::new(), "ada")]).await;
        assert_eq!(conflict(taken), Conflict::NameTaken);
        let taken = place.write().await.insert_organizations(&[organization(OrganizationId::new(), "acme")]).await;
        assert_eq!(conflict(taken), Conflict::NameTaken);
        let taken = place.write().await.insert_tokens(&[token(TokenId::new(), world.ada, "laptop", digest(2), limits())]).await;
        assert_eq!(conflict(taken), Conflict::NameTaken);
        let taken = place.write().await.insert_tokens(&[token(TokenId::new(), world.grace, "x", digest(1), limits())]).await;
        assert_eq!(conflict(taken), Conflict::TokenTaken);
        let nobody = place.write().await.insert_tokens(&[token(TokenId::new(), UserId::new(), "x", digest(3), limits())]).await;
        assert_eq!(conflict(nobody), Conflict::Missing);
    }
}

on_both! {
    async fn organizations_members_and_projects_come_in_pages(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        let more = ["b2", "a-b"].map(|name| organization(OrganizationId::new(), name));
        tx.insert_organizations(&more).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let first = read.organizations_page(None, 2).await.unwrap();
        let rest = read.organizations_page(first.last().map(|row| &row.name), 2).await.unwrap();
        let names: Vec<_> = first.iter().chain(&rest).map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a-b", "acme", "b2"], "in byte order on both");
        let first = read.members_page(world.acme, None, 1).await.unwrap();
        let rest = read.members_page(world.acme, Some(first[0].user), 5).await.unwrap();
        assert!(first[0].user < rest[0].user && rest.len() == 1);
        let (acme, own) = (ProjectOf::Organization(world.acme), ProjectOf::User(world.ada));
        assert_eq!(read.projects_page(acme, None, 5).await.unwrap(), read.projects(acme).await.unwrap());
        assert_eq!(read.projects_page(own, Some(&"thesis".parse().unwrap()), 5).await.unwrap(), []);
    }
}

on_both! {
    async fn what_somebody_is_and_has_is_told(place: &Place) {
        let world = World::made(place).await;
        let mut read = place.store.read().await.unwrap();
        let roles: Vec<_> = read.roles(world.grace).await.unwrap().into_iter().map(|row| (row.organization, row.role)).collect();
        assert_eq!(roles, [(world.acme, Role::Owner)]);
        assert_eq!(read.member(world.acme, world.ada).await.unwrap().unwrap().role, Role::Member);
        assert_eq!(read.member(world.acme, UserId::new()).await.unwrap(), None);
        assert!(read.has_other_owner(world.acme, world.ada).await.unwrap());
        assert!(!read.has_other_owner(world.acme, world.grace).await.unwrap());
        let size = read.size_of_organization(world.acme).await.unwrap();
        assert_eq!((size.members, size.projects), (2, 1));
        assert_eq!(read.projects_with(world.ada).await.unwrap()[0].id, world.optics);
        assert!(read.is_project_member(world.optics, world.ada).await.unwrap());
        assert!(!read.is_project_member(world.optics, world.grace).await.unwrap());
        let members = read.members_of_projects(&[world.optics, world.thesis]).await.unwrap();
        assert_eq!(members.iter().map(|(project, row)| (*project, row.user)).collect::<Vec<_>>(), [(world.optics, world.ada)]);
        assert_eq!(read.providers_of_projects(&[]).await.unwrap(), []);
        assert_eq!(read.count_tokens(world.ada).await.unwrap(), read.tokens(world.ada).await.unwrap().len() as u64);
        drop(read);
        let mut tx = place.write().await;
        assert!(!tx.has_other_administrator(world.grace, NOW).await.unwrap());
        tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
        assert!(tx.has_other_administrator(world.grace, NOW).await.unwrap());
        assert!(!tx.has_other_administrator(world.ada, NOW).await.unwrap());
        tx.change_user(world.ada, UserChange::Disabled(true)).await.unwrap();
        assert!(!tx.has_other_administrator(world.grace, NOW).await.unwrap());
    }
}

on_both! {
    async fn organizations_and_projects_are_renamed_and_left(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        tx.change_organization(world.acme, OrganizationChange::Name("acme2".parse().unwrap())).await.unwrap();
        tx.change_organization(world.acme, OrganizationChange::JobVisibility(JobVisibility::All)).await.unwrap();
        tx.rename_project(world.optics, &"lasers".parse().unwrap()).await.unwrap();
        tx.set_member(world.acme, world.ada, Role::Maintainer, Origin::Apply).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let acme = read.organization(world.acme).await.unwrap().unwrap();
        assert_eq!((acme.name.as_str(), acme.job_visibility), ("acme2", JobVisibility::All));
        let ada = &read.standing(world.ada).await.unwrap().unwrap().memberships[0];
        assert_eq!((ada.role, ada.projects[0].name.as_str()), (Role::Maintainer, "lasers"));
        assert_eq!(read.members(world.acme).await.unwrap()[0].origin, Origin::Hand, "who made it stays");
        let mut tx = place.write().await;
        tx.remove_member(world.acme, world.ada).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.project_members(world.optics).await.unwrap(), [], "with the organization one leaves its projects");
        assert_eq!(read.standing(world.ada).await.unwrap().unwrap().memberships.len(), 0);
    }
}

on_both! {
    async fn only_members_of_the_organization_are_members_of_its_projects(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        tx.remove_project_member(world.optics, world.ada).await.unwrap();
        tx.remove_member(world.acme, world.ada).await.unwrap();
        let outsider = tx.add_project_member(world.optics, world.ada, Origin::Hand).await;
        assert_eq!(conflict(outsider), Conflict::Missing);
        drop(tx);
        let mut tx = place.write().await;
        assert_eq!(conflict(tx.add_project_member(world.thesis, world.ada, Origin::Hand).await), Conflict::Missing);
    }
}

on_both! {
    async fn tokens_are_listed_limited_touched_and_revoked(place: &Place) {
        let world = World::made(place).await;
        let limits = TokenLimits {
            scopes: Scopes::parse("read manage").unwrap(),
            pin: Some(ContextId::Project(world.acme, world.optics)),
            contexts: vec![ContextId::Me, ContextId::MyProject(world.thesis), ContextId::Organization(world.acme)],
            providers: vec!["ionq".into(), "dwave".into()],
            networks: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..limits()
        };
        let mut tx = place.write().await;
        tx.change_token(world.ada_token, &limits).await.unwrap();
        tx.commit().await.unwrap();
        place.store.touch(&[(world.ada_token, NOW), (TokenId::new(), NOW)]).await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let row = read.find_token(world.ada, "laptop").await.unwrap().unwrap();
        assert_eq!(read.tokens(world.ada).await.unwrap(), std::slice::from_ref(&row));
        assert_eq!(read.tokens_of(&[world.grace, world.ada]).await.unwrap(), std::slice::from_ref(&row));
        assert_eq!(read.token_by_digest(&world.ada_digest).await.unwrap().as_ref(), Some(&row));
        assert_eq!((row.last_used, row.hint.as_deref()), (Some(NOW.minute()), Some("bhp_fake")));
        assert_eq!(row.boundary.pin.unwrap().to_string(), "acme.optics");
        let contexts: Vec<_> = row.boundary.contexts.iter().map(ToString::to_string).collect();
        assert_eq!(contexts, ["me", "me.thesis", "acme"]);
        assert_eq!((row.boundary.providers.len(), row.boundary.networks.len()), (2, 2));
        assert_eq!(row.scopes.to_string(), "read manage");
        let mut tx = place.write().await;
        tx.revoke_token(world.ada_token, Origin::Hand).await.unwrap();
        assert_eq!(conflict(tx.revoke_token(world.ada_token, Origin::Hand).await), Conflict::Missing);
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.tokens(world.ada).await.unwrap(), []);
        assert!(read.revoked_by_hand(&[world.ada_digest, digest(9)]).await.unwrap().contains(&world.ada_digest));
    }
}

on_both! {
    async fn contexts_are_found_by_what_this_user_means_by_them(place: &Place) {
        let world = World::made(place).await;
        let mut read = place.store.read().await.unwrap();
        for (text, of_ada, of_grace) in [
            ("me", Some(ContextId::Me), Some(ContextId::Me)),
            ("me.thesis", Some(ContextId::MyProject(world.thesis)), None),
            ("acme", Some(ContextId::Organization(world.acme)), Some(ContextId::Organization(world.acme))),
            ("acme.optics", Some(ContextId::Project(world.acme, world.optics)), Some(ContextId::Project(world.acme, world.optics))),
            ("acme.thesis", None, None),
            ("nobody", None, None),
        ] {
            let context: Context = text.parse().unwrap();
            assert_eq!(read.context_id(world.ada, &context).await.unwrap(), of_ada, "{text}");
            assert_eq!(read.context_id(world.grace, &context).await.unwrap(), of_grace, "{text}");
        }
    }
}
