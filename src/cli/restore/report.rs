//! What putting a backup in the store's place would bring back, and what would be lost: numbers, and names.
//! Owns what it found.
//! Never decides, and never shows a secret.

use super::{Console, Failure, Place, Seal, counted};
use crate::store::{Comeback, InForce, Store, StoreError};
use std::{collections::BTreeMap, path::Path};

pub struct Report {
    /// Whether there is a store already.
    replacing: bool,
    present: Result<Present, String>,
    seal: Seal,
    spooled: usize,
}

/// What the store that is there knows.
struct Present {
    back: Comeback,
    jobs: BTreeMap<String, u64>,
    acts: BTreeMap<String, u64>,
    /// The number of its last entry of the audit trail.
    end: i64,
}

/// As many names of a kind are shown.
const MOST_NAMES: usize = 10;

impl Report {
    pub async fn of(place: &Place<'_>, seal: &Seal, backup: &Store) -> Result<Self, Failure> {
        let replacing = place.path.exists();
        let mut reading = backup.read().await?;
        let (in_force, end) = (reading.in_force().await?, reading.audit_end().await?);
        drop(reading);
        let present = if replacing {
            let store = Store::look_at(place.address, &place.alone)?;
            let present = Present::of(&store, seal, in_force, &end).await;
            store.close().await;
            present
        } else {
            Err("there is no store here that would know".into())
        };
        Ok(Self { replacing, present, seal: seal.clone(), spooled: place.spooled() })
    }

    pub const fn is_replacing(&self) -> bool {
        self.replacing
    }

    /// Why nobody knows what ended since.
    pub fn obstacle(&self) -> Option<&str> {
        self.present.as_ref().err().map(String::as_str)
    }

    /// Nothing, where nobody knows.
    pub fn comeback(&self) -> &Comeback {
        static NONE: Comeback = Comeback::NONE;
        self.present.as_ref().map_or(&NONE, |present| &present.back)
    }

    /// For the audit trail.
    pub fn lost(&self) -> String {
        match &self.present {
            Ok(Present { jobs, end, .. }) => format!(
                "{} on record and the audit trail up to number {end} are in what was replaced",
                counted(jobs.values().sum::<u64>(), "later job")
            ),
            Err(because) => format!("what came after it is not known: {because}"),
        }
    }

    pub fn tell(&self, console: &mut Console<'_>) {
        let Seal { made, version, schema, audit, .. } = &self.seal;
        console.note(format_args!(
            "the backup is of {made}, by Bellhop {version}, schema version {schema}, audit trail up to number {audit}"
        ));
        match &self.present {
            Ok(present) => present.tell(console),
            Err(because) => console.note(format_args!("what ended since then is not known: {because}")),
        }
        if self.spooled > 0 {
            let lines = counted(self.spooled, "line");
            console.note(format_args!("{lines} of the spool stay there, and go on record when `serve` starts"));
        }
    }

    pub fn tell_done(&self, aside: Option<&Path>, console: &mut Console<'_>) {
        console.note("restored: `bellhop serve` can start");
        if let Some(aside) = aside {
            console.note(format_args!(
                "what was there is kept as {}; it holds the same secrets: delete it when you are sure",
                aside.display()
            ));
        }
        console.note(
            "the audit trail goes on from the backup's end: `bellhop audit verify --anchor` with checkpoints of later will find \
             the end cut off, which the entry `backup.restored` explains",
        );
    }
}

impl Present {
    async fn of(store: &Store, seal: &Seal, backup: InForce, end: &(i64, String)) -> Result<Self, String> {
        let unread = |error: StoreError| format!("the present store cannot be read ({error})");
        let mut reading = store.read().await.map_err(unread)?;
        let same = reading.audit_after(end.0 - 1, 1).await.map_err(unread)?;
        if same.first().is_none_or(|row| row.seq == end.0 && row.mac != end.1) {
            return Err("the present store has another history than the backup".into());
        }
        let present = reading.in_force().await.map_err(unread)?;
        let jobs = reading.jobs_since(seal.made).await.map_err(unread)?;
        let acts = reading.acts_since(seal.audit).await.map_err(unread)?;
        let (end, _) = reading.audit_end().await.map_err(unread)?;
        Ok(Self { back: Comeback::between(backup, &present), jobs, acts, end })
    }

    fn tell(&self, console: &mut Console<'_>) {
        for (what, items) in self.back.kinds() {
            if items.is_empty() {
                continue;
            }
            let names: Vec<String> =
                items.iter().take(MOST_NAMES).map(|item| super::super::console::shown(item.name())).collect();
            let more = if items.len() > MOST_NAMES { ", …" } else { "" };
            console.note(format_args!("{} {what} since: {}{more}", items.len(), names.join(", ")));
        }
        let listed = |found: &BTreeMap<String, u64>| {
            let each: Vec<String> = found.iter().map(|(name, count)| format!("{count} {name}")).collect();
            each.join(", ")
        };
        let jobs: u64 = self.jobs.values().sum();
        if jobs > 0 {
            console.note(format_args!(
                "{} made since are not in the backup, and Bellhop will not know whose they are: {}",
                counted(jobs, "job"),
                listed(&self.jobs)
            ));
        }
        if self.acts.is_empty() {
            console.note("nothing was changed since");
        } else {
            console.note(format_args!("done since, and lost with it: {}", listed(&self.acts)));
        }
    }
}
