//! Bodies of any size, both ways, as they come and in constant memory.

use crate::support::{
    ADA_KEY, Ask, Bellhop, ProviderLine, Reply, Site, UNLISTED, Upstream,
    cast::{ada_at, ada_on, ada_watches, events},
    eventually,
    upstream::job,
};

const MIB: usize = 1024 * 1024;
const BULK: usize = 64 * MIB;
/// More than buffers need, and much less than the bulk. In KiB.
const ROOM: u64 = 12 * 1024;

#[tokio::test]
async fn a_large_answer_passes_in_constant_memory() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while line.request().await.is_some() {
            line.send(Reply::new(200).header("Content-Length", &BULK.to_string()).without_length().bytes()).await;
            let part = vec![b'x'; 256 * 1024];
            for _ in 0..BULK / part.len() {
                line.send(&part).await;
            }
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.ask(&Ask::get("/nowhere").pat(&ada)).await;
    let (before, _) = bellhop.memory();

    let mut line = bellhop.connect().await.without_record();
    let bytes = Ask::get("/ionq/v0.4/jobs/1/results/probabilities").pat(&ada).bytes("bellhop");
    line.send(bytes).await;
    assert_eq!(line.head().await.header("content-length"), Some(&*BULK.to_string()));
    line.drain(BULK).await;

    let (_, highest) = bellhop.memory();
    assert!(highest < before + ROOM, "{before} KiB became {highest} KiB");
}

#[tokio::test]
async fn a_large_request_passes_in_constant_memory() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while line.head().await.is_some() {
            line.drain(BULK).await;
            line.send(job().bytes()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.ask(&Ask::get("/nowhere").pat(&ada)).await;
    let (before, _) = bellhop.memory();

    let mut line = bellhop.connect().await;
    let ask = Ask::post(UNLISTED).pat(&ada).header("Content-Length", BULK.to_string());
    let head = ask.bytes("bellhop");
    line.send(head).await;
    let part = vec![b'x'; 256 * 1024];
    for _ in 0..BULK / part.len() {
        line.send(&part).await;
    }
    line.answer().await.assert_paid_by("me", "own");

    let (_, highest) = bellhop.memory();
    assert!(highest < before + ROOM, "{before} KiB became {highest} KiB");
}

#[tokio::test]
async fn readers_who_stall_hold_little_memory() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(Reply::new(200).header("Content-Length", &BULK.to_string()).without_length().bytes()).await;
        while line.send([b'x'; 65536]).await {}
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.ask(&Ask::get("/nowhere").pat(&ada)).await;
    let (before, _) = bellhop.memory();

    let mut stalled = Vec::new();
    for _ in 0..100 {
        let mut line = bellhop.connect().await;
        let bytes = Ask::get("/ionq/v0.4/jobs/1").pat(&ada).bytes("bellhop");
        line.send(bytes).await;
        stalled.push(line);
    }
    ionq.until_requests(100).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    let (now, _) = bellhop.memory();
    assert!(now < before + 100 * 192, "{before} KiB became {now} KiB with 100 stalled readers");
}

#[tokio::test]
async fn an_answer_reaches_the_caller_as_it_comes() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(Reply::new(200).header("Transfer-Encoding", "chunked").without_length().bytes()).await;
        line.send("3\r\none\r\n").await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let bytes = Ask::get("/ionq/v0.4/jobs/1").pat(&ada).bytes("bellhop");
    line.send(bytes).await;

    assert_eq!(line.head().await.status, 200);
    let mut seen = Vec::new();
    while seen.len() < 8 {
        seen.extend(line.read_more().await);
    }
    assert_eq!(seen, b"3\r\none\r\n");
}

#[tokio::test]
async fn a_request_reaches_the_provider_as_it_comes() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let ask = Ask::post(UNLISTED).pat(&ada).header("Transfer-Encoding", "chunked").body("3\r\none\r\n");
    let bytes = ask.bytes("bellhop");
    line.send(bytes).await;

    eventually("the first part is at the provider", async || ionq.bytes().ends_with(b"\r\n3\r\none\r\n")).await;
    line.send("3\r\ntwo\r\n0\r\n\r\n").await;
    line.answer().await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().body, b"onetwo");
}

#[tokio::test]
async fn a_stream_of_events_may_pause_for_long() {
    let kipu = events(|mut line| async move {
        for _ in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
            line.send("9\r\ndata: x\n\n\r\n").await;
        }
        line.send("0\r\n\r\n").await;
    })
    .await;
    let site = Site::empty().set("timeouts.body_idle", "1s").set("timeouts.upstream_head", "1s");
    let (bellhop, ask) = ada_watches(&kipu, site).await;

    let answer = bellhop.ask(&ask).await;

    assert!(answer.is_whole && answer.text() == "data: x\n\n".repeat(3), "{answer:?}");
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    let (next, told) =
        (std::sync::Arc::new(tokio::sync::Semaphore::new(0)), ["data: fake-kipu", "data: {\"a\":1}", "data: 3"]);
    let waiting = std::sync::Arc::clone(&next);
    let kipu = events(move |mut line| {
        let next = std::sync::Arc::clone(&waiting);
        async move {
            for event in told {
                next.acquire().await.unwrap().forget();
                line.send(format!("{:x}\r\n{event}\n\n\r\n", event.len() + 2)).await;
            }
            line.hang().await;
        }
    })
    .await;
    let (bellhop, ask) = ada_watches(&kipu, Site::empty()).await;
    let mut line = bellhop.connect().await;
    line.send(ask.bytes("bellhop")).await;
    assert_eq!(line.head().await.header("content-type"), Some("text/event-stream"));

    for event in told {
        next.add_permits(1);
        let mut came = Vec::new();
        while !came.ends_with(b"\n\n\r\n") {
            came.extend(line.read_more().await);
        }
        assert!(came.windows(event.len()).any(|part| part == event.as_bytes()), "{}", came.escape_ascii());
    }
}

/// How often the load of a story is repeated: `BELLHOP_SOAK` asks for more.
fn rounds() -> usize {
    if std::env::var_os("BELLHOP_SOAK").is_some() { 200 } else { 10 }
}

#[tokio::test]
async fn after_much_use_memory_and_descriptors_are_what_they_were() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("log.level", "info")).await;
    use_it(&bellhop, &ada).await;
    let (before, files) = (bellhop.memory().0, bellhop.open_files());

    for _ in 0..rounds() {
        use_it(&bellhop, &ada).await;
    }

    let (after, files_after) = (bellhop.memory().0, bellhop.open_files());
    assert!(after < before + 6 * 1024, "{before} KiB became {after} KiB");
    // The store's five connections, of three files each, are opened when they are needed.
    assert!(files_after <= files + 16, "{files} descriptors became {files_after}");
}

async fn use_it(bellhop: &Bellhop, ada: &crate::support::Pat) {
    let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(ada);
    let many = (0..10).map(async |_| {
        let mut line = bellhop.connect().await.without_record();
        for _ in 0..20 {
            assert_eq!(line.ask(&ask).await.status, 200);
        }
    });
    futures_util::future::join_all(many).await;
}
