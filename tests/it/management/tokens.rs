//! Tokens by way of the API: made, limited, used, revoked.

use super::cast::Cast;
use crate::support::{ADA_KEY, Ask, CATALOGUE, Pat, Site, Upstream, soon::eventually_within};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn one_that_was_made_is_shown_once_and_runs_jobs() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.user("alan").key(ADA_KEY);
    let cast = Cast::at(site).await;

    let made = cast.post(&cast.alan, "/tokens", &json!({ "name": "laptop", "providers": ["ionq"] })).await;

    assert_eq!(made.status, 201, "{}", made.text());
    let laptop = Pat::printed(made.json()["value"].as_str().unwrap());
    cast.bellhop.get(&laptop, CATALOGUE).await.assert_paid_by("me", "own");
    let shown = cast.get(&cast.alan, &format!("/tokens/{}", made.json()["id"].as_str().unwrap())).await.json();
    assert!(shown["value"].is_null() && shown["name"] == "laptop" && shown["user"] == "alan", "{shown}");
}

#[tokio::test]
async fn a_token_makes_none_that_may_do_more_than_itself() {
    let mut site = Site::empty();
    site.organization("acme").project("optics", &["alan"]);
    let narrow = json!({
        "scopes": ["run", "manage"], "contexts": ["acme.optics"], "providers": ["ionq"],
        "networks": ["127.0.0.0/8"], "expires": "2027-01-01",
    });
    let narrow = site.user("alan").pat_with("narrow", &narrow);
    let cast = Cast::at(site).await;
    let within = json!({
        "name": "within", "contexts": ["acme.optics"], "providers": ["ionq"], "networks": ["127.0.0.1"],
        "expires": "2026-12-31T00:00:00Z",
    });
    let with = |field: &str, value: Value| {
        let mut wanted = within.clone();
        wanted[field] = value;
        wanted
    };

    for (field, value) in [
        ("contexts", json!([])),
        ("contexts", json!(["acme.optics", "me"])),
        ("providers", json!([])),
        ("providers", json!(["ionq", "dwave"])),
        ("networks", json!([])),
        ("networks", json!(["0.0.0.0/0"])),
        ("expires", json!("2027-01-02T00:00:00Z")),
    ] {
        let problem = cast.post(&narrow, "/tokens", &with(field, value.clone())).await.assert_problem(422, "invalid");
        assert_eq!(problem["field"], field, "{value}");
    }
    assert_eq!(cast.post(&narrow, "/tokens", &within).await.status, 201);
    // Nor does it widen another one of its user's.
    let (other, _) = cast.token_of_alan("other").await;
    let widened = cast.ask(Some(&narrow), "PATCH", &format!("/tokens/{other}"), Some(&json!({ "contexts": [] }))).await;
    widened.assert_problem(422, "invalid");
}

#[tokio::test]
async fn a_change_is_made_only_to_what_was_read() {
    let cast = Cast::assemble().await;
    let (id, _) = cast.token_of_alan("laptop").await;
    let path = format!("/api/v1/tokens/{id}");
    let change = |tag: &str, body: &Value| {
        let ask = Ask::new("PATCH", &*path).header("Authorization", format!("Bearer {}", cast.alan));
        ask.header("If-Match", tag).json(body)
    };
    let tag = cast.get(&cast.alan, &format!("/tokens/{id}")).await.header("etag").unwrap().to_owned();

    let first = cast.bellhop.ask_admin(&change(&tag, &json!({ "context": "acme.optics" }))).await;
    let second = cast.bellhop.ask_admin(&change(&tag, &json!({ "context": null }))).await;

    assert_eq!((first.status, &first.json()["context"]), (200, &json!("acme.optics")));
    second.assert_problem(412, "changed");
    let new = first.header("etag").unwrap();
    let unpinned = cast.bellhop.ask_admin(&change(new, &json!({ "context": null }))).await;
    assert_eq!((unpinned.status, &unpinned.json()["context"]), (200, &Value::Null));
}

#[tokio::test]
async fn one_that_is_revoked_opens_nothing_within_a_second() {
    let cast = Cast::assemble().await;
    let (_, value) = cast.token_of_alan("leaked").await;
    assert_eq!(cast.get(&value, "/whoami").await.status, 200);
    let bystander = cast.post(&cast.eve, "/tokens/revoke", &json!({ "value": value.as_str() })).await;
    assert_eq!((bystander.status, &bystander.json()["name"]), (200, &json!("leaked")));

    cast.get(&value, "/whoami").await.assert_problem(401, "unknown-token");
    let root = Ask::get("/whoami").header("Authorization", format!("Bearer {value}"));
    eventually_within(Duration::from_millis(1500), "the data plane refuses it", async || {
        cast.bellhop.ask(&root).await.status == 401
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages_and_none_is_told_twice() {
    let cast = Cast::assemble().await;
    for n in 0..5 {
        cast.token_of_alan(&format!("t{n}")).await;
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page = cast.get(&cast.alan, &format!("/tokens?limit=3{after}")).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        names.extend(items.iter().map(|token| token["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, ["desk", "runs", "t0", "t1", "t2", "t3", "t4"]);
}

#[tokio::test]
async fn wrong_wishes_name_their_field() {
    let cast = Cast::assemble().await;
    for (field, wish) in [
        ("name", json!({ "name": "" })),
        ("name", json!({ "name": " a" })),
        ("name", json!({ "name": "x".repeat(81) })),
        ("name", json!({ "name": "a\u{7}b" })),
        ("scopes", json!({ "name": "a", "scopes": [] })),
        ("expires", json!({ "name": "a", "expires": "never" })),
        ("providers", json!({ "name": "a", "providers": ["nobody"] })),
        ("context", json!({ "name": "a", "context": "elsewhere" })),
        ("contexts", json!({ "name": "a", "context": "me", "contexts": ["acme"] })),
        ("networks", json!({ "name": "a", "networks": ["here"] })),
    ] {
        let problem = cast.post(&cast.iris, "/tokens", &wish).await.assert_problem(422, "invalid");
        assert_eq!(problem["field"], field, "{wish}: {problem}");
    }
    let twice = json!({ "name": "twice", "scopes": ["manage"] });
    assert_eq!(cast.post(&cast.alan, "/tokens", &twice).await.status, 201);
    cast.post(&cast.alan, "/tokens", &twice).await.assert_problem(409, "conflict");
}

#[tokio::test]
async fn to_a_token_for_certain_contexts_or_providers_there_are_only_its_own_users() {
    let mut site = Site::empty();
    let mut narrow = |list: &Value| {
        let name = list.to_string();
        let mut bounded = json!({ "scopes": ["manage"] });
        bounded.as_object_mut().unwrap().extend(list.as_object().unwrap().clone());
        site.user("iris").pat_with(&name, &bounded)
    };
    let lists = [json!({ "contexts": ["me"] }), json!({ "providers": ["ionq"] })].map(|list| (narrow(&list), list));
    let cast = Cast::at(site).await;
    let (id, _) = cast.token_of_alan("laptop").await;
    let path = format!("/tokens/{id}");
    for (narrow, list) in &lists {
        let mut wanted = list.clone();
        wanted["name"] = json!("own");
        let own = cast.post(narrow, "/tokens", &wanted).await;
        assert_eq!(own.status, 201, "{}", own.text());
        let own = format!("/tokens/{}", own.json()["id"].as_str().unwrap());
        assert_eq!(cast.get(narrow, &own).await.status, 200);
        assert_eq!(cast.delete(narrow, &own).await.status, 204);

        wanted["user"] = json!("alan");
        cast.post(narrow, "/tokens", &wanted).await.assert_problem(404, "not-found");
        cast.get(narrow, "/tokens?user=alan").await.assert_problem(404, "not-found");
        cast.get(narrow, "/tokens?user=*").await.assert_problem(403, "not-allowed");
        cast.get(narrow, &path).await.assert_problem(404, "not-found");
        cast.ask(Some(narrow), "PATCH", &path, Some(list)).await.assert_problem(404, "not-found");
        cast.delete(narrow, &path).await.assert_problem(404, "not-found");
    }
    assert_eq!(cast.get(&cast.iris, &path).await.status, 200);
}

#[tokio::test]
async fn the_network_of_a_caller_is_their_own_behind_a_proxy_that_is_trusted_and_no_other() {
    let seen = async |site: Site, networks: &str, forwarded: &str| {
        let mut site = site;
        let local = site.user("alan").pat_with("local", &json!({ "scopes": ["manage"], "networks": [networks] }));
        let bellhop = site.serve().await;
        let ask = Ask::get("/api/v1/whoami").header("Authorization", format!("Bearer {local}"));
        bellhop.ask_admin(&ask.header("X-Forwarded-For", forwarded)).await.status
    };
    let behind = || Site::empty().set("listen.trusted_proxies", json!(["127.0.0.0/8"]));

    assert_eq!(seen(behind(), "203.0.113.0/24", "203.0.113.9").await, 200);
    assert_eq!(seen(behind(), "127.0.0.0/8", "203.0.113.9").await, 403);
    assert_eq!(seen(Site::empty(), "203.0.113.0/24", "203.0.113.9").await, 403);
    // A listener for both kinds of addresses tells the older kind in the newer one's words.
    let mapped = Site::empty().set("listen.admin", "[::ffff:127.0.0.1]:0");
    assert_eq!(seen(mapped, "127.0.0.0/8", "").await, 200);
}
