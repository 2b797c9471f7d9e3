//! `ETag` and `If-Match`: the document says of which answers and changes, and those and no others are so.

use super::cast::Cast;
use crate::support::{ACME_KEY, Answer, Pat};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A change: its method, how the document and how the story has its path, where what it changes is read, and what is
/// asked for. What takes away stands last.
type Change = (&'static str, &'static str, String, String, Value);

/// One of everything that has a tag, alan's where it is somebody's.
async fn changes(cast: &Cast) -> Vec<Change> {
    cast.job_of_alan().await;
    let token = format!("/tokens/{}", cast.token_of_alan("ci").await.0);
    let credential = format!("/credentials/{}", cast.credential_of("acme.optics", None).await);
    let project = format!("/projects/{}", cast.add_project("lasers", &[]).await);
    let told = json!({ "url": "https://hooks.example.org/bellhop" });
    let made = cast.post(&cast.iris, "/webhooks", &told).await.json();
    let webhook = format!("/webhooks/{}", made["webhook"]["id"].as_str().unwrap());
    let jobs = |limit| json!({ "context": "acme", "measure": "jobs", "period": "day", "limit": limit });
    let made = cast.put(&cast.iris, "/quotas", &jobs("7")).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let quota = format!("/quotas/{}", made.json()["id"].as_str().unwrap());
    cast.add_organization("umbrella").await;
    cast.add_user("kay").await;
    let at = |path: &str| (path.to_owned(), path.to_owned());
    let member = "/organizations/acme/members/alan";
    let rows = [
        ("PATCH", "/users/{user}", at("/users/alan"), json!({ "disabled": false })),
        (
            "PUT",
            "/users/{user}/active",
            ("/users/alan/active".into(), "/users/alan".into()),
            json!({ "context": "me" }),
        ),
        ("PATCH", "/organizations/{organization}", at("/organizations/acme"), json!({ "job_visibility": "all" })),
        ("PUT", "/organizations/{organization}/members/{user}", at(member), json!({ "role": "member" })),
        ("PATCH", "/projects/{id}", at(&project), json!({ "name": "masers" })),
        ("PATCH", "/tokens/{id}", at(&token), json!({ "scopes": ["run"] })),
        ("PATCH", "/credentials/{id}", at(&credential), json!({ "label": "another" })),
        (
            "POST",
            "/credentials/{id}/versions",
            (format!("{credential}/versions"), credential.clone()),
            json!({ "fields": { "api_key": ACME_KEY } }),
        ),
        ("PATCH", "/webhooks/{id}", at(&webhook), json!({ "url": "https://hooks.example.org/other" })),
        ("PUT", "/quotas", ("/quotas".into(), quota.clone()), jobs("8")),
        (
            "POST",
            "/jobs/{provider}/{id}/adopt",
            ("/jobs/ionq/job%2F1/adopt".into(), "/jobs/ionq/job%2F1".into()),
            json!({ "to": "grace" }),
        ),
        ("DELETE", "/quotas/{id}", at(&quota), Value::Null),
        ("DELETE", "/webhooks/{id}", at(&webhook), Value::Null),
        ("DELETE", "/credentials/{id}", at(&credential), Value::Null),
        ("DELETE", "/tokens/{id}", at(&token), Value::Null),
        ("DELETE", "/projects/{id}", at(&project), Value::Null),
        ("DELETE", "/organizations/{organization}/members/{user}", at(member), Value::Null),
        ("DELETE", "/organizations/{organization}", at("/organizations/umbrella"), Value::Null),
        ("DELETE", "/users/{user}", at("/users/kay"), Value::Null),
    ];
    rows.into_iter().map(|(method, template, (path, read), body)| (method, template, path, read, body)).collect()
}

/// Those that the document says this of, as `PATCH /users/{user}`.
fn documented(document: &Value, says_so: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(move |(method, operation)| (method, path, operation))
    });
    let found = operations.filter(|(_, _, operation)| says_so(operation));
    found.map(|(method, path, _)| format!("{} {}", method.to_uppercase(), path.trim_start_matches("/api/v1"))).collect()
}

fn says_tag(operation: &Value) -> bool {
    operation["responses"]["200"]["headers"]["ETag"]["description"].is_string()
}

/// Who may do all of it; handing a job on is for those whose organization pays.
fn pat<'c>(cast: &'c Cast, path: &str) -> &'c Pat {
    if path.starts_with("/jobs") { &cast.ada } else { &cast.iris }
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_else(|| panic!("no tag: {} {}", answer.status, answer.text())).to_owned()
}

#[tokio::test]
async fn every_change_that_is_made_only_to_what_was_read_says_so_and_every_tag_is_told_of() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let document = cast.bellhop.admin("/api/v1/openapi.json").await.json();
    let changes = changes(&cast).await;

    let said = documented(&document, |operation| operation["parameters"].to_string().contains("\"If-Match\""));
    assert_eq!(said, changes.iter().map(|(method, path, ..)| format!("{method} {path}")).collect());
    for (method, _, path, _, body) in &changes {
        let stale = cast.change(pat(&cast, path), method, path, ("\"stale\"", body)).await;
        assert_eq!(
            (stale.status, &stale.json()["code"]),
            (412, &json!("changed")),
            "{method} {path}: {}",
            stale.text()
        );
    }

    let tagged = documented(&document, says_tag);
    for (method, template, path, read, body) in &changes {
        let tag = tag(&cast.get(pat(&cast, path), read).await);
        let changed = cast.change(pat(&cast, path), method, path, (&tag, body)).await;
        assert!((200..300).contains(&changed.status), "{method} {path}: {} {}", changed.status, changed.text());
        let says = tagged.contains(&format!("{method} {template}"));
        assert_eq!(changed.header("etag").is_some(), says, "{method} {path}");
    }
    let adding = "PUT /projects/{id}/members/{user}".to_owned();
    let changing = changes.iter().map(|(method, path, ..)| format!("{method} {path}")).chain([adding]).collect();
    let others: Vec<&String> = tagged.difference(&changing).collect();
    assert!(others.iter().all(|operation| operation.starts_with("GET ") && operation.contains('{')), "{others:?}");
    assert_eq!(others.len(), 9, "{others:?}");
}

/// Also those that nothing is changed of by this test.
#[tokio::test]
async fn what_is_one_of_a_list_is_shown_with_its_tag() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let document = cast.bellhop.admin("/api/v1/openapi.json").await.json();
    let tagged = documented(&document, says_tag);
    for (_, _, _, read, _) in changes(&cast).await {
        tag(&cast.get(pat(&cast, &read), &read).await);
    }
    for untagged in ["/whoami", "/users", "/providers/ionq", "/users/alan/consequences"] {
        assert_eq!(cast.get(&cast.iris, untagged).await.header("etag"), None, "{untagged}");
        assert!(!tagged.contains(&format!("GET {untagged}")), "{untagged}");
    }
    let lasers = cast.add_project("masers", &[]).await;
    let added = cast.put(&cast.iris, &format!("/projects/{lasers}/members/alan"), &Value::Null).await;
    assert!(tagged.contains("PUT /projects/{id}/members/{user}"));
    tag(&added);
}
