//! What the data plane has to tell the audit trail, until it has its place in the chain.
//! Owns the reading of the table `notes`; `ledger` writes them with what they tell of, so that a crash loses none.
//! Never in the chain and among the notes at once.

use super::{Actor, AuditEntry, Result, Store, Tx, row::Columns, statement::Statement};

impl Store {
    /// Whether any note waits for its place.
    pub async fn has_notes(&self) -> Result<bool> {
        Ok(sqlx::query("SELECT id FROM notes LIMIT 1").fetch_optional(&self.readers).await?.is_some())
    }
}

impl Tx {
    /// Moves at most `limit` notes into the audit trail, oldest first, and says how many they were.
    pub async fn audit_notes(&mut self, limit: u16) -> Result<usize> {
        let rows = sqlx::query("SELECT id, at, user_id, action, subject, detail FROM notes ORDER BY id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        for row in &rows {
            let actor = Actor::User(row.parsed("user_id")?);
            let entry = AuditEntry::new(&actor, row.text("action")?.to_owned(), row.text("subject")?);
            self.record(entry.detail(row.text("detail")?.to_owned()).at(row.time("at")?));
        }
        if !rows.is_empty() {
            let ids: Vec<&str> = rows.iter().map(|row| row.text("id")).collect::<Result<_>>()?;
            let mut statement = Statement::new(self.dialect(), "DELETE FROM notes WHERE id IN ");
            statement.list(ids);
            // Not `writing`: nobody keeps notes, and there is nobody to tell.
            statement.execute(self.connection()).await?;
        }
        Ok(rows.len())
    }
}
