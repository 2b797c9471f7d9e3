//! Mistakes in a state file: where each is, and what was expected there.
//! Owns nothing.
//! Never repeats a value of the file, and of its keys only those that look like keys.

use serde_yaml::{Error, Location, Spanned};

/// What is wrong in a file, for the person who wrote it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct Misplaced {
    pub file: String,
    /// From 1, as the column.
    pub line: u64,
    pub column: u64,
    pub problem: String,
}

/// One that does not know yet which file it is in.
#[derive(Debug)]
pub struct Mistake {
    line: u64,
    column: u64,
    problem: String,
}

pub type Checked<T> = Result<T, Mistake>;

impl Mistake {
    pub fn at(place: Location, problem: impl Into<String>) -> Self {
        Self { line: place.line(), column: place.column(), problem: problem.into() }
    }

    /// In a file that is read as a whole.
    pub fn within(self, file: &str) -> Misplaced {
        Misplaced { file: file.into(), line: self.line.max(1), column: self.column.max(1), problem: self.problem }
    }

    /// In a file that is read line by line.
    pub fn in_line(self, file: &str, line: u64) -> Misplaced {
        Misplaced { line, ..self.within(file) }
    }
}

/// A mistake at a text that was read.
pub fn mistake<T, V>(at: &Spanned<V>, problem: impl Into<String>) -> Checked<T> {
    Err(Mistake::at(at.referenced, problem))
}

impl From<&Error> for Mistake {
    fn from(error: &Error) -> Self {
        Self::at(error.location().unwrap_or(Location::UNKNOWN), expectation(error.without_snippet()))
    }
}

impl From<&serde_json::Error> for Mistake {
    fn from(error: &serde_json::Error) -> Self {
        Self { line: error.line() as u64, column: error.column() as u64, problem: json_expectation(error) }
    }
}

fn expectation(error: &Error) -> String {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("{} is not known here: expected {}", key(field), alternatives(expected))
        }
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Error::SerdeInvalidType { expected, .. }
        | Error::SerdeInvalidValue { expected, .. }
        | Error::SerdeInvalidLength { expected, .. } => format!("expected {expected}"),
        Error::Unexpected { expected, .. } => format!("expected {}", in_words(expected)),
        Error::InvalidScalar { ty, .. } => format!("expected a value of type {ty}"),
        Error::NullIntoString { .. } => "expected a text, and there is nothing".into(),
        Error::DuplicateMappingKey { key: Some(name), .. } => format!("{} is here twice", key(name)),
        Error::DuplicateMappingKey { .. } => "a key is here twice".into(),
        Error::MultipleDocuments { .. } => "expected one document, without `---` between two".into(),
        _ => "expected YAML: check indentation, quotes, colons and brackets around here".into(),
    }
}

/// The parser's names of its own events, as people would say it.
fn in_words(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list",
        "mapping start" => "a map",
        "string scalar" | "scalar" => "a text",
        other => other,
    }
}

/// serde_json puts what it found before what it expected, and what it found may be a secret.
fn json_expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(text, _)| text);
    match error.classify() {
        serde_json::error::Category::Data => match text.split_once('`').and_then(|(_, rest)| rest.split_once('`')) {
            Some((name, _)) if text.starts_with("unknown field") => format!("{} is not known here", key(name)),
            Some((name, _)) if text.starts_with("missing field") => format!("{} is missing", key(name)),
            Some((name, _)) if text.starts_with("duplicate field") => format!("{} is here twice", key(name)),
            _ => match text.rsplit_once("expected ") {
                Some((_, expected)) => format!("expected {expected}"),
                None => "expected another value".into(),
            },
        },
        _ => "expected one JSON object on this line".into(),
    }
}

fn alternatives(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn key(name: &str) -> String {
    if looks_like_a_key(name) { format!("the key `{name}`") } else { "this key".into() }
}

/// What does not may be a secret that slipped into the place of a key.
pub fn looks_like_a_key(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}
