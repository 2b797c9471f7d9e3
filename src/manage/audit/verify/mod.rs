//! Whether the trail is what was written: each link of the chain, its end, and the checkpoints that left the store.
//! Owns nothing.
//! Never a verdict on less than all of it, and never on an entry that it cannot name.

use super::CheckCheckpoints;
use crate::{
    clock::Timestamp,
    manage::{Fault, Management, Who},
    store::{AuditRow, PrunedRow, Signer, Store, StoreError},
    sync::{
        checkpoint::{Checkpoint, CheckpointFile},
        retention::is_signed,
    },
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What the whole trail was found to be, as far back as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditVerified)]
pub struct Verified {
    /// Whether nothing was found.
    pub intact: bool,
    pub entries: u64,
    /// The number of the newest.
    pub last: i64,
    /// Up to which number entries were taken away because of their age (`audit.keep`); null: none was.
    pub pruned: Option<i64>,
    /// How many checkpoints of this machine's file it was held against.
    pub checkpoints: u64,
    /// When the newest of these was made; null: there is none.
    pub checkpoint: Option<Timestamp>,
    /// The first 100.
    pub findings: Vec<Finding>,
}

/// What the trail was found to be where these checkpoints tell of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditChecked)]
pub struct Checked {
    /// Whether nothing was found.
    pub intact: bool,
    pub checkpoints: u64,
    pub findings: Vec<Finding>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditFinding)]
pub struct Finding {
    pub kind: FindingKind,
    /// The number of the entry, or of the first of several.
    pub entry: i64,
    /// The number of the last of several.
    pub to: i64,
    /// In words.
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AuditFindingKind)]
pub enum FindingKind {
    /// It does not say what was written.
    Edited,
    /// It stands in another's place.
    Moved,
    /// It is not there.
    Deleted,
    /// The trail ends before it.
    CutOff,
    /// A checkpoint does not bear this store's signature: somebody changed it, or has put another store in the place.
    NotOurs,
}

const AT_ONCE: u32 = 1000;
const MOST_FINDINGS: usize = 100;
const MOST_CHECKPOINTS: usize = 200;
/// Entries that are looked at for having changed places.
const MOST_MOVED: usize = 32;

impl Management {
    /// The whole trail, and the checkpoints of this machine.
    pub async fn verify_audit(&self, who: &Who) -> Result<Verified, Fault> {
        let (reading, rights) = self.look(who).await?;
        rights.require_admin()?;
        rights.within_all_of(None)?;
        drop(reading);
        let signer = self.vault.signer();
        let Walked { entries, last, pruned, mut findings } = walk_trail(&self.store, &*signer).await?;
        let file = CheckpointFile::of(&self.current().config.data_dir);
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        let kept = read.unwrap_or_else(|error| Err(error.into())).map_err(|error| Fault::Internal(Box::new(error)))?;
        let (checkpoints, checkpoint) = (kept.len() as u64, kept.last().map(|kept| kept.at));
        for checkpoint in kept {
            findings.extend(self.check(&checkpoint, &*signer).await?);
        }
        findings.truncate(MOST_FINDINGS);
        Ok(Verified { intact: findings.is_empty(), entries, last, pruned, checkpoints, checkpoint, findings })
    }

    /// Checkpoints that were kept elsewhere, such as in a collected log.
    pub async fn check_checkpoints(&self, who: &Who, sent: &CheckCheckpoints) -> Result<Checked, Fault> {
        let (reading, rights) = self.look(who).await?;
        drop(reading);
        rights.require_admin()?;
        rights.within_all_of(None)?;
        if sent.checkpoints.len() > MOST_CHECKPOINTS {
            return Err(Fault::invalid("checkpoints", format!("expected at most {MOST_CHECKPOINTS} at once")));
        }
        let (signer, mut findings) = (self.vault.signer(), Vec::new());
        for checkpoint in &sent.checkpoints {
            findings.extend(self.check(checkpoint, &*signer).await?);
        }
        Ok(Checked { intact: findings.is_empty(), checkpoints: sent.checkpoints.len() as u64, findings })
    }

    async fn check(&self, checkpoint: &Checkpoint, signer: &dyn Signer) -> Result<Option<Finding>, Fault> {
        let Checkpoint { at, seq, mac, .. } = checkpoint;
        if !checkpoint.is_signed_by(signer) {
            let text = format!("the checkpoint of {at} does not bear this store's signature");
            return Ok(Some(Finding::new(FindingKind::NotOurs, *seq, text)));
        }
        let before = seq.saturating_sub(1);
        let mut reading = self.store.read().await?;
        let pruned = reading.audit_pruned().await?.filter(|row| is_signed(row, signer));
        if pruned.is_some_and(|row| *seq < row.seq || (*seq == row.seq && *mac == row.mac)) {
            return Ok(None);
        }
        let rows = reading.audit_after(before, 1).await?;
        Ok(match rows.first().filter(|row| row.seq == *seq) {
            Some(row) if row.mac == *mac => None,
            Some(_) => {
                let text = format!(
                    "entry {seq} is not the one of which the checkpoint of {at} tells: the trail was cut off before it, and went on"
                );
                Some(Finding::new(FindingKind::CutOff, *seq, text))
            }
            None => {
                let text = format!("entry {seq} is missing, of which the checkpoint of {at} tells");
                Some(Finding::new(FindingKind::CutOff, *seq, text))
            }
        })
    }
}

/// What the chain itself was found to be.
pub struct Walked {
    pub entries: u64,
    /// The number of the newest.
    pub last: i64,
    pruned: Option<i64>,
    pub findings: Vec<Finding>,
}

/// Along the whole chain of a store, without the checkpoints that left it.
pub async fn walk_trail(store: &Store, signer: &dyn Signer) -> Result<Walked, StoreError> {
    let mut reading = store.read().await?;
    // What is written from here on may be seen or not; what is missing of this was there.
    let end = reading.audit_end().await?;
    let mut walk = Walk::new(signer, reading.audit_pruned().await?);
    drop(reading);
    loop {
        let rows = store.read().await?.audit_after(walk.place, AT_ONCE).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            walk.step(row, &end);
        }
    }
    let (entries, last, pruned) = (walk.entries, walk.expected - 1, walk.pruned);
    Ok(Walked { entries, last, pruned, findings: walk.findings(&end) })
}

/// Along the chain, one entry after the other.
struct Walk<'k> {
    signer: &'k dyn Signer,
    /// After which the next entries are read.
    place: i64,
    expected: i64,
    /// Of the entry before; `None`: it is missing, and what comes after it cannot be held against it.
    previous: Option<String>,
    /// After which entry the trail begins.
    pruned: Option<i64>,
    entries: u64,
    findings: Vec<Finding>,
    /// Whose MAC does not fit where they stand.
    odd: Vec<AuditRow>,
    /// MACs beside which they stand.
    around: Vec<String>,
    end_differs: bool,
}

impl<'k> Walk<'k> {
    /// From where the trail begins since its beginning was taken away, if who says so had its key.
    fn new(signer: &'k dyn Signer, row: Option<PrunedRow>) -> Self {
        let (mut findings, odd, around) = (Vec::new(), Vec::new(), Vec::new());
        let (mut pruned, mut previous) = (None, Some(String::new()));
        match row {
            Some(row) if is_signed(&row, signer) => (pruned, previous) = (Some(row.seq), Some(row.mac)),
            Some(row) => {
                let text = "the note of what was taken away because of its age does not bear this store's signature";
                findings.push(Finding::new(FindingKind::NotOurs, row.seq, text));
            }
            None => {}
        }
        let expected = pruned.unwrap_or_default() + 1;
        Self {
            signer,
            place: i64::MIN,
            expected,
            previous,
            pruned,
            entries: 0,
            findings,
            odd,
            around,
            end_differs: false,
        }
    }

    fn step(&mut self, row: &AuditRow, (end, end_mac): &(i64, String)) {
        self.place = row.seq;
        self.entries += 1;
        if row.seq < self.expected {
            let text = format!("entry {} is none that was written here", row.seq);
            return self.find(Finding::new(FindingKind::Edited, row.seq, text));
        }
        if row.seq > self.expected {
            self.find(Finding::gap(FindingKind::Deleted, self.expected, row.seq - 1, ""));
            self.previous = None;
        }
        if let Some(previous) = &self.previous
            && self.signer.mac(&row.link(previous)) != row.mac
            && self.odd.len() < MOST_FINDINGS
        {
            self.around.extend([previous.clone(), row.mac.clone()]);
            self.odd.push(row.clone());
        }
        self.end_differs |= row.seq == *end && row.mac != *end_mac;
        self.previous = Some(row.mac.clone());
        self.expected = row.seq.saturating_add(1);
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn findings(mut self, (end, _): &(i64, String)) -> Vec<Finding> {
        let odd = std::mem::take(&mut self.odd);
        for row in &odd {
            if let Some(finding) = self.judge(row, &odd) {
                self.find(finding);
            }
        }
        if *end >= self.expected {
            self.find(Finding::gap(FindingKind::CutOff, self.expected, *end, ": the end of the trail was cut off"));
        }
        if self.end_differs && self.findings.is_empty() {
            let text = format!("entry {end} is not the one that was written last");
            self.find(Finding::new(FindingKind::Edited, *end, text));
        }
        self.findings.sort_by_key(|finding| (finding.entry, finding.to));
        self.findings
    }

    /// An entry that fits nowhere was edited; one that fits in another's place was moved; one that fits in its own,
    /// beside what was moved, is as it was.
    fn judge(&self, row: &AuditRow, odd: &[AuditRow]) -> Option<Finding> {
        let edited = || Finding::new(FindingKind::Edited, row.seq, format!("entry {} was edited", row.seq));
        if odd.len() > MOST_MOVED {
            return Some(edited());
        }
        let fits = |seq: i64| {
            let moved = AuditRow { seq, ..row.clone() };
            self.around.iter().any(|previous| self.signer.mac(&moved.link(previous)) == row.mac)
        };
        if fits(row.seq) && odd.len() > 1 {
            return None;
        }
        let place = odd.iter().map(|other| other.seq).find(|seq| *seq != row.seq && fits(*seq));
        Some(place.map_or_else(edited, |seq| {
            let text = format!("entry {seq} was moved to the place of entry {}", row.seq);
            Finding::new(FindingKind::Moved, row.seq, text)
        }))
    }
}

impl Finding {
    fn new(kind: FindingKind, entry: i64, text: impl Into<String>) -> Self {
        Self { kind, entry, to: entry, text: text.into() }
    }

    fn gap(kind: FindingKind, from: i64, to: i64, more: &str) -> Self {
        let text = if from == to {
            format!("entry {from} is missing{more}")
        } else {
            format!("entries {from} to {to} are missing{more}")
        };
        Self { kind, entry: from, to, text }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Edited => "edited",
            Self::Moved => "moved",
            Self::Deleted => "deleted",
            Self::CutOff => "cut-off",
            Self::NotOurs => "not-ours",
        })
    }
}

#[cfg(test)]
mod tests;
