//! Keys are rotated on one machine while another serves, each with a master key file of its own.

use crate::{
    logins::{ADA_SECRET, Guild, guild},
    support::{ADA_KEY, Ask, Bellhop, CATALOGUE, Pat, Site, Upstream, eventually, postgres::Postgres},
};
use sqlx::{Connection, PgConnection};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

/// Two machines on one PostgreSQL; Ada pays at IonQ, and many others too.
struct Pair {
    postgres: Postgres,
    first: Bellhop,
    second: Bellhop,
    ada: Pat,
    others: Vec<Pat>,
    _ionq: Upstream,
}

impl Pair {
    async fn serve() -> Option<Self> {
        let postgres = Postgres::fresh().await?;
        let ionq = Upstream::accepting(&[ADA_KEY]).await;
        let mut site = Site::facing(&ionq).set("store.url", postgres.url());
        let ada = site.user("ada").key(ADA_KEY).pat();
        let others = (0..40).map(|n| site.user(&format!("user-{n}")).key(ADA_KEY).pat()).collect();
        let first = site.serve().await;
        let site = Site::facing(&ionq).set("store.url", postgres.url());
        fs::create_dir_all(site.data()).unwrap();
        let pair = (first, site);
        copy_key(&pair.0, &pair.1);
        let second = Bellhop::start(pair.1).await;
        Some(Self { postgres, first: pair.0, second, ada, others, _ionq: ionq })
    }

    /// Killed when the keys have changed over and nothing is sealed with the new ones yet, as somebody holds the rows.
    async fn cut_a_rotation_short(&self, at: &Site) {
        let mut connection = PgConnection::connect(&self.postgres.direct_url()).await.unwrap();
        let mut holding = connection.begin().await.unwrap();
        sqlx::raw_sql("SELECT * FROM credential_versions FOR UPDATE").execute(&mut *holding).await.unwrap();
        let rotating = at.spawn(&["key", "rotate"]);
        let mut looking = PgConnection::connect(&self.postgres.direct_url()).await.unwrap();
        eventually("the keys have changed over", async || {
            let count = sqlx::query_scalar("SELECT COUNT(*) FROM keys WHERE purpose = 'sealing'");
            let count: i64 = count.fetch_one(&mut looking).await.unwrap();
            count == 2
        })
        .await;
        rotating.kill().await;
        holding.rollback().await.unwrap();
        connection.close().await.unwrap();
        looking.close().await.unwrap();
    }

    async fn end(self) {
        drop(self.first.stop().await);
        drop(self.second.stop().await);
        self.postgres.drop_database().await;
    }
}

fn copy_key(from: &Site, to: &Site) {
    let new = to.data().join("master.key.new");
    fs::copy(from.data().join("master.key"), &new).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, to.data().join("master.key")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotating_on_one_machine_fails_no_request_on_the_other() {
    let Some(pair) = Pair::serve().await else { return };
    let over = AtomicBool::new(false);
    let rotating = async {
        pair.first.run(&["key", "rotate", "--prepare"]).await.assert_code(0);
        let run = pair.first.run(&["key", "rotate"]).await.assert_code(1);
        assert!(run.err.contains("has version 1") && run.err.contains("Copy the file"), "{}", run.err);
        copy_key(&pair.first, &pair.second);
        pair.first.run(&["key", "rotate"]).await.assert_code(0);
        // Once more: by now it is the other's turn.
        pair.second.run(&["key", "rotate", "--prepare"]).await.assert_code(0);
        copy_key(&pair.second, &pair.first);
        pair.cut_a_rotation_short(&pair.second).await;
        let run = pair.first.run(&["key", "rotate"]).await.assert_code(0);
        assert!(run.err.contains("going on with a rotation that was cut short"), "{}", run.err);
        over.store(true, SeqCst);
    };
    let asking = async {
        let mut fresh = pair.others.iter();
        while !over.load(SeqCst) {
            for replica in [&pair.second, &pair.first] {
                replica.get(&pair.ada, CATALOGUE).await.assert_paid_by("me", "own");
                // Nobody has asked for this one here before.
                if let Some(other) = fresh.next() {
                    replica.get(other, CATALOGUE).await.assert_paid_by("me", "own");
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    futures_util::future::join(rotating, asking).await;

    let shown = pair.second.run(&["key", "show", "--json"]).await.assert_code(0).json();
    assert_eq!(shown["master_version"], 3, "{shown}");
    assert_eq!(shown["sealing_keys"].as_array().map(Vec::len), Some(1), "{shown}");
    for other in &pair.others {
        pair.second.get(other, CATALOGUE).await.assert_paid_by("me", "own");
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lacks_the_new_master_key_goes_on_with_what_it_can_open_and_says_what_is_missing() {
    let Some(pair) = Pair::serve().await else { return };
    pair.second.get(&pair.ada, CATALOGUE).await.assert_paid_by("me", "own");

    pair.first.run(&["key", "rotate", "--force"]).await.assert_code(0);

    eventually("it says what is missing", async || {
        pair.second.log().contains("has no version 2, which this store is sealed with since a rotation elsewhere")
    })
    .await;
    pair.second.get(&pair.ada, CATALOGUE).await.assert_paid_by("me", "own");
    let refused = pair.second.get(&pair.others[0], CATALOGUE).await;
    refused.assert_refused("store-unavailable");
    pair.first.get(&pair.others[0], CATALOGUE).await.assert_paid_by("me", "own");

    copy_key(&pair.first, &pair.second);
    eventually("it opens everything", async || pair.second.get(&pair.others[0], CATALOGUE).await.status == 200).await;
    pair.end().await;
}

/// A rotation was cut short before anything was sealed, and somebody begins another on another machine: two keys of one
/// number must not be taken for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_machines_that_each_made_a_version_2_are_told_apart() {
    let Some(pair) = Pair::serve().await else { return };
    pair.first.run(&["key", "rotate", "--prepare"]).await.assert_code(0);
    pair.second.run(&["key", "rotate", "--prepare"]).await.assert_code(0);

    let run = pair.second.run(&["key", "rotate"]).await.assert_code(1);

    assert!(run.err.contains("has another version 2, of another rotation"), "{}", run.err);
    copy_key(&pair.second, &pair.first);
    pair.first.run(&["key", "rotate"]).await.assert_code(0);
    pair.first.get(&pair.others[0], CATALOGUE).await.assert_paid_by("me", "own");
    pair.second.get(&pair.others[1], CATALOGUE).await.assert_paid_by("me", "own");
    pair.end().await;
}

/// Tokens that Bellhop minted and sessions of people outlive a rotation, on whichever machine they are presented.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minted_tokens_and_sessions_outlive_a_rotation_on_both_machines() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let at = Guild::open().await;
    let mut site = at.site().set("store.url", postgres.url());
    let ada = site.user("ada").credential(&guild(ADA_SECRET)).pat();
    let first = site.serve().await;
    let site = at.site().set("store.url", postgres.url());
    fs::create_dir_all(site.data()).unwrap();
    copy_key(&first, &site);
    let second = Bellhop::start(site).await;
    let form = Ask::post("/guild/identity/token").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = first.ask(&form.body(format!("grant_type=whatever&apikey={ada}"))).await;
    let minted = answer.json()["access_token"].as_str().expect("a token").to_owned();

    first.run(&["key", "rotate", "--prepare"]).await.assert_code(0);
    copy_key(&first, &second);
    second.run(&["key", "rotate"]).await.assert_code(0);

    for replica in [&first, &second] {
        let asked = Ask::get("/guild/things").header("Authorization", format!("Bearer {minted}"));
        replica.ask(&asked).await.assert_relayed();
    }
    drop(first.stop().await);
    drop(second.stop().await);
    postgres.drop_database().await;
}
