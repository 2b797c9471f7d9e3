//! The log: one event is one line whatever callers send, and at its loudest it knows no secret.

use crate::support::{ADA_KEY, Ask, Bellhop, Site, Upstream, cast::ada_at};
use serde_json::{Value, json};

/// Every line of `serve` is one JSON object.
fn lines(bellhop: &Bellhop) -> Vec<Value> {
    let log = bellhop.log();
    let served = log.lines().skip_while(|line| !line.contains("\"listening\""));
    served.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"))).collect()
}

#[tokio::test]
async fn nothing_that_a_caller_sends_breaks_a_line() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in ["/%0a%0d{\"level\":\"forged\"}", "/ionq/%1b[31mred", "/ionq@a%0ab/x", "/\u{7f}", "/nobody%E2%80%A8x"]
    {
        let mut line = bellhop.connect().await;
        line.send(Ask::get(target).pat(&ada).header("User-Agent", "a\tb").bytes("bellhop")).await;
        line.answer_or_end().await;
    }

    let lines = lines(&bellhop);
    assert!(lines.iter().all(|line| line["level"] != "forged"));
    assert!(!bellhop.log().contains('\u{1b}'));
}

#[tokio::test]
async fn every_event_has_its_time_and_level() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
    bellhop.get(&ada, "/nobody").await.assert_refused("unknown-provider");

    for line in lines(&bellhop) {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn bodies_and_queries_are_not_logged() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    bellhop.post(&ada, "/ionq/v0.4/jobs?key=fake-query-secret", &json!({ "qpu_tokens": "fake-body-secret" })).await;
    ionq.go_down();
    bellhop.post(&ada, "/ionq/v0.4/jobs?key=fake-query-secret", &json!({ "qpu_tokens": "fake-body-secret" })).await;

    assert!(!bellhop.log().contains("fake-body-secret") && !bellhop.log().contains("fake-query-secret"));
}

#[tokio::test]
async fn a_quiet_log_is_quiet() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = crate::support::cast::ada_on(Site::facing(&ionq).set("log.level", "error")).await;

    for _ in 0..5 {
        bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
        bellhop.get(&ada, "/nobody").await.assert_refused("unknown-provider");
    }

    assert_eq!(lines(&bellhop).len(), 1, "{}", bellhop.log());
}
