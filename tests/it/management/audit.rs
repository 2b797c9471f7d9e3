//! The audit trail: read, exported, and verified against whoever can write to the store.

use super::cast::Cast;
use crate::support::{Ask, Run, Site, eventually};
use bellhop::{
    clock::{Clock, Timestamp},
    store::{Actor, Address, AuditEntry, Store},
    vault::{MasterSource, Vault},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::{os::unix::fs::PermissionsExt, time::Duration};

#[tokio::test]
async fn acts_are_found_by_who_what_whom_and_when_newest_first() {
    let cast = Cast::assemble().await;
    for name in ["one", "two", "three"] {
        cast.token_of_alan(name).await;
    }

    let made = cast.get(&cast.iris, "/audit?action=token.&actor=alan").await.items();

    let subjects: Vec<&str> = made.iter().map(|entry| entry["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["alan/three", "alan/two", "alan/one"]);
    assert_eq!((&made[0]["action"], &made[0]["user"]), (&json!("token.created"), &json!("alan")));
    let first = cast.get(&cast.iris, "/audit?action=token.created&actor=alan&limit=2").await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let rest = format!("/audit?action=token.created&actor=alan&after={}", first["next"].as_str().unwrap());
    assert_eq!(cast.get(&cast.iris, &rest).await.items()[0]["subject"], "alan/one");
    assert_eq!(cast.get(&cast.iris, "/audit?subject=alan/two").await.items().len(), 1);
    assert!(cast.get(&cast.iris, "/audit?to=2020-01-01T00:00:00Z").await.items().is_empty());
    assert!(!cast.get(&cast.iris, "/audit?from=2020-01-01T00:00:00Z&actor=system").await.items().is_empty());
    assert!(cast.get(&cast.iris, "/audit?action=tok%25").await.items().is_empty());
    assert_eq!(cast.get(&cast.alan, "/audit?actor=me").await.items().len(), 3);
    let other = cast.get(&cast.alan, "/audit?actor=grace").await.assert_problem(403, "not-allowed");
    assert_eq!(other, cast.get(&cast.alan, "/audit?actor=nobody").await.assert_problem(403, "not-allowed"));
    cast.get(&cast.iris, "/audit?after=x").await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn an_export_has_every_entry_on_a_line_of_its_own() {
    let mut site = Site::empty();
    for n in 0..230 {
        site.user(&format!("user-{n}"));
    }
    let cast = Cast::at(site).await;
    let ask = Ask::get("/api/v1/audit").header("Authorization", format!("Bearer {}", cast.iris));

    let answer = cast.bellhop.ask_admin(&ask.header("Accept", "application/x-ndjson")).await;

    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let entries: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<i64> = entries.iter().map(|entry| entry["seq"].as_i64().unwrap()).collect();
    let newest = numbers[0];
    assert!(newest > 200, "{newest}");
    assert_eq!(numbers, (1..=newest).rev().collect::<Vec<_>>());
    let there = cast.elsewhere(&cast.iris).run(&["audit", "export"]).await.assert_code(0);
    assert_eq!(there.out.lines().count(), entries.len());
    let listed = cast.bellhop.run(&["audit", "list", "--actor", "command-line", "--limit", "3", "--json"]).await;
    assert_eq!(listed.assert_code(0).json().as_array().unwrap().len(), 3);
}

/// A store with some entries that has been served, so that there are checkpoints of it, and is served no more.
async fn kept() -> Site {
    let mut site = Site::empty();
    for name in ["ada", "grace", "alan"] {
        site.user(name);
    }
    let site = site.serve().await.stop().await;
    assert!(verify(&site).await.assert_code(0).err.contains("intact"));
    site
}

async fn verify(site: &Site) -> Run {
    site.run(&["audit", "verify", "--json"]).await
}

/// As somebody would who can write to the file.
async fn tamper(site: &Site, sql: &str) {
    let file = format!("sqlite://{}", site.data().join("bellhop.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn length(site: &Site) -> i64 {
    let file = format!("sqlite://{}", site.data().join("bellhop.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    let length = sqlx::query_scalar("SELECT MAX(seq) FROM audit").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    length
}

#[track_caller]
fn assert_found(run: Run, kind: &str, entry: i64) {
    let found = run.assert_code(1).json();
    let names = |finding: &Value| finding["kind"] == kind && finding["entry"] == entry;
    assert!(found["findings"].as_array().unwrap().iter().any(names), "{kind} {entry}: {found}");
    assert_eq!(found["intact"], false);
}

#[tokio::test]
async fn an_edit_is_found_and_named() {
    let site = kept().await;
    tamper(&site, "UPDATE audit SET subject = 'eve' WHERE seq = 2").await;
    assert_found(verify(&site).await, "edited", 2);
}

#[tokio::test]
async fn a_deletion_is_found_and_named() {
    let site = kept().await;
    tamper(&site, "DELETE FROM audit WHERE seq = 2").await;
    assert_found(verify(&site).await, "deleted", 2);
}

#[tokio::test]
async fn a_change_of_order_is_found_and_named() {
    let site = kept().await;
    tamper(
        &site,
        "UPDATE audit SET seq = -1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = -1",
    )
    .await;
    let run = verify(&site).await;
    assert_eq!(
        run.json()["findings"].as_array().unwrap().iter().filter(|f| f["kind"] == "moved").count(),
        2,
        "{}",
        run.out
    );
    assert_found(run, "moved", 2);
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_even_where_the_store_says_that_it_is_the_end() {
    let site = kept().await;
    let last = length(&site).await;
    tamper(&site, &format!("DELETE FROM audit WHERE seq = {last}")).await;
    assert_found(verify(&site).await, "cut-off", last);

    tamper(
        &site,
        &format!(
            "UPDATE head SET audit_seq = {}, audit_mac = (SELECT mac FROM audit ORDER BY seq DESC LIMIT 1)",
            last - 1
        ),
    )
    .await;
    assert_found(verify(&site).await, "cut-off", last);

    site.run(&["user", "add", "eve"]).await.assert_code(0);
    assert_found(verify(&site).await, "cut-off", last);
}

#[tokio::test]
async fn checkpoints_that_were_kept_elsewhere_convict_who_removed_those_here() {
    let site = kept().await;
    let (file, last) = (site.data().join("audit-checkpoints"), length(&site).await);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let copy = site.write("copy", std::fs::read(&file).unwrap());
    std::fs::remove_file(&file).unwrap();
    tamper(
        &site,
        &format!(
            "DELETE FROM audit WHERE seq = {last}; \
             UPDATE head SET audit_seq = {}, audit_mac = (SELECT mac FROM audit ORDER BY seq DESC LIMIT 1)",
            last - 1
        ),
    )
    .await;
    verify(&site).await.assert_code(0);

    let log = String::from_utf8(site.logs.lock().unwrap().clone()).unwrap();
    let log = site.write("collected.log", log);
    for anchor in [&copy, &log] {
        let run = site.run(&["audit", "verify", "--json", "--anchor", anchor.to_str().unwrap()]).await;
        assert_found(run, "cut-off", last);
    }
    let forged = std::fs::read_to_string(&copy).unwrap().replace(&format!("\"seq\":{last}"), "\"seq\":1");
    let forged = site.write("forged", forged);
    assert_found(site.run(&["audit", "verify", "--json", "--anchor", forged.to_str().unwrap()]).await, "not-ours", 1);
    let empty = site.write("empty", "no checkpoint\n");
    site.run(&["audit", "verify", "--anchor", empty.to_str().unwrap()]).await.assert_code(1);
}

#[tokio::test]
async fn a_running_bellhop_verifies_for_an_administrator_elsewhere() {
    let cast = Cast::assemble().await;
    let there = cast.elsewhere(&cast.iris);
    let file = cast.bellhop.data().join("audit-checkpoints");
    eventually("there is a checkpoint", async || file.exists()).await;
    let copy = there.write("copy", std::fs::read(file).unwrap());

    let told = there.run(&["audit", "verify", "--anchor", copy.to_str().unwrap()]).await.assert_code(0);

    assert!(told.err.contains("intact") && told.err.contains("checkpoint"), "{}", told.err);
    tamper(&cast.bellhop, "UPDATE audit SET detail = 'x' WHERE seq = 1").await;
    let told = there.run(&["audit", "verify"]).await.assert_code(1);
    assert!(told.out.contains("entry 1 was edited"), "{}", told.out);
    cast.elsewhere(&cast.alan).run(&["audit", "verify"]).await.assert_code(1);
}

const DAY: Duration = Duration::from_secs(86_400);

/// Days ago.
fn ago(days: u32) -> Timestamp {
    Clock::system().now().minus(DAY * days)
}

/// A store that was made a hundred days ago, and in which something was done so many days ago each.
async fn long_ago(days: &[u32]) -> Site {
    let site = Site::empty();
    std::fs::create_dir(site.data()).unwrap();
    let store = Store::open(&Address::parse(None, &site.data()).unwrap()).await.unwrap();
    let vault = Vault::open(&store, MasterSource::File(site.data().join("master.key")), ago(100)).await.unwrap();
    for days in days {
        let mut tx = store.write(vault.signer(), ago(*days)).await.unwrap();
        tx.record(AuditEntry::new(&Actor::System, "test.made", days));
        tx.commit().await.unwrap();
    }
    store.close().await;
    site
}

/// What is on record as done by the stories above, and as taken away since.
async fn trail(site: &Site) -> (Vec<String>, Vec<Value>) {
    let of = async |action| site.run(&["audit", "list", "--action", action, "--json"]).await.assert_code(0).json();
    let made = of("test.made").await.as_array().unwrap().clone();
    let made = made.iter().map(|entry| entry["subject"].as_str().unwrap().to_owned()).collect();
    (made, of("audit.pruned").await.as_array().unwrap().clone())
}

#[tokio::test]
async fn what_is_older_than_it_is_kept_is_taken_away_while_bellhop_serves() {
    let site = long_ago(&[90, 60, 31, 29, 0]).await.set("audit.keep", "30d");
    assert_eq!(trail(&site).await.0, ["0", "29", "31", "60", "90"], "no command takes anything away");
    let bellhop = site.serve().await;

    eventually("the old entries are gone", async || !trail(&bellhop).await.1.is_empty()).await;

    let (made, pruned) = trail(&bellhop).await;
    assert_eq!(made, ["0", "29"]);
    assert_eq!((pruned.len(), &pruned[0]["actor"]), (1, &json!("system")), "{pruned:?}");
    let last = pruned[0]["subject"].as_str().unwrap().parse::<i64>().unwrap();
    assert!(pruned[0]["detail"].as_str().unwrap().starts_with(&format!("{last} entries, up to number {last}")));
    let verified = verify(&bellhop).await.assert_code(0).json();
    assert_eq!((&verified["intact"], &verified["pruned"]), (&json!(true), &json!(last)), "{verified}");
    assert!(bellhop.log().contains("entries of the audit trail that were too old were taken away"));
    // And whoever takes away more is found out.
    let site = bellhop.stop().await;
    tamper(&site, &format!("DELETE FROM audit WHERE seq = {}", last + 1)).await;
    assert_found(verify(&site).await, "deleted", last + 1);
}

#[tokio::test]
async fn without_an_end_to_it_everything_is_kept_and_what_was_changed_is_not_taken_away() {
    let bellhop = long_ago(&[90, 0]).await.serve().await;
    eventually("a checkpoint", async || bellhop.log().contains("audit checkpoint")).await;
    let site = bellhop.stop().await;
    assert_eq!(trail(&site).await, (vec!["0".to_owned(), "90".to_owned()], Vec::new()));
    tamper(&site, "UPDATE audit SET subject = 'eve' WHERE action = 'test.made' AND subject = '90'").await;

    let bellhop = site.set("audit.keep", "30d").serve().await;

    let told = "entries of the audit trail that are too old are still there";
    eventually("it is refused", async || bellhop.log().contains(told)).await;
    assert_eq!(trail(&bellhop).await, (vec!["0".to_owned(), "eve".to_owned()], Vec::new()));
}
