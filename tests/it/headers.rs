//! Heads in both directions: what goes, what stays, and that the caller cannot steer the injection.

use crate::support::{
    ADA_KEY, Ask, Reply, Site, Upstream,
    cast::{ada_at, ada_on},
    state::credential,
    upstream::job,
};
use serde_json::json;

#[tokio::test]
async fn what_is_about_the_connection_stays_on_the_connection() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let ask = Ask::get("/ionq/v0.4/jobs/job-1")
        .pat(&ada)
        .header("Connection", "")
        .header("Connection", "keep-alive, X-Named, x-other")
        .header("X-Named", "1")
        .header("X-Other", "1")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Connection", "keep-alive")
        .header("Proxy-Authorization", "Basic eDp5")
        .header("TE", "trailers")
        .header("Trailer", "X-T")
        .header("X-Kept", "1");
    bellhop.ask(&ask).await.assert_paid_by("me", "own");

    let seen = ionq.request();
    for name in
        ["connection", "x-named", "x-other", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer"]
    {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("x-kept"), Some("1"));
}

#[tokio::test]
async fn the_connection_header_cannot_take_the_injected_key_away() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for named in ["authorization", "Authorization, host", "close, AUTHORIZATION", "content-length, authorization"] {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header("Connection", named);
        bellhop.ask(&ask).await.assert_paid_by("me", "own");
        assert_eq!(ionq.last().key(), ADA_KEY);
        assert_eq!(ionq.last().header("host"), Some(&*ionq.address.to_string()));
    }
}

#[tokio::test]
async fn who_forwarded_a_request_is_not_for_the_caller_to_say() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let names = [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Real-IP",
        "x_forwarded_for",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "Bellhop-Context",
    ];
    let ask = names.iter().fold(Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada), |ask, name| ask.header(name, "me"));
    bellhop.ask(&ask).await.assert_paid_by("me", "named");

    let seen = ionq.request();
    for name in names {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.method, "GET");
}

#[tokio::test]
async fn a_twin_with_underscores_is_not_what_its_name_may_not_be() {
    let dwave = Upstream::answering(|_| job()).await;
    let mut site = Site::empty().provider("dwave", &dwave);
    let fields = json!({ "token": { "value": "fake-dwave-token-canary" } });
    let ada = site.user("ada").credential(&credential("dwave", &fields)).pat();
    let bellhop = site.serve().await;

    let ask = Ask::get("/dwave/sapi/v2/problems/job-1")
        .header("X-Auth-Token", ada.as_str())
        .header("X_Auth_Token", "fake-other")
        .header("x-auth_token", "fake-other");
    let answer = bellhop.ask(&ask).await;

    assert!(answer.status == 400 || answer.header("bellhop-refusal").is_none());
    for seen in dwave.requests() {
        let tokens =
            seen.headers.iter().filter(|(name, _)| name.replace('_', "-").eq_ignore_ascii_case("x-auth-token"));
        let tokens: Vec<&str> = tokens.map(|(_, value)| &**value).collect();
        assert_eq!(tokens, ["fake-dwave-token-canary"]);
    }
}

#[tokio::test]
async fn a_callers_cookies_go_nowhere() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header("Cookie", "session=1; other=2");
    bellhop.ask(&ask).await.assert_paid_by("me", "own");

    assert_eq!(ionq.request().header("cookie"), None);
}

#[tokio::test]
async fn trailers_of_a_request_are_dropped() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let ask = Ask::post("/ionq/v0.4/jobs").pat(&ada).header("Transfer-Encoding", "chunked").header("Trailer", "X-T");
    let ask = ask.body(format!("2\r\n{{}}\r\n0\r\nX-T: 1\r\nAuthorization: apiKey {ada}\r\n\r\n"));
    bellhop.ask(&ask).await.assert_paid_by("me", "own");

    let seen = ionq.request();
    assert_eq!((seen.body.as_slice(), seen.trailers.len()), (&b"{}"[..], 0));
    assert_eq!(seen.key(), ADA_KEY);
}

#[tokio::test]
async fn what_a_caller_wrote_otherwise_arrives_as_it_was_written() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let ask = Ask::get("/ionq/v0.4/jobs/job-1")
        .pat(&ada)
        .header("User-Agent", "qiskit-ionq/1.1.1")
        .header("Accept", "*/*")
        .header("X-Twice", "a")
        .header("X-Twice", "b, c")
        .header("X-Empty", "")
        .header("x_innocent", "1")
        .header("Content-Type", "application/vnd.x+json; version=2");
    bellhop.ask(&ask).await.assert_paid_by("me", "own");

    let seen = ionq.request();
    let twice: Vec<_> =
        seen.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("x-twice")).map(|(_, v)| &**v).collect();
    assert_eq!(twice, ["a", "b, c"]);
    for (name, value) in [("user-agent", "qiskit-ionq/1.1.1"), ("accept", "*/*"), ("x-empty", ""), ("x_innocent", "1")]
    {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.header("content-type"), Some("application/vnd.x+json; version=2"));
}

#[tokio::test]
async fn nothing_is_said_to_the_provider_that_the_caller_did_not_say() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");

    let mut names: Vec<String> = ionq.request().headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    assert_eq!(names, ["accept-encoding", "authorization", "host"]);
}

#[tokio::test]
async fn a_body_is_asked_for_before_it_is_sent() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let ask = Ask::post("/ionq/v0.4/jobs").pat(&ada).header("Expect", "100-continue").header("Content-Length", "2");
    let head = ask.bytes(&line.host);
    line.send(head).await;
    assert_eq!(line.interim().await, 100);
    line.send("{}").await;

    line.answer().await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().body, b"{}");
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_not_asked_for() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, _) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let ask = Ask::post("/ionq/v0.4/jobs").header("Expect", "100-continue").header("Content-Length", "2");
    let head = ask.bytes("bellhop");
    line.send(head).await;

    let answer = line.answer().await;
    answer.assert_refused("missing-token");
    assert_eq!(answer.interim, [0_u16; 0]);
    ionq.assert_untouched();
}

#[tokio::test]
async fn an_answer_cannot_act_beyond_itself() {
    let ionq = Upstream::answering(|_| {
        job()
            .header("Set-Cookie", "a=b")
            .header("Set-Cookie", "c=d")
            .header("Alt-Svc", "h3=\":443\"")
            .header("Service-Worker-Allowed", "/")
            .header("Clear-Site-Data", "\"*\"")
            .header("Refresh", "0; url=https://elsewhere.example/")
            .header("Access-Control-Allow-Origin", "*")
            .header("Access-Control-Allow-Credentials", "true")
            .header("Strict-Transport-Security", "max-age=31536000")
            .header("X-Kept", "1")
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await;

    let mut names: Vec<&str> = answer.headers.iter().map(|(name, _)| &**name).filter(|name| *name != "date").collect();
    names.sort_unstable();
    let expected =
        ["bellhop-credential", "content-length", "content-type", "x-content-type-options", "x-kept", "x-request-id"];
    assert_eq!(names, expected);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn what_is_about_the_providers_connection_stays_there() {
    let ionq = Upstream::answering(|_| {
        job()
            .header("Connection", "")
            .header("Connection", "X-Hop, keep-alive")
            .header("X-Hop", "1")
            .header("Keep-Alive", "timeout=99")
            .header("Proxy-Authenticate", "Basic")
            .header("Upgrade", "h2c")
            .header("Trailer", "X-T")
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await;

    answer.assert_paid_by("me", "own");
    for name in ["x-hop", "keep-alive", "proxy-authenticate", "upgrade", "trailer"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_provider_cannot_speak_as_bellhop() {
    let ionq = Upstream::answering(|_| {
        job()
            .header("Bellhop-Credential", "owner=\"acme\", id=\"forged\", label=\"x\", why=job")
            .header("Bellhop-Refusal", "unknown-token")
            .header("Bellhop-Submit", "unknown")
            .header("X-Request-Id", "forged")
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await;

    answer.assert_paid_by("me", "own");
    assert_eq!(answer.header("bellhop-submit"), None);
    assert_ne!(answer.header("x-request-id"), Some("forged"));
}

#[tokio::test]
async fn a_providers_status_headers_and_body_pass_as_they_are() {
    let ionq = Upstream::answering(|request| {
        let status = request.target.rsplit('/').next().unwrap().parse().unwrap();
        let reply = Reply::new(status).header("Retry-After", "7").header("ETag", "\"x\"");
        if status == 204 { reply.without_length() } else { reply.body("{\"error\":\"text\"}") }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for status in [200, 201, 202, 204, 400, 404, 409, 418, 422, 429, 500, 503, 599] {
        let answer = bellhop.get(&ada, &format!("/ionq/v0.4/jobs/{status}")).await;

        answer.assert_paid_by("me", "own");
        assert_eq!(answer.status, status);
        assert_eq!(answer.text(), if status == 204 { "" } else { "{\"error\":\"text\"}" });
        assert_eq!((answer.header("retry-after"), answer.header("etag")), (Some("7"), Some("\"x\"")));
    }
}

#[tokio::test]
async fn a_head_request_gets_a_head() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    for _ in 0..2 {
        let answer = line.ask(&Ask::new("HEAD", "/ionq/v0.4/jobs/job-1").pat(&ada)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }
    line.ask(&Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada)).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn a_tokens_networks_are_those_of_the_peer() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    let here = site.user("ada").key(ADA_KEY).pat_with("here", &json!({ "networks": ["127.0.0.0/8", "::1/128"] }));
    let elsewhere = site.user("ada").pat_with("elsewhere", &json!({ "networks": ["10.0.0.0/8"] }));
    let bellhop = site.serve().await;

    bellhop.get(&here, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
    bellhop.get(&elsewhere, "/ionq/v0.4/jobs/job-1").await.assert_refused("not-allowed");
    for name in ["X-Forwarded-For", "X-Real-IP"] {
        let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&elsewhere).header(name, "10.1.2.3");
        bellhop.ask(&ask).await.assert_refused("not-allowed");
    }
    let ask = Ask::get("/ionq/v0.4/jobs/job-1").pat(&elsewhere).header("Forwarded", "for=10.1.2.3");
    bellhop.ask(&ask).await.assert_refused("not-allowed");
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_caller_is() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq).set("listen.trusted_proxies", json!(["127.0.0.0/8"]));
    let ada = site.user("ada").key(ADA_KEY).pat_with("laptop", &json!({ "networks": ["10.0.0.0/8"] }));
    let bellhop = site.serve().await;

    let from = |name: &str, value: &str| Ask::get("/ionq/v0.4/jobs/job-1").pat(&ada).header(name, value);
    for (name, value) in
        [("X-Forwarded-For", "10.1.2.3"), ("X-Forwarded-For", "192.0.2.1, 10.1.2.3"), ("Forwarded", "for=10.1.2.3")]
    {
        bellhop.ask(&from(name, value)).await.assert_paid_by("me", "own");
        assert_eq!(ionq.last().header(name), None);
    }
    // What stands on the left is what the caller wrote.
    for (name, value) in [
        ("X-Forwarded-For", "10.1.2.3, 192.0.2.1"),
        ("Forwarded", "for=10.1.2.3, for=192.0.2.1"),
        ("X-Forwarded-For", "nonsense"),
    ] {
        bellhop.ask(&from(name, value)).await.assert_refused("not-allowed");
    }
}

#[tokio::test]
async fn each_answer_has_an_id_of_its_own_that_the_log_knows() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq)).await;

    let first = bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await;
    let second = bellhop.ask(&Ask::get("/ionq/v0.4/jobs/job-1")).await;

    let id = second.header("x-request-id").unwrap().to_owned();
    assert_ne!(first.header("x-request-id"), Some(&*id));
    crate::support::eventually("the refusal is in the log", async || bellhop.log().contains(&id)).await;
}
