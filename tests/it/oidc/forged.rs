//! What comes back and is not what it should be: nobody is signed in.

use super::{
    Visitor, grace,
    issuer::{Issuer, SECRET, Sign, Token, query},
    site,
};
use crate::support::{Bellhop, Reply, Upstream};
use serde_json::{Value, json};

const CANNOT_BE_TRUSTED: &str = "cannot be trusted";
const BEGUN_ELSEWHERE: &str = "begun in another browser";

async fn open() -> (Issuer, Bellhop) {
    let issuer = Issuer::open().await;
    let (site, _) = site(&issuer);
    let bellhop = site.set("oidc.first_sign_in", "create").serve().await;
    (issuer, bellhop)
}

#[tokio::test]
async fn a_token_that_is_not_for_this_sign_in_signs_nobody_in() {
    type Forgery = (&'static str, fn(&mut Token));
    let forgeries: [Forgery; 13] = [
        ("another nonce", |token| token.claims["nonce"] = json!("another")),
        ("no nonce", |token| drop(token.claims.as_object_mut().unwrap().remove("nonce"))),
        ("another issuer", |token| token.claims["iss"] = json!("https://id.example.test")),
        ("another audience", |token| token.claims["aud"] = json!("another")),
        ("one more audience", |token| token.claims["aud"] = json!(["bellhop", "another"])),
        ("another party", |token| token.claims["azp"] = json!("another")),
        ("expired", |token| token.claims["exp"] = json!(1_700_000_000)),
        ("no expiry", |token| drop(token.claims.as_object_mut().unwrap().remove("exp"))),
        ("another access token", |token| token.claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("unsigned", |token| {
            token.header["alg"] = json!("none");
            token.sign = Sign::Nothing;
        }),
        ("signed with the client's secret", |token| {
            token.header["alg"] = json!("HS256");
            token.sign = Sign::Hmac(SECRET.into());
        }),
        ("signed by a stranger who names the key", |token| token.sign = Sign::Stranger),
        ("signed by a stranger's own key", |token| {
            token.header["kid"] = json!("key-9");
            token.sign = Sign::Stranger;
        }),
    ];
    let (issuer, bellhop) = open().await;
    for (what, forge) in forgeries {
        issuer.twist(forge);
        let mut visitor = Visitor::at(&bellhop);
        let back = visitor.sign_in(&issuer, grace()).await;
        assert_eq!(back.status, 403, "{what}: {}", back.text());
        back.assert_out(403, CANNOT_BE_TRUSTED);
        assert!(!visitor.has_session() && visitor.cookies.is_empty(), "{what}");
    }
    issuer.twist(|_| ());
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
}

#[tokio::test]
async fn a_sign_in_belongs_to_the_browser_that_began_it_and_is_completed_once() {
    let (issuer, bellhop) = open().await;
    let (mut ada, mut eve) = (Visitor::at(&bellhop), Visitor::at(&bellhop));
    let to = ada.get("/sign-in/oidc").await.header_of("location").unwrap();
    let of_eve = eve.get("/sign-in/oidc").await.header_of("location").unwrap();
    let back = issuer.sign_in(&to, grace());

    // Eve sends ada to where eve herself has just signed in, and tries where ada has.
    ada.clone_of().get(&issuer.sign_in(&of_eve, json!({ "sub": "eve" }))).await.assert_out(403, BEGUN_ELSEWHERE);
    eve.clone_of().get(&back).await.assert_out(403, BEGUN_ELSEWHERE);
    Visitor::at(&bellhop).get(&back).await.assert_out(403, BEGUN_ELSEWHERE);
    let wrong = back.replace(&query(&to)["state"], "another");
    ada.clone_of().get(&wrong).await.assert_out(403, BEGUN_ELSEWHERE);

    let before = ada.clone_of();
    ada.get(&back).await.assert_in();

    // The same again: the code is spent there, and the cookie is gone here.
    ada.clone_of().get(&back).await.assert_out(403, BEGUN_ELSEWHERE);
    before.clone_of().get(&back).await.assert_out(403, "did not sign you in");
    // Even a provider that takes a code twice.
    let again = issuer.sign_in(&to, grace());
    before.clone_of().get(&again).await.assert_out(403, BEGUN_ELSEWHERE);
    let meddled = {
        let mut visitor = before.clone_of();
        visitor.cookies.values_mut().for_each(|value| value.replace_range(0..1, "x"));
        visitor.get(&again).await
    };
    meddled.assert_out(403, BEGUN_ELSEWHERE);
}

#[tokio::test]
async fn another_issuers_answer_and_a_refusal_are_told_apart_from_ones_own() {
    let (issuer, bellhop) = open().await;
    let mut visitor = Visitor::at(&bellhop);
    let to = visitor.get("/sign-in/oidc").await.header_of("location").unwrap();
    let back = issuer.sign_in(&to, grace());
    let mixed = format!("{back}&iss=https%3A%2F%2Fid.example.test");
    visitor.clone_of().get(&mixed).await.assert_out(403, BEGUN_ELSEWHERE);
    let state = &query(&to)["state"];
    let denied = format!("/sign-in/oidc/return?error=access_denied&error_description=%3Cb%3Eno%3C/b%3E&state={state}");
    visitor.clone_of().get(&denied).await.assert_out(403, "The Institute did not sign you in");
    visitor.clone_of().get(&format!("/sign-in/oidc/return?state={state}")).await.assert_out(403, BEGUN_ELSEWHERE);
    visitor.get(&back).await.assert_in();
}

#[tokio::test]
async fn a_new_key_of_the_providers_is_asked_for_once() {
    let (issuer, bellhop) = open().await;
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
    let before = issuer.asked("/keys");
    assert_eq!(before, 1, "what it says of itself is kept");

    issuer.rotate();
    Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_in();
    assert_eq!(issuer.asked("/keys"), 2);

    // Whoever makes up keys does not make it be asked each time.
    issuer.twist(|token| {
        token.header["kid"] = json!("key-9");
        token.sign = Sign::Stranger;
    });
    for _ in 0..3 {
        Visitor::at(&bellhop).sign_in(&issuer, grace()).await.assert_out(403, CANNOT_BE_TRUSTED);
    }
    assert_eq!(issuer.asked("/keys"), 2);
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nobody_from_their_password() {
    let (issuer, bellhop) = open().await;
    let mut visitor = Visitor::at(&bellhop);
    let to = visitor.get("/sign-in/oidc").await.header_of("location").unwrap();
    let back = issuer.sign_in(&to, grace());
    issuer.say("/token", Some(Reply::new(503)));
    visitor.clone_of().get(&back).await.assert_out(403, CANNOT_BE_TRUSTED);
    issuer.go_down();
    visitor.get(&back).await.assert_out(502, "The Institute cannot be reached now");

    let bellhop = bellhop.stop().await.serve().await;
    Visitor::at(&bellhop).get("/sign-in/oidc").await.assert_out(502, "The Institute cannot be reached now");
    assert!(Visitor::at(&bellhop).get("/sign-in").await.text().contains("Sign in with The Institute"));
}

#[tokio::test]
async fn an_answer_without_end_or_from_elsewhere_is_not_read() {
    let elsewhere = Upstream::answering(|_| Reply::json(200, &json!({}))).await;
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(600 * 1024));
    let redirect = Reply::new(302).header("Location", &format!("{}/token", elsewhere.origin()));
    let answers: [(&'static str, Reply); 4] = [
        ("/keys", Reply::new(200).header("Content-Type", "application/json").body(huge)),
        ("/.well-known/openid-configuration", redirect.clone()),
        ("/token", redirect),
        ("/.well-known/openid-configuration", Reply::json(200, &another_issuer())),
    ];
    for (path, reply) in answers {
        let (issuer, bellhop) = open().await;
        issuer.say(path, Some(reply));
        let mut visitor = Visitor::at(&bellhop);
        let mut answer = visitor.get("/sign-in/oidc").await;
        if answer.status == 303 {
            answer = visitor.get(&issuer.sign_in(answer.header("location").unwrap(), grace())).await;
        }
        assert!(matches!(answer.status, 403 | 502), "{path}: {} {}", answer.status, answer.text());
        assert!(!visitor.has_session());
    }
    elsewhere.assert_untouched();
}

fn another_issuer() -> Value {
    let at = |path: &str| format!("http://127.0.0.1:1{path}");
    json!({
        "issuer": at(""), "authorization_endpoint": at("/a"), "token_endpoint": at("/t"), "jwks_uri": at("/k"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

#[tokio::test]
async fn nobody_is_led_elsewhere_afterwards() {
    let (issuer, bellhop) = open().await;
    for next in ["//evil.example.test", "https://evil.example.test", "/\\evil.example.test"] {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let back = Visitor::at(&bellhop).sign_in_by(&format!("/sign-in/oidc?next={next}"), &issuer, grace()).await;
        assert_eq!((back.status, back.header("location")), (303, Some("/")));
    }
}
