//! Keys of AWS, which says by a word beside a 403 that they are not good, in a header or in XML; what lacks a permission
//! is a 403 as well.

use crate::support::{Ask, Bellhop, Pat, Reply, Site, Upstream, provider_line::Arrived, signed::Signature};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const FIRST: &str = "AKIAFAKE-first-key-id-canary";
const SECOND: &str = "AKIAFAKE-second-key-id-canary";
const SECRET: &str = "fake-aws-live-secret-key-canary";
const TASK: &str = "/braket/quantum-task/arn%3Aaws%3Abraket%3Aus-west-2%3A1%3Aquantum-task%2Ft1";
const DEVICES: &str = "/braket/devices";
const OBJECT: &str = "/braket/fake-bucket/tasks/results.json";

/// Answers who signs with the key that is good now; to anybody else, this.
async fn aws(good: &Arc<Mutex<&'static str>>, refusal: Reply) -> Upstream {
    let good = Arc::clone(good);
    Upstream::answering(move |request: &Arrived| match request.header("authorization") {
        Some(signed) if signed.contains(&format!("Credential={}/", good.lock().unwrap())) => {
            Reply::json(200, &json!({ "status": "COMPLETED" }))
        }
        _ => refusal.clone(),
    })
    .await
}

fn by_header(code: &str) -> Reply {
    let said = json!({ "message": "The security token included in the request is invalid." });
    Reply::json(403, &said).header("x-amzn-ErrorType", code)
}

fn by_xml(status: u16, code: &str) -> Reply {
    let error = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>no</Message></Error>");
    Reply::new(status).header("Content-Type", "application/xml").body(error)
}

/// Ada's keys are what a program prints, which nothing but a refusal makes Bellhop run again.
async fn ada_at(aws: &Upstream) -> (Bellhop, Pat) {
    let mut site = Site::empty().provider("braket", aws);
    let file = site.write("keys.json", keys(FIRST));
    let source = json!({ "command": ["/bin/cat", file], "every": "24h" });
    let ada = site.user("ada").credential(&json!({ "provider": "braket", "label": "live", "source": source })).pat();
    (site.serve().await, ada)
}

fn keys(key_id: &str) -> String {
    json!({ "access_key_id": key_id, "secret_access_key": SECRET }).to_string()
}

fn signed(ada: &Pat, bellhop: &Bellhop, service: &'static str, ask: Ask) -> Ask {
    Signature::by(ada, &bellhop.addresses.proxy.to_string()).service(service).sign(ask)
}

fn key_ids(aws: &Upstream) -> Vec<&'static str> {
    let sent = aws.requests();
    let key = |request: &Arrived| {
        let signature = request.header("authorization").unwrap_or_default().to_owned();
        [FIRST, SECOND].into_iter().find(|key| signature.contains(&format!("Credential={key}/"))).unwrap_or("another")
    };
    sent.iter().map(key).collect()
}

#[tokio::test]
async fn a_question_is_asked_once_more_with_the_keys_that_the_source_has_by_now() {
    for (service, target, refusal) in [
        ("braket", TASK, by_header("UnrecognizedClientException:http://internal.amazon.com/coral/x")),
        ("s3", OBJECT, by_xml(403, "InvalidAccessKeyId")),
        ("s3", OBJECT, by_xml(400, "ExpiredToken")),
    ] {
        let good = Arc::new(Mutex::new(FIRST));
        let aws = aws(&good, refusal).await;
        let (bellhop, ada) = ada_at(&aws).await;
        bellhop.ask(&signed(&ada, &bellhop, service, Ask::get(target))).await.assert_paid_by("me", "own");
        bellhop.write("keys.json", keys(SECOND));
        *good.lock().unwrap() = SECOND;

        bellhop.ask(&signed(&ada, &bellhop, service, Ask::get(target))).await.assert_paid_by("me", "own");

        assert_eq!(key_ids(&aws), [FIRST, FIRST, SECOND], "{target}");
        // Nothing has changed there: refused once, and said so.
        *good.lock().unwrap() = "nobody's";
        let refused = bellhop.ask(&signed(&ada, &bellhop, service, Ask::get(target))).await;
        assert_eq!((refused.status, refused.header("bellhop-refusal")), (403, Some("credential-refused")));
        assert_eq!(aws.requests().len(), 4, "{target}");
    }
}

#[tokio::test]
async fn what_has_a_body_is_not_sent_again_and_says_whose_keys_are_refused() {
    for code in ["InvalidSignatureException", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch"]
    {
        let good = Arc::new(Mutex::new("nobody's"));
        let aws = aws(&good, by_header(code)).await;
        let (bellhop, ada) = ada_at(&aws).await;

        let ask = signed(&ada, &bellhop, "braket", Ask::post(DEVICES).json(&json!({ "filters": [] })));
        let refused = bellhop.ask(&ask).await;

        let body: Value = refused.assert_refused("credential-refused").json();
        assert_eq!((&body["label"], &body["provider_status"]), (&json!("live"), &json!(403)), "{code}");
        assert_eq!(aws.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_permission_that_is_lacking_is_told_as_aws_tells_it() {
    for (service, target, status, refusal) in [
        ("braket", TASK, 403, by_header("AccessDeniedException")),
        ("s3", OBJECT, 403, by_xml(403, "AccessDenied")),
        ("s3", OBJECT, 400, by_xml(400, "InvalidRequest")),
        ("s3", OBJECT, 404, by_xml(404, "InvalidAccessKeyId")),
    ] {
        let (good, whole) = (Arc::new(Mutex::new("nobody's")), refusal.bytes());
        let aws = aws(&good, refusal).await;
        let (bellhop, ada) = ada_at(&aws).await;

        let answer = bellhop.ask(&signed(&ada, &bellhop, service, Ask::get(target))).await;

        answer.assert_paid_by("me", "own");
        assert!(answer.status == status && whole.ends_with(answer.text().as_bytes()), "{target} {}", answer.text());
        assert!(!answer.text().is_empty());
        assert_eq!(aws.requests().len(), 1);
    }
}
