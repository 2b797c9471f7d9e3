//! The change log: what caches must read again, in the order of commits.
//! Owns the table `changes`, of which only the newest entries are kept.
//! Never says what changed, only for whom.

use super::{
    Question, Reading, Result, Seq, Store, StoreError,
    dialect::Dialect,
    head::{self, Ends, Head},
    insert::Insert,
    row::{Columns, corrupt},
    statement::Statement,
};
use crate::{
    clock::Timestamp,
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

/// One entry of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Logged {
    pub seq: Seq,
    pub change: Change,
    /// By the store's clock; none, if an earlier version wrote it.
    pub at: Option<Timestamp>,
}

/// What happened after a place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The end of the log when this was read; beyond the last of `list` when that was cut at its limit.
    pub head: Seq,
    /// When that was, by the store's clock.
    pub now: Timestamp,
    pub list: Vec<Logged>,
    /// The log does not reach back to that place, was set back before it, or has another history: drop everything.
    pub gap: bool,
}

/// A place in one history of the log. After a failover that lost commits, or a restore, the same number may be another's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub seq: Seq,
    /// When the entry of this number was made; none, if it is not kept any more.
    at: Option<Timestamp>,
}

impl Logged {
    pub const fn place(&self) -> Place {
        Place { seq: self.seq, at: self.at }
    }
}

/// Notices that somebody may have written, for the price of a look.
#[derive(Debug)]
pub struct Watch {
    store: Store,
    /// Kept for good: SQLite counts the writes of others since *this* connection was made.
    connection: Option<PoolConnection<Any>>,
    last: Option<Mark>,
}

/// What changes with each write.
#[derive(PartialEq, Eq, Debug)]
enum Mark {
    File(i64),
    Ends(Ends),
}

impl Store {
    /// The end of the change log.
    pub async fn head(&self) -> Result<Seq> {
        let mut connection = self.readers.acquire().await?;
        head::seq(&mut connection).await
    }

    /// The end of the change log, to be followed from there.
    pub async fn end_of_changes(&self) -> Result<Place> {
        let mut reading = self.read().await?;
        let seq = reading.head().await?;
        let last = reading.changes_from(seq, 1).await?;
        Ok(last.first().map_or(Place { seq, at: None }, Logged::place))
    }

    /// At most `limit` changes after a place, oldest first.
    pub async fn changes_since(&self, seen: Place, limit: u32) -> Result<Changes> {
        self.counted(Question::Changes, self.read_changes(seen, limit)).await
    }

    async fn read_changes(&self, seen: Place, limit: u32) -> Result<Changes> {
        let mut reading = self.read().await?;
        let (head, now) = reading.head_and_clock().await?;
        // The one that was seen last is read again: it is still the same, or this is another history.
        let mut list = reading.changes_from(seen.seq, limit.saturating_add(1)).await?;
        let kept = list.first().filter(|first| first.seq == seen.seq).map(Logged::place);
        if kept.is_some() {
            list.remove(0);
        }
        let next = list.first().map_or(head + 1, |first| first.seq);
        let is_another = kept.is_some_and(|kept| kept != seen) || (kept.is_none() && seen.at.is_some());
        Ok(Changes { head, now, list, gap: is_another || seen.seq > head || next > seen.seq + 1 })
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
            Dialect::Sqlite => {
                Mark::File(sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut **connection).await?)
            }
            Dialect::Postgres => Mark::Ends(head::ends(connection).await?),
        };
        let is_news = self.last.as_ref() != Some(&now);
        self.last = Some(now);
        Ok(is_news)
    }
}

impl Reading {
    /// The end of the change log, as this reading sees it.
    pub async fn head(&mut self) -> Result<Seq> {
        head::seq(self.connection()).await
    }

    async fn head_and_clock(&mut self) -> Result<(Seq, Timestamp)> {
        let dialect = self.dialect;
        let mut statement = Statement::new(dialect, "SELECT seq, ");
        statement.text(dialect.now()).text(" AS moment FROM head");
        let rows = statement.fetch(self.connection()).await?;
        let row = rows.first().ok_or_else(|| corrupt("head"))?;
        Ok((row.number("seq")?, row.time("moment")?))
    }

    async fn changes_from(&mut self, seq: Seq, limit: u32) -> Result<Vec<Logged>> {
        let rows = sqlx::query("SELECT seq, kind, subject, at FROM changes WHERE seq >= $1 ORDER BY seq LIMIT $2")
            .bind(seq)
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        let read = |row: &AnyRow| {
            Ok(Logged { seq: row.number("seq")?, change: Change::read(row), at: row.optional_time("at")? })
        };
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// What a newer program has written and this one does not know could mean anybody, and so could what is damaged: a
    /// follower that stopped at it would follow nothing any more.
    fn read(row: &AnyRow) -> Self {
        let subject = || row.text("subject");
        let read = match row.text("kind") {
            Ok("user") => row.parsed("subject").map(Self::User).ok(),
            Ok("organization") => row.parsed("subject").map(Self::Organization).ok(),
            Ok("token") => subject().ok().and_then(PatDigest::from_hex).map(Self::Token),
            Ok("keys") => Some(Self::Keys),
            Ok("records") => Some(Self::Records),
            _ => None,
        };
        read.unwrap_or(Self::Everything)
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
pub async fn append(connection: &mut AnyConnection, dialect: Dialect, head: &Head, changes: &[Change]) -> Result<()> {
    let mut insert = Insert::new(dialect, "changes", &["seq", "kind", "subject", "at"]);
    for (seq, change) in (head.seq + 1..).zip(changes) {
        let (kind, subject) = change.kind_and_subject();
        insert.row().bind(seq).bind(kind).bind(subject).bind(head.now.millis());
    }
    insert.execute(connection).await?;
    sqlx::query("DELETE FROM changes WHERE seq <= $1").bind(head.seq - KEPT).execute(&mut *connection).await?;
    if let Some(notify) = dialect.notify().filter(|_| !changes.is_empty()) {
        sqlx::query(notify).execute(connection).await?;
    }
    Ok(())
}
