//! Ways out of HTTP: none of them opens unless a preset says so, and what a WebSocket is when one does.

use crate::support::{
    ADA_KEY, Answer, Ask, Bellhop, Line, Pat, ProviderLine, Reply, Site, Upstream, cast::ada_at, eventually,
    state::credential,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

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

const STATUS: &str = "/quantinuum/api/jobs/v1beta3/j1/attributes/status/ws";
const NEXUS_TOKEN: &str = "fake-nexus-token-canary";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const SOON: Duration = Duration::from_millis(1500);

/// Ada, with a token of her own at Nexus.
async fn ada_at_nexus(nexus: &Upstream) -> (Bellhop, Pat) {
    ada_at_nexus_on(Site::empty().provider("quantinuum", nexus)).await
}

async fn ada_at_nexus_on(site: Site) -> (Bellhop, Pat) {
    ada_with_preset(at_nexus_as_it_is(site)).await
}

fn at_nexus_as_it_is(site: Site) -> Site {
    site.without_exchange("quantinuum", "{ cookies: [{ name: myqos_oat, value: '{refresh_token}' }] }")
}

async fn ada_with_preset(mut site: Site) -> (Bellhop, Pat) {
    let token = credential("quantinuum", &json!({ "refresh_token": { "value": NEXUS_TOKEN } }));
    let ada = site.user("ada").credential(&token).pat();
    (site.serve().await, ada)
}

/// As the `websockets` library asks (RFC 6455 §4.1).
fn websocket(pat: &Pat) -> Ask {
    Ask::get(STATUS)
        .header("Cookie", format!("myqos_oat={pat}"))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
}

/// A provider that agrees, and sends each of these pieces when the story lets it, then what it is sent.
async fn agreeing(pieces: Vec<Vec<u8>>) -> (Upstream, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let (let_go, pieces) = (Arc::clone(&gate), Arc::new(pieces));
    let nexus = Upstream::scripted(move |mut line: ProviderLine| {
        let (gate, pieces) = (Arc::clone(&gate), Arc::clone(&pieces));
        async move {
            line.request().await;
            line.send(format!("{AGREED}\r\n")).await;
            for piece in &*pieces {
                gate.acquire().await.unwrap().forget();
                line.send(piece).await;
            }
            loop {
                let came = line.read_more().await;
                if came.is_empty() || !line.send(came).await {
                    return;
                }
            }
        }
    })
    .await;
    (nexus, let_go)
}

/// A text in one frame of a server's.
fn frame(text: &str) -> Vec<u8> {
    [&[0x81, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
}

async fn open(bellhop: &Bellhop, pat: &Pat) -> (Line, Answer) {
    let mut line = bellhop.connect().await;
    let bytes = websocket(pat).bytes("bellhop");
    line.send(bytes).await;
    let head = line.head().await;
    (line, head)
}

async fn read(line: &mut Line, length: usize) -> Vec<u8> {
    let mut came = Vec::new();
    while came.len() < length {
        came.extend(line.read_more().await);
    }
    came
}

#[tokio::test]
async fn a_websocket_passes_both_ways_on_a_path_that_has_one() {
    let (nexus, let_go) = agreeing(vec![frame("one")]).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;

    let (mut line, head) = open(&bellhop, &ada).await;

    head.assert_paid_by("me", "own");
    let said = |name: &str| head.header(name).map(str::to_ascii_lowercase);
    assert_eq!(
        (head.status, said("upgrade"), said("connection")),
        (101, Some("websocket".into()), Some("upgrade".into()))
    );
    assert_eq!(head.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let_go.add_permits(1);
    assert_eq!(read(&mut line, 5).await, frame("one"));
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    line.send(&bytes).await;
    assert!(read(&mut line, bytes.len()).await == bytes, "bytes came back changed");
    let arrived = nexus.request();
    assert_eq!(arrived.header("cookie"), Some(&*format!("myqos_oat={NEXUS_TOKEN}")));
    assert_eq!(arrived.header("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(arrived.header("sec-websocket-extensions"), None);
    eventually("what passed is counted", async || {
        bellhop.metric(&["relayed_bytes_total", "quantinuum"]).await == 100_005.0
            && bellhop.metric(&["requests_total", "quantinuum", "1xx"]).await == 1.0
    })
    .await;
}

#[tokio::test]
async fn a_websocket_that_is_asked_for_in_another_way_is_refused() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;

    for (name, value) in [
        ("Upgrade", "websocket, h2c"),
        ("Upgrade", "h2c"),
        ("Sec-WebSocket-Version", "12"),
        ("Sec-WebSocket-Key", "short"),
        ("Content-Length", "0"),
    ] {
        let mut ask = websocket(&ada);
        ask.headers.retain(|(n, _)| n != name);
        bellhop.ask(&ask.header(name, value)).await.assert_refused("bad-request");
    }
    let mut posted = websocket(&ada);
    posted.method = "POST";
    bellhop.ask(&posted).await.assert_refused("bad-request");
    let mut elsewhere = websocket(&ada);
    elsewhere.target = "/quantinuum/api/jobs/v1beta3/j1".into();
    bellhop.ask(&elsewhere).await.assert_refused("bad-request");
    nexus.assert_untouched();
}

#[tokio::test]
async fn a_provider_that_does_not_agree_has_its_say() {
    let nexus = Upstream::answering(|_| Reply::json(404, &json!({ "detail": "no such job" }))).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;

    let answer = bellhop.ask(&websocket(&ada)).await;

    assert_eq!(
        (answer.assert_paid_by("me", "own").status, answer.json()["detail"].as_str()),
        (404, Some("no such job"))
    );
}

#[tokio::test]
async fn an_agreement_to_something_else_is_no_answer() {
    for head in [
        AGREED.replace("websocket", "h2c"),
        AGREED.replace("Upgrade: websocket\r\n", ""),
        format!("{AGREED}Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    ] {
        let nexus = Upstream::scripted(move |mut line: ProviderLine| {
            let head = head.clone();
            async move {
                line.request().await;
                line.send(format!("{head}\r\n")).await;
                line.hang().await;
            }
        })
        .await;
        let (bellhop, ada) = ada_at_nexus(&nexus).await;

        bellhop.ask(&websocket(&ada)).await.assert_refused("upstream-invalid");
        eventually("the provider is let go", async || nexus.open_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_secret_in_a_websocket_is_masked_and_nothing_waits_for_more() {
    let text = format!("{{\"echo\": \"{NEXUS_TOKEN}\"}}");
    let whole = frame(&text);
    let (first, second) = whole.split_at(20);
    let pieces = vec![first.to_vec(), second.to_vec(), frame(&NEXUS_TOKEN[..9])];
    let (nexus, let_go) = agreeing(pieces).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;
    let (mut line, _) = open(&bellhop, &ada).await;

    let_go.add_permits(1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let_go.add_permits(1);
    let masked = frame(&text.replace(NEXUS_TOKEN, &"*".repeat(NEXUS_TOKEN.len())));
    assert_eq!(read(&mut line, whole.len()).await, masked);
    let_go.add_permits(1);

    assert_eq!(read(&mut line, 11).await, frame(&NEXUS_TOKEN[..9]), "a whole message is not held back");
}

#[tokio::test]
async fn a_websocket_of_a_revoked_token_is_closed_within_a_second() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;
    let (mut line, _) = open(&bellhop, &ada).await;

    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    let closed = tokio::time::timeout(SOON, line.until_closed()).await;
    assert_eq!(closed.expect("an end soon"), [0x88, 2, 0x03, 0xf0], "a frame says that it is policy: 1008");
    eventually("the provider is let go", async || nexus.open_connections() == 0).await;
}

#[tokio::test]
async fn a_websocket_is_closed_when_bellhop_ends() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let (mut bellhop, ada) =
        ada_at_nexus_on(Site::empty().provider("quantinuum", &nexus).set("drain.deadline", "60s")).await;
    let (mut line, _) = open(&bellhop, &ada).await;

    bellhop.signal("TERM");

    assert_eq!(line.until_closed().await, [0x88, 2, 0x03, 0xe9], "a frame says that it is going away: 1001");
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_websocket_over_which_nothing_passes_is_closed() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let site = at_nexus_as_it_is(Site::empty().provider("quantinuum", &nexus));
    let preset = std::fs::read_to_string(site.path("quantinuum.yaml")).unwrap();
    let quick = preset.replace("silence: unlimited\n    websocket", "silence: 1s\n    websocket");
    assert_ne!(preset, quick);
    site.write("quantinuum.yaml", quick);
    let (bellhop, ada) = ada_with_preset(site).await;

    let (mut line, _) = open(&bellhop, &ada).await;

    assert_eq!(line.until_closed().await, [0x88, 2, 0x03, 0xe9]);
}

#[tokio::test]
async fn each_side_hears_when_the_other_ends() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;
    let (line, _) = open(&bellhop, &ada).await;
    assert_eq!(nexus.open_connections(), 1);

    drop(line);
    eventually("the provider is let go", async || nexus.open_connections() == 0).await;

    let nexus = Upstream::scripted(async |mut line: ProviderLine| {
        line.request().await;
        line.send(format!("{AGREED}\r\n")).await;
        line.send(frame("last")).await;
    })
    .await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;
    let (mut line, _) = open(&bellhop, &ada).await;
    assert_eq!(line.until_closed().await, frame("last"));
}

#[tokio::test]
async fn what_was_sent_before_the_agreement_opens_nothing() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let (bellhop, ada) = ada_at_nexus(&nexus).await;

    let mut line = bellhop.connect().await;
    let mut bytes = websocket(&ada).bytes("bellhop");
    bytes.extend(b"\x81\x00GET / HTTP/1.1\r\n\r\n");
    line.send(bytes).await;

    line.until_closed().await;
    eventually("the provider is let go", async || nexus.open_connections() == 0).await;
    assert!(!nexus.bytes().windows(2).any(|pair| pair == b"\x81\x00"), "{}", nexus.bytes().escape_ascii());
}

#[tokio::test]
async fn another_members_websocket_is_unknown() {
    let (nexus, _) = agreeing(Vec::new()).await;
    let mut site = Site::empty().provider("quantinuum", &nexus);
    let ada = site.user("ada").pat();
    let token = credential("quantinuum", &json!({ "refresh_token": { "value": NEXUS_TOKEN } }));
    site.organization("acme").credential(&token).member("ada", "member");
    let bellhop = site.serve().await;

    bellhop.ask(&websocket(&ada)).await.assert_refused("unknown-job");

    nexus.assert_untouched();
}
