//! `Idempotency-Key`: what is asked for twice is made once.

use super::cast::Cast;
use crate::support::{ACME_KEY, Answer, Ask, Bellhop, Line, Pat, Site, intake::Seen};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeSet;

/// What is sent, with this key.
fn keyed(pat: &Pat, path: &str, key: &str, body: &Value) -> Ask {
    let ask = Ask::post(format!("/api/v1{path}")).header("Authorization", format!("Bearer {pat}"));
    ask.header("Idempotency-Key", key).json(body)
}

async fn post(cast: &Cast, pat: &Pat, (path, key): (&str, &str), body: &Value) -> Answer {
    ask(&cast.bellhop, &keyed(pat, path, key, body)).await
}

/// On a line that the story's search for secrets does not see: here one is told twice, and has to be.
async fn ask(bellhop: &Bellhop, ask: &Ask) -> Answer {
    Line::open(bellhop.addresses.admin, Seen::default()).await.ask(ask).await
}

/// The heads of both have everything but the time of day in common.
#[track_caller]
fn assert_same(first: &Answer, again: &Answer) {
    assert_eq!((first.status, first.text()), (again.status, again.text()));
    for name in ["content-type", "cache-control", "content-security-policy", "content-length"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
}

#[tokio::test]
async fn whatever_is_made_is_made_once_and_answered_again() {
    let cast = Cast::assemble().await;
    let acmes = cast.credential_of("acme", None).await;
    let told = json!({ "url": "https://hooks.example.org/bellhop" });
    let webhook = cast.post(&cast.iris, "/webhooks", &told).await.json()["webhook"]["id"].as_str().unwrap().to_owned();
    let rows = [
        ("/users", "/users".to_owned(), json!({ "name": "kay" })),
        ("/organizations", "/organizations".into(), json!({ "name": "umbrella" })),
        ("/projects", "/projects?of=acme".into(), json!({ "name": "lasers" })),
        ("/tokens", "/tokens".into(), json!({ "name": "once" })),
        ("/users/{user}/link", "/users/alan/link".into(), json!(null)),
        (
            "/credentials",
            "/credentials".into(),
            json!({ "context": "acme.optics", "provider": "ionq", "label": "once", "fields": { "api_key": ACME_KEY } }),
        ),
        (
            "/credentials/{id}/versions",
            format!("/credentials/{acmes}/versions"),
            json!({ "fields": { "api_key": ACME_KEY } }),
        ),
        (
            "/organizations/{organization}/invitations",
            "/organizations/acme/invitations".into(),
            json!({ "role": "member" }),
        ),
        ("/webhooks", "/webhooks".into(), told.clone()),
        ("/organizations/{organization}/webhooks", "/organizations/acme/webhooks".into(), told.clone()),
        ("/webhooks/{id}/secret", format!("/webhooks/{webhook}/secret"), json!(null)),
    ];
    for (_, path, body) in &rows {
        let key = format!("\"of {path}\"");
        let first = post(&cast, &cast.iris, (path, &key), body).await;
        assert_eq!(first.status, 201, "{path}: {}", first.text());
        assert_same(&first, &post(&cast, &cast.iris, (path, &key), body).await);
    }
    let versions = cast.get(&cast.iris, &format!("/credentials/{acmes}")).await.json()["version"].clone();
    assert_eq!(versions, 2);

    let document = cast.bellhop.admin("/api/v1/openapi.json").await.json();
    let says_so = |path: &Value| path["post"]["parameters"].to_string().contains("Idempotency-Key");
    let paths = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<&str> =
        paths.filter(|(_, path)| says_so(path)).map(|(path, _)| path.trim_start_matches("/api/v1")).collect();
    assert_eq!(documented, rows.iter().map(|(path, ..)| *path).collect());
}

/// A token that was shown once is shown again to who asks with its key, opens what it opened, and is nowhere to be read.
#[tokio::test]
async fn a_secret_is_told_again_to_the_same_key_alone() {
    let cast = Cast::assemble().await;
    let wanted = json!({ "name": "once", "scopes": ["manage"] });
    let first = post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await;

    let again = post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await;

    assert_same(&first, &again);
    let value = Pat::printed(again.json()["value"].as_str().unwrap());
    assert_eq!(cast.get(&value, "/whoami").await.json()["user"]["name"], "alan");
    post(&cast, &cast.alan, ("/tokens", "another"), &wanted).await.assert_problem(409, "conflict");
    post(&cast, &value, ("/tokens", "k"), &wanted).await.assert_problem(422, "key-reused");
    assert_eq!(post(&cast, &cast.grace, ("/tokens", "k"), &wanted).await.json()["user"], "grace");
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let cast = Cast::assemble().await;
    let made = post(&cast, &cast.iris, ("/users", "k"), &json!({ "name": "kay" })).await;
    assert_eq!(made.status, 201);

    let other = post(&cast, &cast.iris, ("/users", "k"), &json!({ "name": "jay" })).await;

    other.assert_problem(422, "key-reused");
    let elsewhere = post(&cast, &cast.iris, ("/projects?of=acme", "k"), &json!({ "name": "kay" })).await;
    elsewhere.assert_problem(422, "key-reused");
    cast.get(&cast.iris, "/users/jay").await.assert_problem(404, "not-found");
}

/// Nothing was made, so the key is still there to make it with.
#[tokio::test]
async fn a_refusal_uses_up_no_key() {
    let cast = Cast::assemble().await;
    let wanted = json!({ "name": "ci" });
    let (id, _) = cast.token_of_alan("ci").await;
    post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await.assert_problem(409, "conflict");
    assert_eq!(cast.delete(&cast.alan, &format!("/tokens/{id}")).await.status, 204);

    let made = post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await;

    assert_eq!(made.status, 201, "{}", made.text());
}

#[tokio::test]
async fn twenty_who_ask_at_once_of_two_replicas_get_one_thing() {
    let cast = Cast::assemble().await;
    let data = cast.bellhop.data().display().to_string();
    let other = Bellhop::start(Site::empty().set("data_dir", data)).await;
    let wanted = keyed(&cast.alan, "/tokens", "k", &json!({ "name": "once" }));

    let answers = join_all((0..20).map(|number| {
        let replica = if number % 2 == 0 { &cast.bellhop } else { &other };
        ask(replica, &wanted)
    }))
    .await;

    let (made, waiting): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert!(!made.is_empty());
    for answer in &made {
        assert_same(&made[0], answer);
    }
    for answer in waiting {
        answer.assert_problem(409, "under-way");
    }
    assert_same(&made[0], &ask(&other, &wanted).await);
    let listed = cast.get(&cast.alan, "/tokens?name=once").await.items();
    assert_eq!(listed.len(), 1);
    let trail = cast.get(&cast.iris, "/audit?action=token.created&subject=alan%2Fonce").await.items();
    assert_eq!(trail.len(), 1);
}

#[tokio::test]
async fn after_a_day_a_key_is_new() {
    let cast = Cast::assemble().await;
    let wanted = json!({ "name": "ci" });
    let first = post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await.json();
    assert_eq!(cast.delete(&cast.alan, &format!("/tokens/{}", first["id"].as_str().unwrap())).await.status, 204);
    let file = cast.bellhop.data().join("bellhop.db");
    let mut store = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let day = "UPDATE answers SET made = made - 24 * 3600 * 1000";
    assert_eq!(sqlx::query(day).execute(&mut store).await.unwrap().rows_affected(), 1);

    let second = post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await;

    assert_eq!(second.status, 201, "{}", second.text());
    assert_ne!(second.json()["id"], first["id"]);
    assert_same(&second, &post(&cast, &cast.alan, ("/tokens", "k"), &wanted).await);
}

#[tokio::test]
async fn a_key_is_one_visible_text_of_some_length() {
    let cast = Cast::assemble().await;
    let wanted = json!({ "name": "ci" });
    for key in ["", &"k".repeat(256), "caf\u{e9}"] {
        post(&cast, &cast.alan, ("/tokens", key), &wanted).await.assert_problem(400, "bad-request");
    }
    let two = keyed(&cast.alan, "/tokens", "a", &wanted).header("Idempotency-Key", "b");
    cast.bellhop.ask_admin(&two).await.assert_problem(400, "bad-request");
    assert_eq!(post(&cast, &cast.alan, ("/tokens", &"k".repeat(255)), &wanted).await.status, 201);
    let nobody = Ask::post("/api/v1/tokens").header("Idempotency-Key", "k").json(&wanted);
    cast.bellhop.ask_admin(&nobody).await.assert_problem(401, "unknown-token");
}
