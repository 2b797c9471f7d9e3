//! Every endpoint × every role, in one table. What is in the document and not in the table fails the story.

mod credentials;
mod jobs;
mod people;
mod tokens;
mod webhooks;

use super::cast::{Cast, Role};
use crate::support::{ACME_KEY, Site, Upstream};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a row is about: made anew for each cell, so that no cell sees what another one did.
#[derive(Clone, Copy)]
pub enum Subject {
    Nothing,
    /// A token of alan's.
    Token,
    /// Somebody who is new and has nothing.
    User,
    /// An organization with the same roles as acme.
    Organization,
    /// The same, with somebody new who is a member.
    Member,
    /// The same organization, and an invitation to it by its owner.
    Invitation,
    /// A project of acme that alan is in.
    Project,
    /// The same, and grace is in it too.
    Colleague,
    /// A project of alan's own.
    OwnProject,
    /// A job of alan's, for which acme pays.
    Job,
    /// A submission of alan's of unknown fate, for which acme would pay.
    Lost,
    /// A quota of acme's, set by its owner.
    Quota,
    /// Nobody has a credential.
    Room,
    /// A credential of acme's, of its project optics, and of alan's.
    Shared,
    OfProject,
    Own,
    Provider,
    /// A webhook of an organization's with the same roles as acme, and one of the installation's.
    Webhook,
    CentralWebhook,
}

pub struct Row {
    method: &'static str,
    /// As the document has it.
    path: &'static str,
    /// More of the target.
    query: &'static str,
    subject: Subject,
    body: Option<Body>,
    /// In the order of the roles: nobody, runner, stranger, member, maintainer, owner, administrator.
    expected: [u16; 7],
}

/// What is sent, where the subject is called this.
type Body = fn(&str) -> Value;

impl Row {
    const fn new(method: &'static str, path: &'static str) -> Self {
        Self { method, path, query: "", subject: Subject::Nothing, body: None, expected: [0; 7] }
    }

    const fn get(path: &'static str) -> Self {
        Self::new("GET", path)
    }

    const fn post(path: &'static str) -> Self {
        Self::new("POST", path)
    }

    const fn put(path: &'static str) -> Self {
        Self::new("PUT", path)
    }

    const fn patch(path: &'static str) -> Self {
        Self::new("PATCH", path)
    }

    const fn delete(path: &'static str) -> Self {
        Self::new("DELETE", path)
    }

    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn about(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    const fn sends(self, body: Body) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn gives(self, expected: [u16; 7]) -> Self {
        Self { expected, ..self }
    }
}

fn rows() -> Vec<Row> {
    beside_credentials().into_iter().chain(credentials::credentials()).collect()
}

/// In their story acme has a credential that jobs are made with, and has to keep it.
fn beside_credentials() -> Vec<Row> {
    use people::{invitations, members, organizations, projects, users};
    let people = [users(), organizations(), members(), invitations(), projects()];
    let others = [tokens::tokens(), jobs::jobs(), webhooks::webhooks()];
    people.into_iter().chain(others).flatten().collect()
}

impl Subject {
    /// Makes it, and puts it where the path names it: the path, and what the body may name.
    async fn make(self, cast: &Cast, path: &str, name: &str) -> (String, String) {
        let own = |user: &str| path.replace("{user}", user).replace("{organization}", &format!("org-{name}"));
        match self {
            Self::Nothing => (own("alan"), name.to_owned()),
            Self::Token => {
                let (id, value) = cast.token_of_alan(name).await;
                (path.replace("{id}", &id), value.as_str().to_owned())
            }
            Self::User => {
                cast.add_user(name).await;
                (own(name), name.to_owned())
            }
            Self::Organization => {
                cast.add_organization(&format!("org-{name}")).await;
                (own("alan"), name.to_owned())
            }
            Self::Member => {
                cast.add_organization(&format!("org-{name}")).await;
                cast.add_user(name).await;
                cast.set_member(&format!("org-{name}"), name, "member").await;
                (own(name), name.to_owned())
            }
            Self::Invitation => {
                cast.add_organization(&format!("org-{name}")).await;
                let path = own("alan");
                let made = cast
                    .post(&cast.ada, &format!("/organizations/org-{name}/invitations"), &json!({ "role": "member" }))
                    .await
                    .json();
                (path.replace("{id}", made["id"].as_str().unwrap()), made["value"].as_str().unwrap().to_owned())
            }
            Self::Job => {
                let id = cast.job_of_alan().await.replace('/', "%2F");
                (path.replace("{provider}", "ionq").replace("{id}", &id), name.to_owned())
            }
            Self::Lost => {
                let id = cast.lost_by_alan().await;
                (path.replace("{id}", &id), id)
            }
            Self::Quota => {
                let wanted = json!({ "context": "acme", "measure": "jobs", "period": "month", "limit": "9000" });
                let quota = cast.put(&cast.ada, "/quotas", &wanted).await.json();
                (path.replace("{id}", quota["id"].as_str().unwrap()), name.to_owned())
            }
            Self::Room => {
                clear(cast).await;
                (path.to_owned(), name.to_owned())
            }
            Self::Shared | Self::OfProject | Self::Own => {
                clear(cast).await;
                let id = match self {
                    Self::OfProject => cast.credential_of("acme.optics", None).await,
                    Self::Own => cast.credential_of("me", Some("alan")).await,
                    _ => cast.credential_of("acme", None).await,
                };
                (path.replace("{id}", &id), name.to_owned())
            }
            Self::Webhook | Self::CentralWebhook => {
                let whose = if matches!(self, Self::Webhook) {
                    cast.add_organization(&format!("org-{name}")).await;
                    format!("/organizations/org-{name}/webhooks")
                } else {
                    clear_webhooks(cast).await;
                    "/webhooks".to_owned()
                };
                let made = cast.post(&cast.iris, &whose, &json!({ "url": "https://127.0.0.1:1/" })).await.json();
                (path.replace("{id}", made["webhook"]["id"].as_str().unwrap()), name.to_owned())
            }
            Self::Provider => (path.replace("{id}", "ionq"), name.to_owned()),
            Self::Project => (own("alan").replace("{id}", &cast.add_project(name, &["alan"]).await), name.to_owned()),
            Self::Colleague => {
                (own("grace").replace("{id}", &cast.add_project(name, &["alan", "grace"]).await), name.to_owned())
            }
            Self::OwnProject => (own("grace").replace("{id}", &cast.own_project(name).await), name.to_owned()),
        }
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let (cast, _ionq) = Cast::with_jobs().await;
    try_each(&cast, beside_credentials()).await;
}

#[tokio::test]
async fn each_role_may_do_with_credentials_what_the_table_says_and_nothing_else() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    try_each(&cast, credentials::credentials()).await;
}

async fn try_each(cast: &Cast, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        for (role, expected) in Role::ALL.into_iter().zip(row.expected) {
            let name = format!("{number}-{role:?}").to_lowercase();
            let (path, named) = row.subject.make(cast, row.path, &name).await;
            let body = row.body.map(|body| body(&named));
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

/// An owner has one active credential for a provider: what earlier cells entered makes room for the next one's.
async fn clear(cast: &Cast) {
    for credential in cast.get(&cast.iris, "/credentials").await.items() {
        let path = format!("/credentials/{}?force=true", credential["id"].as_str().unwrap());
        assert_eq!(cast.delete(&cast.iris, &path).await.status, 200);
    }
}

/// There are only so many.
async fn clear_webhooks(cast: &Cast) {
    for webhook in cast.get(&cast.iris, "/webhooks").await.items() {
        let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
        assert_eq!(cast.delete(&cast.iris, &path).await.status, 204);
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
