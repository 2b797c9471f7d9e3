//! How a provider says that a credential is not good where the status alone does not: by a word, in a header or in XML.
//! Facts of a preset, and the comparison that they are for; the raw shape and its check are here as well.
//! Never takes a word for another that it is a part of, and never looks for one beyond where errors have it.

use super::{
    mistake::{Checked, mistake, parsed},
    parse::{header_name, token},
    raw::Text,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use memchr::memmem;
use serde::Deserialize;
use serde_yaml::Spanned;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusalWords {
    header: HeaderName,
    /// How the element of XML begins that has the word where the header is not there.
    element: Option<Box<str>>,
    words: Box<[Box<str>]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRefusal {
    header: Text,
    element: Option<Text>,
    words: Spanned<Vec<Text>>,
}

pub fn check(raw: &RawRefusal) -> Checked<RefusalWords> {
    if raw.words.value.is_empty() {
        return mistake(&raw.words, "expected at least one word");
    }
    let element = raw.element.as_ref().map(|name| parsed(name, token)).transpose()?;
    Ok(RefusalWords {
        header: parsed(&raw.header, header_name)?,
        element: element.map(|name| format!("<{name}>").into()),
        words: raw.words.value.iter().map(|word| parsed(word, token)).collect::<Checked<_>>()?,
    })
}

impl RefusalWords {
    pub fn are_said(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
        if !has_reasons(status) {
            return false;
        }
        match headers.get(&self.header) {
            Some(value) => self.are(code(value.as_bytes())),
            None => self.element.as_ref().is_some_and(|begin| self.are(text_in(begin, body))),
        }
    }

    /// Whether it is the body that has the word.
    pub fn are_in_body(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let is_xml = |value: &HeaderValue| value.to_str().is_ok_and(|media| media.contains("xml"));
        self.element.is_some()
            && has_reasons(status)
            && !headers.contains_key(&self.header)
            && headers.get(header::CONTENT_TYPE).is_some_and(is_xml)
    }

    fn are(&self, said: &[u8]) -> bool {
        self.words.iter().any(|word| word.as_bytes() == said)
    }
}

/// What is asked wrongly, and what is not allowed: elsewhere a status says enough.
const fn has_reasons(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)
}

/// AWS may write a namespace before an error's name, and an address behind it: `com.example#Name:http://…`.
fn code(value: &[u8]) -> &[u8] {
    let name = value.split(|b| *b == b':').next().unwrap_or_default();
    name.rsplit(|b| *b == b'#').next().unwrap_or_default().trim_ascii()
}

/// The text of the first element that begins so.
fn text_in<'b>(begin: &str, body: &'b [u8]) -> &'b [u8] {
    let Some(at) = memmem::find(body, begin.as_bytes()) else { return &[] };
    body[at + begin.len()..].split(|b| *b == b'<').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words() -> RefusalWords {
        RefusalWords {
            header: HeaderName::from_static("x-error"),
            element: Some("<Code>".into()),
            words: ["BadKey".into(), "OldKey".into()].into(),
        }
    }

    fn said(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> bool {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        words().are_said(StatusCode::from_u16(status).unwrap(), &headers.collect(), body.as_bytes())
    }

    #[test]
    fn a_word_is_found_in_the_header_and_else_in_the_element() {
        for value in ["BadKey", "OldKey:http://internal.example/x", "com.example#BadKey", "a#OldKey:b#c"] {
            assert!(said(403, &[("x-error", value)], ""), "{value}");
        }
        for value in ["BadKeys", "Denied", "", "Denied:BadKey", "BadKey#Denied"] {
            assert!(!said(403, &[("x-error", value)], "<Code>BadKey</Code>"), "{value}");
        }
        let error = "<?xml version=\"1.0\"?>\n<Error><Code>BadKey</Code><Message>no</Message></Error>";
        assert!(said(403, &[], error) && said(400, &[], error));
        for body in ["", "<Error><Code>Denied</Code><Key>&lt;Code>BadKey</Key></Error>", "<Code", "<Code>", "BadKey"] {
            assert!(!said(403, &[], body), "{body}");
        }
        assert!(!said(404, &[("x-error", "BadKey")], error) && !said(500, &[], error) && !said(200, &[], error));
    }

    #[test]
    fn only_xml_is_read_for_it_and_only_where_the_header_is_not_there() {
        let media = |value: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        for media_type in ["application/xml", "text/xml;charset=utf-8"] {
            assert!(words().are_in_body(StatusCode::FORBIDDEN, &media(media_type)));
            assert!(!words().are_in_body(StatusCode::NOT_FOUND, &media(media_type)));
        }
        assert!(!words().are_in_body(StatusCode::FORBIDDEN, &media("application/json")));
        let mut headers = media("application/xml");
        headers.insert("x-error", HeaderValue::from_static("Denied"));
        assert!(!words().are_in_body(StatusCode::FORBIDDEN, &headers));
        let without = RefusalWords { element: None, ..words() };
        assert!(!without.are_in_body(StatusCode::FORBIDDEN, &media("application/xml")));
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (code(&bytes), text_in("<Code>", &bytes));
        }
    }
}
