//! Who serves from this store: a row for each process that runs, in which it says again and again that it lives.
//! Owns the table `processes`.
//! Never tells by a clock whether a process is dead: clocks jump, and whose beats stand still is seen by counting them.

use super::{
    Reading, Result, Store,
    row::Columns,
    statement::{Statement, fetch_in},
};
use crate::{
    clock::Timestamp,
    id::{ProcessId, SubmissionId},
    job::{State, entry::Entry},
};
use sqlx::any::AnyRow;

/// What a process says of itself with each beat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beat {
    pub process: ProcessId,
    pub host: String,
    pub version: &'static str,
    /// Up to where it has followed the change log.
    pub followed: i64,
    /// The longest of the last times, in milliseconds, from a change to its being in force there.
    pub lag: Option<i64>,
}

/// A process as others see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessRow {
    pub process: ProcessId,
    /// How often it has said that it lives.
    pub beats: i64,
    /// When it did last, by the store's clock.
    pub seen: Timestamp,
    /// Nothing of these, where an earlier version runs.
    pub host: Option<String>,
    pub version: Option<String>,
    pub followed: Option<i64>,
    pub lag: Option<i64>,
    /// The newest schema that its program knows.
    pub knows: Option<i64>,
}

/// Processes that will not say what became of their submissions, with the last beat of each that was counted.
pub type Silent = [(ProcessId, i64)];

/// Of processes that are not there any more.
pub(super) const ABANDONED: &str =
    "SELECT id FROM submissions WHERE state = 'open' AND process_id NOT IN (SELECT p.id FROM processes p) ORDER BY id";

/// In milliseconds.
pub(super) const LATELY: i64 = 60_000;
/// As many as one transaction moves.
const AT_ONCE: usize = 500;

impl Store {
    /// Says that this process lives.
    pub async fn beat(&self, beat: &Beat) -> Result<()> {
        let mut statement = Statement::new(
            self.dialect,
            "INSERT INTO processes (id, host, version, followed, lag, knows, beats, seen) VALUES (",
        );
        statement.value(beat.process.to_string()).text(", ").value(beat.host.clone());
        statement.text(", ").value(beat.version).text(", ").value(beat.followed);
        statement.text(", ").value(beat.lag).text(", ").value(super::migrations::KNOWN);
        statement.text(", 1, ").text(self.dialect.now());
        statement.text(
            ") ON CONFLICT (id) DO UPDATE SET host = excluded.host, version = excluded.version, \
             followed = excluded.followed, lag = excluded.lag, knows = excluded.knows, \
             beats = processes.beats + 1, seen = excluded.seen",
        );
        let mut connection = self.writers.acquire().await?;
        statement.execute(&mut connection).await.map(drop)
    }

    /// Says which master key this process has; nothing, if it has not said that it lives.
    pub async fn say_master_key(&self, process: ProcessId, mark: &str) -> Result<()> {
        let query = sqlx::query("UPDATE processes SET master_key = $2 WHERE id = $1").bind(process.to_string());
        query.bind(mark.to_owned()).execute(&self.writers).await?;
        Ok(())
    }

    /// Which master key each process has that was seen within the last minute, by the store's clock: for a command, which
    /// does not live for long enough to count beats.
    pub async fn master_keys(&self) -> Result<Vec<(ProcessId, Option<String>, Timestamp)>> {
        let mut statement = Statement::new(self.dialect, "SELECT id, master_key, seen FROM processes WHERE seen >= ");
        statement.text(self.dialect.now()).text(" - ").value(LATELY).text(" ORDER BY id");
        let mut connection = self.readers.acquire().await?;
        let rows = statement.fetch(&mut connection).await?;
        let read = |row: &AnyRow| {
            Ok((row.parsed("id")?, row.optional_text("master_key")?.map(str::to_owned), row.time("seen")?))
        };
        rows.iter().map(read).collect()
    }

    /// This process ends in order; what it had open has been settled.
    pub async fn forget_process(&self, process: ProcessId) -> Result<()> {
        let query = sqlx::query("DELETE FROM processes WHERE id = $1").bind(process.to_string());
        query.execute(&self.writers).await?;
        Ok(())
    }

    /// Declares these dead, but for those that have said something since, and makes unknown what processes that are not
    /// there have left open: how many submissions that were.
    pub async fn orphan(&self, silent: &Silent, now: Timestamp) -> Result<u64> {
        for (process, beats) in silent {
            let query = sqlx::query("DELETE FROM processes WHERE id = $1 AND beats = $2");
            query.bind(process.to_string()).bind(beats).execute(&self.writers).await?;
        }
        let rows = sqlx::query(ABANDONED).fetch_all(&self.readers).await?;
        self.settle_abandoned(&read_ids(&rows)?, now).await
    }

    /// Makes unknown what these have left open, whatever they may say yet.
    pub async fn orphan_all_of(&self, processes: &[ProcessId], now: Timestamp) -> Result<u64> {
        let ids: Vec<String> = processes.iter().map(ToString::to_string).collect();
        let sql = "SELECT id FROM submissions WHERE state = 'open' AND process_id IN ";
        let mut reading = self.read().await?;
        let rows = fetch_in(reading.connection(), self.dialect, sql, &ids, "").await?;
        drop(reading);
        let abandoned = self.settle_abandoned(&read_ids(&rows)?, now).await?;
        for process in processes {
            self.forget_process(*process).await?;
        }
        Ok(abandoned)
    }

    async fn settle_abandoned(&self, abandoned: &[SubmissionId], now: Timestamp) -> Result<u64> {
        let unknown =
            |submission: &SubmissionId| Entry::End { submission: *submission, state: State::Unknown, at: now };
        for some in abandoned.chunks(AT_ONCE) {
            let entries: Vec<Entry> = some.iter().map(unknown).collect();
            self.enter(&entries).await?;
        }
        Ok(abandoned.len() as u64)
    }
}

impl Reading {
    /// All that have not ended in order, nor been declared dead; the one that was started first comes first.
    pub async fn processes(&mut self) -> Result<Vec<ProcessRow>> {
        let rows =
            sqlx::query("SELECT id, beats, seen, host, version, followed, lag, knows FROM processes ORDER BY id")
                .fetch_all(self.connection())
                .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<ProcessRow> {
    Ok(ProcessRow {
        process: row.parsed("id")?,
        beats: row.number("beats")?,
        seen: row.time("seen")?,
        host: row.optional_text("host")?.map(str::to_owned),
        version: row.optional_text("version")?.map(str::to_owned),
        followed: row.optional_number("followed")?,
        lag: row.optional_number("lag")?,
        knows: row.optional_number("knows")?,
    })
}

fn read_ids(rows: &[AnyRow]) -> Result<Vec<SubmissionId>> {
    rows.iter().map(|row| row.parsed("id")).collect()
}
