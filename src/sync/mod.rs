//! Follows the store's change log, so that what `apply` or another replica changed is in force within a second.
//! Owns its place in the log.
//! Never lets the directory believe that it is up to date when the log could not be read.

pub mod checkpoint;
pub mod retention;
pub mod set_back;

use crate::{
    directory::Directory,
    store::{Change, Seq, Store, StoreError, Watch},
    vault::Vault,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often the store is looked at.
const STEP: Duration = Duration::from_millis(200);
/// Changes read at once; a longer backlog takes several turns, in bounded memory.
const BATCH: u32 = 1_000;

/// One process's place in the log.
pub struct Follower {
    store: Store,
    vault: Arc<Vault>,
    directory: Arc<Directory>,
    watch: Watch,
    seen: Seq,
    /// Something was written that has not been read yet: a read that failed must not be forgotten.
    behind: bool,
}

impl Follower {
    /// Begins at the end of the log: nothing is cached yet that could be older.
    pub async fn begin(store: Store, vault: Arc<Vault>, directory: Arc<Directory>) -> Result<Self, StoreError> {
        let asked = Instant::now();
        let seen = store.head().await?;
        directory.start_over(seen);
        directory.confirm(asked);
        let watch = store.watch();
        Ok(Self { store, vault, directory, watch, seen, behind: false })
    }

    /// Follows until the process ends.
    pub async fn run(mut self) {
        let mut failing = false;
        loop {
            match self.turn().await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the store is reachable again");
                }
                Ok(()) => {}
                Err(error) => {
                    self.directory.lose_store();
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "the store cannot be followed; known callers go on for store.max_stale");
                    }
                }
            }
            tokio::time::sleep(STEP).await;
        }
    }

    async fn turn(&mut self) -> Result<(), StoreError> {
        let mut asked = Instant::now();
        self.behind |= self.watch.look().await?;
        if self.behind {
            asked = self.catch_up().await?;
            self.behind = false;
        }
        self.directory.confirm(asked);
        Ok(())
    }

    /// Reads on to the end of the log; when it was asked for what turned out to be its end.
    async fn catch_up(&mut self) -> Result<Instant, StoreError> {
        loop {
            let asked = Instant::now();
            let changes = self.store.changes_since(self.seen, BATCH).await?;
            if changes.head < self.seen {
                tracing::error!(
                    seen = self.seen,
                    head = changes.head,
                    "the store was set back while this process ran: end all of them, run `bellhop restore --settle`, and start again"
                );
            }
            if changes.gap {
                tracing::warn!(
                    seen = self.seen,
                    head = changes.head,
                    "the change log has a gap; all caches start over"
                );
                reload_keys(&self.vault).await;
                self.directory.start_over(changes.head);
                self.seen = changes.head;
                return Ok(asked);
            }
            let Some((last, _)) = changes.list.last() else { return Ok(asked) };
            let last = *last;
            let list: Vec<Change> = changes.list.iter().map(|(_, change)| *change).collect();
            if list.contains(&Change::Keys) {
                reload_keys(&self.vault).await;
            }
            self.directory.follow(last, &list);
            self.seen = last;
            if last >= changes.head {
                return Ok(asked);
            }
        }
    }
}

/// Keys that cannot be read now are read when they are needed.
async fn reload_keys(vault: &Vault) {
    if let Err(error) = vault.reload().await {
        tracing::error!(%error, "the store's keys changed and cannot be opened");
    }
}
