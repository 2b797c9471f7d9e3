//! Settings before they have a type: a tree of texts in which every node knows where it was written.
//! Files, the environment and flags become such trees and are laid over one another; [`super::read`] makes
//! typed sections of the result, so that a mistake found there still names its file, line and column.

use super::ConfigError;
use serde::{Deserialize, Deserializer, de};
use serde_yaml::{Location, Options, Spanned};
use std::{fmt, sync::Arc};

/// Where something was written: a file with line and column, a variable, a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source: Arc<str>,
    /// Line and column, from 1.
    at: Option<(u64, u64)>,
}

impl Place {
    pub fn of(source: &str) -> Self {
        Self { source: source.into(), at: None }
    }

    fn within(&self, location: Location) -> Self {
        let at = (location.line() > 0).then(|| (location.line(), location.column()));
        Self { source: self.source.clone(), at }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        match self.at {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

#[derive(Clone)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone)]
pub enum Value {
    Null,
    /// Every scalar; its type is that of the field that it ends in.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone)]
pub struct Entry {
    pub key: String,
    /// Of the key.
    pub place: Place,
    pub value: Node,
}

impl Node {
    pub fn empty(place: Place) -> Self {
        Self { place, value: Value::Map(Vec::new()) }
    }

    /// Reads YAML, and so JSON. `source` is what its places are named after.
    pub fn parse(text: &str, source: &Place) -> Result<Self, ConfigError> {
        let mut options = Options::default();
        // Snippets would show the lines around a mistake, and those may hold a password.
        options.with_snippet = false;
        options.strict_booleans = true;
        let parsed = serde_yaml::from_str_with_options::<Option<Spanned<Raw>>>(text, options);
        match parsed {
            Ok(None) => Ok(Self::empty(source.clone())),
            Ok(Some(raw)) => Ok(raw.value.placed(source, raw.referenced)),
            Err(error) => {
                let place = error.location().map_or_else(|| source.clone(), |at| source.within(at));
                Err(ConfigError::new(place, syntax(&error)))
            }
        }
    }

    /// One value, wrapped in maps of the keys that lead to it.
    pub fn nested(keys: &[String], value: Self) -> Self {
        keys.iter().rev().fold(value, |value, key| {
            let place = value.place.clone();
            let entry = Entry { key: key.clone(), place: place.clone(), value };
            Self { place, value: Value::Map(vec![entry]) }
        })
    }

    /// Where a section was written, or else all of it.
    pub fn place_of(&self, key: &str) -> Place {
        let entries = if let Value::Map(entries) = &self.value { &**entries } else { &[] };
        entries.iter().find(|entry| entry.key == key).map_or_else(|| self.place.clone(), |entry| entry.place.clone())
    }

    /// Lays another tree over this one: maps are joined, everything else is replaced.
    pub fn overlay(&mut self, over: Self) {
        match (&mut self.value, over) {
            (Value::Map(under), Self { value: Value::Map(entries), .. }) => {
                for entry in entries {
                    match under.iter_mut().find(|e| e.key == entry.key) {
                        Some(existing) => existing.value.overlay(entry.value),
                        None => under.push(entry),
                    }
                }
            }
            (_, over) => *self = over,
        }
    }
}

/// The parser's words for a mistake of syntax, of which none repeats a value.
fn syntax(error: &serde_yaml::Error) -> String {
    use serde_yaml::Error;
    match error.without_snippet() {
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => format!("`{}` is here twice: write each key once", key.escape_debug()),
            None => "a key is here twice: write each key once".into(),
        },
        Error::MultipleDocuments { .. } => "expected one document, without `---` between two".into(),
        // The parser's own words; it has a fixed sentence for each mistake.
        Error::ExternalMessage { msg, .. } => format!("expected YAML: {msg}"),
        _ => "expected YAML: check indentation, quotes, colons and brackets around here".into(),
    }
}

enum Raw {
    Null,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl Raw {
    fn placed(self, source: &Place, location: Location) -> Node {
        let value = match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(text),
            Self::List(items) => {
                Value::List(items.into_iter().map(|item| item.value.placed(source, item.referenced)).collect())
            }
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key: key.value,
                        place: source.within(key.referenced),
                        value: value.value.placed(source, value.referenced),
                    })
                    .collect(),
            ),
        };
        Node { place: source.within(location), value }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> de::Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
