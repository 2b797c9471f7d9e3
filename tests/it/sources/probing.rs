//! Whether a credential is good, and whose it is: asked at entry and at any time, kept with the version, and a key of
//! another account is no new version.

use super::cast::{FIRST, Keys, SECOND, shown};
use crate::support::{Reply, Run, Site, Upstream};
use serde_json::json;

/// IonQ's `whoami`: each key is of a project of its own.
async fn ionq(keys: &Keys) -> Upstream {
    let keys = keys.clone();
    Upstream::answering(move |request| {
        let key = request.header("authorization").and_then(|value| value.strip_prefix("apiKey ")).unwrap_or_default();
        match (keys.has(Some(key)), request.target.as_str()) {
            (true, "/v0.4/whoami") => Reply::json(200, &json!({ "project_id": project(key), "key_id": key })),
            (true, _) => Reply::new(404),
            (false, _) => super::cast::refused(),
        }
    })
    .await
}

fn project(key: &str) -> &'static str {
    if key.contains("second") { "project-2" } else { "project-1" }
}

async fn site(ionq: &Upstream) -> Site {
    let mut site = Site::facing(ionq);
    site.user("ada").pat();
    site.apply().await;
    site
}

async fn command(site: &Site, command: &str, key: &str) -> Run {
    let words = ["credential", command, "ionq@me", "--user", "ada", "--from-stdin", "api_key", "--probe"];
    site.run_with_input(&words, key).await
}

async fn show(site: &Site) -> serde_json::Value {
    site.run(&["credential", "show", "ionq@me", "--user", "ada", "--json"]).await.assert_code(0).json()
}

#[tokio::test]
async fn a_good_key_is_entered_with_its_account() {
    let provider = ionq(&Keys::only(&[FIRST])).await;
    let site = site(&provider).await;

    let added = command(&site, "add", FIRST).await.assert_code(0);

    assert!(added.err.contains("valid, of the account project-1"), "{}", added.err);
    let line = show(&site).await;
    assert_eq!((&line["probe"], &line["account"]), (&json!("valid"), &json!("project-1")));
    assert!(site.run(&["credential", "list"]).await.out.contains("valid"));
    assert_eq!((provider.request().method.as_str(), provider.request().target.as_str()), ("GET", "/v0.4/whoami"));
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_entered() {
    let provider = ionq(&Keys::only(&[])).await;
    let site = site(&provider).await;

    let refused = command(&site, "add", FIRST).await.assert_code(1);

    assert!(refused.err.contains("IonQ answered 401"), "{}", refused.err);
    assert_eq!(site.run(&["credential", "list", "--json"]).await.json(), json!([]));
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_says_nothing_about_a_key() {
    let provider = ionq(&Keys::only(&[])).await;
    let site = site(&provider).await;
    provider.go_down();
    drop(provider);

    let added = command(&site, "add", FIRST).await.assert_code(0);

    assert!(added.err.contains("unreachable: "), "{}", added.err);
    assert_eq!(show(&site).await["probe"], "unreachable");
}

#[tokio::test]
async fn a_key_of_another_account_is_no_new_version() {
    let provider = ionq(&Keys::only(&[FIRST, SECOND])).await;
    let site = site(&provider).await;
    command(&site, "add", FIRST).await.assert_code(0);

    let refused = command(&site, "rotate", SECOND).await.assert_code(1);

    assert!(refused.err.contains("another account, project-2"), "{}", refused.err);
    assert!(refused.err.contains("add another"), "{}", refused.err);
    assert_eq!(
        (show(&site).await["version"].as_u64(), show(&site).await["account"].as_str()),
        (Some(1), Some("project-1"))
    );
    command(&site, "rotate", FIRST).await.assert_code(0);
    assert_eq!(show(&site).await["version"], 2);
}

#[tokio::test]
async fn a_stored_credential_is_probed_at_any_time_and_so_is_a_live_one() {
    let keys = Keys::only(&[FIRST]);
    let provider = ionq(&keys).await;
    let mut site = Site::facing(&provider).environment("LIVE_KEY", FIRST);
    let ada = site.user("ada").credential(&super::cast::live(&json!({ "env": { "api_key": "LIVE_KEY" } }))).pat();
    let bellhop = site.serve().await;
    let probe = ["credential", "probe", "ionq@me", "--user", "ada"];

    let valid = bellhop.run(&probe).await.assert_code(0);
    assert!(valid.err.contains("valid, of the account project-1"), "{}", valid.err);
    keys.become_only(&[]);
    let refused = bellhop.run(&probe).await.assert_code(1);

    assert!(refused.err.contains("the provider refuses this credential"), "{}", refused.err);
    assert_eq!(shown(&bellhop, "ionq@me").await["probe"], "refused");
    drop(ada);
}

#[tokio::test]
async fn a_secret_that_a_provider_calls_an_account_is_not_shown() {
    let provider = Upstream::answering(|request| Reply::json(200, &json!({ "project_id": request.key() }))).await;
    let site = site(&provider).await;

    command(&site, "add", FIRST).await.assert_code(0);

    assert_eq!(show(&site).await["account"], serde_json::Value::Null);
}
