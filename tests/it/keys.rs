//! The master key and what it seals: a wrong key starts nothing, an edited row pays for nothing, rotation is online.

use crate::support::{
    ACME_KEY, ADA_KEY, Bellhop, Pat, Site, Upstream,
    cast::{ada_at, ada_on},
    eventually,
};
use sqlx::{Connection, SqliteConnection};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

fn contents(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(site.data()).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_starts_nothing_and_changes_nothing() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();
    site.apply().await;
    let key = site.data().join("master.key");
    let right = fs::read_to_string(&key).unwrap();
    let other = Site::empty();
    other.apply().await;
    let wrong = fs::read_to_string(other.data().join("master.key")).unwrap();

    for replacement in [Some(wrong.as_str()), Some("nonsense"), Some(""), None] {
        match replacement {
            Some(text) => write_private(&key, text),
            None => fs::remove_file(&key).unwrap(),
        }
        let before = contents(&site);
        for command in [&["serve"][..], &["key", "check"], &["token", "create", "ada", "new"]] {
            let run = site.run(command).await.assert_code(78);
            assert!(run.err.contains("master key") || run.err.contains("master.key"), "{}", run.err);
        }
        assert_eq!(contents(&site).get(&key), before.get(&key), "no key is made for a store that has one");
    }
    write_private(&key, &right);
    site.run(&["key", "check"]).await.assert_code(0);
    let tokens = site.run(&["token", "list", "ada", "--json"]).await.assert_code(0).json();
    assert_eq!(tokens.as_array().map(Vec::len), Some(1), "nothing was made meanwhile: {tokens}");
}

#[tokio::test]
async fn the_master_key_may_come_from_the_environment() {
    let made = Site::empty();
    made.apply().await;
    let key = fs::read_to_string(made.data().join("master.key")).unwrap();
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq).set("master_key.env", "THE_KEY").environment("THE_KEY", &key);

    let (bellhop, ada) = ada_on(site).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert!(!bellhop.data().join("master.key").exists());
}

#[tokio::test]
async fn a_master_key_that_others_can_read_is_refused() {
    let site = Site::empty();
    site.apply().await;
    let key = site.data().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();

    let run = site.run(&["serve"]).await.assert_code(78);

    assert!(run.err.contains("chmod 600"), "{}", run.err);
}

#[tokio::test]
async fn rotation_under_traffic_fails_no_request() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_at(&ionq).await;
    let before = fs::read(bellhop.data().join("master.key")).unwrap();
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");

    let (_, ()) = futures_util::future::join(async { bellhop.run(&["key", "rotate"]).await.assert_code(0) }, async {
        for _ in 0..30 {
            bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
        }
    })
    .await;

    assert_ne!(fs::read(bellhop.data().join("master.key")).unwrap(), before);
    // What was not cached is opened with the new keys, and what is sealed from now on as well.
    let grace = bellhop.user("grace").key(ADA_KEY).pat();
    bellhop.apply().await;
    eventually("Grace is served", async || bellhop.get(&grace, JOB).await.status == 200).await;
    let site = bellhop.stop().await;
    let bellhop = Bellhop::start(site).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    bellhop.get(&grace, JOB).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_rotation_that_was_killed_goes_on() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    for n in 0..60 {
        site.user(&format!("user-{n}")).key(ADA_KEY);
    }
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.apply().await;

    for millis in [5, 20, 40, 60, 90] {
        site.kill_after(&["key", "rotate"], std::time::Duration::from_millis(millis)).await;
        site.run(&["key", "check"]).await.assert_code(0);
    }
    site.run(&["key", "rotate"]).await.assert_code(0);

    let bellhop = Bellhop::start(site).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
}

/// Changes rows behind Bellhop's back.
async fn edit(site: &Site, statement: &'static str) {
    let database = fs::read_dir(site.data()).unwrap().map(|entry| entry.unwrap().path());
    let mut database = database.filter(|path| fs::read(path).unwrap().starts_with(b"SQLite format 3"));
    let database = database.next().unwrap();
    let mut connection = SqliteConnection::connect(database.to_str().unwrap()).await.unwrap();
    let done = sqlx::query(statement).execute(&mut connection).await.unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
    connection.close().await.unwrap();
}

async fn assert_pays_nothing(edited: &'static str) {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada: Pat = site.user("ada").pat();
    site.user("grace").key(ADA_KEY);
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    site.apply().await;
    edit(&site, edited).await;
    let bellhop = Bellhop::start(site).await;

    let answer = bellhop.get(&ada, JOB).await;

    assert!(answer.header("bellhop-refusal").is_some(), "{} {}", answer.status, answer.text());
    ionq.assert_untouched();
    eventually("the operator is told", async || bellhop.log().contains("\"level\":\"ERROR\"")).await;
}

#[tokio::test]
async fn a_seal_with_a_changed_byte_pays_for_nothing() {
    assert_pays_nothing(
        "UPDATE credential_versions SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)",
    )
    .await;
}

#[tokio::test]
async fn a_seal_of_another_credential_pays_for_nothing() {
    assert_pays_nothing(
        "UPDATE credential_versions AS v SET sealed = (SELECT o.sealed FROM credential_versions AS o \
         WHERE o.credential_id <> v.credential_id) \
         WHERE credential_id = (SELECT id FROM credentials WHERE organization_id IS NOT NULL)",
    )
    .await;
}

#[tokio::test]
async fn a_credential_that_was_given_to_somebody_else_pays_for_nothing() {
    assert_pays_nothing(
        "UPDATE credentials SET user_id = (SELECT id FROM users WHERE name = 'ada'), organization_id = NULL \
         WHERE organization_id IS NOT NULL",
    )
    .await;
}
