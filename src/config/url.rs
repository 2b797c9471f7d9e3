//! Where things are: base URLs, upstreams, host patterns, certificate files.
//! URLs here have no userinfo, query or fragment, so none of them can carry a secret.
//! Never resolves a name, never opens a file.

use super::{
    origin::{Origin, is_host_name},
    written::{Expected, Written},
};
use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

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
        let (origin, path) = Origin::split(text).ok_or(Expected(Self::EXPECTED))?;
        Ok(Self { origin, path: path.trim_end_matches('/').into() })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
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
            .filter(|suffix| suffix.strip_prefix('.').is_some_and(is_host_name))
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
