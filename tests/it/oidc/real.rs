//! A real server of OpenID Connect, Canaille, through the pages that people meet there.
//! Only where `BELLHOP_TEST_CANAILLE` names the Python that it is in; `tests/oidc/canaille` prints where.

use super::{BASE, SECRET, Visitor, site};
use crate::support::{Answer, Ask, Line, eventually, intake::Seen};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

const PASSWORD: &str = "fake correct horse battery";

struct Canaille {
    process: Child,
    origin: String,
}

impl Canaille {
    /// Knows grace and alan, and that grace is a physicist.
    fn start() -> Option<Self> {
        let Ok(python) = std::env::var("BELLHOP_TEST_CANAILLE") else {
            eprintln!("skipped: BELLHOP_TEST_CANAILLE names no Python with Canaille");
            return None;
        };
        let told = json!({
            "people": { "grace": PASSWORD, "alan": PASSWORD }, "groups": { "physics": ["grace"], "others": ["alan"] },
            "secret": SECRET, "redirect": format!("{BASE}/sign-in/oidc/return"),
        });
        let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/server.py");
        let mut command = Command::new(python);
        command.args([server, &told.to_string()]).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut origin = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut origin).unwrap();
        assert!(origin.starts_with("http://"), "Canaille did not start");
        Some(Self { process, origin: origin.trim().to_owned() })
    }

    fn section(&self) -> Value {
        json!({
            "issuer": self.origin, "client_id": "bellhop", "client_secret": { "env": "OIDC_SECRET" },
            "name": "Canaille", "allow_private": true, "scopes": ["openid", "profile", "groups"],
            "first_sign_in": "create", "groups": { "physics": { "organization": "acme", "role": "maintainer" } },
        })
    }
}

impl Drop for Canaille {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Somebody at Canaille's own pages.
struct Person<'c> {
    canaille: &'c Canaille,
    name: &'c str,
    password: &'c str,
    cookies: BTreeMap<String, String>,
}

impl<'c> Person<'c> {
    fn new(canaille: &'c Canaille, name: &'c str) -> Self {
        Self { canaille, name, password: PASSWORD, cookies: BTreeMap::new() }
    }

    /// From where Bellhop has sent them: fills in what is asked for, until they are sent back.
    async fn sign_in(&mut self, url: &str) -> String {
        let mut at = url.to_owned();
        let mut answer = self.ask(Ask::get(self.path(&at))).await;
        for _ in 0..10 {
            if let Some(to) = answer.header("location").map(str::to_owned) {
                if let Some(back) = to.strip_prefix(BASE) {
                    return back.to_owned();
                }
                at = self.path(&to);
                answer = self.ask(Ask::get(&*at)).await;
                continue;
            }
            let fields = self.fields(&answer.text());
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let ask = Ask::post(self.path(&at)).header("Content-Type", "application/x-www-form-urlencoded");
            answer = self.ask(ask.body(body)).await;
        }
        panic!("{} was not sent back: {} {}", self.name, answer.status, answer.text());
    }

    fn fields(&self, page: &str) -> Vec<(&'static str, String)> {
        let token = page.split_once("name=\"csrf_token\" value=\"").unwrap_or_else(|| panic!("no form in {page}")).1;
        let mut fields = vec![("csrf_token", token.split('"').next().unwrap().to_owned())];
        for (name, value) in [("login", self.name), ("password", self.password), ("answer", "accept")] {
            if page.contains(&format!("name=\"{name}\"")) {
                fields.push((name, value.to_owned()));
            }
        }
        fields
    }

    fn path(&self, url: &str) -> String {
        url.strip_prefix(&self.canaille.origin).unwrap_or(url).to_owned()
    }

    async fn ask(&mut self, mut ask: Ask) -> Answer {
        let crumbs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        ask = ask.header("Cookie", crumbs.join("; "));
        let address: SocketAddr = self.canaille.origin.trim_start_matches("http://").parse().unwrap();
        let answer = Line::open(address, Seen::default()).await.ask(&ask).await;
        for (_, set) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

#[tokio::test]
async fn people_sign_in_at_a_real_server_and_their_groups_count() {
    let Some(canaille) = Canaille::start() else { return };
    let issuer = super::Issuer::open().await;
    let (mut site, _) = site(&issuer);
    site.reconfigure("oidc", canaille.section());
    let bellhop = site.serve().await;
    for (name, role) in [("grace", Some("maintainer")), ("alan", None)] {
        let mut visitor = Visitor::at(&bellhop);
        let away = visitor.get("/sign-in/oidc?next=/tokens").await;
        assert_eq!(away.status, 303, "{}", away.text());
        let back = Person::new(&canaille, name).sign_in(away.header("location").unwrap()).await;
        assert!(back.contains("&iss="), "Canaille says whose answer it is: {back}");

        visitor.get(&back).await.assert_in();

        assert!(visitor.get("/").await.text().contains(&format!("Hello, {name}")));
        let me = visitor.whoami().await;
        assert_eq!(me["user"]["organizations"][0]["role"].as_str(), role, "{me}");
        visitor.clone_of().get(&back).await.assert_out(403, "begun in another browser");
    }
    // It does not say whose answer it is, though this server always does.
    let mut visitor = Visitor::at(&bellhop);
    let away = visitor.get("/sign-in/oidc").await;
    let back = Person::new(&canaille, "grace").sign_in(away.header("location").unwrap()).await;
    let nameless = back.split("&iss=").next().unwrap();
    visitor.clone_of().get(nameless).await.assert_out(403, "begun in another browser");
    drop(canaille);
    eventually("it is gone", async || visitor.clone_of().get(&back).await.status == 502).await;
}
