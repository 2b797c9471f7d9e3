//! What is on record, as far as it was asked for lately.
//! Owns copies of records, which never change but by adoption; the follower then says that all are to be read again.
//! Never holds more than a bound: what nobody asked about since the last sweep goes first.

use crate::job::{Record, ThingKey};
use dashmap::DashMap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// More than this, and nothing new is kept until the next sweep.
const MOST: usize = 400_000;
/// That something is not on record is believed no longer than this: another replica may have just written it down.
const ABSENT: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Known {
    things: DashMap<ThingKey, Arc<Seen>>,
    epoch: AtomicU64,
}

/// What is on record under one key: one for each account that has a thing of this id, mostly one, or none.
pub struct Seen {
    pub key: ThingKey,
    pub records: Box<[Record]>,
    until: Option<Instant>,
    used: AtomicBool,
    /// The last answer that was read about it, in short.
    answer: AtomicU64,
}

impl Seen {
    fn new(key: ThingKey, records: Vec<Record>) -> Self {
        let until = records.is_empty().then(|| Instant::now() + ABSENT);
        Self { key, records: records.into(), until, used: AtomicBool::new(true), answer: AtomicU64::new(0) }
    }

    /// Whether this answer differs from the last that was noted: most polls of a job that waits say the same again.
    pub fn is_news(&self, answer: &[u8]) -> bool {
        self.answer.load(Ordering::Relaxed) != in_short(answer)
    }

    /// What the answer says has been taken note of.
    pub fn note(&self, answer: &[u8]) {
        self.answer.store(in_short(answer), Ordering::Relaxed);
    }

    /// Nothing more can be said about it that is counted.
    pub fn is_settled(&self) -> bool {
        !self.records.is_empty() && self.records.iter().all(|record| record.ended.is_some())
    }
}

/// Never 0, which stands for no answer at all.
fn in_short(answer: &[u8]) -> u64 {
    (answer.len() as u64) << 33 | u64::from(crc32fast::hash(answer)) << 1 | 1
}

impl Known {
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Forgets everything when records may have changed hands.
    pub fn follow(&self, epoch: u64) {
        // Looked at first: most of the time nothing has changed, and a write would take the line from every other core.
        if self.epoch() != epoch && self.epoch.swap(epoch, Ordering::AcqRel) != epoch {
            self.things.clear();
        }
    }

    pub fn recall(&self, key: &ThingKey) -> Option<Arc<Seen>> {
        let seen = self.things.get(key)?;
        if seen.until.is_some_and(|until| until <= Instant::now()) {
            return None;
        }
        seen.used.store(true, Ordering::Relaxed);
        Some(Arc::clone(&seen))
    }

    /// Kept only if nothing changed hands since `epoch`, before which it was read.
    pub fn keep(&self, key: ThingKey, records: Vec<Record>, epoch: u64) -> Arc<Seen> {
        let seen = Arc::new(Seen::new(key, records));
        if self.things.len() < MOST {
            self.things.insert(key, Arc::clone(&seen));
            if self.epoch() != epoch {
                self.things.remove(&key);
            }
        }
        seen
    }

    pub fn forget(&self, key: &ThingKey) {
        self.things.remove(key);
    }

    /// Drops what nobody asked about since the last sweep; called now and then.
    pub fn sweep(&self) {
        self.things.retain(|_, seen| seen.until.is_none() && seen.used.swap(false, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JOB, Thing};

    fn key(id: &str) -> ThingKey {
        ThingKey::new("ionq", &Thing { kind: JOB.into(), id: id.into() })
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let known = Known::default();
        known.follow(7);
        known.keep(key("a"), Vec::new(), 7);
        assert!(known.recall(&key("a")).is_some());
        known.follow(8);
        assert!(known.recall(&key("a")).is_none());
        known.keep(key("a"), Vec::new(), 7);
        assert!(known.recall(&key("a")).is_none());
    }

    #[test]
    fn an_answer_is_news_until_it_is_noted() {
        let seen = Seen::new(key("a"), Vec::new());
        assert!(seen.is_news(b""));
        seen.note(b"{\"status\":\"ready\"}");
        assert!(!seen.is_news(b"{\"status\":\"ready\"}"));
        assert!(seen.is_news(b"{\"status\":\"running\"}"));
    }
}
