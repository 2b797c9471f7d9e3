//! What an SDK sees of a login: a token of Bellhop's own, which is good for as long as the caller's and no longer.

use super::{ADA_SECRET, Guild, guild};
use crate::support::{Answer, Ask, Bellhop, Pat, eventually};
use aws_lc_rs::{rsa::PublicKeyComponents, signature::RSA_PKCS1_2048_8192_SHA256};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use memchr::memmem;
use serde_json::{Value, json};

async fn ada_at(guild_: &Guild) -> (Bellhop, Pat) {
    let mut site = guild_.site();
    let ada = site.user("ada").credential(&guild(ADA_SECRET)).pat();
    (site.serve().await, ada)
}

fn login(pat: &str) -> Ask {
    Ask::post("/guild/identity/token")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=whatever&apikey={pat}"))
}

fn signed_login(pat: &str) -> Ask {
    Ask::post("/guild/oauth/token").json(&json!({ "client_id": "x", "client_secret": pat, "audience": "urn:guild" }))
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn with(token: &str, target: &str) -> Ask {
    Ask::get(target).header("Authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn a_login_gives_a_token_that_serves_and_neither_secret_leaves() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let answer = bellhop.ask(&login(&ada.to_string())).await;
    let token = token(&answer);
    assert!(token.starts_with("bhs_") && answer.json()["expires_in"] == 3600);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    bellhop.ask(&with(&token, "/guild/jobs/job-1")).await.assert_paid_by("me", "own");
    // An SDK may want a prefix that the provider has no use for.
    bellhop.ask(&with(&token, "/guild/experimental/jobs/job-1")).await.assert_paid_by("me", "own");
    assert!(guild.questions().iter().all(|q| q.path() == "/jobs/job-1"));
    let seen = guild.upstream.bytes();
    assert!(memmem::find(&seen, token.as_bytes()).is_none() && memmem::find(&seen, b"bhs_").is_none());
}

#[tokio::test]
async fn a_signed_token_verifies_against_the_published_keys_and_says_what_the_sdk_asks_for() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let jwt = token(&bellhop.ask(&signed_login(&ada.to_string())).await);
    let discovery = bellhop.ask(&Ask::get("/guild/.well-known/openid-configuration")).await.json();
    let base = discovery["issuer"].as_str().unwrap().trim_end_matches('/').to_owned();
    assert_eq!(discovery["jwks_uri"], format!("{base}/.well-known/jwks.json"));
    let keys = bellhop.ask(&Ask::get("/guild/.well-known/jwks.json")).await.json();

    let [header, claims, signature] = jwt.split('.').collect::<Vec<_>>()[..] else { panic!("{jwt}") };
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let (head, said): (Value, Value) =
        (serde_json::from_slice(&decode(header)).unwrap(), serde_json::from_slice(&decode(claims)).unwrap());
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).unwrap();
    let part = |name: &str| decode(key[name].as_str().unwrap());
    let public = PublicKeyComponents { n: part("n"), e: part("e") };
    let message = format!("{header}.{claims}");
    assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decode(signature)).is_ok());
    assert_eq!(
        (&said["iss"], &said["aud"], &said["sub"]),
        (&json!(format!("{base}/")), &json!("urn:guild"), &json!("ada"))
    );
    assert!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap() == 3600);
    bellhop.ask(&with(&jwt, "/guild/jobs/job-1")).await.assert_paid_by("me", "own");
    assert!(memmem::find(&guild.upstream.bytes(), jwt.as_bytes()).is_none());
}

#[tokio::test]
async fn a_token_that_was_made_dies_with_the_one_it_was_made_for() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let token = token(&bellhop.ask(&login(&ada.to_string())).await);
    bellhop.ask(&with(&token, "/guild/jobs/job-1")).await.assert_relayed();
    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);
    eventually("the made token is refused", async || {
        bellhop.ask(&with(&token, "/guild/jobs/job-1")).await.status == 401
    })
    .await;
    bellhop.ask(&with(&token, "/guild/jobs/job-1")).await.assert_refused("unknown-token");
    bellhop.ask(&login(&ada.to_string())).await.assert_refused("unknown-token");
}

#[tokio::test]
async fn a_token_that_was_made_is_good_at_its_provider_and_until_it_ends() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let made = token(&bellhop.ask(&login(&ada.to_string())).await);
    bellhop.ask(&with(&made, "/planqk/quantum/backends")).await.assert_refused("unknown-token");
    let mut edited = made.clone().into_bytes();
    edited[60] ^= 1;
    bellhop.ask(&with(&String::from_utf8_lossy(&edited), "/guild/jobs/job-1")).await.assert_refused("unknown-token");

    let refreshed = bellhop.ask(&Ask::post("/guild/refresh").header("Cookie", format!("oat={ada}"))).await;
    let cookie = refreshed.header("set-cookie").unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=1; HttpOnly; SameSite=Lax"), "{cookie}");
    let session = cookie.strip_prefix("session=").unwrap().split(';').next().unwrap().to_owned();
    bellhop.ask(&with(&session, "/guild/jobs/job-1")).await.assert_relayed();
    // Its end is no guess at a token: an SDK that comes with it ever so often is not throttled.
    eventually("it has ended", async || bellhop.ask(&with(&session, "/guild/jobs/job-1")).await.status == 401).await;
    for _ in 0..30 {
        bellhop.ask(&with(&session, "/guild/jobs/job-1")).await.assert_refused("unknown-token");
    }
}

#[tokio::test]
async fn a_login_that_is_none_is_refused_before_anything_is_sent() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let token = Pat::fake().to_string();
    bellhop.ask(&login(&token)).await.assert_refused("unknown-token");
    bellhop.ask(&login("")).await.assert_refused("unknown-token");
    bellhop.ask(&login("x").body("grant_type=x")).await.assert_refused("missing-token");
    bellhop.ask(&signed_login(&ada.to_string()).body("{")).await.assert_refused("bad-request");
    bellhop.ask(&login(&format!("{ada}&apikey={token}"))).await.assert_refused("bad-request");
    let no_audience = Ask::post("/guild/oauth/token").json(&json!({ "client_secret": ada.to_string() }));
    bellhop.ask(&no_audience).await.assert_refused("bad-request");
    let in_url = Ask::post(format!("/guild/identity/token?apikey={ada}")).body("a=b");
    bellhop.ask(&in_url).await.assert_refused("bad-request");
    let huge = login(&ada.to_string()).header("Content-Length", (6 * 1024 * 1024).to_string());
    assert_eq!(bellhop.ask(&huge).await.status, 413);
    guild.upstream.assert_untouched();
}

#[tokio::test]
async fn a_made_token_elsewhere_is_refused_and_goes_nowhere() {
    let guild = Guild::open().await;
    let (bellhop, ada) = ada_at(&guild).await;
    let opaque = token(&bellhop.ask(&login(&ada.to_string())).await);
    let jwt = token(&bellhop.ask(&signed_login(&ada.to_string())).await);
    let before = guild.upstream.bytes().len();
    for made in [&opaque, &jwt] {
        bellhop
            .ask(&with(made, "/guild/jobs/job-1").header("X-Other", format!("a {made}")))
            .await
            .assert_refused("bad-request");
    }
    bellhop
        .ask(&with(&ada.to_string(), "/guild/jobs/job-1").header("X-Other", opaque))
        .await
        .assert_refused("bad-request");
    assert_eq!(guild.upstream.bytes().len(), before);
}

#[tokio::test]
async fn who_has_nothing_to_pay_with_hears_it_where_sdks_can_show_it() {
    let guild = Guild::open().await;
    let mut site = guild.site();
    let bob = site.user("bob").pat();
    let far =
        site.user("eve").credential(&super::guild(ADA_SECRET)).pat_with("far", &json!({ "networks": ["10.0.0.0/8"] }));
    let bellhop = site.serve().await;
    // What a login is refused with is lost in most of them.
    let made = token(&bellhop.ask(&login(&bob.to_string())).await);
    bellhop.ask(&with(&made, "/guild/jobs/job-1")).await.assert_refused("no-credential");
    bellhop.ask(&login(&far.to_string())).await.assert_refused("not-allowed");
    guild.upstream.assert_untouched();
}
