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
    /// Somebody who is new and has nothing.
    User,
    /// An organization with the same roles as acme.
    Organization,
    /// The same, with somebody new who is a member.
    Member,
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
}

struct Row {
    method: &'static str,
    /// As the document has it.
    path: &'static str,
    /// More of the target.
    query: &'static str,
    subject: Subject,
    body: Body,
    /// In the order of the roles: nobody, runner, stranger, member, maintainer, owner, administrator.
    expected: [u16; 7],
}

/// What is sent, where the subject is called this.
type Body = fn(&str) -> Option<Value>;

const fn none(_: &str) -> Option<Value> {
    None
}
const NEW: Body = |name| Some(json!({ "name": format!("new-{name}") }));
// None: acme goes on to pay for what alan submits.
const ACTIVE: Body = |_| Some(json!({ "context": null }));
const ROLE: Body = |_| Some(json!({ "role": "maintainer" }));

fn rows() -> Vec<Row> {
    beside_credentials().into_iter().chain(credentials()).collect()
}

/// In their story acme has a credential that jobs are made with, and has to keep it.
fn beside_credentials() -> Vec<Row> {
    [tokens(), users(), organizations(), members(), projects(), jobs()].into_iter().flatten().collect()
}

const fn row(
    method: &'static str,
    path: &'static str,
    query: &'static str,
    subject: Subject,
    body: Body,
    expected: [u16; 7],
) -> Row {
    Row { method, path, query, subject, body, expected }
}

fn tokens() -> Vec<Row> {
    use Subject::{Nothing, Token};
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

fn credentials() -> Vec<Row> {
    use Subject::{Nothing, OfProject, Own, Provider, Room, Shared};
    vec![
        row("GET", "/credentials", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/credentials", "?context=acme", Nothing, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/credentials", "?context=me&user=alan", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("POST", "/credentials", "", Room, |_| Some(key_of("me")), [401, 403, 201, 201, 201, 201, 201]),
        row("POST", "/credentials", "", Room, |_| Some(key_of("acme")), [401, 403, 404, 403, 201, 201, 201]),
        row("POST", "/credentials", "", Room, |_| Some(key_of("acme.optics")), [401, 403, 404, 403, 201, 201, 201]),
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

fn jobs() -> Vec<Row> {
    use Subject::{Job, Lost, Nothing, Quota};
    vec![
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

fn users() -> Vec<Row> {
    use Subject::{Nothing, User};
    vec![
        row("GET", "/contexts", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/users", "", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row("GET", "/users", "?name=alan", Nothing, none, [401, 403, 403, 403, 403, 403, 200]),
        row("POST", "/users", "", Nothing, NEW, [401, 403, 403, 403, 403, 403, 201]),
        row("GET", "/users/{user}", "", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/users/{user}", "", User, none, [401, 403, 404, 404, 404, 404, 200]),
        // One's own account, and somebody else's.
        row("PATCH", "/users/{user}", "", Nothing, |_| Some(json!({})), [401, 403, 404, 403, 404, 404, 200]),
        row(
            "PATCH",
            "/users/{user}",
            "",
            User,
            |_| Some(json!({ "disabled": true })),
            [401, 403, 404, 404, 404, 404, 200],
        ),
        row("DELETE", "/users/{user}", "", User, none, [401, 403, 404, 404, 404, 404, 204]),
        row("GET", "/users/{user}/consequences", "", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/users/{user}/consequences", "", User, none, [401, 403, 404, 404, 404, 404, 200]),
        row("PUT", "/users/{user}/active", "", Nothing, ACTIVE, [401, 403, 404, 200, 404, 404, 200]),
        row("PUT", "/users/{user}/active", "", User, ACTIVE, [401, 403, 404, 404, 404, 404, 200]),
    ]
}

fn organizations() -> Vec<Row> {
    use Subject::{Nothing, Organization};
    vec![
        row("GET", "/organizations", "", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("POST", "/organizations", "", Nothing, NEW, [401, 403, 403, 403, 403, 403, 201]),
        row("GET", "/organizations/{organization}", "", Organization, none, [401, 403, 404, 200, 200, 200, 200]),
        row("PATCH", "/organizations/{organization}", "", Organization, NEW, [401, 403, 404, 403, 403, 200, 200]),
        row("DELETE", "/organizations/{organization}", "", Organization, none, [401, 403, 404, 403, 403, 204, 204]),
        row(
            "GET",
            "/organizations/{organization}/consequences",
            "",
            Organization,
            none,
            [401, 403, 404, 403, 403, 200, 200],
        ),
    ]
}

fn members() -> Vec<Row> {
    use Subject::{Member, Organization};
    vec![
        row(
            "GET",
            "/organizations/{organization}/members",
            "",
            Organization,
            none,
            [401, 403, 404, 200, 200, 200, 200],
        ),
        row(
            "GET",
            "/organizations/{organization}/members/{user}",
            "",
            Member,
            none,
            [401, 403, 404, 200, 200, 200, 200],
        ),
        row(
            "PUT",
            "/organizations/{organization}/members/{user}",
            "",
            Member,
            ROLE,
            [401, 403, 404, 403, 403, 200, 200],
        ),
        row(
            "DELETE",
            "/organizations/{organization}/members/{user}",
            "",
            Member,
            none,
            [401, 403, 404, 403, 403, 204, 204],
        ),
        // Alan leaves.
        row(
            "DELETE",
            "/organizations/{organization}/members/{user}",
            "",
            Organization,
            none,
            [401, 403, 404, 204, 403, 204, 204],
        ),
    ]
}

fn projects() -> Vec<Row> {
    use Subject::{Colleague, Nothing, OwnProject, Project};
    vec![
        row("GET", "/projects", "?of=me", Nothing, none, [401, 403, 200, 200, 200, 200, 200]),
        row("GET", "/projects", "?of=me&user=alan", Nothing, none, [401, 403, 404, 200, 404, 404, 200]),
        row("GET", "/projects", "?of=acme", Nothing, none, [401, 403, 404, 200, 200, 200, 200]),
        row("POST", "/projects", "?of=me", Nothing, NEW, [401, 403, 201, 201, 201, 201, 201]),
        row("POST", "/projects", "?of=me&user=alan", Nothing, NEW, [401, 403, 404, 201, 404, 404, 201]),
        row("POST", "/projects", "?of=acme", Nothing, NEW, [401, 403, 404, 403, 201, 201, 201]),
        row("GET", "/projects/{id}", "", Project, none, [401, 403, 404, 200, 200, 200, 200]),
        row("GET", "/projects/{id}", "", OwnProject, none, [401, 403, 404, 200, 404, 404, 200]),
        row("PATCH", "/projects/{id}", "", Project, NEW, [401, 403, 404, 403, 200, 200, 200]),
        row("PATCH", "/projects/{id}", "", OwnProject, NEW, [401, 403, 404, 200, 404, 404, 200]),
        row("DELETE", "/projects/{id}", "", Project, none, [401, 403, 404, 403, 204, 204, 204]),
        row("DELETE", "/projects/{id}", "", OwnProject, none, [401, 403, 404, 204, 404, 404, 204]),
        row("PUT", "/projects/{id}/members/{user}", "", Colleague, none, [401, 403, 404, 403, 200, 200, 200]),
        row("PUT", "/projects/{id}/members/{user}", "", OwnProject, none, [401, 403, 404, 409, 404, 404, 409]),
        row("DELETE", "/projects/{id}/members/{user}", "", Colleague, none, [401, 403, 404, 403, 204, 204, 204]),
        row("DELETE", "/projects/{id}/members/{user}", "", OwnProject, none, [401, 403, 404, 409, 404, 404, 409]),
    ]
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
    try_each(&cast, credentials()).await;
}

async fn try_each(cast: &Cast, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        for (role, expected) in Role::ALL.into_iter().zip(row.expected) {
            let name = format!("{number}-{role:?}").to_lowercase();
            let (path, named) = row.subject.make(cast, row.path, &name).await;
            let body = (row.body)(&named);
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
    for credential in cast.get(&cast.root, "/credentials").await.items() {
        let path = format!("/credentials/{}?force=true", credential["id"].as_str().unwrap());
        assert_eq!(cast.delete(&cast.root, &path).await.status, 200);
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
