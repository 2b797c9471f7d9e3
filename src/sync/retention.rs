//! How long the audit trail is kept: what is older is taken away from its beginning, and where it begins since is signed.
//! Owns the row `audit_pruned` of the store.
//! Never takes away what is not as it was written: that is what somebody will want to look at.
//!
//! Why a note with the key of the trail: without one, whoever can write to the store could take away the beginning of the
//! trail and say that it was too old.

use crate::{
    clock::{Clock, Timestamp},
    presence::{Duty, Presence},
    store::{Actor, AuditEntry, AuditRow, Fence, PrunedRow, Signer, Store, StoreError},
    vault::Vault,
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Days are taken away as a whole, so that there is an entry about it once a day and not every hour.
const DAY: i64 = 86_400_000;
const EVERY: Duration = Duration::from_secs(3600);
/// How often it is looked whose turn it is.
const TURN: Duration = Duration::from_secs(5);
/// Small enough that nobody waits for the write lock for long.
const AT_ONCE: u32 = 2000;

/// Up to where the trail was taken away.
pub fn pruned(at: Timestamp, (seq, mac): (i64, &str), signer: &dyn Signer) -> PrunedRow {
    let mut row = PrunedRow { at, seq, mac: mac.to_owned(), signature: String::new() };
    row.signature = signer.mac(&signed(&row));
    row
}

pub fn is_signed(row: &PrunedRow, signer: &dyn Signer) -> bool {
    signer.mac(&signed(row)) == row.signature
}

/// Each with its length, and first what neither a link of the chain nor a checkpoint begins with.
fn signed(row: &PrunedRow) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    for field in ["audit pruned", &row.at.millis().to_string(), &row.seq.to_string(), &row.mac] {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(field.as_bytes());
    }
    bytes
}

/// Takes away what is too old, for as long as the process runs.
pub struct Retention {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub presence: Arc<Presence>,
    pub keep: Duration,
}

impl Retention {
    pub async fn run(self) {
        loop {
            let Some(fence) = self.presence.holds(Duty::Retention) else {
                sleep(TURN).await;
                continue;
            };
            match self.turn(&fence).await {
                Ok(0) => {}
                Ok(entries) => tracing::info!(
                    event = "audit.pruned",
                    entries,
                    "entries of the audit trail that were too old were taken away"
                ),
                Err(error) => {
                    tracing::warn!(event = "audit.not_pruned", %error, "entries of the audit trail that are too old are still there");
                }
            }
            sleep(EVERY).await;
        }
    }

    async fn turn(&self, fence: &Fence) -> Result<u64, StoreError> {
        let before = self.clock.now().minus(self.keep);
        let before = Timestamp::from_millis(before.millis() - before.millis().rem_euclid(DAY));
        prune(&self.store, &self.vault, Some(fence), before, self.clock.now()).await
    }
}

/// Takes away what was written before a time, from the beginning on; how many entries that were. Whoever does it because
/// it is their turn hands in what says so.
pub async fn prune(
    store: &Store,
    vault: &Vault,
    turn: Option<&Fence>,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut all = 0;
    loop {
        let entries = prune_some(store, vault, turn, before, now).await?;
        all += entries;
        if entries < u64::from(AT_ONCE) {
            return Ok(all);
        }
    }
}

/// In one transaction, and under the lock that all who write respect: two who prune at once do so in turn.
async fn prune_some(
    store: &Store,
    vault: &Vault,
    turn: Option<&Fence>,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let signer = vault.signer();
    // Most of the time there is nothing to do, and nobody's turn to wait for.
    let mut reading = store.read().await?;
    let (begin, _) = beginning(reading.audit_pruned().await?, &*signer)?;
    let oldest = reading.audit_after(begin, 1).await?;
    drop(reading);
    if oldest.first().is_none_or(|entry| entry.at >= before) {
        return Ok(0);
    }
    let mut tx = store.write(signer.clone(), now).await?;
    if let Some(turn) = turn {
        tx.require(turn).await?;
    }
    let (begin, mac) = beginning(tx.audit_pruned().await?, &*signer)?;
    let (newest, _) = tx.audit_end().await?;
    let entries = tx.audit_after(begin, AT_ONCE).await?;
    // The newest stays: with it the trail goes on.
    let old = entries.into_iter().take_while(|entry| entry.at < before && entry.seq < newest);
    let old: Vec<AuditRow> = old.collect();
    let Some(last) = old.last() else { return Ok(0) };
    require_intact(&old, (begin, mac), &*signer)?;
    tx.prune_audit(&pruned(now, (last.seq, &last.mac), &*signer)).await?;
    let told = format!("{} entries, up to number {}, which were written before {before}", old.len(), last.seq);
    tx.record(AuditEntry::new(&Actor::System, "audit.pruned", last.seq).detail(told));
    tx.commit().await?;
    Ok(old.len() as u64)
}

/// After which entry the trail begins, and with which link.
fn beginning(row: Option<PrunedRow>, signer: &dyn Signer) -> Result<(i64, String), StoreError> {
    match row {
        None => Ok((0, String::new())),
        Some(row) if is_signed(&row, signer) => Ok((row.seq, row.mac)),
        Some(_) => Err(StoreError::Corrupt("the note of where the audit trail begins".into())),
    }
}

fn require_intact(
    entries: &[AuditRow],
    (mut seq, mut mac): (i64, String),
    signer: &dyn Signer,
) -> Result<(), StoreError> {
    for entry in entries {
        seq += 1;
        if entry.seq != seq || signer.mac(&entry.link(&mac)) != entry.mac {
            let text =
                format!("entry {} of the audit trail is not as it was written: `bellhop audit verify`", entry.seq);
            return Err(StoreError::Corrupt(text));
        }
        mac.clone_from(&entry.mac);
    }
    Ok(())
}
