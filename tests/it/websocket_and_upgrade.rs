//! Ways out of HTTP: none of them opens unless a preset says so.

use crate::support::{ADA_KEY, Ask, Upstream, cast::ada_at};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

#[tokio::test]
async fn an_upgrade_is_refused() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for protocol in ["websocket", "h2c", "TLS/1.3", "websocket, h2c"] {
        let ask = Ask::get(JOB)
            .pat(&ada)
            .header("Connection", "Upgrade, HTTP2-Settings")
            .header("Upgrade", protocol)
            .header("HTTP2-Settings", "AAMAAABkAAQAAP__")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13");
        bellhop.ask(&ask).await.assert_refused("bad-request");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn an_upgrade_that_is_only_offered_goes_no_further() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    bellhop.ask(&Ask::get(JOB).pat(&ada).header("Upgrade", "h2c")).await.assert_paid_by("me", "own");

    assert_eq!(ionq.request().header("upgrade"), None);
}

#[tokio::test]
async fn trace_and_connect_are_not_proxied() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for (method, target) in [("TRACE", JOB), ("CONNECT", "api.elsewhere.example:443"), ("CONNECT", JOB)] {
        let answer = bellhop.ask(&Ask::new(method, target).pat(&ada)).await;
        assert!(matches!(answer.status, 400 | 405), "{method} {target}: {}", answer.status);
        assert!(!answer.text().contains("apiKey"), "TRACE echoes nothing");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn other_methods_pass() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for method in ["OPTIONS", "PATCH", "PROPFIND", "QUERY"] {
        bellhop.ask(&Ask::new(method, "/ionq/unlisted").pat(&ada)).await.assert_paid_by("me", "own");
        assert_eq!(ionq.last().method, method);
    }
}
