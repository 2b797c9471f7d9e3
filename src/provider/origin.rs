//! A provider's origins: templates with a field in the host, what an operator puts in their place, URLs in answers.
//! A field chooses one label of a host name and nothing more.
//! Never resolves a name: which addresses may be connected to is for the connection to check.

use crate::config::{Origin, Protocol};
use std::{collections::BTreeMap, fmt};

/// The name of a provider's main service where an operator maps services to origins.
pub const MAIN: &str = "main";

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected `https://host` or `https://host:port`, without user name, path or query")]
pub struct NotAnOrigin;

/// One part of a host name, as a field of a credential may choose it: 1 to 63 of `[a-z0-9-]`, no `-` at its ends.
pub fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// An origin of a preset: always the same, or with a part that a field of the credential chooses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OriginTemplate {
    Fixed(Origin),
    /// `https://{region}.example.com`
    Chosen {
        before: Box<str>,
        field: Box<str>,
        after: Box<str>,
    },
}

impl OriginTemplate {
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        if text.ends_with('/') {
            return Err(NotAnOrigin);
        }
        let Some((before, rest)) = text.split_once('{') else {
            let origin: Origin = text.parse().map_err(|_| NotAnOrigin)?;
            return if origin.protocol == Protocol::Https { Ok(Self::Fixed(origin)) } else { Err(NotAnOrigin) };
        };
        let (field, after) = rest.split_once('}').ok_or(NotAnOrigin)?;
        // A field never reaches into the scheme, and never is the end of a host name.
        let template = Self::Chosen { before: before.into(), field: field.into(), after: after.into() };
        let in_host = before.starts_with("https://") && after.starts_with(['.', '-']);
        if in_host && template.with("x").is_some() { Ok(template) } else { Err(NotAnOrigin) }
    }

    /// The name of the field that chooses.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::Chosen { field, .. } => Some(field),
        }
    }

    /// The origin for one value of the field; `None` when the value cannot stand in a host name.
    pub fn with(&self, value: &str) -> Option<Origin> {
        match self {
            Self::Fixed(origin) => Some(origin.clone()),
            Self::Chosen { before, after, .. } if is_label(value) => format!("{before}{value}{after}").parse().ok(),
            Self::Chosen { .. } => None,
        }
    }

    /// Whether it can make this origin.
    pub fn matches(&self, origin: &Origin) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == origin,
            Self::Chosen { before, after, .. } => {
                let text = origin.to_string();
                text.strip_prefix(&**before).and_then(|t| t.strip_suffix(&**after)).is_some_and(is_label)
            }
        }
    }
}

/// As it stands in a preset.
impl fmt::Display for OriginTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(origin) => origin.fmt(f),
            Self::Chosen { before, field, after } => write!(f, "{before}{{{field}}}{after}"),
        }
    }
}

/// The origins that an operator put in the place of the preset's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Upstreams {
    /// Serves everything.
    pub one: Option<Origin>,
    /// By service, or by the value of the field that chooses the origin.
    pub by_name: BTreeMap<Box<str>, Origin>,
}

impl Upstreams {
    pub fn named(&self, name: &str) -> Option<&Origin> {
        self.by_name.get(name)
    }

    pub fn owns(&self, origin: &Origin) -> bool {
        self.one.iter().chain(self.by_name.values()).any(|o| o == origin)
    }
}

/// What a URL in an answer points at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Located<'u> {
    /// Path and query at the provider itself: to be rewritten.
    Own(&'u str),
    /// Without an origin: passes as it is.
    Relative,
    /// Another origin, or no URL that could be understood: where it may stand, the answer is withheld.
    Foreign,
}

pub(super) fn locate(url: &str, own: impl Fn(&Origin) -> bool) -> Located<'_> {
    // What a lenient client would still read as a URL of another host is not relative.
    if url.bytes().any(|b| b <= b' ' || b == b'\\' || b == 0x7f) || url.starts_with("//") {
        return Located::Foreign;
    }
    let Some((_, rest)) = Protocol::split(url) else {
        let scheme = url.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':'));
        return if scheme { Located::Foreign } else { Located::Relative };
    };
    let authority = url.len() - rest.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (origin, target) = url.split_at(authority);
    match origin.parse() {
        Ok(origin) if own(&origin) => Located::Own(target),
        _ => Located::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_chooses_one_label_of_the_host_and_nothing_more() {
        let template = OriginTemplate::parse("https://{region}.example.com").unwrap();
        assert_eq!(template.with("na-west-1").unwrap().to_string(), "https://na-west-1.example.com");
        for bad in ["", "a.b", "a/b", "evil.org/", "a@b", "A", "-a", "a:1", "é", &"x".repeat(64)] {
            assert_eq!(template.with(bad), None, "{bad}");
        }
        assert!(template.matches(&"https://eu-1.example.com".parse().unwrap()));
        for other in
            ["https://a.b.example.com", "https://example.com", "http://a.example.com", "https://a.example.com:8"]
        {
            assert!(!template.matches(&other.parse().unwrap()), "{other}");
        }
        for bad in [
            "http://a",
            "https://a/",
            "https://{a}.b/",
            "https://{a}",
            "https://x:{a}",
            "{a}://x.y",
            "https://{a.x",
            "https://{a}.{b}.c",
        ] {
            assert_eq!(OriginTemplate::parse(bad), Err(NotAnOrigin), "{bad}");
        }
    }

    #[test]
    fn a_url_in_an_answer_is_ours_relative_or_somebody_elses() {
        let ours = |o: &Origin| *o.host == *"api.example.com";
        assert_eq!(locate("https://api.example.com/v1/a?b=c", ours), Located::Own("/v1/a?b=c"));
        assert_eq!(locate("HTTPS://API.example.com", ours), Located::Own(""));
        assert_eq!(locate("/v1/a?u=https://x", ours), Located::Relative);
        assert_eq!(locate("v1/a", ours), Located::Relative);
        for other in [
            "https://evil.org/",
            "https://api.example.com.evil.org/",
            "https://api.example.com@evil.org/",
            "//evil.org",
            "https:\\\\evil.org",
            " https://evil.org",
            "ftp://api.example.com",
            "javascript:alert(1)",
            "https:/evil.org",
        ] {
            assert_eq!(locate(other, ours), Located::Foreign, "{other}");
        }
    }
}
