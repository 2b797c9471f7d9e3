//! A credential's fields: what a preset asks for, and a set of values that was checked against it.
//! A value that is here can stand in a request head; secret ones are wiped when dropped.
//! Never prints a value, not even in an error.

use super::origin::is_label;
use crate::secret::Secret;

/// Longer than any token of a known provider, and short enough for every server's limit on one header.
pub const LONGEST: usize = 7 * 1024;

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
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    Required,
    Optional,
}

/// The values of one credential, checked.
#[derive(Debug)]
pub struct Fields(Vec<(Box<str>, Value)>);

#[derive(Debug)]
enum Value {
    Secret(Secret),
    Plain(Box<str>),
    /// Not given: what the preset says.
    Default(Box<str>),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FieldError {
    #[error("there is no field `{name}`: this provider has {known}")]
    Unknown { name: Box<str>, known: Box<str> },
    #[error("the field `{0}` is given twice")]
    Twice(Box<str>),
    #[error("the field `{0}` is missing")]
    Missing(Box<str>),
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
    #[error("the field `{0}` must be a path such as `/a/b`, without empty, `.` or `..` segments, `%`, `?` or `#`")]
    NotAPath(Box<str>),
}

impl Fields {
    /// Checks given values against what the preset declares, and adds its defaults.
    pub fn parse(specs: &[FieldSpec], given: impl IntoIterator<Item = (String, Secret)>) -> Result<Self, FieldError> {
        let mut values: Vec<(Box<str>, Value)> = Vec::new();
        for (name, value) in given {
            let spec = specs.iter().find(|s| *s.name == *name).ok_or_else(|| unknown(&name, specs))?;
            if values.iter().any(|(n, _)| *n == spec.name) {
                return Err(FieldError::Twice(spec.name.clone()));
            }
            spec.check(value.expose())?;
            values.push((spec.name.clone(), spec.keep(value)));
        }
        for spec in specs {
            if values.iter().any(|(n, _)| *n == spec.name) {
                continue;
            }
            match (&spec.default, spec.presence) {
                (Some(default), _) => values.push((spec.name.clone(), Value::Default(default.clone()))),
                (None, Presence::Optional) => {}
                (None, Presence::Required) => return Err(FieldError::Missing(spec.name.clone())),
            }
        }
        Ok(Self(values))
    }

    /// A field of either kind, as templates need it. Each call is a place to review, as with [`Secret::expose`].
    pub fn expose(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| **n == *name).map(|(_, value)| match value {
            Value::Secret(secret) => secret.expose(),
            Value::Plain(text) | Value::Default(text) => text,
        })
    }

    /// A plain field, its default where none was given.
    pub fn plain(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| **n == *name).and_then(|(_, value)| match value {
            Value::Plain(text) | Value::Default(text) => Some(&**text),
            Value::Secret(_) => None,
        })
    }

    /// The secret fields that were given: what is sealed, and what is masked in answers.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Secret(secret) => Some((&**name, secret)),
            Value::Plain(_) | Value::Default(_) => None,
        })
    }

    /// The plain fields that were given, without defaults: what is stored in the clear.
    pub fn plains(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Plain(text) => Some((&**name, &**text)),
            Value::Secret(_) | Value::Default(_) => None,
        })
    }
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
    fn keep(&self, value: Secret) -> Value {
        match self.sensitivity {
            Sensitivity::Secret => Value::Secret(value),
            Sensitivity::Plain => Value::Plain(value.expose().into()),
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
        assert!(!format!("{fields:?}").contains("canary"));
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
