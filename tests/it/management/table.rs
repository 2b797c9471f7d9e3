//! Every endpoint × every role, in one table. What is in the document and not in the table fails the story.

use super::cast::{Cast, Role};
use crate::support::{ACME_KEY, Site, Upstream};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a row is about: made anew for each cell, so that no cell sees what another one did.
#[derive(Clone, Copy)]
enum Subject {
    Nothing,
    /// A token of alan's.
    Token,
    /// A credential of acme's, of its project optics, and of alan's.
    Shared,
    OfProject,
    Own,
    Provider,
}

struct Row {
    method: &'static str,
    /// As the document has it.
    path: &'static str,
    /// More of the target.
    query: &'static str,
    subject: Subject,
    body: fn(&str) -> Option<Value>,
    /// In the order of the roles.
    expected: [u16; 7],
}

const fn none(_: &str) -> Option<Value> {
    None
}

fn rows() -> Vec<Row> {
    use Subject::{Nothing, OfProject, Own, Provider, Shared, Token};
    let row = |method, path, query, subject, body, expected| Row { method, path, query, subject, body, expected };
    //                                                     nobody runner stranger member maintainer owner admin
    vec![
        row("GET", "/whoami", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/tokens", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/tokens", "?user=alan", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/tokens", "?user=*", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row("POST", "/tokens", "", Nothing, |name| Some(json!({ "name": name })), [401, 403, 201, 201, 201, 201, 201]),
        row(
            "POST",
            "/tokens",
            "",
            Nothing,
            |name| Some(json!({ "name": name, "user": "alan" })),
            [401, 403, 404, 201, 404, 404, 201],
        ),
        row("GET", "/tokens/{id}", "", Token, none, [401, 403, 404, 200, 404, 404, 200]),
        row(
            "PATCH",
            "/tokens/{id}",
            "",
            Token,
            |_| Some(json!({ "providers": ["ionq"] })),
            [401, 403, 404, 200, 404, 404, 200],
        ),
        row("DELETE", "/tokens/{id}", "", Token, none, [401, 403, 404, 204, 404, 404, 204]),
        // Whoever has found a token may end it.
        row(
            "POST",
            "/tokens/revoke",
            "",
            Token,
            |value| Some(json!({ "value": value })),
            [401, 403, 200, 200, 200, 200, 200],
        ),
        row("GET", "/credentials", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/credentials", "?context=acme", Nothing, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/credentials", "?context=me&user=alan", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("POST", "/credentials", "", Nothing, |_| Some(key_of("me")), [401, 403, 201, 201, 201, 201, 201]),
        row("POST", "/credentials", "", Nothing, |_| Some(key_of("acme")), [401, 403, 404, 403, 201, 201, 201]),
        row("POST", "/credentials", "", Nothing, |_| Some(key_of("acme.optics")), [401, 403, 404, 403, 201, 201, 201]),
        row("GET", "/credentials/{id}", "", Shared, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/credentials/{id}", "", OfProject, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/credentials/{id}", "", Own, none, [401, 403, 404, 200, 404, 404, 200]),
        row("PATCH", "/credentials/{id}", "", Shared, |_| Some(named("x")), [401, 403, 404, 403, 200, 200, 200]),
        row("PATCH", "/credentials/{id}", "", OfProject, |_| Some(named("x")), [401, 403, 404, 403, 200, 200, 200]),
        row("PATCH", "/credentials/{id}", "", Own, |_| Some(named("x")), [401, 403, 404, 200, 404, 404, 200]),
        row("DELETE", "/credentials/{id}", "", Shared, none, [401, 403, 404, 403, 200, 200, 200]),
        row("DELETE", "/credentials/{id}", "?force=true", Own, none, [401, 403, 404, 200, 404, 404, 200]),
        row("POST", "/credentials/{id}/versions", "", Shared, |_| Some(rotated()), [401, 403, 404, 403, 201, 201, 201]),
        row("POST", "/credentials/{id}/versions", "", Own, |_| Some(rotated()), [401, 403, 404, 201, 404, 404, 201]),
        row("POST", "/credentials/{id}/probe", "", Shared, none, [401, 403, 404, 403, 200, 200, 200]),
        row("POST", "/credentials/{id}/probe", "", Own, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/credentials/{id}/spenders", "", Shared, none, [401, 403, 404, 403, 200, 200, 200]),
        row("GET", "/credentials/{id}/spenders", "", Own, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/credentials/{id}/consequences", "", Shared, none, [401, 403, 404, 403, 200, 200, 200]),
        row("GET", "/credentials/{id}/consequences", "", Own, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/providers", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/providers/{id}", "", Provider, none, [401, 403, 200, 200, 200, 200, 200]),
        row(
            "POST",
            "/explain",
            "",
            Nothing,
            |_| Some(json!({ "provider": "ionq" })),
            [401, 403, 200, 200, 200, 200, 200],
        ),
        row(
            "POST",
            "/explain",
            "",
            Nothing,
            |_| Some(json!({ "provider": "ionq", "user": "alan" })),
            [401, 403, 404, 200, 404, 404, 200],
        ),
    ]
}

fn key_of(context: &str) -> Value {
    json!({ "context": context, "provider": "ionq", "fields": { "api_key": ACME_KEY } })
}

fn named(label: &str) -> Value {
    json!({ "label": label })
}

fn rotated() -> Value {
    json!({ "fields": { "api_key": ACME_KEY } })
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let mut wrong = Vec::new();
    for (number, row) in rows().iter().enumerate() {
        for (role, expected) in Role::ALL.into_iter().zip(row.expected) {
            let name = format!("{number}-{role:?}");
            let (path, body) = match row.subject {
                Subject::Nothing => (row.path.to_owned(), (row.body)(&name)),
                Subject::Token => {
                    let (id, value) = cast.token_of_alan(&name).await;
                    (row.path.replace("{id}", &id), (row.body)(value.as_str()))
                }
                Subject::Provider => (row.path.replace("{id}", "ionq"), None),
                credential => {
                    let id = match credential {
                        Subject::OfProject => cast.credential_of("acme.optics", None).await,
                        Subject::Own => cast.credential_of("me", Some("alan")).await,
                        _ => cast.credential_of("acme", None).await,
                    };
                    (row.path.replace("{id}", &id), (row.body)(&name))
                }
            };
            let answer = cast.ask(cast.pat(role), row.method, &format!("{path}{}", row.query), body.as_ref()).await;
            if answer.status != expected {
                wrong.push(format!(
                    "{} {}{} as {role:?}: {} instead of {expected}, {}",
                    row.method,
                    row.path,
                    row.query,
                    answer.status,
                    answer.text()
                ));
            }
            clear(&cast).await;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An owner has one active credential for a provider: each cell makes room for the next one's.
async fn clear(cast: &Cast) {
    for credential in cast.get(&cast.root, "/credentials").await.json()["items"].as_array().unwrap() {
        let path = format!("/credentials/{}?force=true", credential["id"].as_str().unwrap());
        assert_eq!(cast.ask(Some(&cast.root), "DELETE", &path, None).await.status, 200);
    }
}

#[tokio::test]
async fn the_table_has_every_endpoint() {
    let cast = Cast::assemble().await;
    let document = cast.bellhop.admin("/api/v1/openapi.json").await.json();
    let endpoints: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (path, method)))
        .map(|(path, method)| (method.to_uppercase(), path.trim_start_matches("/api/v1").to_owned()))
        .collect();
    let tested = rows().iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    assert_eq!(endpoints, tested);
}
