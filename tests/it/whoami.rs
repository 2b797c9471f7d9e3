//! `GET /` and `GET /whoami`: who is calling, and what would pay.

use crate::support::{ACME_KEY, ADA_KEY, Ask, Pat, Site, Upstream};
use serde_json::json;

#[tokio::test]
async fn a_caller_is_told_who_they_are_and_what_would_pay() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "maintainer").project("optics", &["ada"]);
    let bellhop = site.serve().await;

    for target in ["/", "/whoami"] {
        let answer = bellhop.ask(&Ask::get(target).header("Authorization", format!("Bearer {ada}"))).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        let body = answer.json();
        assert_eq!((&body["user"], &body["token"]["name"]), (&json!("ada"), &json!("laptop")));
        let membership = json!({ "name": "acme", "role": "maintainer", "projects": ["optics"] });
        assert_eq!(body["organizations"], json!([membership]));
        assert_eq!(
            (&body["providers"]["ionq"]["owner"], &body["providers"]["ionq"]["why"]),
            (&json!("me"), &json!("own"))
        );
        assert!(body["providers"]["dwave"]["credential"].is_null());
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_named_context_is_answered_for() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;

    let answer = bellhop.ask(&Ask::get("/whoami").pat(&ada).header("Bellhop-Context", "acme")).await;

    let paid = &answer.json()["providers"]["ionq"];
    assert_eq!((&paid["owner"], &paid["why"]), (&json!("acme"), &json!("named")));
}

#[tokio::test]
async fn nobody_is_told_anything_without_a_valid_token() {
    let site = Site::empty();
    let bellhop = site.serve().await;

    for target in ["/", "/whoami"] {
        bellhop.ask(&Ask::get(target)).await.assert_refused("missing-token");
        bellhop.get(&Pat::fake(), target).await.assert_refused("unknown-token");
    }
}

#[tokio::test]
async fn a_token_sees_only_the_providers_that_it_is_for() {
    let mut site = Site::empty();
    let ada = site.user("ada").pat_with("laptop", &json!({ "providers": ["dwave", "ionq"] }));
    let bellhop = site.serve().await;

    let body = bellhop.get(&ada, "/whoami").await.json();

    let providers: Vec<&String> = body["providers"].as_object().unwrap().keys().collect();
    assert_eq!(providers, ["dwave", "ionq"]);
}
