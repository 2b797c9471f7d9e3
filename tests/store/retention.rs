//! Old entries of the audit trail are taken away, and what is left still shows whatever was done to it.

use crate::{
    on_both,
    place::{NOW, Place},
};
use bellhop::{
    app,
    clock::{Clock, Timestamp},
    config::Config,
    exchange::Exchanges,
    manage::{Asking, Current, Management, Who, audit::Verified},
    presence::{Duty, Presence},
    store::{Actor, AuditEntry, AuditRow},
    sync::{
        Pace,
        retention::{Retention, prune},
    },
    vault::{MasterSource, Vault},
};
use std::{sync::Arc, time::Duration};

const DAY: Duration = Duration::from_secs(86_400);

/// A trail of five entries of long ago and three of now, the oldest of which is the making of its keys.
struct Archive {
    vault: Arc<Vault>,
    folder: tempfile::TempDir,
}

impl Archive {
    async fn filled(place: &Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = MasterSource::File(folder.path().join("master.key"));
        let vault = Arc::new(Vault::open(&place.store, source, NOW.minus(100 * DAY)).await.unwrap());
        let archive = Self { vault, folder };
        for age in [90, 80, 70, 60, 0, 0, 0] {
            archive.write(place, NOW.minus(age * DAY)).await;
        }
        archive
    }

    async fn write(&self, place: &Place, at: Timestamp) {
        let mut tx = place.store.write(self.vault.signer(), at).await.unwrap();
        tx.record(AuditEntry::new(&Actor::System, "test.made", at));
        tx.commit().await.unwrap();
    }

    async fn verified(&self, place: &Place) -> Verified {
        let config = Config { data_dir: self.folder.path().into(), ..Config::default() };
        let (clock, catalog) = (Clock::stopped_at(NOW), app::catalog(&config).unwrap());
        let asking = Asking::new(Err("nobody is asked".into()));
        let machines = (Exchanges::without_record(clock.clone()), asking);
        let stores = (place.store.clone(), Arc::clone(&self.vault));
        let management = Management::new(stores, machines, clock, Current { config, catalog, issuer: None });
        management.verify_audit(&Who::command_line()).await.unwrap()
    }
}

async fn entries(place: &Place) -> Vec<AuditRow> {
    place.store.read().await.unwrap().audit_after(i64::MIN, 100).await.unwrap()
}

fn numbers(entries: &[AuditRow]) -> Vec<i64> {
    entries.iter().map(|entry| entry.seq).collect()
}

on_both! {
    async fn what_is_too_old_goes_and_the_rest_verifies(place: &Place) {
        let archive = Archive::filled(place).await;

        let gone = prune(&place.store, &archive.vault, None, NOW.minus(65 * DAY), NOW).await.unwrap();

        let left = entries(place).await;
        assert_eq!((gone, numbers(&left)), (4, vec![5, 6, 7, 8, 9]));
        assert_eq!((&*left[4].action, &*left[4].subject), ("audit.pruned", "4"));
        let found = archive.verified(place).await;
        assert!(found.intact, "{found:?}");
        assert_eq!((found.pruned, found.entries, found.last), (Some(4), 5, 9));
        assert_eq!(prune(&place.store, &archive.vault, None, NOW.minus(65 * DAY), NOW).await.unwrap(), 0);
        assert_eq!(prune(&place.store, &archive.vault, None, NOW.minus(DAY), NOW).await.unwrap(), 1);
        assert!(archive.verified(place).await.intact);
        // The newest stays, however old it is.
        prune(&place.store, &archive.vault, None, Timestamp::MAX, NOW).await.unwrap();
        archive.write(place, NOW).await;
        assert!(archive.verified(place).await.intact);
    }
}

on_both! {
    async fn whoever_takes_away_more_is_found(place: &Place) {
        let archive = Archive::filled(place).await;
        prune(&place.store, &archive.vault, None, NOW.minus(65 * DAY), NOW).await.unwrap();

        place.tamper("DELETE FROM audit WHERE seq = 5").await;
        let found = archive.verified(place).await;
        assert_eq!((found.findings[0].entry, found.findings[0].to), (5, 5), "{found:?}");

        place.tamper("UPDATE audit_pruned SET seq = 5, mac = (SELECT 'forged')").await;
        let found = archive.verified(place).await;
        assert!(!found.intact && found.pruned.is_none(), "{found:?}");
        place.tamper("DELETE FROM audit_pruned").await;
        assert!(!archive.verified(place).await.intact);
    }
}

on_both! {
    async fn what_was_edited_is_not_taken_away_with_what_would_show_it(place: &Place) {
        let archive = Archive::filled(place).await;
        place.tamper("UPDATE audit SET at = 1 WHERE seq = 6").await;

        prune(&place.store, &archive.vault, None, NOW.minus(DAY), NOW).await.unwrap_err();

        assert_eq!(entries(place).await.len(), 8);
        let found = archive.verified(place).await;
        assert_eq!(found.findings[0].entry, 6, "{found:?}");
    }
}

on_both! {
    async fn two_who_do_it_at_once_do_it_in_turn(place: &Place) {
        let archive = Archive::filled(place).await;
        let before = NOW.minus(65 * DAY);
        let both = tokio::join!(
            prune(&place.store, &archive.vault, None, before, NOW),
            prune(&place.store, &archive.vault, None, before, NOW)
        );
        assert_eq!(both.0.unwrap() + both.1.unwrap(), 4);
        assert!(archive.verified(place).await.intact);
    }
}

on_both! {
    async fn a_process_keeps_what_is_younger_than_the_operator_says_to_the_day(place: &Place) {
        let archive = Archive::filled(place).await;
        let (store, vault) = (place.store.clone(), Arc::clone(&archive.vault));
        let clock = Clock::stopped_at(NOW);
        let presence = async || Arc::new(Presence::begin(store.clone(), clock.clone(), &Pace::default()).await.unwrap());
        let (first, second) = (presence().await, presence().await);
        assert!(first.holds(Duty::Retention).is_some() && second.holds(Duty::Retention).is_none(), "one does it");
        let run = |presence, keep| {
            let (store, vault, clock) = (store.clone(), Arc::clone(&vault), clock.clone());
            tokio::spawn(Retention { store, vault, clock, presence, keep }.run())
        };

        let running = [run(second, DAY), run(first, 75 * DAY)];

        while numbers(&entries(place).await)[0] == 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for running in running {
            running.abort();
        }
        assert_eq!(numbers(&entries(place).await), [4, 5, 6, 7, 8, 9]);
    }
}
