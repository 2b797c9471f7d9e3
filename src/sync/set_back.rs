//! Whether the store knows less than it did: whether it was put back to an earlier state without anybody having said so.
//! Owns nothing; what it holds against the store is the checkpoints that this machine has written of it.
//! Never silent: tokens that were revoked meanwhile would work again.

use super::checkpoint::{Checkpoint, CheckpointFile};
use crate::{
    clock::Timestamp,
    store::{AuditFilter, Signer, Store, StoreError},
};
use std::{cmp::Reverse, fmt, path::Path};

/// The action of the entry by which an operator has said so.
pub const RESTORED: &str = "backup.restored";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetBack {
    /// Of the checkpoint.
    at: Timestamp,
    seq: i64,
    /// The number of the last entry that is there.
    end: i64,
}

impl SetBack {
    /// `None` if the checkpoint of the longest trail is borne out, or an entry of later than it says that the store was restored.
    pub async fn find(store: &Store, signer: &dyn Signer, data_dir: &Path) -> Result<Option<Self>, String> {
        let mut kept = CheckpointFile::of(data_dir).read().map_err(|error| format!("audit-checkpoints: {error}"))?;
        kept.sort_by_key(|checkpoint| Reverse((checkpoint.seq, checkpoint.at)));
        let ours = kept.into_iter().find(|checkpoint| checkpoint.is_signed_by(signer));
        match ours {
            Some(checkpoint) => against(store, &checkpoint).await.map_err(|error| error.to_string()),
            None => Ok(None),
        }
    }
}

async fn against(store: &Store, checkpoint: &Checkpoint) -> Result<Option<SetBack>, StoreError> {
    let Checkpoint { at, seq, mac, .. } = checkpoint;
    let mut reading = store.read().await?;
    let rows = reading.audit_after(seq - 1, 1).await?;
    let is_pruned = reading.audit_pruned().await?.is_some_and(|row| row.seq >= *seq);
    if is_pruned || rows.first().is_some_and(|row| row.seq == *seq && row.mac == *mac) {
        return Ok(None);
    }
    let told = AuditFilter { action: Some(RESTORED.into()), from: Some(*at), ..AuditFilter::default() };
    if reading.audit(&told, None, 1).await?.first().is_some_and(|row| row.seq <= *seq) {
        return Ok(None);
    }
    let (end, _) = reading.audit_end().await?;
    Ok(Some(SetBack { at: *at, seq: *seq, end }))
}

impl fmt::Display for SetBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, seq, end } = self;
        write!(
            f,
            "the store was set back: at {at} its audit trail had come to number {seq}, of which it knows nothing now (it ends at \
             {end}). Tokens that were revoked since would work again: run `bellhop restore --settle`, which asks what becomes of them"
        )
    }
}
