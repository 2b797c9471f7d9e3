//! Where a webhook is: an address that somebody else than the operator writes down.
//! A fact; what its name resolves to is looked at each time it is connected to.
//! Never one with a user, and never plain HTTP or a neighbour unless the operator allows those.

use crate::{
    config::{BaseUrl, Protocol},
    upstream::is_private,
};
use std::net::IpAddr;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    pub base: BaseUrl,
    /// With its `?`; empty without one.
    pub query: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnAddress {
    #[error("expected a URL such as https://hooks.example.org/bellhop, without user or fragment")]
    Malformed,
    #[error("expected at most 2000 bytes")]
    TooLong,
    #[error("expected https")]
    Plain,
    #[error("expected an address that is not private, loopback or link-local: the operator allows no others")]
    Private,
}

const LONGEST: usize = 2000;

impl Address {
    /// A path's last `/` is part of it, unlike that of a base to which more is added.
    pub fn parse(text: &str, allow_private: bool) -> Result<Self, NotAnAddress> {
        if text.len() > LONGEST {
            return Err(NotAnAddress::TooLong);
        }
        let (url, query) = text.split_at(text.find('?').unwrap_or(text.len()));
        let mut base: BaseUrl = url.parse().map_err(|_| NotAnAddress::Malformed)?;
        base.path = format!("/{}", url.splitn(4, '/').nth(3).unwrap_or_default()).into();
        if !query.bytes().all(|b| b.is_ascii_graphic() && !b"#\\\"<>".contains(&b)) {
            return Err(NotAnAddress::Malformed);
        }
        if base.origin.protocol == Protocol::Http && !allow_private {
            return Err(NotAnAddress::Plain);
        }
        if !allow_private && base.origin.host.parse::<IpAddr>().is_ok_and(is_private) {
            return Err(NotAnAddress::Private);
        }
        Ok(Self { base, query: query.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, NotAnAddress> {
        Address::parse(text, false).map(|address| format!("{}{}", address.base, address.query))
    }

    #[test]
    fn an_address_is_kept_as_it_was_written() {
        for text in
            ["https://hooks.example.org/bellhop", "https://h.example:8443/a/b/?team=7&k=%2F", "https://h.example/"]
        {
            assert_eq!(parsed(text).as_deref(), Ok(text));
        }
        assert_eq!(parsed("https://h.example?x=1").as_deref(), Ok("https://h.example/?x=1"));
    }

    #[test]
    fn an_address_carries_no_user_and_leads_to_no_neighbour() {
        for text in [
            "https://ada@h.example/",
            "https://ada:fake@h.example/",
            "h.example",
            "https://h.example/#a",
            "ftp://h.example/",
            "https://h.example/?a b",
        ] {
            assert_eq!(parsed(text), Err(NotAnAddress::Malformed), "{text}");
        }
        for text in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://10.0.0.7/",
            "https://[::ffff:10.0.0.7]/",
        ] {
            assert_eq!(parsed(text), Err(NotAnAddress::Private), "{text}");
            assert!(Address::parse(text, true).is_ok(), "{text}");
        }
        assert_eq!(parsed("http://h.example/"), Err(NotAnAddress::Plain));
        assert_eq!(parsed(&format!("https://h.example/{}", "a".repeat(2000))), Err(NotAnAddress::TooLong));
    }
}
