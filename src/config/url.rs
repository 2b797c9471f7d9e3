//! Where things are: origins, base URLs, upstreams, host patterns, certificate files.
//! URLs here have no userinfo, query or fragment, so none of them can carry a secret.
//! Never resolves a name, never opens a file.

use super::written::{Expected, Written};
use std::{collections::BTreeMap, fmt, net::Ipv6Addr, path::PathBuf, str::FromStr};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port: where requests go, without a path. Written `https://api.example.org` or with `:port`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    pub scheme: Scheme,
    /// In lower case; an IPv6 address keeps its brackets.
    pub host: Box<str>,
    pub port: u16,
}

impl Written for Origin {
    const EXPECTED: &'static str = "an origin such as https://api.example.org, without user, path or query";
}

impl FromStr for Origin {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match split_url(text) {
            Some((origin, "" | "/")) => Ok(origin),
            _ => Err(Expected(Self::EXPECTED)),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// What callers put before a path: an origin, and a path where another proxy adds one. No `/` at its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaseUrl {
    pub origin: Origin,
    /// Empty, or beginning with `/`.
    pub path: Box<str>,
}

impl Written for BaseUrl {
    const EXPECTED: &'static str = "a URL such as https://bellhop.example.org, without user or query";
}

impl FromStr for BaseUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let (origin, path) = split_url(text).ok_or(Expected(Self::EXPECTED))?;
        Ok(Self { origin, path: path.trim_end_matches('/').into() })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

/// The origin and what follows it, of a URL without userinfo, query and fragment.
fn split_url(text: &str) -> Option<(Origin, &str)> {
    let (scheme, rest) = match text.split_once("://")? {
        ("http", rest) => (Scheme::Http, rest),
        ("https", rest) => (Scheme::Https, rest),
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let plain_path = path.bytes().all(|b| b.is_ascii_graphic() && !b"?#\\\"<>".contains(&b));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, parse_port(port)?),
        _ => (authority, scheme.port()),
    };
    (plain_path && is_host(host)).then(|| (Origin { scheme, host: host.to_ascii_lowercase().into(), port }, path))
}

fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0 && text.bytes().all(|b| b.is_ascii_digit()))
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.len() <= 253 && text.split('.').all(is_label),
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Where one provider's requests go instead of where its preset says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Upstream {
    /// One origin for all that the provider has.
    One(Origin),
    /// Service or region → origin.
    PerService(BTreeMap<String, Origin>),
}

impl Upstream {
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        let (one, many) = match self {
            Self::One(origin) => (Some(origin), None),
            Self::PerService(origins) => (None, Some(origins.values())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// The host names of the host way in: one label for provider and context before a fixed domain,
/// written `{provider}.bellhop.example.org`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPattern {
    /// In lower case, with its leading dot.
    suffix: Box<str>,
}

impl HostPattern {
    /// The label of a host that fits the pattern, port or not; host names have no case.
    pub fn label<'h>(&self, host: &'h str) -> Option<&'h str> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let (label, suffix) = name.split_at_checked(name.len().checked_sub(self.suffix.len())?)?;
        let fits = suffix.eq_ignore_ascii_case(&self.suffix) && !label.is_empty() && !label.contains('.');
        fits.then_some(label)
    }

    /// The host name with this label, unless it would be longer than the 63 bytes that DNS allows.
    pub fn host(&self, label: &str) -> Option<String> {
        (label.len() <= 63).then(|| format!("{label}{}", self.suffix))
    }
}

impl Written for HostPattern {
    const EXPECTED: &'static str = "a host pattern such as {provider}.bellhop.example.org";
}

impl FromStr for HostPattern {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        text.strip_prefix("{provider}")
            .filter(|suffix| suffix.strip_prefix('.').is_some_and(|domain| is_host(domain) && !domain.starts_with('[')))
            .map(|suffix| Self { suffix: suffix.to_ascii_lowercase().into() })
            .ok_or(Expected(Self::EXPECTED))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{provider}}{}", self.suffix)
    }
}

/// A certificate chain and its private key, PEM files both. Read again when they change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}
