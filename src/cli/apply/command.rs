//! `bellhop apply FILE`: the arguments, and where what was done is told.
//! Standard output has the new tokens and nothing else, one JSON object a line; all words go to standard error.

use super::{ApplyError, Input, Installation, MadeToken, Options, Output, Prune, Run};
use crate::cli::{Console, Failure, local::Local};
use clap::Args;
use serde_json::json;
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

#[derive(Args, Debug)]
#[command(after_help = "\
A YAML or JSON file is one transaction: all of it or nothing. A file that ends in .ndjson has one user a line and is\n\
applied in batches; when it is cut short, apply it again. New tokens are printed once, as {\"user\",\"token\",\"value\"}.\n\n\
Examples:\n  bellhop apply state.yaml\n  bellhop apply --dry-run --prune state.yaml\n  generate | bellhop apply - > tokens.jsonl")]
pub struct Apply {
    /// What the store is to hold; `-` reads standard input
    file: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Also remove what an earlier apply made and the file no longer names
    #[arg(long)]
    prune: bool,
}

impl Apply {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let on = Installation {
            store: &local.store,
            vault: &local.vault,
            catalog: &local.catalog,
            clock: &local.clock,
            lifetimes: &local.config.tokens,
        };
        let options = Options {
            run: if self.dry_run { Run::Dry } else { Run::Real },
            prune: if self.prune { Prune::Remove } else { Prune::Keep },
        };
        let unreadable = |error| ApplyError::Unreadable { file: self.file.clone(), error };
        let report = if self.file.ends_with(".ndjson") {
            let mut lines: Box<dyn BufRead> = Box::new(BufReader::new(File::open(&self.file).map_err(unreadable)?));
            let input = Input::Lines { name: &self.file, lines: &mut *lines };
            super::apply(on, input, options, &mut Told(console)).await?
        } else {
            let text = self.text(console).map_err(unreadable)?;
            let name = if self.file == "-" { "standard input" } else { &self.file };
            super::apply(on, Input::Document { name, text: &text }, options, &mut Told(console)).await?
        };
        let verb = if self.dry_run { "would be made" } else { "made" };
        console.note(format_args!("{} users in the file, {} changes {verb}", report.users, report.changes));
        Ok(())
    }

    fn text(&self, console: &mut Console<'_>) -> io::Result<String> {
        if self.file != "-" {
            return std::fs::read_to_string(&self.file);
        }
        let mut text = String::new();
        console.input.read_to_string(&mut text)?;
        Ok(text)
    }
}

struct Told<'t, 'c>(&'t mut Console<'c>);

impl Output for Told<'_, '_> {
    fn made(&mut self, token: &MadeToken) {
        let line = json!({ "user": token.user, "token": token.token, "value": token.value.expose() });
        self.0.say(format_args!("{line}\n"));
    }

    fn changed(&mut self, words: &str) {
        self.0.note(words);
    }

    fn remarked(&mut self, words: &str) {
        self.0.note(format_args!("note: {words}"));
    }
}
