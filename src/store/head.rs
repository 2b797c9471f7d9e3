//! The one row that numbers everything: the ends of the change log and of the audit chain.
//! Owns the table `head`.
//! Never taken but last in a transaction, so that the order of its numbers is the order of commits.

use super::{Result, Seq, row::Columns};
use sqlx::AnyConnection;

/// The ends of both logs before this transaction's entries.
pub struct Head {
    pub seq: Seq,
    pub audit_seq: Seq,
    pub audit_mac: String,
}

pub async fn seq(connection: &mut AnyConnection) -> Result<Seq> {
    Ok(sqlx::query_scalar("SELECT seq FROM head").fetch_one(connection).await?)
}

/// Locks the row until the transaction ends and moves the numbers on.
pub async fn advance(connection: &mut AnyConnection, changes: usize, entries: usize) -> Result<Head> {
    let (changes, entries) = (changes as i64, entries as i64);
    let row =
        sqlx::query("UPDATE head SET seq = seq + $1, audit_seq = audit_seq + $2 RETURNING seq, audit_seq, audit_mac")
            .bind(changes)
            .bind(entries)
            .fetch_one(connection)
            .await?;
    Ok(Head {
        seq: row.number("seq")? - changes,
        audit_seq: row.number("audit_seq")? - entries,
        audit_mac: row.text("audit_mac")?.to_owned(),
    })
}

pub async fn end_chain(connection: &mut AnyConnection, mac: &str) -> Result<()> {
    sqlx::query("UPDATE head SET audit_mac = $1").bind(mac).execute(connection).await?;
    Ok(())
}
