//! How soon changes are in force here after they were made, and how the log is followed.
//! Owns the figures; the follower alone writes them.
//! Never compares clocks of two machines: a change has its time from the store, and the store says what time it is.

use crate::{presence::Following, store::Changes, telemetry::metrics::Histogram};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Of so many changes the slowest is told.
const LATELY: usize = 256;

#[derive(Default)]
pub struct Pace {
    /// From a change's being made to its being in force in this process.
    pub lag: Histogram,
    /// How often all that is cached had to be asked for again.
    pub starts_over: AtomicU64,
    /// Attempts to follow the log that failed.
    pub failures: AtomicU64,
    listening: AtomicBool,
    followed: AtomicI64,
    lately: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    lags: Vec<Duration>,
    next: usize,
}

impl Pace {
    /// Whether the store tells of changes, so that none has to be looked for.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    pub(super) fn follow(&self, seq: i64) {
        self.followed.store(seq, Ordering::Relaxed);
    }

    pub(super) fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn listen(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
    }

    pub(super) fn start_over(&self, seq: i64) {
        self.starts_over.fetch_add(1, Ordering::Relaxed);
        self.follow(seq);
    }

    /// Of changes that are in force now, so long after they were read; the slowest of them.
    pub(super) fn measure(&self, changes: &Changes, since: Duration) -> Option<Duration> {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slowest = None;
        for at in changes.list.iter().filter_map(|logged| logged.at) {
            // A store whose clock was set back between the two says nothing.
            let Ok(until_read) = u64::try_from(changes.now.millis() - at.millis()) else { continue };
            let lag = Duration::from_millis(until_read) + since;
            self.lag.record_shared(lag);
            lately.push(lag);
            slowest = slowest.max(Some(lag));
        }
        slowest
    }
}

impl Following for Pace {
    fn followed(&self) -> i64 {
        self.followed.load(Ordering::Relaxed)
    }

    fn slowest(&self) -> Option<Duration> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner).lags.iter().max().copied()
    }
}

impl Ring {
    fn push(&mut self, lag: Duration) {
        if self.lags.len() < LATELY {
            self.lags.push(lag);
        } else if let Some(place) = self.lags.get_mut(self.next) {
            *place = lag;
            self.next = (self.next + 1) % LATELY;
        }
    }
}
