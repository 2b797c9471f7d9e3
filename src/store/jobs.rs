//! What is on record, asked by key; what a job's follow-ups, its credential and its member's leaving ask.
//! Owns the table `processes`; what is read here was put on record by `ledger`.
//! Never judges who may reach what.

use super::{Reading, Result, Store, ledger::LOOK_UP, row::Columns, statement::fetch_in};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, ProcessId, SubmissionId, UserId},
    job::{Record, State, ThingKey, entry::Entry},
};
use sqlx::any::AnyRow;

/// Processes that will not say what became of their submissions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Orphans {
    /// Of all that have not been seen since.
    NotSeenSince(Timestamp),
    /// Of these.
    Of(Box<[ProcessId]>),
}

pub(super) const IS_PENDING: &str =
    "SELECT id FROM submissions WHERE user_id = $1 AND provider = $2 AND state IN ('open', 'unknown') LIMIT 1";
pub(super) const OPEN_JOBS: &str =
    "SELECT COUNT(*) AS open FROM things WHERE kind = 'job' AND ended IS NULL AND credential_id = $1";
pub(super) const LAST_JOB: &str = "SELECT MAX(created) AS last FROM things WHERE kind = 'job' AND credential_id = $1";
pub(super) const OPEN_JOBS_OF_MEMBER: &str = "SELECT COUNT(*) AS open FROM things \
     WHERE kind = 'job' AND ended IS NULL AND user_id = $1 AND organization_id = $2";
pub(super) const ABANDONED: &str = "SELECT id FROM submissions WHERE state = 'open' \
     AND process_id NOT IN (SELECT p.id FROM processes p WHERE p.seen >= $1) ORDER BY id";

/// As many as one transaction moves.
const AT_ONCE: usize = 500;

impl Store {
    /// All that is on record under these keys, at whichever accounts.
    pub async fn records(&self, keys: &[ThingKey]) -> Result<Vec<Record>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.readers.acquire().await?;
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let rows = fetch_in(&mut connection, self.dialect, LOOK_UP, &keys, "").await?;
        rows.iter().map(read_record).collect()
    }

    /// Whether this user has submissions of which nobody knows yet, or ever, what they made.
    pub async fn is_pending(&self, user: UserId, provider: &str) -> Result<bool> {
        let query = sqlx::query(IS_PENDING).bind(user.to_string()).bind(provider);
        Ok(query.fetch_optional(&self.readers).await?.is_some())
    }

    /// Says that this process lives.
    pub async fn beat(&self, process: ProcessId, now: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO processes (id, seen, version, knows) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",
        )
        .bind(process.to_string())
        .bind(now.millis())
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(super::migrations::KNOWN)
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Says which master key this process has; nothing, if it has not said that it lives.
    pub async fn say_master_key(&self, process: ProcessId, mark: &str) -> Result<()> {
        let query = sqlx::query("UPDATE processes SET master_key = $2 WHERE id = $1").bind(process.to_string());
        query.bind(mark.to_owned()).execute(&self.writers).await?;
        Ok(())
    }

    /// Which master key each process has that was seen since.
    pub async fn master_keys(&self, since: Timestamp) -> Result<Vec<(ProcessId, Option<String>, Timestamp)>> {
        let query = sqlx::query("SELECT id, master_key, seen FROM processes WHERE seen >= $1 ORDER BY id");
        let rows = query.bind(since.millis()).fetch_all(&self.readers).await?;
        let read = |row: &AnyRow| {
            Ok((row.parsed("id")?, row.optional_text("master_key")?.map(str::to_owned), row.time("seen")?))
        };
        rows.iter().map(read).collect()
    }

    /// Whether of all processes that were seen lately this one has lived longest.
    pub async fn is_first(&self, process: ProcessId) -> Result<bool> {
        let first: Option<String> =
            sqlx::query_scalar("SELECT MIN(id) FROM processes").fetch_one(&self.readers).await?;
        Ok(first.is_none_or(|first| first == process.to_string()))
    }

    /// Makes open submissions of dead processes unknown, and says how many they were.
    pub async fn orphan(&self, dead: &Orphans, now: Timestamp) -> Result<u64> {
        let abandoned = self.abandoned(dead).await?;
        let unknown =
            |submission: &SubmissionId| Entry::End { submission: *submission, state: State::Unknown, at: now };
        for some in abandoned.chunks(AT_ONCE) {
            let entries: Vec<Entry> = some.iter().map(unknown).collect();
            self.enter(&entries).await?;
        }
        self.forget_processes(dead).await?;
        Ok(abandoned.len() as u64)
    }

    async fn abandoned(&self, dead: &Orphans) -> Result<Vec<SubmissionId>> {
        let rows = match dead {
            Orphans::NotSeenSince(time) => sqlx::query(ABANDONED).bind(time.millis()).fetch_all(&self.readers).await?,
            Orphans::Of(processes) => {
                let mut connection = self.readers.acquire().await?;
                let ids: Vec<String> = processes.iter().map(ToString::to_string).collect();
                let sql = "SELECT id FROM submissions WHERE state = 'open' AND process_id IN ";
                fetch_in(&mut connection, self.dialect, sql, &ids, "").await?
            }
        };
        rows.iter().map(|row| row.parsed("id")).collect()
    }

    /// What they may yet write is still found abandoned: they are not among those that live.
    async fn forget_processes(&self, dead: &Orphans) -> Result<()> {
        match dead {
            Orphans::NotSeenSince(time) => {
                let query = sqlx::query("DELETE FROM processes WHERE seen < $1").bind(time.millis());
                query.execute(&self.writers).await?;
            }
            Orphans::Of(processes) => {
                for process in processes {
                    let query = sqlx::query("DELETE FROM processes WHERE id = $1").bind(process.to_string());
                    query.execute(&self.writers).await?;
                }
            }
        }
        Ok(())
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
