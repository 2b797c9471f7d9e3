//! Who has not signed in for long rests, with their tokens and sessions, until they do.

use super::{Visitor, grace, issuer::Issuer, site, visitor::ask};
use crate::support::{ACME_KEY, Ask, CATALOGUE, Pat, Upstream, eventually};
use serde_json::json;

#[tokio::test]
async fn tokens_and_sessions_rest_as_if_expired_until_the_next_sign_in() {
    let (issuer, ionq) = (Issuer::open().await, Upstream::accepting(&[ACME_KEY]).await);
    let (mut site, iris) = site(&issuer);
    site = site.provider("ionq", &ionq).set("oidc.first_sign_in", "create").set("oidc.sign_in_every", "4s");
    site.organization("acme").key(ACME_KEY);
    let expired = site.user("ada").pat_with("old", &json!({ "expires": "2020-01-01T00:00:00Z" }));
    let bellhop = site.serve().await;
    let mut visitor = Visitor::at(&bellhop);
    visitor.sign_in(&issuer, grace()).await.assert_in();
    let make = |name: &str, scope: &str| json!({ "name": name, "user": "grace", "scopes": [scope] });
    let made = async |name: &str, scope: &str| {
        let made = ask(&bellhop, &iris, "POST", "/tokens", Some(&make(name, scope))).await;
        Pat::printed(made.json()["value"].as_str().unwrap())
    };
    let (runs, manages) = (made("laptop", "run").await, made("desk", "manage").await);
    bellhop.get(&runs, CATALOGUE).await.assert_paid_by("acme", "organization");
    assert_eq!(ask(&bellhop, &manages, "GET", "/whoami", None).await.status, 200);

    eventually("grace rests", async || bellhop.get(&runs, CATALOGUE).await.status == 401).await;

    let (rests, is_over) = (bellhop.get(&runs, CATALOGUE).await, bellhop.get(&expired, CATALOGUE).await);
    rests.assert_refused("unknown-token");
    let plain = |text: &str| text.to_owned();
    assert_eq!(plain(&rests.detail()), plain(&is_over.detail()), "one identical refusal");
    let (rests, is_over) =
        (ask(&bellhop, &manages, "GET", "/whoami", None).await, ask(&bellhop, &expired, "GET", "/whoami", None).await);
    assert_eq!((rests.status, rests.json()["detail"].clone()), (401, is_over.json()["detail"].clone()));
    assert_eq!(visitor.get("/").await.status, 303, "the session goes on");
    let why = ask(&bellhop, &iris, "POST", "/explain", Some(&json!({ "provider": "ionq", "user": "grace" }))).await;
    assert!(why.text().contains("signs in with the identity provider again"), "{}", why.text());

    visitor.sign_in(&issuer, grace()).await.assert_in();

    eventually("they are awake", async || bellhop.get(&runs, CATALOGUE).await.status == 200).await;
    assert_eq!(ask(&bellhop, &manages, "GET", "/whoami", None).await.status, 200);
    assert!(visitor.get("/").await.text().contains("Hello, grace"));
}

#[tokio::test]
async fn a_password_wakes_nobody() {
    const PASSWORD: &str = "fake correct horse battery";
    let issuer = Issuer::open().await;
    let (site, iris) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").set("oidc.sign_in_every", "3s").serve().await;
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
    let link = ask(&bellhop, &iris, "POST", "/users/grace/link", Some(&json!({}))).await.json();
    let chosen = json!({ "link": link["value"], "password": PASSWORD });
    let redeemed = bellhop.ask_admin(&Ask::post("/api/v1/links/redeem").json(&chosen)).await;
    assert_eq!(redeemed.status, 204, "{}", redeemed.text());
    let login = async || {
        let login = json!({ "user": "grace", "password": PASSWORD, "token": "desk" });
        bellhop.ask_admin(&Ask::post("/api/v1/login").json(&login)).await
    };
    eventually("grace rests", async || login().await.status == 401).await;
    let refused = login().await;
    assert!(matches!(refused.status, 401 | 429), "{}", refused.text());
    let mut visitor = Visitor::at(&bellhop);
    visitor.sign_in(&issuer, grace()).await.assert_in();
    assert!(visitor.has_session());
}

#[tokio::test]
async fn a_token_that_is_made_with_one_may_outlast_the_next_sign_in() {
    let issuer = Issuer::open().await;
    let (site, iris) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
    let wish = json!({ "name": "desk", "user": "grace", "scopes": ["manage"] });
    let made = ask(&bellhop, &iris, "POST", "/tokens", Some(&wish)).await.json();
    let desk = Pat::printed(made["value"].as_str().unwrap());
    let another = ask(&bellhop, &desk, "POST", "/tokens", Some(&json!({ "name": "laptop" }))).await;
    assert_eq!(another.json()["expires"], made["expires"], "{}", another.text());
}
