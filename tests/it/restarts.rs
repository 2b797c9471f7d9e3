//! A restart loses nobody: what waits to be accepted is served by who ends, or handed to who begins.

use crate::support::{
    ADA_KEY, Ask, Bellhop, Line, ProviderLine, Site, Upstream,
    cast::{ada_at, ada_on, ada_watches, events},
    eventually,
    upstream::job,
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::sleep};

const JOBS: &str = "/ionq/v0.4/jobs";
const JOB: &str = "/ionq/v0.4/jobs/job-1";

/// Answers polls at once, and a submission when the story lets it.
async fn slow_to_take_jobs() -> (Upstream, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let let_go = Arc::clone(&gate);
    let upstream = Upstream::scripted(move |mut line: ProviderLine| {
        let gate = Arc::clone(&gate);
        async move {
            while let Some(request) = line.request().await {
                if request.method == "POST" {
                    gate.acquire().await.unwrap().forget();
                }
                line.send(job().bytes()).await;
            }
        }
    })
    .await;
    (upstream, let_go)
}

#[tokio::test]
async fn what_waits_in_the_queue_when_bellhop_ends_is_served() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let ask = Ask::get(JOB).pat(&ada);
    let mut lines = Vec::new();
    for _ in 0..20 {
        let mut used = bellhop.connect().await;
        used.ask(&ask).await.assert_paid_by("me", "own");
        lines.push(used);
    }

    // The kernel accepts for a process that is stopped.
    bellhop.signal("STOP");
    for _ in 0..180 {
        lines.push(bellhop.connect().await);
    }
    for line in &mut lines {
        let bytes = ask.bytes(&line.host);
        line.send(bytes).await;
    }
    bellhop.signal("TERM");
    bellhop.signal("CONT");

    for line in &mut lines {
        line.answer().await.assert_paid_by("me", "own");
    }
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn one_bellhop_takes_over_from_another_and_no_caller_notices() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let (proxy, admin) = (bellhop.addresses.proxy, bellhop.addresses.admin);
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (done, answered, ada, seen) =
                (Arc::clone(&done), Arc::clone(&answered), ada.clone(), bellhop.answers.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    let mut line = Line::open(proxy, seen.clone()).await;
                    let answer = line.ask(&Ask::get(JOB).pat(&ada)).await;
                    answer.assert_paid_by("me", "own");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    eventually("callers are served", async || answered.load(Ordering::SeqCst) > 100).await;

    let (mut old, new) = bellhop.replaced().await;
    assert_eq!(old.exit_code().await, Some(0));
    let before = answered.load(Ordering::SeqCst);
    eventually("callers go on being served", async || answered.load(Ordering::SeqCst) > before + 100).await;
    done.store(true, Ordering::SeqCst);

    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!((new.addresses.proxy, new.addresses.admin), (proxy, admin));
    assert_eq!(new.admin("/readyz").await.status, 200);
}

#[tokio::test]
async fn many_connections_are_handed_from_one_to_the_other() {
    let (ionq, let_go) = slow_to_take_jobs().await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("drain.deadline", "20s")).await;
    let submit = Ask::post(JOBS).pat(&ada).body("{}");
    let mut in_flight = Vec::new();
    for _ in 0..100 {
        let mut line = bellhop.connect().await;
        let bytes = submit.bytes(&line.host);
        line.send(bytes).await;
        in_flight.push(line);
    }
    ionq.until_requests(100).await;
    let address = bellhop.addresses.proxy;
    let seen = bellhop.answers.clone();
    let ask = Ask::get("/ionq/v0.4/jobs/job-2").pat(&ada);
    let bytes = ask.bytes("bellhop");
    let waiting = tokio::spawn(async move {
        let mut lines = Vec::new();
        for _ in 0..100 {
            let mut line = Line::open(address, seen.clone()).await;
            line.send(&bytes).await;
            lines.push(line);
        }
        lines
    });

    let (mut old, new) = bellhop.replaced().await;

    for line in &mut waiting.await.unwrap() {
        line.answer().await.assert_paid_by("me", "own");
    }
    new.ask(&ask).await.assert_paid_by("me", "own");
    assert!(old.has_exited().is_none(), "it waits for what was submitted by way of it");
    let_go.add_permits(100);
    for line in &mut in_flight {
        let answer = line.answer().await;
        answer.assert_paid_by("me", "own");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(old.exit_code().await, Some(0));
    new.get(&ada, JOB).await.assert_paid_by("me", "job");
}

#[tokio::test]
async fn a_successor_may_be_succeeded() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let proxy = bellhop.addresses.proxy;

    let (_first, second) = bellhop.replaced().await;
    let (mut second, third) = second.replaced().await;

    assert_eq!(second.exit_code().await, Some(0));
    assert_eq!(third.addresses.proxy, proxy);
    third.get(&ada, JOB).await.assert_paid_by("me", "own");
    let folder = third.data();
    let places = || {
        std::fs::read_dir(&folder)
            .unwrap()
            .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with("take-over-"))
    };
    assert_eq!(places().count(), 1);
    let site = third.stop().await;
    assert_eq!(places().count(), 0);
    drop(site);
}

#[tokio::test]
async fn without_anybody_to_succeed_it_is_an_ordinary_start() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let site = bellhop.kill().await;

    let bellhop = Bellhop::start_to_take_over(site).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_second_one_that_does_not_ask_is_still_an_error() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, _) = ada_at(&ionq).await;
    let address = format!("listen.proxy={}", bellhop.addresses.proxy);

    let second = bellhop.run(&["serve", "--set", &address]).await.assert_code(1);

    assert!(second.err.contains("--take-over"), "{}", second.err);
}

#[tokio::test]
async fn a_successor_that_cannot_start_leaves_everything_as_it_was() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("listen.admin={}", elsewhere.local_addr().unwrap());

    let second = bellhop.run(&["serve", "--take-over", "--set", &admin]).await.assert_code(1);

    assert!(second.err.contains("cannot listen"), "{}", second.err);
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert_eq!(bellhop.admin("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_process_that_takes_over_must_be_configured_alike() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq).set("listen.providers", json!({ "ionq": "127.0.0.1:0" }));
    let (mut bellhop, ada) = ada_on(site).await;
    bellhop.reconfigure("listen.providers", json!({}));

    let second = bellhop.run(&["serve", "--take-over"]).await.assert_code(78);

    assert!(second.err.contains("provider-ionq") && second.err.contains("listen.proxy"), "{}", second.err);
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_stream_goes_on_at_the_old_one_until_it_is_cut() {
    let kipu = events(|mut line: ProviderLine| async move {
        while line.send(b"8\r\ndata: 1\n\r\n").await {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let site = Site::empty().set("drain.deadline", "20s").set("drain.poll", "1s");
    let (bellhop, ask) = ada_watches(&kipu, site).await;
    let mut line = bellhop.connect().await;
    let bytes = ask.bytes(&line.host);
    line.send(bytes).await;
    assert_eq!(line.head().await.status, 200);

    let (mut old, _new) = bellhop.replaced().await;

    assert!(!line.read_more().await.is_empty());
    let rest = line.until_closed().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it must not be taken for the whole");
    assert_eq!(old.exit_code().await, Some(0));
}
