//! Several Bellhops on one PostgreSQL, and a PostgreSQL that goes away: nobody is called invalid, everything comes back.

use crate::support::{
    ADA_KEY, Bellhop, CATALOGUE, Pat, Site, Upstream, eventually, postgres::Postgres, soon::eventually_within,
};
use std::time::{Duration, Instant};

const GRACE_KEY: &str = "fake-grace-ionq-key-canary";

async fn served_from(postgres: &Postgres, ionq: &Upstream, max_stale: &str) -> (Bellhop, Pat, Pat) {
    let mut site = Site::facing(ionq).set("store.url", postgres.url()).set("store.max_stale", max_stale);
    let ada = site.user("ada").key(ADA_KEY).pat();
    let grace = site.user("grace").key(GRACE_KEY).pat();
    let bellhop = site.serve().await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    (bellhop, ada, grace)
}

async fn end(bellhop: Bellhop, postgres: Postgres) {
    drop(bellhop.stop().await);
    postgres.drop_database().await;
}

#[tokio::test]
async fn known_callers_go_on_while_postgres_is_gone_and_everything_recovers() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let ionq = Upstream::accepting(&[ADA_KEY, GRACE_KEY]).await;
    let (bellhop, ada, grace) = served_from(&postgres, &ionq, "5m").await;

    postgres.cut();
    eventually("the outage is noticed", async || bellhop.get(&Pat::fake(), CATALOGUE).await.status == 503).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
        bellhop.get(&grace, CATALOGUE).await.assert_refused("store-unavailable");
        bellhop.get(&Pat::fake(), CATALOGUE).await.assert_refused("store-unavailable");
        assert_eq!(bellhop.admin("/readyz").await.status, 200);
    }

    postgres.restore();
    eventually_within(Duration::from_secs(5), "Grace is served", async || {
        bellhop.get(&grace, CATALOGUE).await.status == 200
    })
    .await;
    bellhop.get(&Pat::fake(), CATALOGUE).await.assert_refused("unknown-token");
    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    eventually_within(Duration::from_secs(2), "the revocation is followed", async || {
        bellhop.get(&ada, CATALOGUE).await.status == 401
    })
    .await;
    end(bellhop, postgres).await;
}

#[tokio::test]
async fn a_postgres_that_answers_nothing_holds_nobody_up_for_long() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada, grace) = served_from(&postgres, &ionq, "5m").await;

    postgres.go_dead();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(12) {
        let asked = Instant::now();
        bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
        assert!(asked.elapsed() < Duration::from_secs(2), "Ada waited {:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let asked = Instant::now();
    bellhop.get(&grace, CATALOGUE).await.assert_refused("store-unavailable");
    assert!(asked.elapsed() < Duration::from_secs(8), "Grace waited {:?}", asked.elapsed());

    postgres.restore();
    eventually("everybody is served again", async || bellhop.get(&Pat::fake(), CATALOGUE).await.status == 401).await;
    end(bellhop, postgres).await;
}

#[tokio::test]
async fn connections_that_lead_nowhere_any_more_are_noticed() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let ionq = Upstream::accepting(&[ADA_KEY, GRACE_KEY]).await;
    let (bellhop, ada, grace) = served_from(&postgres, &ionq, "5m").await;

    postgres.strand();

    eventually("Grace is served", async || bellhop.get(&grace, CATALOGUE).await.status == 200).await;
    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    eventually("changes are followed", async || bellhop.get(&ada, CATALOGUE).await.status == 401).await;
    end(bellhop, postgres).await;
}

#[tokio::test]
async fn after_max_stale_nobody_is_served_until_postgres_is_back() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada, _) = served_from(&postgres, &ionq, "1s").await;

    postgres.cut();
    eventually("Ada is served no more", async || bellhop.get(&ada, CATALOGUE).await.status == 503).await;
    bellhop.get(&ada, CATALOGUE).await.assert_refused("store-unavailable");
    eventually("it is not ready", async || bellhop.admin("/readyz").await.status == 503).await;

    postgres.restore();
    eventually_within(Duration::from_secs(5), "Ada is served", async || {
        bellhop.get(&ada, CATALOGUE).await.status == 200
    })
    .await;
    eventually("it is ready", async || bellhop.admin("/readyz").await.status == 200).await;
    end(bellhop, postgres).await;
}

#[tokio::test]
async fn a_change_during_an_outage_is_in_force_when_it_ends() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada, _) = served_from(&postgres, &ionq, "5m").await;
    let mut elsewhere = Site::facing(&ionq).set("store.url", postgres.direct_url());
    elsewhere.reconfigure("master_key.file", bellhop.data().join("master.key").to_str().unwrap());

    postgres.cut();
    eventually("the outage is noticed", async || bellhop.get(&Pat::fake(), CATALOGUE).await.status == 503).await;
    elsewhere.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    postgres.restore();

    eventually_within(Duration::from_secs(5), "the token is revoked", async || {
        bellhop.get(&ada, CATALOGUE).await.status == 401
    })
    .await;
    end(bellhop, postgres).await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_every_replica() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (first, ada, _) = served_from(&postgres, &ionq, "5m").await;
    let mut site = Site::facing(&ionq).set("store.url", postgres.url());
    site.reconfigure("master_key.file", first.data().join("master.key").to_str().unwrap());
    let second = Bellhop::start(site).await;
    second.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");

    first.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    for replica in [&first, &second] {
        eventually_within(Duration::from_secs(2), "the replica refuses", async || {
            replica.get(&ada, CATALOGUE).await.status == 401
        })
        .await;
    }
    drop(second.stop().await);
    end(first, postgres).await;
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_an_error_at_start() {
    let site = Site::empty().set("store.url", "postgres://bellhop:fake-password-canary@127.0.0.1:1/bellhop");

    let run = site.run(&["serve"]).await.assert_code(1);

    assert!(run.err.contains("store"), "{}", run.err);
}
