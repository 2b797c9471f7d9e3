//! Brings the schema up to what this program knows, in one transaction, under a lock that all processes respect.
//! Owns the table `schema_versions`.
//! Never goes back, and never touches a store that is newer than it knows.

use super::{
    Result, StoreError,
    dialect::{Access, Dialect},
};
use crate::clock::Clock;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, any::AnyConnectOptions};

/// In order; a version is the place in this list, from 1. What has been released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("0001_control.sql"),
    include_str!("0002_jobs.sql"),
    include_str!("0003_sources.sql"),
    include_str!("0004_signing.sql"),
    include_str!("0005_signin.sql"),
    include_str!("0006_people.sql"),
    include_str!("0007_quotas_and_audit.sql"),
    include_str!("0008_lists.sql"),
    include_str!("0009_identities.sql"),
    include_str!("0010_answers.sql"),
    include_str!("0011_webhooks.sql"),
    include_str!("0012_invitations.sql"),
    include_str!("0013_unknown_submissions.sql"),
    include_str!("0014_replicas.sql"),
    include_str!("0016_rates.sql"),
];

pub const KNOWN: i64 = MIGRATIONS.len() as i64;

/// On a connection of its own: a pool would go on trying where there is nothing to be had, and hide why.
pub async fn run(options: AnyConnectOptions, dialect: Dialect) -> Result<()> {
    let mut connection = AnyConnection::connect_with(&options).await?;
    dialect.settle(&mut connection).await?;
    dialect.greet(&mut connection, Access::Write).await?;
    let migrated = migrate(&mut connection, dialect).await;
    connection.close().await?;
    migrated
}

async fn migrate(connection: &mut AnyConnection, dialect: Dialect) -> Result<()> {
    let mut transaction = connection.begin_with(dialect.begin_write()).await?;
    if let Some(lock) = dialect.lock_for_writing() {
        sqlx::query(lock).execute(&mut *transaction).await?;
    }
    let found = found_version(&mut transaction).await?;
    if found > KNOWN {
        return Err(StoreError::Newer { found, known: KNOWN });
    }
    for (version, sql) in (1..).zip(MIGRATIONS).skip_while(|(version, _)| *version <= found) {
        apply(&mut transaction, dialect, version, sql).await?;
    }
    Ok(transaction.commit().await?)
}

async fn found_version(connection: &mut AnyConnection) -> Result<i64> {
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)",
    )
    .execute(&mut *connection)
    .await?;
    Ok(sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM schema_versions").fetch_one(connection).await?)
}

async fn apply(connection: &mut AnyConnection, dialect: Dialect, version: i64, sql: &'static str) -> Result<()> {
    // Safe: the text is this program's own.
    sqlx::raw_sql(AssertSqlSafe(dialect.translate(sql).into_owned())).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO schema_versions (version, applied) VALUES ($1, $2)")
        .bind(version)
        .bind(Clock::system().now().millis())
        .execute(connection)
        .await?;
    Ok(())
}
