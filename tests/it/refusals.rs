//! What people read when Bellhop refuses: one snapshot for each code.

use crate::support::{
    ACME_KEY, ADA_KEY, Answer, Ask, CATALOGUE, Pat, ProviderLine, Reply, Site, Upstream,
    cast::{ada_at, ada_on},
};
use serde_json::{Value, json};

const JOB: &str = "/ionq/v0.4/jobs/job-1";
const GLOBEX_KEY: &str = "fake-globex-ionq-key-canary";

/// The status, the headers that tell SDKs what to do, and the body.
fn told(answer: &Answer) -> String {
    let names = ["bellhop-refusal", "bellhop-submit", "retry-after", "www-authenticate", "connection"];
    let headers: serde_json::Map<_, _> =
        names.iter().filter_map(|name| Some(((*name).to_owned(), json!(answer.header(name)?)))).collect();
    format!("{} {:#}\n{:#}", answer.status, Value::from(headers), answer.json())
}

macro_rules! assert_told {
    ($answer:expr) => {
        insta::assert_snapshot!(told(&$answer))
    };
}

#[tokio::test]
async fn missing_token() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, _) = ada_at(&ionq).await;
    assert_told!(bellhop.ask(&Ask::get(JOB)).await);
}

#[tokio::test]
async fn unknown_token() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, _) = ada_at(&ionq).await;
    assert_told!(bellhop.get(&Pat::fake(), JOB).await);
}

#[tokio::test]
async fn bad_request_for_two_credentials() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    assert_told!(bellhop.ask(&Ask::get(JOB).pat(&ada).pat(&Pat::fake())).await);
}

#[tokio::test]
async fn bad_request_for_a_head_that_cannot_be_read() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, _) = ada_at(&ionq).await;
    assert_told!(bellhop.raw("GET / HTTP/1.1\r\nHost : bellhop\r\n\r\n").await);
}

#[tokio::test]
async fn unknown_provider() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    assert_told!(bellhop.get(&ada, "/ionk/v0.4/jobs").await);
}

#[tokio::test]
async fn not_allowed_by_the_tokens_scope() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat_with("reader", &json!({ "scopes": ["read"] }));
    let bellhop = site.serve().await;
    assert_told!(bellhop.post(&ada, "/ionq/v0.4/jobs", &json!({})).await);
}

#[tokio::test]
async fn no_credential() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    let bellhop = site.serve().await;
    assert_told!(bellhop.get(&ada, JOB).await);
}

#[tokio::test]
async fn ambiguous_context() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    site.organization("globex").key(GLOBEX_KEY).member("ada", "member");
    let bellhop = site.serve().await;
    assert_told!(bellhop.get(&ada, JOB).await);
}

#[tokio::test]
async fn not_a_member() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    assert_told!(bellhop.get(&ada, "/ionq@acme/v0.4/jobs/job-1").await);
}

#[tokio::test]
async fn throttled() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("limits.per_token", "1/h")).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert_told!(bellhop.get(&ada, JOB).await);
}

#[tokio::test]
async fn credential_refused() {
    let ionq = Upstream::answering(|_| Reply::json(401, &json!({ "message": "API key is disabled" }))).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;
    assert_told!(bellhop.get(&ada, CATALOGUE).await);
}

#[tokio::test]
async fn upstream_unreachable() {
    let ionq = Upstream::accepting(&[]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    ionq.go_down();
    assert_told!(bellhop.get(&ada, JOB).await);
}

#[tokio::test]
async fn upstream_invalid() {
    let ionq = Upstream::answering(|_| Reply::new(302).header("Location", "https://elsewhere.example/")).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    assert_told!(bellhop.get(&ada, JOB).await);
}

#[tokio::test]
async fn upstream_timeout_of_a_submit() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.upstream_head", "1s")).await;
    assert_told!(bellhop.post(&ada, "/ionq/v0.4/jobs", &json!({})).await);
}

#[tokio::test]
async fn iqm_gets_the_shape_that_its_preset_states() {
    let mut site = Site::empty();
    let ada = site.user("ada").pat();
    let bellhop = site.serve().await;
    assert_told!(bellhop.ask(&Ask::get("/iqm/api/v1/jobs/1").header("Authorization", format!("Bearer {ada}"))).await);
}
