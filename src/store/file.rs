//! SQLite's file as a whole: who uses it, its log kept short, its free pages given back, a copy made of it.
//! Owns a lock beside the file, shared by all who use the store and taken alone by who puts another in its place.
//! Never holds up who writes for longer than a moment, but where it says so.

use super::{
    Address, Result, Store, StoreError,
    dialect::{Access, Dialect},
    row::Columns,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The store's file, in use.
#[derive(Debug)]
pub(super) struct InUse {
    path: PathBuf,
    _lock: File,
}

/// The store's file, used by nobody else for as long as this lives.
#[derive(Debug)]
pub struct Alone {
    _lock: File,
}

/// How much room SQLite's file takes, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    pub page_size: u64,
    pub pages: u64,
    /// Of which nothing is in use.
    pub free: u64,
    /// Whether free pages can be given back a few at a time.
    pub in_steps: bool,
}

/// The log is folded into the file when it is longer; SQLite itself tries at a quarter of that, and gives up where
/// somebody reads.
pub const LONGEST_LOG: u64 = 16 * 1024 * 1024;
/// So long a fold waits for readers; writers wait with it.
const FOLD_WAIT: &str = "PRAGMA busy_timeout = 250";
const INCREMENTAL: i64 = 2;

impl Address {
    /// As one of those who use the file; `None` where it is a server's.
    pub(super) fn hold(&self) -> Result<Option<InUse>> {
        let Self::Sqlite(path) = self else { return Ok(None) };
        let lock = lock_file(path)?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(Some(InUse { path: path.clone(), _lock: lock })),
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::Unavailable("a backup is being put in its place: try again when that is done".into()))
            }
            Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
        }
    }

    /// Alone, with all of it in the one file: what the log holds is folded in, and log and index are gone. `None` if
    /// somebody uses it.
    pub async fn hold_alone(&self) -> Result<Option<Alone>> {
        let Self::Sqlite(path) = self else {
            return Err(StoreError::Address("a PostgreSQL server is no file".into()));
        };
        let lock = lock_file(path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(unusable(path, &error)),
        }
        if path.exists() && !fold_whole(self).await? {
            return Ok(None);
        }
        Ok(Some(Alone { _lock: lock }))
    }
}

/// Whether nobody else has the file open, be it a program that knows nothing of the lock beside it.
async fn fold_whole(address: &Address) -> Result<bool> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect_with(&address.options()?).await?;
    sqlx::raw_sql("PRAGMA busy_timeout = 500").execute(&mut connection).await?;
    let folded: sqlx::Result<String> =
        sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await;
    connection.close().await?;
    match folded.map_err(StoreError::from) {
        Ok(mode) => Ok(mode == "delete"),
        Err(StoreError::Unavailable(_)) => Ok(false),
        // What is damaged is put aside as it is.
        Err(StoreError::Corrupt(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

fn lock_file(path: &Path) -> Result<File> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let path = path.with_file_name(name);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    opened.map_err(|error| unusable(&path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

impl Store {
    /// Folds SQLite's log into the file if it has grown long, and cuts it; how long it is then. Readers who follow
    /// closely upon each other keep SQLite from doing so by itself, and the log would grow for as long as they do.
    pub async fn fold_log(&self) -> Result<u64> {
        let Some(file) = &self.file else { return Ok(0) };
        let log = log_of(&file.path);
        let length = || fs::metadata(&log).map_or(0, |metadata| metadata.len());
        if length() > LONGEST_LOG {
            let mut connection = self.beside().await?;
            sqlx::raw_sql(FOLD_WAIT).execute(&mut connection).await?;
            // It says in its answer whether somebody was in the way.
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut connection).await?;
            connection.close().await?;
        }
        Ok(length())
    }

    /// `None` on a server, which minds its own room.
    pub async fn room(&self) -> Result<Option<Room>> {
        if self.dialect == Dialect::Postgres {
            return Ok(None);
        }
        let mut connection = self.readers.acquire().await?;
        let mut ask =
            async |sql: &'static str| -> Result<i64> { Ok(sqlx::query_scalar(sql).fetch_one(&mut *connection).await?) };
        Ok(Some(Room {
            page_size: ask("PRAGMA page_size").await?.unsigned_abs(),
            pages: ask("PRAGMA page_count").await?.unsigned_abs(),
            free: ask("PRAGMA freelist_count").await?.unsigned_abs(),
            in_steps: ask("PRAGMA auto_vacuum").await? == INCREMENTAL,
        }))
    }

    /// Gives at most so many free pages back to the system; who writes waits no longer than that takes.
    pub async fn give_back(&self, pages: u32) -> Result<()> {
        let sql = format!("PRAGMA incremental_vacuum({pages})");
        // Safe: a number.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.writers).await?;
        Ok(())
    }

    /// Writes the whole file anew; who writes waits until it is done. From then on it can be done in steps.
    pub async fn rebuild(&self) -> Result<()> {
        let mut connection = self.beside().await?;
        sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut connection).await?;
        sqlx::raw_sql("VACUUM").execute(&mut connection).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// All of the store as it is at one moment, into a file that is there and empty. Others write meanwhile, and the log
    /// grows by what they write. The file is not synced.
    pub async fn copy_into(&self, path: &Path) -> Result<()> {
        let path = path.to_str().ok_or_else(|| StoreError::Address("its path is not UTF-8".into()))?;
        let mut connection = self.beside().await?;
        sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut connection).await?;
        sqlx::query("VACUUM INTO $1").bind(path.to_owned()).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// What is wrong with the file, in SQLite's words; nothing, if it is whole.
    pub async fn damage(&self) -> Result<Vec<String>> {
        let mut connection = self.readers.acquire().await?;
        let rows = sqlx::query("PRAGMA integrity_check(10)").fetch_all(&mut *connection).await?;
        let mut found: Vec<String> =
            rows.iter().map(|row| Ok(row.text("integrity_check")?.to_owned())).collect::<Result<_>>()?;
        found.retain(|line| line != "ok");
        let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *connection).await?;
        if !broken.is_empty() {
            found.push(format!("{} rows refer to what is not there", broken.len()));
        }
        Ok(found)
    }

    /// A connection of its own, which may be told what those of the pools are not.
    async fn beside(&self) -> Result<AnyConnection> {
        let Some(file) = &self.file else {
            return Err(StoreError::Address("a PostgreSQL server is no file".into()));
        };
        let mut connection = AnyConnection::connect_with(&Address::Sqlite(file.path.clone()).options()?).await?;
        self.dialect.greet(&mut connection, Access::Write).await?;
        Ok(connection)
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-wal");
    path.with_file_name(name)
}
