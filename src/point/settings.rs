//! Settings as they are written down: for a shell, for a file of variables, in code.
//! Owns nothing.
//! Writes no token unless it is given one, and everything that is not a setting as a comment.

use super::{
    Pointed,
    quote::{Shell, Unwritable, dotenv},
};
use crate::{
    provider::preset::sdk::{Filled, Part},
    secret::Secret,
};
use std::collections::BTreeMap;

/// What settings are written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lines {
    Shell(Shell),
    Dotenv,
}

#[derive(Debug, thiserror::Error)]
pub enum NotSettable {
    #[error("{0}: {Unwritable}")]
    Unwritable(String),
    #[error("{0} means two things to the SDKs: choose one with --sdk")]
    Twice(String),
}

/// What stands for the token in files, which know no variables.
pub const BLANK: &str = "<BELLHOP_TOKEN>";

impl Lines {
    fn set(self, name: &str, value: &Filled) -> Result<String, NotSettable> {
        let line = match self {
            Self::Shell(shell) => shell.set(name, value),
            Self::Dotenv => dotenv(name, value),
        };
        line.map_err(|Unwritable| NotSettable::Unwritable(name.to_owned()))
    }
}

/// One line for each variable; what several SDKs read alike is said once.
pub fn lines(pointed: &[Pointed<'_>], form: Lines, token: Option<&Secret>) -> Result<String, NotSettable> {
    let mut lines: Vec<String> = Vec::new();
    let mut said: BTreeMap<&str, &Filled> = BTreeMap::new();
    for one in pointed {
        lines.push(heading(one));
        if let Lines::Shell(shell) = form {
            lines
                .extend(one.sdk.unset.iter().filter(|name| !said.contains_key(&***name)).map(|name| shell.unset(name)));
        }
        for (name, value) in &one.environment {
            match said.insert(name, value) {
                Some(earlier) if earlier == value => {}
                Some(_) => {
                    return Err(NotSettable::Twice((*name).to_owned()));
                }
                None => lines.push(form.set(name, &with_token(value, token))?),
            }
        }
        if let (Some(code), true) = (&one.snippet, one.environment.is_empty()) {
            lines.extend(code_with(code, None).lines().map(|line| format!("#   {line}")));
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// On one line, whatever a preset says: of a second one, a shell would read commands.
fn heading(pointed: &Pointed<'_>) -> String {
    let note = pointed.sdk.note.iter().map(|note| format!(": {note}"));
    let text = std::iter::once(pointed.title()).chain(note).collect::<String>();
    format!("# {}", text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn with_token(value: &Filled, token: Option<&Secret>) -> Filled {
    match token {
        Some(token) => Filled(vec![Part::Text(value.with(token.expose()))]),
        None => value.clone(),
    }
}

/// Code that reads the token from the environment; in the preset, it stands there in double quotes.
pub fn code_with(code: &Filled, token: Option<&Secret>) -> String {
    if let Some(token) = token {
        return code.with(token.expose());
    }
    let text = code.with("\0").replace("\"\0\"", "os.environ[\"BELLHOP_TOKEN\"]");
    if code.has_token() { format!("import os\n{text}") } else { text }
}
