//! The change log: what caches must read again, in the order of commits.
//! Owns the table `changes`, of which only the newest entries are kept.
//! Never says what changed, only for whom.

use super::{Reading, Result, Seq, Store, StoreError, dialect::Dialect, head, insert::Insert, row::Columns};
use crate::{
    id::{OrganizationId, UserId},
    identity::pat::PatDigest,
};
use sqlx::{Any, AnyConnection, any::AnyRow, pool::PoolConnection};
use std::time::Duration;
use tokio::time::timeout;

/// Who must be read again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// What this user is, has or may use.
    User(UserId),
    /// What every member of this organization may use.
    Organization(OrganizationId),
    /// This token: also when it was unknown until now.
    Token(PatDigest),
    /// The keys that seal.
    Keys,
    /// Jobs on record have changed hands.
    Records,
    Everything,
}

/// How far behind a follower may fall before it must drop everything: a bound on the table, not on time.
const KEPT: Seq = 100_000;
/// Who looks this long has lost its connection. Less than what is cached may be used without having looked.
const PATIENCE: Duration = Duration::from_secs(2);

/// What happened after a place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The end of the log when this was read; beyond the last of `list` when that was cut at its limit.
    pub head: Seq,
    pub list: Vec<(Seq, Change)>,
    /// The log does not reach back to that place, or was set back before it: drop everything.
    pub gap: bool,
}

/// Notices that somebody may have written, for the price of a look.
#[derive(Debug)]
pub struct Watch {
    store: Store,
    /// Kept for good: SQLite counts the writes of others since *this* connection was made.
    connection: Option<PoolConnection<Any>>,
    last: Option<i64>,
}

impl Store {
    /// The end of the change log.
    pub async fn head(&self) -> Result<Seq> {
        let mut connection = self.readers.acquire().await?;
        head::seq(&mut connection).await
    }

    /// At most `limit` changes after `seq`, oldest first.
    pub async fn changes_since(&self, seq: Seq, limit: u32) -> Result<Changes> {
        let mut reading = self.read().await?;
        let head = reading.head().await?;
        let list = reading.changes_after(seq, limit).await?;
        let next = list.first().map_or(head + 1, |(first, _)| *first);
        Ok(Changes { head, list, gap: seq > head || next > seq + 1 })
    }

    /// A watch whose first look always sees something.
    pub fn watch(&self) -> Watch {
        Watch { store: self.clone(), connection: None, last: None }
    }
}

impl Watch {
    /// Whether anything may have been written since the last look. An error is a reason to look again, not to go on.
    pub async fn look(&mut self) -> Result<bool> {
        let Ok(looked) = timeout(PATIENCE, self.look_once()).await else {
            // Not given back: somebody else would wait on it.
            drop(self.connection.take().map(PoolConnection::detach));
            self.last = None;
            return Err(StoreError::Unavailable("it does not answer".into()));
        };
        if looked.is_err() {
            self.connection = None;
            self.last = None;
        }
        looked
    }

    async fn look_once(&mut self) -> Result<bool> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.store.readers.acquire().await?),
        };
        let now = match self.store.dialect {
            Dialect::Sqlite => sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut **connection).await?,
            Dialect::Postgres => head::seq(connection).await?,
        };
        Ok(self.last.replace(now) != Some(now))
    }
}

impl Reading {
    /// The end of the change log, as this reading sees it.
    pub async fn head(&mut self) -> Result<Seq> {
        head::seq(self.connection()).await
    }

    async fn changes_after(&mut self, seq: Seq, limit: u32) -> Result<Vec<(Seq, Change)>> {
        let rows = sqlx::query("SELECT seq, kind, subject FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(seq)
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(|row| Ok((row.number("seq")?, Change::read(row)?))).collect()
    }
}

impl Change {
    /// What a newer program has written and this one does not know could mean anybody.
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(match row.text("kind")? {
            "user" => Self::User(row.parsed("subject")?),
            "organization" => Self::Organization(row.parsed("subject")?),
            "token" => PatDigest::from_hex(row.text("subject")?).map_or(Self::Everything, Self::Token),
            "keys" => Self::Keys,
            "records" => Self::Records,
            _ => Self::Everything,
        })
    }

    fn kind_and_subject(self) -> (&'static str, String) {
        match self {
            Self::User(id) => ("user", id.to_string()),
            Self::Organization(id) => ("organization", id.to_string()),
            Self::Token(digest) => ("token", digest.to_hex()),
            Self::Keys => ("keys", String::new()),
            Self::Records => ("records", String::new()),
            Self::Everything => ("everything", String::new()),
        }
    }
}

/// Appends to the log, in a transaction that holds the head row, and forgets what is too old to be followed.
pub async fn append(connection: &mut AnyConnection, dialect: Dialect, before: Seq, changes: &[Change]) -> Result<()> {
    let mut insert = Insert::new(dialect, "changes", &["seq", "kind", "subject"]);
    for (seq, change) in (before + 1..).zip(changes) {
        let (kind, subject) = change.kind_and_subject();
        insert.row().bind(seq).bind(kind).bind(subject);
    }
    insert.execute(connection).await?;
    sqlx::query("DELETE FROM changes WHERE seq <= $1").bind(before - KEPT).execute(connection).await?;
    Ok(())
}
