//! Every endpoint × every role, in one table. What is in the document and not in the table fails the story.

use super::cast::{Cast, Role};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a row is about: made anew for each cell, so that no cell sees what another one did.
#[derive(Clone, Copy)]
enum Subject {
    Nothing,
    /// A token of alan's.
    Token,
    /// A job of alan's, for which acme pays.
    Job,
    /// A submission of alan's of unknown fate, for which acme would pay.
    Lost,
    /// A quota of acme's, set by its owner.
    Quota,
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
    use Subject::{Job, Lost, Nothing, Quota, Token};
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
        row("GET", "/jobs", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/jobs", "?user=alan", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/jobs", "?user=*", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row("GET", "/jobs", "?organization=acme", Nothing, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/jobs", "?organization=acme&user=grace", Nothing, none, [401, 403, 404, 404, 200, 200, 200]),
        row("GET", "/jobs/{provider}/{id}", "", Job, none, [401, 403, 404, 200, 200, 200, 200]),
        row("POST", "/jobs/{provider}/{id}/cancel", "", Job, none, [401, 403, 404, 200, 200, 200, 200]),
        row(
            "POST",
            "/jobs/{provider}/{id}/adopt",
            "",
            Job,
            |_| Some(json!({ "to": "grace" })),
            [401, 403, 404, 403, 200, 200, 200],
        ),
        row("GET", "/submissions", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/submissions", "?organization=acme", Nothing, none, [401, 403, 404, 200, 200, 200, 200]),
        row(
            "POST",
            "/submissions/{id}/adopt",
            "",
            Lost,
            |id| Some(json!({ "provider": "ionq", "job": id, "to": "alan" })),
            [401, 403, 404, 403, 200, 200, 200],
        ),
        row("POST", "/submissions/{id}/refuse", "", Lost, none, [401, 403, 404, 403, 200, 200, 200]),
        row("GET", "/usage", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/usage", "?organization=acme", Nothing, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/usage", "?user=*", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row("GET", "/quotas", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/quotas", "?of=acme", Nothing, none, [401, 403, 404, 403, 200, 200, 200]),
        row("GET", "/quotas", "?of=*", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row(
            "PUT",
            "/quotas",
            "",
            Nothing,
            |_| Some(json!({ "context": "acme", "measure": "money", "period": "month", "limit": "100" })),
            [401, 403, 404, 403, 403, 200, 200],
        ),
        // What binds a person is the operator's.
        row(
            "PUT",
            "/quotas",
            "",
            Nothing,
            |_| Some(json!({ "user": "alan", "measure": "jobs", "period": "day", "limit": "100" })),
            [401, 403, 404, 403, 404, 404, 200],
        ),
        row("GET", "/quotas/{id}", "", Quota, none, [401, 403, 404, 200, 200, 200, 200]),
        row("DELETE", "/quotas/{id}", "", Quota, none, [401, 403, 404, 403, 403, 204, 204]),
        row("GET", "/audit", "", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row("GET", "/audit", "?actor=me", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/audit", "?actor=alan", Nothing, none, [401, 403, 403, 200, 403, 403, 200]),
        row("GET", "/audit/verify", "", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row(
            "POST",
            "/audit/verify",
            "",
            Nothing,
            |_| Some(json!({ "checkpoints": [] })),
            [401, 403, 403, 403, 403, 403, 200],
        ),
    ]
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let (cast, _ionq) = Cast::with_jobs().await;
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
                Subject::Job => {
                    let id = cast.job_of_alan().await.replace('/', "%2F");
                    (row.path.replace("{provider}", "ionq").replace("{id}", &id), (row.body)(&name))
                }
                Subject::Lost => {
                    let id = cast.lost_by_alan().await;
                    (row.path.replace("{id}", &id), (row.body)(&id))
                }
                Subject::Quota => {
                    let wanted = json!({ "context": "acme", "measure": "jobs", "period": "month", "limit": "9000" });
                    let quota = cast.put(&cast.ada, "/quotas", &wanted).await.json();
                    (row.path.replace("{id}", quota["id"].as_str().unwrap()), (row.body)(&name))
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
