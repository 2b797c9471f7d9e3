//! What is done beside the data plane: the spool is emptied into the store, submissions get their audit entries, credentials
//! that were kept for open jobs go when those end.
//! Owns nothing.
//! Never in anybody's way: each of it may be late.

use super::{
    Jobs,
    spool::{Leftover, SpoolError},
};
use crate::{
    clock::Timestamp,
    job::entry::{Entered, Entry},
    store::{Actor, AuditEntry, Signer, StoreError},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const STEP: Duration = Duration::from_secs(1);
/// Entries of the spool in one transaction, and of the audit trail.
const AT_ONCE: u16 = 200;
const NOTES_AT_ONCE: u16 = 1000;
/// How long what was handed in may take to be written when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Jobs {
    /// For as long as the process runs.
    pub async fn keep(self: Arc<Self>, signer: Arc<dyn Signer>) {
        for turn in 0_u64.. {
            sleep(STEP).await;
            self.turn(turn, &signer).await;
        }
    }

    /// No step waits for another's success: a spool that the store does not take must not let this process seem dead.
    async fn turn(&self, turn: u64, signer: &Arc<dyn Signer>) {
        let now = self.clock.now();
        tell(self.empty_spool().await, "the spool could not be written down");
        tell(self.audit(signer).await, "entries of the audit trail could not be given their places");
        if turn.is_multiple_of(10) {
            self.known.sweep();
            tell(self.purge(signer, now).await, "credentials whose last job has ended could not be deleted");
        }
    }

    async fn empty_spool(&self) -> Result<(), StoreError> {
        loop {
            let entries = self.spool.oldest(AT_ONCE.into());
            if entries.is_empty() {
                return Ok(());
            }
            tell_of_bindings(&entries, &self.store.enter(&entries).await?);
            if let Err(error) = self.spool.forget(entries.len()) {
                tracing::error!(event = "spool.not_emptied", %error, "the spool cannot be emptied");
            }
        }
    }

    async fn audit(&self, signer: &Arc<dyn Signer>) -> Result<(), StoreError> {
        while self.store.has_notes().await? {
            let mut tx = self.store.write(Arc::clone(signer), self.clock.now()).await?;
            tx.audit_notes(NOTES_AT_ONCE).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Deletes credentials that were kept for jobs which have ended.
    async fn purge(&self, signer: &Arc<dyn Signer>, now: Timestamp) -> Result<(), StoreError> {
        if !self.store.has_retired_and_done().await? {
            return Ok(());
        }
        let mut tx = self.store.write(Arc::clone(signer), now).await?;
        for credential in tx.purge_retired().await? {
            tx.record(
                AuditEntry::new(&Actor::System, "credential.deleted", credential).detail("its last job has ended"),
            );
        }
        tx.commit().await.map(drop)
    }

    /// What processes of this machine left that are no longer there.
    pub(super) async fn take_over(&self, data_dir: &Path) -> Result<(), SpoolError> {
        let now = self.clock.now();
        let mut dead = Vec::new();
        for leftover in Leftover::all(data_dir)? {
            for entries in leftover.entries.chunks(AT_ONCE.into()) {
                match self.store.enter(entries).await {
                    Ok(entered) => tell_of_bindings(entries, &entered),
                    Err(error) => {
                        tracing::error!(event = "spool.kept", %error, process = %leftover.process, "a spool could not be written down; it is kept");
                        return Ok(());
                    }
                }
            }
            dead.push(leftover);
        }
        let processes: Vec<_> = dead.iter().map(|leftover| leftover.process).collect();
        match self.store.orphan_all_of(&processes, now).await {
            Ok(0) => dead.into_iter().for_each(Leftover::remove),
            Ok(count) => {
                tracing::warn!(
                    event = "submissions.unknown",
                    count,
                    "submissions were open when an earlier process ended: their fate is unknown"
                );
                dead.into_iter().for_each(Leftover::remove);
            }
            Err(error) => {
                tracing::error!(event = "submissions.not_settled", %error, "earlier processes' submissions could not be settled");
            }
        }
        Ok(())
    }

    /// The process ends in order: everything that was noted is written, what was not waited for is of unknown
    /// fate, and the spool goes if it is empty.
    pub async fn finish(&self) {
        let until = Instant::now() + LAST_WORDS;
        while !self.writer.is_idle() && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
        // A spool that stays tells the next start that this process has ended.
        match self.settle().await {
            Ok(0) => self.spool.remove_if_empty(),
            Ok(count) => {
                tracing::warn!(
                    event = "submissions.unknown",
                    count,
                    "submissions were not waited for: their fate is unknown"
                );
                self.spool.remove_if_empty();
            }
            Err(error) => tracing::warn!(event = "spool.kept", %error, "the spool is kept for the next start"),
        }
    }

    /// Nothing more will come of what this process has open.
    async fn settle(&self) -> Result<u64, StoreError> {
        self.empty_spool().await?;
        self.store.orphan_all_of(&[self.process], self.clock.now()).await
    }
}

/// Their answers have passed by now. One whose ids turn out to be another's, or whose submission is not on record, is for
/// somebody to look at.
fn tell_of_bindings(entries: &[Entry], entered: &[Entered]) {
    for (entry, entered) in entries.iter().zip(entered) {
        if let (Entry::Bind(binding), Entered::Foreign | Entered::Missing) = (entry, entered) {
            let (provider, submission) = (&*binding.provider, binding.submission);
            tracing::error!(event = "spool.entry_refused", provider, %submission, ?entered, "what the spool had of a submission could not be put on record");
        }
    }
}

/// A store that is gone is told of by whoever needs it, and comes back; anything else somebody has to look at.
fn tell(kept: Result<(), StoreError>, what: &'static str) {
    match kept {
        Ok(()) => {}
        Err(error @ StoreError::Unavailable(_)) => tracing::debug!(%error, "{what}"),
        Err(error) => tracing::error!(event = "record.behind", %error, "{what}"),
    }
}
