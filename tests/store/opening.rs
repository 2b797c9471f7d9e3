//! Opening: the schema, several at once, stores that are newer, and stores that are none.

use crate::{
    on_both,
    place::{Place, sqlite_in, url_of},
    world::World,
};
use bellhop::{
    secret::Secret,
    store::{Address, Store, StoreError},
};
use sqlx::{Connection, SqliteConnection};
use std::{os::unix::fs::PermissionsExt, path::Path};

on_both! {
    async fn a_store_that_is_opened_again_holds_what_it_held(place: &Place) {
        let world = World::made(place).await;
        let again = Store::open(&place.address).await.unwrap();
        assert!(again.holder(&world.ada_digest).await.unwrap().value.is_some());
        again.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let opened: Vec<_> = (0..8)
        .map(|_| {
            let address = sqlite_in(folder.path());
            tokio::spawn(async move { Store::open(&address).await.map(drop) })
        })
        .collect();
    for store in opened {
        store.await.unwrap().unwrap();
    }
}

on_both! {
    async fn a_newer_store_is_refused(place: &Place) {
        sqlx::any::install_default_drivers();
        let url = match &place.address {
            Address::Sqlite(path) => url_of(path),
            Address::Postgres(url) => url.expose().to_owned(),
        };
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("INSERT INTO schema_versions VALUES (1000, 0)").execute(&mut connection).await.unwrap();
        assert!(matches!(Store::open(&place.address).await, Err(StoreError::Newer { found: 1000, .. })));
    }
}

#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let address = sqlite_in(folder.path());
    let _store = Store::open(&address).await.unwrap();
    let Address::Sqlite(path) = address else { panic!("a file") };
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[tokio::test]
async fn what_is_no_store_is_told_apart_from_one_that_cannot_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bellhop.db");
    std::fs::write(&path, "this is no database, though it is long enough to be taken for one".repeat(40)).unwrap();
    let found = Store::open(&Address::Sqlite(path)).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
    let found = Store::open(&Address::Sqlite("/proc/nowhere/bellhop.db".into())).await;
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    let url = Secret::new("postgres://someone:fake-canary@127.0.0.1:1/nothing");
    let found = Store::open(&Address::Postgres(url)).await.unwrap_err();
    assert!(matches!(found, StoreError::Unavailable(_)), "{found:?}");
    assert!(!format!("{found:?} {found}").contains("canary"));
    for url in ["mysql://fake-canary", "postgres://fake-canary:port/"] {
        let address = Address::parse(Some(&Secret::new(url)), folder.path());
        let found = match address {
            Ok(address) => Store::open(&address).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(
            matches!(&found, Err(error @ StoreError::Address(_)) if !error.to_string().contains("canary")),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn the_hot_questions_are_answered_from_indexes_alone() {
    let place = Place::sqlite().await.unwrap();
    let Address::Sqlite(path) = &place.address else { panic!("a file") };
    let mut connection = SqliteConnection::connect(&url_of(path)).await.unwrap();
    for sql in Store::HOT {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&mut connection)
                .await
                .unwrap();
        for (_, _, _, step) in plan {
            let scans = step.starts_with("SCAN") && !step.contains("SCAN h") && !step.contains("SCAN f");
            assert!(!scans, "{step}\n{sql}");
        }
    }
    place.remove().await;
}
