//! An organization with somebody in each role, somebody who has nothing to do with it, and an administrator.

use crate::support::{ACME_KEY, Answer, Ask, Bellhop, Pat, ProviderLine, Reply, Site, Upstream, eventually};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Everybody who could ask.
pub struct Cast {
    pub bellhop: Bellhop,
    /// Of the owner, and so on; each of scope `manage`.
    pub ada: Pat,
    pub grace: Pat,
    pub alan: Pat,
    pub eve: Pat,
    pub iris: Pat,
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
        let iris = site.user("iris").admin().pat_with("desk", &manage);
        site.organization("acme").member("ada", "owner").member("grace", "maintainer").member("alan", "member");
        site.organization("acme").project("optics", &["alan"]);
        Self { bellhop: site.serve().await, ada, grace, alan, eve, iris, runs }
    }

    /// Acme has a key for IonQ, which makes a job of each submission, and breaks off those that ask for `lost`.
    pub async fn with_jobs() -> (Self, Upstream) {
        let ionq = making_jobs().await;
        let site = Site::facing(&ionq).set("limits.failed_lookups", "1000/min");
        let mut site = site.set("webhooks.allow_private", true);
        site.organization("acme").key(ACME_KEY);
        (Self::at(site).await, ionq)
    }

    /// A job of alan's that acme pays for.
    pub async fn job_of_alan(&self) -> String {
        let answer = self.bellhop.post(&self.runs, JOBS, &json!({ "backend": "qpu", "shots": 100 })).await;
        answer.assert_relayed();
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// A submission of alan's of which nobody knows what came of it.
    pub async fn lost_by_alan(&self) -> String {
        let lost = async || {
            let listed = self.get(&self.alan, "/submissions?state=unknown&limit=200").await.json();
            listed["items"].as_array().unwrap().clone()
        };
        let before = lost().await.len();
        self.bellhop.post(&self.runs, JOBS, &json!({ "backend": "qpu", "name": "lost" })).await;
        eventually("it is of unknown fate", async || lost().await.len() > before).await;
        lost().await[0]["id"].as_str().unwrap().to_owned()
    }

    /// With nothing of it but its address and a token.
    pub fn elsewhere(&self, token: &Pat) -> Site {
        let url = format!("http://{}", self.bellhop.addresses.admin);
        Site::empty().environment("BELLHOP_URL", &url).environment("BELLHOP_TOKEN", token.as_str())
    }

    pub async fn put(&self, pat: &Pat, path: &str, body: &Value) -> Answer {
        self.ask(Some(pat), "PUT", path, Some(body)).await
    }

    pub async fn delete(&self, pat: &Pat, path: &str) -> Answer {
        self.ask(Some(pat), "DELETE", path, None).await
    }

    pub fn pat(&self, role: Role) -> Option<&Pat> {
        match role {
            Role::Nobody => None,
            Role::Runner => Some(&self.runs),
            Role::Stranger => Some(&self.eve),
            Role::Member => Some(&self.alan),
            Role::Maintainer => Some(&self.grace),
            Role::Owner => Some(&self.ada),
            Role::Admin => Some(&self.iris),
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

    /// A new credential for IonQ of this context's, entered by the administrator: its id.
    pub async fn credential_of(&self, context: &str, user: Option<&str>) -> String {
        let wanted = json!({ "context": context, "user": user, "provider": "ionq", "label": "of the story",
                             "fields": { "api_key": ACME_KEY } });
        id_of(&self.furnish("POST", "/credentials", &wanted).await)
    }

    /// What the story needs, done by the administrator.
    async fn furnish(&self, method: &'static str, path: &str, body: &Value) -> Value {
        let answer = self.ask(Some(&self.iris), method, path, Some(body)).await;
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

const JOBS: &str = "/ionq/v0.4/jobs";

/// A stand-in for IonQ as `with_jobs` has it.
pub async fn making_jobs() -> Upstream {
    let made = std::sync::Arc::new(AtomicUsize::new(0));
    Upstream::scripted(move |mut line: ProviderLine| {
        let made = std::sync::Arc::clone(&made);
        async move {
            while let Some(request) = line.request().await {
                let reply = match request.method.as_str() {
                    "POST" if request.body.windows(4).any(|word| word == b"lost") => return,
                    "POST" => json!({ "id": format!("job/{}", made.fetch_add(1, SeqCst) + 1), "status": "submitted" }),
                    "PUT" => json!({ "status": "canceled" }),
                    _ => {
                        json!({ "status": "completed", "backend": "qpu", "shots": 100, "execution_duration_ms": 1500 })
                    }
                };
                line.send(Reply::json(200, &reply).bytes()).await;
            }
        }
    })
    .await
}

impl Answer {
    /// What a list has on this page.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["items"].as_array().unwrap().clone()
    }

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
