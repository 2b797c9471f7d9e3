//! Every endpoint × every role, in one table. What is in the document and not in the table fails the story.

use super::cast::{Cast, Role};
use crate::support::Site;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a row is about: made anew for each cell, so that no cell sees what another one did.
#[derive(Clone, Copy)]
enum Subject {
    Nothing,
    /// A token of alan's.
    Token,
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
    use Subject::{Nothing, Token};
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
        // What nobody has to have signed in for.
        row(
            "POST",
            "/login",
            "",
            Nothing,
            |name| Some(json!({ "user": name, "password": "fake wrong", "token": "t" })),
            [401; 7],
        ),
        row(
            "POST",
            "/links/redeem",
            "",
            Nothing,
            |_| Some(json!({ "link": "fake", "password": "fake and long enough" })),
            [404; 7],
        ),
        row("GET", "/sessions", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("DELETE", "/sessions/{id}", "", Nothing, none, [401, 403, 404, 404, 404, 404, 404]),
        row(
            "PUT",
            "/password",
            "",
            Nothing,
            |_| Some(json!({ "old": "fake wrong", "new": "fake and long enough" })),
            [401, 403, 422, 422, 422, 422, 422],
        ),
        row("POST", "/users/{user}/link", "", Nothing, none, [401, 403, 403, 403, 403, 403, 201]),
        // Whoever has found a token may end it.
        row(
            "POST",
            "/tokens/revoke",
            "",
            Token,
            |value| Some(json!({ "value": value })),
            [401, 403, 200, 200, 200, 200, 200],
        ),
    ]
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "1000/min")).await;
    let mut wrong = Vec::new();
    for (number, row) in rows().iter().enumerate() {
        for (role, expected) in Role::ALL.into_iter().zip(row.expected) {
            let name = format!("{number}-{role:?}");
            let (path, body) = match row.subject {
                Subject::Nothing => (row.path.replace("{user}", "alan"), (row.body)(&name)),
                Subject::Token => {
                    let (id, value) = cast.token_of_alan(&name).await;
                    (row.path.replace("{id}", &id), (row.body)(value.as_str()))
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
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
