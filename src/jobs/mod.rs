//! Jobs on record: written down before anything is sent and before anything is answered, looked up for each follow-up.
//! Owns the one writer, the spool for when the store is gone, and the cache of what is on record.
//! Never forwards anything, and never decides who may reach what: `job::reach` does.
//!
//! Why one writer: a burst of submissions shares one transaction and one sync. Whatever arrives while a commit is under
//! way waits for the next, so that the batch grows with the load and nobody waits for a timer.

pub mod follow;
mod keeper;
mod known;
mod spool;
mod study;
mod writer;

pub use known::Seen;
pub use spool::{SpoolError, standing as spooled};
pub use study::Study;

use crate::{
    clock::Clock,
    directory::Directory,
    id::{ProcessId, SubmissionId, UserId},
    job::{
        Intent, Record, State, ThingKey,
        entry::{Binding, Entered, Entry, Note, Observation},
        quota::Exceeded,
    },
    presence::Presence,
    store::{Store, StoreError},
};
use known::{Known, Moment};
use smallvec::SmallVec;
use spool::Spool;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{runtime::Handle, sync::oneshot};
use writer::{Writer, Written};

/// The record of jobs, as the data plane uses it; one for the process.
pub struct Jobs {
    process: ProcessId,
    store: Store,
    runtime: Handle,
    clock: Clock,
    directory: Arc<Directory>,
    writer: Writer,
    spool: Arc<Spool>,
    known: Known,
    tally: Tally,
}

/// What became of this process's submissions.
#[derive(Default)]
pub struct Tally {
    pub intended: AtomicU64,
    pub bound: AtomicU64,
    pub refused: AtomicU64,
    pub not_sent: AtomicU64,
    pub unknown: AtomicU64,
    /// Answers that were withheld because they name another member's job.
    pub foreign: AtomicU64,
    /// Bindings that went to the spool first.
    pub spooled: AtomicU64,
}

/// What the record of jobs stands on.
#[derive(Clone)]
pub struct Ground {
    pub store: Store,
    /// The store's own.
    pub runtime: Handle,
    pub clock: Clock,
    pub directory: Arc<Directory>,
    pub presence: Arc<Presence>,
}

/// The record cannot be read or written now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record of jobs cannot be reached")]
pub struct Unavailable;

/// Why a submission may not be sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotIntended {
    #[error("it cannot be put on record")]
    Unavailable,
    #[error("a quota leaves no room for it")]
    Exceeded(Box<Exceeded>),
    /// An id or a mark of repetition that the client made is somebody else's.
    #[error("its id is taken")]
    Taken,
}

/// Why an answer may not be passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotBound {
    #[error("what it made cannot be put on record")]
    Unavailable,
    #[error("it names what is on record as another's")]
    Foreign,
}

impl Jobs {
    /// Takes over what earlier processes on this machine left: their spools are written down, and what they had open is
    /// of unknown fate from now on.
    pub async fn begin(ground: Ground, data_dir: &Path) -> Result<Arc<Self>, SpoolError> {
        let Ground { store, runtime, clock, directory, presence } = ground;
        let process = presence.process();
        let spool = Arc::new(Spool::open(data_dir, process)?);
        let writer = Writer::start(&runtime, store.clone(), Arc::clone(&spool));
        let jobs = Self {
            process,
            store,
            runtime,
            clock,
            directory,
            writer,
            spool,
            known: Known::default(),
            tally: Tally::default(),
        };
        jobs.take_over(data_dir).await?;
        Ok(Arc::new(jobs))
    }

    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What waits for the next commit.
    pub fn queued(&self) -> usize {
        self.writer.queued()
    }

    /// Entries in the spool, and their bytes: what the store is still to be told.
    pub fn spooled(&self) -> (u64, u64) {
        self.spool.size()
    }

    pub const fn process(&self) -> ProcessId {
        self.process
    }

    /// Puts a submission on record. Durable when this returns.
    pub async fn intend(&self, intent: Intent) -> Result<(), NotIntended> {
        match self.writer.write(Entry::Intend(intent), Vec::new()).await {
            Written::Entered(Entered::Done) => {
                count(&self.tally.intended);
                Ok(())
            }
            Written::Entered(Entered::Exceeded(exceeded)) => Err(NotIntended::Exceeded(exceeded)),
            Written::Entered(_) => Err(NotIntended::Taken),
            Written::Spooled | Written::Failed => Err(NotIntended::Unavailable),
        }
    }

    /// Puts on record what a submission made; `record` says how it is to be found until the store can be asked. Durable
    /// when this returns: in the store, or in the spool.
    pub async fn bind(&self, binding: Binding, record: impl Fn(ThingKey) -> Record) -> Result<(), NotBound> {
        let provider = binding.provider.clone();
        let keys = binding.made.iter().map(|made| ThingKey::new(&binding.provider, &made.thing));
        let records: Vec<Record> = keys.map(record).collect();
        let written = self.writer.write(Entry::Bind(binding), records.clone()).await;
        for record in &records {
            self.known.forget(&record.key);
        }
        match written {
            Written::Entered(Entered::Done) => {
                count(&self.tally.bound);
                Ok(())
            }
            Written::Spooled => {
                count(&self.tally.bound);
                count(&self.tally.spooled);
                Ok(())
            }
            Written::Entered(Entered::Foreign) => {
                tracing::error!(
                    event = "answer.withheld",
                    provider,
                    "an answer named a job that is on record as another's; it was withheld"
                );
                count(&self.tally.foreign);
                Err(NotBound::Foreign)
            }
            Written::Entered(entered) => {
                tracing::error!(
                    event = "answer.withheld",
                    provider,
                    ?entered,
                    "a submission is no longer on record; its answer was withheld"
                );
                Err(NotBound::Unavailable)
            }
            Written::Failed => Err(NotBound::Unavailable),
        }
    }

    /// Says what became of a submission that made nothing, or of which nobody knows. Nobody waits for it.
    pub fn end(&self, submission: SubmissionId, state: State) {
        match state {
            State::Refused => count(&self.tally.refused),
            State::NotSent => count(&self.tally.not_sent),
            State::Unknown => count(&self.tally.unknown),
            State::Open | State::Bound => {}
        }
        self.writer.note(Entry::End { submission, state, at: self.clock.now() });
    }

    /// Writes down what an answer said, and says whether that was done: under pressure it is left out, as it is of what
    /// only the spool has, and the next answer says it again.
    pub async fn observe(&self, observation: Observation) -> bool {
        matches!(self.writer.offer(Entry::Observe(observation)).await, Written::Entered(Entered::Done))
    }

    /// For the audit trail. Durable when this returns.
    pub async fn note(&self, note: Note) -> Result<(), Unavailable> {
        match self.writer.write(Entry::Note(note), Vec::new()).await {
            Written::Entered(_) | Written::Spooled => Ok(()),
            Written::Failed => Err(Unavailable),
        }
    }

    /// What is on record under these keys, where all of it is known here already.
    pub fn recall(&self, keys: &[ThingKey]) -> Option<SmallVec<[Arc<Seen>; 4]>> {
        self.known.follow(self.directory.records_epoch());
        keys.iter().map(|key| self.known.recall(key)).collect()
    }

    /// What is on record under these keys; one entry for each.
    pub async fn find(&self, keys: &[ThingKey]) -> Result<SmallVec<[Arc<Seen>; 4]>, Unavailable> {
        if let Some(seen) = self.recall(keys) {
            return Ok(seen);
        }
        let moment = self.known.moment();
        let (store, wanted) = (self.store.clone(), keys.to_vec());
        let found = match self.apart(async move { store.records(&wanted).await }).await {
            // What only the spool has is on record, too.
            Err(Unavailable) if keys.iter().all(|key| !self.spool.records(key).is_empty()) => Vec::new(),
            found => found?,
        };
        Ok(keys.iter().map(|key| self.remember(*key, &found, moment)).collect())
    }

    fn remember(&self, key: ThingKey, found: &[Record], moment: Moment) -> Arc<Seen> {
        let stored = found.iter().filter(|record| record.key == key).cloned();
        let mut records: Vec<Record> = stored.collect();
        for spooled in self.spool.records(&key) {
            if !records.iter().any(|record| record.account == spooled.account) {
                records.push(spooled);
            }
        }
        self.known.keep(key, records, moment)
    }

    /// Whether a submission of this user's to this provider is not settled yet, so that an id that is not on record may be theirs.
    pub async fn is_pending(&self, user: UserId, provider: &str) -> Result<bool, Unavailable> {
        let (store, provider) = (self.store.clone(), provider.to_owned());
        self.apart(async move { store.is_pending(user, &provider).await }).await
    }

    /// Asks the store on its own runtime: no data-plane core waits for another core's reactor.
    async fn apart<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.runtime.spawn(async move {
            let _ = answer.send(question.await);
        });
        match answered.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::warn!(event = "record.not_read", %error, "the record of jobs could not be read");
                Err(Unavailable)
            }
            Err(_) => Err(Unavailable),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
