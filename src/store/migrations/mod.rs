//! Brings the schema up to what this program knows, a step at a time, under a lock that all processes respect.
//! Owns the table `schema_versions`, which has a row for each step that was taken.
//! Never goes back, never touches a store that is newer than it knows, and takes nothing away from a program that runs.
//!
//! Why two kinds: several Bellhops run on one store while the new version replaces the old one. What expands the schema is
//! taken by whoever opens the store, and those who know nothing of it run on; what contracts it waits until nobody runs who
//! would miss what goes. So a step that expands must not count on an earlier one that contracts having been taken.

mod index;
mod outlook;

pub use outlook::{Contracted, Outlook, Pending, Running};

use super::{
    Result, StoreError,
    dialect::{Access, Dialect},
    row::Columns,
};
use crate::clock::Clock;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, any::AnyConnectOptions};
use std::{collections::BTreeSet, time::Duration};

/// One step of the schema; its number is its place in the list, from 1.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    name: &'static str,
    kind: Kind,
    sql: &'static str,
}

/// What it means for programs that know nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// They run on, reading and writing: tables and columns are added, and columns may be left out of a new row.
    Expand,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no released step has been one yet; the next on a large table is")
    )]
    /// They run on, also while it is built: one index, on a table that may be large.
    Index,
    /// They would fail.
    Contract,
}

macro_rules! migrations {
    ($($kind:ident $name:literal),* $(,)?) => {
        &[$(Migration { name: $name, kind: Kind::$kind, sql: include_str!(concat!($name, ".sql")) }),*]
    };
}

/// In order. What has been released is never edited.
const MIGRATIONS: &[Migration] = migrations![
    Expand "0001_control",
    Expand "0002_jobs",
    Expand "0003_sources",
    Expand "0004_signing",
    Expand "0005_signin",
    Expand "0006_people",
    Expand "0007_quotas_and_audit",
    Expand "0008_lists",
    Expand "0009_identities",
    Expand "0010_answers",
    Expand "0011_webhooks",
    Expand "0012_invitations",
    Expand "0013_unknown_submissions",
    Expand "0014_replicas",
    Expand "0015_master_keys",
    Expand "0016_rates",
];

pub const KNOWN: i64 = MIGRATIONS.len() as i64;

/// How long a step waits for a table that others use, on PostgreSQL: whoever comes after it waits behind it.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '2s'";
/// How often it is tried, with a pause in which those others get through.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// Takes every step that expands the schema; one that contracts it waits to be asked for.
pub async fn run(options: AnyConnectOptions, dialect: Dialect) -> Result<()> {
    let mut connection = connect(&options, dialect).await?;
    let expanded = expand(&mut connection, dialect, MIGRATIONS).await;
    connection.close().await?;
    expanded
}

/// On a connection of its own: a pool would go on trying where there is nothing to be had, and hide why.
async fn connect(options: &AnyConnectOptions, dialect: Dialect) -> Result<AnyConnection> {
    let mut connection = AnyConnection::connect_with(options).await?;
    dialect.settle(&mut connection).await?;
    dialect.greet(&mut connection, Access::Write).await?;
    Ok(connection)
}

/// A store that needs nothing is only read: a command must not wait for its turn to write because it opens the store.
async fn expand(connection: &mut AnyConnection, dialect: Dialect, list: &[Migration]) -> Result<()> {
    let taken = taken(connection, dialect).await?;
    refuse_newer(&taken, list)?;
    if taken.is_empty() {
        return found(connection, dialect, list).await;
    }
    for (version, migration) in pending(&taken, list).filter(|(_, migration)| migration.kind != Kind::Contract) {
        match (migration.kind, dialect) {
            (Kind::Index, Dialect::Postgres) => index::build(connection, version, migration).await?,
            _ => take_with_patience(connection, dialect, list, version).await?,
        }
    }
    Ok(())
}

/// A new store is made whole, in one transaction: nobody runs on it yet.
async fn found(connection: &mut AnyConnection, dialect: Dialect, list: &[Migration]) -> Result<()> {
    let mut transaction = begin(connection, dialect).await?;
    let taken = taken(&mut transaction, dialect).await?;
    refuse_newer(&taken, list)?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)",
    )
    .execute(&mut *transaction)
    .await?;
    // Who came first has left nothing to do.
    if taken.is_empty() {
        for (version, migration) in pending(&taken, list) {
            apply(&mut transaction, dialect, version, migration).await?;
        }
    }
    Ok(transaction.commit().await?)
}

/// Nobody's request stands behind this one for longer than the wait for a lock.
async fn take_with_patience(
    connection: &mut AnyConnection,
    dialect: Dialect,
    list: &[Migration],
    version: i64,
) -> Result<()> {
    let mut attempt = 1;
    loop {
        match take(connection, dialect, list, version).await {
            Err(error) if error.is_contention() && attempt < ATTEMPTS => attempt += 1,
            taken => return taken,
        }
        tracing::warn!(
            event = "schema.waits",
            version,
            "a step of the store's schema waits for a lock that others hold"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// One step and the note of it, all or nothing; nothing, if somebody else has taken it.
async fn take(connection: &mut AnyConnection, dialect: Dialect, list: &[Migration], version: i64) -> Result<()> {
    let mut transaction = begin(connection, dialect).await?;
    if dialect == Dialect::Postgres {
        sqlx::query(LOCK_WAIT).execute(&mut *transaction).await?;
    }
    let taken = taken(&mut transaction, dialect).await?;
    refuse_newer(&taken, list)?;
    for (_, migration) in pending(&taken, list).filter(|(number, _)| *number == version) {
        apply(&mut transaction, dialect, version, migration).await?;
    }
    Ok(transaction.commit().await?)
}

async fn begin(connection: &mut AnyConnection, dialect: Dialect) -> Result<sqlx::Transaction<'_, sqlx::Any>> {
    let mut transaction = connection.begin_with(dialect.begin_write()).await?;
    if let Some(lock) = dialect.lock_for_writing() {
        sqlx::query(lock).execute(&mut *transaction).await?;
    }
    Ok(transaction)
}

/// The steps that were taken; none of a store that is none yet.
async fn taken(connection: &mut AnyConnection, dialect: Dialect) -> Result<BTreeSet<i64>> {
    let there: i64 =
        sqlx::query_scalar(dialect.count_tables()).bind("schema_versions").fetch_one(&mut *connection).await?;
    if there == 0 {
        return Ok(BTreeSet::new());
    }
    let rows = sqlx::query("SELECT version FROM schema_versions").fetch_all(connection).await?;
    rows.iter().map(|row| row.number("version")).collect()
}

fn refuse_newer(taken: &BTreeSet<i64>, list: &[Migration]) -> Result<()> {
    let known = list.len() as i64;
    match taken.last() {
        Some(found) if *found > known => Err(StoreError::Newer { found: *found, known }),
        _ => Ok(()),
    }
}

fn pending<'l>(taken: &BTreeSet<i64>, list: &'l [Migration]) -> impl Iterator<Item = (i64, &'l Migration)> {
    (1..).zip(list).filter(|(version, _)| !taken.contains(version))
}

async fn apply(connection: &mut AnyConnection, dialect: Dialect, version: i64, migration: &Migration) -> Result<()> {
    // Safe: the text is this program's own.
    let sql = AssertSqlSafe(dialect.translate(migration.sql).into_owned());
    sqlx::raw_sql(sql).execute(&mut *connection).await?;
    note(connection, version).await
}

async fn note(connection: &mut AnyConnection, version: i64) -> Result<()> {
    sqlx::query("INSERT INTO schema_versions (version, applied) VALUES ($1, $2)")
        .bind(version)
        .bind(Clock::system().now().millis())
        .execute(connection)
        .await?;
    Ok(())
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Index => "index",
            Self::Contract => "contract",
        }
    }
}

#[cfg(test)]
mod tests;
