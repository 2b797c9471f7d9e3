//! Live sources: a version that says where its value is, what its provider said of it, and how processes find it.

use crate::{
    on_both,
    place::{NOW, Place},
    processes::beat,
    world::{World, credential, version},
};
use bellhop::{
    clock::Timestamp,
    credential::Owner,
    id::{CredentialId, ProcessId},
    store::{NewVersion, ProbeRow, SourceState, Verdict},
};
use std::time::Duration;

const SOURCE: &str = r#"{"env":{"api_key":"IONQ_KEY"}}"#;

fn sourced(number: u32) -> NewVersion {
    NewVersion { source: Some(SOURCE.into()), ..version(number) }
}

on_both! {
    async fn a_version_says_where_its_value_is_read_from(place: &Place) {
        let world = World::made(place).await;
        let first = credential(Owner::User(world.ada), "ionq");
        let mut tx = place.write().await;
        tx.insert_credentials(std::slice::from_ref(&first)).await.unwrap();
        tx.add_version(first.id, &sourced(2)).await.unwrap();
        tx.commit().await.unwrap();
        let source = async |version| place.store.sealed(first.id, version).await.unwrap().unwrap().source;
        assert_eq!((source(1).await, source(2).await.as_deref()), (None, Some(SOURCE)));
        let row = place.store.read().await.unwrap().credential(first.id).await.unwrap().unwrap();
        assert_eq!((row.source.as_deref(), row.probe), (Some(SOURCE), None));
        assert!(place.store.is_current(first.id, 2).await.unwrap());
        assert!(!place.store.is_current(first.id, 1).await.unwrap());
        assert!(!place.store.is_current(CredentialId::new(), 1).await.unwrap());
    }
}

on_both! {
    async fn what_a_provider_said_stays_with_the_version_and_the_account_is_known_beyond_it(place: &Place) {
        let world = World::made(place).await;
        let first = credential(Owner::User(world.ada), "ionq");
        let probe = |verdict, account: Option<&str>| ProbeRow { at: NOW, verdict, account: account.map(Into::into) };
        let mut tx = place.write().await;
        tx.insert_credentials(std::slice::from_ref(&first)).await.unwrap();
        assert_eq!(tx.probed_account(first.id).await.unwrap(), None);
        for verdict in [Verdict::Unreachable, Verdict::Refused, Verdict::Valid] {
            let probe = probe(verdict, Some("project-1"));
            tx.note_probe(first.id, 1, &probe).await.unwrap();
            assert_eq!(tx.credential(first.id).await.unwrap().unwrap().probe, Some(probe));
        }
        tx.add_version(first.id, &version(2)).await.unwrap();
        assert_eq!(tx.credential(first.id).await.unwrap().unwrap().probe, None, "nobody was asked about this one");
        assert_eq!(tx.probed_account(first.id).await.unwrap().as_deref(), Some("project-1"));
        tx.note_probe(first.id, 2, &probe(Verdict::Refused, None)).await.unwrap();
        assert_eq!(tx.probed_account(first.id).await.unwrap().as_deref(), Some("project-1"));
    }
}

on_both! {
    async fn each_process_that_runs_says_how_it_finds_a_source(place: &Place) {
        let (credential, one, other) = (CredentialId::new(), ProcessId::new(), ProcessId::new());
        let state = |process, failing: Option<&str>| SourceState {
            credential, version: 1, process, read: Some(NOW), failing: failing.map(|text| (NOW, text.into())),
        };
        place.store.beat(&beat(one)).await.unwrap();
        place.store.note_source(&state(one, None), NOW).await.unwrap();
        place.store.note_source(&state(one, Some("it is empty")), NOW).await.unwrap();
        place.store.note_source(&state(other, None), NOW).await.unwrap();
        let found = async |version| place.store.read().await.unwrap().source_states(credential, version).await.unwrap();
        assert_eq!(found(1).await, [state(one, Some("it is empty"))], "the other one has ended");
        assert_eq!(found(2).await, []);
        place.store.beat(&beat(other)).await.unwrap();
        assert_eq!(found(1).await.len(), 2);
        let later: Timestamp = NOW.plus(Duration::from_secs(1));
        place.store.note_source(&SourceState { read: None, ..state(other, None) }, later).await.unwrap();
        place.store.forget_source_states(later).await.unwrap();
        assert_eq!(found(1).await, [SourceState { read: None, ..state(other, None) }]);
    }
}
