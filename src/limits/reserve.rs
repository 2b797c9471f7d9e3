//! What a process has leased of one limit and not handed out yet, and whether it has asked for more.
//! Owns four words, which every core changes and one task fills.
//! Never hands out more than was put in, and never loses that somebody wants some.
//!
//! Why nobody waits for ever: who takes or begins to wait changes a count *before* they ask, and the task that fills takes
//! the asking away *before* it reads the counts. Either it sees the change, or the asking is a new one and it comes again.
//! `tests/ordering.rs` runs this file through every order that threads can take.

use super::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed},
};

#[derive(Default)]
pub struct Reserve {
    left: AtomicU32,
    /// With fewer left than this, more is asked for: twice that, and one more where it is urgent then.
    mark: AtomicU32,
    /// Requests that cannot go on before there is more.
    waiting: AtomicU32,
    /// How urgently it was asked since the task has looked.
    asked: AtomicU32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Urgency {
    Later = 1,
    Soon = 2,
}

/// What became of taking one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    One,
    /// One of the last.
    Low(Urgency),
    Nothing,
}

/// What asking has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asking {
    First,
    Hurried,
    Known,
}

/// What the task finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub left: u32,
    pub waiting: u32,
}

impl Reserve {
    pub fn take(&self) -> Taken {
        match self.left.fetch_update(AcqRel, Acquire, |left| left.checked_sub(1)) {
            Err(_) => Taken::Nothing,
            Ok(before) => match self.mark.load(Relaxed) {
                mark if before > mark / 2 => Taken::One,
                mark if mark % 2 == 0 => Taken::Low(Urgency::Later),
                _ => Taken::Low(Urgency::Soon),
            },
        }
    }

    /// Whoever is the first to ask tells the task.
    pub fn ask(&self, urgency: Urgency) -> Asking {
        match self.asked.fetch_max(urgency as u32, AcqRel) {
            0 => Asking::First,
            before if before < urgency as u32 => Asking::Hurried,
            _ => Asking::Known,
        }
    }

    pub fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, AcqRel);
        Waiting(self)
    }

    pub fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }

    /// From here on, asking is asking anew.
    pub fn look(&self) -> Found {
        self.asked.swap(0, AcqRel);
        Found { left: self.left.load(Acquire), waiting: self.waiting.load(Acquire) }
    }

    pub fn put(&self, count: u32, low: u32, urgency: Urgency) {
        let low = low.min(u32::MAX / 4);
        self.mark.store(2 * low + u32::from(urgency == Urgency::Soon), Relaxed);
        self.left.fetch_add(count, AcqRel);
    }

    /// Throws away what is more than this: how much that was.
    pub fn trim(&self, most: u32) -> u32 {
        let before = self.left.fetch_update(AcqRel, Acquire, |left| (left > most).then_some(most));
        before.map_or(0, |before| before - most)
    }
}

/// Somebody who waits, until it is dropped.
pub struct Waiting<'r>(&'r Reserve);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, AcqRel);
    }
}
