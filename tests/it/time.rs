//! Nobody holds a connection by being slow: heads, bodies and readers have their time.

use crate::support::{
    ADA_KEY, Ask, ProviderLine, Reply, Site, UNLISTED, Upstream, cast::ada_on, eventually, soon::PATIENCE,
    upstream::job, within,
};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const JOB: &str = "/ionq/v0.4/jobs/job-1";

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, _) = ada_on(Site::facing(&ionq).set("timeouts.head", "1s")).await;
    let began = Instant::now();

    bellhop.connect().await.assert_closed().await;

    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_drips_is_cut_however_steadily_it_drips() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.head", "1s")).await;
    let began = Instant::now();

    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("bellhop");
    let dripping = async {
        for byte in bytes {
            if line.try_send([byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    within(PATIENCE, "the end of the drip", dripping).await;

    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    ionq.assert_untouched();
}

#[tokio::test]
async fn the_next_head_on_a_connection_has_its_time_too() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.head", "1s")).await;
    let mut line = bellhop.connect().await;
    line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    sleep(Duration::from_millis(1500)).await;
    line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    let began = Instant::now();

    line.send("GET /ionq/v0.4/jobs HTTP/1.1\r\nHost:").await;

    line.until_closed().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_between_requests_is_closed_after_a_while() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.keep_alive", "1s")).await;
    let mut line = bellhop.connect().await;
    line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    let began = Instant::now();

    line.assert_closed().await;

    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up_and_completes_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.body_idle", "1s")).await;
    let began = Instant::now();

    let mut line = bellhop.connect().await;
    let ask = Ask::post(UNLISTED).pat(&ada).header("Content-Length", "100").body("{\"half\":");
    let bytes = ask.bytes("bellhop");
    line.send(bytes).await;

    line.until_closed().await;
    assert!(
        began.elapsed() > Duration::from_millis(900) && began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    eventually("the request has ended at the provider", async || !ionq.requests().is_empty()).await;
    assert!(!ionq.request().is_whole);
}

#[tokio::test]
async fn a_body_that_drips_is_let_through() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.body_idle", "1s")).await;

    let mut line = bellhop.connect().await;
    let ask = Ask::post(UNLISTED).pat(&ada).header("Content-Length", "6");
    let bytes = ask.bytes("bellhop");
    line.send(bytes).await;
    for piece in ["12", "34", "56"] {
        sleep(Duration::from_millis(600)).await;
        line.send(piece).await;
    }

    line.answer().await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().body, b"123456");
}

#[tokio::test]
async fn a_reader_who_takes_nothing_is_cut() {
    let ionq = Upstream::endless().await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.body_idle", "1s")).await;

    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("bellhop");
    line.send(bytes).await;

    eventually("Bellhop lets go of the provider", async || ionq.connections() == 1 && ionq.open_connections() == 0)
        .await;
}

#[tokio::test]
async fn an_answer_that_falls_silent_is_cut_and_not_taken_for_the_whole() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(Reply::new(200).header("Content-Length", "100").without_length().bytes()).await;
        line.send("the beginning").await;
        line.hang().await;
    })
    .await;
    let mut site = Site::empty().provider("silent", &ionq);
    let preset = "id: silent\nname: Silent\norigin: \"https://silent.example\"\n\
        caller_token:\n  - { header: Authorization, word: apiKey }\n\
        fields:\n  - { name: api_key, kind: secret, label: API key }\n\
        scheme:\n  headers:\n    - { name: Authorization, value: \"apiKey {api_key}\" }\n\
        operations:\n  - { name: status, kind: poll, on: \"GET /jobs/{job}\", silence: 1s }\n";
    let presets = site.write("silent.yaml", preset);
    site.reconfigure("presets", serde_json::json!([presets]));
    let fields = serde_json::json!({ "api_key": { "value": ADA_KEY } });
    let ada = site.user("ada").credential(&crate::support::state::credential("silent", &fields)).pat();
    let bellhop = site.serve().await;
    let began = Instant::now();

    let answer = bellhop.get(&ada, "/silent/jobs/1").await;

    assert!(!answer.is_whole);
    assert!(
        began.elapsed() > Duration::from_millis(900) && began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_slow_provider_is_waited_for_as_long_as_it_speaks() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.drip(&job().bytes(), 40, Duration::from_millis(250)).await;
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.body_idle", "1s")).await;

    assert_eq!(bellhop.get(&ada, JOB).await.json()["id"], "job-1");
}
