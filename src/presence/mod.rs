//! Which processes serve from this store, and which of them does what only one does at a time.
//! Owns this process's signs of life, what it has seen of those of others, and the turns that it has.
//! Never compares clocks, which jump: whose beats stand still for as long as this process has counted is silent.
//!
//! Why a turn is a fence and not a promise: a process that is stopped for a minute does not know. It finds out before it
//! acts when it looks at the time that has passed here, and a write that comes too late all the same is refused by the
//! store, where the turn has gone to another.

use crate::{
    clock::Clock,
    id::ProcessId,
    store::{Beat, Fence, LeaseRow, ProcessRow, Store, StoreError},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Between two signs of life.
const EVERY: Duration = Duration::from_secs(5);
/// After this long without having told the store that it lives, a process does no duty any more.
const HOLDS: Duration = Duration::from_secs(15);
/// Who has not been heard for this long loses its duties. Longer than it may think that it has them.
const SILENT: Duration = Duration::from_secs(20);
/// Who has not been heard for this long is dead, whatever machine it ran on, and what it had open is of unknown fate.
const DEAD: Duration = Duration::from_secs(60);

/// What one process does for all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Duty {
    /// Takes away what is too old.
    Retention,
    /// Tells webhooks of what happens by itself.
    Watch,
    /// Asks providers about open jobs.
    FollowJobs,
}

impl Duty {
    const ALL: [Self; 3] = [Self::Retention, Self::Watch, Self::FollowJobs];

    const fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Watch => "watch",
            Self::FollowJobs => "follow-jobs",
        }
    }
}

/// How this process follows the change log, for others to read.
pub trait Following: Send + Sync {
    /// Up to which change.
    fn followed(&self) -> i64;
    /// The longest that one of the last changes took to be in force here.
    fn slowest(&self) -> Option<Duration>;
}

/// Who serves from this store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replicas {
    pub heard: usize,
    /// Ended in no order, or cannot reach the store.
    pub silent: usize,
    /// How long ago this process last told the store that it lives.
    pub told: Option<Duration>,
}

pub struct Presence {
    process: ProcessId,
    host: String,
    store: Store,
    clock: Clock,
    state: Mutex<State>,
    living: Arc<AtomicU32>,
}

#[derive(Default)]
struct State {
    /// When the store was last asked, with success, to note that this process lives.
    beaten: Option<Instant>,
    others: HashMap<ProcessId, Heard>,
    fences: HashMap<Duty, Fence>,
}

/// What was last heard of a process, and when here.
struct Heard {
    beats: i64,
    at: Instant,
}

impl State {
    /// Takes note of who is there; forgets who is not.
    fn hear(&mut self, rows: &[ProcessRow], now: Instant) {
        self.others.retain(|process, _| rows.iter().any(|row| row.process == *process));
        for row in rows {
            let heard = self.others.entry(row.process).or_insert(Heard { beats: row.beats, at: now });
            if heard.beats != row.beats {
                *heard = Heard { beats: row.beats, at: now };
            }
        }
    }

    fn silent_for(&self, span: Duration, now: Instant) -> impl Iterator<Item = (ProcessId, i64)> {
        let is_silent = move |heard: &Heard| now.saturating_duration_since(heard.at) >= span;
        self.others.iter().filter(move |(_, heard)| is_silent(heard)).map(|(process, heard)| (*process, heard.beats))
    }

    fn living(&self, now: Instant) -> u32 {
        let silent = self.silent_for(SILENT, now).count();
        u32::try_from(self.others.len() - silent).unwrap_or(u32::MAX).max(1)
    }

    /// Whether somebody has this turn and is heard of.
    fn is_held(&self, lease: &LeaseRow, now: Instant) -> bool {
        let heard = lease.holder.and_then(|holder| self.others.get(&holder));
        heard.is_some_and(|heard| now.saturating_duration_since(heard.at) < SILENT)
    }
}

impl Presence {
    /// Says for the first time that this process is there.
    pub async fn begin(store: Store, clock: Clock, following: &dyn Following) -> Result<Self, StoreError> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let this =
            Self { process: ProcessId::new(), host, store, clock, state: Mutex::default(), living: Arc::new(1.into()) };
        this.turn(following).await?;
        Ok(this)
    }

    pub const fn process(&self) -> ProcessId {
        self.process
    }

    /// How many processes live, this one included, for whoever looks often; as far as was last heard.
    pub fn living(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.living)
    }

    /// For as long as the process runs.
    pub async fn keep(&self, following: &dyn Following) {
        loop {
            sleep(EVERY).await;
            if let Err(error) = self.turn(following).await {
                tracing::debug!(%error, "the store could not be told that this process lives");
            }
        }
    }

    /// The evidence that it is this process's turn, if it is.
    pub fn holds(&self, duty: Duty) -> Option<Fence> {
        let state = self.state();
        let lately = state.beaten.is_some_and(|at| at.elapsed() < HOLDS);
        state.fences.get(&duty).copied().filter(|_| lately)
    }

    /// Who is heard of, this process included, and who is not any more.
    pub fn replicas(&self) -> Replicas {
        let (now, state) = (Instant::now(), self.state());
        let silent = state.silent_for(SILENT, now).filter(|(process, _)| *process != self.process).count();
        Replicas { heard: state.others.len().saturating_sub(silent), silent, told: state.beaten.map(|at| at.elapsed()) }
    }

    /// What this process had its turns for is another's to do.
    pub async fn end(&self) -> Result<(), StoreError> {
        self.state().fences.clear();
        self.store.give_back_leases(self.process).await?;
        self.store.forget_process(self.process).await
    }

    async fn turn(&self, following: &dyn Following) -> Result<(), StoreError> {
        self.beat(following).await?;
        let mut reading = self.store.read().await?;
        let (rows, leases) = (reading.processes().await?, reading.leases().await?);
        drop(reading);
        let dead: Vec<_> = {
            let (now, mut state) = (Instant::now(), self.state());
            state.hear(&rows, now);
            self.living.store(state.living(now), Relaxed);
            state.silent_for(DEAD, now).filter(|(process, _)| *process != self.process).collect()
        };
        let orphaned = self.store.orphan(&dead, self.clock.now()).await?;
        if orphaned > 0 {
            tracing::warn!(
                event = "submissions.unknown",
                count = orphaned,
                "submissions of a process that died are of unknown fate"
            );
        }
        self.take_turns(&leases).await
    }

    async fn beat(&self, following: &dyn Following) -> Result<(), StoreError> {
        let asked = Instant::now();
        let lag = following.slowest().map(|lag| i64::try_from(lag.as_millis()).unwrap_or(i64::MAX));
        let (process, host, version) = (self.process, self.host.clone(), env!("CARGO_PKG_VERSION"));
        self.store.beat(&Beat { process, host, version, followed: following.followed(), lag }).await?;
        self.state().beaten = Some(asked);
        Ok(())
    }

    async fn take_turns(&self, leases: &[LeaseRow]) -> Result<(), StoreError> {
        for duty in Duty::ALL {
            let lease = leases.iter().find(|lease| lease.name == duty.name());
            let mine = lease.filter(|lease| lease.holder == Some(self.process)).map(|lease| lease.epoch);
            let kept = self.state().fences.get(&duty).map(|fence| fence.epoch);
            if kept.is_some() && kept == mine {
                continue;
            }
            self.state().fences.remove(&duty);
            let is_free = lease.is_none_or(|lease| mine.is_some() || !self.state().is_held(lease, Instant::now()));
            if !is_free {
                continue;
            }
            let taken = self.store.take_lease(duty.name(), self.process, lease.map(|lease| lease.epoch)).await?;
            if let Some(fence) = taken {
                tracing::debug!(duty = duty.name(), epoch = fence.epoch, "this process does it for all");
                self.state().fences.insert(duty, fence);
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left a state that is whole: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn row(process: ProcessId, beats: i64) -> ProcessRow {
        let seen = Timestamp::from_millis(0);
        ProcessRow { process, beats, seen, host: None, version: None, followed: None, lag: None, knows: None }
    }

    #[test]
    fn who_stands_still_is_silent_whatever_the_clocks_say() {
        let (mut state, one, other) = (State::default(), ProcessId::new(), ProcessId::new());
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        state.hear(&[row(one, 1), row(other, 1)], start);
        for seconds in [5, 10, 15, 20, 55] {
            state.hear(&[row(one, 1), row(other, i64::try_from(seconds).unwrap())], later(seconds));
        }
        let silent = |state: &State, span, at| state.silent_for(span, later(at)).collect::<Vec<_>>();
        assert_eq!(silent(&state, DEAD, 59), []);
        assert_eq!(silent(&state, DEAD, 60), [(one, 1)]);
        let lease = |holder| LeaseRow { name: "watch".into(), holder, epoch: 1 };
        assert!(!state.is_held(&lease(Some(one)), later(20)) && state.is_held(&lease(Some(other)), later(60)));
        assert_eq!((state.living(later(19)), state.living(later(20))), (2, 1));
        assert!(!state.is_held(&lease(None), later(20)), "it was given back");
        assert!(!state.is_held(&lease(Some(ProcessId::new())), later(20)), "nobody knows who that was");
    }

    #[test]
    fn who_is_new_here_has_the_whole_time_to_be_heard() {
        let (mut state, one) = (State::default(), ProcessId::new());
        let start = Instant::now();
        state.hear(&[row(one, 900)], start);
        assert_eq!(state.silent_for(SILENT, start + Duration::from_secs(19)).count(), 0);
        state.hear(&[], start + Duration::from_secs(20));
        assert!(state.others.is_empty(), "it ended in order");
    }
}
