//! One source in use: what it gave last, when, and what is the matter with it.
//! Owns that value, and the turn of whoever reads the source: one at a time, for everybody who waits.
//! Never gives out a value for longer than its source allows once it cannot be read.

use super::{Key, Reader, Spec, problem::Problem};
use crate::{
    clock::Timestamp,
    provider::{Fields, Provider},
    scheme::Injection,
    secret::Secret,
    vault::SecretFields,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

pub struct Well {
    pub key: Key,
    spec: Mutex<Arc<Spec>>,
    state: Mutex<State>,
    turn: tokio::sync::Mutex<()>,
    /// For what blocks a thread.
    pub blocking: Arc<Semaphore>,
}

struct State {
    value: Option<Value>,
    /// Moves on with each other value, and when a value may not be used any more.
    generation: u64,
    /// When the last attempt began.
    tried: Option<Instant>,
    failing: Option<Failing>,
    used: Instant,
    /// Its grants have been dropped, because its value may not be used any more.
    lost: bool,
    /// They have been dropped to see who still needs one.
    doubted: bool,
    noted: Option<Instant>,
}

struct Value {
    fields: Arc<SecretFields>,
    read: Instant,
    at: Timestamp,
}

#[derive(Clone)]
struct Failing {
    since: Timestamp,
    problem: Arc<Problem>,
}

/// How a source is found, for those who ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    pub read: Option<Timestamp>,
    pub failing: Option<(Timestamp, Box<str>)>,
}

/// What an attempt to read came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read {
    First,
    Same,
    Changed,
    Failed,
}

/// What is to be done about a source that nobody is waiting for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    Nothing,
    Read,
    /// Its grants are to be dropped: who still needs one asks again.
    Drop,
    /// Nobody has asked for it for long.
    Forget,
}

/// Attempts at a source that nothing is left of are no closer together than this.
const AGAIN: Duration = Duration::from_secs(1);
/// Who still uses a value is asked to say so after this time.
const USED: Duration = Duration::from_secs(3600);
const UNUSED: Duration = Duration::from_secs(300);
const NOTED: Duration = Duration::from_secs(60);

impl Well {
    pub fn new(key: Key, spec: Arc<Spec>) -> Self {
        let state = State {
            value: None,
            generation: 0,
            tried: None,
            failing: None,
            used: Instant::now(),
            lost: false,
            doubted: false,
            noted: None,
        };
        let (turn, blocking) = (tokio::sync::Mutex::default(), Arc::new(Semaphore::new(1)));
        Self { key, spec: Mutex::new(spec), state: Mutex::new(state), turn, blocking }
    }

    pub fn spec(&self) -> Arc<Spec> {
        Arc::clone(&self.spec.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the preset says may be something else since a reload.
    pub fn follow(&self, spec: Arc<Spec>) {
        *self.spec.lock().unwrap_or_else(PoisonError::into_inner) = spec;
    }

    /// Somebody is about to use it.
    pub fn touch(&self) {
        let mut state = self.state();
        (state.used, state.doubted) = (Instant::now(), false);
    }

    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// What may be used now. `None`: it has to be read first, unless that was just tried.
    pub fn value(&self) -> Option<Arc<SecretFields>> {
        let state = self.state();
        let value = state.value.as_ref()?;
        let good = state.failing.is_none() || value.read.elapsed() < self.spec().source.keep;
        good.then(|| Arc::clone(&value.fields))
    }

    pub fn problem(&self) -> Option<Arc<Problem>> {
        self.state().failing.as_ref().map(|failing| Arc::clone(&failing.problem))
    }

    /// Whether nothing is to be expected of another attempt yet.
    pub fn was_just_tried(&self) -> bool {
        let state = self.state();
        state.failing.is_some() && state.tried.is_some_and(|at| at.elapsed() < AGAIN)
    }

    /// Reads the source; whoever asked before that began need not.
    pub async fn read(&self, reader: &Reader, pause: Duration) -> Read {
        let asked = Instant::now();
        let _turn = self.turn.lock().await;
        let before = self.state().tried;
        if before.is_some_and(|at| at >= asked) {
            return if self.state().failing.is_some() { Read::Failed } else { Read::Same };
        }
        if let Some(wait) = before.and_then(|at| pause.checked_sub(at.elapsed())) {
            tokio::time::sleep(wait).await;
        }
        self.state().tried = Some(Instant::now());
        let spec = self.spec();
        let outcome = reader.read(&spec, &self.blocking).await;
        let outcome = outcome.and_then(|fields| spec.check(&fields).map(|()| fields));
        self.note(outcome, reader.clock.now())
    }

    fn note(&self, outcome: Result<SecretFields, Problem>, now: Timestamp) -> Read {
        let (Key { credential, version }, mut state) = (self.key, self.state());
        state.noted = state.noted.filter(|_| state.failing.is_none() == outcome.is_ok());
        let fields = match outcome {
            Ok(fields) => fields,
            Err(problem) => {
                let since = state.failing.as_ref().map_or(now, |failing| failing.since);
                if state.failing.is_none() {
                    if state.value.is_some() {
                        let keep = self.spec().source.keep.as_secs();
                        tracing::warn!(event = "source.failing", %credential, version, %problem, keep, "the source of a credential cannot be read; its last value is kept for so many seconds");
                    } else {
                        tracing::warn!(event = "source.failing", %credential, version, %problem, "the source of a credential cannot be read; there is no last value");
                    }
                }
                state.failing = Some(Failing { since, problem: Arc::new(problem) });
                return Read::Failed;
            }
        };
        state.lost = false;
        if state.failing.take().is_some() {
            tracing::info!(event = "source.back", %credential, version, "the source of a credential can be read again");
        }
        let had = state.value.is_some();
        let same = state.value.as_ref().is_some_and(|value| equal(&value.fields, &fields));
        let fields = match &state.value {
            Some(value) if same => Arc::clone(&value.fields),
            _ => Arc::new(fields),
        };
        state.value = Some(Value { fields, read: Instant::now(), at: now });
        if same {
            return Read::Same;
        }
        state.generation += 1;
        if had { Read::Changed } else { Read::First }
    }

    /// What is to be done about it now.
    pub fn due(&self) -> Due {
        let spec = self.spec();
        let mut state = self.state();
        let (unused, keep) = (state.used.elapsed(), spec.source.keep);
        if unused > USED + UNUSED {
            return Due::Forget;
        }
        let gone = state.failing.is_some() && state.value.as_ref().is_some_and(|value| value.read.elapsed() >= keep);
        if (gone && !state.lost) || (unused > USED && !state.doubted) {
            (state.lost, state.doubted) = (gone, unused > USED);
            state.generation += 1;
            return Due::Drop;
        }
        if self.turn.try_lock().is_err() {
            return Due::Nothing;
        }
        let every = if state.failing.is_some() { spec.source.every.clamp(AGAIN, RETRY) } else { spec.interval() };
        if state.tried.is_none_or(|at| at.elapsed() >= every) { Due::Read } else { Due::Nothing }
    }

    /// How it is, if that is to be written down now.
    pub fn take_news(&self) -> Option<Condition> {
        let mut state = self.state();
        if state.noted.is_some_and(|at| at.elapsed() < NOTED) {
            return None;
        }
        state.tried?;
        state.noted = Some(Instant::now());
        Some(condition(&state))
    }

    pub fn is_failing(&self) -> bool {
        self.state().failing.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source that fails is asked at least this often whether it is back.
const RETRY: Duration = Duration::from_secs(10);

fn condition(state: &State) -> Condition {
    let failing = state.failing.as_ref().map(|failing| (failing.since, failing.problem.to_string().into()));
    Condition { read: state.value.as_ref().map(|value| value.at), failing }
}

fn equal(one: &SecretFields, other: &SecretFields) -> bool {
    let is_in_other = |name: &str, value: &Secret| other.get(name).is_some_and(|o| o.expose() == value.expose());
    one.len() == other.len() && one.iter().all(|(name, value)| is_in_other(name, value))
}

impl Spec {
    /// The credential, of what was entered and what was read.
    pub fn fields(&self, read: &SecretFields) -> Result<Fields, Problem> {
        fields(&self.provider, self.entered.iter().chain(read))
    }

    fn check(&self, read: &SecretFields) -> Result<(), Problem> {
        let fields = self.fields(read)?;
        let preset = self.provider.preset();
        let exchanged = preset.exchange.as_ref().map(|_| "access-token");
        Injection::new(preset, &fields, exchanged).map(drop).map_err(|_| Problem::Header)
    }

    /// A change of a file is to be seen within a second.
    fn interval(&self) -> Duration {
        match self.source.place {
            crate::credential::source::Place::Files(_) => self.source.every.min(Duration::from_millis(400)),
            _ => self.source.every,
        }
    }
}

fn fields<'f>(provider: &Provider, all: impl Iterator<Item = (&'f Box<str>, &'f Secret)>) -> Result<Fields, Problem> {
    Ok(provider.fields(all.map(|(name, value)| (name.to_string(), value.clone())))?)
}
