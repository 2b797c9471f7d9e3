//! The canonical form of a request, which its signature is made over (AWS, "Create a signed AWS API request").
//! Owns nothing.
//! Never changes what goes upstream: a path that is normalised here is normalised for the signature alone.

use super::verify::Received;
use crate::provider::preset::sigv4::Dialect;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::fmt::Write;

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// How a path stands in the canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathForm {
    AsSent,
    /// Without empty and dot segments: so are AWS's published examples signed, and no service that is known here.
    #[cfg(test)]
    Normalised,
    /// Normalised, and percent-encoded once more than it was sent.
    EncodedAgain,
}

impl From<Dialect> for PathForm {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::S3 => Self::AsSent,
            Dialect::Json | Dialect::Query => Self::EncodedAgain,
        }
    }
}

/// The canonical form, but for the hash of the payload at its end.
pub fn request(received: &Received<'_>, form: PathForm, signed_headers: &str) -> String {
    let (path, query) = (path(received.path, form), query(received.query.unwrap_or_default()));
    let mut text = format!("{}\n{path}\n{query}\n", received.method);
    for name in signed_headers.split(';') {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name}:{}", value(received, name));
    }
    let _ = write!(text, "\n{signed_headers}\n");
    text
}

fn path(raw: &str, form: PathForm) -> String {
    match form {
        PathForm::AsSent => raw.to_owned(),
        #[cfg(test)]
        PathForm::Normalised => normalised(raw),
        PathForm::EncodedAgain => percent_encode(normalised(raw).as_bytes(), ENCODED_IN_PATH).to_string(),
    }
}

/// RFC 3986 §5.2.4, and without empty segments.
fn normalised(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let ends_in_slash = !kept.is_empty() && ["/", "/.", "/.."].iter().any(|end| raw.ends_with(end));
    format!("/{}{}", kept.join("/"), if ends_in_slash { "/" } else { "" })
}

/// Each pair encoded in one way, sorted by name and then by value.
fn query(raw: &str) -> String {
    let encoded = |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), ENCODED).to_string();
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Every value of a header, without surplus white space.
fn value(received: &Received<'_>, name: &str) -> String {
    if name == "host" {
        return received.host.to_owned();
    }
    let text = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    };
    received.headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(",")
}
