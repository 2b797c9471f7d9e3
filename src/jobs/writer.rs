//! The one writer: puts whatever has come in since the last commit into the next one.
//! Owns the queue. What has happened and the store cannot be told, bindings, ends and notes for the audit trail, it tells
//! the spool; a submission that cannot be put on record is refused instead, before a byte of it leaves.
//! Never lets one entry that the store refuses take the others with it.

use super::spool::Spool;
use crate::{
    job::{
        Record, State,
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

    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Whether everything that was handed in has been dealt with.
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.pending) == 1
    }
}

async fn run(mut queue: mpsc::Receiver<Waiting>, store: Store, spool: Arc<Spool>) {
    let (mut batch, mut doubtful) = (Vec::with_capacity(MOST), Vec::new());
    while queue.recv_many(&mut batch, MOST).await > 0 {
        match write(&store, &spool, std::mem::take(&mut batch)).await {
            Reached::Store => end(&store, &mut doubtful).await,
            Reached::Nobody(refused) => doubtful.extend(refused.into_iter().take(QUEUE - doubtful.len())),
        }
    }
}

async fn end(store: &Store, doubtful: &mut Vec<Entry>) {
    let some = doubtful.len().min(MOST);
    if some > 0 && enter(store, &doubtful[..some]).await.is_ok() {
        doubtful.drain(..some);
    }
}

/// How a batch fared.
enum Reached {
    Store,
    /// The ends of the submissions that were refused for it. Whether a commit whose answer was lost has happened nobody
    /// knows: what is on record all the same would hold its part of a quota for as long as this process lives.
    Nobody(Vec<Entry>),
}

async fn write(store: &Store, spool: &Spool, batch: Vec<Waiting>) -> Reached {
    let entries: Vec<Entry> = batch.iter().map(|waiting| waiting.entry.clone()).collect();
    match enter(store, &entries).await {
        Ok(entered) => {
            batch.into_iter().zip(entered).for_each(|(waiting, entered)| waiting.answer(Written::Entered(entered)));
        }
        Err(StoreError::Unavailable(because)) => {
            tracing::warn!(
                event = "record.not_written",
                because,
                count = entries.len(),
                "the record of jobs cannot be written"
            );
            keep(spool, batch).await;
            return Reached::Nobody(entries.iter().filter_map(not_sent).collect());
        }
        Err(error) if entries.len() == 1 => {
            tracing::error!(event = "record.entry_refused", %error, "an entry in the record of jobs was refused");
            for waiting in batch {
                waiting.answer(Written::Failed);
            }
        }
        Err(_) => {
            let mut refused = Vec::new();
            for waiting in batch {
                if let Reached::Nobody(more) = Box::pin(write(store, spool, vec![waiting])).await {
                    refused.extend(more);
                }
            }
            return if refused.is_empty() { Reached::Store } else { Reached::Nobody(refused) };
        }
    }
    Reached::Store
}

fn not_sent(entry: &Entry) -> Option<Entry> {
    let Entry::Intend(intent) = entry else { return None };
    Some(Entry::End { submission: intent.id, state: State::NotSent, at: intent.at })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        id::{CredentialId, NoteId, ProcessId, SubmissionId, TokenId, UserId},
        job::{Amounts, Intent, Payer, entry::Note},
        store::Address,
    };
    use sqlx::{Connection, SqliteConnection};

    fn intent() -> Intent {
        let payer = Payer {
            user: UserId::new(),
            token: TokenId::new(),
            credential: CredentialId::new(),
            version: 1,
            organization: None,
            project: None,
            provider: "ionq".into(),
            account: "an account".into(),
        };
        Intent {
            id: SubmissionId::new(),
            process: ProcessId::new(),
            at: Timestamp::from_millis(1),
            payer,
            operation: "submit".into(),
            repetition: None,
            makes: [].into(),
            asks: Amounts::default(),
            target: None,
        }
    }

    fn note() -> Entry {
        let (id, at, user) = (NoteId::new(), Timestamp::from_millis(2), UserId::new());
        Entry::Note(Note { id, at, user, action: "a.b".into(), subject: "c".into(), detail: "d".into() })
    }

    #[tokio::test]
    async fn a_submission_that_is_on_record_though_it_was_refused_is_ended_when_the_store_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Address::parse(None, folder.path()).unwrap()).await.unwrap();
        let spool = Arc::new(Spool::open(folder.path(), ProcessId::new()).unwrap());
        let writer = Writer::start(&Handle::current(), store.clone(), spool);
        let intent = Entry::Intend(intent());
        // As a commit does whose answer is lost.
        store.enter(std::slice::from_ref(&intent)).await.unwrap();
        let database = format!("sqlite://{}", folder.path().join("bellhop.db").display());
        let mut other = SqliteConnection::connect(&database).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

        assert!(matches!(writer.write(intent, Vec::new()).await, Written::Failed));
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        assert!(matches!(writer.write(note(), Vec::new()).await, Written::Entered(Entered::Done)));
        // The next answer is given when what came before it is done.
        assert!(matches!(writer.write(note(), Vec::new()).await, Written::Entered(Entered::Done)));

        let state: String = sqlx::query_scalar("SELECT state FROM submissions").fetch_one(&mut other).await.unwrap();
        assert_eq!(state, "not_sent");
    }
}
