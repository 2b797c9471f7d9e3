//! A control write: the change, its audit entry and its change-log rows, all or nothing.
//! Owns the write lock until it commits or is dropped, and what is to be told when it commits.
//! Never commits a change that nobody would hear of.

use super::{
    AuditEntry, Change, Question, Reading, Result, Seq, Signer, Store, StoreError, audit, changes, dialect::Dialect,
    head,
};
use crate::{clock::Timestamp, id::UserId};
use sqlx::AnyConnection;
use std::{
    collections::HashSet,
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Reads like a [`Reading`], and writes. Dropped without [`commit`](Self::commit), nothing has happened.
pub struct Tx {
    reading: Reading,
    store: Store,
    signer: Arc<dyn Signer>,
    pub(super) now: Timestamp,
    entries: Vec<AuditEntry>,
    announced: Announced,
    wrote: bool,
}

/// Each change once, in the order of the first mention.
#[derive(Default)]
struct Announced {
    list: Vec<Change>,
    seen: HashSet<Change>,
    /// Made in this transaction: nobody can hold anything of theirs yet.
    new_users: HashSet<UserId>,
}

impl Tx {
    pub(super) async fn begin(store: &Store, signer: Arc<dyn Signer>, now: Timestamp) -> Result<Self> {
        let reading = store.counted(Question::Turn, Self::wait(store)).await?;
        let (store, entries, announced) = (store.clone(), Vec::new(), Announced::default());
        Ok(Self { reading, store, signer, now, entries, announced, wrote: false })
    }

    /// Until it is this transaction's turn.
    async fn wait(store: &Store) -> Result<Reading> {
        let mut transaction = store.writers.begin_with(store.dialect.begin_write()).await?;
        if let Some(lock) = store.dialect.lock_for_writing() {
            sqlx::query(lock).execute(&mut *transaction).await?;
        }
        Ok(Reading { transaction, dialect: store.dialect })
    }

    /// Adds to the audit trail. Every change needs at least one entry, or it does not commit.
    pub fn record(&mut self, entry: AuditEntry) {
        self.entries.push(entry);
    }

    /// Says who must be read again. The writing methods announce what they touch; this is for what they cannot know.
    pub fn announce(&mut self, change: Change) {
        self.announced.add(change);
    }

    /// Everything at once; the end of the change log afterwards.
    pub async fn commit(mut self) -> Result<Seq> {
        if self.wrote && self.entries.is_empty() {
            return Err(StoreError::Internal("a change without an audit entry".into()));
        }
        if self.wrote && self.announced.is_empty() {
            return Err(StoreError::Internal("a change that is announced to nobody".into()));
        }
        let changes = std::mem::take(&mut self.announced.list);
        let entries = std::mem::take(&mut self.entries);
        if changes.is_empty() && entries.is_empty() {
            return head::seq(self.connection()).await;
        }
        let store = self.store.clone();
        let committing = async move {
            let seq = self.number(&changes, entries).await?;
            self.reading.transaction.commit().await?;
            Ok(seq)
        };
        store.counted(Question::Commit, committing).await
    }

    async fn number(&mut self, changes: &[Change], entries: Vec<AuditEntry>) -> Result<Seq> {
        let (dialect, now, signer) = (self.dialect(), self.now, Arc::clone(&self.signer));
        let connection = self.reading.connection();
        let head = head::advance(connection, dialect, changes.len(), entries.len()).await?;
        if !entries.is_empty() {
            let mac = audit::append(connection, dialect, &head, entries, &*signer, now).await?;
            head::end_chain(connection, &mac).await?;
        }
        changes::append(connection, dialect, &head, changes).await?;
        Ok(head.seq + changes.len() as Seq)
    }

    /// The connection, for a statement that changes something.
    pub(super) fn writing(&mut self) -> &mut AnyConnection {
        self.wrote = true;
        self.reading.connection()
    }

    pub(super) const fn dialect(&self) -> Dialect {
        self.reading.dialect
    }

    pub(super) fn announce_new_user(&mut self, user: UserId) {
        self.announced.new_users.insert(user);
    }
}

impl Announced {
    fn add(&mut self, change: Change) {
        let of_new_user = matches!(change, Change::User(user) if self.new_users.contains(&user));
        if !of_new_user && self.seen.insert(change) {
            self.list.push(change);
        }
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty() && self.new_users.is_empty()
    }
}

impl Deref for Tx {
    type Target = Reading;

    fn deref(&self) -> &Reading {
        &self.reading
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Reading {
        &mut self.reading
    }
}
