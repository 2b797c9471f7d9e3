//! SIGHUP takes up a new configuration whole or not at all; SIGTERM finishes what is under way.

use crate::support::{
    ADA_KEY, Ask, Bellhop, Line, ProviderLine, Reply, Site, Upstream,
    cast::{ada_at, ada_on, ada_watches, events},
    eventually,
    http2::{Http2, whole},
    soon::PATIENCE,
    upstream::job,
    within,
};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

const JOB: &str = "/ionq/v0.4/jobs/job-1";

/// Reads requests, and answers each when the story lets it.
async fn held_back() -> (Upstream, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let let_go = Arc::clone(&gate);
    let upstream = Upstream::scripted(move |mut line: ProviderLine| {
        let gate = Arc::clone(&gate);
        async move {
            while line.request().await.is_some() {
                gate.acquire().await.unwrap().forget();
                line.send(job().bytes()).await;
            }
        }
    })
    .await;
    (upstream, let_go)
}

#[tokio::test]
async fn a_new_configuration_is_taken_up_without_losing_a_connection() {
    let first = Upstream::accepting(&[ADA_KEY]).await;
    let second = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_at(&first).await;
    let mut line = bellhop.connect().await;
    line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");

    bellhop.reconfigure("providers.ionq.upstream", second.origin());
    bellhop.write_config();
    bellhop.signal("HUP");

    eventually("requests go to the second stand-in", async || {
        line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
        !second.requests().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_broken_configuration_changes_nothing_and_says_so() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_at(&ionq).await;

    for (path, value) in [
        ("providers.ionq.upstream", json!("http://user@elsewhere.example")),
        ("providers.nobody", json!({ "upstream": "https://elsewhere.example" })),
        ("limits.per_token", json!("many")),
        ("timeouts.unheard_of", json!("1s")),
    ] {
        let good = bellhop.config.clone();
        bellhop.reconfigure("limits.per_user", "1/h");
        bellhop.reconfigure(path, value);
        bellhop.write_config();
        bellhop.config = good;
        let before = bellhop.log().matches("not reloaded").count();
        bellhop.signal("HUP");
        eventually("the log says so", async || bellhop.log().matches("not reloaded").count() > before).await;
    }
    for _ in 0..3 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_the_end() {
    let (ionq, let_go) = held_back().await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let mut line = bellhop.connect().await;
    let bytes = Ask::post("/ionq/v0.4/jobs").pat(&ada).body("{}").bytes("bellhop");
    line.send(bytes).await;
    ionq.until_requests(1).await;

    bellhop.signal("TERM");
    eventually("nobody is let in any more", async || {
        tokio::net::TcpStream::connect(bellhop.addresses.proxy).await.is_err()
    })
    .await;
    assert!(bellhop.has_exited().is_none());
    let_go.add_permits(1);

    let answer = line.answer().await;
    answer.assert_paid_by("me", "own");
    assert_eq!(answer.header("connection"), Some("close"));
    line.assert_closed().await;
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn what_does_not_finish_is_cut_at_the_deadline() {
    let (ionq, _never) = held_back().await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "1s")).await;
    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("bellhop");
    line.send(bytes).await;
    ionq.until_requests(1).await;
    let began = Instant::now();

    bellhop.signal("TERM");

    assert_eq!(bellhop.exit_code().await, Some(0));
    assert!(
        began.elapsed() > Duration::from_millis(900) && began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    line.until_closed().await;
}

#[tokio::test]
async fn connections_at_rest_do_not_hold_up_the_end() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let mut used = bellhop.connect().await;
    used.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    let mut fresh: Line = bellhop.connect().await;
    let mut http2 = Http2::connect(&bellhop).await;
    http2.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    let began = Instant::now();

    bellhop.signal("TERM");

    assert_eq!(bellhop.exit_code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    used.assert_closed().await;
    fresh.assert_closed().await;
    assert!(http2.try_ask(&Ask::get(JOB).pat(&ada)).await.is_err());
}

#[tokio::test]
async fn readiness_ends_before_accepting_does() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.delay", "1s")).await;
    assert_eq!(bellhop.admin("/readyz").await.status, 200);

    bellhop.signal("TERM");

    eventually("it is not ready", async || bellhop.admin("/readyz").await.status == 503).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert_eq!(bellhop.admin("/healthz").await.status, 200);
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_long_answer_reaches_its_end_while_draining() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        let body = "x".repeat(100_000);
        line.send(Reply::new(200).header("Content-Length", "100000").without_length().bytes()).await;
        line.drip(body.as_bytes(), 10_000, Duration::from_millis(100)).await;
    })
    .await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("bellhop");
    line.send(bytes).await;
    ionq.until_requests(1).await;

    bellhop.signal("TERM");

    let answer = line.answer().await;
    assert!(answer.is_whole && answer.body.len() == 100_000);
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn what_can_be_asked_for_again_is_awaited_less_long_than_a_submission() {
    let (ionq, let_go) = held_back().await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s").set("drain.poll", "500ms")).await;
    let mut submitting = bellhop.connect().await;
    let bytes = Ask::post("/ionq/v0.4/jobs").pat(&ada).body("{}").bytes("bellhop");
    submitting.send(bytes).await;
    let mut polling = bellhop.connect().await;
    polling.send(Ask::get(JOB).pat(&ada).bytes("bellhop")).await;
    ionq.until_requests(2).await;
    let mut late = bellhop.connect().await;
    late.send(&Ask::get(JOB).pat(&ada).bytes("bellhop")[..20]).await;

    bellhop.signal("TERM");

    for line in [&mut polling, &mut late] {
        let answer = line.answer().await;
        answer.assert_refused("draining");
        assert_eq!((answer.header("connection"), answer.header("retry-after")), (Some("close"), Some("1")));
        line.assert_closed().await;
    }
    assert!(bellhop.has_exited().is_none(), "a submission is waited for");
    let_go.add_permits(2);
    submitting.answer().await.assert_paid_by("me", "own");
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn streams_of_one_connection_end_each_in_its_own_time() {
    let (ionq, let_go) = held_back().await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s").set("drain.poll", "500ms")).await;
    let mut http2 = Http2::connect(&bellhop).await;
    let submit = Ask::post("/ionq/v0.4/jobs").pat(&ada).body("{}");
    let submitting = http2.begin(&submit).await.unwrap();
    ionq.until_requests(1).await;
    let polling = http2.begin(&Ask::get(JOB).pat(&ada)).await.unwrap();
    ionq.until_requests(2).await;

    bellhop.signal("TERM");

    let refused = within(PATIENCE, "the poll's end", whole(polling, &bellhop.answers)).await.unwrap();
    refused.assert_refused("draining");
    assert_eq!(refused.header("connection"), None);
    assert!(http2.try_ask(&Ask::get(JOB).pat(&ada)).await.is_err(), "GOAWAY: nothing new on this connection");
    assert!(bellhop.has_exited().is_none());
    let_go.add_permits(2);
    let answer = within(PATIENCE, "the submission's answer", whole(submitting, &bellhop.answers)).await.unwrap();
    answer.assert_paid_by("me", "own");
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_stream_of_events_is_cut_before_the_deadline() {
    let kipu = events(|mut line: ProviderLine| async move {
        while line.send(b"8\r\ndata: 1\n\r\n").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let site = Site::empty().set("drain.deadline", "60s").set("drain.poll", "500ms");
    let (mut bellhop, ask) = ada_watches(&kipu, site).await;
    let mut line = bellhop.connect().await;
    let bytes = ask.bytes(&line.host);
    line.send(bytes).await;
    assert_eq!(line.head().await.status, 200);
    line.read_more().await;

    bellhop.signal("TERM");

    assert!(!line.until_closed().await.ends_with(b"0\r\n\r\n"), "it must not be taken for the whole");
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_admin_listener_answers_until_the_last_caller_is_served() {
    let (ionq, let_go) = held_back().await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let mut submitting = bellhop.connect().await;
    let bytes = Ask::post("/ionq/v0.4/jobs").pat(&ada).body("{}").bytes("bellhop");
    submitting.send(bytes).await;
    ionq.until_requests(1).await;
    let mut watching = bellhop.connect_to(bellhop.addresses.admin).await;
    assert_eq!(watching.ask(&Ask::get("/readyz")).await.status, 200);

    bellhop.signal("TERM");

    eventually("nobody is let in any more", async || {
        tokio::net::TcpStream::connect(bellhop.addresses.proxy).await.is_err()
    })
    .await;
    for (path, status) in [("/healthz", 200), ("/readyz", 503), ("/metrics", 200)] {
        assert_eq!(watching.ask(&Ask::get(path)).await.status, status, "{path}");
        assert_eq!(bellhop.admin(path).await.status, status, "{path}");
    }
    let_go.add_permits(1);
    submitting.answer().await.assert_paid_by("me", "own");
    watching.assert_closed().await;
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn after_a_power_failure_everything_is_where_it_was() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    bellhop.run(&["token", "create", "ada", "second"]).await.assert_code(0);
    bellhop.run(&["token", "revoke", "ada", "second"]).await.assert_code(0);

    let bellhop = Bellhop::start(bellhop.kill().await).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    let tokens = bellhop.run(&["token", "list", "ada", "--json"]).await.assert_code(0).json();
    assert_eq!(tokens.as_array().map(Vec::len), Some(1), "{tokens}");
}

#[tokio::test]
async fn an_interrupt_is_an_end_too() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, _) = ada_at(&ionq).await;
    bellhop.signal("INT");
    assert_eq!(bellhop.exit_code().await, Some(0));
}
