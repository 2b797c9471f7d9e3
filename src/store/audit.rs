//! The audit trail: who changed what, as a chain that shows an edit, a deletion, a reordering.
//! Owns the table `audit`; its entries commit with the change that they tell of.
//! Never holds a secret, and never the key of the chain: a [`Signer`] from outside does the arithmetic.

use super::{Reading, Result, Tx, dialect::Dialect, head::Head, insert::Insert, row::Columns, statement::Statement};
use crate::{clock::Timestamp, id::UserId};
use sqlx::{AnyConnection, any::AnyRow};
use std::{borrow::Cow, cmp::Reverse, fmt};

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Bellhop itself.
    System,
    /// Somebody at this machine's command line.
    CommandLine,
    User(UserId),
}

/// What happened; its number and MAC come when it commits, and its time, if it has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    actor: Actor,
    action: Cow<'static, str>,
    subject: String,
    detail: Cow<'static, str>,
    at: Option<Timestamp>,
}

impl AuditEntry {
    /// `action` is a noun and a past participle, `token.revoked`; `subject` the name or id of what it was done to.
    pub fn new(actor: &Actor, action: impl Into<Cow<'static, str>>, subject: impl fmt::Display) -> Self {
        let (actor, action, subject) = (actor.clone(), action.into(), subject.to_string());
        Self { actor, action, subject, detail: "".into(), at: None }
    }

    /// When it happened, if that was before it is written down.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }

    /// More, in words. Never a secret.
    #[must_use]
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::CommandLine => f.write_str("command-line"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

/// Computes one link of the chain, in hexadecimal.
pub trait Signer: Send + Sync {
    fn mac(&self, link: &[u8]) -> String;
}

/// An entry as it is in the store.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct AuditRow {
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
    #[serde(skip)]
    pub mac: String,
}

impl AuditRow {
    /// Everything that the MAC of this entry covers: the one before it, and each field with its length,
    /// so that nothing can be moved from one field to the next.
    pub fn link(&self, previous_mac: &str) -> Vec<u8> {
        let (seq, at) = (self.seq.to_string(), self.at.millis().to_string());
        let fields = [previous_mac, &seq, &at, &self.actor, &self.action, &self.subject, &self.detail];
        let mut bytes = Vec::with_capacity(256);
        for field in fields {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        bytes
    }

    pub const fn place(&self) -> AuditPlace {
        AuditPlace { at: self.at, seq: self.seq }
    }

    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            seq: row.number("seq")?,
            at: row.time("at")?,
            actor: row.text("actor")?.into(),
            action: row.text("action")?.into(),
            subject: row.text("subject")?.into(),
            detail: row.text("detail")?.into(),
            mac: row.text("mac")?.into(),
        })
    }
}

impl AuditFilter {
    pub(super) fn statement(
        &self,
        dialect: Dialect,
        action: Option<&str>,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Statement {
        let mut statement = Statement::new(dialect, ENTRIES);
        statement.text("t.at < ").value(self.to.unwrap_or(Timestamp::MAX).millis());
        if let Some(from) = self.from {
            statement.text(" AND t.at >= ").value(from.millis());
        }
        let texts = [
            (" AND t.actor = ", self.actor.as_ref().map(ToString::to_string)),
            (" AND t.action = ", action.map(str::to_owned)),
            (" AND t.subject = ", self.subject.as_deref().map(str::to_owned)),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                statement.text(column).value(value);
            }
        }
        if let Some(AuditPlace { at, seq }) = after {
            statement.text(" AND t.at <= ").value(at.millis());
            statement.text(" AND (t.at < ").value(at.millis());
            statement.text(" OR t.seq < ").value(seq).text(")");
        }
        statement.text(" ORDER BY t.at DESC, t.seq DESC LIMIT ").value(i64::from(limit));
        statement
    }
}

/// Which entries to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    pub actor: Option<Actor>,
    /// An action, or how it begins: `token.revoked`, `token.`
    pub action: Option<Box<str>>,
    pub subject: Option<Box<str>>,
    pub from: Option<Timestamp>,
    /// Up to before this.
    pub to: Option<Timestamp>,
}

/// Where a page of the trail ends, and the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuditPlace {
    pub at: Timestamp,
    pub seq: i64,
}

const ENTRIES: &str = "SELECT t.seq, t.at, t.actor, t.action, t.subject, t.detail, t.mac FROM audit t WHERE ";

/// Each action of which there is an entry, by as many look-ups in an index as there are actions.
const ACTIONS: &str = "\
    WITH RECURSIVE a (action) AS ( \
           SELECT MIN(t.action) FROM audit t \
        UNION ALL \
           SELECT (SELECT MIN(t.action) FROM audit t WHERE t.action > a.action) FROM a WHERE a.action IS NOT NULL \
    ) SELECT action FROM a WHERE action IS NOT NULL";

impl Reading {
    /// At most `limit` entries that are older than that place, newest first: as time has it, which is almost the order
    /// of their numbers (what the data plane notes gets its number a little later).
    pub async fn audit(
        &mut self,
        filter: &AuditFilter,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<AuditRow>> {
        let Some(beginning) = &filter.action else {
            return self.audit_of(filter, None, after, limit).await;
        };
        // One index has one action's entries in the order of time, and none has those of several.
        let mut rows = Vec::new();
        for action in self.audit_actions(beginning).await? {
            rows.append(&mut self.audit_of(filter, Some(&action), after, limit).await?);
        }
        rows.sort_by_key(|row| Reverse(row.place()));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    async fn audit_of(
        &mut self,
        filter: &AuditFilter,
        action: Option<&str>,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<AuditRow>> {
        let statement = filter.statement(self.dialect, action, after, limit);
        statement.fetch(self.connection()).await?.iter().map(AuditRow::read).collect()
    }

    async fn audit_actions(&mut self, beginning: &str) -> Result<Vec<String>> {
        let rows = sqlx::query(ACTIONS).fetch_all(self.connection()).await?;
        let actions = rows.iter().map(|row| row.text("action")).filter(|action| match action {
            // Here, and not there: databases have their own ideas of what begins like what.
            Ok(action) => action.starts_with(beginning),
            Err(_) => true,
        });
        actions.map(|action| Ok(action?.to_owned())).collect()
    }

    /// At most `limit` entries after number `seq`, oldest first.
    pub async fn audit_after(&mut self, seq: i64, limit: u32) -> Result<Vec<AuditRow>> {
        let rows = sqlx::query(
            "SELECT seq, at, actor, action, subject, detail, mac FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(seq)
        .bind(i64::from(limit))
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(AuditRow::read).collect()
    }

    /// The number and the MAC of the newest entry, as the head row has them: what shows a cut tail.
    pub async fn audit_end(&mut self) -> Result<(i64, String)> {
        let row = sqlx::query("SELECT audit_seq, audit_mac FROM head").fetch_one(self.connection()).await?;
        Ok((row.number("audit_seq")?, row.text("audit_mac")?.into()))
    }
}

/// Up to where the trail was taken away because of its age.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrunedRow {
    pub at: Timestamp,
    /// The number of the last entry that was, and its link of the chain.
    pub seq: i64,
    pub mac: String,
    /// Of all that, with the key of the trail.
    pub signature: String,
}

impl Reading {
    /// `None`: nothing ever was.
    pub async fn audit_pruned(&mut self) -> Result<Option<PrunedRow>> {
        let row =
            sqlx::query("SELECT at, seq, mac, signature FROM audit_pruned").fetch_optional(self.connection()).await?;
        let read = |row: AnyRow| {
            let (at, seq) = (row.time("at")?, row.number("seq")?);
            Ok(PrunedRow { at, seq, mac: row.text("mac")?.into(), signature: row.text("signature")?.into() })
        };
        row.map(read).transpose()
    }
}

impl Tx {
    /// Takes away all entries up to that one. There is nobody who keeps any.
    pub async fn prune_audit(&mut self, row: &PrunedRow) -> Result<()> {
        sqlx::query("DELETE FROM audit WHERE seq <= $1").bind(row.seq).execute(self.connection()).await?;
        sqlx::query("DELETE FROM audit_pruned").execute(self.connection()).await?;
        sqlx::query("INSERT INTO audit_pruned (id, at, seq, mac, signature) VALUES (1, $1, $2, $3, $4)")
            .bind(row.at.millis())
            .bind(row.seq)
            .bind(row.mac.clone())
            .bind(row.signature.clone())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

/// Appends to the chain, in a transaction that holds the head row. Returns the new end of the chain.
pub async fn append(
    connection: &mut AnyConnection,
    dialect: Dialect,
    head: &Head,
    entries: Vec<AuditEntry>,
    signer: &dyn Signer,
    now: Timestamp,
) -> Result<String> {
    let mut insert = Insert::new(dialect, "audit", &["seq", "at", "actor", "action", "subject", "detail", "mac"]);
    let mut mac = head.audit_mac.clone();
    for (seq, entry) in (head.audit_seq + 1..).zip(entries) {
        let mut row = AuditRow {
            seq,
            at: entry.at.unwrap_or(now),
            actor: entry.actor.to_string(),
            action: entry.action.into_owned(),
            subject: entry.subject,
            detail: entry.detail.into_owned(),
            mac: String::new(),
        };
        row.mac = signer.mac(&row.link(&mac));
        mac.clone_from(&row.mac);
        let insert = insert.row().bind(row.seq).bind(row.at.millis()).bind(row.actor).bind(row.action);
        insert.bind(row.subject).bind(row.detail).bind(row.mac);
    }
    insert.execute(connection).await?;
    Ok(mac)
}
