//! Heads: what of a caller's goes upstream, and what of a provider's comes back.
//! Each field of a head is judged by its name; what is about the connection, about who calls, or could steer
//! somebody else's parser stays here (RFC 9110 §7.6.1).
//! Never adds a credential: that happens later, and last.

use super::{refusal::Refusal, wire::HeadLimits};
use crate::provider::{
    preset::{
        Cookies,
        operation::{Kind, Operation},
    },
    reading::{self, AnswerNeed},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header, request};
use smallvec::SmallVec;

/// Names which context pays.
pub const CONTEXT: HeaderName = HeaderName::from_static("bellhop-context");
/// The receipt.
pub const CREDENTIAL: HeaderName = HeaderName::from_static("bellhop-credential");
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Refuses what no provider may see, whoever asks.
pub fn check(parts: &request::Parts, headers: &HeaderMap, limits: HeadLimits) -> Result<(), Refusal> {
    let Some(target) = parts.uri.path_and_query() else {
        return Err(Refusal::bad_request("The request's target is not a path."));
    };
    if target.as_str().len() > limits.target {
        return Err(Refusal::bad_request("The request's target is too long.").status(http::StatusCode::URI_TOO_LONG));
    }
    if headers.len() > limits.fields {
        let status = http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Refusal::bad_request("The request has too many header fields.").status(status));
    }
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(
            Refusal::bad_request("CONNECT and TRACE are not proxied.").status(http::StatusCode::METHOD_NOT_ALLOWED)
        );
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    let authority = parts.uri.authority();
    if hosts.next().is_some() || (host.is_none() && parts.version != Version::HTTP_2) {
        return Err(Refusal::bad_request("A request needs exactly one Host header.").close());
    }
    if parts.version == Version::HTTP_2 {
        // RFC 9113 §8.3.1: where both are there, they say the same.
        let differs =
            |h: &HeaderValue| authority.is_some_and(|a| !h.as_bytes().eq_ignore_ascii_case(a.as_str().as_bytes()));
        if (host.is_none() && authority.is_none()) || host.is_some_and(differs) {
            return Err(Refusal::bad_request("A request needs one Host or :authority."));
        }
    }
    if authority.is_some_and(|a| a.as_str().contains('@')) || host.is_some_and(|h| h.as_bytes().contains(&b'@')) {
        return Err(Refusal::bad_request("A user name does not belong into a request's target or Host."));
    }
    if host.is_some_and(|host| !is_host(host)) {
        return Err(Refusal::bad_request("The Host header names no host.").close());
    }
    Ok(())
}

/// RFC 9112 §3.2. URLs in answers are made of it.
fn is_host(value: &HeaderValue) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(b);
    !value.is_empty() && value.as_bytes().iter().all(plain)
}

/// A bare `Upgrade` field is advice and is dropped; with `Connection: upgrade` it is a demand.
pub fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    named_by_connection(headers).any(|name| name.eq_ignore_ascii_case("upgrade"))
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

/// The fields that go upstream. `slots` are the headers in which a caller's token may have been.
pub fn outgoing(mut headers: HeaderMap, slots: &[HeaderName], cookies: Cookies) -> HeaderMap {
    // What most SDKs name there is no field of theirs.
    let fields = named_by_connection(&headers).filter(|name| !name.eq_ignore_ascii_case("keep-alive"));
    let named: Vec<HeaderName> = fields.filter_map(|name| name.parse().ok()).collect();
    let passes = |name: &HeaderName| is_passed_on(name) || (*name == header::COOKIE && cookies == Cookies::Passed);
    let goes =
        |name: &HeaderName| passes(name) && !named.contains(name) && !slots.contains(name) && !is_twin(name, slots);
    let stay: SmallVec<[HeaderName; 8]> = headers.keys().filter(|name| !goes(name)).cloned().collect();
    for name in &stay {
        headers.remove(name);
    }
    headers
}

/// The length of what is sent is the sender's to state: the caller's, or chunks where there was none.
pub fn frame(headers: &mut HeaderMap, has_length: bool, is_empty: bool) {
    if !has_length && !is_empty {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// What is searched for secrets or read has to be readable; results may be large, and others than those pass as they are.
pub fn choose_encoding(headers: &mut HeaderMap, operation: Option<&Operation>) {
    let passes = |operation: &Operation| {
        let is_changed = !operation.rewrites.is_empty() || operation.lists.is_some();
        let is_read = is_changed || reading::needs_answer(operation) != AnswerNeed::Nothing;
        operation.kind == Kind::Result && !is_read
    };
    if !operation.is_some_and(passes) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

fn is_passed_on(name: &HeaderName) -> bool {
    let name = name.as_str();
    !matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "host"
            | "authorization"
            | "cookie"
            | "expect"
            | "forwarded"
            | "x-real-ip"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "bellhop-context"
    ) && !name.starts_with("x-forwarded-")
}

/// CGI-like servers read `X_Auth_Token` as `X-Auth-Token`: a name with underscores must not be what its twin may not.
fn is_twin(name: &HeaderName, slots: &[HeaderName]) -> bool {
    if !name.as_str().contains('_') {
        return false;
    }
    let twin = name.as_str().replace('_', "-");
    HeaderName::try_from(twin).map_or(true, |twin| slots.contains(&twin) || !is_passed_on(&twin))
}

/// Takes out of a provider's answer what is about its connection, or would act on the caller beyond this answer.
pub fn clean_answer(headers: &mut HeaderMap, cookies: Cookies) {
    let stays = |name: &HeaderName| is_passed_back(name) || (name == header::SET_COOKIE && cookies == Cookies::Passed);
    if headers.contains_key(header::CONNECTION) || !headers.keys().all(stays) {
        let named: Vec<HeaderName> = named_by_connection(headers).filter_map(|name| name.parse().ok()).collect();
        let gone: Vec<HeaderName> =
            headers.keys().filter(|name| !stays(name) || named.contains(name)).cloned().collect();
        for name in gone {
            headers.remove(name);
        }
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// What may stand after an answer: nothing that is a head's to say.
pub fn clean_trailers(mut trailers: HeaderMap) -> HeaderMap {
    let gone: Vec<HeaderName> = trailers.keys().filter(|name| !is_passed_back(name)).cloned().collect();
    for name in gone {
        trailers.remove(name);
    }
    trailers
}

fn is_passed_back(name: &HeaderName) -> bool {
    let name = name.as_str();
    !matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "set-cookie"
            | "alt-svc"
            | "service-worker-allowed"
            | "clear-site-data"
            | "refresh"
            | "strict-transport-security"
            | "bellhop-credential"
            | "bellhop-refusal"
            | "bellhop-submit"
    ) && !name.starts_with("access-control-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_the_connection_names_goes_also_after_an_empty_one() {
        let all = headers(&[
            ("connection", ""),
            ("connection", "x-secret, close"),
            ("x-secret", "1"),
            ("x-kept", "1"),
            ("x-kept", "2"),
            ("te", "trailers"),
            ("host", "h"),
        ]);
        let kept = outgoing(all, &[], Cookies::Dropped);
        assert_eq!(names(&kept), ["x-kept"]);
        assert_eq!(kept.get_all("x-kept").iter().count(), 2);
    }

    #[test]
    fn nothing_that_says_who_calls_or_steers_a_parser_goes_on() {
        let slots = [HeaderName::from_static("x-auth-token")];
        let all = headers(&[
            ("x-auth-token", "fake"),
            ("x_auth_token", "fake"),
            ("authorization", "fake"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x_forwarded_for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("x-http-method-override", "DELETE"),
            ("bellhop-context", "acme"),
            ("x_innocent", "1"),
            ("accept", "*/*"),
        ]);
        assert_eq!(names(&outgoing(all, &slots, Cookies::Dropped)), ["accept", "x_innocent"]);
    }

    #[test]
    fn an_answer_cannot_act_beyond_itself() {
        let mut answer = headers(&[
            ("set-cookie", "a=b"),
            ("alt-svc", "h3"),
            ("access-control-allow-origin", "*"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("strict-transport-security", "max-age=1"),
            ("bellhop-credential", "forged"),
            ("content-type", "application/json"),
        ]);
        clean_answer(&mut answer, Cookies::Dropped);
        assert_eq!(names(&answer), ["content-type", "x-content-type-options"]);
    }
}
