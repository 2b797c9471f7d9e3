//! Users by way of the API: made, shown, renamed, disabled, deleted.

use super::cast::Cast;
use crate::support::{ADA_KEY, CATALOGUE, Site, Upstream, soon::eventually_within};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn one_that_was_made_is_found_by_name_and_by_id_and_signs_in() {
    let cast = Cast::assemble().await;

    let made = cast.post(&cast.iris, "/users", &json!({ "name": "eve@example.org" })).await;

    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["admin"], &made["disabled"], &made["active"]), (&json!(false), &json!(false), &Value::Null));
    let by_id = cast.get(&cast.iris, &format!("/users/{}", made["id"].as_str().unwrap())).await;
    let by_name = cast.get(&cast.iris, "/users/eve%40example.org").await;
    assert_eq!(by_id.json(), by_name.json());
    let listed = cast.get(&cast.iris, "/users?name=eve%40example.org").await.json();
    assert_eq!((&listed["items"], &listed["next"]), (&json!([made]), &Value::Null));
    let token = json!({ "user": "eve@example.org", "name": "desk", "scopes": ["manage"] });
    assert_eq!(cast.post(&cast.iris, "/tokens", &token).await.status, 201);
    cast.post(&cast.iris, "/users", &json!({ "name": "eve@example.org" })).await.assert_problem(409, "conflict");
    cast.post(&cast.iris, "/users", &json!({ "name": "a/b" })).await.assert_problem(400, "bad-request");
    cast.post(&cast.iris, "/users", &json!({ "name": "x", "colour": "red" })).await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn what_is_theirs_is_told_to_themselves_without_any_secret() {
    let mut site = Site::empty();
    site.user("alan").key(ADA_KEY);
    site.user("alan").project("thesis", &crate::support::state::ionq(ADA_KEY));
    let cast = Cast::at(site).await;

    let alan = cast.get(&cast.alan, "/users/alan").await;

    let text = alan.text();
    assert!(!text.contains("canary"), "{text}");
    let alan = alan.json();
    assert_eq!((&alan["name"], &alan["tokens"]), (&json!("alan"), &json!(2)));
    assert_eq!(alan["organizations"][0]["name"], "acme");
    assert_eq!(alan["organizations"][0]["role"], "member");
    assert_eq!(alan["projects"], json!(["me.thesis", "acme.optics"]));
    let held: Vec<_> = alan["credentials"].as_array().unwrap().iter().map(|held| &held["context"]).collect();
    assert_eq!(held, [&json!("me"), &json!("me.thesis")]);
    let consequences = cast.get(&cast.alan, "/users/alan/consequences").await.json();
    let expected = json!({ "tokens": 2, "projects": 1, "credentials": 2, "open_jobs": 0, "sessions": 0,
        "organizations": 1, "shared_jobs": 0, "entered": 0, "last_owner_of": [] });
    assert_eq!(consequences, expected);
    let ada = cast.get(&cast.iris, "/users/ada/consequences").await.json();
    assert_eq!(ada["last_owner_of"], json!(["acme"]));
}

#[tokio::test]
async fn lists_come_in_pages_in_the_order_of_names() {
    let cast = Cast::assemble().await;
    for name in ["b", "a", "c"] {
        cast.add_user(name).await;
    }
    let first = cast.get(&cast.iris, "/users?limit=4").await.json();
    let second =
        cast.get(&cast.iris, &format!("/users?limit=200&after={}", first["next"].as_str().unwrap())).await.json();
    let names: Vec<_> = [&first, &second].iter().flat_map(|page| page["items"].as_array().unwrap()).collect();
    let names: Vec<_> = names.iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "ada", "alan", "b", "c", "eve", "grace", "iris"]);
    assert_eq!(second["next"], Value::Null);
    let found = cast.get(&cast.iris, "/users?search=A&limit=3").await.json();
    let found: Vec<_> = found["items"].as_array().unwrap().iter().map(|user| user["name"].clone()).collect();
    assert_eq!(found, ["a", "ada", "alan"]);
    for nobody in ["%25", "_", "%5C", "a%25"] {
        let path = format!("/users?search={nobody}");
        assert!(cast.get(&cast.iris, &path).await.items().is_empty(), "{nobody} stands for itself");
    }
    cast.get(&cast.iris, "/users?after=%2F").await.assert_problem(422, "invalid");
    assert_eq!(cast.get(&cast.iris, "/users?name=%2F").await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_last_administrator_is_neither_disabled_nor_demoted_nor_deleted() {
    let cast = Cast::assemble().await;
    let change = async |user: &str, body: Value| {
        cast.ask(Some(&cast.iris), "PATCH", &format!("/users/{user}"), Some(&body)).await
    };
    change("iris", json!({ "disabled": true })).await.assert_problem(409, "conflict");
    change("iris", json!({ "admin": false })).await.assert_problem(409, "conflict");
    cast.ask(Some(&cast.iris), "DELETE", "/users/iris", None).await.assert_problem(409, "conflict");
    // One who is disabled is none.
    assert_eq!(change("eve", json!({ "admin": true, "disabled": true })).await.status, 200);
    change("iris", json!({ "admin": false })).await.assert_problem(409, "conflict");
    assert_eq!(change("eve", json!({ "disabled": false })).await.status, 200);

    assert_eq!(change("iris", json!({ "admin": false })).await.json()["admin"], false);

    cast.get(&cast.iris, "/users").await.assert_problem(403, "not-allowed");
    cast.ask(Some(&cast.eve), "PATCH", "/users/eve", Some(&json!({ "admin": false })))
        .await
        .assert_problem(409, "conflict");
}

#[tokio::test]
async fn who_is_disabled_is_nobody_until_they_are_enabled() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.user("alan").key(ADA_KEY);
    let cast = Cast::at(site).await;
    let disable = async |disabled: bool| {
        let body = json!({ "disabled": disabled });
        assert_eq!(cast.ask(Some(&cast.iris), "PATCH", "/users/alan", Some(&body)).await.json()["disabled"], disabled);
    };
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_paid_by("me", "own");

    disable(true).await;

    cast.get(&cast.alan, "/whoami").await.assert_problem(401, "unknown-token");
    eventually_within(Duration::from_millis(1500), "the data plane refuses them", async || {
        cast.bellhop.get(&cast.runs, CATALOGUE).await.status == 401
    })
    .await;
    assert_eq!(cast.get(&cast.iris, "/users/alan").await.json()["organizations"][0]["name"], "acme");
    disable(false).await;
    assert_eq!(cast.get(&cast.alan, "/whoami").await.status, 200);
}

#[tokio::test]
async fn a_change_is_made_only_to_what_was_read() {
    let cast = Cast::assemble().await;
    let tag = cast.get(&cast.iris, "/users/alan").await.header("etag").unwrap().to_owned();
    let rename = json!({ "name": "alan.t" });

    let first = cast.change(&cast.iris, "PATCH", "/users/alan", (&tag, &rename)).await;

    assert_eq!((first.status, &first.json()["name"]), (200, &json!("alan.t")));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/users/{id}");
    cast.change(&cast.iris, "PATCH", &path, (&tag, &json!({ "admin": true }))).await.assert_problem(412, "changed");
    cast.change(&cast.iris, "DELETE", &path, (&tag, &Value::Null)).await.assert_problem(412, "changed");
    cast.change(&cast.iris, "PUT", &format!("{path}/active"), (&tag, &json!({ "context": "me" })))
        .await
        .assert_problem(412, "changed");
    // A token is its user's under whatever name.
    assert_eq!(cast.get(&cast.alan, "/whoami").await.json()["user"]["name"], "alan.t");
    let taken = cast.ask(Some(&cast.iris), "PATCH", &path, Some(&json!({ "name": "ada" }))).await;
    taken.assert_problem(409, "conflict");
}

#[tokio::test]
async fn an_active_context_is_one_that_they_can_name() {
    let cast = Cast::assemble().await;
    cast.add_organization("gamma").await;
    cast.add_project("secret", &[]).await;
    let set = async |pat, user: &str, body: Value| {
        cast.ask(Some(pat), "PUT", &format!("/users/{user}/active"), Some(&body)).await
    };

    assert_eq!(set(&cast.alan, "alan", json!({ "context": "acme.optics" })).await.json()["active"], "acme.optics");

    assert_eq!(cast.get(&cast.alan, "/whoami").await.json()["user"]["active"], "acme.optics");
    // What there is and what there is not is told apart by nothing.
    for context in ["gamma", "nowhere", "acme.secret", "me.nothing"] {
        let problem = set(&cast.eve, "eve", json!({ "context": context })).await.assert_problem(422, "invalid");
        assert_eq!(problem["detail"], format!("context: there is no context `{context}` for eve"));
    }
    set(&cast.alan, "alan", json!({ "context": "acme.secret" })).await.assert_problem(422, "invalid");
    assert_eq!(set(&cast.grace, "grace", json!({ "context": "acme.secret" })).await.status, 200);
    set(&cast.alan, "alan", json!({})).await.assert_problem(400, "bad-request");
    assert_eq!(set(&cast.iris, "alan", json!({ "context": null })).await.json()["active"], Value::Null);
}

#[tokio::test]
async fn who_is_deleted_leaves_nothing_that_works() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.user("alan").key(ADA_KEY);
    let cast = Cast::at(site).await;
    let delete = async |user: &str| cast.ask(Some(&cast.iris), "DELETE", &format!("/users/{user}"), None).await;
    let problem = delete("ada").await.assert_problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("last owner of acme"), "{problem}");

    // Not even by themselves.
    cast.ask(Some(&cast.alan), "DELETE", "/users/alan", None).await.assert_problem(403, "not-allowed");

    assert_eq!(delete("alan").await.status, 204);

    cast.get(&cast.alan, "/whoami").await.assert_problem(401, "unknown-token");
    cast.get(&cast.iris, "/users/alan").await.assert_problem(404, "not-found");
    assert_eq!(cast.get(&cast.ada, "/organizations/acme").await.json()["members"], 2);
    eventually_within(Duration::from_millis(1500), "the data plane refuses them", async || {
        cast.bellhop.get(&cast.runs, CATALOGUE).await.status == 401
    })
    .await;
    delete("alan").await.assert_problem(404, "not-found");
    cast.add_user("alan").await;
}

#[tokio::test]
async fn to_a_token_for_certain_contexts_there_is_nobody_but_its_user() {
    let mut site = Site::empty();
    let bounded = json!({ "scopes": ["manage"], "contexts": ["me"] });
    let narrow = site.user("iris").pat_with("narrow", &bounded);
    let cast = Cast::at(site).await;

    assert_eq!(cast.get(&narrow, "/users/iris").await.status, 200);

    cast.get(&narrow, "/users/alan").await.assert_problem(404, "not-found");
    cast.get(&narrow, "/users").await.assert_problem(403, "not-allowed");
    cast.post(&narrow, "/users", &json!({ "name": "new" })).await.assert_problem(403, "not-allowed");
    cast.ask(Some(&narrow), "PATCH", "/users/iris", Some(&json!({ "name": "r" })))
        .await
        .assert_problem(403, "not-allowed");
    cast.ask(Some(&narrow), "DELETE", "/users/alan", None).await.assert_problem(404, "not-found");
    let elsewhere = json!({ "context": "acme" });
    cast.ask(Some(&narrow), "PUT", "/users/iris/active", Some(&elsewhere)).await.assert_problem(403, "not-allowed");
}
