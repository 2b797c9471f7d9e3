//! The audit trail: read, exported, and verified against whoever can write to the store.

use super::cast::Cast;
use crate::support::{Ask, Run, Site, eventually};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::os::unix::fs::PermissionsExt;

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
