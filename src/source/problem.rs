//! Why a source gave nothing that could be used.
//! Holds names, places and statuses.
//! Never holds a byte of what was read: people see these in `credential show` and in the log.

use crate::{provider::FieldError, upstream::DialError};
use std::{io, path::Path};

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("there is no variable {0} in the environment of this process")]
    NoVariable(Box<str>),
    #[error("{path} cannot be read: {}", because(*kind))]
    File { path: Box<str>, kind: io::ErrorKind },
    #[error("{0} is not a regular file")]
    NotAFile(Box<str>),
    #[error("it does not answer in time")]
    Hangs,
    #[error("it is too large: expected at most {} KiB", super::text::LARGEST / 1024)]
    TooLarge,
    #[error("it is empty")]
    Empty,
    #[error("it is not text")]
    NotText,
    #[error("it is a list of lines: expected one value")]
    SeveralLines,
    #[error("it is not the JSON that was expected")]
    NotJson,
    #[error("its field `{0}` is no text")]
    NotAText(Box<str>),
    #[error("it has no `{0}`")]
    NoField(Box<str>),
    #[error("the program cannot be started: {}", because(*.0))]
    NotStarted(io::ErrorKind),
    #[error("the program ended with {0}")]
    Failed(Box<str>),
    #[error("its value is of several fields: expected a JSON object of them")]
    Which,
    #[error("`sources.{0}` is not configured")]
    NotConfigured(&'static str),
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] DialError),
    #[error("the connection broke before it had answered")]
    Broken,
    #[error("it refuses the {what} (status {status})")]
    Refused { what: &'static str, status: u16 },
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it has no project `{0}`")]
    NoProject(Box<str>),
    #[error("the project has no token")]
    NoToken,
    #[error("it gave a token of another project than `{0}`")]
    OtherProject(Box<str>),
    #[error("what it gave does not fit the provider: {0}")]
    Field(#[from] FieldError),
    #[error("what it gave does not fill the provider's headers")]
    Header,
    #[error("what is stored of it is not understood")]
    Unknown,
}

/// Rust's own word for what is not there is "entity".
fn because(kind: io::ErrorKind) -> String {
    if kind == io::ErrorKind::NotFound { "there is no such file".into() } else { kind.to_string() }
}

impl Problem {
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.display().to_string().into(), kind: error.kind() }
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use std::{io, path::Path};

    #[test]
    fn a_file_that_is_not_there_is_told_as_one() {
        let missing = Problem::file(Path::new("/run/key"), &io::ErrorKind::NotFound.into());
        assert_eq!(missing.to_string(), "/run/key cannot be read: there is no such file");
    }
}
