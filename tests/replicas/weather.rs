//! Whatever else happens to a store: it becomes read-only, slow or full, its rows are damaged, thousands of changes come at
//! once, and clocks jump.

use crate::{
    counts,
    figures::{say, tally},
    fleet::{ACME, Fleet},
    load::{Kind, Load},
    outage::assert_nothing_lost,
    provider::Provider,
    support::{CATALOGUE, eventually},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::{Duration, Instant};
use tokio::time::sleep;

async fn execute(fleet: &Fleet, sql: &str) {
    let mut connection = PgConnection::connect(&fleet.postgres.direct_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// By a session of another database, to which nothing of it applies.
async fn execute_beside(fleet: &Fleet, sql: &str) {
    let (server, _) = fleet.postgres.direct_url().rsplit_once('/').map(|(s, d)| (s.to_owned(), d.to_owned())).unwrap();
    let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Ends all sessions of the database, as a restart of the server does.
fn end_sessions(database: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
}

fn database(fleet: &Fleet) -> String {
    fleet.postgres.direct_url().rsplit_once('/').unwrap().1.to_owned()
}

#[tokio::test]
async fn a_store_that_takes_no_writes_serves_reads_and_refuses_submissions() {
    let provider = Provider::accepting(&[ACME]).await;
    let Some(fleet) = Fleet::of(2, &provider, 6, &[]).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(60.0, 6));
    sleep(Duration::from_secs(1)).await;
    let name = database(&fleet);

    execute_beside(&fleet, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    execute_beside(&fleet, &end_sessions(&name)).await;
    let began = Instant::now();
    sleep(Duration::from_secs(4)).await;
    let ended = Instant::now();
    execute_beside(&fleet, &format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    execute_beside(&fleet, &end_sessions(&name)).await;
    sleep(Duration::from_secs(6)).await;

    let outcomes = load.end().await;
    let during = || outcomes.iter().filter(|o| o.at > began + Duration::from_millis(500) && o.at + o.took < ended);
    let reads: Vec<_> = during().filter(|o| o.kind != Kind::Submit && o.status != 200).collect();
    assert!(reads.is_empty(), "{:?}", tally(reads));
    let submits: Vec<_> = during().filter(|o| o.kind == Kind::Submit).collect();
    assert!(submits.len() > 3 && submits.iter().all(|o| o.status == 503), "{:?}", tally(submits.iter().copied()));
    let late: Vec<_> = outcomes.iter().filter(|o| o.at > ended + Duration::from_secs(5) && o.status != 200).collect();
    assert!(late.is_empty(), "{:?}", tally(late));
    say(&format!("read-only for 4 s: {:?}", tally(during())));
    assert_nothing_lost(&fleet, &provider, &outcomes).await;
    fleet.end().await;
}

#[tokio::test]
async fn a_store_that_lets_nobody_in_any_more_is_a_store_that_is_gone() {
    let provider = Provider::accepting(&[ACME]).await;
    let Some(fleet) = Fleet::of(2, &provider, 6, &[]).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(60.0, 0));
    sleep(Duration::from_secs(1)).await;
    let name = database(&fleet);

    execute_beside(&fleet, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    execute_beside(&fleet, &end_sessions(&name)).await;
    let stranger = crate::support::Pat::fake();
    eventually("it is noticed", async || fleet.replicas[0].get(&stranger, CATALOGUE).await.status == 503).await;
    sleep(Duration::from_secs(3)).await;
    execute_beside(&fleet, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    for replica in &fleet.replicas {
        eventually("it is back", async || replica.get(&stranger, CATALOGUE).await.status == 401).await;
    }

    let outcomes = load.end().await;
    assert!(outcomes.iter().all(|outcome| outcome.status == 200), "{:?}", tally(&outcomes));
    fleet.end().await;
}

/// More changes than a follower reads at once, one of them damaged, while it is asked all the time.
#[tokio::test]
async fn thousands_of_changes_at_once_are_followed_and_one_that_is_damaged_holds_nobody_up() {
    let provider = Provider::accepting(&[ACME]).await;
    let Some(fleet) = Fleet::of(2, &provider, 8, &[]).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(80.0, 0));
    sleep(Duration::from_secs(1)).await;

    let before = fleet.replicas[1].memory().0;
    execute(
        &fleet,
        "BEGIN; UPDATE head SET seq = seq + 10000; \
         INSERT INTO changes (seq, kind, subject, at) \
         SELECT seq - 10000 + n, 'user', CASE WHEN n % 1000 = 7 THEN 'damaged' ELSE gen_random_uuid()::text END, \
                CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) \
         FROM head, generate_series(1, 10000) AS n; NOTIFY bellhop_changes; COMMIT",
    )
    .await;
    let made = Instant::now();
    let name = "after-them";
    let made_token = fleet.manage(fleet.replicas[0].addresses.admin, "POST", "/tokens", &json!({ "name": name })).await;
    assert_eq!(made_token.status, 201);
    for replica in &fleet.replicas {
        eventually("all of them are followed", async || replica.metric(&["bellhop_followed_change"]).await >= 10_000.0)
            .await;
    }
    let followed = made.elapsed();
    let after = fleet.replicas[1].memory().0;

    let outcomes = load.end().await;
    assert!(outcomes.iter().all(|outcome| outcome.status == 200), "{:?}", tally(&outcomes));
    assert!(after < before + 64 * 1024, "{before} KiB, then {after} KiB");
    say(&format!("10,000 changes at once were followed after {followed:?}; memory {before} KiB, then {after} KiB"));
    fleet.end().await;
}

/// What this replica's clock says is minutes off; nobody is declared dead for it, and nobody loses a job.
#[tokio::test]
async fn clocks_that_are_minutes_apart_declare_nobody_dead() {
    let Some(faketime) = faketime() else {
        eprintln!("skipped: libfaketime is not installed");
        return;
    };
    let provider = Provider::accepting(&[ACME]).await;
    let Some(mut fleet) = Fleet::of(1, &provider, 6, &[]).await else { return };
    for offset in ["+10m", "-10m"] {
        let site = fleet
            .site()
            .environment("LD_PRELOAD", &faketime)
            .environment("FAKETIME", offset)
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let replica = crate::support::Bellhop::start(site).await;
        fleet.replicas.push(replica);
    }
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(60.0, 4));
    provider.hold();
    // Longer than it takes to beat twice, with submissions that are open all the while.
    sleep(counts(Duration::from_secs(12), Duration::from_secs(90))).await;
    provider.release();
    sleep(Duration::from_secs(2)).await;

    let outcomes = load.end().await;
    assert!(outcomes.iter().all(|outcome| outcome.status == 200), "{:?}", tally(&outcomes));
    for replica in &fleet.replicas {
        assert!(!replica.log().contains("of unknown fate"), "{}", replica.log());
    }
    assert_nothing_lost(&fleet, &provider, &outcomes).await;
    fleet.end().await;
}

fn faketime() -> Option<String> {
    let folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime"];
    let found = folders.iter().map(|folder| format!("{folder}/libfaketime.so.1"));
    found.into_iter().find(|path| std::path::Path::new(path).exists())
}
