//! Follows the store's change log, so that what `apply` or another replica changed is in force at once.
//! Owns its place in the log.
//! Never lets the directory believe that it is up to date when the log could not be read, or is not the one that it had
//! followed.
//!
//! Why a lost connection alone drops nothing: with each reading, the last change that was followed is read again. It is
//! the same one, and then nothing is missing; or the history is another, and then nothing is trusted.

pub mod census;
pub mod checkpoint;
mod pace;
pub mod retention;
pub mod set_back;

pub use pace::Pace;

use crate::{
    directory::Directory,
    store::{Bell, Change, Place, Store, StoreError, Watch, Woken},
    vault::Vault,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How often the store is looked at, if nothing tells of changes; and if something does.
const STEP: Duration = Duration::from_millis(200);
const BACKSTOP: Duration = Duration::from_secs(1);
/// A reading that takes longer fails. Less than what is cached may be used without having been confirmed.
const PATIENCE: Duration = Duration::from_millis(2500);
/// A change that is older than this when it is found without having been heard of was missed.
const MISSED: Duration = Duration::from_millis(700);
/// Changes read at once; a longer backlog takes several turns, in bounded memory.
const BATCH: u32 = 1_000;
/// That the log cannot be followed is told again after this long.
const STUCK: Duration = Duration::from_secs(60);

/// One process's place in the log.
pub struct Follower {
    store: Store,
    vault: Arc<Vault>,
    directory: Arc<Directory>,
    bell: Bell,
    watch: Watch,
    seen: Place,
    /// Something was written that has not been read yet: a read that failed must not be forgotten.
    behind: bool,
    pace: Arc<Pace>,
}

impl Follower {
    /// Begins at the end of the log: nothing is cached yet that could be older.
    pub async fn begin(
        store: Store,
        vault: Arc<Vault>,
        directory: Arc<Directory>,
        bell: Bell,
    ) -> Result<Self, StoreError> {
        let asked = Instant::now();
        let seen = store.end_of_changes().await?;
        directory.start_over(seen.seq);
        directory.confirm(asked);
        let (watch, pace) = (store.watch(), Arc::new(Pace::default()));
        pace.follow(seen.seq);
        Ok(Self { store, vault, directory, bell, watch, seen, behind: false, pace })
    }

    pub fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Follows until the process ends.
    pub async fn run(mut self) {
        let (mut failing, mut woken) = (None, Woken::Time);
        loop {
            match self.turn(woken).await {
                Ok(()) => {
                    if failing.take().is_some() {
                        tracing::info!(event = "store.back", "the store is followed again");
                    }
                }
                Err(error) => {
                    self.pace.fail();
                    self.directory.lose_store();
                    if failing.is_none_or(|told: Instant| told.elapsed() > STUCK) {
                        tracing::error!(event = "store.lost", %error, "the store cannot be followed; known callers go on for store.max_stale");
                        failing = Some(Instant::now());
                    }
                }
            }
            self.pace.listen(self.bell.hears());
            woken = self.bell.wait(if self.bell.hears() { BACKSTOP } else { STEP }).await;
        }
    }

    async fn turn(&mut self, woken: Woken) -> Result<(), StoreError> {
        let mut asked = Instant::now();
        // Who was told need not look.
        self.behind |= woken == Woken::Rung || self.watch.look().await?;
        if self.behind {
            asked = match timeout(PATIENCE, self.catch_up(woken)).await {
                Ok(caught_up) => caught_up?,
                Err(_) => return Err(StoreError::Unavailable("it does not answer".into())),
            };
            self.behind = false;
        }
        self.directory.confirm(asked);
        Ok(())
    }

    /// Reads on to the end of the log; when it was asked for what turned out to be its end. Each batch is followed before
    /// the next is read, so that one that is given up begins where it was.
    async fn catch_up(&mut self, woken: Woken) -> Result<Instant, StoreError> {
        loop {
            let asked = Instant::now();
            let changes = self.store.changes_since(self.seen, BATCH).await?;
            let read = Instant::now();
            if changes.head < self.seen.seq {
                tracing::error!(
                    event = "store.set_back",
                    seen = self.seen.seq,
                    head = changes.head,
                    "the store was set back while this process ran: end all of them, run `bellhop restore --settle`, and start again"
                );
            }
            if changes.gap {
                tracing::warn!(
                    event = "changes.start_over",
                    seen = self.seen.seq,
                    head = changes.head,
                    "the change log has a gap or another history; all that is cached is asked for again"
                );
                self.start_over().await?;
                return Ok(asked);
            }
            let Some(last) = changes.list.last().copied() else { return Ok(asked) };
            let list: Vec<Change> = changes.list.iter().map(|logged| logged.change).collect();
            if list.contains(&Change::Keys) {
                reload_keys(&self.vault).await;
            }
            self.directory.follow(last.seq, &list);
            self.seen = last.place();
            let slowest = self.pace.measure(&changes, read.elapsed());
            self.pace.follow(last.seq);
            if woken == Woken::Time && slowest.is_some_and(|lag| lag > MISSED) && self.bell.doubt() {
                tracing::warn!(
                    event = "changes.deaf",
                    "changes are found that PostgreSQL should have told of: if a pooler stands before it, set store.listen_url"
                );
            }
            if last.seq >= changes.head {
                return Ok(asked);
            }
        }
    }

    /// The end is read anew, and with what marks its history.
    async fn start_over(&mut self) -> Result<(), StoreError> {
        let end = self.store.end_of_changes().await?;
        reload_keys(&self.vault).await;
        self.directory.start_over(end.seq);
        self.seen = end;
        self.pace.start_over(end.seq);
        Ok(())
    }
}

/// Keys that cannot be read now are read when they are needed.
async fn reload_keys(vault: &Vault) {
    if let Err(error) = vault.reload().await {
        tracing::error!(event = "keys.not_opened", %error, "the store's keys changed and cannot be opened");
    }
}
