//! AWS's published test vectors, and what is signed here verified by what verifies here.

use super::{
    Claim, Flaw, Payload, Received, Signer, Transport, Verified,
    canonical::PathForm,
    verify::{check, verify},
};
use crate::{clock::Timestamp, provider::preset::sigv4::Dialect};
use aws_lc_rs::digest;
use http::{HeaderMap, HeaderName, HeaderValue, Method, uri::PathAndQuery};
use proptest::prelude::*;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    target: String,
    path: Form,
    fields: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    AsSent,
    Normalised,
    EncodedAgain,
}

/// The key that all of them are signed with.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn headers(fields: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn hash(body: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, body).as_ref().try_into().unwrap()
}

#[test]
fn every_published_signature_is_found_to_be_right() {
    let vectors: Vec<Vector> = serde_yaml::from_str(include_str!("vectors.yaml")).unwrap();
    assert_eq!(vectors.len(), 35);
    for vector in &vectors {
        let headers = headers(&vector.fields);
        let (path, query) = vector.target.split_once('?').map_or((&*vector.target, None), |(p, q)| (p, Some(q)));
        let (host, body) = (headers["host"].to_str().unwrap(), vector.body.as_bytes());
        let received = Received {
            method: &vector.method,
            path,
            query,
            host,
            headers: &headers,
            body,
            transport: Transport::Plain,
        };
        let form = match vector.path {
            Form::AsSent => PathForm::AsSent,
            Form::Normalised => PathForm::Normalised,
            Form::EncodedAgain => PathForm::EncodedAgain,
        };
        let claim = Claim { session_token: Some(SECRET), ..Claim::read(&headers, query).unwrap() };
        let payload = super::verify::written(Payload::Hash(hash(body)));
        assert_eq!(check(&claim, &received, form, &payload), Ok(()), "{}", vector.name);
        let other = Received { method: "DELETE", ..received };
        assert_eq!(check(&claim, &other, form, &payload), Err(Flaw::Mismatch), "{}", vector.name);
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const KEY: &str = "fake_secret_key_canary";

/// What a caller sends who has one of the two forms that Bellhop takes.
struct Sent {
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn new(dialect: Dialect, target: &str, body: &[u8], payload: Payload) -> Self {
        let mut sent = Self {
            method: Method::PUT,
            target: target.parse().unwrap(),
            headers: headers(&[("x-amz-meta-note".into(), "two  words".into())]),
            body: body.to_vec(),
        };
        let verified = Verified { dialect, service: "braket".into(), region: "us-west-2".into(), payload, at: NOW };
        let host = HeaderValue::from_static("127.0.0.1:8080");
        let signer = Signer::new(KEY, KEY, None);
        signer.sign(&sent.method, &sent.target, &mut sent.headers, &host, &verified).unwrap();
        sent
    }

    fn received(&self) -> Received<'_> {
        Received {
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.target.query(),
            host: "127.0.0.1:8080",
            headers: &self.headers,
            body: &self.body,
            transport: Transport::Plain,
        }
    }

    fn verify(&self, dialect: Dialect) -> Result<Verified, Flaw> {
        self.verify_as(&self.received(), dialect, NOW)
    }

    fn verify_as(&self, received: &Received<'_>, dialect: Dialect, now: Timestamp) -> Result<Verified, Flaw> {
        let claim = Claim::read(&self.headers, received.query).unwrap();
        verify(&claim, received, dialect, now)
    }
}

fn task() -> Sent {
    Sent::new(Dialect::Json, "/braket@acme/quantum-task/arn%3Aaws?a=b%20c", b"{}", Payload::Hash(hash(b"{}")))
}

#[test]
fn a_signature_is_good_for_what_was_signed_and_nothing_else() {
    let task = task();
    assert!(task.verify(Dialect::Json).is_ok());
    let received = task.received();
    for (what, other) in [
        ("method", Received { method: "GET", ..received }),
        ("path", Received { path: "/quantum-task/arn%3Aaws", ..received }),
        ("query", Received { query: Some("a=b"), ..received }),
        ("no query", Received { query: None, ..received }),
        ("host", Received { host: "localhost:8080", ..received }),
        ("body", Received { body: b"{ }", ..received }),
    ] {
        assert_eq!(task.verify_as(&other, Dialect::Json, NOW), Err(Flaw::Mismatch), "{what}");
    }
    assert_eq!(task.verify(Dialect::S3), Err(Flaw::NoHeader("X-Amz-Content-Sha256")));
}

#[test]
fn a_clock_may_be_five_minutes_off_and_no_more() {
    let (task, far) = (task(), super::MOST_SKEW + Duration::from_secs(1));
    for now in [NOW.plus(super::MOST_SKEW), NOW.minus(super::MOST_SKEW)] {
        assert!(task.verify_as(&task.received(), Dialect::Json, now).is_ok());
    }
    let late = task.verify_as(&task.received(), Dialect::Json, NOW.plus(far)).unwrap_err();
    assert_eq!(late, Flaw::Clock(-301_000));
    assert!(late.to_string().contains("301 s earlier than it is here"), "{late}");
    assert_eq!(task.verify_as(&task.received(), Dialect::Json, NOW.minus(far)), Err(Flaw::Clock(301_000)));
}

#[test]
fn what_steers_aws_must_be_covered() {
    let mut task = task();
    task.headers.insert("x-amz-copy-source", "fake/other".parse().unwrap());
    assert_eq!(task.verify(Dialect::Json), Err(Flaw::NotCovered("x-amz-copy-source".into())));
    let mut task = self::task();
    task.headers.insert("x-amz-meta-note", "another".parse().unwrap());
    assert_eq!(task.verify(Dialect::Json), Err(Flaw::Mismatch));
    task.headers.insert("accept", "text/plain".parse().unwrap());
    task.headers.insert("x-amz-meta-note", "two words".parse().unwrap());
    assert!(task.verify(Dialect::Json).is_ok(), "white space and what is not covered may change on the way");
}

#[test]
fn a_body_that_is_not_signed_is_for_s3_over_tls() {
    for payload in [Payload::Unsigned, Payload::UnsignedStream] {
        let object = Sent::new(Dialect::S3, "/bucket/a%20key", b"anything", payload);
        assert_eq!(object.verify(Dialect::S3), Err(Flaw::UnsignedBody));
        let secured = Received { transport: Transport::Tls, ..object.received() };
        assert_eq!(object.verify_as(&secured, Dialect::S3, NOW).map(|verified| verified.payload), Ok(payload));
        assert_eq!(object.verify_as(&secured, Dialect::Json, NOW), Err(Flaw::UnsignedBody));
    }
    let mut object = Sent::new(Dialect::S3, "/bucket/key", b"a", Payload::Hash(hash(b"a")));
    assert!(object.verify(Dialect::S3).is_ok());
    assert_eq!(object.verify_as(&Received { body: b"b", ..object.received() }, Dialect::S3, NOW), Err(Flaw::OtherBody));
    object.headers.insert("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".parse().unwrap());
    assert_eq!(object.verify(Dialect::S3), Err(Flaw::SignedStream));
}

#[test]
fn nothing_of_the_callers_signature_is_left() {
    let mut sent = Sent::new(Dialect::S3, "/bucket/key", b"a", Payload::Hash(hash(b"a")));
    sent.headers.insert("x-amz-security-token", "bhp_fake_canary".parse().unwrap());
    let verified = Verified {
        dialect: Dialect::Json,
        service: "braket".into(),
        region: "us-west-2".into(),
        payload: Payload::Hash(hash(b"a")),
        at: NOW,
    };
    let host = HeaderValue::from_static("braket.us-west-2.amazonaws.com");
    let signer = Signer::new("AKIAFAKE", "fake-secret", None);
    signer.sign(&sent.method, &sent.target, &mut sent.headers, &host, &verified).unwrap();

    assert!(!sent.headers.contains_key("x-amz-security-token"));
    assert!(!sent.headers.contains_key("x-amz-content-sha256"));
    let authorization = sent.headers["authorization"].to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAFAKE/2026"), "{authorization}");
    assert!(sent.headers["authorization"].is_sensitive());
    assert!(!format!("{:?}", sent.headers).contains("canary"));
}

proptest! {
    /// Two implementations, AWS's own and this one, of the same form.
    #[test]
    fn what_is_signed_here_is_found_to_be_right(
        path in "(/[a-zA-Z0-9:,@+ ._~-]{0,8}|/%3A|/%2F|/a//b){1,4}", query in "([a-z-]{1,4}=[a-zA-Z0-9./:~*-]{0,6}&?){0,3}",
        body in proptest::collection::vec(any::<u8>(), 0..40), s3 in any::<bool>(),
    ) {
        let path = path.replace(' ', "%20");
        prop_assume!(!path.split('/').any(|segment| matches!(segment, "." | "..")));
        let dialect = if s3 { Dialect::S3 } else { Dialect::Json };
        let sent = Sent::new(dialect, &format!("{path}?{query}"), &body, Payload::Hash(hash(&body)));
        prop_assert!(sent.verify(dialect).is_ok(), "{} {:?}", sent.target, sent.verify(dialect));
    }
}
