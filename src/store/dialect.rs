//! Where SQLite and PostgreSQL must be told the same thing in different words; every other statement is one text for both.
//! Owns nothing.
//! Never sees a value: what comes from outside is bound, always.

use sqlx::{AnyConnection, Connection as _};
use std::{borrow::Cow, fmt::Write, time::Duration};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// SQLite's plain `BEGIN` takes the write lock at the first write and fails at once, timeout or not,
    /// if somebody wrote between this transaction's first read and then. PostgreSQL is not asked for `READ WRITE`: whoever
    /// made read-only the default, as hosts do whose disk is full, means it.
    pub const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// All reads of the transaction see the store as it was at the first of them.
    pub const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// What the database is told once, and keeps. Free pages can be given back in steps only where that was said before
    /// the first table was made; later it says nothing.
    pub async fn settle(self, connection: &mut AnyConnection) -> sqlx::Result<()> {
        match self {
            Self::Sqlite => {
                sqlx::raw_sql("PRAGMA busy_timeout = 10000; PRAGMA auto_vacuum = INCREMENTAL")
                    .execute(&mut *connection)
                    .await?;
                use_wal(connection).await
            }
            Self::Postgres => Ok(()),
        }
    }

    /// What each connection is told first.
    ///
    /// `synchronous = FULL`: with NORMAL a power failure can take back the last commits, and a token that was
    /// revoked, as its owner was told, would work again. One sync for a control change is cheap.
    ///
    /// `cache_size`: a reader keeps the upper pages of its indexes, as half of SQLite's default holds them; each caller's
    /// own rows are read once, from the system's cache.
    ///
    /// `journal_size_limit`: a log that grew long while somebody read is cut when it begins anew, and does not keep its
    /// size for ever.
    ///
    /// `jit`: every statement here reads few rows. Before the first ANALYZE PostgreSQL expects many, and spends a
    /// quarter of a second on compiling what then runs for a fraction of a millisecond.
    pub async fn greet(self, connection: &mut AnyConnection, access: Access) -> sqlx::Result<()> {
        let words = match (self, access) {
            (Self::Sqlite, Access::Write) => {
                "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; \
                 PRAGMA journal_size_limit = 16777216"
            }
            (Self::Sqlite, Access::Read) => {
                "PRAGMA busy_timeout = 10000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -1000"
            }
            (Self::Postgres, _) => {
                "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'; SET jit = off"
            }
        };
        sqlx::raw_sql(words).execute(connection).await.map(drop)
    }

    /// Whether a connection that nobody uses is in no transaction. When the disk is full SQLite ends a transaction by itself,
    /// the driver believes it to go on, and begins no other on this connection, ever.
    pub fn is_settled(self, connection: &AnyConnection) -> bool {
        self == Self::Postgres || !connection.is_in_transaction()
    }

    /// 128 MiB of pages in memory, and 256 MiB of log before it is folded into the file. What a statement of many rows
    /// notes for its own undoing stays in memory too: in a file it would double what is written.
    pub const fn bulk(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => {
                Some("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -131072; PRAGMA wal_autocheckpoint = 65536")
            }
            Self::Postgres => None,
        }
    }

    /// Makes control writes take turns, as SQLite's `BEGIN IMMEDIATE` does by itself, so that what a transaction
    /// reads before it writes is still so when it commits. Given up with the transaction.
    pub const fn lock_for_writing(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7093823645104386049)"),
        }
    }

    /// Whoever says that it lives waits until the transaction ends. SQLite's writers do anyway.
    pub const fn lock_processes(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("LOCK TABLE processes IN EXCLUSIVE MODE"),
        }
    }

    /// How many tables have this name: one or none.
    pub const fn count_tables(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
            Self::Postgres => {
                "SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1"
            }
        }
    }

    /// Of a table, then the column.
    pub const fn count_columns(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT COUNT(*) FROM pragma_table_info($1) WHERE name = $2",
            Self::Postgres => {
                "SELECT COUNT(*) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = $1 AND column_name = $2"
            }
        }
    }

    /// The store's own clock, in milliseconds: one for all processes, whatever theirs say.
    pub const fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// The same for all of one statement, however long it waits for a lock, and in nanoseconds.
    pub const fn statement_nanos(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000000",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT) * 1000",
        }
    }

    /// The smaller and the larger of two numbers.
    pub const fn least_and_greatest(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("MIN", "MAX"),
            Self::Postgres => ("LEAST", "GREATEST"),
        }
    }

    /// Whether processes on several machines can use it.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Postgres)
    }

    /// Tells all who listen that something has changed, when and if the transaction commits. SQLite has nobody to tell:
    /// its followers look at its files.
    pub const fn notify(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_notify('bellhop_changes', '')"),
        }
    }

    /// At the end of a question: the rows of the answer stay as they are until the transaction ends.
    /// SQLite's whole file does, from `BEGIN IMMEDIATE` on.
    pub const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// A statement that is written as PostgreSQL reads it, in this dialect.
    pub fn translate(self, sql: &'static str) -> Cow<'static, str> {
        match self {
            Self::Sqlite => {
                sql.replace("BYTEA", "BLOB").replace(" COLLATE \"C\"", "").replace("CREATE UNLOGGED", "CREATE").into()
            }
            Self::Postgres => sql.into(),
        }
    }

    /// `($1,$2),($3,$4)`. SQLite finds a numbered parameter by walking a list of all of them,
    /// which makes a thousand rows a million steps; there they go without numbers.
    pub fn rows(self, rows: usize, columns: usize) -> String {
        let mut text = String::with_capacity(rows * columns * 4);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ",(" });
            self.push_parameters(&mut text, row * columns, columns);
            text.push(')');
        }
        text
    }

    /// `($1,$2,$3)`, for `IN`.
    pub fn list(self, len: usize) -> String {
        self.rows(1, len)
    }

    fn push_parameters(self, text: &mut String, before: usize, count: usize) {
        for parameter in before + 1..=before + count {
            let comma = if parameter == before + 1 { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = match self {
                Self::Sqlite => write!(text, "{comma}?"),
                Self::Postgres => write!(text, "{comma}${parameter}"),
            };
        }
    }
}

/// The first to open a new file switches it, which SQLite does not wait for when others are opening it too.
async fn use_wal(connection: &mut AnyConnection) -> sqlx::Result<()> {
    const MOST_ATTEMPTS: usize = 200;
    let mut attempt = 1;
    loop {
        match sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await {
            Err(error) if is_busy(&error) && attempt < MOST_ATTEMPTS => attempt += 1,
            done => return done.map(drop),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Read,
    Write,
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    #[test]
    fn rows_of_parameters_are_numbered_through_where_numbers_are_cheap() {
        assert_eq!(Dialect::Postgres.rows(2, 3), "($1,$2,$3),($4,$5,$6)");
        assert_eq!(Dialect::Sqlite.rows(2, 3), "(?,?,?),(?,?,?)");
        assert_eq!(Dialect::Postgres.list(2), "($1,$2)");
    }
}
