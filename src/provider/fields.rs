//! A credential's fields: what a preset asks for, and a set of values that was checked against it.
//! A value that is here can stand in a request head; all of them are wiped when dropped.
//! Never prints a value, not even in an error.

use super::{origin::is_label, preset::FieldSet};
use crate::secret::Secret;
use aws_lc_rs::digest;
use std::fmt;
use zeroize::Zeroizing;

/// Longer than any token of a known provider, and short enough for every server's limit on one header.
pub const LONGEST: usize = 7 * 1024;
/// The longest name of a field.
pub const LONGEST_NAME: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sensitivity {
    /// Sealed, never shown again, masked in answers.
    Secret,
    Plain,
}

/// What may stand in a field beyond what may stand in a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Text,
    /// One part of a host name.
    Label,
    /// A path that begins with `/`, of plain segments.
    Path,
}

/// One field, as the preset declares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldSpec {
    pub name: Box<str>,
    pub sensitivity: Sensitivity,
    /// What the page calls it.
    pub label: Box<str>,
    /// Where its value is found.
    pub help: Option<Box<str>>,
    pub presence: Presence,
    pub default: Option<Box<str>>,
    pub format: Format,
    /// Several values, separated by commas; the first is the default.
    pub list: bool,
    /// The plain field that says what stands before the first `-` of this one: whose it is, by its own account.
    pub prefix: Option<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    Required,
    Optional,
}

/// The values of one credential, checked.
///
/// Why one piece of memory: every caller who is cached has such a set, and a value of its own for each name and each
/// text would take several times as much as they say. One value after the other: where it is from, the lengths of its
/// name (a byte) and of itself (four), both texts.
#[derive(Clone)]
pub struct Fields(Zeroizing<Box<[u8]>>);

/// Where a value is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// Given, and secret.
    Secret = 1,
    /// Given, and plain.
    Plain,
    /// Not given: what the preset says.
    Default,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FieldError {
    #[error("there is no field `{name}`: this provider has {known}")]
    Unknown { name: Box<str>, known: Box<str> },
    #[error("the field `{0}` is given twice")]
    Twice(Box<str>),
    #[error("the field `{0}` is missing")]
    Missing(Box<str>),
    #[error("expected {expected}, and nothing else of these")]
    NotOneOf { expected: Box<str> },
    #[error("the field `{0}` is empty")]
    Empty(Box<str>),
    #[error("the field `{0}` begins or ends with white space: a line break that was copied with it?")]
    Blank(Box<str>),
    #[error("the field `{0}` has a character that cannot stand in a header: expected visible ASCII")]
    NotInAHeader(Box<str>),
    #[error("the field `{0}` is too long: expected at most {LONGEST} bytes")]
    TooLong(Box<str>),
    #[error("the field `{0}` must be 1 to 63 of a-z, 0-9 and `-`, beginning and ending with a letter or digit")]
    NotALabel(Box<str>),
    #[error("the field `{0}` begins otherwise than `{1}` says: it belongs to another")]
    OfAnother(Box<str>, Box<str>),
    #[error("the field `{0}` must be a path such as `/a/b`, without empty, `.` or `..` segments, `%`, `?` or `#`")]
    NotAPath(Box<str>),
}

impl Fields {
    /// Checks given values against what the preset declares, and adds its defaults.
    pub fn parse(specs: &[FieldSpec], given: impl IntoIterator<Item = (String, Secret)>) -> Result<Self, FieldError> {
        let mut values: Vec<(&FieldSpec, Secret)> = Vec::new();
        for (name, value) in given {
            let spec = specs.iter().find(|s| *s.name == *name).ok_or_else(|| unknown(&name, specs))?;
            if values.iter().any(|(s, _)| s.name == spec.name) {
                return Err(FieldError::Twice(spec.name.clone()));
            }
            spec.check(value.expose())?;
            values.push((spec, value));
        }
        for (spec, value) in &values {
            let of = spec.prefix.as_ref().and_then(|name| values.iter().find(|(other, _)| other.name == *name));
            if let Some((other, prefix)) = of
                && !begins_with(value.expose(), prefix.expose())
            {
                return Err(FieldError::OfAnother(spec.name.clone(), other.name.clone()));
            }
        }
        let given = values.iter().map(|(spec, value)| (spec.source(), &*spec.name, value.expose()));
        let mut all: Vec<(Source, &str, &str)> = given.collect();
        for spec in specs.iter().filter(|spec| values.iter().all(|(s, _)| s.name != spec.name)) {
            match (&spec.default, spec.presence) {
                (Some(default), _) => all.push((Source::Default, &spec.name, default)),
                (None, Presence::Optional) => {}
                (None, Presence::Required) => return Err(FieldError::Missing(spec.name.clone())),
            }
        }
        Ok(Self::pack(&all))
    }

    /// Where a credential comes in several forms, it has all fields of one of them and none of another.
    pub(super) fn check_one_of(&self, sets: &[FieldSet]) -> Result<(), FieldError> {
        let has = |name: &str| self.expose(name).is_some();
        let given = sets.iter().flatten().filter(|name| has(name)).count();
        let whole = |set: &[Box<str>]| set.iter().all(|name| has(name)) && set.len() == given;
        if sets.is_empty() || sets.iter().any(|set| whole(set)) {
            return Ok(());
        }
        let told: Vec<String> = sets.iter().map(|set| format!("`{}`", set.join("` with `"))).collect();
        Err(FieldError::NotOneOf { expected: told.join(", or ").into() })
    }

    /// What tells these values from any others of the same credential, without being one of them.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        bytes
    }

    /// A field of either kind, as templates need it. Each call is a place to review, as with [`Secret::expose`].
    pub fn expose(&self, name: &str) -> Option<&str> {
        self.iter().find(|(_, n, _)| *n == name).map(|(_, _, value)| value)
    }

    /// A plain field, its default where none was given.
    pub fn plain(&self, name: &str) -> Option<&str> {
        self.iter().find(|(source, n, _)| *n == name && *source != Source::Secret).map(|(_, _, value)| value)
    }

    /// The secret fields that were given: what is sealed, and what is masked in answers. Each call is a place to
    /// review, as with [`Secret::expose`].
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.of(Source::Secret)
    }

    /// The plain fields that were given, without defaults: what is stored in the clear.
    pub fn plains(&self) -> impl Iterator<Item = (&str, &str)> {
        self.of(Source::Plain)
    }

    /// Whether both say the same, in the same order.
    pub fn equal(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn of(&self, wanted: Source) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(move |(source, _, _)| *source == wanted).map(|(_, name, value)| (name, value))
    }

    fn pack(all: &[(Source, &str, &str)]) -> Self {
        // All at once: what a growing vector leaves behind would not be wiped.
        let length = all.iter().map(|(_, name, value)| HEAD + name.len() + value.len()).sum();
        let mut bytes = Vec::with_capacity(length);
        for (source, name, value) in all {
            bytes.push(*source as u8);
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        Self(Zeroizing::new(bytes.into_boxed_slice()))
    }

    fn iter(&self) -> impl Iterator<Item = (Source, &str, &str)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let ([source, name, value @ ..], texts) = rest.split_first_chunk::<HEAD>()?;
            let source = [Source::Secret, Source::Plain, Source::Default].into_iter().find(|s| *s as u8 == *source)?;
            let (name, texts) = take_text(texts, usize::from(*name))?;
            let (value, texts) = take_text(texts, usize::try_from(u32::from_le_bytes(*value)).ok()?)?;
            rest = texts;
            Some((source, name, value))
        })
    }
}

/// What stands before the texts of a packed value.
const HEAD: usize = 6;

fn take_text(bytes: &[u8], length: usize) -> Option<(&str, &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((str::from_utf8(text).ok()?, rest))
}

/// The names alone.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(_, name, _)| name)).finish()
    }
}

/// Whether this prefix and a dash stand before the rest. What has no dash says nothing.
pub fn begins_with(value: &str, prefix: &str) -> bool {
    let starts = value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    !value.contains('-') || (starts && value[prefix.len()..].starts_with('-'))
}

/// The values of a list field, as written: separated by commas, with space around them ignored.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

fn unknown(name: &str, specs: &[FieldSpec]) -> FieldError {
    let known: Vec<String> = specs.iter().map(|s| format!("`{}`", s.name)).collect();
    FieldError::Unknown { name: name.escape_debug().collect::<String>().into(), known: known.join(", ").into() }
}

impl FieldSpec {
    const fn source(&self) -> Source {
        match self.sensitivity {
            Sensitivity::Secret => Source::Secret,
            Sensitivity::Plain => Source::Plain,
        }
    }

    /// Whether a value may stand in this field.
    pub fn check(&self, value: &str) -> Result<(), FieldError> {
        if self.list { items(value).try_for_each(|item| self.check_one(item)) } else { self.check_one(value) }
    }

    fn check_one(&self, value: &str) -> Result<(), FieldError> {
        let name = || self.name.clone();
        if value.is_empty() {
            Err(FieldError::Empty(name()))
        } else if value.trim() != value {
            Err(FieldError::Blank(name()))
        } else if value.len() > LONGEST {
            Err(FieldError::TooLong(name()))
        } else if !value.bytes().all(|b| (b' '..0x7f).contains(&b)) {
            Err(FieldError::NotInAHeader(name()))
        } else {
            match self.format {
                Format::Label if !is_label(value) => Err(FieldError::NotALabel(name())),
                Format::Path if !is_path(value) => Err(FieldError::NotAPath(name())),
                _ => Ok(()),
            }
        }
    }
}

fn is_path(text: &str) -> bool {
    let plain = |segment: &str| {
        !matches!(segment, "" | "." | "..") && !segment.contains(|c: char| c.is_whitespace() || "%?#\\".contains(c))
    };
    text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, sensitivity: Sensitivity) -> FieldSpec {
        FieldSpec {
            name: name.into(),
            sensitivity,
            label: name.into(),
            help: None,
            presence: Presence::Required,
            default: None,
            format: Format::Text,
            list: false,
            prefix: None,
        }
    }

    fn specs() -> [FieldSpec; 3] {
        let region = FieldSpec {
            format: Format::Label,
            default: Some("na-west-1".into()),
            ..spec("region", Sensitivity::Plain)
        };
        let workspace =
            FieldSpec { format: Format::Path, presence: Presence::Optional, ..spec("workspace", Sensitivity::Plain) };
        [spec("token", Sensitivity::Secret), region, workspace]
    }

    fn parse(given: &[(&str, &str)]) -> Result<Fields, FieldError> {
        Fields::parse(&specs(), given.iter().map(|(n, v)| ((*n).to_owned(), Secret::new(*v))))
    }

    #[test]
    fn a_default_counts_when_used_but_is_not_stored() {
        let fields = parse(&[("token", "fake-field-canary")]).unwrap();
        assert_eq!(fields.plain("region"), Some("na-west-1"));
        assert_eq!(fields.plains().count(), 0);
        assert_eq!(fields.plain("token"), None);
        assert_eq!(fields.expose("token"), Some("fake-field-canary"));
        assert_eq!(format!("{fields:?}"), r#"{"token", "region"}"#);
    }

    #[test]
    fn a_value_that_says_whose_it_is_must_be_of_whom_the_other_field_says() {
        let project = FieldSpec { presence: Presence::Optional, ..spec("project", Sensitivity::Plain) };
        let specs = [FieldSpec { prefix: Some("project".into()), ..spec("token", Sensitivity::Secret) }, project];
        let parse = |token: &str, project: Option<&str>| {
            let project = project.map(|project| ("project".to_owned(), Secret::new(project)));
            Fields::parse(&specs, [("token".to_owned(), Secret::new(token))].into_iter().chain(project)).err()
        };
        for (token, project) in
            [("DEV-fake", Some("DEV")), ("A-B-fake", Some("A-B")), ("fake", Some("DEV")), ("X-fake", None)]
        {
            assert_eq!(parse(token, project), None, "{token}");
        }
        for token in ["DEV2-fake-canary", "X-fake-canary", "-fake-canary"] {
            let error = parse(token, Some("DEV")).unwrap();
            assert_eq!(error, FieldError::OfAnother("token".into(), "project".into()));
            assert!(!error.to_string().contains("canary"));
        }
    }

    #[test]
    fn each_field_is_of_its_kind_whatever_is_beside_it() {
        let fields = parse(&[("workspace", "/a/b"), ("token", "fake-field-canary"), ("region", "eu")]).unwrap();
        assert_eq!(fields.secrets().collect::<Vec<_>>(), [("token", "fake-field-canary")]);
        assert_eq!(fields.plains().collect::<Vec<_>>(), [("workspace", "/a/b"), ("region", "eu")]);
        assert_eq!(fields.expose("workspace"), Some("/a/b"));
        assert_eq!(fields.expose("tok"), None);
    }

    #[test]
    fn each_mistake_is_named_without_its_value() {
        let good = ("token", "fake-field-canary");
        let name = |n: &str| -> Box<str> { n.into() };
        for (given, error) in [
            (vec![], FieldError::Missing(name("token"))),
            (vec![good, good], FieldError::Twice(name("token"))),
            (vec![("token", "")], FieldError::Empty(name("token"))),
            (vec![("token", "fake-canary\n")], FieldError::Blank(name("token"))),
            (vec![("token", "fake\r\ncanary: 1")], FieldError::NotInAHeader(name("token"))),
            (vec![("token", "fake-canáry")], FieldError::NotInAHeader(name("token"))),
            (vec![good, ("region", "evil.org/")], FieldError::NotALabel(name("region"))),
            (vec![good, ("workspace", "/a/../b")], FieldError::NotAPath(name("workspace"))),
        ] {
            let found = parse(&given).unwrap_err();
            assert!(!found.to_string().contains("canary"));
            assert_eq!(found, error);
        }
        assert_eq!(
            parse(&[good, ("tokn", "fake-canary")]).unwrap_err().to_string(),
            "there is no field `tokn`: this provider has `token`, `region`, `workspace`"
        );
    }
}
