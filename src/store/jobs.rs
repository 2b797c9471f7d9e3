//! What is on record, asked by key; what a job's follow-ups, its credential and its member's leaving ask.
//! Owns nothing; what is read here was put on record by `ledger`.
//! Never judges who may reach what.

use super::{Question, Reading, Result, Store, ledger::LOOK_UP, row::Columns, statement::fetch_in};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, UserId},
    job::{Record, ThingKey},
};
use sqlx::any::AnyRow;

pub(super) const IS_PENDING: &str =
    "SELECT id FROM submissions WHERE user_id = $1 AND provider = $2 AND state IN ('open', 'unknown') LIMIT 1";
pub(super) const OPEN_JOBS: &str =
    "SELECT COUNT(*) AS open FROM things WHERE kind = 'job' AND ended IS NULL AND credential_id = $1";
pub(super) const LAST_JOB: &str = "SELECT MAX(created) AS last FROM things WHERE kind = 'job' AND credential_id = $1";
pub(super) const OPEN_JOBS_OF_MEMBER: &str = "SELECT COUNT(*) AS open FROM things \
     WHERE kind = 'job' AND ended IS NULL AND user_id = $1 AND organization_id = $2";
impl Store {
    /// All that is on record under these keys, at whichever accounts.
    pub async fn records(&self, keys: &[ThingKey]) -> Result<Vec<Record>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let asking = async {
            let mut reading = self.read().await?;
            fetch_in(reading.connection(), self.dialect, LOOK_UP, &keys, "").await
        };
        let rows = self.counted(Question::Jobs, asking).await?;
        rows.iter().map(read_record).collect()
    }

    /// Whether this user has submissions of which nobody knows yet, or ever, what they made.
    pub async fn is_pending(&self, user: UserId, provider: &str) -> Result<bool> {
        let query = sqlx::query(IS_PENDING).bind(user.to_string()).bind(provider);
        Ok(query.fetch_optional(&self.readers).await?.is_some())
    }
}

impl Reading {
    /// Jobs that this credential made and that have not ended.
    pub async fn open_jobs(&mut self, credential: CredentialId) -> Result<u64> {
        let row = sqlx::query(OPEN_JOBS).bind(credential.to_string()).fetch_one(self.connection()).await?;
        row.amount("open")
    }

    /// When the newest job that this credential made went on record; `None`: it has made none.
    pub async fn last_job(&mut self, credential: CredentialId) -> Result<Option<Timestamp>> {
        let row = sqlx::query(LAST_JOB).bind(credential.to_string()).fetch_one(self.connection()).await?;
        row.optional_time("last")
    }

    /// Jobs of a member's that the organization pays for and that have not ended.
    pub async fn open_jobs_of_member(&mut self, user: UserId, organization: OrganizationId) -> Result<u64> {
        let query = sqlx::query(OPEN_JOBS_OF_MEMBER).bind(user.to_string()).bind(organization.to_string());
        query.fetch_one(self.connection()).await?.amount("open")
    }
}

fn read_record(row: &AnyRow) -> Result<Record> {
    Ok(Record {
        key: row.key("key")?,
        account: row.text("account")?.into(),
        submission: row.parsed("submission_id")?,
        owner: row.parsed("user_id")?,
        organization: row.optional("organization_id")?,
        credential: row.parsed("credential_id")?,
        ended: row.optional("ended")?,
    })
}
