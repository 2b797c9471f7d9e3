//! One template: a method and a path with captures, as a preset writes it.
//! Parsed once; what can be inserted into the routes is well-formed by construction.
//! Never matches by itself.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{fmt, str::FromStr};

/// Everything but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How many captures one template may have.
pub const MOST_CAPTURES: usize = 6;

/// A method and a path as a preset writes them: `GET /jobs/{job}/results/{rest*}`.
/// `{x}` is one segment that is not empty, or its beginning as in `{x}:cancel`; `{x*}` all that remains, also nothing.
/// A slash at the end makes no difference. `ANY` is every method; `GET` also means `HEAD`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    text: Box<str>,
    /// `None` is `ANY`.
    pub(super) method: Option<Box<str>>,
    pub(super) segments: Box<[Segment]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Segment {
    Literal(Box<[u8]>),
    /// A name, and the text that must follow in the same segment; mostly none.
    Capture(Box<str>, Box<[u8]>),
    Tail(Box<str>),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAPattern {
    #[error("expected a method and a path template, such as `GET /jobs/{{job}}`")]
    Form,
    #[error("expected a method in capitals, such as `GET`, or `ANY`")]
    Method,
    #[error(
        "`{0}` cannot be a segment: expected plain text without `%`, `?`, `#` and `\\`, or `{{name}}`, or `{{name*}}` at the end"
    )]
    Segment(String),
    #[error("`{0}` is captured twice")]
    Twice(String),
    #[error("expected at most {MOST_CAPTURES} captures")]
    TooMany,
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let (method, path) = text.split_once(' ').ok_or(NotAPattern::Form)?;
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
            return Err(NotAPattern::Method);
        }
        let path = path.strip_prefix('/').ok_or(NotAPattern::Form)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments = if path.is_empty() { Vec::new() } else { parse_segments(path)? };
        let pattern =
            Self { text: text.into(), method: (method != "ANY").then(|| method.into()), segments: segments.into() };
        pattern.checked()
    }
}

impl Pattern {
    /// The names of its captures, in order.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Capture(name, _) | Segment::Tail(name) => Some(&**name),
        })
    }

    /// As the preset has it, without the method.
    pub fn path(&self) -> &str {
        self.text.split_once(' ').map_or("", |(_, path)| path)
    }

    /// A method and a path with these in the places of its captures; `None` if one is missing, or the method is any.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<(&str, String)> {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(std::str::from_utf8(text).ok()?),
                Segment::Capture(name, after) => {
                    path.extend(utf8_percent_encode(value(name)?, ESCAPED));
                    path.push_str(std::str::from_utf8(after).ok()?);
                }
                Segment::Tail(_) => return None,
            }
        }
        Some((self.method.as_deref()?, path))
    }

    fn checked(self) -> Result<Self, NotAPattern> {
        let names: Vec<&str> = self.captures().collect();
        if names.len() > MOST_CAPTURES {
            return Err(NotAPattern::TooMany);
        }
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, name)) => Err(NotAPattern::Twice((*name).to_owned())),
            None => Ok(self),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_segments(path: &str) -> Result<Vec<Segment>, NotAPattern> {
    let last = path.split('/').count() - 1;
    path.split('/').enumerate().map(|(at, text)| parse_segment(text, at == last)).collect()
}

fn parse_segment(text: &str, last: bool) -> Result<Segment, NotAPattern> {
    let wrong = || NotAPattern::Segment(text.escape_debug().collect());
    let Some((name, after)) = text.strip_prefix('{').and_then(|t| t.split_once('}')) else {
        return if is_plain(text) { Ok(Segment::Literal(text.as_bytes().into())) } else { Err(wrong()) };
    };
    match name.strip_suffix('*') {
        Some(name) if last && after.is_empty() && is_name(name) => Ok(Segment::Tail(name.into())),
        None if is_name(name) && is_plain(after) => Ok(Segment::Capture(name.into(), after.as_bytes().into())),
        _ => Err(wrong()),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// What can stand in a segment and has one reading only.
fn is_plain(text: &str) -> bool {
    !matches!(text, "." | "..") && text.bytes().all(|b| b.is_ascii_graphic() && !b"{}%?#\\".contains(&b))
}
