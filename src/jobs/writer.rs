//! The one writer: puts whatever has come in since the last commit into the next one.
//! Owns the queue. What it can no longer tell the store it tells the spool; a submission that cannot be put on record
//! is refused instead, before a byte of it leaves.
//! Never lets one entry that the store refuses take the others with it.

use super::spool::Spool;
use crate::{
    job::entry::{Entered, Entry},
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
    reply: Option<oneshot::Sender<Written>>,
}

impl Writer {
    pub fn start(runtime: &Handle, store: Store, spool: Arc<Spool>) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        runtime.spawn(run(queued, store, spool));
        Self { queue, runtime: runtime.clone() }
    }

    /// Waits until the entry is durable, or cannot be made so.
    pub async fn write(&self, entry: Entry) -> Written {
        let (reply, written) = oneshot::channel();
        if self.queue.send(Waiting { entry, reply: Some(reply) }).await.is_err() {
            return Written::Failed;
        }
        written.await.unwrap_or(Written::Failed)
    }

    /// For what must not be lost, but nobody waits for.
    pub fn note(&self, entry: Entry) {
        if let Err(mpsc::error::TrySendError::Full(waiting)) = self.queue.try_send(Waiting { entry, reply: None }) {
            let queue = self.queue.clone();
            self.runtime.spawn(async move { queue.send(waiting).await.is_ok() });
        }
    }

    /// For what may be left out.
    pub fn mention(&self, entry: Entry) {
        if self.queue.capacity() > QUEUE / 2 {
            let _ = self.queue.try_send(Waiting { entry, reply: None });
        }
    }
}

async fn run(mut queue: mpsc::Receiver<Waiting>, store: Store, spool: Arc<Spool>) {
    let mut batch = Vec::with_capacity(MOST);
    while queue.recv_many(&mut batch, MOST).await > 0 {
        let (entries, replies): (Vec<_>, Vec<_>) = batch.drain(..).map(|w| (w.entry, w.reply)).unzip();
        let written = write(&store, &spool, entries).await;
        for (reply, written) in replies.into_iter().zip(written) {
            // Whoever asked may have gone; what is written stays written.
            let _ = reply.map(|reply| reply.send(written));
        }
    }
}

async fn write(store: &Store, spool: &Spool, entries: Vec<Entry>) -> Vec<Written> {
    match enter(store, &entries).await {
        Ok(entered) => entered.into_iter().map(Written::Entered).collect(),
        Err(StoreError::Unavailable(because)) => {
            tracing::warn!(because, count = entries.len(), "the record of jobs cannot be written");
            spool_all(spool, entries).await
        }
        Err(error) if entries.len() == 1 => {
            tracing::error!(%error, "an entry in the record of jobs was refused");
            vec![Written::Failed]
        }
        Err(_) => one_by_one(store, spool, entries).await,
    }
}

async fn enter(store: &Store, entries: &[Entry]) -> Result<Vec<Entered>, StoreError> {
    let gone = || StoreError::Unavailable("it does not answer".into());
    timeout(PATIENCE, store.enter(entries)).await.unwrap_or_else(|_| Err(gone()))
}

async fn one_by_one(store: &Store, spool: &Spool, entries: Vec<Entry>) -> Vec<Written> {
    let mut written = Vec::with_capacity(entries.len());
    for entry in entries {
        written.extend(Box::pin(write(store, spool, vec![entry])).await);
    }
    written
}

/// What happened at a provider must be kept; what was only intended is refused, and what was only observed comes again.
async fn spool_all(spool: &Spool, entries: Vec<Entry>) -> Vec<Written> {
    let (mut places, mut kept) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        let keeps = matches!(entry, Entry::Bind(_) | Entry::End { .. } | Entry::Note(_));
        places.push(keeps);
        if keeps {
            kept.push(entry);
        }
    }
    let spooled = kept.is_empty() || spool.append(kept).await.is_ok();
    places.into_iter().map(|keeps| if keeps && spooled { Written::Spooled } else { Written::Failed }).collect()
}
