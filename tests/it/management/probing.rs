//! Probes by way of the API: at entry, and at any time.

use super::cast::Cast;
use crate::support::{ACME_KEY, ADA_KEY, OPTICS_KEY, Reply, Site, Upstream};
use serde_json::{Value, json};

/// IonQ's `whoami`: each key is of a project of its own.
async fn ionq() -> Upstream {
    Upstream::answering(|request| match request.key() {
        ACME_KEY => Reply::json(200, &json!({ "project_id": "project-acme" })),
        OPTICS_KEY => Reply::json(200, &json!({ "project_id": "project-optics" })),
        _ => Reply::json(401, &json!({ "message": "no such key" })),
    })
    .await
}

fn probed(key: &str) -> Value {
    json!({ "context": "acme", "provider": "ionq", "fields": { "api_key": key }, "probe": true })
}

#[tokio::test]
async fn what_the_provider_refuses_is_not_entered_and_what_it_takes_is_with_its_account() {
    let ionq = ionq().await;
    let cast = Cast::at(Site::facing(&ionq)).await;

    let refused = cast.post(&cast.grace, "/credentials", &probed(ADA_KEY)).await.assert_problem(422, "invalid");
    let taken = cast.post(&cast.grace, "/credentials", &probed(ACME_KEY)).await;

    assert!(refused["detail"].as_str().unwrap().contains("IonQ answered 401"), "{refused}");
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert_eq!(taken.json()["finding"]["account"], "project-acme");
    let path = format!("/credentials/{}", taken.json()["id"].as_str().unwrap());
    let rotate = json!({ "fields": { "api_key": OPTICS_KEY }, "probe": true });
    let another = cast.post(&cast.grace, &format!("{path}/versions"), &rotate).await.assert_problem(422, "invalid");
    assert!(another["detail"].as_str().unwrap().contains("another account, project-optics"), "{another}");
    // Whose account it is, is for who manages it; that it is good, for all.
    let used = cast.get(&cast.alan, &path).await.json();
    assert_eq!((&used["probe"], &used["details"]), (&json!("valid"), &Value::Null));
    assert_eq!(cast.get(&cast.grace, &path).await.json()["details"]["account"], "project-acme");
}

#[tokio::test]
async fn a_stored_one_is_probed_and_a_stranger_asks_nobody_anything() {
    let ionq = ionq().await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let wanted = json!({ "context": "acme", "provider": "ionq", "fields": { "api_key": ADA_KEY } });
    let made = cast.post(&cast.grace, "/credentials", &wanted).await.json();
    let path = format!("/credentials/{}", made["id"].as_str().unwrap());
    let probe = format!("{path}/probe");
    cast.ask(Some(&cast.alan), "POST", &probe, None).await.assert_problem(403, "not-allowed");
    cast.ask(Some(&cast.eve), "POST", &probe, None).await.assert_problem(404, "not-found");
    let mut elsewhere = probed(ACME_KEY);
    cast.post(&cast.eve, "/credentials", &elsewhere).await.assert_problem(404, "not-found");
    cast.post(&cast.alan, "/credentials", &elsewhere).await.assert_problem(403, "not-allowed");
    ionq.assert_untouched();
    elsewhere["context"] = json!("me");

    let found = cast.ask(Some(&cast.grace), "POST", &probe, None).await;

    assert_eq!((found.status, &found.json()["verdict"]), (200, &json!("refused")));
    assert_eq!(cast.get(&cast.alan, &path).await.json()["probe"], "refused");
    ionq.go_down();
    drop(ionq);
    let found = cast.ask(Some(&cast.grace), "POST", &probe, None).await;
    assert_eq!((found.status, &found.json()["verdict"]), (200, &json!("unreachable")));
}

#[tokio::test]
async fn many_probes_at_once_are_all_answered() {
    let ionq = ionq().await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let id = cast.credential_of("acme", None).await;
    let path = format!("/credentials/{id}/probe");
    let probes = (0..20).map(|_| cast.ask(Some(&cast.grace), "POST", &path, None));

    let found = futures_util::future::join_all(probes).await;

    assert!(found.iter().all(|answer| answer.status == 200 && answer.json()["verdict"] == "valid"));
}
