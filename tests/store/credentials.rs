//! Credentials: one active for an owner and a provider, versions that count up, offers, seals, keys.

use crate::{
    on_both,
    place::Place,
    world::{KEY, World, credential, digest, limits, token, version},
};
use bellhop::{
    clock::Timestamp,
    credential::{Owner, State},
    id::{CredentialId, TokenId},
    store::{
        Conflict, ContextId, CredentialChange, CredentialFilter, KeyRow, NewVersion, Purpose, Purses, Reseal,
        Restriction, StoreError, TokenLimits,
    },
};

on_both! {
    async fn an_owner_has_one_active_credential_for_a_provider(place: &Place) {
        let world = World::made(place).await;
        for owner in [Owner::User(world.ada), Owner::Organization(world.acme), Owner::Project(world.optics)] {
            let first = credential(owner, "ionq");
            let mut tx = place.write().await;
            tx.insert_credentials(&[first.clone(), credential(owner, "dwave")]).await.unwrap();
            tx.commit().await.unwrap();
            let second = place.write().await.insert_credentials(&[credential(owner, "ionq")]).await;
            assert!(matches!(second, Err(StoreError::Conflict(Conflict::ActiveCredential))), "{second:?}");
            let mut tx = place.write().await;
            tx.change_credential(first.id, CredentialChange::State(State::Disabled)).await.unwrap();
            tx.insert_credentials(&[credential(owner, "ionq")]).await.unwrap();
            tx.commit().await.unwrap();
            let again = place.write().await.change_credential(first.id, CredentialChange::State(State::Active)).await;
            assert!(matches!(again, Err(StoreError::Conflict(Conflict::ActiveCredential))), "{again:?}");
            let mut read = place.store.read().await.unwrap();
            assert_eq!(read.credentials_of(owner).await.unwrap().len(), 3);
        }
    }
}

on_both! {
    async fn offers_are_those_of_every_purse_of_the_caller(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        let all = [Owner::User(world.ada), Owner::Project(world.thesis), Owner::Organization(world.acme), Owner::Project(world.optics)];
        tx.insert_credentials(&all.map(|owner| credential(owner, "ionq"))).await.unwrap();
        tx.insert_credentials(&[credential(Owner::User(world.ada), "dwave")]).await.unwrap();
        tx.commit().await.unwrap();
        let snapshot = place.store.offers(world.ada, "ionq").await.unwrap();
        assert_eq!(snapshot.head, place.store.head().await.unwrap());
        let homes: Vec<_> = snapshot.value.iter().map(|offer| (offer.home.to_string(), offer.owner)).collect();
        assert_eq!(homes.iter().map(|(home, _)| home.as_str()).collect::<Vec<_>>(), ["me", "me.thesis", "acme", "acme.optics"]);
        assert_eq!(homes[3].1, Owner::Project(world.optics));
        let of_grace = place.store.offers(world.grace, "ionq").await.unwrap().value;
        assert_eq!(of_grace.len(), 2, "the organization's and its project's, and nobody else's own");
        assert_eq!(place.store.offers(world.grace, "iqm").await.unwrap().value, []);
    }
}

on_both! {
    async fn a_list_has_what_the_filter_leaves_oldest_first(place: &Place) {
        let world = World::made(place).await;
        let owners = [Owner::User(world.ada), Owner::Project(world.thesis), Owner::Organization(world.acme), Owner::Project(world.optics)];
        let all = owners.map(|owner| credential(owner, "ionq"));
        let other = credential(Owner::User(world.grace), "dwave");
        let mut tx = place.write().await;
        tx.insert_credentials(&all).await.unwrap();
        tx.insert_credentials(std::slice::from_ref(&other)).await.unwrap();
        tx.change_credential(all[1].id, CredentialChange::State(State::Disabled)).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let mut listed = async |filter: CredentialFilter, after, limit| {
            let rows = read.credentials_page(&filter, after, limit).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        let every = [all[0].id, all[1].id, all[2].id, all[3].id, other.id];
        let none = CredentialFilter::default;
        assert_eq!(listed(none(), None, 9).await, every);
        assert_eq!(listed(none(), Some(all[0].id), 2).await, every[1..3]);
        assert_eq!(listed(CredentialFilter { provider: Some("dwave".into()), ..none() }, None, 9).await, [other.id]);
        assert_eq!(listed(CredentialFilter { state: Some(State::Disabled), ..none() }, None, 9).await, [all[1].id]);
        for (owner, credential) in owners.into_iter().zip(&all) {
            assert_eq!(listed(CredentialFilter { owner: Some(owner), ..none() }, None, 9).await, [credential.id]);
        }
        let purses = Purses { user: world.ada, organizations: vec![], whole: vec![], projects: vec![] };
        let mut among = async |purses: Purses| listed(CredentialFilter { among: Some(purses), ..none() }, None, 9).await;
        assert_eq!(among(purses.clone()).await, every[..2]);
        assert_eq!(among(Purses { organizations: vec![world.acme], ..purses.clone() }).await, every[..3]);
        assert_eq!(among(Purses { whole: vec![world.acme], ..purses.clone() }).await, [every[0], every[1], every[3]]);
        assert_eq!(among(Purses { projects: vec![world.optics], ..purses }).await, [every[0], every[1], every[3]]);
    }
}

on_both! {
    async fn what_a_reading_offers_is_what_is_offered_and_who_is_pinned_is_found(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        tx.insert_credentials(&[credential(Owner::User(world.ada), "ionq"), credential(Owner::Organization(world.acme), "ionq")]).await.unwrap();
        let pinned = TokenLimits { pin: Some(ContextId::Project(world.acme, world.optics)), ..limits() };
        let to_acme = TokenLimits { pin: Some(ContextId::Organization(world.acme)), ..limits() };
        let (one, two) = (TokenId::new(), TokenId::new());
        tx.insert_tokens(&[token(one, world.ada, "optics", digest(2), pinned), token(two, world.grace, "acme", digest(3), to_acme)]).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.offers(world.ada, "ionq").await.unwrap(), place.store.offers(world.ada, "ionq").await.unwrap().value);
        let mut pinned = async |context| {
            read.tokens_pinned_to(context, 9).await.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(pinned(ContextId::Project(world.acme, world.optics)).await, [one]);
        assert_eq!(pinned(ContextId::Organization(world.acme)).await, [two]);
        assert_eq!(pinned(ContextId::MyProject(world.thesis)).await, []);
        assert_eq!(pinned(ContextId::Me).await, []);
    }
}

on_both! {
    async fn versions_count_up_and_each_is_kept_sealed(place: &Place) {
        let world = World::made(place).await;
        let first = credential(Owner::User(world.ada), "ionq");
        let mut tx = place.write().await;
        tx.insert_credentials(std::slice::from_ref(&first)).await.unwrap();
        tx.add_version(first.id, &version(2)).await.unwrap();
        for wrong in [2, 4] {
            assert!(tx.add_version(first.id, &version(wrong)).await.is_err(), "the next one is 3, not {wrong}");
        }
        tx.change_credential(first.id, CredentialChange::Label("new".into())).await.unwrap();
        tx.change_credential(first.id, CredentialChange::Expires(Timestamp::from_millis(5))).await.unwrap();
        tx.restrict_credential(first.id, &Restriction { projects: vec![], members: vec![world.ada] }).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let row = read.credential(first.id).await.unwrap().unwrap();
        assert_eq!((row.version, &*row.label, row.expires), (2, "new", Timestamp::from_millis(5)));
        assert_eq!((row.restriction.members.len(), row.state), (1, State::Active));
        assert_eq!((&*row.secret_fields[0], &*row.plain_fields["region"]), ("api_key", "na-west-1"));
        assert_eq!(read.credentials(None, 1).await.unwrap(), std::slice::from_ref(&row));
        assert_eq!(read.credentials(Some(row.id), 1).await.unwrap(), []);
        let sealed = place.store.sealed(first.id, 1).await.unwrap().unwrap();
        assert_eq!((sealed.sealed, sealed.key, sealed.owner), (vec![1; 40], KEY, Owner::User(world.ada)));
        let in_bulk = read.sealed_of_users(&[world.ada, world.grace]).await.unwrap();
        assert_eq!((&in_bulk[0].0, in_bulk[0].1.version), (&row, 2));
    }
}

on_both! {
    async fn a_deleted_credential_keeps_its_id_and_loses_its_seals(place: &Place) {
        let world = World::made(place).await;
        let first = credential(Owner::User(world.ada), "ionq");
        let mut tx = place.write().await;
        tx.insert_credentials(std::slice::from_ref(&first)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = place.write().await;
        tx.delete_credential(first.id).await.unwrap();
        tx.insert_credentials(&[credential(Owner::User(world.ada), "ionq")]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(place.store.sealed(first.id, 1).await.unwrap(), None);
        assert_eq!(place.store.offers(world.ada, "ionq").await.unwrap().value.len(), 1);
        assert_eq!(place.store.read().await.unwrap().credential(first.id).await.unwrap(), None);
        let mut tx = place.write().await;
        assert!(tx.change_credential(first.id, CredentialChange::State(State::Active)).await.is_err(), "for good");
    }
}

on_both! {
    async fn seals_are_replaced_under_another_key_and_a_used_key_stays(place: &Place) {
        let world = World::made(place).await;
        let all = [Owner::User(world.ada), Owner::User(world.grace), Owner::Organization(world.acme)].map(|owner| credential(owner, "ionq"));
        let mut tx = place.write().await;
        tx.insert_credentials(&all).await.unwrap();
        tx.insert_key(&KeyRow { id: 6, purpose: Purpose::Sealing, master_version: 1, sealed: vec![9] }).await.unwrap();
        tx.replace_key(&KeyRow { id: KEY, purpose: Purpose::Sealing, master_version: 2, sealed: vec![8] }).await.unwrap();
        tx.commit().await.unwrap();
        assert!(place.write().await.delete_key(KEY).await.is_err(), "versions are sealed with it");
        let mut after = None;
        let mut seen = 0;
        loop {
            let page = place.store.sealed_otherwise(6, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.credential, last.version));
            seen += page.len();
            let to = |v: &bellhop::store::SealedVersion| Reseal { credential: v.credential, version: v.version, from_key: v.key, to_key: 6, sealed: vec![7] };
            place.store.reseal(&page.iter().map(to).collect::<Vec<_>>()).await.unwrap();
        }
        assert_eq!(seen, 3);
        let mut tx = place.write().await;
        tx.delete_key(KEY).await.unwrap();
        tx.commit().await.unwrap();
        let keys = place.store.read().await.unwrap().keys().await.unwrap();
        assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [6]);
        let late = NewVersion { key: KEY, ..version(2) };
        let late = place.write().await.add_version(all[0].id, &late).await;
        assert!(matches!(late, Err(StoreError::Conflict(Conflict::KeyReplaced))), "{late:?}");
    }
}

on_both! {
    async fn a_seal_that_was_replaced_meanwhile_is_left_alone(place: &Place) {
        let world = World::made(place).await;
        let first = credential(Owner::User(world.ada), "ionq");
        let mut tx = place.write().await;
        tx.insert_credentials(std::slice::from_ref(&first)).await.unwrap();
        tx.commit().await.unwrap();
        let stale = Reseal { credential: first.id, version: 1, from_key: 99, to_key: KEY, sealed: vec![0] };
        let gone = Reseal { credential: CredentialId::new(), ..stale.clone() };
        place.store.reseal(&[stale, gone]).await.unwrap();
        assert_eq!(place.store.sealed(first.id, 1).await.unwrap().unwrap().sealed, vec![1; 40]);
    }
}
