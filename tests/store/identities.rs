//! Who signs in with an identity provider, what that gave them, and when they rest.

use crate::{
    on_both,
    place::{NOW, Place},
    world::{World, user},
};
use bellhop::{
    clock::Timestamp,
    id::{SessionId, UserId},
    identity::{key::KeyDigest, role::Role},
    store::{Conflict, IdentityRow, Origin, SessionRow, StoreError, UserChange},
};
use std::time::Duration;

fn identity(user: UserId, subject: &str) -> IdentityRow {
    let (issuer, subject) = ("https://id.example.test".into(), subject.into());
    IdentityRow { issuer, subject, user, admin: false, created: NOW, seen: None }
}

on_both! {
    async fn a_subject_is_one_user_and_a_user_one_subject(place: &Place) {
        let world = World::made(place).await;
        let (first, second) = (identity(world.ada, "Subject"), identity(world.ada, "subject"));
        let mut tx = place.write().await;
        tx.put_identity(&first).await.unwrap();
        assert_eq!(tx.find_identity(&first.issuer, "Subject").await.unwrap().as_ref(), Some(&first));
        assert_eq!(tx.find_identity(&first.issuer, "subject").await.unwrap(), None, "a subject has case");
        assert_eq!(tx.find_identity("https://id.example.test/", "Subject").await.unwrap(), None);
        let seen = IdentityRow { admin: true, seen: Some(NOW), ..second };
        tx.put_identity(&seen).await.unwrap();
        assert_eq!(tx.identity(world.ada).await.unwrap().as_ref(), Some(&seen));
        assert_eq!(tx.find_identity(&first.issuer, "Subject").await.unwrap(), None, "in its place");
        tx.remove_identity(world.ada).await.unwrap();
        assert!(matches!(tx.remove_identity(world.ada).await, Err(StoreError::Conflict(Conflict::Missing))));
        tx.put_identity(&seen).await.unwrap();
        tx.delete_user(world.ada, Origin::Hand).await.unwrap();
        assert_eq!(tx.find_identity(&seen.issuer, "subject").await.unwrap(), None, "it goes with the user");
    }
}

on_both! {
    async fn a_sign_in_is_spent_once(place: &Place) {
        let world = World::made(place).await;
        let (digest, later) = (KeyDigest::of("fake-state"), NOW.plus(Duration::from_secs(600)));
        let mut tx = place.write().await;
        tx.spend_sign_in(&digest, world.ada, later).await.unwrap();
        let again = tx.spend_sign_in(&digest, world.ada, later).await;
        assert!(matches!(again, Err(StoreError::Conflict(Conflict::Exists))), "{again:?}");
        // What could not be completed again anyway is forgotten.
        tx.spend_sign_in(&KeyDigest::of("fake-old"), world.ada, NOW).await.unwrap();
        tx.spend_sign_in(&KeyDigest::of("fake-old"), world.ada, NOW).await.unwrap();
    }
}

on_both! {
    async fn tokens_and_sessions_end_when_their_user_begins_to_rest(place: &Place) {
        let world = World::made(place).await;
        let (soon, key) = (Timestamp::from_millis(NOW.millis() + 10), KeyDigest::of("fake-key"));
        let session =
            SessionRow { id: SessionId::new(), user: world.ada, created: NOW, seen: NOW.minute(), ends: Timestamp::MAX };
        let mut tx = place.write().await;
        tx.insert_session(&key, &session).await.unwrap();
        tx.commit().await.unwrap();
        let ends = async || {
            let token = place.store.holder(&world.ada_digest).await.unwrap().value.unwrap();
            let session = place.store.session(&key).await.unwrap().unwrap();
            let listed = place.store.read().await.unwrap().sessions(world.ada).await.unwrap();
            assert_eq!(listed, std::slice::from_ref(&session));
            (token.expires, token.standing.sign_in_by, session.ends)
        };
        let of_token = Timestamp::from_millis(NOW.millis() + 1000);
        assert_eq!(ends().await, (of_token, Timestamp::MAX, Timestamp::MAX));
        for (by, expected) in [(soon, (soon, soon, soon)), (Timestamp::MAX, (of_token, Timestamp::MAX, Timestamp::MAX))] {
            let mut tx = place.write().await;
            tx.change_user(world.ada, UserChange::SignInBy(by)).await.unwrap();
            assert_eq!(tx.user(world.ada).await.unwrap().unwrap().sign_in_by, by);
            tx.commit().await.unwrap();
            assert_eq!(ends().await, expected);
        }
    }
}

on_both! {
    async fn a_membership_that_a_group_gave_is_whoevers_who_takes_it_over(place: &Place) {
        let world = World::made(place).await;
        let eve = UserId::new();
        let mut tx = place.write().await;
        tx.insert_users(&[user(eve, "eve")]).await.unwrap();
        tx.set_member(world.acme, eve, Role::Member, Origin::Identity).await.unwrap();
        tx.set_member(world.acme, world.ada, Role::Member, Origin::Identity).await.unwrap();
        let given = tx.roles_by_identity(eve).await.unwrap();
        assert_eq!((given.len(), given[0].name.as_str(), given[0].role), (1, "acme", Role::Member));
        assert!(tx.roles_by_identity(world.ada).await.unwrap().is_empty(), "hers was given by hand");
        tx.set_member(world.acme, eve, Role::Owner, Origin::Identity).await.unwrap();
        assert_eq!(tx.roles_by_identity(eve).await.unwrap()[0].role, Role::Owner);
        tx.set_member(world.acme, eve, Role::Owner, Origin::Apply).await.unwrap();
        assert!(tx.roles_by_identity(eve).await.unwrap().is_empty());
        assert_eq!(tx.member(world.acme, eve).await.unwrap().unwrap().origin, Origin::Apply);
    }
}

on_both! {
    async fn an_administrator_who_rests_is_no_other_one(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
        assert!(tx.has_other_administrator(world.grace, NOW).await.unwrap());
        tx.change_user(world.ada, UserChange::SignInBy(NOW)).await.unwrap();
        assert!(!tx.has_other_administrator(world.grace, NOW).await.unwrap());
    }
}
