//! SQLite's file: its log under constant readers, its free pages, a copy of it, and who has it alone.

use crate::{
    place::{Place, url_of},
    shop::Shop,
};
use bellhop::store::{Address, LONGEST_LOG, Store};
use sqlx::Connection;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

fn path(place: &Place) -> &std::path::Path {
    let Address::Sqlite(path) = &place.address else { panic!("a file") };
    path
}

fn log_length(place: &Place) -> u64 {
    let log = path(place).with_file_name("bellhop.db-wal");
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}

/// Each reader begins before the one before it has ended: to SQLite somebody always reads.
async fn read_without_a_gap(store: Store, over: Arc<AtomicBool>) {
    while !over.load(SeqCst) {
        let mut reading = store.read().await.unwrap();
        reading.head().await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        reading.head().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_writes_under_constant_readers_leave_the_log_short() {
    let place = Place::sqlite().await.unwrap();
    let shop = Shop::open(&place).await;
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> =
        (0..3).map(|_| tokio::spawn(read_without_a_gap(place.store.clone(), Arc::clone(&over)))).collect();
    let mut longest = 0;
    for write in 0..10_000 {
        place.store.touch(&[(shop.world.ada_token, crate::shop::later(write * 60))]).await.unwrap();
        longest = longest.max(log_length(&place));
        // As `serve` does each second.
        if write % 200 == 0 {
            place.store.fold_log().await.unwrap();
        }
    }
    over.store(true, SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    let left = place.store.fold_log().await.unwrap();
    println!("the log was at most of {longest} bytes, and is of {left}");
    assert!(longest < 2 * LONGEST_LOG, "{longest}");
    assert!(left <= LONGEST_LOG, "{left}");
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn free_pages_are_given_back_in_steps_and_a_file_of_an_early_bellhop_learns_it() {
    let place = Place::sqlite().await.unwrap();
    fill_and_empty(&place).await;
    let before = place.store.room().await.unwrap().unwrap();
    assert!(before.in_steps && before.free > 1000, "{before:?}");

    place.store.give_back(256).await.unwrap();
    let after = place.store.room().await.unwrap().unwrap();
    assert_eq!(after.free, before.free - 256);

    beside(&place, "PRAGMA auto_vacuum = NONE; VACUUM").await;
    assert!(!place.store.room().await.unwrap().unwrap().in_steps);
    place.store.rebuild().await.unwrap();
    let rebuilt = place.store.room().await.unwrap().unwrap();
    assert!(rebuilt.in_steps && rebuilt.free == 0 && rebuilt.pages < before.pages / 2, "{rebuilt:?}");
    place.remove().await;
}

async fn fill_and_empty(place: &Place) {
    beside(
        place,
        "CREATE TABLE much (text TEXT); \
         INSERT INTO much WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
         SELECT hex(randomblob(2000)) FROM n; DROP TABLE much",
    )
    .await;
}

async fn beside(place: &Place, sql: &'static str) {
    let mut connection = sqlx::SqliteConnection::connect(&url_of(path(place))).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_had_alone_only_while_nobody_uses_it() {
    let place = Place::sqlite().await.unwrap();
    assert!(place.address.hold_alone().await.unwrap().is_none(), "the store is open");
    place.store.close().await;
    let address = place.address.clone();
    let foreign = sqlx::SqliteConnection::connect(&url_of(path(&place))).await.unwrap();
    let Place { store, .. } = &place;
    assert!(address.hold_alone().await.unwrap().is_none(), "{store:?} is held for as long as it lives");
    let (folder, file) = (tempfile::tempdir().unwrap(), "bellhop.db");
    std::fs::copy(path(&place), folder.path().join(file)).unwrap();
    foreign.close().await.unwrap();
    let alone_at = Address::parse(None, folder.path()).unwrap();
    let mut reader = sqlx::SqliteConnection::connect(&url_of(&folder.path().join(file))).await.unwrap();
    sqlx::raw_sql("SELECT * FROM users").execute(&mut reader).await.unwrap();
    assert!(alone_at.hold_alone().await.unwrap().is_none(), "a program that knows nothing of the lock has it open");
    reader.close().await.unwrap();
    let alone = alone_at.hold_alone().await.unwrap().expect("nobody uses it");
    assert!(Store::open(&alone_at).await.is_err());
    drop(alone);
    Store::open(&alone_at).await.unwrap().close().await;
}
