//! Whose turn it is to do what one process does for all of them.
//! Owns the table `leases`.
//! Never says how long a turn lasts: whoever counts the holder's beats takes it over from one that is silent.

use super::{Conflict, Reading, Result, Store, Tx, row::Columns, statement::Statement};
use crate::id::ProcessId;

/// A turn, as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseRow {
    pub name: String,
    /// `None`: it was given back.
    pub holder: Option<ProcessId>,
    /// Grows with each that takes it.
    pub epoch: i64,
}

/// The evidence that a process has a turn; good for a write for as long as nobody has taken it over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence {
    pub name: &'static str,
    pub holder: ProcessId,
    pub epoch: i64,
}

impl Store {
    /// Takes a turn that was last taken with this epoch; `None`: by nobody ever. `None` if another was faster.
    pub async fn take_lease(&self, name: &'static str, process: ProcessId, seen: Option<i64>) -> Result<Option<Fence>> {
        let sql = match seen {
            None => {
                "INSERT INTO leases (name, process_id, epoch) VALUES ($1, $2, $3 + 1) ON CONFLICT (name) DO NOTHING"
            }
            Some(_) => "UPDATE leases SET process_id = $2, epoch = epoch + 1 WHERE name = $1 AND epoch = $3",
        };
        let before = seen.unwrap_or_default();
        let query = sqlx::query(sql).bind(name).bind(process.to_string()).bind(before);
        let taken = query.execute(&self.writers).await?.rows_affected() == 1;
        Ok(taken.then_some(Fence { name, holder: process, epoch: before + 1 }))
    }

    /// Gives all turns of a process back.
    pub async fn give_back_leases(&self, process: ProcessId) -> Result<()> {
        let query = sqlx::query("UPDATE leases SET process_id = NULL WHERE process_id = $1").bind(process.to_string());
        query.execute(&self.writers).await?;
        Ok(())
    }
}

impl Reading {
    pub async fn leases(&mut self) -> Result<Vec<LeaseRow>> {
        let rows = sqlx::query("SELECT name, process_id, epoch FROM leases").fetch_all(self.connection()).await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(LeaseRow {
                name: row.text("name")?.to_owned(),
                holder: row.optional("process_id")?,
                epoch: row.number("epoch")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Fails if the turn has gone to another; else it cannot until this commits.
    pub async fn require(&mut self, fence: &Fence) -> Result<()> {
        let mut statement = Statement::new(self.dialect(), "SELECT epoch FROM leases WHERE name = ");
        statement.value(fence.name).text(" AND process_id = ").value(fence.holder.to_string());
        statement.text(" AND epoch = ").value(fence.epoch).text(self.dialect().for_update());
        let held = statement.fetch(self.connection()).await?;
        if held.is_empty() { Err(Conflict::Overtaken.into()) } else { Ok(()) }
    }
}
