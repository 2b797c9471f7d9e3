//! How each running process finds the sources of credentials: for people who ask, in a process of their own.
//! Owns the table `source_states`.
//! Never holds a value that was read, and no text but a problem's own words.

use super::{Reading, Result, Store, row::Columns};
use crate::{
    clock::Timestamp,
    id::{CredentialId, ProcessId},
};
use sqlx::any::AnyRow;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceState {
    pub credential: CredentialId,
    pub version: u32,
    pub process: ProcessId,
    /// When it was last read with success.
    pub read: Option<Timestamp>,
    /// Since when it cannot be read, and why.
    pub failing: Option<(Timestamp, Box<str>)>,
}

impl Store {
    /// Writes down how a process finds one source. No control change: nothing that is served depends on it.
    pub async fn note_source(&self, state: &SourceState, now: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO source_states (credential_id, version, process_id, read_at, failing_since, problem, noted) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id, version, process_id) DO UPDATE \
             SET read_at = excluded.read_at, failing_since = excluded.failing_since, problem = excluded.problem, \
                 noted = excluded.noted",
        )
        .bind(state.credential.to_string())
        .bind(i64::from(state.version))
        .bind(state.process.to_string())
        .bind(state.read.map(Timestamp::millis))
        .bind(state.failing.as_ref().map(|(since, _)| since.millis()))
        .bind(state.failing.as_ref().map(|(_, problem)| problem.to_string()))
        .bind(now.millis())
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Forgets what nobody has said since: of processes that have ended, and of versions that are not in use.
    pub async fn forget_source_states(&self, since: Timestamp) -> Result<()> {
        let query = sqlx::query("DELETE FROM source_states WHERE noted < $1").bind(since.millis());
        query.execute(&self.writers).await?;
        Ok(())
    }

    /// Whether this is what requests use now.
    pub async fn is_current(&self, credential: CredentialId, version: u32) -> Result<bool> {
        let query = sqlx::query("SELECT id FROM credentials WHERE id = $1 AND version = $2 AND state <> 'deleted'")
            .bind(credential.to_string())
            .bind(i64::from(version));
        Ok(query.fetch_optional(&self.readers).await?.is_some())
    }
}

impl Reading {
    /// As the processes that run find the source of this version; the one that was started first comes first.
    pub async fn source_states(&mut self, credential: CredentialId, version: u32) -> Result<Vec<SourceState>> {
        let rows = sqlx::query(
            "SELECT s.credential_id, s.version, s.process_id, s.read_at, s.failing_since, s.problem \
               FROM source_states s JOIN processes p ON p.id = s.process_id \
              WHERE s.credential_id = $1 AND s.version = $2 ORDER BY s.process_id",
        )
        .bind(credential.to_string())
        .bind(i64::from(version))
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(SourceState::read).collect()
    }
}

impl SourceState {
    fn read(row: &AnyRow) -> Result<Self> {
        let problem = || row.optional_text("problem").map(|text| text.unwrap_or_default().into());
        let failing = row.optional_time("failing_since")?;
        Ok(Self {
            credential: row.parsed("credential_id")?,
            version: super::credentials::read_version(row)?,
            process: row.parsed("process_id")?,
            read: row.optional_time("read_at")?,
            failing: failing.map(|since| Ok::<_, super::StoreError>((since, problem()?))).transpose()?,
        })
    }
}
