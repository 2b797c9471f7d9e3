//! The state file as it is written: YAML (or JSON, which is YAML) for a whole installation, a line of JSON for one user.
//! Owns nothing but texts and the places where they stand; what they mean is `check`'s to find out.
//! Never puts a value into an error: whoever mistypes a file may have put a secret anywhere in it.

use super::mistake::Mistake;
use crate::{credential::source::Written, secret::Secret};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_yaml::Spanned;
use std::{fmt, marker::PhantomData, path::PathBuf};

/// A text, and where it stands.
pub type Text = Spanned<String>;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    pub users: Vec<User>,
    pub organizations: Vec<Organization>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: Text,
    #[serde(default)]
    pub admin: bool,
    pub password: Option<Spanned<Source>>,
    pub active: Option<Text>,
    #[serde(default)]
    pub tokens: Vec<Token>,
    #[serde(default)]
    pub credentials: Vec<Credential>,
    #[serde(default)]
    pub projects: Vec<Project>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub name: Text,
    pub sha256: Option<Spanned<Secret>>,
    pub context: Option<Text>,
    #[serde(default)]
    pub contexts: Vec<Text>,
    #[serde(default)]
    pub providers: Vec<Text>,
    #[serde(default)]
    pub scopes: Vec<Text>,
    #[serde(default)]
    pub networks: Vec<Text>,
    pub expires: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub provider: Text,
    pub label: Option<Text>,
    #[serde(default)]
    pub fields: Entries<Source>,
    /// Where its value is read from while Bellhop runs, instead of being entered.
    pub source: Option<Spanned<Written>>,
    pub expires: Option<Text>,
    /// Only these projects of the organization may use it.
    #[serde(default)]
    pub projects: Vec<Text>,
    /// Only these users may use it.
    #[serde(default)]
    pub members: Vec<Text>,
}

/// Of a user's project only the name and the credentials are said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    pub name: Text,
    #[serde(default)]
    pub members: Vec<Text>,
    #[serde(default)]
    pub credentials: Vec<Credential>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    pub name: Text,
    #[serde(default)]
    pub members: Entries<String>,
    pub job_visibility: Option<Text>,
    #[serde(default)]
    pub credentials: Vec<Credential>,
    #[serde(default)]
    pub projects: Vec<Project>,
}

/// Where a value is to be had; one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
    pub value: Option<Secret>,
}

/// A map with the places of its keys and values, in the order of the file.
pub struct Entries<T>(pub Vec<(Text, Spanned<T>)>);

impl Document {
    pub fn from_yaml(text: &str) -> Result<Self, Mistake> {
        // No snippet: it would show the lines around a mistake, and what they hold.
        // No budget: the file is the operator's own, and may be long; aliases stay limited.
        let options = serde_yaml::options! { with_snippet: false, budget: None };
        let document: Option<Self> =
            serde_yaml::from_str_with_options(text, options).map_err(|error| Mistake::from(&error))?;
        Ok(document.unwrap_or_default())
    }
}

impl User {
    pub fn from_json(line: &[u8]) -> Result<Self, Mistake> {
        serde_json::from_slice(line).map_err(|error| Mistake::from(&error))
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
