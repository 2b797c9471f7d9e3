//! Connections to providers: used again when they are sound, never with what belongs to somebody else on them.

use crate::support::{
    ADA_KEY, Ask, ProviderLine, Reply, Site, UNLISTED, Upstream,
    cast::{ada_at, ada_on},
    eventually,
    upstream::job,
};
use serde_json::json;
use std::time::Duration;

const JOB: &str = "/ionq/v0.4/jobs/job-1";
const JOBS: &str = "/ionq/v0.4/jobs";

#[tokio::test]
async fn bytes_after_an_answer_never_become_somebodys_answer() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while line.request().await.is_some() {
            let left_over = Reply::new(200).header("X-Poison", "1").body("poison").bytes();
            line.send([job().bytes(), left_over].concat()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for _ in 0..6 {
        let answer = bellhop.get(&ada, JOB).await;
        assert_eq!((answer.status, answer.header("x-poison")), (200, None));
        assert_eq!(answer.json()["id"], "job-1");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_dropped_with_its_connection() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.request().await.is_some() {
            line.send(job().bytes()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            line.send(Reply::new(200).body("poison").bytes()).await;
            line.hang().await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for turn in 1..4 {
        assert_eq!(bellhop.get(&ada, JOB).await.json()["id"], "job-1");
        eventually("Bellhop lets go of the connection", async || {
            ionq.connections() == turn && ionq.open_connections() == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_post_is_not_replayed_on_a_connection_that_died() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(job().bytes()).await;
        // The next one is read and never answered.
        line.request().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut line = bellhop.connect().await;
    line.ask(&Ask::post(JOBS).pat(&ada).body("1")).await.assert_paid_by("me", "own");

    let answer = line.ask(&Ask::post(JOBS).pat(&ada).body("2")).await;

    assert_eq!((answer.status, answer.header("bellhop-submit")), (409, Some("unknown")));
    let bodies: Vec<_> = ionq.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [b"1", b"2"]);
}

#[tokio::test]
async fn a_get_may_be_asked_again_when_a_pooled_connection_had_died() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.request().await.is_some() {
            line.send(job().bytes()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for _ in 0..20 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }
    assert_eq!(ionq.requests().len(), 20);
}

#[tokio::test]
async fn a_get_that_was_half_answered_is_not_asked_again() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(job().bytes()).await;
        if line.request().await.is_some() {
            line.send("HTTP/1.1 2").await;
        }
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.workers", 1)).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");

    assert_eq!(bellhop.get(&ada, JOB).await.status, 502);
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_whose_request_was_not_finished_is_not_used_again() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.number == 0 {
            // Answers before the body is there, as if the connection could go on.
            line.head().await;
            line.send(job().bytes()).await;
        }
        while line.request().await.is_some() {
            line.send(job().bytes()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.workers", 1)).await;
    let mut line = bellhop.connect().await;
    let ask = Ask::post(UNLISTED).pat(&ada).header("Content-Length", "100").body("{\"half\":");
    let bytes = ask.bytes("bellhop");
    line.send(bytes).await;
    line.answer().await.assert_paid_by("me", "own");

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");

    let request = ionq.last();
    assert_eq!((request.connection, request.method.as_str(), request.is_whole), (1, "GET", true));
}

#[tokio::test]
async fn a_caller_who_leaves_lets_the_provider_go() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("bellhop");
    line.send(bytes).await;
    ionq.until_requests(1).await;

    drop(line);

    eventually("Bellhop lets go of the provider", async || ionq.open_connections() == 0).await;
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_of_a_body_completes_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for framing in ["Content-Length: 100\r\n\r\n{\"half\":", "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"half\":\r\n"] {
        let mut line = bellhop.connect().await;
        line.send(format!("POST {UNLISTED} HTTP/1.1\r\nHost: b\r\nAuthorization: apiKey {ada}\r\n{framing}")).await;
        eventually("the first half has reached the provider", async || {
            ionq.bytes().ends_with(b"{\"half\":") || ionq.bytes().ends_with(b"{\"half\":\r\n")
        })
        .await;
        let before = ionq.requests().len();
        drop(line);
        eventually("the request has ended at the provider", async || ionq.requests().len() > before).await;
    }
    assert!(ionq.requests().iter().all(|request| !request.is_whole), "{:?}", ionq.requests());
}

#[tokio::test]
async fn an_answer_before_the_body_is_complete_is_passed_on() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.head().await;
        line.send(Reply::json(413, &json!({ "error": "too large" })).header("Connection", "close").bytes()).await;
        line.half_close().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let ask = Ask::post(UNLISTED).pat(&ada).header("Content-Length", "1000000").body("half");
    let bytes = ask.bytes(&line.host);
    line.send(bytes).await;

    let answer = line.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["error"], "too large");
}

#[tokio::test]
async fn connections_to_a_provider_are_used_again() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.workers", 1)).await;

    for _ in 0..10 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }

    assert_eq!(ionq.connections(), 1);
}

#[tokio::test]
async fn a_provider_that_comes_back_is_used_at_once() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let address = ionq.address;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    drop(ionq);
    bellhop.get(&ada, JOB).await.assert_refused("upstream-unreachable");

    let ionq = Upstream::accepting_at(address, &[ADA_KEY]).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().key(), ADA_KEY);
}

#[tokio::test]
async fn an_answer_in_chunks_leaves_its_connection_to_the_next_request() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while line.request().await.is_some() {
            line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut line = bellhop.connect().await;

    for _ in 0..3 {
        let answer = line.ask(&Ask::get(JOB).pat(&ada)).await;
        assert!(answer.is_whole && answer.text() == "{}", "{answer:?}");
    }

    assert_eq!(ionq.connections(), 1);
}
