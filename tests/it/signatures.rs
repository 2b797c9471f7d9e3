//! Signed requests (Braket, S3 and STS): a caller's signature is verified, what leaves is signed anew, and what is not
//! listed does not leave.

use crate::support::{
    Answer, Ask, Bellhop, Line, Pat, Reply, Site, Upstream,
    certificates::{Authority, Validity, client},
    provider_line::Arrived,
    signed::Signature,
    state::credential,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{pki_types::ServerName, version::TLS13},
};

const KEY_ID: &str = "AKIAFAKE-key-id-canary";
const SECRET: &str = "fake-aws-secret-key-canary";
const TASK: &str = "/braket/quantum-task/arn%3Aaws%3Abraket%3Aus-west-2%3A1%3Aquantum-task%2Ft1";
const DEVICES: &str = "/braket/devices";
const OBJECT: &str = "/braket/fake-bucket/tasks/a%20b";

/// Answers as Braket and S3 would, whoever asks.
async fn aws() -> Upstream {
    Upstream::answering(|request: &Arrived| match (&*request.method, request.target.starts_with("/quantum-task")) {
        ("POST", true) => Reply::json(201, &json!({ "quantumTaskArn": arn(&request.body) })),
        _ => Reply::json(200, &json!({ "status": "COMPLETED" })),
    })
    .await
}

/// The end of a task's ARN is what the story called it.
fn arn(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    format!("arn:aws:braket:us-west-2:1:quantum-task/{}", body["clientToken"].as_str().unwrap())
}

fn keys(more: &Value) -> Value {
    let mut fields = json!({ "access_key_id": { "value": KEY_ID }, "secret_access_key": { "value": SECRET } });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    credential("braket", &fields)
}

async fn ada_at(aws: &Upstream, more: &Value) -> (Bellhop, Pat) {
    let mut site = Site::empty().provider("braket", aws);
    let ada = site.user("ada").credential(&keys(more)).pat();
    (site.serve().await, ada)
}

fn by(pat: &Pat, bellhop: &Bellhop) -> Signature {
    Signature::by(pat, &bellhop.addresses.proxy.to_string())
}

#[track_caller]
fn assert_signed_by_the_credential(aws: &Upstream, service: &'static str) {
    let sent = aws.last();
    Signature::with_keys(KEY_ID, SECRET, &aws.address.to_string()).service(service).assert_is_on(&sent);
    assert_eq!(sent.header("x-amz-security-token"), None);
}

#[tokio::test]
async fn both_forms_of_a_callers_signature_are_taken_and_signed_anew() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;
    let host = bellhop.addresses.proxy.to_string();

    let by_session = Signature::in_session(&ada, "AKIAWHATEVER", &host);
    for signature in [by(&ada, &bellhop), by_session, Signature::in_session(&ada, &ada.to_string(), &host)] {
        bellhop.ask(&signature.sign(Ask::get(TASK))).await.assert_paid_by("me", "own");
        assert_eq!(aws.last().target, TASK.strip_prefix("/braket").unwrap());
        assert_signed_by_the_credential(&aws, "braket");
    }
    let signed = by(&ada, &bellhop).sign(Ask::post(DEVICES).json(&json!({ "filters": [] })));
    bellhop.ask(&signed).await.assert_relayed();
    assert_signed_by_the_credential(&aws, "braket");
    let put = Ask::new("PUT", OBJECT).body("fake").header("X-Amz-Meta-Note", "a  b");
    bellhop.ask(&by(&ada, &bellhop).service("s3").sign(put)).await.assert_relayed();
    assert_signed_by_the_credential(&aws, "s3");
    assert_eq!((&*aws.last().target, &*aws.last().body), ("/fake-bucket/tasks/a%20b", &b"fake"[..]));
    let identity = Ask::post("/braket/").body("Action=GetCallerIdentity&Version=2011-06-15");
    bellhop.ask(&by(&ada, &bellhop).service("sts").sign(identity)).await.assert_relayed();
    assert_signed_by_the_credential(&aws, "sts");
}

#[tokio::test]
async fn a_context_in_the_address_is_covered_as_it_is_sent() {
    let aws = aws().await;
    let (bellhop, [_, _, maud]) = acme(&aws).await;
    let signed = |service, ask| by(&maud, &bellhop).service(service).sign(ask);

    for way in ["/braket@acme", "/braket%40acme"] {
        let put = Ask::new("PUT", format!("{way}/fake-bucket/tasks/a")).body("fake");
        bellhop.ask(&signed("s3", put)).await.assert_paid_by("acme", "named");
        assert_eq!(aws.last().target, "/fake-bucket/tasks/a");
    }
}

#[tokio::test]
async fn a_probe_asks_sts_whose_the_keys_are_in_a_region_that_they_are_good_for() {
    let identity = json!({ "GetCallerIdentityResponse": { "GetCallerIdentityResult": { "Account": "123456789012" } } });
    let aws = Upstream::answering(move |_: &Arrived| Reply::json(200, &identity)).await;
    let (bellhop, _) = ada_at(&aws, &json!({ "region": { "value": "eu-west-2, us-west-2" } })).await;

    let told = bellhop.run(&["credential", "probe", "braket@me", "--user", "ada"]).await.assert_code(0);
    assert!(told.err.contains("123456789012"), "{}", told.err);
    let sent = aws.last();
    let expected = Signature::with_keys(KEY_ID, SECRET, &aws.address.to_string()).service("sts").region("us-west-2");
    expected.assert_is_on(&sent);
    assert_eq!((&*sent.method, &*sent.target), ("GET", "/?Action=GetCallerIdentity&Version=2011-06-15"));
    assert_eq!(sent.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn an_operators_cancel_has_the_body_that_braket_wants_and_is_signed_with_it() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;
    bellhop.ask(&by(&ada, &bellhop).sign(task("t1", "fake-bucket", "tasks"))).await.assert_relayed();
    let cancel = async || {
        bellhop.run(&["job", "cancel", "braket", "arn:aws:braket:us-west-2:1:quantum-task/t1"]).await.assert_code(0);
        let sent = aws.last();
        let path = TASK.strip_prefix("/braket").unwrap();
        assert_eq!((&*sent.method, &*sent.target), ("PUT", &*format!("{path}/cancel")));
        assert_eq!(sent.header("content-type"), Some("application/json"));
        assert_signed_by_the_credential(&aws, "braket");
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 1);
        body["clientToken"].as_str().unwrap().to_owned()
    };

    let (first, second) = (cancel().await, cancel().await);

    assert!(first.len() == 36 && first != second, "{first} {second}");
}

#[tokio::test]
async fn an_address_without_a_provider_is_enough_for_a_token_that_is_for_one() {
    let aws = aws().await;
    let mut site = Site::empty().provider("braket", &aws);
    let ada = site.user("ada").credential(&keys(&json!({}))).pat_with("laptop", &json!({ "providers": ["braket"] }));
    let bellhop = site.serve().await;

    bellhop.ask(&by(&ada, &bellhop).sign(Ask::get("/device/fake"))).await.assert_paid_by("me", "own");

    assert_eq!(aws.last().target, "/device/fake");
}

#[tokio::test]
async fn temporary_keys_go_with_their_session_token() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({ "session_token": { "value": "fake-session-token-canary" } })).await;

    bellhop.ask(&by(&ada, &bellhop).sign(Ask::get(TASK))).await.assert_relayed();

    let sent = aws.request();
    assert_eq!(sent.header("x-amz-security-token"), Some("fake-session-token-canary"));
    assert!(sent.header("authorization").unwrap().contains("x-amz-security-token"));
}

#[tokio::test]
async fn a_signature_that_covers_something_else_is_refused() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;
    let good = by(&ada, &bellhop);
    let body = json!({ "filters": [] });

    let elsewhere = Signature::by(&ada, "braket.us-west-2.amazonaws.com");
    let moved = |signed: Ask| Ask { target: format!("{DEVICES}/"), ..signed };
    let longer = |signed: Ask| signed.body("{\"filters\": []} ");
    let of_another = Signature::with_keys(&ada.to_string(), "fake-other-secret", &good.host);
    let yesterday = |signed: Ask| {
        let day = |(name, value): (String, String)| {
            if name == "x-amz-date" { (name, "20200101T000000Z".into()) } else { (name, value) }
        };
        Ask { headers: signed.headers.into_iter().map(day).collect(), ..signed }
    };
    let asked = || Ask::post(DEVICES).json(&body);
    for (what, ask) in [
        ("path", moved(good.sign(asked()))),
        ("way in", Ask { target: format!("/braket@me{}", "/devices"), ..good.sign(asked()) }),
        ("query", Ask { target: format!("{DEVICES}?a=b"), ..good.sign(asked()) }),
        ("method", Ask { method: "PUT", ..good.sign(asked()) }),
        ("host", elsewhere.sign(asked())),
        ("body", longer(good.sign(asked()))),
        ("secret", of_another.sign(asked())),
        ("date", yesterday(good.sign(asked()))),
        ("service", Ask { target: OBJECT.into(), ..good.sign(asked()) }.header("x-amz-content-sha256", "0")),
        ("header", good.sign(asked()).header("X-Amz-Meta-More", "1")),
    ] {
        let answer = bellhop.ask(&ask).await;
        answer.assert_refused("bad-request");
        assert_eq!(answer.header("x-amzn-errortype"), Some("bad-request"), "{what}");
    }
    aws.assert_untouched();
}

#[tokio::test]
async fn how_far_a_clock_is_off_is_told() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;
    let (little, much) = (Duration::from_secs(4 * 60), Duration::from_secs(10 * 60));

    for signature in [by(&ada, &bellhop).later(little), by(&ada, &bellhop).earlier(little)] {
        bellhop.ask(&signature.sign(Ask::get(TASK))).await.assert_relayed();
    }
    let before = aws.requests().len();
    for (signature, told) in
        [(by(&ada, &bellhop).later(much), "s later"), (by(&ada, &bellhop).earlier(much), "s earlier")]
    {
        let answer = bellhop.ask(&signature.sign(Ask::get(TASK))).await;
        answer.assert_refused("bad-request");
        assert!(answer.detail().contains(told), "{}", answer.detail());
    }
    assert_eq!(aws.requests().len(), before);
}

#[tokio::test]
async fn what_is_off_the_lists_is_refused_by_name() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({ "region": { "value": "us-west-2, eu-west-2" } })).await;
    let good = by(&ada, &bellhop);

    for (signature, told) in [
        (good.clone().service("iam"), "braket, s3, sts"),
        (good.clone().region("ap-south-1"), "us-east-1, us-west-1, us-west-2, eu-west-2, eu-north-1"),
        (good.clone().region("us-east-1"), "Allowed are: us-west-2, eu-west-2"),
    ] {
        let answer = bellhop.ask(&signature.sign(Ask::get(TASK))).await;
        answer.assert_refused("not-allowed");
        assert!(answer.detail().contains(told), "{}", answer.detail());
    }
    let closed = [
        ("s3", Ask::get("/braket/")),
        ("s3", Ask::post("/braket/fake-bucket?delete").body("<Delete/>")),
        ("s3", Ask::new("PUT", format!("{OBJECT}?acl")).body("")),
        ("s3", Ask::get("/braket/fake-bucket?policy")),
        ("s3", Ask::new("PUT", OBJECT).header("X-Amz-Copy-Source", "another/object")),
        ("s3", Ask::new("PUT", OBJECT).header("X-Amz-Acl", "public-read")),
        ("sts", Ask::post("/braket/").body("Action=AssumeRole")),
        ("sts", Ask::get("/braket/?Action=GetCallerIdentity")),
    ];
    for (service, ask) in closed {
        let answer = bellhop.ask(&good.clone().service(service).sign(ask)).await;
        assert_eq!((answer.status, answer.header("bellhop-refusal")), (403, Some("not-allowed")), "{}", answer.text());
        let element = if service == "s3" { "<Error><Code>not-allowed</Code>" } else { "<ErrorResponse><Error>" };
        assert!(answer.text().contains(element), "{}", answer.text());
    }
    aws.assert_untouched();
}

#[tokio::test]
async fn a_token_in_the_query_and_two_tokens_are_refused() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;
    let (good, other) = (by(&ada, &bellhop), Pat::fake());

    for ask in [
        Ask::get(format!("{TASK}?X-Amz-Credential={ada}%2F20260101%2Fus-west-2%2Fbraket%2Faws4_request")),
        Ask::get(format!("{TASK}?X-Amz-Signature=0")),
        good.sign(Ask::get(format!("{TASK}?X-Amz-Security-Token={ada}"))),
        Signature::in_session(&ada, &other.to_string(), &good.host).sign(Ask::get(TASK)),
        good.sign(Ask::get(TASK)).header("X-Other", ada.to_string()),
        good.sign(Ask::get(TASK)).header("Authorization", format!("Bearer {ada}")),
        Ask::get(TASK).header("Authorization", format!("Bearer {ada}")),
    ] {
        bellhop.ask(&ask).await.assert_refused("bad-request");
    }
    bellhop.ask(&Ask::get(TASK)).await.assert_refused("missing-token");
    bellhop.ask(&Signature::by(&other, &good.host).sign(Ask::get(TASK))).await.assert_refused("unknown-token");
    bellhop
        .ask(&Signature::with_keys("AKIAFAKE", "fake", &good.host).sign(Ask::get(TASK)))
        .await
        .assert_refused("unknown-token");
    aws.assert_untouched();
}

#[tokio::test]
async fn a_body_that_is_too_large_to_be_verified_is_refused() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;

    let signed = by(&ada, &bellhop).service("s3").sign(Ask::new("PUT", OBJECT));
    let answer = bellhop.ask(&signed.header("Content-Length", (33 * 1024 * 1024).to_string())).await;

    assert_eq!((answer.status, answer.header("bellhop-refusal")), (413, Some("bad-request")));
    aws.assert_untouched();
}

/// Ada and Grace are members, Maud is the maintainer.
async fn acme(aws: &Upstream) -> (Bellhop, [Pat; 3]) {
    let mut site = Site::empty().provider("braket", aws);
    let people = ["ada", "grace", "maud"].map(|name| site.user(name).pat());
    let listed = json!({ "s3": { "value": "fake-bucket/tasks" } });
    let acme = site.organization("acme").credential(&keys(&listed));
    acme.member("ada", "member").member("grace", "member").member("maud", "maintainer");
    (site.serve().await, people)
}

fn task(name: &str, bucket: &str, prefix: &str) -> Ask {
    Ask::post("/braket/quantum-task").json(&json!({
        "clientToken": name, "deviceArn": "arn:aws:braket:::device/fake", "shots": 10, "action": "{}",
        "outputS3Bucket": bucket, "outputS3KeyPrefix": prefix,
    }))
}

#[tokio::test]
async fn members_put_results_where_they_may_and_read_their_own() {
    let aws = aws().await;
    let (bellhop, [ada, grace, maud]) = acme(&aws).await;
    let ask = async |pat: &Pat, service, ask: Ask| bellhop.ask(&by(pat, &bellhop).service(service).sign(ask)).await;

    ask(&ada, "braket", task("of-ada", "fake-bucket", "tasks")).await.assert_relayed();
    ask(&ada, "braket", task("2", "fake-bucket", "tasks/ada/more")).await.assert_relayed();
    for (bucket, prefix) in
        [("fake-bucket", "tasks/grace"), ("fake-bucket", "other"), ("another", "tasks"), ("fake-bucket", "")]
    {
        ask(&ada, "braket", task("3", bucket, prefix)).await.assert_refused("not-allowed");
    }
    let results = |of: &str| Ask::get(format!("/braket/fake-bucket/tasks/{of}/results.json"));
    ask(&ada, "s3", results("of-ada")).await.assert_paid_by("acme", "job");
    ask(&maud, "s3", results("of-ada")).await.assert_relayed();
    let before = aws.requests().len();
    let [foreign, absent] = [ask(&grace, "s3", results("of-ada")).await, ask(&grace, "s3", results("of-eve")).await];
    assert_eq!((foreign.status, foreign.header("bellhop-refusal")), (404, Some("unknown-job")));
    let text = |answer: &Answer| answer.text();
    assert_eq!((absent.status, text(&absent)), (404, text(&foreign)));
    for listing in
        ["", "?prefix=tasks%2F", "?prefix=tasks%2Fof-ada%2F", "?prefix=tasks%2Fada", "?list-type=2&prefix=tasks/gr"]
    {
        let answer = ask(&grace, "s3", Ask::get(format!("/braket/fake-bucket{listing}"))).await;
        assert!(matches!(answer.status, 403 | 404), "{listing}: {}", answer.text());
    }
    assert_eq!(aws.requests().len(), before);
    ask(&ada, "s3", Ask::get("/braket/fake-bucket?list-type=2&prefix=tasks%2Fof-ada%2F")).await.assert_relayed();
    ask(&ada, "s3", Ask::get("/braket/fake-bucket?list-type=2&prefix=tasks%2Fada%2F")).await.assert_relayed();
}

#[tokio::test]
async fn members_write_below_their_names_and_make_no_buckets() {
    let aws = aws().await;
    let (bellhop, [ada, _, maud]) = acme(&aws).await;
    let ask = async |pat: &Pat, ask: Ask| bellhop.ask(&by(pat, &bellhop).service("s3").sign(ask)).await.status;
    let put = |key: &str| Ask::new("PUT", format!("/braket/fake-bucket/{key}")).body("fake");

    assert_eq!(ask(&ada, put("tasks/ada/code.tar.gz")).await, 200);
    assert_eq!(ask(&maud, put("tasks/grace/code.tar.gz")).await, 200);
    assert_eq!(ask(&maud, Ask::new("PUT", "/braket/fake-bucket")).await, 200);
    let before = aws.requests().len();
    for key in [
        "tasks/grace/a",
        "tasks/ada",
        "tasks/ada2/a",
        "tasks/of-ada/results.json",
        "other/ada/a",
        "tasks/ada%2F..%2Fgrace/a",
    ] {
        assert!(matches!(ask(&ada, put(key)).await, 400 | 403), "{key}");
    }
    assert_eq!(ask(&ada, Ask::new("DELETE", "/braket/fake-bucket/tasks/grace/a")).await, 403);
    assert_eq!(ask(&ada, Ask::new("PUT", "/braket/fake-bucket")).await, 403);
    assert_eq!(ask(&maud, Ask::new("PUT", "/braket/another")).await, 403);
    assert_eq!(ask(&maud, put("other/a")).await, 403);
    assert_eq!(aws.requests().len(), before);
}

#[tokio::test]
async fn over_tls_an_object_need_not_be_signed() {
    let (aws, authority) = (aws().await, Authority::new());
    let identity = authority.identity("localhost", Validity::Now);
    let mut site = Site::empty().provider("braket", &aws);
    let (cert, key) = (site.write("cert.pem", &identity.certificate), site.write("key.pem", &identity.key));
    site.reconfigure("tls", json!({ "cert": cert, "key": key }));
    let ada = site.user("ada").credential(&keys(&json!({}))).pat();
    let bellhop = site.serve().await;
    let host = format!("localhost:{}", bellhop.addresses.proxy.port());
    let chunks = "4\r\nfake\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";

    for (payload, body) in [("UNSIGNED-PAYLOAD", "fake"), ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunks)] {
        let put = Ask::new("PUT", OBJECT).body(body);
        let signed = Signature::by(&ada, &host).service("s3").payload(payload).sign(put);
        let connector = TlsConnector::from(client(&authority, &["http/1.1"], &[&TLS13]));
        let stream = TcpStream::connect(bellhop.addresses.proxy).await.unwrap();
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let mut line = Line::over(stream, host.clone(), bellhop.answers.clone());
        line.ask(&signed).await.assert_relayed();
        let sent = aws.last();
        assert_eq!((sent.header("x-amz-content-sha256"), &*sent.body), (Some(payload), body.as_bytes()));
        let credential = Signature::with_keys(KEY_ID, SECRET, &aws.address.to_string()).service("s3");
        credential.payload(payload).assert_is_on(&sent);
    }
}

#[tokio::test]
async fn an_object_that_is_not_signed_is_refused_over_plain_http() {
    let aws = aws().await;
    let (bellhop, ada) = ada_at(&aws, &json!({})).await;
    for payload in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
        let put = Ask::new("PUT", OBJECT).body("fake");
        let answer = bellhop.ask(&by(&ada, &bellhop).service("s3").payload(payload).sign(put)).await;
        assert_eq!((answer.status, answer.header("bellhop-refusal")), (400, Some("bad-request")), "{payload}");
        assert!(answer.text().contains("X-Amz-Content-Sha256"), "{}", answer.text());
    }
    aws.assert_untouched();
}
