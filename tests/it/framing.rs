//! Where one request ends and the next begins: what two parsers could read differently never reaches a provider.

use crate::support::{
    ADA_KEY, Ask, Pat, Reply, UNLISTED, Upstream,
    cast::ada_at,
    http2::{Frames, Reaction, sound},
    upstream::job,
};

/// A POST whose head ends in these fields, and what follows it.
fn post(pat: &Pat, fields: &str, rest: &str) -> String {
    format!("POST {UNLISTED} HTTP/1.1\r\nHost: bellhop\r\nAuthorization: apiKey {pat}\r\n{fields}\r\n\r\n{rest}")
}

/// A GET with these lines in its head, whatever their ends.
fn get(pat: &Pat, lines: &str) -> String {
    format!("GET /ionq/v0.4/jobs/job-1 HTTP/1.1\r\nHost: bellhop\r\nAuthorization: apiKey {pat}\r\n{lines}\r\n")
}

#[tokio::test]
async fn an_ambiguous_length_is_refused_and_the_connection_ends() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Content-Length: -1",
        "Content-Length: 0x4",
        "Content-Length: 4 4",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding:",
    ] {
        let mut line = bellhop.connect().await;
        line.send(post(&ada, fields, "0\r\n\r\n")).await;
        let answer = line.answer().await;
        assert_eq!((answer.status, answer.header("bellhop-refusal")), (400, Some("bad-request")), "{fields}");
        line.assert_closed().await;
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_malformed_head_is_refused_and_the_connection_ends() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for lines in [
        "X-A: 1\n",
        "X-A: 1\rX-B: 2\r\n",
        "X-A: a\0b\r\n",
        "X-A: a\u{1}b\r\n",
        "X-A: a\u{7f}b\r\n",
        "X-A: 1\r\n folded\r\n",
        "X-A: 1\r\n\tfolded\r\n",
        "X-A : 1\r\n",
        " X-A: 1\r\n",
        ": 1\r\n",
        "X-A\r\n",
        "X(A: 1\r\n",
        "X\u{e9}: 1\r\n",
    ] {
        let mut line = bellhop.connect().await;
        line.send(get(&ada, lines)).await;
        let answer = line.answer().await;
        assert_eq!((answer.status, answer.header("bellhop-refusal")), (400, Some("bad-request")), "{lines:?}");
        line.assert_closed().await;
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_malformed_request_line_is_refused_and_the_connection_ends() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for request_line in [
        "GET  /ionq/v0.4/jobs HTTP/1.1\r\n",
        "GET /ionq/v0.4/jobs  HTTP/1.1\r\n",
        "GET /ionq/v0.4/jobs HTTP/1.1 \r\n",
        "GET /ionq/v0.4/jobs HTTP/1.1\n",
        "GET\t/ionq/v0.4/jobs HTTP/1.1\r\n",
        "GET /ionq/v0.4/jobs HTTP/2.0\r\n",
        "GET /ionq/v0.4/jobs http/1.1\r\n",
        "GET /ionq/v0.4/jobs\r\n",
        "G(T /ionq/v0.4/jobs HTTP/1.1\r\n",
        "GET /ionq/v0.4/jobs#fragment HTTP/1.1\r\n",
        "GET /ionq/v0.4/jo\u{e9}bs HTTP/1.1\r\n",
        "GET /ionq/v0.4/jo bs HTTP/1.1\r\n",
    ] {
        let mut line = bellhop.connect().await;
        line.send(format!("{request_line}Host: bellhop\r\nAuthorization: apiKey {ada}\r\n\r\n")).await;
        let answer = line.answer().await;
        assert_eq!((answer.status, answer.header("bellhop-refusal")), (400, Some("bad-request")), "{request_line:?}");
        line.assert_closed().await;
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_request_has_exactly_one_host() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for hosts in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host: user@a\r\n",
        "Host: a/b\r\n",
        "Host: a b\r\n",
        "Host: a?b\r\n",
    ] {
        let mut line = bellhop.connect().await;
        line.send(format!("GET /ionq/v0.4/jobs/job-1 HTTP/1.1\r\n{hosts}Authorization: apiKey {ada}\r\n\r\n")).await;
        line.answer().await.assert_refused("bad-request");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_malformed_chunk_never_completes_a_request() {
    let ionq = Upstream::answering(|_| job()).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for chunks in [
        "5;x=y\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX-A : 1\r\n\r\n",
        "5\r\nhello\r\n0\r\nX-A: 1\n\r\n",
    ] {
        let mut line = bellhop.connect().await;
        line.send(post(&ada, "Transfer-Encoding: chunked", chunks)).await;
        let answer = line.answer_or_end().await;
        assert!(answer.is_none_or(|a| a.status == 400), "{chunks:?}");
        line.until_closed().await;
    }
    assert!(ionq.requests().iter().all(|request| !request.is_whole), "{:?}", ionq.requests());
}

#[tokio::test]
async fn what_follows_a_refused_request_on_its_connection_is_not_read() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let smuggled = get(&ada, "");

    let mut line = bellhop.connect().await;
    line.send(post(&ada, "Content-Length: 4\r\nTransfer-Encoding: chunked", &format!("0\r\n\r\n{smuggled}"))).await;

    line.answer().await.assert_readable_refusal();
    line.assert_closed().await;
    ionq.assert_untouched();
}

#[tokio::test]
async fn the_body_of_a_refused_request_never_becomes_a_request() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let smuggled = get(&ada, "");

    for authorization in [format!("apiKey {}", Pat::fake()), String::new()] {
        let mut line = bellhop.connect().await;
        let ask = Ask::post("/ionq/v0.4/jobs").header("Authorization", authorization).body(smuggled.repeat(50));
        line.ask(&ask).await.assert_refused("unknown-token");
        let next = Ask::get("/ionq/v0.4/jobs/next").pat(&ada).bytes("bellhop");
        // Either the connection has ended, or it goes on where the body ends.
        if line.try_send(next).await.is_ok()
            && let Some(answer) = line.answer_or_end().await
        {
            answer.assert_paid_by("me", "own");
        }
    }
    assert!(ionq.requests().iter().all(|request| request.target == "/v0.4/jobs/next"), "{:?}", ionq.requests());
}

#[tokio::test]
async fn a_sound_request_before_a_broken_one_is_served() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    line.send(format!("{}{}", get(&ada, ""), get(&ada, "X-A : 1\r\n"))).await;

    line.answer().await.assert_paid_by("me", "own");
    line.answer().await.assert_readable_refusal();
    line.assert_closed().await;
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn requests_in_a_row_on_one_connection_stay_apart() {
    let ionq = Upstream::answering(|request| echo(&request.body)).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let inner = "GET /ionq/v0.4/jobs/other HTTP/1.1\r\nHost: x\r\n\r\n";

    let mut line = bellhop.connect().await;
    line.send(post(&ada, &format!("Content-Length: {}", inner.len()), inner)).await;
    line.send(post(&ada, "Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n")).await;
    line.send(post(&ada, "Content-Length: 0", "")).await;

    for body in [inner, "abc", ""] {
        let answer = line.answer().await;
        answer.assert_relayed();
        assert_eq!(answer.text(), body);
    }
    assert!(ionq.requests().iter().all(|request| request.target == "/v0.4/unlisted"));
}

fn echo(body: &[u8]) -> Reply {
    Reply::new(200).body(body)
}

#[tokio::test]
async fn a_body_is_framed_anew_whatever_the_connection_header_names() {
    let ionq = Upstream::answering(|request| echo(&request.body)).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for fields in [
        "Connection: Content-Length\r\nContent-Length: 5",
        "Connection: close, transfer-encoding\r\nContent-Length: 5",
        "Connection: host\r\nContent-Length: 5",
    ] {
        let answer = bellhop.raw(post(&ada, fields, "hello")).await;
        assert_eq!((answer.status, answer.text()), (200, "hello".into()), "{fields}");
    }
    let answer = bellhop.raw(post(
        &ada,
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "5\r\nhello\r\n0\r\n\r\n",
    ));
    assert_eq!(answer.await.text(), "hello");
}

#[tokio::test]
async fn a_get_and_a_delete_may_have_bodies() {
    let ionq = Upstream::answering(|request| echo(&request.body)).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for method in ["GET", "DELETE", "PUT", "PATCH"] {
        let answer = bellhop.ask(&Ask::new(method, "/ionq/v0.4/jobs").pat(&ada).body("[\"a\"]")).await;
        assert_eq!(answer.text(), "[\"a\"]", "{method}");
        assert_eq!(ionq.last().method, method);
    }
}

#[tokio::test]
async fn a_field_that_belongs_to_a_connection_has_no_place_in_http2() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let authorization = format!("apiKey {ada}");

    for field in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("upgrade", "h2c"),
        ("proxy-connection", "keep-alive"),
        ("keep-alive", "1"),
        ("te", "gzip"),
    ] {
        let mut frames = Frames::connect(&bellhop).await;
        frames.request(&[&sound(&authorization)[..], &[field]].concat(), Some(b"0\r\n\r\n")).await;
        assert_ne!(frames.reaction().await, Reaction::Answered, "{field:?}");
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn nothing_in_an_http2_request_can_break_out_into_http1() {
    let ionq = Upstream::answering(|request| echo(&request.body)).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let authorization = format!("apiKey {ada}");

    for (name, value) in [
        ("x-a", "1\r\nx-injected: 1"),
        ("x-a", "1\nx-injected: 1"),
        ("x-a", "1\0"),
        ("x-a\r\nx-injected", "1"),
        ("x a", "1"),
        ("X-Upper", "1"),
        ("x-a:", "1"),
        ("content-length", "3"),
        ("content-length", "4\r\nx-injected: 1"),
    ] {
        let mut frames = Frames::connect(&bellhop).await;
        frames.request(&[&sound(&authorization)[..], &[(name, value)]].concat(), Some(b"hello")).await;
        frames.reaction().await;
    }
    assert!(ionq.requests().iter().all(|request| !request.is_whole), "{:?}", ionq.requests());
    assert!(!String::from_utf8_lossy(&ionq.bytes()).contains("x-injected"));
}

#[tokio::test]
async fn http2_has_one_authority_and_no_user_in_it() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let authorization = format!("apiKey {ada}");

    let fields = |authority: &'static str| {
        let mut fields = sound(&authorization);
        fields[2].1 = authority;
        fields
    };
    for fields in [
        fields("user@bellhop").to_vec(),
        [&fields("bellhop")[..], &[("host", "elsewhere")]].concat(),
        [&fields("bellhop")[..], &[("host", "bellhop"), ("host", "bellhop")]].concat(),
        [&fields("bellhop")[..3], &fields("bellhop")[2..]].concat(),
    ] {
        let mut frames = Frames::connect(&bellhop).await;
        frames.request(&fields, None).await;
        frames.reaction().await;
    }
    ionq.assert_untouched();
}
