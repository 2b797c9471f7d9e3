//! `bellhop provider …`: what the presets say of each provider, and whether a preset says what its fixtures say.
//! Owns nothing.
//! Never opens the store: presets are files.

mod list;
mod probe;
mod show;
mod test;

use super::{Console, Failure, console::Form};
use crate::config::Sources;
use clap::{Args, Subcommand};

#[derive(Subcommand, Debug)]
pub enum ProviderCommand {
    /// List the providers that requests can go to
    List(List),
    /// Show what a credential consists of, what requests are, and how SDKs are pointed here
    Show(Show),
    /// Try a preset's file with its fixtures
    Test(Box<test::Test>),
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bellhop provider show ionq")]
pub struct Show {
    /// An id of `bellhop provider list`
    provider: String,
    #[command(flatten)]
    form: Form,
}

impl ProviderCommand {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(sources, console),
            Self::Show(show) => show.run(sources, console),
            Self::Test(test) => test.run(sources, console),
        }
    }
}
