//! The change log and the audit trail: with the change or not at all, numbered in the order of commits.

use crate::{
    on_both,
    place::{NOW, Place, Sum},
    world::{World, digest, limits, token, user},
};
use bellhop::{
    id::{TokenId, UserId},
    store::{Actor, Address, AuditEntry, Bell, Change, Origin, Signer, StoreError, UserChange, Woken},
};
use std::{sync::Arc, time::Duration};

on_both! {
    async fn each_write_announces_whom_it_touches(place: &Place) {
        let world = World::made(place).await;
        let begin = place.store.end_of_changes().await.unwrap();
        let before = begin.seq;
        let mut tx = place.write().await;
        tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
        tx.change_user(world.ada, UserChange::Admin(false)).await.unwrap();
        tx.insert_tokens(&[token(TokenId::new(), world.ada, "new", digest(2), limits())]).await.unwrap();
        tx.rename_project(world.optics, &"lasers".parse().unwrap()).await.unwrap();
        tx.announce(Change::Everything);
        assert_eq!(tx.commit().await.unwrap(), before + 4);
        let changes = place.store.changes_since(begin, 10).await.unwrap();
        let expected = [Change::User(world.ada), Change::Token(digest(2)), Change::Organization(world.acme), Change::Everything];
        assert_eq!(changes.list.iter().map(|logged| logged.change).collect::<Vec<_>>(), expected);
        assert_eq!(changes.list.iter().map(|logged| logged.seq).collect::<Vec<_>>(), (before + 1..=before + 4).collect::<Vec<_>>());
        assert!(changes.list.iter().all(|logged| logged.at.is_some_and(|at| at <= changes.now)));
        assert_eq!((changes.head, changes.gap), (before + 4, false));
    }
}

on_both! {
    async fn the_log_is_followed_in_pages_and_says_when_it_cannot_be(place: &Place) {
        let world = World::made(place).await;
        let start = place.store.end_of_changes().await.unwrap();
        for admin in [true, false, true] {
            let mut tx = place.write().await;
            tx.change_user(world.ada, UserChange::Admin(admin)).await.unwrap();
            tx.commit().await.unwrap();
        }
        let page = place.store.changes_since(start, 2).await.unwrap();
        assert_eq!((page.list.len(), page.head, page.gap), (2, start.seq + 3, false));
        let end = place.store.end_of_changes().await.unwrap();
        let rest = place.store.changes_since(end, 2).await.unwrap();
        assert!(rest.list.is_empty() && !rest.gap);
        set_back(place, end.seq - 1).await;
        assert!(place.store.changes_since(end, 2).await.unwrap().gap, "the store was set back");
        assert!(!place.store.changes_since(page.list[0].place(), 2).await.unwrap().gap, "not behind that");
    }
}

on_both! {
    /// After a failover that lost commits, the same number is another change.
    async fn another_history_of_the_same_length_is_a_gap(place: &Place) {
        let world = World::made(place).await;
        let change = async |admin| {
            let mut tx = place.write().await;
            tx.change_user(world.ada, UserChange::Admin(admin)).await.unwrap();
            tx.commit().await.unwrap();
        };
        change(true).await;
        let seen = place.store.end_of_changes().await.unwrap();
        set_back(place, seen.seq - 1).await;
        while {
            change(false).await;
            place.store.end_of_changes().await.unwrap() == seen
        } {
            set_back(place, seen.seq - 1).await;
        }
        let changes = place.store.changes_since(seen, 10).await.unwrap();
        assert_eq!((changes.head, changes.gap), (seen.seq, true));
    }
}

on_both! {
    async fn a_row_that_cannot_be_read_means_everybody_and_holds_nobody_up(place: &Place) {
        let world = World::made(place).await;
        let start = place.store.end_of_changes().await.unwrap();
        for _ in 0..3 {
            let mut tx = place.write().await;
            tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
            tx.announce(Change::Keys);
            tx.commit().await.unwrap();
        }
        place.tamper(&format!("UPDATE changes SET subject = 'no id' WHERE seq = {}", start.seq + 1)).await;
        place.tamper(&format!("UPDATE changes SET kind = 'of the future' WHERE seq = {}", start.seq + 3)).await;
        let found = place.store.changes_since(start, 10).await.unwrap().list;
        let found: Vec<Change> = found.into_iter().map(|logged| logged.change).collect();
        let (ada, keys, all) = (Change::User(world.ada), Change::Keys, Change::Everything);
        assert_eq!(found, [all, keys, all, keys, ada, keys]);
    }
}

/// As a restore would.
async fn set_back(place: &Place, head: i64) {
    place.tamper(&format!("DELETE FROM changes WHERE seq > {head}")).await;
    place.tamper(&format!("UPDATE head SET seq = {head}")).await;
}

on_both! {
    async fn a_write_that_is_dropped_leaves_nothing(place: &Place) {
        let world = World::made(place).await;
        let before = (place.store.head().await.unwrap(), place.store.read().await.unwrap().audit_end().await.unwrap());
        let mut tx = place.write().await;
        tx.insert_users(&[user(UserId::new(), "eve")]).await.unwrap();
        tx.revoke_token(world.ada_token, Origin::Hand).await.unwrap();
        drop(tx);
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.find_user(&"eve".parse().unwrap()).await.unwrap(), None);
        assert_eq!((read.head().await.unwrap(), read.audit_end().await.unwrap()), before);
        assert!(place.store.holder(&world.ada_digest).await.unwrap().value.is_some());
    }
}

on_both! {
    async fn a_change_without_an_audit_entry_does_not_commit(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.store.write(Arc::new(Sum), NOW).await.unwrap();
        tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
        assert!(matches!(tx.commit().await, Err(StoreError::Internal(_))));
        assert!(!place.store.read().await.unwrap().user(world.ada).await.unwrap().unwrap().admin);
        let tx = place.store.write(Arc::new(Sum), NOW).await.unwrap();
        assert!(tx.commit().await.is_ok(), "nothing was changed");
    }
}

on_both! {
    async fn audit_entries_are_chained_from_the_first_to_the_last(place: &Place) {
        World::made(place).await;
        let mut tx = place.write().await;
        tx.record(AuditEntry::new(&Actor::User(UserId::new()), "token.revoked", "ci").detail("by its owner"));
        tx.record(AuditEntry::new(&Actor::CommandLine, "token.revoked", "laptop"));
        tx.commit().await.unwrap();
        let mut read = place.store.read().await.unwrap();
        let first = read.audit_after(0, 2).await.unwrap();
        let rest = read.audit_after(2, 10).await.unwrap();
        let all: Vec<_> = first.into_iter().chain(rest).collect();
        assert_eq!(all.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let mut mac = String::new();
        for row in &all {
            mac = Sum.mac(&row.link(&mac));
            assert_eq!(row.mac, mac, "entry {}", row.seq);
        }
        assert_eq!(read.audit_end().await.unwrap(), (4, mac));
        assert_eq!((all[2].detail.as_str(), all[3].actor.as_str(), all[3].at), ("by its owner", "command-line", NOW));
    }
}

on_both! {
    async fn a_watch_sees_the_writes_of_others_and_is_quiet_without_any(place: &Place) {
        let world = World::made(place).await;
        let mut watch = place.store.watch();
        assert!(watch.look().await.unwrap(), "the first look");
        assert!(!watch.look().await.unwrap());
        let mut tx = place.write().await;
        tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(watch.look().await.unwrap());
        assert!(!watch.look().await.unwrap());
        place.store.ping().await.unwrap();
    }
}

on_both! {
    /// PostgreSQL tells; SQLite's files are looked at.
    async fn whoever_listens_is_told_also_after_the_connection_was_lost(place: &Place) {
        let world = World::made(place).await;
        let bell = Bell::new(&place.address, None).unwrap();
        let Address::Postgres(_) = place.address else {
            assert_eq!((bell.wait(Duration::from_millis(1)).await, bell.hears()), (Woken::Time, false));
            return;
        };
        for _ in 0..2 {
            while !bell.hears() {
                bell.wait(Duration::from_millis(5)).await;
            }
            while bell.wait(Duration::from_millis(50)).await == Woken::Rung {}
            let mut tx = place.write().await;
            tx.change_user(world.ada, UserChange::Admin(true)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(bell.wait(Duration::from_secs(20)).await, Woken::Rung);
            place.tamper("SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                          WHERE datname = current_database() AND query LIKE 'LISTEN%'").await;
            assert_eq!(bell.wait(Duration::from_secs(20)).await, Woken::Rung, "what happened meanwhile is to be looked for");
        }
    }
}

on_both! {
    /// A follower that has seen a number never finds a smaller one later.
    async fn concurrent_writers_are_numbered_in_the_order_of_their_commits(place: &Place) {
        let world = World::made(place).await;
        let begin = place.store.end_of_changes().await.unwrap();
        let start = begin.seq;
        let other = bellhop::store::Store::open(&place.address).await.unwrap();
        let writers: Vec<_> = (0..8_u8)
            .map(|n| {
                let (store, ada) = (if n % 2 == 0 { place.store.clone() } else { other.clone() }, world.ada);
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let mut tx = store.write(Arc::new(Sum), NOW).await.unwrap();
                        tx.record(AuditEntry::new(&Actor::System, "user.changed", n));
                        tx.change_user(ada, UserChange::Admin(n % 3 == 0)).await.unwrap();
                        tx.announce(Change::Keys);
                        tx.commit().await.unwrap();
                    }
                })
            })
            .collect();
        let mut seen = begin;
        while seen.seq < start + 160 {
            let changes = place.store.changes_since(seen, 1000).await.unwrap();
            assert!(!changes.gap);
            for logged in changes.list {
                assert_eq!(logged.seq, seen.seq + 1, "nothing is skipped, nothing comes late");
                seen = logged.place();
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(place.store.head().await.unwrap(), start + 160);
        other.close().await;
    }
}
