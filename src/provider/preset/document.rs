//! JSON that Bellhop answers itself, with placeholders in its texts: `{ "access_token": "{token}" }`.
//! Written by presets; what stands in the places is known at the time of the answer.
//! Never holds a value itself.

use super::mistake::{Checked, mistake, quoted};
use serde_json::Value;
use serde_yaml::Spanned;
use std::borrow::Cow;

/// What a caller sent with a login is named by its member: `{sent.audience}`.
const SENT: &str = "sent.";
/// A plain field of the credential that would pay: `{credential.region}`.
const CREDENTIAL: &str = "credential.";

/// An answer, or claims of a token, as a preset writes them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document(Value);

/// What may stand in a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Placeholder<'t> {
    /// The token that Bellhop has just made.
    Token,
    /// The one that the caller came with.
    Presented,
    /// How long the new token lives, in seconds.
    Lifetime,
    /// When it ends and when it was made, in seconds since 1970.
    Expires,
    Issued,
    /// What stands before the provider's paths in the caller's URLs.
    Base,
    /// The same without a path: scheme, host and port.
    Root,
    /// The caller's name.
    User,
    /// A text that the caller sent with the login, by its name.
    Sent(&'t str),
    /// A plain field of the credential that would pay, by its name.
    Plain(&'t str),
    /// A UUID that never was before.
    Uuid,
}

impl<'t> Placeholder<'t> {
    fn parse(name: &'t str) -> Option<Self> {
        Some(match name {
            "token" => Self::Token,
            "presented" => Self::Presented,
            "lifetime" => Self::Lifetime,
            "expires" => Self::Expires,
            "issued" => Self::Issued,
            "base" => Self::Base,
            "root" => Self::Root,
            "user" => Self::User,
            "uuid" => Self::Uuid,
            _ => {
                let after = |prefix| name.strip_prefix(prefix).filter(|rest| !rest.is_empty());
                after(SENT).map(Self::Sent).or_else(|| after(CREDENTIAL).map(Self::Plain))?
            }
        })
    }
}

impl Document {
    pub(super) fn check(raw: &Spanned<Value>, allowed: impl Fn(Placeholder<'_>) -> bool) -> Checked<Self> {
        match unknown(&raw.value, &allowed) {
            Some(text) => mistake(raw, format!("there is no such placeholder here: {}", quoted(&text))),
            None => Ok(Self(raw.value.clone())),
        }
    }

    /// With every placeholder in its place: a text that is nothing but one becomes its value, whatever type that has.
    /// `None` when a value is missing.
    pub fn fill(&self, value: &impl Fn(Placeholder<'_>) -> Option<Value>) -> Option<Value> {
        fill(&self.0, value)
    }

    pub fn has(&self, wanted: impl Fn(Placeholder<'_>) -> bool) -> bool {
        unknown(&self.0, &|placeholder| !wanted(placeholder)).is_some()
    }
}

fn fill(template: &Value, value: &impl Fn(Placeholder<'_>) -> Option<Value>) -> Option<Value> {
    Some(match template {
        Value::String(text) => fill_text(text, value)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, value)).collect::<Option<_>>()?),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, member)| Some((name.clone(), fill(member, value)?)));
            Value::Object(filled.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, value: &impl Fn(Placeholder<'_>) -> Option<Value>) -> Option<Value> {
    let mut filled = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Literal(literal) => filled.push_str(literal),
            Piece::Place(name) => {
                let value = value(Placeholder::parse(name)?)?;
                if name.len() + 2 == text.len() {
                    return Some(value);
                }
                filled.push_str(&value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed));
            }
        }
    }
    Some(Value::String(filled))
}

/// The first placeholder that is none, or is not allowed.
fn unknown(template: &Value, allowed: &impl Fn(Placeholder<'_>) -> bool) -> Option<String> {
    match template {
        Value::String(text) => pieces(text).find_map(|piece| match piece {
            Piece::Place(name) if !Placeholder::parse(name).is_some_and(allowed) => Some(name.to_owned()),
            Piece::Place(_) | Piece::Literal(_) => None,
        }),
        Value::Array(items) => items.iter().find_map(|item| unknown(item, allowed)),
        Value::Object(members) => members.values().find_map(|member| unknown(member, allowed)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

enum Piece<'t> {
    Literal(&'t str),
    Place(&'t str),
}

/// A brace without its other half is a literal.
fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let place = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        if let Some((name, rest)) = place {
            text = rest;
            return Some(Piece::Place(name));
        }
        let later = text.char_indices().skip(1).find(|(_, c)| *c == '{');
        let end = later.map_or(text.len(), |(at, _)| at);
        let (literal, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        text = rest;
        Some(Piece::Literal(literal))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn value(placeholder: Placeholder<'_>) -> Option<Value> {
        match placeholder {
            Placeholder::Token => Some("fake-token".into()),
            Placeholder::Lifetime => Some(3600.into()),
            Placeholder::Base => Some("http://host/x".into()),
            Placeholder::Sent("audience") => Some("api".into()),
            Placeholder::Plain("region") => Some("eu".into()),
            _ => None,
        }
    }

    #[test]
    fn a_place_takes_its_value_with_its_type() {
        let document = Document(json!({
            "access_token": "{token}", "expires_in": "{lifetime}", "url": "{base}/token", "in": "{lifetime} s",
            "list": ["{sent.audience}", 1, null], "scope": "a {", "place": "{credential.region}"
        }));
        assert_eq!(
            document.fill(&value).unwrap(),
            json!({
                "access_token": "fake-token", "expires_in": 3600, "url": "http://host/x/token", "in": "3600 s",
                "list": ["api", 1, null], "scope": "a {", "place": "eu"
            })
        );
        assert!(document.has(|p| p == Placeholder::Token) && !document.has(|p| p == Placeholder::User));
        assert_eq!(Document(json!("{sent.other}")).fill(&value), None);
    }

    #[test]
    fn a_placeholder_that_is_none_is_found() {
        assert_eq!(unknown(&json!({"a": ["{tokem}"]}), &|_| true).as_deref(), Some("tokem"));
        assert_eq!(
            unknown(&json!("{token}"), &|placeholder| placeholder != Placeholder::Token).as_deref(),
            Some("token")
        );
        assert_eq!(unknown(&json!("{sent.}"), &|_| true).as_deref(), Some("sent."));
        assert_eq!(unknown(&json!("{credential.}"), &|_| true).as_deref(), Some("credential."));
        assert_eq!(unknown(&json!("no } place {"), &|_| true), None);
    }

    proptest! {
        #[test]
        fn what_has_no_place_stays_as_it_is(text in "[^{}]{0,40}") {
            prop_assert_eq!(Document(json!(text)).fill(&value), Some(json!(text)));
        }

        #[test]
        fn texts_never_panic(text in "\\PC{0,60}") {
            let _ = Document(json!(text)).fill(&value);
        }
    }
}
