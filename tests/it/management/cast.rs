//! An organization with somebody in each role, somebody who has nothing to do with it, and an administrator.

use crate::support::{Answer, Ask, Bellhop, Pat, Site};
use serde_json::{Value, json};

/// Everybody who could ask.
pub struct Cast {
    pub bellhop: Bellhop,
    /// Of the owner, and so on; each of scope `manage`.
    pub ada: Pat,
    pub grace: Pat,
    pub alan: Pat,
    pub eve: Pat,
    pub root: Pat,
    /// Alan's, of scope `run`.
    pub runs: Pat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Nobody,
    /// Alan, with a token that is for jobs.
    Runner,
    Stranger,
    Member,
    Maintainer,
    Owner,
    Admin,
}

impl Role {
    pub const ALL: [Self; 7] =
        [Self::Nobody, Self::Runner, Self::Stranger, Self::Member, Self::Maintainer, Self::Owner, Self::Admin];
}

impl Cast {
    pub async fn assemble() -> Self {
        Self::at(Site::empty()).await
    }

    pub async fn at(mut site: Site) -> Self {
        let manage = json!({ "scopes": ["manage"] });
        let [ada, grace, alan, eve] =
            ["ada", "grace", "alan", "eve"].map(|name| site.user(name).pat_with("desk", &manage));
        let runs = site.user("alan").pat_with("runs", &json!({ "scopes": ["run"] }));
        let root = site.user("root").admin().pat_with("desk", &manage);
        site.organization("acme").member("ada", "owner").member("grace", "maintainer").member("alan", "member");
        site.organization("acme").project("optics", &["alan"]);
        Self { bellhop: site.serve().await, ada, grace, alan, eve, root, runs }
    }

    pub fn pat(&self, role: Role) -> Option<&Pat> {
        match role {
            Role::Nobody => None,
            Role::Runner => Some(&self.runs),
            Role::Stranger => Some(&self.eve),
            Role::Member => Some(&self.alan),
            Role::Maintainer => Some(&self.grace),
            Role::Owner => Some(&self.ada),
            Role::Admin => Some(&self.root),
        }
    }

    pub async fn get(&self, pat: &Pat, path: &str) -> Answer {
        self.ask(Some(pat), "GET", path, None).await
    }

    pub async fn post(&self, pat: &Pat, path: &str, body: &Value) -> Answer {
        self.ask(Some(pat), "POST", path, Some(body)).await
    }

    pub async fn ask(&self, pat: Option<&Pat>, method: &'static str, path: &str, body: Option<&Value>) -> Answer {
        let mut ask = Ask::new(method, format!("/api/v1{path}"));
        if let Some(pat) = pat {
            ask = ask.header("Authorization", format!("Bearer {pat}"));
        }
        if let Some(body) = body {
            ask = ask.json(body);
        }
        self.bellhop.ask_admin(&ask).await
    }

    /// What the story needs, done by the administrator.
    async fn furnish(&self, method: &'static str, path: &str, body: &Value) -> Value {
        let answer = self.ask(Some(&self.root), method, path, Some(body)).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text());
        answer.json()
    }

    pub async fn add_user(&self, name: &str) -> String {
        id_of(&self.furnish("POST", "/users", &json!({ "name": name })).await)
    }

    /// With ada, grace and alan as in acme.
    pub async fn add_organization(&self, name: &str) -> String {
        let made = self.furnish("POST", "/organizations", &json!({ "name": name, "owner": "ada" })).await;
        self.set_member(name, "grace", "maintainer").await;
        self.set_member(name, "alan", "member").await;
        id_of(&made)
    }

    pub async fn set_member(&self, organization: &str, user: &str, role: &str) {
        let path = format!("/organizations/{organization}/members/{user}");
        self.furnish("PUT", &path, &json!({ "role": role })).await;
    }

    /// A project of acme's.
    pub async fn add_project(&self, name: &str, members: &[&str]) -> String {
        let id = id_of(&self.furnish("POST", "/projects?of=acme", &json!({ "name": name })).await);
        for member in members {
            self.furnish("PUT", &format!("/projects/{id}/members/{member}"), &json!(null)).await;
        }
        id
    }

    /// A project of alan's.
    pub async fn own_project(&self, name: &str) -> String {
        id_of(&self.furnish("POST", "/projects?of=me&user=alan", &json!({ "name": name })).await)
    }

    /// With the tag of what was read.
    pub async fn change(&self, pat: &Pat, method: &'static str, path: &str, (tag, body): (&str, &Value)) -> Answer {
        let ask = Ask::new(method, format!("/api/v1{path}")).header("Authorization", format!("Bearer {pat}"));
        self.bellhop.ask_admin(&ask.header("If-Match", tag).json(body)).await
    }

    /// A new token of alan's, made by himself: its id and its value.
    pub async fn token_of_alan(&self, name: &str) -> (String, Pat) {
        let made = self.post(&self.alan, "/tokens", &json!({ "name": name, "scopes": ["manage"] })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        (made["id"].as_str().unwrap().to_owned(), Pat::printed(made["value"].as_str().unwrap()))
    }
}

fn id_of(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

impl Answer {
    /// A problem of RFC 9457 with this status and code.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        problem
    }
}
