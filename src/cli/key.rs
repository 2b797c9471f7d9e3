//! `bellhop key …`: what the store is sealed with.
//! Owns nothing.
//! Never shows a key, only versions.

use super::{Console, Failure, console::Form, local::Local, progress::Length};
use crate::{app, clock::Timestamp, id::ProcessId, store::Actor, vault::MasterSource};
use clap::{Args, Subcommand};
use serde_json::json;
use std::time::{Duration, Instant};

#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a new master key and seal everything anew; may run beside `serve`, and goes on where it was cut short
    Rotate(Rotate),
    /// Say whether the master key is the one that the store is sealed with
    Check(CheckKey),
    /// Show the versions of the keys
    Show(Show),
}

#[derive(Args, Debug)]
#[command(after_help = "With several machines on one store, each has a master key file of its own:\n  \
    1. bellhop key rotate --prepare     on one: adds the new version to its file, and uses it for nothing yet\n  \
    2. copy that file over those of the others; a running `serve` finds it within a second\n  \
    3. bellhop key rotate               on any: seals everything anew, once all who serve have the new version\n\
    On one machine `bellhop key rotate` does all of it. Where it was cut short, any machine that has the new version goes on.")]
pub struct Rotate {
    /// Only add a new version to the master key
    #[arg(long)]
    prepare: bool,
    /// Do not wait for processes that have not got the new version: what is sealed anew they cannot open
    #[arg(long, conflicts_with = "prepare")]
    force: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct CheckKey {}

#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    form: Form,
}

impl KeyCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Rotate(rotate) => rotate.run(local, console).await,
            Self::Check(_) => {
                // Opening the store has done it: a wrong key does not get here.
                let (version, _) = local.vault.versions()?;
                console.note(format_args!("the master key in {}, version {version}, opens the store", place(local)));
                Ok(())
            }
            Self::Show(show) => show.run(local, console),
        }
    }
}

impl Rotate {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mark = local.vault.prepare(&Actor::CommandLine, local.now()).await?;
        if self.prepare {
            console.note(format_args!(
                "version {} of the master key is in {}, and nothing is sealed under it yet: copy it to every machine that serves from \
                 this store, then run `bellhop key rotate`",
                version_of(&mark),
                place(local)
            ));
            return Ok(());
        }
        if !self.force {
            let progress =
                console.begin(self.form, "waiting until all who serve have the new version", Length::Unknown);
            progress.during(wait_for_all(local, &mark)).await?;
        }
        let progress = console.begin(self.form, "sealing anew", Length::Counted);
        let telling = |more| progress.add(more);
        let rotated = progress.during(local.vault.rotate_telling(&Actor::CommandLine, local.now(), telling)).await?;
        drop(progress);
        if self.form.json {
            console.json(&rotated);
        }
        let how = if rotated.resumed { ", going on with a rotation that was cut short" } else { "" };
        console.note(format_args!(
            "sealed {} credential versions under version {} of the master key in {}{how}: back it up",
            rotated.resealed,
            rotated.master_version,
            place(local)
        ));
        Ok(())
    }
}

/// A process that shares this file says so within a second or two; so long one that has another is waited for.
const WAIT: Duration = Duration::from_secs(15);

async fn wait_for_all(local: &Local, mark: &str) -> Result<(), Failure> {
    let until = Instant::now() + WAIT;
    loop {
        let mut lacking = local.store.master_keys().await?;
        lacking.retain(|(_, said, _)| said.as_deref() != Some(mark));
        if lacking.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let processes: Vec<String> = lacking.iter().map(|process| lacks(process, mark)).collect();
            return Err(Failure::failed(format!(
                "nothing is sealed anew yet: version {} of the master key is in {}, but not with every process that serves: {}. Copy \
                 the file to their machines and run this again; a process that was killed is forgotten after a minute",
                version_of(mark),
                place(local),
                processes.join("; ")
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn lacks((id, said, seen): &(ProcessId, Option<String>, Timestamp), mark: &str) -> String {
    let what = match said.as_deref() {
        None => "has not said which it has".to_owned(),
        Some(said) if version_of(said) == version_of(mark) => {
            format!("has another version {}, of another rotation", version_of(mark))
        }
        Some(said) => format!("has version {}", version_of(said)),
    };
    format!("{id} {what} (seen {seen})")
}

fn version_of(mark: &str) -> &str {
    mark.split(':').next().unwrap_or_default()
}

impl Show {
    fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let (master, sealing) = local.vault.versions()?;
        let fields =
            [("master_key", json!(place(local))), ("master_version", json!(master)), ("sealing_keys", json!(sealing))];
        console.sheet(self.form, &fields);
        Ok(())
    }
}

fn place(local: &Local) -> String {
    match app::master_source(&local.config) {
        MasterSource::File(path) => path.display().to_string(),
        MasterSource::Environment(name) => format!("the variable {name}"),
    }
}
