//! Refusals: every answer that Bellhop makes itself, as one JSON object that each SDK finds its text in.
//! Owns the codes and their statuses; what happened and what to do about it comes from whoever refuses.
//! Never holds a token, a credential or a body of the caller's.

use super::{Asked, relay::Answer};
use crate::{
    credential::resolve::Unresolved,
    directory::{Grant, Unresolvable},
    identity::Scopes,
    provider::preset::{ErrorShape, operation::Kind},
    upstream::{SendError, Waiting},
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
    pub const ALL: [Self; 16] = [
        Self::MissingToken,
        Self::UnknownToken,
        Self::BadRequest,
        Self::UnknownProvider,
        Self::NotAllowed,
        Self::NoCredential,
        Self::AmbiguousContext,
        Self::NotAMember,
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
            Self::UnknownProvider => StatusCode::NOT_FOUND,
            Self::NotAllowed
            | Self::NoCredential
            | Self::AmbiguousContext
            | Self::NotAMember
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
pub struct Shape<'p>(pub Option<&'p ErrorShape>);

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
        }
    }

    /// The same text for a token that is unknown, malformed, revoked, expired or whose user is gone.
    pub fn unknown_token() -> Self {
        Self::new(
            Code::UnknownToken,
            "This Bellhop token is not valid. Make a new one (`bellhop token create`) and put \
             it where your SDK expects the provider's token.",
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
        let body = Bytes::from(self.body(shape).to_string());
        let mut response = Response::new(Answer::full(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
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
        if let Some(shape) = shape.0 {
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

/// Method and path template, which name no ids, for refusals that say what is not allowed.
fn what(asked: &Asked<'_>) -> String {
    match &asked.operation {
        Some(found) => found.pattern.to_string(),
        None => format!("{} on a path that the preset `{}` does not list", asked.method, asked.provider.id()),
    }
}

fn not_allowed(detail: String) -> Refusal {
    Refusal::new(Code::NotAllowed, detail)
}

pub fn provider_not_allowed(asked: &Asked<'_>, allowed: &[Box<str>]) -> Refusal {
    not_allowed(format!(
        "This token may be used for {} only, not for {}. Use another token, or make one that may.",
        allowed.join(", "),
        asked.provider.id()
    ))
}

pub fn network_not_allowed(asked: &Asked<'_>) -> Refusal {
    not_allowed(format!(
        "{} is not allowed from your network: this token is restricted to others. Use it there, or make another token.",
        what(asked)
    ))
}

pub fn scope_not_allowed(asked: &Asked<'_>, scopes: Scopes) -> Refusal {
    not_allowed(format!(
        "{} needs a token with the scope `run`; this one has `{scopes}`. Make a token with `run`.",
        what(asked)
    ))
}

pub fn blocked(asked: &Asked<'_>) -> Refusal {
    not_allowed(format!(
        "{} is not passed on: it would hand out or end the provider token that you share. Your organization's \
         maintainers can do this at {} itself.",
        what(asked),
        asked.provider.preset().name
    ))
}

pub fn not_selectable(asked: &Asked<'_>, grant: &Grant) -> Refusal {
    not_allowed(format!(
        "{} asks for an account, instance or workspace that the credential `{}` of {} does not allow. Leave the choice \
         out, or ask who manages the credential.",
        what(asked),
        grant.label,
        grant.home
    ))
}

/// Why nothing pays, and what to do about it.
pub fn unresolved(asked: &Asked<'_>, error: &Unresolvable) -> Refusal {
    let (provider, name) = (asked.provider.id(), &asked.provider.preset().name);
    let error = match error {
        Unresolvable::Unavailable => return Refusal::store_unavailable(),
        Unresolvable::Unusable { home, label, because } => {
            let detail = format!("The credential `{label}` of {home} for {name} cannot be used: {because}.");
            return Refusal::new(Code::NoCredential, detail).with("owner", home.to_string());
        }
        Unresolvable::Unresolved(error) => error,
    };
    match error {
        Unresolved::NoCredential { context: None } => Refusal::new(
            Code::NoCredential,
            format!(
                "There is no {name} token that could pay for this: you have none of your own, and no organization of \
                 yours offers you one. Add yours (`bellhop credential add {provider}@me --user NAME`), or ask a \
                 maintainer of your organization."
            ),
        ),
        Unresolved::NoCredential { context: Some(context) } => Refusal::new(
            Code::NoCredential,
            format!(
                "The context {context} offers no {name} token, and a chosen context never falls back to another. Add \
                 one there (`bellhop credential add {provider}@{context}`), or choose another context."
            ),
        )
        .with("context", context.to_string()),
        Unresolved::Ambiguous { candidates } => {
            let names: Vec<String> = candidates.iter().map(ToString::to_string).collect();
            let detail = format!(
                "Several {name} tokens could pay for this: {}. Name one in the URL (`/{provider}@{}/…`) or in the \
                 header Bellhop-Context, or pin your token to one.",
                names.join(", "),
                names.first().map_or("", String::as_str)
            );
            Refusal::new(Code::AmbiguousContext, detail).with("candidates", names)
        }
        Unresolved::NotAMember { context } => Refusal::new(
            Code::NotAMember,
            format!("You are not a member of {context}, or it does not exist. Ask one of its owners to add you."),
        )
        .with("context", context.to_string()),
        Unresolved::OutsideBoundary { context } => not_allowed(format!(
            "This token may not pay from {context}. Name a context that it may use, or make another token."
        )),
        Unresolved::PersonalForbidden => not_allowed(format!(
            "Personal credentials are switched off for {name} here. Use an organization's: name it in the URL or in \
             the header Bellhop-Context."
        )),
        Unresolved::Restricted { home, label } => not_allowed(format!(
            "The credential `{label}` of {home} is restricted to other members. Ask a maintainer of {home}."
        )),
        Unresolved::Unusable { home, label, because } => Refusal::new(
            Code::NoCredential,
            format!(
                "The credential `{label}` of {home} for {name} is {because}, and nothing else is used in its place. \
                 Renew or enable it, or name another context."
            ),
        )
        .with("owner", home.to_string()),
    }
}

/// A grant whose credential expired since it was made.
pub fn expired(asked: &Asked<'_>, grant: &Grant) -> Refusal {
    let because = crate::credential::resolve::Unusable::Expired;
    let error = Unresolved::Unusable { home: grant.home.clone(), label: grant.label.clone(), because };
    unresolved(asked, &error.into())
}

/// Why there is no answer of the provider's.
pub fn not_forwarded(asked: &Asked<'_>, error: &SendError, waiting: Waiting) -> Refusal {
    let name = &asked.provider.preset().name;
    let refusal = match error {
        SendError::Timeout if waiting == Waiting::Caller => {
            return Refusal::bad_request("The request's body stopped coming.")
                .status(StatusCode::REQUEST_TIMEOUT)
                .close();
        }
        SendError::Timeout => Refusal::new(Code::UpstreamTimeout, format!("{name} did not answer in time.")),
        SendError::Invalid => {
            Refusal::new(Code::UpstreamInvalid, format!("{name} sent an answer that is not sound HTTP."))
        }
        SendError::Dial(_) | SendError::Broken => {
            Refusal::new(Code::UpstreamUnreachable, format!("{name} cannot be reached: {error}."))
        }
    };
    tracing::warn!(provider = asked.provider.id(), %error, "a request was not answered by its provider");
    if asked.kind() == Some(Kind::Submit) && error.may_have_left() {
        refusal.submit_unknown(asked.provider.preset().lost_submit)
    } else {
        refusal
    }
}

/// The provider refused the stored credential. What it said is passed on inside.
pub fn credential_refused(asked: &Asked<'_>, grant: &Grant, status: StatusCode, said: Value) -> Refusal {
    let name = &asked.provider.preset().name;
    tracing::warn!(
        provider = asked.provider.id(), credential = %grant.credential, version = grant.version, status = status.as_u16(),
        "the provider refused a stored credential"
    );
    let who = match &grant.home.organization {
        None => format!("Replace it: `bellhop credential rotate {}@{} --user NAME`.", asked.provider.id(), grant.home),
        Some(organization) => format!(
            "A maintainer of {organization} can replace it: `bellhop credential rotate {}@{}`.",
            asked.provider.id(),
            grant.home
        ),
    };
    let detail = format!(
        "{name} refused the credential `{}` of {} (status {}). {who}",
        grant.label,
        grant.home,
        status.as_u16()
    );
    Refusal::new(Code::CredentialRefused, detail)
        .with("owner", grant.home.to_string())
        .with("label", &*grant.label)
        .with("provider_status", status.as_u16())
        .with("provider_answer", said)
}

/// An answer that must be read before it may pass, and cannot be.
pub fn unreadable(asked: &Asked<'_>, because: &'static str) -> Refusal {
    let name = &asked.provider.preset().name;
    tracing::warn!(provider = asked.provider.id(), because, "a provider's answer was withheld");
    let refusal = Refusal::new(Code::UpstreamInvalid, format!("The answer of {name} was withheld: {because}."));
    if asked.kind() == Some(Kind::Submit) {
        refusal.submit_unknown(asked.provider.preset().lost_submit)
    } else {
        refusal
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
        for code in [NotAllowed, NoCredential, AmbiguousContext, NotAMember, CredentialRefused, UnknownProvider] {
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
