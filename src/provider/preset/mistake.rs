//! Mistakes in a preset's file: where each is, and what was expected there.
//! A text that YAML could not be read as, and one that makes no sense, are told alike.
//! Never holds more of the file than the text at fault.

use super::raw::Text;
use serde_yaml::{Error, Location, Spanned};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct PresetError {
    pub file: String,
    /// From 1, as the column.
    pub line: u64,
    pub column: u64,
    /// What was expected.
    pub problem: String,
}

pub struct Mistake {
    at: Location,
    problem: String,
}

pub type Checked<T> = Result<T, Mistake>;

impl Mistake {
    pub fn within(self, file: &str) -> PresetError {
        PresetError {
            file: file.to_owned(),
            line: self.at.line().max(1),
            column: self.at.column().max(1),
            problem: self.problem,
        }
    }
}

impl From<&Error> for Mistake {
    fn from(error: &Error) -> Self {
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let problem = match error.without_snippet() {
            Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key {} is given twice", quoted(key)),
            Error::InvalidScalar { ty, .. } if ty.starts_with(['u', 'i']) => "expected a whole number".into(),
            // The place is told once, before the text.
            other => {
                other.to_string().rsplit_once(" at line ").map_or_else(|| other.to_string(), |(text, _)| text.into())
            }
        };
        Self { at, problem }
    }
}

pub fn mistake<T>(at: &Spanned<impl Sized>, problem: impl Into<String>) -> Checked<T> {
    Err(Mistake { at: at.referenced, problem: problem.into() })
}

/// The text at a place, read as what it is to be.
pub fn parsed<T, E: fmt::Display>(text: &Text, parse: impl FnOnce(&str) -> Result<T, E>) -> Checked<T> {
    parse(&text.value).or_else(|expected| mistake(text, format!("{expected}, not {}", quoted(&text.value))))
}

pub fn quoted(text: &str) -> String {
    format!("`{}`", text.escape_debug())
}
