//! `bellhop apply FILE`, from the command line's side: which file, and who hears what was done.
//! Owns the open file while it is read.
//! On standard output are the new tokens and nothing else, a line of JSON each, so that they can be piped.

use super::{
    Console, Failure,
    apply::{Input, Installation, MadeToken, Options, Output, Prune, Run, apply},
    console::counted,
    local::Local,
    progress::Length,
};
use clap::Args;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop apply installation.yaml --dry-run\n  \
    bellhop apply installation.yaml > new-tokens.ndjson\n  \
    bellhop apply people.ndjson\n\n\
    A YAML file is one transaction. A file that ends in .ndjson has one user on each line and is applied in batches; \
    what was interrupted is simply applied again.")]
pub struct Apply {
    /// The state to bring about; - is standard input
    file: PathBuf,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Also remove what an earlier apply made and the file no longer names
    #[arg(long)]
    prune: bool,
}

impl Apply {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let options = Options {
            run: if self.dry_run { Run::Dry } else { Run::Real },
            prune: if self.prune { Prune::Remove } else { Prune::Keep },
        };
        let on = Installation {
            store: &local.store,
            vault: &local.vault,
            catalog: &local.catalog,
            clock: &local.clock,
            lifetimes: &local.config.tokens,
        };
        let name = self.file.display().to_string();
        let report = if self.file.extension().is_some_and(|ending| ending == "ndjson") {
            let file = open(&self.file)?;
            let progress = console.screen.begin("applying", length(&file));
            let mut lines = BufReader::new(progress.reading(file));
            let input = Input::Lines { name: &name, lines: &mut lines };
            progress.during(apply(on, input, options, &mut Told { console, run: options.run })).await?
        } else {
            let text = self.text(console)?;
            let progress = console.screen.begin("applying", Length::Unknown);
            let input = Input::Document { name: &name, text: &text };
            progress.during(apply(on, input, options, &mut Told { console, run: options.run })).await?
        };
        let changes = usize::try_from(report.changes).unwrap_or(usize::MAX);
        console.note(match (changes, options.run) {
            (0, _) => "nothing to change".to_owned(),
            (_, Run::Real) => counted(changes, "change"),
            (_, Run::Dry) => format!("{}, of which none was made", counted(changes, "change")),
        });
        Ok(())
    }

    fn text(&self, console: &mut Console<'_>) -> Result<Zeroizing<String>, Failure> {
        let mut text = Zeroizing::new(String::new());
        let read = if self.file == Path::new("-") {
            console.input.read_to_string(&mut text)
        } else {
            open(&self.file)?.read_to_string(&mut text)
        };
        read.map(|_| text).map_err(|error| unreadable(&self.file, &error))
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

/// In bytes; of a pipe nobody knows it.
fn length(file: &File) -> Length {
    let about = file.metadata().ok().filter(std::fs::Metadata::is_file);
    about.map_or(Length::Unknown, |about| Length::Known(about.len()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot read {}: {error}", path.display()))
}

struct Told<'t, 'c> {
    console: &'t mut Console<'c>,
    run: Run,
}

impl Output for Told<'_, '_> {
    fn made(&mut self, token: &MadeToken) {
        if self.run == Run::Real {
            let text = |text: &str| serde_json::Value::from(text);
            let (user, name, value) = (text(&token.user), text(&token.token), text(token.value.expose()));
            self.console.say(format_args!("{{\"user\":{user},\"token\":{name},\"value\":{value}}}\n"));
        }
    }

    fn changed(&mut self, words: &str) {
        self.console.note(words);
    }

    fn remarked(&mut self, words: &str) {
        self.console.note(format_args!("note: {words}"));
    }
}
