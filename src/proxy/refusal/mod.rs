//! Refusals: every answer that Bellhop makes itself, as one JSON object that each SDK finds its text in.
//! Owns the codes and their statuses; what happened and what to do about it comes from whoever refuses.
//! Never holds a token, a credential or a body of the caller's.

mod reasons;
mod record;
mod signed;
mod xml;

pub use reasons::*;
pub use record::*;
pub use signed::*;

use super::{grpc, relay::Answer};
use crate::{
    directory::Grant,
    hook::Way,
    id::CredentialId,
    provider::preset::{ErrorShape, Wording},
};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use std::{borrow::Cow, time::Duration};

/// Why Bellhop answers instead of the provider. The text is the `Bellhop-Refusal` header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Code {
    MissingToken,
    UnknownToken,
    BadRequest,
    UnknownProvider,
    NotAllowed,
    NoCredential,
    AmbiguousContext,
    NotAMember,
    UnknownJob,
    OverQuota,
    Throttled,
    CredentialRefused,
    UpstreamUnreachable,
    UpstreamInvalid,
    UpstreamTimeout,
    StoreUnavailable,
    Draining,
    Overloaded,
}

impl Code {
    pub const ALL: [Self; 18] = [
        Self::MissingToken,
        Self::UnknownToken,
        Self::BadRequest,
        Self::UnknownProvider,
        Self::NotAllowed,
        Self::NoCredential,
        Self::AmbiguousContext,
        Self::NotAMember,
        Self::UnknownJob,
        Self::OverQuota,
        Self::Throttled,
        Self::CredentialRefused,
        Self::UpstreamUnreachable,
        Self::UpstreamInvalid,
        Self::UpstreamTimeout,
        Self::StoreUnavailable,
        Self::Draining,
        Self::Overloaded,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingToken => "missing-token",
            Self::UnknownToken => "unknown-token",
            Self::BadRequest => "bad-request",
            Self::UnknownProvider => "unknown-provider",
            Self::NotAllowed => "not-allowed",
            Self::NoCredential => "no-credential",
            Self::AmbiguousContext => "ambiguous-context",
            Self::NotAMember => "not-a-member",
            Self::UnknownJob => "unknown-job",
            Self::OverQuota => "over-quota",
            Self::Throttled => "throttled",
            Self::CredentialRefused => "credential-refused",
            Self::UpstreamUnreachable => "upstream-unreachable",
            Self::UpstreamInvalid => "upstream-invalid",
            Self::UpstreamTimeout => "upstream-timeout",
            Self::StoreUnavailable => "store-unavailable",
            Self::Draining => "draining",
            Self::Overloaded => "overloaded",
        }
    }

    /// 401 only for a token that is not known: SDKs lose a 401's text, and show a 403's.
    const fn status(self) -> StatusCode {
        match self {
            Self::MissingToken | Self::UnknownToken => StatusCode::UNAUTHORIZED,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::UnknownProvider | Self::UnknownJob => StatusCode::NOT_FOUND,
            Self::NotAllowed
            | Self::NoCredential
            | Self::AmbiguousContext
            | Self::NotAMember
            | Self::OverQuota
            | Self::CredentialRefused => StatusCode::FORBIDDEN,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::UpstreamUnreachable | Self::UpstreamInvalid => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::StoreUnavailable | Self::Draining | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::MissingToken => "No Bellhop token",
            Self::UnknownToken => "Token not valid",
            Self::BadRequest => "Request refused",
            Self::UnknownProvider => "No such provider",
            Self::NotAllowed => "Not allowed",
            Self::NoCredential => "No provider token to pay with",
            Self::AmbiguousContext => "Several provider tokens fit",
            Self::NotAMember => "Not a member",
            Self::UnknownJob => "No such job",
            Self::OverQuota => "Over quota",
            Self::Throttled => "Too many requests",
            Self::CredentialRefused => "The provider refused the stored token",
            Self::UpstreamUnreachable => "Provider not reachable",
            Self::UpstreamInvalid => "Provider's answer not usable",
            Self::UpstreamTimeout => "Provider did not answer in time",
            Self::StoreUnavailable => "Bellhop's store is not reachable",
            Self::Draining => "Shutting down",
            Self::Overloaded => "Too busy",
        }
    }
}

/// How the body of a refusal looks: what a preset says, or the shape that nearly every SDK can show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape<'p> {
    pub errors: Option<&'p ErrorShape>,
    pub wording: Wording,
}

/// An answer of Bellhop's own.
#[derive(Debug)]
pub struct Refusal {
    pub code: Code,
    status: StatusCode,
    detail: Cow<'static, str>,
    /// Members that only this code has (RFC 9457 §3.2).
    members: Vec<(&'static str, Value)>,
    retry_after: Option<Duration>,
    submit_unknown: bool,
    close: bool,
    /// The stored credential that a provider refused, how it came to that, and with what status.
    pub refused: Option<(CredentialId, Way, u16)>,
}

impl Refusal {
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status: code.status(),
            detail: detail.into(),
            members: Vec::new(),
            retry_after: None,
            submit_unknown: false,
            close: false,
            refused: None,
        }
    }

    /// Says which stored credential it is about, for those who are told of that.
    fn of(self, grant: &Grant, way: Way, status: u16) -> Self {
        Self { refused: Some((grant.credential, way, status)), ..self }
    }

    /// The same text for a token that is unknown, malformed, revoked, expired or whose user is gone.
    pub fn unknown_token() -> Self {
        Self::new(
            Code::UnknownToken,
            "This is no valid Bellhop token: it is unknown, expired or revoked, or it is a provider's own. Make a new one \
             (`bellhop token create`) and put it where your SDK expects the provider's token.",
        )
    }

    pub fn missing_token() -> Self {
        Self::new(
            Code::MissingToken,
            "No Bellhop token was presented. Put your personal access token (it begins with `bhp_`) where your SDK \
             expects the provider's token.",
        )
    }

    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    pub fn store_unavailable() -> Self {
        let mut refusal = Self::new(
            Code::StoreUnavailable,
            "Bellhop cannot look your token up right now: its store does not answer. The token may well be valid; \
             try again shortly.",
        );
        refusal.retry_after = Some(Duration::from_secs(1));
        refusal
    }

    /// The record of jobs cannot be asked, or written.
    pub fn record_unavailable(detail: &'static str) -> Self {
        let mut refusal = Self::new(Code::StoreUnavailable, detail);
        refusal.retry_after = Some(Duration::from_secs(1));
        refusal
    }

    pub fn overloaded() -> Self {
        let mut refusal = Self::new(
            Code::Overloaded,
            "Bellhop reads as many large requests as it has memory for. Nothing was sent; try again shortly.",
        );
        refusal.retry_after = Some(Duration::from_secs(1));
        refusal
    }

    /// What can be asked for again was not waited for any longer, or not begun any more.
    pub fn draining() -> Self {
        let mut refusal = Self::new(
            Code::Draining,
            "This Bellhop is shutting down and did not wait for an answer any longer. Nothing was lost: ask again, on a new \
             connection.",
        );
        refusal.retry_after = Some(Duration::from_secs(1));
        refusal
    }

    pub fn throttled(what: &'static str, wait: Duration) -> Self {
        let mut refusal = Self::new(Code::Throttled, format!("Too many requests for {what}. Try again in a moment."));
        // Several SDKs sleep through Retry-After without a word: never make them sleep long.
        refusal.retry_after = Some(wait.clamp(Duration::from_secs(1), Duration::from_secs(5)));
        refusal
    }

    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// The fate of a submit is not known. SDKs that repeat a POST after a 5xx get the preset's status instead.
    #[must_use]
    pub fn submit_unknown(mut self, instead: Option<StatusCode>) -> Self {
        self.submit_unknown = true;
        self.detail +=
            " The job may have been submitted all the same: look at your list of jobs before you send it again.";
        if let Some(status) = instead {
            self.status = status;
        }
        self
    }

    /// After this, nothing on the connection can be trusted.
    #[must_use]
    pub const fn close(mut self) -> Self {
        self.close = true;
        self
    }

    pub fn answer(self, shape: Shape<'_>) -> Response<Answer> {
        let (body, media_type) = match shape.wording {
            Wording::Json => (self.body(shape).to_string(), "application/problem+json"),
            Wording::S3 => (xml::s3(self.code, &self.detail), "application/xml"),
            Wording::AwsQuery => (xml::aws_query(self.code, self.status, &self.detail), "text/xml"),
        };
        let body = Bytes::from(body);
        let mut response = Response::new(Answer::full(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert("bellhop-refusal", HeaderValue::from_static(self.code.as_str()));
        // Braket's SDK looks for its text by this header.
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.code.as_str()));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bellhop\""));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
        }
        if self.submit_unknown {
            headers.insert("bellhop-submit", HeaderValue::from_static("unknown"));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// What happened, in HTTP's terms.
    pub const fn told_by(&self) -> StatusCode {
        self.status
    }

    /// To a call of gRPC: the end of an answer without messages.
    pub fn answer_call(self) -> Response<Answer> {
        let mut response = Response::new(Answer::full(Bytes::new()));
        let headers = response.headers_mut();
        let code = if self.submit_unknown { grpc::UNKNOWN } else { grpc::code(self.status) };
        grpc::declare(headers);
        grpc::end(headers, code, &self.detail);
        headers.insert("bellhop-refusal", HeaderValue::from_static(self.code.as_str()));
        if self.submit_unknown {
            headers.insert("bellhop-submit", HeaderValue::from_static("unknown"));
        }
        response
    }

    /// RFC 9457, and the fields by which the vendors' SDKs find a text and a code. Integers where they insist on them.
    fn body(&self, shape: Shape<'_>) -> Value {
        let (status, code, text) = (self.status.as_u16(), self.code.as_str(), &*self.detail);
        let mut body = json!({
            "type": format!("urn:bellhop:refusal:{code}"),
            "title": self.code.title(),
            "status": status,
            "detail": text,
            "code": status,
            "refusal": code,
            "statusCode": status,
            "message": text,
            "error": { "code": status, "type": code, "message": text },
            "errors": [{ "code": status, "message": text }],
            "error_code": status,
            "error_msg": text,
            "error_message": text,
            "error_description": text,
            "internal_code": code,
            "data": { "message": text, "description": text },
        });
        if let Some(shape) = shape.errors {
            if shape.error_as_text.contains(&self.status) {
                body["error"] = text.into();
            }
            if shape.error_code_as_text {
                body["error_code"] = code.into();
            }
        }
        for (name, value) in &self.members {
            body[*name] = value.clone();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_can_be_read_by_every_sdk() {
        for code in Code::ALL {
            let refusal = Refusal::new(code, "what to do next").with("candidates", json!(["acme"]));
            let (status, body) = (refusal.status.as_u16(), refusal.body(Shape::default()));
            for field in ["code", "statusCode", "status", "error_code"] {
                assert_eq!(body[field], json!(status), "{field}");
            }
            for field in ["message", "detail", "error_msg", "error_message", "error_description"] {
                assert_eq!(body[field], "what to do next", "{field}");
            }
            assert_eq!(body["error"]["message"], "what to do next");
            assert_eq!(body["error"]["code"], json!(status));
            assert_eq!(body["errors"][0]["message"], "what to do next");
            assert_eq!(body["candidates"][0], "acme");
        }
    }

    #[test]
    fn a_permanent_condition_is_never_429_or_5xx() {
        use Code::*;
        for code in [
            NotAllowed,
            NoCredential,
            AmbiguousContext,
            NotAMember,
            CredentialRefused,
            UnknownProvider,
            UnknownJob,
            OverQuota,
        ] {
            assert!(code.status().is_client_error() && code.status() != StatusCode::TOO_MANY_REQUESTS);
        }
    }

    #[test]
    fn nobody_is_made_to_wait_for_more_than_five_seconds() {
        let answer = Refusal::throttled("this token", Duration::from_secs(600)).answer(Shape::default());
        assert_eq!(answer.headers()["retry-after"], "5");
        let answer = Refusal::unknown_token().answer(Shape::default());
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert!(answer.headers().contains_key("www-authenticate"));
    }
}
