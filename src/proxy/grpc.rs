//! gRPC over HTTP/2 (PROTOCOL-HTTP2 of gRPC): what a call is known by, what of its heads and trailers goes on, and how
//! its end is told in numbers. Owns the two tables between HTTP's statuses and gRPC's.
//! Never reads a message: what an operation needs of one is read by `provider::reading`.

use super::{Exchange, authenticate, head, hot::Hot, refusal::Refusal};
use crate::{
    provider::preset::{Cookies, operation::Kind},
    upstream::Passing,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header, request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// How a request expects to be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Http,
    /// By what stands after the answer.
    Grpc,
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");
/// What `grpc-message` writes as it is: the rest of ASCII that can be printed.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

impl Dialect {
    /// gRPC-Web, which is spoken to proxies of its own, is plain HTTP here.
    pub fn of(parts: &request::Parts) -> Self {
        let is_call = parts.version == Version::HTTP_2 && media_type(&parts.headers).is_some();
        if is_call { Self::Grpc } else { Self::Http }
    }
}

impl Exchange<'_> {
    /// Waits for no longer than the caller's token is good.
    pub(super) async fn while_valid<T>(&self, hot: &Hot, sending: impl Future<Output = T>) -> Result<T, Refusal> {
        let lifeline = self.core.streams.watch(hot.digest());
        tokio::select! {
            answer = sending => Ok(answer),
            () = lifeline.is_cut() => Err(Refusal::unknown_token()),
        }
    }

    /// What becomes of a caller's trailers.
    pub(super) const fn trailers(&self) -> Passing {
        match self.dialect {
            Dialect::Http => Passing::Dropped,
            Dialect::Grpc => Passing::Cleaned(outgoing_trailers),
        }
    }
}

/// What follows `application/grpc` in the media type of a call.
fn media_type(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::CONTENT_TYPE)?.as_bytes();
    let (name, rest) = value.split_at_checked(MEDIA_TYPE.len())?;
    let ends = matches!(rest.first(), None | Some(b'+' | b';' | b' '));
    (name.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes()) && ends).then_some(rest)
}

/// Whether the messages are what a preset's numbers of fields are about.
pub fn is_protobuf(headers: &HeaderMap) -> bool {
    let is_one = |rest: &[u8]| rest.is_empty() || rest.first() == Some(&b';') || rest.eq_ignore_ascii_case(b"+proto");
    media_type(headers).is_some_and(is_one) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// What a call's head needs on its way, beside what every head does.
pub fn prepare(headers: &mut HeaderMap, kind: Option<Kind>) {
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    if kind != Some(Kind::Result) {
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
    }
}

/// A caller's trailers, as far as they may go on: as fields of a head, and without anything that holds a token.
pub fn outgoing_trailers(trailers: HeaderMap) -> HeaderMap {
    let mut trailers = head::outgoing(trailers, &[], Cookies::Dropped);
    let held: Vec<HeaderName> = trailers
        .iter()
        .filter(|(_, v)| authenticate::holds_token(v.as_bytes()))
        .map(|(name, _)| name.clone())
        .collect();
    for name in held {
        trailers.remove(name);
    }
    trailers
}

/// How a call ended, as HTTP would say it. An answer says so before its messages if there are none.
pub fn outcome(status: StatusCode, headers: &HeaderMap, trailers: Option<&HeaderMap>) -> StatusCode {
    if media_type(headers).is_none() || !status.is_success() {
        return status;
    }
    let code = trailers.and_then(|trailers| trailers.get(STATUS)).or_else(|| headers.get(STATUS));
    match code.and_then(|code| code.to_str().ok()?.parse().ok()) {
        Some(0_u8) => status,
        Some(3 | 9 | 11) => StatusCode::BAD_REQUEST,
        Some(4) => StatusCode::GATEWAY_TIMEOUT,
        Some(5) => StatusCode::NOT_FOUND,
        Some(6 | 10) => StatusCode::CONFLICT,
        Some(7) => StatusCode::FORBIDDEN,
        Some(8) => StatusCode::TOO_MANY_REQUESTS,
        Some(12) => StatusCode::NOT_IMPLEMENTED,
        // Whether it got there at all is not known.
        Some(14) => StatusCode::BAD_GATEWAY,
        Some(16) => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// As [`outcome`], while the answer is still to come: nothing said is no failure yet.
pub fn outcome_so_far(status: StatusCode, headers: &HeaderMap) -> StatusCode {
    if headers.contains_key(STATUS) { outcome(status, headers, None) } else { status }
}

/// Whether these trailers say that a call came to a good end.
pub fn is_success(trailers: &HeaderMap) -> bool {
    trailers.get(STATUS).is_some_and(|code| code == "0")
}

/// How often a call may be repeated stands in its number alone: what is not to be sent again is never UNAVAILABLE.
pub fn code(status: StatusCode) -> u8 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::NOT_FOUND => 5,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => 14,
        StatusCode::GATEWAY_TIMEOUT => 4,
        StatusCode::REQUEST_TIMEOUT => 1,
        StatusCode::METHOD_NOT_ALLOWED => 12,
        status if status.is_client_error() => 3,
        _ => UNKNOWN,
    }
}

/// Nobody knows what became of it.
pub const UNKNOWN: u8 = 2;

/// How a call ends, in the fields that say so.
pub fn end(headers: &mut HeaderMap, code: u8, message: &str) {
    headers.insert(STATUS, HeaderValue::from(u16::from(code)));
    let message = utf8_percent_encode(message, ESCAPED).to_string();
    headers.insert(MESSAGE, HeaderValue::try_from(message).unwrap_or(HeaderValue::from_static("")));
}

pub fn declare(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::pat::PlainPat;
    use aws_lc_rs::rand::SystemRandom;
    use proptest::prelude::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_call_is_known_by_its_media_type() {
        for (value, is_call, is_proto) in [
            ("application/grpc", true, true),
            ("application/grpc+proto", true, true),
            ("Application/GRPC;x=y", true, true),
            ("application/grpc+json", true, false),
            ("application/grpc-web+proto", false, false),
            ("application/json", false, false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!((media_type(&headers).is_some(), is_protobuf(&headers)), (is_call, is_proto), "{value}");
        }
    }

    #[test]
    fn what_a_call_came_to_stands_after_it_or_in_a_head_without_messages() {
        let call = headers(&[("content-type", "application/grpc")]);
        let refused = headers(&[("content-type", "application/grpc"), ("grpc-status", "16")]);
        let ok = headers(&[("grpc-status", "0")]);
        assert_eq!(outcome(StatusCode::OK, &call, Some(&ok)), StatusCode::OK);
        assert_eq!(outcome(StatusCode::OK, &call, None), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(outcome(StatusCode::OK, &refused, None), StatusCode::UNAUTHORIZED);
        assert_eq!(outcome_so_far(StatusCode::OK, &call), StatusCode::OK);
        assert_eq!(outcome(StatusCode::OK, &HeaderMap::new(), None), StatusCode::OK);
        assert_eq!(outcome(StatusCode::BAD_GATEWAY, &call, Some(&ok)), StatusCode::BAD_GATEWAY);
    }

    #[test]
    fn trailers_of_a_caller_hold_no_token_and_steer_nobody() {
        let pat = PlainPat::generate(&SystemRandom::new()).unwrap();
        let mut trailers =
            headers(&[("x-kept", "1"), ("authorization", "fake"), ("te", "trailers"), ("x-forwarded-for", "a")]);
        trailers.insert("x-held", HeaderValue::from_str(&format!("of {}", pat.expose())).unwrap());
        let kept = outgoing_trailers(trailers);
        assert_eq!(kept.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }

    proptest! {
        #[test]
        fn a_message_of_any_text_is_printable_and_comes_back(text in ".{0,60}") {
            let mut headers = HeaderMap::new();
            end(&mut headers, 7, &text);
            let message = headers[MESSAGE].to_str().unwrap();
            prop_assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let decoded = percent_encoding::percent_decode_str(message).decode_utf8().unwrap();
            prop_assert_eq!(&*decoded, &*text);
        }
    }
}
