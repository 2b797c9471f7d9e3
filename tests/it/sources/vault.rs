//! HashiCorp Vault's KV engine, version 2. The stories about what it answers are told to OpenBao, a real server of the
//! same API, where the machine has one; those about an answer that no good server gives, to a stand-in that shapes it.

use super::cast::{FIRST, Keys, SECOND, live, poll};
use crate::support::{
    Bellhop, Pat, Reply, Site, Upstream,
    bao::{Bao, ROOT},
    certificates::Authority,
    eventually,
    soon::eventually_within,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::Duration;

fn source(options: &Value) -> Value {
    let mut source = json!({ "vault": { "path": "quantum/ionq", "fields": { "api_key": "key" } }, "every": "1s" });
    source.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    source
}

/// Ada pays with a secret of the Vault at this origin, into which Bellhop is let by these settings.
async fn ada_at(ionq: &Upstream, origin: &str, login: Value, options: &Value) -> (Bellhop, Pat) {
    let mut site = Site::facing(ionq).set("sources.vault", login).set("sources.vault.url", origin);
    site = site.environment("VAULT_TOKEN_HERE", ROOT);
    let ada = site.user("ada").credential(&live(&source(options))).pat();
    (site.serve().await, ada)
}

async fn write(bao: &Bao, key: &str) {
    bao.set("POST", "/v1/secret/data/quantum/ionq", &json!({ "data": { "key": key, "note": "other" } })).await;
}

async fn the_new_secret_is_used(bellhop: &Bellhop, ada: &Pat, ionq: &Upstream) {
    eventually_within(Duration::from_secs(5), "the new secret is used", async || {
        bellhop.ask(&poll(ada)).await.assert_paid_by("me", "own");
        ionq.last().key() == SECOND
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_is_written_in_vault_reaches_running_clients() {
    let Some(bao) = Bao::start().await else { return };
    write(&bao, FIRST).await;
    let keys = Keys::only(&[FIRST, SECOND]);
    let ionq = keys.ionq().await;
    let (bellhop, ada) = ada_at(&ionq, &bao.origin(), json!({ "token_env": "VAULT_TOKEN_HERE" }), &json!({})).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().key(), FIRST);

    write(&bao, SECOND).await;

    the_new_secret_is_used(&bellhop, &ada, &ionq).await;
}

#[tokio::test]
async fn a_secret_that_is_deleted_in_vault_and_a_vault_that_is_gone_are_told_apart() {
    let Some(bao) = Bao::start().await else { return };
    write(&bao, FIRST).await;
    let ionq = Keys::only(&[FIRST]).ionq().await;
    let login = json!({ "token_env": "VAULT_TOKEN_HERE" });
    let (bellhop, ada) = ada_at(&ionq, &bao.origin(), login, &json!({ "keep": "0" })).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");

    bao.ask("DELETE", "/v1/secret/data/quantum/ionq", None).await;

    eventually("it is missed", async || bellhop.ask(&poll(&ada)).await.status == 403).await;
    let refused = bellhop.ask(&poll(&ada)).await;
    assert!(refused.assert_refused("no-credential").detail().contains("status 404"), "{}", refused.detail());
    bao.end();
    eventually("it is gone", async || {
        let refused = bellhop.ask(&poll(&ada)).await;
        refused.assert_refused("no-credential").detail().contains("it cannot be reached")
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_told_as_such() {
    let Some(bao) = Bao::start().await else { return };
    write(&bao, FIRST).await;
    let ionq = Keys::only(&[FIRST]).ionq().await;
    let mut site = Site::facing(&ionq);
    let file = site.write("run/vault-token", "fake-wrong-vault-token-canary\n");
    site = site.set("sources.vault", json!({ "token_file": file })).set("sources.vault.url", bao.origin());
    let ada = site.user("ada").credential(&live(&source(&json!({})))).pat();
    let bellhop = site.serve().await;

    let refused = bellhop.ask(&poll(&ada)).await;
    assert!(refused.assert_refused("no-credential").detail().contains("it refuses the token (status 403)"));

    bellhop.write("run/vault-token", ROOT);
    eventually("the right one is read", async || bellhop.ask(&poll(&ada)).await.status == 200).await;
}

/// A token of a service account, as far as OpenBao looks at it before it asks Kubernetes.
fn service_account() -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "kubernetes/serviceaccount",
        "sub": "system:serviceaccount:quantum:bellhop",
        "kubernetes.io": { "namespace": "quantum", "serviceaccount": { "name": "bellhop", "uid": "u-1" } },
        "exp": 4_102_444_800_u64, "iat": 1_600_000_000, "nbf": 1_600_000_000,
    });
    let head = part(&json!({ "alg": "RS256", "typ": "JWT" }));
    format!("{head}.{}.{}", part(&claims), BASE64_URL_SAFE_NO_PAD.encode("fake-signature-canary"))
}

/// Kubernetes, as far as it says whose token one is.
async fn kubernetes() -> Upstream {
    let user = json!({ "username": "system:serviceaccount:quantum:bellhop", "uid": "u-1",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:quantum", "system:authenticated"] });
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "status": { "authenticated": true, "user": user } });
    Upstream::answering(move |request| match request.target.as_str() {
        "/apis/authentication.k8s.io/v1/tokenreviews" => Reply::json(201, &review),
        _ => Reply::json(404, &json!({})),
    })
    .await
}

#[tokio::test]
async fn bellhop_signs_in_with_its_service_account_in_kubernetes() {
    let Some(bao) = Bao::start().await else { return };
    write(&bao, FIRST).await;
    let cluster = kubernetes().await;
    bao.set("POST", "/v1/sys/auth/cluster", &json!({ "type": "kubernetes" })).await;
    let config = json!({ "kubernetes_host": cluster.origin(), "kubernetes_ca_cert": Authority::new().pem(),
        "disable_local_ca_jwt": true, "token_reviewer_jwt": service_account() });
    bao.set("POST", "/v1/auth/cluster/config", &config).await;
    let policy = json!({ "policy": "path \"secret/data/quantum/*\" { capabilities = [\"read\"] }" });
    bao.set("PUT", "/v1/sys/policies/acl/quantum", &policy).await;
    let role = json!({ "bound_service_account_names": "bellhop", "bound_service_account_namespaces": "quantum",
        "token_policies": "quantum", "token_ttl": "1h" });
    bao.set("POST", "/v1/auth/cluster/role/bellhop", &role).await;
    let ionq = Keys::only(&[FIRST, SECOND]).ionq().await;
    let mut site = Site::facing(&ionq);
    let token_file = site.write("run/account", service_account());
    let login = json!({ "kubernetes": { "role": "bellhop", "mount": "cluster", "token_file": token_file } });
    site = site.set("sources.vault", login).set("sources.vault.url", bao.origin());
    let ada = site.user("ada").credential(&live(&source(&json!({})))).pat();
    let bellhop = site.serve().await;

    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");

    assert_eq!(ionq.last().key(), FIRST);
    // A lease that is revoked while it is kept is no end: Bellhop signs in again.
    bao.set("POST", "/v1/sys/leases/revoke-prefix/auth/cluster/login", &json!({})).await;
    write(&bao, SECOND).await;
    the_new_secret_is_used(&bellhop, &ada, &ionq).await;
}

/// A stand-in, because no good server answers like this.
#[tokio::test]
async fn an_answer_that_is_no_secret_is_not_used_and_says_what_it_is() {
    let page = "<!DOCTYPE html><p>sign in</p>";
    let answers = [
        (Reply::new(200).body(page), "it is not the JSON"),
        (Reply::json(200, &json!({ "data": { "data": { "other": "x" } } })), "it has no `key`"),
        (Reply::json(200, &json!({ "data": { "data": { "key": ["fake-canary"] } } })), "is no text"),
        (Reply::new(200).body(vec![b'['; 100_000]), "it is too large"),
        (Reply::new(302).header("Location", "http://127.0.0.1:1/"), "status 302"),
        (Reply::json(503, &json!({ "errors": ["Vault is sealed"] })), "status 503"),
    ];
    for (answer, words) in answers {
        let vault = Upstream::answering(move |_| answer.clone()).await;
        let ionq = Keys::only(&[]).ionq().await;
        let login = json!({ "token_env": "VAULT_TOKEN_HERE", "namespace": "team" });
        let (bellhop, ada) = ada_at(&ionq, &vault.origin(), login, &json!({})).await;

        let refused = bellhop.ask(&poll(&ada)).await;

        assert!(refused.assert_refused("no-credential").detail().contains(words), "{}", refused.detail());
        let asked = vault.last();
        assert_eq!(
            (asked.target.as_str(), asked.header("x-vault-namespace")),
            ("/v1/secret/data/quantum/ionq", Some("team"))
        );
        ionq.assert_untouched();
    }
}
