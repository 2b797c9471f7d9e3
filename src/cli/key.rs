//! `bellhop key …`: what the store is sealed with.
//! Owns nothing.
//! Never shows a key, only versions.

use super::{Console, Failure, console::Form, local::Local, progress::Length};
use crate::{app, store::Actor, vault::MasterSource};
use clap::{Args, Subcommand};
use serde_json::json;

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
pub struct Rotate {
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
