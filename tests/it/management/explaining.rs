//! `POST /explain`: of oneself, of others for administrators, and of nothing that is not one's to know.

use super::cast::Cast;
use crate::support::{ACME_KEY, Ask, CATALOGUE, Site, Upstream};
use serde_json::{Value, json};

async fn cast() -> Cast {
    let mut site = Site::empty();
    site.organization("acme").project("chemistry", &[]);
    site.user("alan").pat_with("pinned", &json!({ "context": "acme.optics" }));
    let cast = Cast::at(site).await;
    for context in ["acme", "acme.optics", "acme.chemistry"] {
        cast.credential_of(context, None).await;
    }
    cast
}

fn contexts(explained: &Value) -> Vec<&str> {
    explained["others"].as_array().unwrap().iter().map(|other| other["context"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_is_told_what_would_pay_and_of_no_project_that_one_is_not_in() {
    let cast = cast().await;

    let member = cast.post(&cast.alan, "/explain", &json!({ "provider": "ionq" })).await.json();
    let maintainer = cast.post(&cast.grace, "/explain", &json!({ "provider": "ionq", "context": "acme" })).await.json();
    let stranger = cast.post(&cast.eve, "/explain", &json!({ "provider": "ionq", "context": "acme" })).await.json();

    assert_eq!((&member["pays"]["context"], contexts(&member)), (&json!("acme.optics"), vec!["acme"]));
    assert_eq!(member["others"][0]["why"], "acme.optics comes first");
    assert_eq!(contexts(&maintainer), ["acme.chemistry", "acme.optics"]);
    assert_eq!((&stranger["pays"], contexts(&stranger)), (&Value::Null, vec![]));
    assert!(stranger["verdict"].as_str().unwrap().contains("eve is not a member of acme"));
}

#[tokio::test]
async fn a_token_is_meant_by_its_name_or_is_at_hand() {
    let cast = cast().await;
    let of = async |body: Value| cast.post(&cast.alan, "/explain", &body).await;

    let pinned = of(json!({ "provider": "ionq", "token": "pinned" })).await.json();
    let managing = of(json!({ "provider": "ionq", "token": "desk" })).await.json();
    let at_hand = json!({ "provider": "ionq", "value": cast.runs.as_str() });
    let at_hand = cast.post(&cast.eve, "/explain", &at_hand).await.json();

    assert!(pinned["pays"]["why"].as_str().unwrap().contains("pinned to acme.optics"), "{pinned}");
    assert!(managing["verdict"].as_str().unwrap().contains("the token's scopes are manage"), "{managing}");
    // Who has the token could ask the data plane the same.
    assert_eq!((&at_hand["user"], &at_hand["pays"]["context"]), (&json!("alan"), &json!("acme.optics")));
    assert_eq!(contexts(&at_hand), [""; 0], "but of the rest, eve may not know");
    of(json!({ "provider": "ionq", "token": "nothing" })).await.assert_problem(404, "not-found");
    let both = of(json!({ "provider": "ionq", "user": "alan", "value": cast.runs.as_str() })).await;
    both.assert_problem(422, "invalid");
    of(json!({ "provider": "ionq", "value": "bhp_x" })).await.assert_problem(422, "invalid");
    of(json!({ "provider": "nobody" })).await.assert_problem(422, "invalid");
    of(json!({ "provider": "ionq", "job": "nothing" })).await.assert_problem(404, "not-found");
    let root = json!({ "provider": "ionq", "user": "alan", "token": "pinned" });
    let root = cast.post(&cast.iris, "/explain", &root).await.json();
    assert_eq!(root["pays"]["context"], "acme.optics");
    cast.post(&cast.grace, "/explain", &json!({ "provider": "ionq", "user": "alan" }))
        .await
        .assert_problem(404, "not-found");
}

#[tokio::test]
async fn it_is_what_the_data_plane_does() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let explained = async || {
        let body = json!({ "provider": "ionq", "token": "runs", "user": "alan" });
        cast.post(&cast.iris, "/explain", &body).await.json()
    };
    let ask = Ask::get(CATALOGUE).header("Authorization", format!("Bearer {}", cast.runs));
    assert_eq!(explained().await["pays"], Value::Null);
    cast.bellhop.ask(&ask).await.assert_refused("no-credential");

    cast.credential_of("acme", None).await;

    assert_eq!(explained().await["pays"]["context"], "acme");
    crate::support::eventually("it pays", async || cast.bellhop.ask(&ask).await.status == 200).await;
    cast.bellhop.ask(&ask).await.assert_paid_by("acme", "organization");
}

#[tokio::test]
async fn to_a_token_for_certain_contexts_or_providers_nobody_else_asks() {
    let mut site = Site::empty();
    let of_contexts = site.user("iris").pat_with("me", &json!({ "scopes": ["manage"], "contexts": ["me"] }));
    let of_providers = site.user("iris").pat_with("ionq", &json!({ "scopes": ["manage"], "providers": ["ionq"] }));
    let cast = Cast::at(site).await;
    for narrow in [&of_contexts, &of_providers] {
        let about = |user: &str| json!({ "provider": "ionq", "user": user });
        cast.post(narrow, "/explain", &about("alan")).await.assert_problem(404, "not-found");
        assert_eq!(cast.post(narrow, "/explain", &about("iris")).await.status, 200);
    }
}
