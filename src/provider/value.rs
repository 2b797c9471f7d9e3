//! Value templates: text with the names of credential fields in braces, as in `apiKey {api_key}`.
//! Written by presets only; a caller chooses nothing of what is injected.
//! Never holds a value itself.

use crate::secret::Secret;
use std::fmt;
use zeroize::Zeroizing;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValueTemplate {
    parts: Box<[Part]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Literal(Box<str>),
    /// The name of a field.
    Field(Box<str>),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected text with field names in braces, such as `Bearer {{token}}`")]
pub struct NotATemplate;

impl ValueTemplate {
    pub fn parse(text: &str) -> Result<Self, NotATemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (field, after) = tail.split_once('}').ok_or(NotATemplate)?;
            if field.is_empty() || !field.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                return Err(NotATemplate);
            }
            push_literal(&mut parts, literal)?;
            parts.push(Part::Field(field.into()));
            rest = after;
        }
        push_literal(&mut parts, rest)?;
        Ok(Self { parts: parts.into() })
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names of the fields that it needs.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) => Some(&**name),
            Part::Literal(_) => None,
        })
    }

    /// The text with every field in its place; `None` when one is missing.
    pub fn expand<'f>(&self, field: impl Fn(&str) -> Option<&'f str>) -> Option<Secret> {
        let values = self.parts.iter().map(|part| match part {
            Part::Literal(text) => Some(&**text),
            Part::Field(name) => field(name),
        });
        let values: Vec<&str> = values.collect::<Option<_>>()?;
        // Sized first: growing would leave copies of the secret behind, unwiped.
        let mut text = Zeroizing::new(String::with_capacity(values.iter().map(|v| v.len()).sum()));
        for value in values {
            text.push_str(value);
        }
        Some(Secret::new(std::mem::take(&mut *text)))
    }
}

fn push_literal(parts: &mut Vec<Part>, text: &str) -> Result<(), NotATemplate> {
    if text.contains('}') || !text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Err(NotATemplate);
    }
    if !text.is_empty() {
        parts.push(Part::Literal(text.into()));
    }
    Ok(())
}

impl fmt::Display for ValueTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Field(name) => write!(f, "{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_take_their_places_between_the_words() {
        let template = ValueTemplate::parse("apiKey {api_key}").unwrap();
        let lookup = |name: &str| (name == "api_key").then_some("fake-value-canary");
        assert_eq!(template.expand(lookup).unwrap().expose(), "apiKey fake-value-canary");
        assert!(template.expand(|_| None).is_none());
        assert_eq!(template.to_string(), "apiKey {api_key}");
        assert_eq!(template.fields().collect::<Vec<_>>(), ["api_key"]);
    }

    #[test]
    fn a_broken_template_is_refused() {
        for bad in ["{", "}", "{}", "{a", "a}", "{A}", "{a b}", "a\r\nb: {c}", "é"] {
            assert_eq!(ValueTemplate::parse(bad), Err(NotATemplate), "{bad}");
        }
    }
}
