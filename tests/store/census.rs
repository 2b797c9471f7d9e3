//! Numbers without names: each credential has one health, and questions are counted by what was asked.

use crate::{
    on_both,
    place::{NOW, Place},
    world::{World, credential, digest},
};
use bellhop::{
    credential::{Owner, State},
    store::{Conflict, CredentialChange, ProbeRow, Question, StoreError, Verdict},
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

on_both! {
    async fn each_credential_has_one_health(place: &Place) {
        let world = World::made(place).await;
        let refused = ProbeRow { at: NOW, verdict: Verdict::Refused, account: None };
        let made = |owner| credential(owner, "ionq");
        let mut own = made(Owner::User(world.ada));
        let (mut shared, good) = (made(Owner::Organization(world.acme)), made(Owner::Project(world.optics)));
        // What is refused and ends as well is wrong now.
        (own.expires, shared.expires) = (NOW.plus(MINUTE), NOW.plus(MINUTE));
        let other = credential(Owner::User(world.ada), "dwave");
        let mut tx = place.write().await;
        tx.insert_credentials(&[own.clone(), shared, good, other.clone()]).await.unwrap();
        tx.note_probe(own.id, 1, &refused).await.unwrap();
        tx.change_credential(other.id, CredentialChange::State(State::Disabled)).await.unwrap();
        tx.commit().await.unwrap();
        let counted = async |now, soon| {
            let census = place.store.read().await.unwrap().census(now, soon).await.unwrap();
            assert_eq!((census.open, census.unknown), (0, 0));
            let short = |(provider, health, count): (String, String, u64)| format!("{provider} {health} {count}");
            census.credentials.into_iter().map(short).collect::<Vec<_>>()
        };

        assert_eq!(
            counted(NOW, NOW.plus(2 * MINUTE)).await,
            ["dwave disabled 1", "ionq active 1", "ionq expiring 1", "ionq failing 1"]
        );
        assert_eq!(counted(NOW, NOW).await, ["dwave disabled 1", "ionq active 2", "ionq failing 1"]);
        let later = NOW.plus(MINUTE);
        assert_eq!(counted(later, later).await, ["dwave disabled 1", "ionq active 1", "ionq expired 2"]);
    }
}

on_both! {
    async fn questions_are_counted_and_what_contradicts_is_no_failure(place: &Place) {
        let figures = place.store.figures();
        let failed = |question| figures.failures(question).value();
        place.store.holder(&digest(b'x')).await.unwrap();
        let world = World::made(place).await;
        let two = [credential(Owner::User(world.ada), "ionq"), credential(Owner::User(world.ada), "ionq")];
        let again = place.write().await.insert_credentials(&two).await;
        assert!(matches!(again, Err(StoreError::Conflict(Conflict::ActiveCredential))));

        for question in [Question::Caller, Question::Turn, Question::Commit] {
            assert!(!figures.span(question).is_empty() && failed(question) == 0, "{question:?}");
        }
        assert!(figures.span(Question::Record).is_empty());
        place.store.close().await;
        place.store.holder(&digest(b'x')).await.unwrap_err();
        assert_eq!(failed(Question::Caller), 1);
    }
}
