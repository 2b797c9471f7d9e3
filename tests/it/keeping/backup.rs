//! A copy of the store, and the store out of a copy: nothing that ended comes back unless somebody says so.

use crate::{
    jobs::{
        office::{Office, hesitating},
        place::Place,
    },
    support::{
        ADA_KEY, Ask, Bellhop, CATALOGUE, Pat, Run, Site, Upstream, cast::ada_at, eventually, postgres::Postgres,
    },
};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

async fn back_up(site: &Site, name: &str) -> PathBuf {
    let file = site.path(name);
    site.run(&["backup", file.to_str().unwrap()]).await.assert_code(0);
    file
}

async fn restore(site: &Site, file: &Path, more: &[&str]) -> Run {
    site.run(&[&["restore", file.to_str().unwrap()], more].concat()).await
}

fn copy_key(from: &Site, to: &Site) {
    fs::create_dir_all(to.data()).unwrap();
    fs::copy(from.data().join("master.key"), to.data().join("master.key")).unwrap();
    fs::set_permissions(to.data().join("master.key"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_made_under_load_serves_on_another_machine() {
    let office = Office::open(&Place::Sqlite).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(office.submit(&office.ada).await);
    }
    let over = AtomicBool::new(false);
    let (file, ()) = futures_util::future::join(
        async {
            let file = back_up(&office.bellhop, "first.backup").await;
            over.store(true, SeqCst);
            file
        },
        async {
            while !over.load(SeqCst) {
                office.submit(&office.grace).await;
            }
        },
    )
    .await;

    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read(&file).unwrap().starts_with(b"SQLite format 3"), "sqlite3 reads it in an emergency");
    let again = office.bellhop.run(&["backup", file.to_str().unwrap()]).await.assert_code(1);
    assert!(again.err.contains("nothing is written over"), "{}", again.err);
    assert_eq!(
        names(file.parent().unwrap()).iter().filter(|name| name.contains("first.backup")).count(),
        1,
        "no draft"
    );

    let elsewhere = Site::facing(&office.ionq);
    copy_key(&office.bellhop, &elsewhere);
    let refused = restore(&elsewhere, &file, &["--revoked", "keep"]).await.assert_code(1);
    assert!(refused.err.contains("there is no store here that would know"), "{}", refused.err);
    restore(&elsewhere, &file, &[]).await.assert_code(2);
    assert!(!elsewhere.data().join("bellhop.db").exists());
    restore(&elsewhere, &file, &["--revoked", "restore"]).await.assert_code(0);
    elsewhere.run(&["audit", "verify"]).await.assert_code(0);
    let elsewhere = Bellhop::start(elsewhere).await;
    for id in &ids {
        elsewhere.get(&office.ada, &crate::jobs::office::job(id)).await.assert_paid_by("acme", "job");
    }
    let listed = elsewhere.run(&["audit", "list", "--action", "backup.", "--json"]).await.assert_code(0).json();
    assert_eq!(listed[0]["action"], "backup.restored", "{listed}");
    assert_eq!(listed[1]["action"], "backup.made", "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_spool_has_is_in_the_backup() {
    let (ionq, gate) = hesitating().await;
    let office = Office::facing(&Place::Sqlite, ionq).await;
    let mut line = office.bellhop.connect().await;
    line.send(Ask::post(crate::jobs::office::JOBS).pat(&office.ada).json(&json!({})).bytes("bellhop")).await;
    office.ionq.until_requests(1).await;
    let outage = Place::Sqlite.fail(&office.bellhop).await;
    gate.add_permits(1);
    line.answer().await.assert_paid_by("acme", "organization");
    let site = office.bellhop.kill().await;
    outage.end().await;

    let file = back_up(&site, "spooled.backup").await;

    let elsewhere = Site::facing(&office.ionq);
    copy_key(&site, &elsewhere);
    restore(&elsewhere, &file, &["--revoked", "restore"]).await.assert_code(0);
    let elsewhere = Bellhop::start(elsewhere).await;
    elsewhere.get(&office.ada, &crate::jobs::office::job("job-1")).await.assert_paid_by("acme", "job");
}

/// Ada's other token, Grace, what pays for acme, Maud's role and Alan's password: each ended or changed since the backup.
struct Since {
    site: Site,
    file: PathBuf,
    lost: Pat,
    laptop: Pat,
    grace: Pat,
    maud: Pat,
    ionq: Upstream,
}

async fn much_has_ended_since() -> Since {
    let ionq = Upstream::accepting(&[ADA_KEY, "fake-new-ionq-key-canary"]).await;
    let mut site = Site::facing(&ionq);
    let laptop = site.user("ada").key(ADA_KEY).pat();
    let lost = site.user("ada").pat_with("lost", &json!({}));
    let grace = site.user("grace").key(ADA_KEY).pat();
    let maud = site.user("maud").key(ADA_KEY).pat();
    site.organization("acme").member("maud", "owner").member("ada", "owner");
    let bellhop = site.serve().await;
    let file = back_up(&bellhop, "before.backup").await;
    for command in [
        &["token", "revoke", "ada", "lost"][..],
        &["user", "disable", "grace"],
        &["org", "member", "remove", "acme", "maud"],
        &["user", "add", "eve"],
    ] {
        bellhop.run(command).await.assert_code(0);
    }
    let mut site = bellhop.stop().await;
    site.user("maud").key("fake-new-ionq-key-canary");
    site.state.without_user("grace");
    site.state.0["users"].as_array_mut().unwrap().iter_mut().for_each(|user| {
        user.as_object_mut().unwrap().remove("tokens");
    });
    site.state.0.as_object_mut().unwrap().remove("organizations");
    site.apply().await;
    Since { site, file, lost, laptop, grace, maud, ionq }
}

#[tokio::test]
async fn without_a_choice_a_restore_tells_by_name_what_would_come_back_and_changes_nothing() {
    let Since { site, file, .. } = much_has_ended_since().await;
    let before = site.run(&["audit", "export"]).await.assert_code(0).out;

    let run = restore(&site, &file, &["--replace"]).await.assert_code(2);

    for part in ["ada/lost", "grace", "acme/maud", "ionq/", "user.added", "--revoked keep", "nothing was changed"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let refused = restore(&site, &file, &["--revoked", "keep"]).await.assert_code(2);
    assert!(refused.err.contains("--replace"), "{}", refused.err);
    assert_eq!(site.run(&["audit", "export"]).await.assert_code(0).out, before);
    assert!(names(&site.data()).iter().all(|name| !name.contains("restoring")), "{:?}", names(&site.data()));
}

#[tokio::test]
async fn what_ended_since_the_backup_stays_ended_when_it_is_kept() {
    let Since { site, file, lost, laptop, grace, maud, ionq: _ionq } = much_has_ended_since().await;

    let run = restore(&site, &file, &["--replace", "--revoked", "keep"]).await.assert_code(0);

    assert!(run.err.contains("kept as"), "{}", run.err);
    assert_eq!(names(&site.data()).iter().filter(|name| name.starts_with("bellhop.db.replaced-")).count(), 1);
    site.run(&["audit", "verify"]).await.assert_code(0);
    let members = site.run(&["org", "show", "acme", "--json"]).await.assert_code(0);
    assert!(!members.out.contains("maud"), "{}", members.out);
    let bellhop = Bellhop::start(site).await;
    bellhop.get(&laptop, CATALOGUE).await.assert_paid_by("me", "own");
    bellhop.get(&lost, CATALOGUE).await.assert_refused("unknown-token");
    bellhop.get(&grace, CATALOGUE).await.assert_refused("unknown-token");
    // Whose key was replaced since: the old one pays for nothing.
    assert_ne!(bellhop.get(&maud, CATALOGUE).await.status, 200);
}

#[tokio::test]
async fn everything_is_as_it_was_when_that_is_chosen_and_nothing_of_it_when_all_is_revoked() {
    let Since { site, file, lost, laptop, grace, ionq: _ionq, .. } = much_has_ended_since().await;
    restore(&site, &file, &["--replace", "--revoked", "restore"]).await.assert_code(0);
    let bellhop = Bellhop::start(site).await;
    for pat in [&lost, &laptop, &grace] {
        bellhop.get(pat, CATALOGUE).await.assert_paid_by("me", "own");
    }
    let site = bellhop.stop().await;

    restore(&site, &file, &["--replace", "--revoked", "all"]).await.assert_code(0);

    let bellhop = Bellhop::start(site).await;
    for pat in [&lost, &laptop, &grace] {
        bellhop.get(pat, CATALOGUE).await.assert_refused("unknown-token");
    }
}

#[tokio::test]
async fn a_store_that_is_used_is_not_replaced() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let file = back_up(&bellhop, "some.backup").await;

    let run = restore(&bellhop, &file, &["--replace", "--revoked", "restore"]).await.assert_code(1);

    assert!(run.err.contains("is in use"), "{}", run.err);
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn what_is_no_whole_backup_of_this_store_changes_nothing() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();
    site.apply().await;
    let file = back_up(&site, "whole.backup").await;
    let whole = fs::read(&file).unwrap();
    let elsewhere = Site::empty();
    copy_key(&site, &elsewhere);
    let middle = whole.len() / 2;
    let line = whole.iter().rposition(|byte| *byte == b'{').unwrap();
    let text = String::from_utf8(whole[line..].to_vec()).unwrap();
    let with_line = |text: &str| [&whole[..line], text.as_bytes()].concat();
    let audit = text.split("\"audit\":").nth(1).unwrap().split(',').next().unwrap();
    let schema = text.split("\"schema\":").nth(1).unwrap().split(',').next().unwrap();
    for (bytes, code, part) in [
        (whole[..middle].to_vec(), 1, "was cut off"),
        (whole[..whole.len() - 1].to_vec(), 1, "was cut off"),
        (Vec::new(), 1, "was cut off"),
        ([&whole[..middle], &[whole[middle] ^ 1], &whole[middle + 1..]].concat(), 1, "was edited or damaged"),
        (with_line(&text.replace(&format!("\"audit\":{audit}"), "\"audit\":1")), 1, "was edited"),
        (with_line(&text.replace(&format!("\"schema\":{schema}"), "\"schema\":1000")), 78, "version 1000"),
    ] {
        let edited = elsewhere.write("edited.backup", bytes);
        let run = restore(&elsewhere, &edited, &["--revoked", "restore"]).await.assert_code(code);
        assert!(run.err.contains(part), "{part}: {}", run.err);
        assert!(!elsewhere.data().join("bellhop.db").exists(), "{part}");
    }
    let other = Site::empty();
    other.apply().await;
    copy_key(&other, &elsewhere);
    let run = restore(&elsewhere, &file, &["--revoked", "restore"]).await.assert_code(78);
    assert!(run.err.contains("is not the one that this store is sealed with"), "{}", run.err);
    fs::remove_file(elsewhere.data().join("master.key")).unwrap();
    restore(&elsewhere, &file, &["--revoked", "restore"]).await.assert_code(78);
    assert!(!elsewhere.data().join("master.key").exists(), "no key is made for a store that has one");
}

#[tokio::test]
async fn a_store_that_was_set_back_by_hand_is_not_served_before_somebody_has_chosen() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let site = bellhop.stop().await;
    let (store, copy) = (site.data().join("bellhop.db"), site.path("copy.db"));
    fs::copy(&store, &copy).unwrap();
    let bellhop = Bellhop::start(site).await;
    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    let site = bellhop.stop().await;
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(site.data().join(format!("bellhop.db{end}")));
    }
    fs::copy(&copy, &store).unwrap();

    for command in ["serve", "check"] {
        let run = site.run(&[command]).await.assert_code(78);
        assert!(run.err.contains("the store was set back") && run.err.contains("--settle"), "{}", run.err);
    }
    let run = site.run(&["restore", "--settle"]).await;
    assert!(run.code == Some(2) || run.err.contains("a minute after it was seen last"), "{}", run.err);
    site.run(&["serve"]).await.assert_code(78);
    let place = Place::Sqlite;
    place.execute(&site, "DELETE FROM processes").await;
    site.run(&["restore", "--settle"]).await.assert_code(2);
    site.run(&["restore", "--settle", "--revoked", "keep"]).await.assert_code(2);
    site.run(&["restore", "--settle", "--revoked", "all"]).await.assert_code(0);

    let bellhop = Bellhop::start(site).await;
    bellhop.get(&ada, CATALOGUE).await.assert_refused("unknown-token");
}

/// What point-in-time recovery does, by hand: the newest entries are gone, and the head is where it was.
const SET_BACK: &str = "DELETE FROM audit WHERE seq > 2; DELETE FROM changes WHERE seq > 1; DELETE FROM processes; \
    UPDATE tokens SET revoked = NULL, revoked_by = NULL; \
    UPDATE head SET seq = 1, audit_seq = 2, audit_mac = (SELECT mac FROM audit WHERE seq = 2)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_was_set_back_is_noticed_by_who_runs_and_refused_by_who_starts() {
    let Some(postgres) = Postgres::fresh().await else { return };
    let place = Place::Postgres(postgres);
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = place.hold(Site::facing(&ionq));
    let ada = site.user("ada").key(ADA_KEY).pat();
    let bellhop = site.serve().await;
    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    eventually("it is revoked", async || bellhop.get(&ada, CATALOGUE).await.status == 401).await;
    let bellhop = Bellhop::start(bellhop.stop().await).await;
    let beside = place.hold(Site::facing(&ionq));
    copy_key(&bellhop, &beside);
    fs::copy(bellhop.data().join("audit-checkpoints"), beside.data().join("audit-checkpoints")).unwrap();

    place.execute(&bellhop, SET_BACK).await;

    eventually("who runs says so", async || bellhop.log().contains("the store was set back while this process ran"))
        .await;
    let site = bellhop.stop().await;
    let run = site.run(&["serve"]).await.assert_code(78);
    assert!(run.err.contains("the store was set back"), "{}", run.err);
    place.execute(&site, "DELETE FROM processes").await;
    let told = site.run(&["restore", "--settle"]).await.assert_code(2);
    assert!(told.err.contains("--revoked all"), "{}", told.err);
    beside.run(&["check"]).await.assert_code(78);
    site.run(&["restore", "--settle", "--revoked", "all"]).await.assert_code(0);
    // What its own checkpoints hold against the store has been answered.
    beside.run(&["check"]).await.assert_code(0);
    let bellhop = Bellhop::start(site).await;
    bellhop.get(&ada, CATALOGUE).await.assert_refused("unknown-token");
    drop(bellhop.stop().await);
    place.remove().await;
}
