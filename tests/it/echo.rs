//! A provider that says the key back: it is masked, at equal length, wherever it can be seen.

use crate::support::{
    ADA_KEY, Ask, ProviderLine, Reply, Site, UNLISTED, Upstream, cast::ada_at, eventually, state::credential,
    upstream::job,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use std::{io::Write, time::Duration};

const JOB: &str = "/ionq/v0.4/jobs/job-1";
const RESULTS: &str = "/ionq/v0.4/jobs/job-1/results/probabilities";

#[tokio::test]
async fn an_echoed_key_is_masked_at_equal_length() {
    let ionq = Upstream::answering(|request| {
        let said = request.header("authorization").unwrap().to_owned();
        Reply::new(200).header("X-Debug", &said).body(format!("{{\"you_sent\":\"{said}\"}}"))
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for target in [JOB, RESULTS, "/ionq/unlisted"] {
        let answer = bellhop.get(&ada, target).await;

        answer.assert_paid_by("me", "own");
        assert_eq!(answer.header("x-debug").map(str::len), Some("apiKey ".len() + ADA_KEY.len()));
        assert_eq!(answer.body.len(), "{\"you_sent\":\"apiKey \"}".len() + ADA_KEY.len());
        assert!(answer.text().starts_with("{\"you_sent\":\"apiKey "));
    }
}

#[tokio::test]
async fn an_echo_is_counted_and_logged_without_the_value() {
    let ionq = Upstream::answering(|request| Reply::new(200).body(request.key())).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    bellhop.get(&ada, JOB).await.assert_relayed();

    eventually("the echo is counted", async || bellhop.metric(&["bellhop_masked_echoes_total", "ionq"]).await >= 1.0)
        .await;
    eventually("the echo is logged", async || bellhop.log().contains("masked")).await;
}

/// A key that encoders spell in many ways.
const ODD_KEY: &str = "fake/ada+\"ionq\"=key-canary";

fn spellings() -> Vec<String> {
    let percent = |hex: fn(u8) -> String| -> String {
        ODD_KEY
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() || b == b'-' { char::from(b).to_string() } else { hex(b) })
            .collect()
    };
    vec![
        BASE64_STANDARD.encode(ODD_KEY),
        BASE64_STANDARD.encode(format!("user:{ODD_KEY}")),
        BASE64_STANDARD.encode(format!("me:{ODD_KEY}:x")),
        BASE64_URL_SAFE_NO_PAD.encode(ODD_KEY),
        percent(|b| format!("%{b:02X}")),
        percent(|b| format!("%{b:02x}")),
        percent(|b| format!("%{b:02X}")).replace('-', "%2D"),
        ODD_KEY.replace('"', "\\\""),
        ODD_KEY.replace('"', "\\\"").replace('/', "\\/"),
        // As encoders do that think of HTML.
        ODD_KEY.replace('"', "\\u0022").replace('+', "\\u002B"),
    ]
}

#[tokio::test]
async fn an_echo_in_another_spelling_is_masked_too() {
    let ionq = Upstream::answering(move |request| {
        let number: usize = request.target.rsplit('/').next().unwrap().parse().unwrap();
        Reply::new(200).body(format!("before {} after", spellings()[number]))
    })
    .await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ODD_KEY).pat();
    let bellhop = site.serve().await;

    for (number, form) in spellings().iter().enumerate() {
        let answer = bellhop.get(&ada, &format!("/ionq/v0.4/jobs/{number}")).await;
        assert!(!answer.text().contains(form.as_str()), "{form} came through: {}", answer.text());
        assert_eq!(answer.body.len(), "before  after".len() + form.len(), "{form}");
        assert!(answer.text().starts_with("before ") && answer.text().ends_with(" after"), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_echo_is_found_across_the_edges_of_chunks() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while let Some(request) = line.request().await {
            let parts: usize = request.target.rsplit('/').next().unwrap().parse().unwrap();
            line.send(Reply::new(200).header("Transfer-Encoding", "chunked").without_length().bytes()).await;
            for piece in format!("<{ADA_KEY}|{ADA_KEY}>").as_bytes().chunks(parts) {
                line.send(format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece))).await;
                tokio::task::yield_now().await;
            }
            line.send("0\r\n\r\n").await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for parts in [1, 2, 7, 13, ADA_KEY.len(), ADA_KEY.len() + 1] {
        let text = bellhop.get(&ada, &format!("/ionq/v0.4/jobs/{parts}")).await.text();
        assert_eq!(text.len(), 2 * ADA_KEY.len() + 3);
        assert!(
            text.starts_with('<') && text.ends_with('>') && text.contains('|') && !text.contains("canary"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_search_delays_a_stream_by_no_more_than_a_partial_match() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(Reply::new(200).header("Transfer-Encoding", "chunked").without_length().bytes()).await;
        line.send("5\r\nfirst\r\n").await;
        // The rest comes when the story has seen the first part.
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes(&line.host);
    line.send(bytes).await;
    line.head().await;

    let mut seen = Vec::new();
    while !seen.ends_with(b"first\r\n") {
        seen.extend(line.read_more().await);
    }
    assert_eq!(seen, b"5\r\nfirst\r\n");
}

#[tokio::test]
async fn what_looks_like_the_beginning_of_a_key_comes_through_in_the_end() {
    let begun = &ADA_KEY[..ADA_KEY.len() - 1];
    let text = format!("{begun} {begun}{begun}");
    let said = text.clone();
    let ionq = Upstream::scripted(move |mut line: ProviderLine| {
        let said = said.clone();
        async move {
            while line.request().await.is_some() {
                let head = Reply::new(200).header("Content-Length", &said.len().to_string()).without_length();
                line.send(head.bytes()).await;
                line.drip(said.as_bytes(), 5, Duration::from_millis(1)).await;
            }
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    assert_eq!(bellhop.get(&ada, JOB).await.text(), text);
}

#[tokio::test]
async fn only_results_may_come_compressed() {
    let ionq = Upstream::answering(|_| job()).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let encoding = async |ask: Ask| {
        bellhop.ask(&ask.pat(&ada).header("Accept-Encoding", "gzip, br")).await.assert_relayed();
        ionq.last().header("accept-encoding").map(str::to_owned)
    };

    for target in [JOB, "/ionq/v0.4/jobs", UNLISTED] {
        assert_eq!(encoding(Ask::get(target)).await.as_deref(), Some("identity"), "{target}");
    }
    assert_eq!(encoding(Ask::post("/ionq/v0.4/jobs").body("{}")).await.as_deref(), Some("identity"));
    assert_eq!(encoding(Ask::get(RESULTS)).await.as_deref(), Some("gzip, br"));
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_compressed_result_passes_as_it_is() {
    let result = gzip("{\"0\":0.5,\"3\":0.5}");
    let body = result.clone();
    let ionq =
        Upstream::answering(move |_| Reply::new(200).header("Content-Encoding", "gzip").body(body.clone())).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.ask(&Ask::get(RESULTS).pat(&ada).header("Accept-Encoding", "gzip")).await;

    assert_eq!((answer.header("content-encoding"), &answer.body), (Some("gzip"), &result));
}

#[tokio::test]
async fn a_plain_field_is_no_secret() {
    let mat3ra = Upstream::answering(|request| Reply::new(200).body(format!("{:?}", request.headers))).await;
    let mut site = Site::empty().provider("mat3ra", &mat3ra);
    let fields =
        json!({ "account_id": { "value": "fake-account-0001" }, "token": { "value": "fake-mat3ra-token-canary" } });
    let ada = site.user("ada").credential(&credential("mat3ra", &fields)).pat();
    let bellhop = site.serve().await;

    let ask = Ask::get("/mat3ra/api/2018-10-01/jobs/1").header("X-Auth-Token", ada.as_str()).header("X-Account-Id", "");
    let text = bellhop.ask(&ask).await.text();

    assert!(text.contains("fake-account-0001") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_refused_keys_answer_is_shown_without_the_key() {
    let ionq =
        Upstream::answering(|request| Reply::json(401, &json!({ "message": format!("bad key {}", request.key()) })))
            .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, JOB).await;

    answer.assert_refused("credential-refused");
    assert!(answer.text().contains("bad key") && !answer.text().contains("canary"), "{}", answer.text());
}
