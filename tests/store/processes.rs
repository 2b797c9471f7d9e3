//! Who serves from the store, and whose turn it is.

use crate::{on_both, place::Place};
use bellhop::{
    id::ProcessId,
    store::{Beat, Conflict, StoreError},
};

pub fn beat(process: ProcessId) -> Beat {
    Beat { process, host: "one".into(), version: "1.2.3", followed: 7, lag: Some(12) }
}

on_both! {
    async fn each_beat_is_counted_and_an_end_in_order_leaves_nothing(place: &Place) {
        let [one, other] = [ProcessId::new(), ProcessId::new()];
        for process in [one, other, one] {
            place.store.beat(&beat(process)).await.unwrap();
        }
        let found = place.store.read().await.unwrap().processes().await.unwrap();
        assert_eq!(found.iter().map(|row| (row.process, row.beats)).collect::<Vec<_>>(), [(one, 2), (other, 1)]);
        assert_eq!((found[0].host.as_deref(), found[0].version.as_deref()), (Some("one"), Some("1.2.3")));
        assert_eq!((found[0].followed, found[0].lag), (Some(7), Some(12)));
        assert!(found[0].knows.is_some_and(|knows| knows >= 14));
        place.store.forget_process(one).await.unwrap();
        assert_eq!(place.store.read().await.unwrap().processes().await.unwrap().len(), 1);
    }
}

on_both! {
    async fn a_turn_is_taken_once_and_who_lost_it_writes_nothing_more(place: &Place) {
        let [one, other] = [ProcessId::new(), ProcessId::new()];
        let first = place.store.take_lease("work", one, None).await.unwrap().unwrap();
        assert_eq!(place.store.take_lease("work", other, None).await.unwrap(), None, "taken before");
        let lease = place.store.read().await.unwrap().leases().await.unwrap().remove(0);
        assert_eq!((lease.name.as_str(), lease.holder, lease.epoch), ("work", Some(one), 1));
        let mut tx = place.write().await;
        tx.require(&first).await.unwrap();
        drop(tx);

        let second = place.store.take_lease("work", other, Some(lease.epoch)).await.unwrap().unwrap();
        assert_eq!(place.store.take_lease("work", one, Some(lease.epoch)).await.unwrap(), None, "another was faster");

        let mut tx = place.write().await;
        let late = tx.require(&first).await;
        assert!(matches!(late, Err(StoreError::Conflict(Conflict::Overtaken))), "{late:?}");
        tx.require(&second).await.unwrap();
        drop(tx);
        place.store.give_back_leases(other).await.unwrap();
        assert_eq!(place.store.read().await.unwrap().leases().await.unwrap()[0].holder, None);
        assert!(place.store.take_lease("work", one, Some(second.epoch)).await.unwrap().is_some());
    }
}

on_both! {
    /// Whoever requires a turn keeps it until the write is done: another takes it before or after, not in between.
    async fn a_turn_is_not_taken_over_in_the_middle_of_a_write(place: &Place) {
        let [one, other] = [ProcessId::new(), ProcessId::new()];
        let fence = place.store.take_lease("work", one, None).await.unwrap().unwrap();
        let mut tx = place.write().await;
        tx.require(&fence).await.unwrap();
        let store = place.store.clone();
        let taking = tokio::spawn(async move { store.take_lease("work", other, Some(fence.epoch)).await });
        tokio::task::yield_now().await;
        let before = place.store.read().await.unwrap().leases().await.unwrap()[0].holder;
        tx.commit().await.unwrap();
        assert_eq!(before, Some(one));
        assert!(taking.await.unwrap().unwrap().is_some());
    }
}
