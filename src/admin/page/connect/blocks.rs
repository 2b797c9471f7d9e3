//! The texts to copy, in the order in which somebody needs them.
//! Owns nothing.
//! Never says anything of its own where a preset says it.

use super::super::words::say;
use crate::{
    manage::tokens::Token,
    point::{
        Pointed,
        place::Place,
        quote::{Shell, dotenv},
        settings::{BLANK, Lines, code_with, lines},
    },
    provider::preset::sdk::{ConfigFile, Filled, Need, Part},
};

/// Something to copy.
pub struct Block {
    pub id: &'static str,
    pub heading: String,
    pub text: String,
    pub code: String,
}

/// What settings are written for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Form(Lines);

/// What stands for a token that nobody but its owner has.
const ELLIPSIS: &str = "bhp_…";

impl Form {
    pub const ALL: [Self; 4] = [
        Self(Lines::Shell(Shell::Posix)),
        Self(Lines::Shell(Shell::Fish)),
        Self(Lines::Shell(Shell::Power)),
        Self(Lines::Dotenv),
    ];

    /// The one of this word; else a shell's.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|form| form.word() == word).unwrap_or(Self::ALL[0])
    }

    pub const fn word(self) -> &'static str {
        match self.0 {
            Lines::Shell(Shell::Posix) => "sh",
            Lines::Shell(Shell::Fish) => "fish",
            Lines::Shell(Shell::Power) => "powershell",
            Lines::Dotenv => "dotenv",
        }
    }

    pub fn name(self) -> String {
        match self.0 {
            Lines::Shell(Shell::Posix) => say!("connect-form-sh"),
            Lines::Shell(Shell::Fish) => say!("connect-form-fish"),
            Lines::Shell(Shell::Power) => say!("connect-form-powershell"),
            Lines::Dotenv => say!("connect-form-dotenv"),
        }
    }

    fn token(self) -> String {
        let value = Filled(vec![Part::Text(ELLIPSIS.into())]);
        let line = match self.0 {
            Lines::Shell(shell) => shell.set("BELLHOP_TOKEN", &value),
            Lines::Dotenv => dotenv("BELLHOP_TOKEN", &value),
        };
        line.unwrap_or_default()
    }
}

/// What it takes.
pub fn of(pointed: &Pointed<'_>, form: Form, token: Option<&Token>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if pointed.reads_token() {
        let text = match token {
            Some(token) => say!("connect-token-named", name = token.name),
            None => say!("connect-token-text"),
        };
        blocks.push(Block { id: "token", heading: say!("connect-token"), text, code: form.token() });
    }
    if !pointed.environment.is_empty()
        && let Ok(code) = lines(std::slice::from_ref(pointed), form.0, None)
    {
        let text = if form.0 == Lines::Dotenv { say!("connect-settings-file") } else { say!("connect-settings-text") };
        blocks.push(Block { id: "settings", heading: say!("connect-settings"), text, code });
    }
    blocks.extend(pointed.required().map(|(file, content)| in_file("file", file, content)));
    if let Some(code) = &pointed.snippet {
        let text = if pointed.environment.is_empty() { say!("connect-code-text") } else { say!("connect-code-or") };
        blocks.push(Block { id: "code", heading: say!("connect-code"), text, code: code_with(code, None) });
    }
    blocks
}

/// What can be done instead, or to see whether it is right.
pub fn others(pointed: &Pointed<'_>, place: &Place) -> Vec<Block> {
    let mut blocks = Vec::new();
    let file = pointed.files.iter().find(|(file, _)| file.need == Need::Optional);
    blocks.extend(file.map(|(file, content)| in_file("other-file", file, content)));
    let Ok(main) = place.main() else { return blocks };
    let id = pointed.provider.id();
    blocks.push(Block {
        id: "run",
        heading: say!("connect-run"),
        text: say!("connect-run-text"),
        code: format!("export BELLHOP_PROXY_URL={main}\nbellhop run --provider {id} -- python job.py"),
    });
    blocks.push(Block {
        id: "try",
        heading: say!("connect-try"),
        text: say!("connect-try-text"),
        code: format!("curl -H \"Authorization: Bearer $BELLHOP_TOKEN\" {main}/whoami"),
    });
    blocks
}

fn in_file(id: &'static str, file: &ConfigFile, content: &Filled) -> Block {
    let place = file.places.first().map(ToString::to_string).unwrap_or_default();
    let text = if content.has_token() {
        say!("connect-file-token", place = place, blank = BLANK)
    } else {
        say!("connect-file-text", place = place)
    };
    Block { id, heading: say!("connect-file", name = file.name.to_string()), text, code: content.with(BLANK) }
}
