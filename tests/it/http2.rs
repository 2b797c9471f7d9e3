//! What HTTP/2 adds to go wrong: streams that stall, heads that never end, floods of resets.

use crate::support::{
    ADA_KEY, Ask, ProviderLine, Reply, Site, UNLISTED, Upstream,
    cast::{ada_at, ada_on},
    eventually,
    http2::{Frames, Http2, Reaction, sound, whole},
};
use std::time::{Duration, Instant};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

#[tokio::test]
async fn many_requests_at_once_share_one_connection() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut http2 = Http2::connect(&bellhop).await;

    let mut answers = Vec::new();
    for _ in 0..50 {
        answers.push(http2.begin(&Ask::get(JOB).pat(&ada)).await.unwrap());
    }
    for answer in answers {
        whole(answer, &bellhop.answers).await.unwrap().assert_paid_by("me", "own");
    }
    assert_eq!(ionq.requests().len(), 50);
}

#[tokio::test]
async fn bodies_pass_both_ways() {
    let ionq = Upstream::answering(|request| Reply::new(200).body(request.body.clone())).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut http2 = Http2::connect(&bellhop).await;

    for size in [0, 1, 65_535, 60_000] {
        let body = vec![b'x'; size];
        let answer = http2.ask(&Ask::post(UNLISTED).pat(&ada).body(body.clone())).await;
        assert!(answer.body == body, "{size} bytes became {}", answer.body.len());
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq).set("timeouts.head", "1s").set("timeouts.keep_alive", "1s");
    let (bellhop, _) = ada_on(site).await;

    let mut silent = Frames::connect(&bellhop).await;

    assert_eq!(silent.reaction().await, Reaction::ConnectionEnded);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq).set("timeouts.head", "1s").set("timeouts.keep_alive", "1s");
    let (bellhop, _) = ada_on(site).await;

    let mut slow = Frames::connect(&bellhop).await;
    slow.endless_head(0).await;
    assert_eq!(slow.reaction().await, Reaction::ConnectionEnded);

    let (before, _) = bellhop.memory();
    let mut flood = Frames::connect(&bellhop).await;
    assert!(!flood.endless_head(5_000).await, "60 MiB of a head were taken");
    let (_, highest) = bellhop.memory();
    assert!(highest < before + 8 * 1024, "{before} KiB became {highest} KiB");
}

#[tokio::test]
async fn a_flood_of_resets_costs_nobody_else_anything() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("log.level", "info")).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    let (before, _) = bellhop.memory();
    let authorization = format!("apiKey {ada}");

    let mut flood = Frames::connect(&bellhop).await;
    flood.reset_rapidly(&sound(&authorization), 20_000).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    let (_, highest) = bellhop.memory();
    assert!(highest < before + 24 * 1024, "{before} KiB became {highest} KiB");
    assert!(ionq.requests().len() < 20_000, "each of them reached the provider");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up_and_completes_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.body_idle", "1s")).await;
    let authorization = format!("apiKey {ada}");
    let began = Instant::now();

    let mut frames = Frames::connect(&bellhop).await;
    frames.begin(&sound(&authorization), b"half").await;

    frames.reaction().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    eventually("the request has ended at the provider", async || !ionq.requests().is_empty()).await;
    assert!(!ionq.request().is_whole);
}

#[tokio::test]
async fn a_stream_that_is_reset_in_its_body_completes_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let authorization = format!("apiKey {ada}");

    let mut frames = Frames::connect(&bellhop).await;
    frames.begin(&sound(&authorization), b"half").await;
    eventually("the first half is at the provider", async || ionq.bytes().ends_with(b"half\r\n")).await;
    drop(frames);

    eventually("the request has ended at the provider", async || !ionq.requests().is_empty()).await;
    assert!(!ionq.request().is_whole);
}

#[tokio::test]
async fn a_reader_who_takes_nothing_is_cut() {
    let ionq = Upstream::endless().await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.body_idle", "1s")).await;

    let mut http2 = Http2::connect(&bellhop).await;
    let answer = http2.begin(&Ask::get(JOB).pat(&ada)).await.unwrap();
    let _unread = answer.await.unwrap();

    eventually("Bellhop lets go of the provider", async || ionq.connections() == 1 && ionq.open_connections() == 0)
        .await;
}

#[tokio::test]
async fn a_caller_who_goes_away_lets_the_provider_go() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut http2 = Http2::connect(&bellhop).await;
    let answer = http2.begin(&Ask::get(JOB).pat(&ada)).await.unwrap();
    ionq.until_requests(1).await;
    drop(answer);

    eventually("Bellhop lets go of the provider", async || ionq.open_connections() == 0).await;
}
