//! An index on a table that may be large, built on PostgreSQL while others go on writing to it.
//! Owns an advisory lock of the session for as long as it builds.
//! Never makes anybody wait: who finds that somebody else builds it goes on without, as an index changes no answer.

use super::{Migration, note, taken};
use crate::store::{Result, StoreError, dialect::Dialect};
use sqlx::{AnyConnection, AssertSqlSafe};

/// Tried and not waited for: a statement that waits holds a snapshot, and building waits for every older one to end.
const TRY_LOCK: &str = "SELECT CASE WHEN pg_try_advisory_lock(7093823645104386050) THEN 1 ELSE 0 END";
const UNLOCK: &str = "SELECT CASE WHEN pg_advisory_unlock(7093823645104386050) THEN 1 ELSE 0 END";
/// Building waits for transactions that began before it, and takes no lock that a reader or writer would wait for.
const LONG_WAIT: &str = "SET lock_timeout = '10min'";
/// What a build that was cut short leaves behind: it is kept up to date and used by nobody.
const IS_INVALID: &str = "\
    SELECT COUNT(*) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relname = $1 AND n.nspname = current_schema() AND NOT i.indisvalid";

/// Not in a transaction: PostgreSQL builds so only outside of one.
pub async fn build(connection: &mut AnyConnection, version: i64, migration: &Migration) -> Result<()> {
    let locked: i32 = sqlx::query_scalar(TRY_LOCK).fetch_one(&mut *connection).await?;
    if locked == 0 {
        tracing::info!(
            event = "schema.index_elsewhere",
            version,
            name = migration.name,
            "an index is being built by another process"
        );
        return Ok(());
    }
    let built = build_locked(connection, version, migration).await;
    let _: i32 = sqlx::query_scalar(UNLOCK).fetch_one(connection).await?;
    built
}

async fn build_locked(connection: &mut AnyConnection, version: i64, migration: &Migration) -> Result<()> {
    if taken(connection, Dialect::Postgres).await?.contains(&version) {
        return Ok(());
    }
    let (unique, name, rest) = parts(migration.sql)?;
    sqlx::raw_sql(LONG_WAIT).execute(&mut *connection).await?;
    let invalid: i64 = sqlx::query_scalar(IS_INVALID).bind(name).fetch_one(&mut *connection).await?;
    if invalid > 0 {
        let drop = format!("DROP INDEX CONCURRENTLY {name}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *connection).await?;
    }
    tracing::info!(event = "schema.index", version, index = name, "building an index; others go on meanwhile");
    let create = format!("CREATE {unique}INDEX CONCURRENTLY IF NOT EXISTS {name} {rest}");
    // Safe, both: the text is this program's own.
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *connection).await?;
    note(connection, version).await
}

/// `UNIQUE ` or nothing, the index's name, and what comes after it.
pub(super) fn parts(sql: &'static str) -> Result<(&'static str, &'static str, &'static str)> {
    let statement = sql.lines().find(|line| !line.starts_with("--") && !line.trim().is_empty()).unwrap_or_default();
    let begun = statement.strip_prefix("CREATE ").and_then(|rest| match rest.strip_prefix("UNIQUE ") {
        Some(rest) => Some(("UNIQUE ", rest.strip_prefix("INDEX ")?)),
        None => Some(("", rest.strip_prefix("INDEX ")?)),
    });
    let whole = begun.and_then(|(unique, rest)| {
        let (name, rest) = rest.split_once(' ')?;
        Some((unique, name, rest.trim_end().trim_end_matches(';')))
    });
    whole.ok_or_else(|| StoreError::Internal("a step that is to be an index is none".into()))
}
