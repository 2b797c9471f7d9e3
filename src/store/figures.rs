//! How long the store takes, and how often it fails, by what it was asked.
//! Owns the counters; every clone of a store adds to the same.
//! Never counts as a failure what contradicts what is in the store: that is an answer.

use super::{Result, Store, StoreError};
use crate::telemetry::metrics::{Counter, Histogram, label};
use sqlx::AnyPool;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

label! {
    /// What the store is asked.
    Question {
        Caller = "caller",
        Offers = "offers",
        Credential = "credential",
        Jobs = "jobs",
        Changes = "changes",
        Record = "record",
        Turn = "turn",
        Commit = "commit",
    }
}

#[derive(Default, Debug)]
pub struct Figures {
    spans: [Histogram; Question::ALL.len()],
    failures: [Counter; Question::ALL.len()],
}

impl Figures {
    pub fn span(&self, question: Question) -> &Histogram {
        &self.spans[question as usize]
    }

    pub fn failures(&self, question: Question) -> &Counter {
        &self.failures[question as usize]
    }

    fn note(&self, question: Question, took: Duration, is_failure: bool) {
        self.span(question).record_shared(took);
        self.failures(question).add_shared(is_failure.into());
    }
}

/// A question that is under way. Given up, because nobody waits any longer, it has failed.
struct Asking {
    figures: Arc<Figures>,
    question: Question,
    began: Instant,
    is_failure: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.figures.note(self.question, self.began.elapsed(), self.is_failure);
    }
}

/// How many connections are open to the store, and how many of them are in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connections {
    pub most: u32,
    pub open: u32,
    pub used: u32,
}

impl Connections {
    fn of(pool: &AnyPool) -> Self {
        let (open, idle) = (pool.size(), pool.num_idle() as u32);
        Self { most: pool.options().get_max_connections(), open, used: open.saturating_sub(idle) }
    }
}

impl Store {
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Whether it can say when something has changed: SQLite has nobody to tell.
    pub const fn tells_of_changes(&self) -> bool {
        self.dialect.notify().is_some()
    }

    /// Those that read, and those that write.
    pub fn connections(&self) -> [(&'static str, Connections); 2] {
        [("read", Connections::of(&self.readers)), ("write", Connections::of(&self.writers))]
    }

    pub(super) async fn counted<T>(
        &self,
        question: Question,
        asking: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let mut under_way =
            Asking { figures: Arc::clone(&self.figures), question, began: Instant::now(), is_failure: true };
        let answer = asking.await;
        under_way.is_failure = !matches!(answer, Ok(_) | Err(StoreError::Conflict(_)));
        answer
    }
}
