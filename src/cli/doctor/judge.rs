//! What a value is, without saying what it says: a token of Bellhop's or another, an address of this Bellhop's or another.
//! Owns nothing.
//! Never returns a value; of an address only its origin, which holds no user and no path.

use crate::{
    config::{BaseUrl, Origin},
    identity::pat::{LENGTH, PREFIX, PlainPat},
    point::place::Place,
};
use std::net::IpAddr;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Token {
    Bellhops,
    /// The name of another variable stands there.
    Reference,
    Another,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    Bellhops,
    Reference,
    Another(Option<Origin>),
}

/// `None` where there is nothing.
pub fn token(value: &str) -> Option<Token> {
    if value.trim().is_empty() {
        None
    } else if has_pat(value) {
        Some(Token::Bellhops)
    } else if is_reference(value) {
        Some(Token::Reference)
    } else {
        Some(Token::Another)
    }
}

pub fn address(value: &str, place: &Place) -> Option<Address> {
    if value.trim().is_empty() {
        return None;
    }
    if is_reference(value) {
        return Some(Address::Reference);
    }
    let mut urls = urls(value).peekable();
    if urls.peek().is_none() {
        // A host by itself, or a port or a path with it.
        let authority = value.trim().split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
        if place.owns_host(host) {
            return Some(Address::Bellhops);
        }
        let origin = is_surely_a_host(host).then(|| format!("https://{host}").parse().ok()).flatten();
        return Some(Address::Another(origin));
    }
    let others = urls.map(|url| url.parse::<BaseUrl>().ok().map(|url| url.origin));
    let mut others = others.filter(|origin| !origin.as_ref().is_some_and(|origin| place.owns(origin)));
    Some(others.next().map_or(Address::Bellhops, Address::Another))
}

/// What has no top-level domain may as well be a token, in a variable that was mixed up with another.
fn is_surely_a_host(text: &str) -> bool {
    let is_domain = |top: &str| (2..=24).contains(&top.len()) && top.bytes().all(|b| b.is_ascii_alphabetic());
    text.parse::<IpAddr>().is_ok() || text.rsplit_once('.').is_some_and(|(_, top)| is_domain(top))
}

fn has_pat(value: &str) -> bool {
    let mut candidates = value.match_indices(PREFIX).filter_map(|(at, _)| value.as_bytes().get(at..at + LENGTH));
    candidates.any(|candidate| PlainPat::parse(candidate).is_some())
}

/// `$NAME`, `${NAME}`.
fn is_reference(value: &str) -> bool {
    value.trim().strip_prefix('$').is_some_and(|name| {
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// What begins like a URL, up to what cannot be in one.
fn urls(value: &str) -> impl Iterator<Item = &str> {
    let begins = value.match_indices("http").map(|(at, _)| &value[at..]);
    let urls = begins.filter(|text| text.starts_with("http://") || text.starts_with("https://"));
    urls.map(|text| text.split(|c: char| c.is_whitespace() || "\"'<>,?#".contains(c)).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Protocol, Sources};

    fn place() -> Place {
        Place::new(None, &Sources::default().load().unwrap().config.listen, Protocol::Http)
    }

    #[test]
    fn a_token_is_known_by_its_checksum_wherever_it_stands() {
        let pat = "bhp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA431V14";
        assert_eq!(token(pat), Some(Token::Bellhops));
        assert_eq!(token(&format!("{{\"refresh_token\": \"{pat}\"}}")), Some(Token::Bellhops));
        assert_eq!(token(&pat.replace('V', "W")), Some(Token::Another));
        assert_eq!(token("${BELLHOP_TOKEN}"), Some(Token::Reference));
        assert_eq!(token("fake-vendors-token"), Some(Token::Another));
        assert_eq!(token(" "), None);
    }

    #[test]
    fn an_address_is_told_by_its_origin_alone() {
        let judged = |value: &str| address(value, &place());
        let another = |origin: &str| Some(Address::Another(Some(origin.parse().unwrap())));
        assert_eq!(judged("http://localhost:8080/ionq/v0.4"), Some(Address::Bellhops));
        assert_eq!(judged("127.0.0.1"), Some(Address::Bellhops));
        assert_eq!(judged("https://api.ionq.co/v0.4?x=fake"), another("https://api.ionq.co"));
        assert_eq!(judged("nexus.quantinuum.com"), another("https://nexus.quantinuum.com"));
        assert_eq!(judged("https://user:fake-password@api.ionq.co"), Some(Address::Another(None)));
        assert_eq!(judged("127.0.0.1/ionq"), Some(Address::Bellhops));
        // A token where an address belongs: people mix the variables up.
        for token in ["fake-token", "DEV-1234567890abcdef", "fake.eyJhIjoxfQ.c2lnbmF0dXJl0", "user:fake@host"] {
            assert_eq!(judged(token), Some(Address::Another(None)), "{token}");
        }
        let mixed = r#"{"http://127.0.0.1:8080/x": {"well_known": "https://auth.example.org/y"}}"#;
        assert_eq!(judged(mixed), another("https://auth.example.org"));
    }
}
