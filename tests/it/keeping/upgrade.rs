//! A newer Bellhop has opened the store: who runs goes on, who starts is told, and nothing is taken away from either.

use crate::{
    jobs::{
        office::Office,
        place::{Place, on_both},
    },
    support::eventually,
};

const FUTURE: &str = "ALTER TABLE submissions ADD COLUMN colour TEXT; ALTER TABLE things ADD COLUMN colour TEXT; \
    ALTER TABLE tokens ADD COLUMN colour TEXT; CREATE TABLE colours (id BIGINT NOT NULL PRIMARY KEY); \
    INSERT INTO schema_versions (version, applied) VALUES (1000, 0)";

on_both! {
    async fn an_older_bellhop_serves_on_from_a_store_that_was_expanded(place: &Place) {
        let office = Office::open(place).await;
        let before = office.submit(&office.ada).await;

        place.execute(&office.bellhop, FUTURE).await;

        let after = office.submit(&office.ada).await;
        for id in [&before, &after] {
            office.poll(&office.ada, id).await.assert_paid_by("acme", "job");
        }
        office.poll(&office.maud, &after).await.assert_paid_by("acme", "job");
        office.assert_unknown(&crate::support::Ask::get(crate::jobs::office::job(&after)).pat(&office.grace)).await;
        eventually("usage is counted", async || {
            place.number(&office.bellhop, "SELECT COUNT(*) FROM things WHERE ended = 'completed'").await == 2
        })
        .await;
    }
}

on_both! {
    async fn an_older_bellhop_does_not_start_on_a_store_that_is_newer_and_leaves_it_as_it_is(place: &Place) {
        let office = Office::open(place).await;
        place.execute(&office.bellhop, FUTURE).await;

        for command in [&["serve"][..], &["token", "create", "ada", "new"], &["migrate"], &["migrate", "--contract"], &["apply", "state.yaml"]] {
            let run = office.bellhop.run(command).await.assert_code(78);
            for part in ["version 1000", env!("CARGO_PKG_VERSION"), "up to", "newer Bellhop"] {
                assert!(run.err.contains(part), "{command:?}: {}", run.err);
            }
        }

        assert_eq!(place.number(&office.bellhop, "SELECT COUNT(*) FROM tokens").await, 3);
        office.submit(&office.ada).await;
    }
}

on_both! {
    async fn migrating_says_what_is_pending_and_changes_nothing_when_it_is_only_asked(place: &Place) {
        let office = Office::open(place).await;
        let version = place.number(&office.bellhop, "SELECT MAX(version) FROM schema_versions").await;
        office.bellhop.run(&["migrate"]).await.assert_code(0);
        office.bellhop.run(&["migrate", "--contract"]).await.assert_code(0);

        // As an earlier program left it.
        place.execute(&office.bellhop, "DELETE FROM schema_versions WHERE version = 15; ALTER TABLE processes DROP COLUMN master_key").await;
        let told = office.bellhop.run(&["migrate", "--dry-run", "--json"]).await.assert_code(0).json();
        assert_eq!(told["pending"][0]["name"], "0015_master_keys", "{told}");
        assert_eq!(told["pending"][0]["kind"], "expand");
        assert_eq!(told["processes"].as_array().map(Vec::len), Some(1), "{told}");
        assert_eq!(place.number(&office.bellhop, "SELECT COUNT(*) FROM schema_versions").await, version - 1);

        let run = office.bellhop.run(&["migrate"]).await.assert_code(0);
        assert!(run.err.contains("taken: 0015_master_keys"), "{}", run.err);
        assert_eq!(place.number(&office.bellhop, "SELECT COUNT(*) FROM schema_versions").await, version);
    }
}

#[tokio::test]
async fn a_migration_that_is_asked_about_before_there_is_a_store_makes_none() {
    let site = crate::support::Site::empty();

    let run = site.run(&["migrate", "--dry-run"]).await.assert_code(0);

    assert!(run.err.contains("no store yet"), "{}", run.err);
    assert!(!site.data().join("bellhop.db").exists());
}
