//! The store is gone: known callers go on for a while, unknown ones are told to come back, nobody is called invalid.

use crate::support::{
    ADA_KEY, Ask, Bellhop, CATALOGUE, Pat, Site, Upstream, cast::ada_on, eventually, state::ionq as ionq_key,
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// The database and its log, broken under the running process as a failing disk breaks them, and as they were.
struct Outage(Vec<(PathBuf, Vec<u8>)>, PathBuf);

impl Outage {
    fn begin(bellhop: &Bellhop) -> Self {
        let [database, log, index] =
            ["bellhop.db", "bellhop.db-wal", "bellhop.db-shm"].map(|name| bellhop.data().join(name));
        let files = [database, log].map(|path| (path.clone(), fs::read(path).unwrap()));
        for (path, bytes) in &files {
            overwrite(path, &vec![0xAA; bytes.len()]);
        }
        forget_pages(&index);
        Self(files.into(), index)
    }

    fn end(self) {
        for (path, bytes) in &self.0 {
            overwrite(path, bytes);
        }
        forget_pages(&self.1);
    }
}

/// In place: the process keeps its open files.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// Makes every connection read the files again, by a new change counter in the log's index (SQLite's "WAL-Index
/// Format", §2.1: two copies of 48 bytes, the last 8 of them a checksum).
fn forget_pages(index: &Path) {
    let bytes = fs::read(index).unwrap();
    let word = |at: usize| u32::from_ne_bytes(bytes[at * 4..at * 4 + 4].try_into().unwrap());
    let mut words: Vec<u32> = (0..10).map(word).collect();
    words[2] = words[2].wrapping_add(1);
    let (mut first, mut second) = (0_u32, 0_u32);
    for pair in words.chunks(2) {
        first = first.wrapping_add(pair[0]).wrapping_add(second);
        second = second.wrapping_add(pair[1]).wrapping_add(first);
    }
    words.extend([first, second]);
    let header: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    overwrite(index, &[&header[..], &header[..]].concat());
}

async fn two_at(ionq: &Upstream, max_stale: &str) -> (Bellhop, Pat, Pat) {
    let mut site = Site::facing(ionq).set("store.max_stale", max_stale);
    let grace = site.user("grace").key("fake-grace-ionq-key-canary").pat();
    let (bellhop, ada) = ada_on(site).await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    (bellhop, ada, grace)
}

#[tokio::test]
async fn known_callers_go_on_and_unknown_ones_are_told_to_come_back() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada, grace) = two_at(&ionq, "5m").await;

    let outage = Outage::begin(&bellhop);
    eventually("the outage is noticed", async || bellhop.get(&Pat::fake(), CATALOGUE).await.status == 503).await;

    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    for pat in [&grace, &Pat::fake()] {
        let answer = bellhop.get(pat, CATALOGUE).await;
        answer.assert_refused("store-unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    bellhop.get(&grace, CATALOGUE).await.assert_refused("store-unavailable");
    assert_eq!(bellhop.admin("/readyz").await.status, 200);
    outage.end();
}

#[tokio::test]
async fn a_malformed_token_is_known_to_be_bad_without_the_store() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ..) = two_at(&ionq, "5m").await;

    let outage = Outage::begin(&bellhop);
    eventually("the outage is noticed", async || bellhop.get(&Pat::fake(), CATALOGUE).await.status == 503).await;

    let bad = Ask::get(CATALOGUE).header("Authorization", format!("apiKey {}x", &Pat::fake().as_str()[..39]));
    bellhop.ask(&bad).await.assert_refused("unknown-token");
    outage.end();
}

#[tokio::test]
async fn after_max_stale_nobody_is_served_and_readiness_says_so() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada, _) = two_at(&ionq, "1s").await;

    let outage = Outage::begin(&bellhop);

    eventually("Ada is served no more", async || bellhop.get(&ada, CATALOGUE).await.status == 503).await;
    bellhop.get(&ada, CATALOGUE).await.assert_refused("store-unavailable");
    eventually("it is not ready", async || bellhop.admin("/readyz").await.status == 503).await;
    outage.end();
}

#[tokio::test]
async fn everything_recovers_by_itself() {
    let ionq = Upstream::accepting(&[ADA_KEY, "fake-grace-ionq-key-canary"]).await;
    let (bellhop, ada, grace) = two_at(&ionq, "5m").await;
    let outage = Outage::begin(&bellhop);
    eventually("the outage is noticed", async || bellhop.get(&grace, CATALOGUE).await.status == 503).await;

    outage.end();

    eventually("Grace is served", async || bellhop.get(&grace, CATALOGUE).await.status == 200).await;
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    bellhop.get(&Pat::fake(), CATALOGUE).await.assert_refused("unknown-token");
    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    eventually("changes are followed again", async || bellhop.get(&ada, CATALOGUE).await.status == 401).await;
}

#[tokio::test]
async fn a_stampede_of_unknown_callers_is_turned_away_quickly() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada, _) = two_at(&ionq, "5m").await;
    let outage = Outage::begin(&bellhop);
    eventually("the outage is noticed", async || bellhop.get(&Pat::fake(), CATALOGUE).await.status == 503).await;

    let strangers = (0..100).map(async |_| bellhop.get(&Pat::fake(), CATALOGUE).await.status);
    let statuses = futures_util::future::join_all(strangers).await;

    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    outage.end();
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_an_error_at_start_and_stays_as_it_is() {
    let mut site = Site::empty();
    site.user("ada").credential(&ionq_key(ADA_KEY)).pat();
    site.apply().await;
    let database = site.data().join("bellhop.db");
    fs::write(&database, "this is no database, and must not be taken for an empty one".repeat(100)).unwrap();
    let before = fs::read(&database).unwrap();

    let run = site.run(&["serve"]).await;

    assert!(matches!(run.code, Some(1 | 78)), "{run:?}");
    assert_eq!(fs::read(&database).unwrap(), before);
}
