//! What webhooks are told: an outbox, in which a message stands until it was delivered or given up.
//! Owns the table `deliveries`; nobody keeps anything of it, so that there is nobody to announce a change to.
//! Never sends anything.

use super::{
    Reading, Result, Store, Tx,
    dialect::Dialect,
    insert::Insert,
    row::{Columns, corrupt},
    statement::Statement,
    webhooks::listeners,
};
use crate::{
    clock::Timestamp,
    id::{DeliveryId, OrganizationId, ProcessId, WebhookId},
};
use sqlx::{AnyConnection, any::AnyRow};
use std::{collections::HashSet, fmt, str::FromStr};

/// What whoever listens is to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happened {
    /// Whose it is; `None`: the installation's.
    pub organization: Option<OrganizationId>,
    pub kind: &'static str,
    /// Names it: each listener is told once of what has this name.
    pub mark: String,
    pub at: Timestamp,
    /// As it is sent, each time alike.
    pub body: String,
}

/// A message, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub kind: Box<str>,
    pub at: Timestamp,
    pub body: Box<str>,
    pub state: Delivered,
    /// With the one under way.
    pub attempts: u32,
    /// The next attempt of what waits.
    pub next: Timestamp,
    /// The last attempt that came to an end.
    pub last: Option<Attempt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub at: Timestamp,
    /// What the receiver answered with, if it did.
    pub status: Option<u16>,
    /// Why it was no success, in words.
    pub problem: Option<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = DeliveryState)]
pub enum Delivered {
    /// Not yet.
    Waiting,
    Delivered,
    /// Nothing more is tried.
    GivenUp,
}

const DELIVERY: &str = "id, webhook_id, kind, at, body, state, attempts, next_at, tried, status, problem";

impl Reading {
    /// Who has been told, or is to be, of what has one of these names.
    pub async fn told(&mut self, marks: &[&str]) -> Result<HashSet<(WebhookId, Box<str>)>> {
        let mut told = HashSet::new();
        for some in marks.chunks(500) {
            let mut statement = Statement::new(self.dialect, "SELECT webhook_id, mark FROM deliveries WHERE mark IN ");
            statement.list(some.iter().copied());
            for row in statement.fetch(self.connection()).await? {
                told.insert((row.parsed("webhook_id")?, row.text("mark")?.into()));
            }
        }
        Ok(told)
    }

    /// The last of one webhook's, newest first.
    pub async fn deliveries(&mut self, webhook: WebhookId, limit: u32) -> Result<Vec<DeliveryRow>> {
        let mut statement = select(self.dialect);
        statement.text("webhook_id = ").value(webhook.to_string());
        statement.text(" ORDER BY id DESC LIMIT ").value(i64::from(limit));
        statement.fetch(self.connection()).await?.iter().map(DeliveryRow::read).collect()
    }

    pub async fn delivery(&mut self, id: DeliveryId) -> Result<Option<DeliveryRow>> {
        let mut statement = select(self.dialect);
        statement.text("id = ").value(id.to_string());
        statement.fetch(self.connection()).await?.first().map(DeliveryRow::read).transpose()
    }
}

impl Tx {
    /// Tells whoever listens, if what happened commits.
    pub async fn tell(&mut self, happened: &[Happened]) -> Result<()> {
        let dialect = self.dialect();
        tell(self.connection(), dialect, happened).await.map(drop)
    }

    /// For one webhook alone, held by whoever makes it.
    pub async fn insert_delivery(
        &mut self,
        webhook: WebhookId,
        happened: &Happened,
        (holder, until): (ProcessId, Timestamp),
    ) -> Result<DeliveryId> {
        let id = DeliveryId::new();
        let mut insert = Insert::new(self.dialect(), "deliveries", COLUMNS);
        write(&mut insert, (id, webhook), happened, (1, Some(holder), until));
        insert.execute(self.connection()).await?;
        Ok(id)
    }
}

impl Store {
    /// Tells whoever listens; how many were not told before.
    pub async fn tell(&self, happened: &[Happened]) -> Result<u64> {
        let mut transaction = self.writers.begin_with(self.dialect.begin_write()).await?;
        let told = tell(&mut transaction, self.dialect, happened).await?;
        transaction.commit().await?;
        Ok(told)
    }

    /// The oldest message of each webhook that it is time for, and that nobody is sending.
    pub async fn due_deliveries(&self, now: Timestamp) -> Result<Vec<(WebhookId, DeliveryId)>> {
        let rows = sqlx::query(DUE).bind(now.millis()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.parsed("webhook_id")?, row.parsed("id")?))).collect()
    }

    /// Takes a message, if nobody else has; until that time it is nobody else's to send.
    pub async fn claim_delivery(
        &self,
        id: DeliveryId,
        holder: ProcessId,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<DeliveryRow>> {
        let mut statement = Statement::new(self.dialect, "UPDATE deliveries SET attempts = attempts + 1, holder = ");
        statement.value(holder.to_string()).text(", held_until = ").value(until.millis());
        statement.text(" WHERE id = ").value(id.to_string());
        statement.text(" AND state = 'waiting' AND next_at <= ").value(now.millis());
        statement.text(" AND held_until <= ").value(now.millis()).text(" RETURNING ").text(DELIVERY);
        let mut connection = self.writers.acquire().await?;
        statement.fetch(&mut connection).await?.first().map(DeliveryRow::read).transpose()
    }

    /// What came of an attempt, and when the next one is. That it was delivered is so whoever holds it by now.
    pub async fn end_attempt(
        &self,
        id: DeliveryId,
        holder: ProcessId,
        attempt: &Attempt,
        (state, next): (Delivered, Timestamp),
    ) -> Result<()> {
        sqlx::query(
            "UPDATE deliveries SET state = $3, next_at = $4, tried = $5, status = $6, problem = $7, holder = NULL, held_until = 0 \
              WHERE id = $1 AND state = 'waiting' AND (holder = $2 OR $3 = 'delivered')",
        )
        .bind(id.to_string())
        .bind(holder.to_string())
        .bind(state.to_string())
        .bind(next.millis())
        .bind(attempt.at.millis())
        .bind(attempt.status.map(i64::from))
        .bind(attempt.problem.as_deref().map(str::to_owned))
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Forgets what is older, and waits for nothing.
    pub async fn forget_deliveries(&self, before: Timestamp) -> Result<u64> {
        let done = sqlx::query("DELETE FROM deliveries WHERE at < $1 AND state <> 'waiting'").bind(before.millis());
        Ok(done.execute(&self.writers).await?.rows_affected())
    }
}

const DUE: &str = "\
    SELECT d.webhook_id, MIN(d.id) AS id FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id \
     WHERE w.enabled = 1 AND d.state = 'waiting' AND d.next_at <= $1 AND d.held_until <= $1 GROUP BY d.webhook_id";

const COLUMNS: &[&str] =
    &["id", "webhook_id", "mark", "kind", "at", "body", "state", "attempts", "next_at", "holder", "held_until"];

async fn tell(connection: &mut AnyConnection, dialect: Dialect, happened: &[Happened]) -> Result<u64> {
    let listeners = listeners(&mut *connection).await?;
    let mut insert =
        Insert::new(dialect, "deliveries", COLUMNS).otherwise(" ON CONFLICT (mark, webhook_id) DO NOTHING");
    for happened in happened {
        for listener in listeners.iter().filter(|listener| listener.hears(happened)) {
            write(&mut insert, (DeliveryId::new(), listener.id), happened, (0, None, Timestamp::from_millis(0)));
        }
    }
    insert.count(connection).await
}

fn write(
    insert: &mut Insert,
    (id, webhook): (DeliveryId, WebhookId),
    happened: &Happened,
    (attempts, holder, until): (i64, Option<ProcessId>, Timestamp),
) {
    let Happened { kind, mark, at, body, .. } = happened;
    let insert = insert.row().bind(id.to_string()).bind(webhook.to_string()).bind(mark.clone()).bind(*kind);
    let insert = insert.bind(at.millis()).bind(body.clone()).bind(Delivered::Waiting.to_string()).bind(attempts);
    insert.bind(at.millis()).bind(holder.map(|id| id.to_string())).bind(until.millis());
}

fn select(dialect: Dialect) -> Statement {
    let mut statement = Statement::new(dialect, "SELECT ");
    statement.text(DELIVERY).text(" FROM deliveries WHERE ");
    statement
}

impl DeliveryRow {
    fn read(row: &AnyRow) -> Result<Self> {
        let status = row.optional_number("status")?;
        let status = status.map(u16::try_from).transpose().map_err(|_| corrupt("status"))?;
        let problem = row.optional_text("problem")?.map(Into::into);
        Ok(Self {
            id: row.parsed("id")?,
            webhook: row.parsed("webhook_id")?,
            kind: row.text("kind")?.into(),
            at: row.time("at")?,
            body: row.text("body")?.into(),
            state: row.parsed("state")?,
            attempts: u32::try_from(row.number("attempts")?).map_err(|_| corrupt("attempts"))?,
            next: row.time("next_at")?,
            last: row.optional_time("tried")?.map(|at| Attempt { at, status, problem }),
        })
    }
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given-up",
        })
    }
}

impl FromStr for Delivered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Waiting, Self::Delivered, Self::GivenUp];
        all.into_iter().find(|state| state.to_string() == text).ok_or_else(|| "no state of a delivery".into())
    }
}
