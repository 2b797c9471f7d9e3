//! `bellhop apply FILE`: makes the store agree with a file, again and again with the same result.
//! Owns a file from its text to the committed change: read, checked, compared with the store, sealed, and only then,
//! under the write lock, carried out.
//! Never half: a YAML file is one transaction, and so is each batch of lines.
//!
//! What a file leaves out: for passwords, active contexts and tokens' expiries, silence means "as it is"; for every
//! other attribute it means the default, so that deleting `admin: true` takes the right away. People, tokens and
//! credentials that the file does not name stay, unless `--prune` removes those that an earlier `apply` made.

mod carry;
mod check;
mod declared;
mod document;
mod lines;
mod mistake;
mod plan;

pub use mistake::Misplaced;

use crate::{
    clock::Clock,
    config::TokenLifetimes,
    provider::Catalog,
    secret::Secret,
    store::{Conflict, Store, StoreError, Tx},
    vault::{Vault, VaultError},
};
use check::Checker;
use declared::State;
use plan::{Plan, Planner};
use std::io::{self, BufRead};

/// What a file is applied to.
#[derive(Clone, Copy)]
pub struct Installation<'a> {
    pub store: &'a Store,
    pub vault: &'a Vault,
    pub catalog: &'a Catalog,
    pub clock: &'a Clock,
    pub lifetimes: &'a TokenLifetimes,
}

pub enum Input<'a> {
    /// A whole installation, as YAML or JSON.
    Document { name: &'a str, text: &'a str },
    /// One user a line, as JSON.
    Lines { name: &'a str, lines: &'a mut dyn BufRead },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    pub run: Run,
    pub prune: Prune,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Run {
    #[default]
    Real,
    /// Only says what it would do.
    Dry,
}

/// What becomes of that which an earlier `apply` made and the file no longer names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prune {
    #[default]
    Keep,
    Remove,
}

/// A token that was made: its value is shown here and nowhere else.
pub struct MadeToken {
    pub user: Box<str>,
    pub token: Box<str>,
    pub value: Secret,
}

/// Where `apply` says what it did.
pub trait Output {
    /// After the commit that made it.
    fn made(&mut self, token: &MadeToken);
    fn changed(&mut self, words: &str);
    /// What the file asks for and does not get.
    fn remarked(&mut self, words: &str);
}

/// How much was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Report {
    /// Users of the file, whether or not anything had to be done for them.
    pub users: u64,
    pub changes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    #[error("{file} cannot be read: {error}")]
    Unreadable { file: String, error: io::Error },
    #[error("a password could not be hashed")]
    Password,
    #[error("the store is changed by others all the time: try again")]
    Contended,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Result<T, E = ApplyError> = std::result::Result<T, E>;

/// Applies a file. What an error leaves behind: of a document nothing, of lines the batches before it.
pub async fn apply(
    on: Installation<'_>,
    input: Input<'_>,
    options: Options,
    output: &mut dyn Output,
) -> Result<Report> {
    match input {
        Input::Document { name, text } => {
            let state = on.checker().document(text).map_err(|mistake| mistake.within(name))?;
            settle(on, options, &state, name, output).await
        }
        Input::Lines { name, lines } => lines::apply(on, name, lines, options, output).await,
    }
}

/// Plans against the store as it is, and carries the plan out if the store is still so; else plans again.
/// Sealing and hashing belong to the plan, so that nobody waits for the write lock meanwhile; only who is overtaken
/// again and again plans under the lock.
async fn settle(
    on: Installation<'_>,
    options: Options,
    state: &State,
    file: &str,
    output: &mut dyn Output,
) -> Result<Report> {
    const PATIENCE: usize = 3;
    const ATTEMPTS: usize = 2 * PATIENCE;
    for attempt in 0..ATTEMPTS {
        let lock = if attempt < PATIENCE || options.run == Run::Dry { None } else { Some(on.write().await?) };
        let plan = Planner::new(on, options, file).await?.plan(state).await?;
        if options.run == Run::Dry || plan.is_empty() {
            return Ok(tell(&plan, state, output));
        }
        let tx = match lock {
            Some(tx) => tx,
            None => on.write().await?,
        };
        match carry::carry_out(tx, &plan).await {
            Ok(carry::Outcome::Done) => return Ok(tell(&plan, state, output)),
            Ok(carry::Outcome::Overtaken) => {}
            Err(StoreError::Conflict(Conflict::KeyReplaced)) => on.vault.reload().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApplyError::Contended)
}

fn tell(plan: &Plan, state: &State, output: &mut dyn Output) -> Report {
    plan.words.iter().for_each(|words| output.changed(words));
    plan.remarks.iter().for_each(|words| output.remarked(words));
    plan.made.iter().for_each(|token| output.made(token));
    Report { users: state.users.len() as u64, changes: plan.words.len() as u64 }
}

impl Installation<'_> {
    async fn write(&self) -> Result<Tx, StoreError> {
        self.store.write(self.vault.signer(), self.clock.now()).await
    }

    fn checker(&self) -> Checker<'_> {
        Checker { catalog: self.catalog, lifetimes: self.lifetimes, now: self.clock.now() }
    }
}
