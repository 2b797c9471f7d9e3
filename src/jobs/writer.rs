//! The one writer: puts whatever has come in since the last commit into the next one.
//! Owns the queue. What has happened and the store cannot be told, bindings, ends and notes for the audit trail, it tells
//! the spool; a submission that cannot be put on record is refused instead, before a byte of it leaves.
//! Never lets one entry that the store refuses take the others with it.

use super::spool::Spool;
use crate::{
    job::{
        Record,
        entry::{Entered, Entry},
    },
    store::{Store, StoreError},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Entries in one transaction.
const MOST: usize = 256;
/// Entries that wait: more of them are not taken, and what may be left out is.
const QUEUE: usize = 16 * 1024;
/// A store that does not answer for this long is gone.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    runtime: Handle,
    /// One clone is this, and each entry that is not written yet has another.
    pending: Arc<()>,
}

/// Where an entry is now.
#[derive(Debug)]
pub enum Written {
    Entered(Entered),
    /// In the spool, synced.
    Spooled,
    /// Nowhere.
    Failed,
}

struct Waiting {
    entry: Entry,
    /// What the entry puts on record, for as long as only the spool has it.
    records: Vec<Record>,
    reply: Option<oneshot::Sender<Written>>,
    _pending: Arc<()>,
}

impl Writer {
    pub fn start(runtime: &Handle, store: Store, spool: Arc<Spool>) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        runtime.spawn(run(queued, store, spool));
        Self { queue, runtime: runtime.clone(), pending: Arc::new(()) }
    }

    /// Waits until the entry is durable, or cannot be made so.
    pub async fn write(&self, entry: Entry, records: Vec<Record>) -> Written {
        let (reply, written) = oneshot::channel();
        let waiting = Waiting { entry, records, reply: Some(reply), _pending: Arc::clone(&self.pending) };
        if self.queue.send(waiting).await.is_err() {
            return Written::Failed;
        }
        written.await.unwrap_or(Written::Failed)
    }

    /// For what must not be lost, but nobody waits for.
    pub fn note(&self, entry: Entry) {
        let waiting = Waiting { entry, records: Vec::new(), reply: None, _pending: Arc::clone(&self.pending) };
        if let Err(mpsc::error::TrySendError::Full(waiting)) = self.queue.try_send(waiting) {
            let queue = self.queue.clone();
            self.runtime.spawn(async move { queue.send(waiting).await.is_ok() });
        }
    }

    /// For what may be left out, and is under pressure.
    pub async fn offer(&self, entry: Entry) -> Written {
        if self.queue.capacity() > QUEUE / 2 { self.write(entry, Vec::new()).await } else { Written::Failed }
    }

    /// Whether everything that was handed in has been dealt with.
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.pending) == 1
    }
}

async fn run(mut queue: mpsc::Receiver<Waiting>, store: Store, spool: Arc<Spool>) {
    let mut batch = Vec::with_capacity(MOST);
    while queue.recv_many(&mut batch, MOST).await > 0 {
        write(&store, &spool, std::mem::take(&mut batch)).await;
    }
}

async fn write(store: &Store, spool: &Spool, batch: Vec<Waiting>) {
    let entries: Vec<Entry> = batch.iter().map(|waiting| waiting.entry.clone()).collect();
    match enter(store, &entries).await {
        Ok(entered) => {
            batch.into_iter().zip(entered).for_each(|(waiting, entered)| waiting.answer(Written::Entered(entered)));
        }
        Err(StoreError::Unavailable(because)) => {
            tracing::warn!(because, count = entries.len(), "the record of jobs cannot be written");
            keep(spool, batch).await;
        }
        Err(error) if entries.len() == 1 => {
            tracing::error!(%error, "an entry in the record of jobs was refused");
            for waiting in batch {
                waiting.answer(Written::Failed);
            }
        }
        Err(_) => {
            for waiting in batch {
                Box::pin(write(store, spool, vec![waiting])).await;
            }
        }
    }
}

async fn enter(store: &Store, entries: &[Entry]) -> Result<Vec<Entered>, StoreError> {
    let gone = || StoreError::Unavailable("it does not answer".into());
    timeout(PATIENCE, store.enter(entries)).await.unwrap_or_else(|_| Err(gone()))
}

/// What happened at a provider must be kept; what was only intended is refused, and what was only observed comes again.
async fn keep(spool: &Spool, batch: Vec<Waiting>) {
    let happened = |waiting: &Waiting| matches!(waiting.entry, Entry::Bind(_) | Entry::End { .. } | Entry::Note(_));
    let (kept, lost): (Vec<Waiting>, Vec<Waiting>) = batch.into_iter().partition(happened);
    for waiting in lost {
        waiting.answer(Written::Failed);
    }
    if kept.is_empty() {
        return;
    }
    let entries = kept.iter().map(|waiting| (waiting.entry.clone(), waiting.records.clone())).collect();
    let spooled = spool.append(entries).await.is_ok();
    for waiting in kept {
        waiting.answer(if spooled { Written::Spooled } else { Written::Failed });
    }
}

impl Waiting {
    /// Whoever asked may have gone; what is written stays written.
    fn answer(self, written: Written) {
        let _ = self.reply.map(|reply| reply.send(written));
    }
}
