//! The values that configuration is written in: durations, sizes, rates, origins, host patterns.
//! Each parses from its one written form, and what does not parse cannot exist.
//! Their errors say what was expected and never what was found, because that may be a secret.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

/// What should have stood where something else did.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("expected {0}")]
pub struct Expected(pub &'static str);

/// A length of time as it is written: `250ms`, `5m`, `1h30m`, `90d`, `0`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected("a duration such as 250ms, 30s, 5m, 1h30m or 90d");
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let (mut rest, mut total, mut largest) = (text, Duration::ZERO, u64::MAX);
        while !rest.is_empty() {
            let (number, after) = leading_number(rest).ok_or(EXPECTED)?;
            let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
            let millis = unit_millis(unit).filter(|millis| *millis < largest).ok_or(EXPECTED)?;
            let part = number.checked_mul(millis).map(Duration::from_millis).ok_or(EXPECTED)?;
            total = total.checked_add(part).ok_or(EXPECTED)?;
            (rest, largest) = (after, millis);
        }
        if text.is_empty() { Err(EXPECTED) } else { Ok(Self(total)) }
    }
}

const fn unit_millis(unit: &str) -> Option<u64> {
    Some(match unit.as_bytes() {
        b"ms" => 1,
        b"s" => 1_000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        _ => return None,
    })
}

/// At most 10 digits, so that nothing that is made of them overflows unseen.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.len() > 10 { None } else { digits.parse().ok().map(|number| (number, rest)) }
}

/// A number of bytes as it is written: `512`, `32KiB`, `1MiB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected("a size in bytes such as 8192, 32KiB or 1MiB");
        let (number, unit) = leading_number(text).ok_or(EXPECTED)?;
        match unit {
            "" => Ok(Self(number)),
            "KiB" => Ok(Self(number * 1024)),
            "MiB" => Ok(Self(number * 1024 * 1024)),
            _ => Err(EXPECTED),
        }
    }
}

/// So many in so long, and how many at once: `100/s`, `20/min`, `1000/h burst 50`.
/// Without a burst, a whole period's worth may come at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    pub count: NonZeroU32,
    pub per: Duration,
    pub burst: NonZeroU32,
}

impl Rate {
    /// The time in which one more becomes possible.
    pub const fn interval(self) -> Duration {
        Duration::from_nanos(self.per.as_nanos() as u64 / self.count.get() as u64)
    }
}

impl FromStr for Rate {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        parse_rate(text).ok_or(Expected("a rate such as 100/s, 20/min or 1000/h burst 50"))
    }
}

fn parse_rate(text: &str) -> Option<Rate> {
    let mut words = text.split_ascii_whitespace();
    let (count, unit) = words.next()?.split_once('/')?;
    let count = count.parse().ok()?;
    let per = Duration::from_secs(match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return None,
    });
    let burst = match (words.next(), words.next(), words.next()) {
        (None, ..) => count,
        (Some("burst"), Some(burst), None) => burst.parse().ok()?,
        _ => return None,
    };
    Some(Rate { count, per, burst })
}

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

impl FromStr for Origin {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected("an origin such as https://api.example.org, without user, path or query");
        let (origin, path) = split_url(text).ok_or(EXPECTED)?;
        if path.is_empty() || path == "/" { Ok(origin) } else { Err(EXPECTED) }
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

impl FromStr for BaseUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let (origin, path) =
            split_url(text).ok_or(Expected("a URL such as https://bellhop.example.org, without user or query"))?;
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
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
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

impl FromStr for HostPattern {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        text.strip_prefix("{provider}")
            .filter(|suffix| suffix.strip_prefix('.').is_some_and(|domain| is_host(domain) && !domain.starts_with('[')))
            .map(|suffix| Self { suffix: suffix.to_ascii_lowercase().into() })
            .ok_or(Expected("a host pattern such as {provider}.bellhop.example.org"))
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
