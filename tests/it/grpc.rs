//! Calls of gRPC: over HTTP/2 on both sides, read by the numbers of their fields, and ended in their own words.

use crate::support::{
    Answer, Bellhop, Pat, Site, canary,
    certificates::{Authority, Validity, client},
    eventually,
    grpc::{Call, Gateway, KEY, Manners, call, credential, ended, execute, field, fields, framed, result},
    http2::{Http2, whole},
    soon::PATIENCE,
    within,
};
use h2::RecvStream;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{pki_types::ServerName, version::TLS13},
};

const SOON: Duration = Duration::from_millis(1500);

/// Ada, with a token of her own at Rigetti.
async fn ada_at(gateway: &Gateway) -> (Bellhop, Pat, Http2) {
    ada_on(gateway.site("127.0.0.1")).await
}

async fn ada_on(mut site: Site) -> (Bellhop, Pat, Http2) {
    let ada = site.user("ada").credential(&credential()).pat();
    let bellhop = site.serve().await;
    let http2 = Http2::connect(&bellhop).await;
    (bellhop, ada, http2)
}

/// Ada and Bob, who share a token of their organization's.
async fn acme_at(gateway: &Gateway) -> (Bellhop, Pat, Pat) {
    let mut site = gateway.site("127.0.0.1");
    let (ada, bob) = (site.user("ada").pat(), site.user("bob").pat());
    site.organization("acme").credential(&credential()).member("ada", "member").member("bob", "member");
    (site.serve().await, ada, bob)
}

/// Makes a job `j1`, and has a result of every job.
async fn controller(mut call: Call) {
    match call.head.uri.path().rsplit('/').next().unwrap() {
        "ExecuteControllerJob" => call.answer(&field(1, "j1")).await,
        _ => call.answer(&field(1, [0x18, 1])).await,
    }
}

async fn next(stream: &mut RecvStream) -> Vec<u8> {
    let part = within(PATIENCE, "more of a stream", stream.data()).await.unwrap().unwrap();
    stream.flow_control().release_capacity(part.len()).unwrap();
    part.to_vec()
}

#[tokio::test]
async fn a_call_passes_with_what_stands_after_it() {
    let gateway = Gateway::answering(async |mut call: Call| {
        call.request().await;
        let mut stream = call.begin();
        stream.send_data(framed(b"message").into(), false).unwrap();
        stream.send_trailers(fields(&[("grpc-status", "0"), ("x-more", "1"), ("set-cookie", "a=b")])).unwrap();
    })
    .await;
    let (_bellhop, ada, mut http2) = ada_at(&gateway).await;

    let answer = http2.ask(&call("Unlisted", &ada, b"hello").header("grpc-timeout", "30S")).await;

    answer.assert_paid_by("me", "own");
    assert_eq!((answer.status, answer.body), (200, framed(b"message")));
    assert_eq!(answer.trailers, [("grpc-status", "0"), ("x-more", "1")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let arrived = gateway.call();
    let header = |name: &str| arrived.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!((header("te"), header("grpc-timeout"), header("host")), (Some("trailers"), Some("30S"), None));
    assert_eq!(
        (&*arrived.authority, &*arrived.path),
        (&*gateway.address.to_string(), "/services.controller.Controller/Unlisted")
    );
    assert_eq!(arrived.body, framed(b"hello"));
}

#[tokio::test]
async fn a_refusal_is_the_end_of_a_call() {
    let gateway = Gateway::answering(controller).await;
    let (bellhop, ada, mut http2) = ada_at(&gateway).await;

    let mut nobody = execute(&ada);
    nobody.headers.retain(|(name, _)| name != "Authorization");
    http2.ask(&nobody).await.assert_call_refused("missing-token", 16);
    http2.ask(&execute(&Pat::fake())).await.assert_call_refused("unknown-token", 16);
    let mut elsewhere = execute(&ada);
    elsewhere.target = "/nobody/services.x.Y/Z".into();
    http2.ask(&elsewhere).await.assert_call_refused("unknown-provider", 5);
    let unreadable = call("CancelControllerJobs", &ada, b"\xff");
    assert_eq!(http2.ask(&unreadable).await.header("bellhop-refusal"), None, "who may name anything may send anything");
    let named = http2.ask(&execute(&ada).header("Bellhop-Context", "nowhere")).await;
    named.assert_call_refused("not-a-member", 7);
    assert!(named.end().1.contains("nowhere"), "{:?}", named.end());
    assert!(bellhop.metric(&["bellhop_requests_total", "rigetti", "4xx"]).await >= 3.0);
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_ends_a_call_as_unavailable() {
    let gateway = Gateway::answering(controller).await;
    let site = gateway.site("127.0.0.1");
    drop(gateway);
    let (_bellhop, ada, mut http2) = ada_on(site).await;

    // Nothing of the submission has left: it may be sent again.
    http2.ask(&execute(&ada)).await.assert_call_refused("upstream-unreachable", 14);
}

#[tokio::test]
async fn a_job_belongs_to_who_submitted_it() {
    let gateway = Gateway::answering(controller).await;
    let (bellhop, ada, bob) = acme_at(&gateway).await;
    let mut http2 = Http2::connect(&bellhop).await;

    let submitted = http2.ask(&execute(&ada)).await;
    submitted.assert_paid_by("acme", "organization");
    assert_eq!((submitted.body.clone(), submitted.end().0), (framed(&field(1, "j1")), 0));

    http2.ask(&result(&bob, "j1")).await.assert_call_refused("unknown-job", 5);
    http2.ask(&result(&bob, "j2")).await.assert_call_refused("unknown-job", 5);
    let both = [field(1, "j1"), field(1, "j2")].concat();
    http2.ask(&call("CancelControllerJobs", &ada, &both)).await.assert_call_refused("unknown-job", 5);
    http2.ask(&call("CancelControllerJobs", &ada, &[0xff])).await.assert_call_refused("bad-request", 3);
    http2.ask(&call("Unlisted", &ada, &[])).await.assert_call_refused("not-allowed", 7);
    assert_eq!(gateway.calls().len(), 1, "what is refused is not sent");
    assert_eq!(http2.ask(&result(&ada, "j1")).await.end().0, 0);
    eventually("the ledger knows that the job has ended", async || {
        let jobs = bellhop.run(&["job", "list", "--json"]).await.assert_code(0).json();
        jobs.to_string().contains("SUCCESS")
    })
    .await;
}

#[tokio::test]
async fn what_is_squeezed_into_a_message_is_read_all_the_same() {
    let gateway = Gateway::answering(controller).await;
    let (bellhop, ada, bob) = acme_at(&gateway).await;
    let mut http2 = Http2::connect(&bellhop).await;
    http2.ask(&execute(&ada)).await;

    let squeezed = squeeze(&field(1, "j1"));
    let ask = |pat: &Pat, encoding: &str| {
        let frame = [&[1][..], &u32::try_from(squeezed.len()).unwrap().to_be_bytes(), &squeezed].concat();
        call("GetControllerJobResults", pat, &[]).body(frame).header("grpc-encoding", encoding)
    };
    http2.ask(&ask(&bob, "gzip")).await.assert_call_refused("unknown-job", 5);
    http2.ask(&ask(&ada, "snappy")).await.assert_call_refused("bad-request", 3);
    assert_eq!(http2.ask(&ask(&ada, "gzip")).await.end().0, 0);
}

fn squeeze(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_submission_of_unknown_fate_is_never_told_as_unavailable() {
    let gateway = Gateway::answering(async |mut call: Call| {
        call.request().await;
        call.reset();
    })
    .await;
    let (bellhop, ada, mut http2) = ada_at(&gateway).await;

    let lost = http2.ask(&execute(&ada)).await;

    // SDKs send again what is UNAVAILABLE.
    lost.assert_call_refused("upstream-unreachable", 2);
    assert_eq!(lost.header("bellhop-submit"), Some("unknown"));
    assert_eq!(gateway.calls().len(), 1);
    let unknown = bellhop.run(&["job", "list", "--unknown", "--json"]).await.assert_code(0);
    assert!(unknown.out.contains("rigetti"), "{}", unknown.out);
}

#[tokio::test]
async fn a_submission_that_the_provider_ended_badly_has_no_job() {
    let gateway = Gateway::answering(async |mut call: Call| call.refuse("9").await).await;
    let (bellhop, ada, mut http2) = ada_at(&gateway).await;

    let refused = http2.ask(&execute(&ada)).await;

    assert_eq!((refused.assert_relayed().status, refused.end().0), (200, 9));
    let unknown = bellhop.run(&["job", "list", "--unknown", "--json"]).await.assert_code(0);
    assert!(!unknown.out.contains("rigetti"), "{}", unknown.out);
}

#[tokio::test]
async fn a_provider_that_refuses_the_stored_token_is_told_from_one_that_refuses_the_callers() {
    let gateway = Gateway::answering(async |mut call: Call| call.refuse("16").await).await;
    let (_bellhop, ada, mut http2) = ada_at(&gateway).await;

    http2.ask(&result(&ada, "j1")).await.assert_call_refused("credential-refused", 7);
}

#[tokio::test]
async fn a_secret_that_comes_back_is_masked_in_messages_and_after_them() {
    let gateway = Gateway::answering(async |mut call: Call| {
        call.request().await;
        let mut stream = call.begin();
        let (one, two) = KEY.split_at(9);
        let message = framed(&field(1, KEY));
        stream.send_data(message[..message.len() - two.len()].to_vec().into(), false).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.send_data(two.to_owned().into(), false).unwrap();
        assert!(message.ends_with(two.as_bytes()) && KEY.starts_with(one));
        stream.send_trailers(fields(&[("grpc-status", "3"), ("grpc-message", &format!("no {KEY}"))])).unwrap();
    })
    .await;
    let (bellhop, ada, mut http2) = ada_at(&gateway).await;

    let answer = http2.ask(&result(&ada, "j1")).await;

    assert_eq!(answer.body, framed(&field(1, "*".repeat(KEY.len()))));
    assert_eq!(answer.end(), (3, format!("no {}", "*".repeat(KEY.len()))));
    eventually("the echoes are counted", async || bellhop.metric(&["masked_echoes_total", "rigetti"]).await == 2.0)
        .await;
}

/// Messages at the story's command, until Bellhop goes.
async fn streaming() -> (Gateway, tokio::sync::mpsc::UnboundedSender<Vec<u8>>, Arc<tokio::sync::Notify>) {
    let (say, said) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
    let (said, gone) = (Arc::new(tokio::sync::Mutex::new(said)), Arc::new(tokio::sync::Notify::new()));
    let told = Arc::clone(&gone);
    let gateway = Gateway::answering(move |mut call: Call| {
        let (said, gone) = (Arc::clone(&said), Arc::clone(&gone));
        async move {
            call.request().await;
            let mut stream = call.begin();
            let mut said = said.lock().await;
            loop {
                tokio::select! {
                    message = said.recv() => match message {
                        Some(message) => stream.send_data(framed(&message).into(), false).unwrap(),
                        None => return stream.send_trailers(ended("0")).unwrap(),
                    },
                    _ = std::future::poll_fn(|cx| stream.poll_reset(cx)) => return gone.notify_one(),
                }
            }
        }
    })
    .await;
    (gateway, say, told)
}

#[tokio::test]
async fn messages_arrive_one_by_one_also_when_they_end_like_a_secret() {
    let (gateway, say, _gone) = streaming().await;
    let (_bellhop, ada, mut http2) = ada_at(&gateway).await;
    let answer = http2.begin(&result(&ada, "j1")).await.unwrap();
    let mut stream = within(PATIENCE, "a head", answer).await.unwrap().into_body();

    for message in [&b"one"[..], b"two", &KEY.as_bytes()[..12]] {
        say.send(message.to_vec()).unwrap();
        let mut came = Vec::new();
        while came.len() < framed(message).len() {
            came.extend(next(&mut stream).await);
        }
        assert_eq!(came, framed(message));
    }
    drop(say);
    let trailers = within(PATIENCE, "the end", stream.trailers()).await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn a_stream_of_a_revoked_token_is_ended_also_while_nothing_comes() {
    let (gateway, say, gone) = streaming().await;
    let (bellhop, ada, mut http2) = ada_at(&gateway).await;
    let answer = http2.begin(&result(&ada, "j1")).await.unwrap();
    let mut stream = within(PATIENCE, "a head", answer).await.unwrap().into_body();
    say.send(b"one".to_vec()).unwrap();
    next(&mut stream).await;

    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    let trailers = tokio::time::timeout(SOON, stream.trailers()).await.expect("an end soon").unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "16");
    within(PATIENCE, "the provider to hear of it", gone.notified()).await;
}

#[tokio::test]
async fn a_call_that_waits_for_its_head_is_ended_with_its_token() {
    let gateway = Gateway::answering(async |mut call: Call| {
        call.request().await;
        tokio::time::sleep(PATIENCE).await;
    })
    .await;
    let (bellhop, ada, mut http2) = ada_at(&gateway).await;
    let answer = http2.begin(&result(&ada, "j1")).await.unwrap();
    gateway.until_calls(1).await;

    bellhop.run(&["token", "revoke", "ada", "laptop"]).await.assert_code(0);

    let answer: Answer =
        tokio::time::timeout(SOON, whole(answer, &bellhop.answers)).await.expect("an end soon").unwrap();
    answer.assert_call_refused("unknown-token", 16);
}

#[tokio::test]
async fn a_stream_that_breaks_is_told_as_unavailable() {
    let gateway = Gateway::answering(async |mut call: Call| {
        call.request().await;
        let mut stream = call.begin();
        stream.send_data(framed(b"one").into(), false).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.send_reset(h2::Reason::INTERNAL_ERROR);
    })
    .await;
    let (_bellhop, ada, mut http2) = ada_at(&gateway).await;

    let answer = http2.ask(&result(&ada, "j1")).await;

    assert_eq!((answer.body.clone(), answer.end().0), (framed(b"one"), 14));
}

#[tokio::test]
async fn a_caller_who_takes_a_call_back_takes_it_back_from_the_provider() {
    let (gateway, say, gone) = streaming().await;
    let (_bellhop, ada, mut http2) = ada_at(&gateway).await;
    let answer = http2.begin(&result(&ada, "j1")).await.unwrap();
    let mut stream = within(PATIENCE, "a head", answer).await.unwrap().into_body();
    say.send(b"one".to_vec()).unwrap();
    next(&mut stream).await;

    drop(stream);

    within(PATIENCE, "the provider to hear of it", gone.notified()).await;
}

#[tokio::test]
async fn calls_share_a_connection_until_the_provider_goes_away() {
    let manners = Manners { calls_each: Some(3), ..Manners::default() };
    let gateway = Gateway::with(manners, controller).await;
    let mut site = gateway.site("127.0.0.1").set("listen.workers", 1);
    let ada = site.user("ada").credential(&credential()).pat();
    let bellhop = site.serve().await;
    let mut http2 = Http2::connect(&bellhop).await;

    for _ in 0..7 {
        assert_eq!(http2.ask(&result(&ada, "j1")).await.end().0, 0);
    }

    let calls: Vec<usize> = gateway.calls().iter().map(|call| call.connection).collect();
    assert_eq!(calls, [0, 0, 0, 1, 1, 1, 2]);
}

#[tokio::test]
async fn callers_who_take_nothing_hold_up_nobody_else() {
    let gateway = Gateway::answering(async |mut call: Call| {
        let body = call.request().await;
        if body == framed(&field(1, "large")) {
            let mut stream = call.begin();
            stream.reserve_capacity(usize::MAX >> 2);
            stream.send_data(framed(&vec![b'x'; 16 << 20]).into(), false).unwrap();
            return tokio::time::sleep(PATIENCE).await;
        }
        call.refuse("0").await;
    })
    .await;
    let site = gateway.site("127.0.0.1").set("listen.workers", 1);
    let (_bellhop, ada, mut http2) = ada_on(site).await;
    let mut untaken = Vec::new();
    for _ in 0..40 {
        let answer = http2.begin(&result(&ada, "large")).await.unwrap();
        untaken.push(within(PATIENCE, "a head", answer).await.unwrap());
    }

    assert_eq!(http2.ask(&result(&ada, "j1")).await.end().0, 0);
    assert_eq!(gateway.connections(), 1);
}

#[tokio::test]
async fn trailers_of_a_caller_pass_without_what_may_not() {
    let gateway = Gateway::answering(controller).await;
    let (_bellhop, ada, mut http2) = ada_at(&gateway).await;

    let (answer, mut body) = http2.open(&call("Unlisted", &ada, &[])).await;
    body.send_data(framed(b"hello").into(), false).unwrap();
    let token = format!("Bearer {ada}");
    body.send_trailers(fields(&[
        ("x-kept", "1"),
        ("x-token", &token),
        ("authorization", "fake"),
        ("x-forwarded-for", "1.2.3.4"),
    ]))
    .unwrap();
    within(PATIENCE, "an answer", answer).await.unwrap();

    gateway.until_calls(1).await;
    assert_eq!(gateway.call().trailers, fields(&[("x-kept", "1")]));
}

#[tokio::test]
async fn calls_pass_over_tls_on_both_sides() {
    let authority = Authority::new();
    let identity = authority.identity("localhost", Validity::Now);
    let mut tls = identity.server();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let gateway = Gateway::with(Manners { tls: Some(tls), ..Manners::default() }, controller).await;
    let site = gateway.site("localhost");
    let (ca, cert, key) = (
        site.write("ca.pem", authority.pem()),
        site.write("cert.pem", &identity.certificate),
        site.write("key.pem", &identity.key),
    );
    let mut site = site.set("providers.rigetti.ca_file", json!(ca)).set("tls", json!({ "cert": cert, "key": key }));
    let ada = site.user("ada").credential(&credential()).pat();
    let bellhop = site.serve().await;

    let stream = TcpStream::connect(bellhop.addresses.proxy).await.unwrap();
    let connector = TlsConnector::from(client(&authority, &["h2"], &[&TLS13]));
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut http2 = Http2::over(stream, &bellhop).await;

    assert_eq!(http2.ask(&result(&ada, "j1")).await.end().0, 0);
    assert_eq!(gateway.call().authority, format!("localhost:{}", gateway.address.port()));
}

#[tokio::test]
async fn a_provider_that_does_not_agree_on_http2_is_sent_nothing() {
    let authority = Authority::new();
    let tls = authority.identity("localhost", Validity::Now).server();
    let gateway = Gateway::with(Manners { tls: Some(tls), ..Manners::default() }, controller).await;
    let site = gateway.site("localhost");
    let ca = site.write("ca.pem", authority.pem());
    let (_bellhop, ada, mut http2) = ada_on(site.set("providers.rigetti.ca_file", json!(ca))).await;

    let refused = http2.ask(&result(&ada, "j1")).await;

    refused.assert_call_refused("upstream-unreachable", 14);
    assert!(refused.end().1.contains("HTTP/2"), "{:?}", refused.end());
    assert!(gateway.calls().is_empty());
}

#[tokio::test]
async fn addresses_of_gateways_in_answers_lead_to_bellhop() {
    let api = crate::support::Upstream::answering(|request| {
        let own = request.target.contains("Ankaa");
        let url = if own { "https://grpc.qcs.rigetti.com:443" } else { "https://gateway.elsewhere.example" };
        crate::support::Reply::json(
            200,
            &json!({ "accessors": [{ "accessType": "gateway.v1", "live": true, "url": url }] }),
        )
    })
    .await;
    let gateway = Gateway::answering(controller).await;
    let upstream = json!({ "main": api.origin(), "gateway": format!("http://{}", gateway.address) });
    let mut site = gateway
        .site("127.0.0.1")
        .set("providers.rigetti.upstream", upstream)
        .set("listen.providers.rigetti", "127.0.0.1:0");
    let ada = site.user("ada").credential(&credential()).pat();
    let bellhop = site.serve().await;
    let door = bellhop.addresses.provider("rigetti");
    let ask = |processor: &str| {
        let path = format!("/v1/quantumProcessors/{processor}/accessors");
        crate::support::Ask::get(path).header("Authorization", format!("Bearer {ada}"))
    };

    let own = bellhop.connect_to(door).await.ask(&ask("Ankaa-3")).await;
    assert_eq!(own.json()["accessors"][0]["url"], format!("http://{door}"));
    bellhop.connect_to(door).await.ask(&ask("Other-1")).await.assert_refused("upstream-invalid");
    canary::assert_no_token("the API", &api.bytes());
    assert!(gateway.calls().is_empty(), "an address is no call");
}

#[tokio::test]
async fn a_provider_of_http1_hears_nothing_of_grpc_but_the_call() {
    let ionq = crate::support::Upstream::accepting(&[crate::support::ADA_KEY]).await;
    let (bellhop, ada) = crate::support::cast::ada_at(&ionq).await;
    let ask = crate::support::Ask::post(crate::support::UNLISTED).pat(&ada).header("TE", "trailers");

    let answer = Http2::connect(&bellhop).await.ask(&ask.header("Content-Type", "application/grpc").body("x")).await;

    answer.assert_paid_by("me", "own");
    let arrived = ionq.request();
    assert_eq!((arrived.header("te"), arrived.header("grpc-accept-encoding"), arrived.trailers.len()), (None, None, 0));
}
