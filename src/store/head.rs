//! The one row that numbers everything: the ends of the change log and of the audit chain.
//! Owns the table `head`.
//! Never taken but last in a transaction, so that the order of its numbers is the order of commits.

use super::{
    Result, Seq,
    dialect::Dialect,
    row::{Columns, corrupt},
    statement::Statement,
};
use crate::clock::Timestamp;
use sqlx::AnyConnection;

/// The ends of both logs before this transaction's entries.
pub struct Head {
    pub seq: Seq,
    pub audit_seq: Seq,
    pub audit_mac: String,
    /// When they are added, by the store's clock.
    pub now: Timestamp,
}

/// Both ends at once: whatever is written moves one of them, and no two histories have the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ends {
    pub seq: Seq,
    pub audit_mac: String,
}

pub async fn seq(connection: &mut AnyConnection) -> Result<Seq> {
    Ok(sqlx::query_scalar("SELECT seq FROM head").fetch_one(connection).await?)
}

pub async fn ends(connection: &mut AnyConnection) -> Result<Ends> {
    let row = sqlx::query("SELECT seq, audit_mac FROM head").fetch_one(connection).await?;
    Ok(Ends { seq: row.number("seq")?, audit_mac: row.text("audit_mac")?.to_owned() })
}

/// Locks the row until the transaction ends and moves the numbers on.
pub async fn advance(connection: &mut AnyConnection, dialect: Dialect, changes: usize, entries: usize) -> Result<Head> {
    let (changes, entries) = (changes as i64, entries as i64);
    let mut statement = Statement::new(dialect, "UPDATE head SET seq = seq + ");
    statement.value(changes).text(", audit_seq = audit_seq + ").value(entries);
    statement.text(" RETURNING seq, audit_seq, audit_mac, ").text(dialect.now()).text(" AS moment");
    let rows = statement.fetch(connection).await?;
    let row = rows.first().ok_or_else(|| corrupt("head"))?;
    Ok(Head {
        seq: row.number("seq")? - changes,
        audit_seq: row.number("audit_seq")? - entries,
        audit_mac: row.text("audit_mac")?.to_owned(),
        now: row.time("moment")?,
    })
}

pub async fn end_chain(connection: &mut AnyConnection, mac: &str) -> Result<()> {
    sqlx::query("UPDATE head SET audit_mac = $1").bind(mac).execute(connection).await?;
    Ok(())
}
