//! `bellhop apply`: the store agrees with the file, all of it or nothing, and tokens are shown once.

use crate::support::{
    ADA_KEY, Bellhop, OPTICS_KEY, Pat, Site, Upstream,
    cast::ada_at,
    eventually,
    state::{ionq as ionq_key, with},
};
use serde_json::{Value, json};
use std::fs;

const JOB: &str = "/ionq/v0.4/jobs/job-1";

async fn listed(site: &Site, what: &str) -> Value {
    site.run(&[what, "list", "--json"]).await.assert_code(0).json()
}

#[tokio::test]
async fn a_new_token_is_printed_once_and_nothing_else_is() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.state.0 =
        json!({ "users": [{ "name": "ada", "tokens": [{ "name": "laptop" }], "credentials": [ionq_key(ADA_KEY)] }] });

    let first = site.apply().await;
    let second = site.apply().await;

    let line: Value = serde_json::from_str(&first.out).expect("one JSON line");
    assert_eq!((&line["user"], &line["token"]), (&json!("ada"), &json!("laptop")));
    assert_eq!(line.as_object().unwrap().len(), 3);
    assert_eq!(second.out, "");
    let ada = Pat::printed(line["value"].as_str().unwrap());
    Bellhop::start(site).await.get(&ada, JOB).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn applying_twice_changes_nothing() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).active("acme").project("thesis", &ionq_key(OPTICS_KEY)).pat();
    site.organization("acme")
        .key(ADA_KEY)
        .member("ada", "owner")
        .project("optics", &["ada"])
        .project_key("optics", OPTICS_KEY);
    site.apply().await;
    let before = (listed(&site, "token").await, listed(&site, "credential").await);

    site.apply().await;

    assert_eq!((listed(&site, "token").await, listed(&site, "credential").await), before);
}

#[tokio::test]
async fn a_dry_run_only_says_what_would_change() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();
    site.apply().await;
    let before = (listed(&site, "user").await, listed(&site, "token").await, listed(&site, "credential").await);

    site.user("grace").pat();
    site.user("ada").key(OPTICS_KEY).without_pat("laptop");
    let dry = site.try_apply(&["--dry-run", "--prune"]).await.assert_code(0);

    assert!(dry.err.contains("grace"), "{}", dry.err);
    assert_eq!(dry.out, "");
    assert_eq!((listed(&site, "user").await, listed(&site, "token").await, listed(&site, "credential").await), before);
}

#[tokio::test]
async fn a_dry_run_on_nothing_makes_nothing() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();

    site.try_apply(&["--dry-run"]).await.assert_code(0);

    assert_eq!(listed(&site, "user").await, json!([]));
}

#[tokio::test]
async fn prune_removes_what_apply_made_and_leaves_what_hands_made() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();
    site.user("grace").pat();
    site.apply().await;
    site.run(&["user", "add", "alan"]).await.assert_code(0);
    site.run(&["token", "create", "ada", "by-hand"]).await.assert_code(0);
    site.state.without_user("grace");
    site.user("ada").without_pat("laptop");

    site.apply().await;
    assert_eq!(listed(&site, "user").await.as_array().unwrap().len(), 3, "nothing goes without --prune");
    site.try_apply(&["--prune"]).await.assert_code(0);

    let names = |list: &Value| {
        list.as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&listed(&site, "user").await), ["ada", "alan"]);
    assert_eq!(names(&listed(&site, "token").await), ["by-hand"]);
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing_and_says_where() {
    let site = Site::empty();
    site.apply().await;
    for (text, place) in [
        ("users:\n  - name: ada\n  - name: \"no name\"\n", "state.yaml:3:11"),
        ("users:\n  - name: ada\n    tokns: []\n", "state.yaml:3:5"),
        ("users:\n  - name: ada\n  - name: ada\n", "state.yaml:3:11"),
        ("organizations:\n  - name: acme\n    members: { nobody: member }\n", "state.yaml:3:16"),
        ("organizations:\n  - name: me\n", "state.yaml:2:11"),
        ("users:\n  - name: ada\n    active: nowhere\n", "state.yaml:3:13"),
        ("users:\n  - name: ada\n    tokens: [{ name: a, sha256: \"fake-canary\" }]\n", "state.yaml:3:33"),
        ("users:\n  - name: ada\n    tokens: [{ name: a, scopes: [root] }]\n", "state.yaml:3:34"),
        ("users:\n  - name: ada\n    credentials: [{ provider: ionk, fields: {} }]\n", "state.yaml:3:31"),
        (
            "users:\n  - name: ada\n    credentials: [{ provider: ionq, fields: { key: { value: \"fake-x-canary\" } } }]\n",
            "state.yaml:3:",
        ),
        (
            "users:\n  - name: ada\n    credentials: [{ provider: ionq, fields: { api_key: \"fake-x-canary\" } }]\n",
            "state.yaml:3:",
        ),
        (
            "users:\n  - name: ada\n    credentials: [{ provider: ionq, fields: { api_key: { env: NOT_SET } } }]\n",
            "state.yaml:3:",
        ),
        ("users: [\n", "state.yaml:"),
    ] {
        let file = site.write("state.yaml", text);
        let run = site.run(&["apply", file.to_str().unwrap()]).await;
        assert!(matches!(run.code, Some(1 | 78)), "{text:?}: {run:?}");
        assert!(run.err.contains(place), "{text:?}: expected {place} in {}", run.err);
        assert_eq!(run.out, "");
    }
    assert_eq!(listed(&site, "user").await, json!([]));
    assert_eq!(listed(&site, "org").await, json!([]));
}

#[tokio::test]
async fn a_token_of_more_than_a_year_is_refused_unless_the_operator_raises_it() {
    let mut site = Site::empty();
    let far = jiff::Zoned::now().date().saturating_add(jiff::Span::new().days(800)).to_string();
    site.user("ada").pat_with("long", &json!({ "expires": far }));

    let run = site.try_apply(&[]).await;
    assert!(matches!(run.code, Some(1 | 78)), "{run:?}");
    assert!(run.err.contains("365"), "{}", run.err);

    let site = site.set("tokens.max_expiry", "1000d");
    site.apply().await;
}

#[tokio::test]
async fn a_token_without_an_expiry_has_90_days() {
    let mut site = Site::empty();
    site.user("ada").pat();
    site.apply().await;
    let token = listed(&site, "token").await[0].clone();
    site.apply().await;
    assert_eq!(listed(&site, "token").await[0], token, "it is set once");

    let expires: jiff::Timestamp = token["expires"].as_str().unwrap().parse().unwrap();
    let days = (expires - jiff::Timestamp::now()).get_seconds() as f64 / 86_400.0;
    assert!((89.9..=90.0).contains(&days), "{days}");
}

#[tokio::test]
async fn fields_may_come_from_a_file_or_the_environment() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let mut site = Site::facing(&ionq).environment("ADA_IONQ", ADA_KEY);
    let file = site.write("secrets/ionq", format!("{OPTICS_KEY}\n"));
    let from = |source: Value| json!({ "provider": "ionq", "label": "x", "fields": { "api_key": source } });
    let ada = site.user("ada").credential(&from(json!({ "env": "ADA_IONQ" }))).pat();
    let grace = site.user("grace").credential(&from(json!({ "file": file }))).pat();
    let bellhop = site.serve().await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    bellhop.get(&grace, JOB).await.assert_paid_by("me", "own");
    assert_eq!(ionq.requests().iter().map(|r| r.key().to_owned()).collect::<Vec<_>>(), [ADA_KEY, OPTICS_KEY]);
}

#[tokio::test]
async fn the_state_may_come_from_standard_input() {
    let mut site = Site::empty();
    site.user("ada").pat();
    site.run_with_input(&["apply", "-"], &site.state.0.to_string()).await.assert_code(0);
    assert_eq!(listed(&site, "user").await[0]["name"], "ada");
}

#[tokio::test]
async fn other_fields_make_a_new_version_of_the_same_credential() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let (mut bellhop, ada) = ada_at(&ionq).await;
    let before = listed(&bellhop, "credential").await[0].clone();

    bellhop.user("ada").key(OPTICS_KEY);
    bellhop.apply().await;

    let after = listed(&bellhop, "credential").await;
    assert_eq!(after.as_array().unwrap().len(), 1);
    assert_eq!((&after[0]["id"], &after[0]["version"]), (&before["id"], &json!(2)));
    eventually("the new key is used", async || {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
        ionq.last().key() == OPTICS_KEY
    })
    .await;
}

#[tokio::test]
async fn what_is_saved_is_what_is_sent() {
    let key = "fake-\"quoted\"-\\-key-canary";
    let ionq = Upstream::accepting(&[key]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(key).pat();
    let bellhop = site.serve().await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().key(), key);
}

#[tokio::test]
async fn what_cannot_stand_in_a_header_is_refused_when_it_is_entered() {
    for key in ["", "fake\r\nX-Injected: 1", "fake\u{0}key", "fake\nkey", "schlüssel"] {
        let mut site = Site::empty();
        site.user("ada").key(key).pat();
        let run = site.try_apply(&[]).await;
        assert!(matches!(run.code, Some(1 | 78)), "{key:?}: {run:?}");
        assert!(run.err.contains("api_key"), "{key:?}: {}", run.err);
    }
}

#[tokio::test]
async fn a_file_of_one_user_per_line_is_applied_and_applied_again() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq);
    let pats: Vec<Pat> = (0..50).map(|_| Pat::fake()).collect();
    let lines: Vec<String> = pats.iter().enumerate().map(|(n, pat)| ndjson(&format!("user-{n}"), pat)).collect();
    let file = site.write("users.ndjson", lines.join("\n"));

    for _ in 0..2 {
        site.run(&["apply", file.to_str().unwrap()]).await.assert_code(0);
    }

    let bellhop = Bellhop::start(site).await;
    for pat in [&pats[0], &pats[49]] {
        bellhop.get(pat, JOB).await.assert_paid_by("me", "own");
    }
    assert_eq!(listed(&bellhop, "user").await.as_array().unwrap().len(), 50);
    assert_eq!(listed(&bellhop, "token").await.as_array().unwrap().len(), 50);
}

fn ndjson(name: &str, pat: &Pat) -> String {
    json!({ "name": name, "tokens": [{ "name": "laptop", "sha256": pat.sha256() }], "credentials": [ionq_key(ADA_KEY)] }).to_string()
}

#[tokio::test]
async fn a_broken_line_is_named_by_its_number() {
    let site = Site::empty();
    let good = ndjson("ada", &Pat::fake());
    let file = site.write("users.ndjson", format!("{good}\n{{\"name\": \"gr ace\"}}\n"));

    let run = site.run(&["apply", file.to_str().unwrap()]).await;

    assert!(matches!(run.code, Some(1 | 78)), "{run:?}");
    assert!(run.err.contains("users.ndjson:2"), "{}", run.err);
}

#[tokio::test]
async fn a_full_disk_leaves_the_store_as_it_was() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_at(&ionq).await;
    let many: Vec<Value> =
        (0..400).map(|n| json!({ "name": format!("user-{n}"), "credentials": [ionq_key(ADA_KEY)] })).collect();
    bellhop.state.0["users"].as_array_mut().unwrap().extend(many);
    let file = bellhop.write("large.yaml", bellhop.state.0.to_string());

    let run = bellhop.run_on_a_full_disk(&["apply", file.to_str().unwrap()]).await;

    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(!run.err.is_empty() && run.out.is_empty());
    assert_eq!(listed(&bellhop, "user").await.as_array().unwrap().len(), 1);
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    bellhop.run(&["apply", file.to_str().unwrap()]).await.assert_code(0);
    assert_eq!(listed(&bellhop, "user").await.as_array().unwrap().len(), 401);
}

#[tokio::test]
async fn an_apply_that_is_killed_leaves_all_or_nothing() {
    let mut site = Site::empty();
    let many: Vec<Value> =
        (0..200).map(|n| json!({ "name": format!("user-{n}"), "credentials": [ionq_key(ADA_KEY)] })).collect();
    site.apply().await;
    site.state.0["users"].as_array_mut().unwrap().extend(many);
    let file = site.write("large.yaml", site.state.0.to_string());

    for millis in [30, 60, 90, 120] {
        site.kill_after(&["apply", file.to_str().unwrap()], std::time::Duration::from_millis(millis)).await;
        let users = listed(&site, "user").await.as_array().unwrap().len();
        assert!(users == 0 || users == 200, "{users} of 200");
    }
}

#[tokio::test]
async fn many_may_apply_at_once() {
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();
    let file = site.write("state.yaml", site.state.0.to_string());

    let runs = (0..4).map(async |_| site.run(&["apply", file.to_str().unwrap()]).await);
    let runs = futures_util::future::join_all(runs).await;

    assert!(runs.iter().all(|run| run.code == Some(0)), "{runs:?}");
    assert_eq!(listed(&site, "user").await.as_array().unwrap().len(), 1);
    assert_eq!(listed(&site, "token").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn serving_goes_on_while_a_large_file_is_applied() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_at(&ionq).await;
    let many: Vec<Value> =
        (0..1500).map(|n| json!({ "name": format!("user-{n}"), "credentials": [ionq_key(ADA_KEY)] })).collect();
    bellhop.state.0["users"].as_array_mut().unwrap().extend(many);
    let last = Pat::fake();
    bellhop.user("user-1499").presenting("laptop", &last, &json!({}));

    let serving = async {
        for _ in 0..50 {
            bellhop.post(&ada, "/ionq/v0.4/jobs", &json!({})).await.assert_paid_by("me", "own");
        }
    };
    futures_util::future::join(bellhop.apply(), serving).await;

    eventually("the last user is served", async || bellhop.get(&last, JOB).await.status == 200).await;
}

#[tokio::test]
async fn a_past_expiry_is_accepted_and_means_expired() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let old = site
        .user("ada")
        .credential(&with(&ionq_key(ADA_KEY), &json!({})))
        .pat_with("old", &json!({ "expires": "2020-01-01" }));
    let bellhop = site.serve().await;

    bellhop.get(&old, JOB).await.assert_refused("unknown-token");
    let token = listed(&bellhop, "token").await[0].clone();
    assert_eq!((&token["state"], &token["hint"]), (&json!("expired"), &json!("–")));
    assert!(fs::read_dir(bellhop.data()).unwrap().count() > 0);
}

/// Whatever takes long shows how far it is on a terminal, and a pipe is none.
#[tokio::test]
async fn nothing_is_drawn_into_a_pipe_however_long_it_takes() {
    let site = Site::empty();
    let lines: Vec<String> = (0..20_000).map(|n| format!("{{\"name\":\"user-{n}\"}}")).collect();
    let file = site.write("people.ndjson", lines.join("\n"));

    let run = site.run(&["apply", file.to_str().unwrap()]).await.assert_code(0);

    assert_eq!(run.out, "");
    let told = run.err.lines().filter(|line| line.contains("people.ndjson: lines ")).count();
    assert!(told == 20 && run.err.ends_with("20000 changes\n"), "{}", run.err);
    let export = site.run(&["audit", "export"]).await.assert_code(0);
    assert!(export.err.is_empty() && export.out.lines().count() > 20_000, "{}", export.err);
    for run in [run, site.run(&["key", "rotate"]).await, site.run(&["audit", "verify"]).await] {
        assert!(!run.err.contains(['\r', '\u{1b}']), "{}", run.err);
    }
}
