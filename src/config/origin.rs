//! Origins: scheme, host and port of a provider or of Bellhop itself.
//! An origin holds no path and no userinfo, by construction; only operators and presets write one.
//! Never resolves a name: which addresses may be connected to is for the connection to check.

use super::written::{Expected, Written};
use std::{fmt, net::Ipv6Addr, str::FromStr};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    Http,
    Https,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The protocol of a URL, and what follows `://`.
    pub fn split(url: &str) -> Option<(Self, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        let is = |protocol: &Self| scheme.eq_ignore_ascii_case(protocol.as_str());
        [Self::Https, Self::Http].into_iter().find(is).map(|protocol| (protocol, rest))
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where requests go, without a path. Written `https://api.example.org` or with `:port`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    pub protocol: Protocol,
    /// In lower case; an IPv6 address without its brackets.
    pub host: Box<str>,
    pub port: u16,
}

impl Written for Origin {
    const EXPECTED: &'static str = "an origin such as https://api.example.org, without user, path or query";
}

impl FromStr for Origin {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match Self::split(text) {
            Some((origin, "" | "/")) => Ok(origin),
            _ => Err(Expected(Self::EXPECTED)),
        }
    }
}

impl Origin {
    /// What stands in the `Host` header: the port only where it is not the protocol's own.
    pub fn authority(&self) -> String {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        if self.port == self.protocol.port() {
            format!("{open}{}{close}", self.host)
        } else {
            format!("{open}{}{close}:{}", self.host, self.port)
        }
    }

    /// The origin and the path of a URL without userinfo, query and fragment.
    pub(super) fn split(url: &str) -> Option<(Self, &str)> {
        let (protocol, rest) = Protocol::split(url)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let plain_path = path.bytes().all(|b| b.is_ascii_graphic() && !b"?#\\\"<>".contains(&b));
        let (host, port) = split_port(authority)?;
        let port = port.map_or(Some(protocol.port()), parse_port)?;
        plain_path.then(|| (Self { protocol, host: host.to_ascii_lowercase().into(), port }, path))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol.as_str(), self.authority())
    }
}

/// A host, without brackets, and what stands after its colon.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(literal) = authority.strip_prefix('[') {
        let (host, rest) = literal.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return if rest.is_empty() { Some((host, None)) } else { Some((host, Some(rest.strip_prefix(':')?))) };
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    is_host_name(host).then_some((host, port))
}

fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0 && text.bytes().all(|b| b.is_ascii_digit()))
}

/// A DNS name or an IPv4 address. Underscores are not for host names, but names of containers have them.
pub(super) fn is_host_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !text.starts_with('-')
        && !text.ends_with('-')
}
