//! Signing in with an identity provider: who comes back is who they are there, and what their groups mean here.

mod forged;
mod forms;
mod groups;
mod issuer;
mod real;
mod rest;
mod ties;
mod visitor;

use crate::support::{Pat, Site};
use issuer::{Issuer, SECRET};
use serde_json::{Value, json};
use visitor::Visitor;

/// Where people are sent back to. Nothing listens there: the stories' browsers know where Bellhop really is.
const BASE: &str = "http://bellhop.example.test";

/// A Bellhop that knows this provider, and acme, whose owner is ada; iris is an administrator.
fn site(issuer: &Issuer) -> (Site, Pat) {
    let mut site = Site::empty().set("listen.admin_url", BASE).environment("OIDC_SECRET", SECRET);
    site.reconfigure("limits.failed_lookups", "1000/min");
    site.reconfigure("oidc", issuer.section());
    let iris = site.user("iris").admin().pat_with("desk", &json!({ "scopes": ["manage"] }));
    site.user("ada");
    site.organization("acme").member("ada", "owner");
    (site, iris)
}

/// As the provider tells of her.
fn grace() -> Value {
    json!({ "sub": "id-of-grace", "preferred_username": "grace", "groups": ["physics"] })
}

fn but(person: Value, changes: &Value) -> Value {
    crate::support::state::with(&person, changes)
}

#[tokio::test]
async fn who_signs_in_is_who_they_are_there_and_gets_what_their_groups_mean() {
    let issuer = Issuer::open().await;
    let (site, iris) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let mut visitor = Visitor::at(&bellhop);
    let page = visitor.get("/sign-in?next=/tokens").await.text();
    assert!(page.contains("Sign in with The Institute") && page.contains("name=\"secret-password\""), "{page}");

    let away = visitor.get("/sign-in/oidc?next=/tokens").await;

    let url = away.header("location").unwrap().to_owned();
    let asked = issuer::query(&url);
    assert!(url.starts_with(&format!("{}/authorize?", issuer.origin())), "{url}");
    let is = |name: &str, value: &str| assert_eq!(asked[name], value, "{url}");
    is("redirect_uri", &format!("{BASE}/sign-in/oidc/return"));
    is("response_type", "code");
    is("client_id", "bellhop");
    is("scope", "openid profile email");
    is("code_challenge_method", "S256");
    assert!(["state", "nonce", "code_challenge"].iter().all(|name| asked[*name].len() >= 43), "{url}");

    let back = visitor.get(&issuer.sign_in(&url, grace())).await;

    assert_eq!((back.status, back.header_of("location").as_deref()), (303, Some("/tokens")), "{}", back.text());
    assert!(visitor.get("/").await.text().contains("Hello, grace"));
    let me = visitor.whoami().await;
    assert_eq!(me["user"]["organizations"][0]["name"], "acme", "{me}");
    assert_eq!(me["user"]["organizations"][0]["role"], "member");
    assert!(me["user"]["sign_in_by"].as_str().is_some_and(|by| by.starts_with("20")), "{me}");
    let trail = visitor::ask(&bellhop, &iris, "GET", "/audit?limit=50", None).await.text();
    for told in ["user.added", "member.set", "session.begun", "with The Institute", "id-of-grace"] {
        assert!(trail.contains(told), "{told} is not in {trail}");
    }
    // And again, as the same.
    let mut elsewhere = Visitor::at(&bellhop);
    elsewhere.sign_in(&issuer, but(grace(), &json!({ "preferred_username": "gracie" }))).await.assert_in();
    assert_eq!(elsewhere.whoami().await["user"]["name"], "grace", "a name that changes there changes nothing here");
}

#[tokio::test]
async fn nothing_of_a_sign_in_is_in_the_log() {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    let mut visitor = Visitor::at(&bellhop);
    visitor.sign_in(&issuer, grace()).await.assert_in();
    let log = bellhop.log();
    for told in issuer.told() {
        assert!(!log.contains(&told), "the log holds {told}");
    }
    for cookie in visitor.cookies.values() {
        assert!(!log.contains(cookie), "the log holds a cookie");
    }
}

#[tokio::test]
async fn any_replica_completes_what_another_one_has_begun() {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let first = site.set("oidc.first_sign_in", "create").serve().await;
    let mut other = Site::empty().environment("OIDC_SECRET", SECRET);
    other.config = first.config.clone();
    let second = crate::support::Bellhop::start(other).await;
    let mut visitor = Visitor::at(&first);
    let away = visitor.get("/sign-in/oidc").await;
    let back = issuer.sign_in(away.header("location").unwrap(), grace());
    let mut there = Visitor::at(&second);
    there.cookies = visitor.cookies.clone();

    there.get(&back).await.assert_in();

    visitor.cookies = there.cookies.clone();
    assert!(visitor.get("/").await.text().contains("Hello, grace"));
}

#[tokio::test]
async fn check_asks_the_provider_whether_it_is_there() {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let run = site.run(&["check"]).await.assert_code(0);
    assert!(run.err.contains(&format!("{} answers", issuer.origin())), "{}", run.err);
    issuer.say("/.well-known/openid-configuration", Some(crate::support::Reply::new(404)));
    let run = site.run(&["check"]).await.assert_code(1);
    assert!(run.err.contains("the identity provider") && run.err.contains("404"), "{}", run.err);
    site.run(&["check", "--offline"]).await.assert_code(0);
}

#[tokio::test]
async fn a_mistake_in_its_section_is_told_with_its_place() {
    let https = "issuer: \"https://id.example.test\"\n  client_id: bellhop\n";
    for (text, place, expected) in [
        ("oidc:\n  issuer: \"https://id.example.test\"\n".to_owned(), ":2:3", "client_id"),
        ("oidc:\n  issuer: id.example.test\n".to_owned(), ":2:11", "URL"),
        (format!("oidc:\n  {https}"), ":1:1", "admin_url"),
        (format!("oidc:\n  {https}  sign_in_every: 0\n"), ":4:18", "duration"),
        (format!("oidc:\n  {https}  first_sign_in: maybe\n"), ":4:18", "create, refuse"),
        (format!("oidc:\n  {https}  groups:\n    it: {{ role: owner }}\n"), ":5:9", "organization"),
        (format!("oidc:\n  {https}  groups:\n    it: {{ organization: acme, role: chief }}\n"), ":5:37", "maintainer"),
        (
            format!("oidc:\n  {https}  ca_file: /nowhere.pem\nlisten: {{ admin_url: \"http://a\" }}\n"),
            "oidc.ca_file",
            "certificates",
        ),
        (
            format!("oidc:\n  {https}  client_secret: {{ env: NOWHERE }}\nlisten: {{ admin_url: \"http://a\" }}\n"),
            "oidc.client_secret",
            "NOWHERE",
        ),
    ] {
        let site = Site::empty();
        let file = site.write("broken.yaml", &text);
        let run = site.run(&["serve", "--config", file.to_str().unwrap()]).await.assert_code(78);
        assert!(run.err.contains(place) && run.err.contains(expected), "{text}: {}", run.err);
    }
}
