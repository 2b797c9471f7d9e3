//! The order of events that keeps what is cached as new as the log that is followed.
//! Owns how far the log has been followed, and which telling of it the caches are of.
//! Never looks at what is cached.
//!
//! Why nothing old is ever found: whoever keeps a reading looks at the floor while they hold the lock of its place, and
//! whoever follows a change raises the floor *before* they take that lock to drop what changed. Whichever has the lock
//! first, the other sees it. `tests/ordering.rs` runs this file through every order that threads can take.

use super::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// How far the log has been followed.
pub struct Order {
    /// What was read before this number is older than what is known.
    floor: AtomicI64,
    /// Each time that the log was lost, another begins.
    era: AtomicU32,
    /// Moves on whenever something was dropped.
    epoch: AtomicU64,
}

/// When a question left for the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departure {
    pub era: u32,
}

impl Order {
    pub fn new() -> Self {
        Self { floor: AtomicI64::new(0), era: AtomicU32::new(1), epoch: AtomicU64::new(1) }
    }

    pub fn era(&self) -> u32 {
        self.era.load(Ordering::Acquire)
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// To be called before the store is asked.
    pub fn depart(&self) -> Departure {
        Departure { era: self.era() }
    }

    /// Whether what was read at this place of the log is as new as what is known. To be asked under the lock of the place
    /// where it is to be kept.
    pub fn holds(&self, departure: Departure, head: i64) -> bool {
        // The era first: what follows it in time sets the floor anew.
        self.era() == departure.era && self.floor.load(Ordering::Acquire) <= head
    }

    /// Everything up to `head` is known: drops what it was about.
    pub fn advance(&self, head: i64, drop_changed: impl FnOnce()) {
        self.floor.fetch_max(head, Ordering::AcqRel);
        drop_changed();
        self.moved();
    }

    /// The log was lost, or its history is another: what was kept until now is not to be trusted, and what is still on its
    /// way is not to be kept.
    pub fn start_over(&self, head: i64) {
        self.era.fetch_add(1, Ordering::AcqRel);
        self.floor.store(head, Ordering::Release);
        self.moved();
    }

    /// Something was dropped: copies are to be asked for again.
    pub fn moved(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
