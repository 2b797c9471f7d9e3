//! What can go wrong with the store, named for what the caller can do about it.
//! Owns nothing.
//! Never holds a value of a row or a parameter: only which rule, which code, which column.

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is wrong with the request; the same may work later.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Somebody else's program wrote this, or a disk lost it.
    #[error("the store holds something that cannot be read: {0}")]
    Corrupt(String),
    #[error(
        "the store's schema is of version {found}, and this Bellhop ({}) knows versions up to {known}: a newer Bellhop has \
         brought it there. Start that one, or restore a backup from before the upgrade; nothing was changed",
        env!("CARGO_PKG_VERSION")
    )]
    Newer { found: i64, known: i64 },
    #[error("the store's address is not usable: {0}")]
    Address(String),
    /// A mistake in this program.
    #[error("internal mistake in a store call: {0}")]
    Internal(String),
}

/// The change contradicts what is in the store now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Conflict {
    #[error("that name is taken")]
    NameTaken,
    #[error("that token is in the store already")]
    TokenTaken,
    #[error("there is an active credential for this provider already")]
    ActiveCredential,
    #[error("what it refers to is not there")]
    Missing,
    #[error("it is there already")]
    Exists,
    #[error("the key it was sealed with has been replaced")]
    KeyReplaced,
    #[error("somebody else changed it at the same time: try again")]
    Raced,
    #[error("another process does this by now")]
    Overtaken,
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// PostgreSQL's code where somebody else held a lock for longer than one waits.
const LOCK_NOT_AVAILABLE: &str = "55P03";

impl StoreError {
    /// Others held what it needed; they come to an end.
    pub(super) fn is_contention(&self) -> bool {
        match self {
            Self::Conflict(Conflict::Raced) => true,
            Self::Unavailable(because) => because.contains(LOCK_NOT_AVAILABLE),
            _ => false,
        }
    }

    /// Whether the operator has to do something else, and trying again is no use.
    pub const fn is_configuration(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Newer { .. })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{
            AnyDriverError, ColumnDecode, ColumnIndexOutOfBounds, ColumnNotFound, Configuration, Database, Decode, Io,
            PoolClosed, PoolTimedOut, RowNotFound, Tls, WorkerCrashed,
        };
        match error {
            Database(error) => from_database(&*error),
            Io(error) => Self::Unavailable(error.to_string()),
            Tls(error) => Self::Unavailable(error.to_string()),
            PoolTimedOut => Self::Unavailable("no connection became free in time".into()),
            PoolClosed | WorkerCrashed => Self::Unavailable("its connections are closed".into()),
            Configuration(error) => Self::Address(error.to_string()),
            RowNotFound => Self::Conflict(Conflict::Missing),
            ColumnDecode { index, .. } => Self::Corrupt(format!("column {index}")),
            Decode(_) | AnyDriverError(_) => Self::Corrupt("a column of an unexpected type".into()),
            ColumnNotFound(column) => Self::Internal(format!("no column {column}")),
            ColumnIndexOutOfBounds { index, .. } => Self::Internal(format!("no column {index}")),
            other => Self::Unavailable(kind_of(&other).into()),
        }
    }
}

fn kind_of(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Protocol(_) => "it broke the protocol",
        sqlx::Error::BeginFailed => "it did not begin a transaction",
        _ => "it failed in an unexpected way",
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    use sqlx::error::ErrorKind;
    match error.kind() {
        ErrorKind::UniqueViolation => StoreError::Conflict(broken_uniqueness(error)),
        ErrorKind::ForeignKeyViolation => StoreError::Conflict(Conflict::Missing),
        ErrorKind::CheckViolation | ErrorKind::NotNullViolation => {
            StoreError::Internal(format!("a rule of the schema, {}", error.constraint().unwrap_or("unnamed")))
        }
        _ => from_code(error),
    }
}

/// PostgreSQL names the index, SQLite the columns.
fn broken_uniqueness(error: &dyn sqlx::error::DatabaseError) -> Conflict {
    let rule = error.constraint().unwrap_or_else(|| error.message());
    let rule_is = |names: &[&str]| names.iter().any(|name| rule.contains(name));
    if rule_is(&["active_credential", "credentials.user_id", "credentials.organization_id", "credentials.project_id"]) {
        Conflict::ActiveCredential
    } else if rule_is(&["digest"]) {
        Conflict::TokenTaken
    } else if rule_is(&["name"]) {
        Conflict::NameTaken
    } else {
        Conflict::Exists
    }
}

/// A message of PostgreSQL may quote a value, but for the classes that speak of the connection; SQLite's never does.
fn from_code(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        from_sqlite(code.parse().unwrap_or_default(), error.message().to_owned())
    } else {
        from_postgres(&code, error.message())
    }
}

/// The low byte is the primary result code: <https://www.sqlite.org/rescode.html>.
fn from_sqlite(code: i64, message: String) -> StoreError {
    const ERROR: i64 = 1;
    const CORRUPT: i64 = 11;
    const NOT_A_DATABASE: i64 = 26;
    match code & 0xff {
        CORRUPT | NOT_A_DATABASE => StoreError::Corrupt(message),
        ERROR => StoreError::Internal(message),
        _ => StoreError::Unavailable(message),
    }
}

/// The first two characters of an SQLSTATE are its class.
fn from_postgres(code: &str, message: &str) -> StoreError {
    match code.get(..2).unwrap_or_default() {
        "08" | "28" | "3D" | "53" | "57" | "58" => StoreError::Unavailable(message.to_owned()),
        "40" => Conflict::Raced.into(),
        "25" | "55" => StoreError::Unavailable(format!("it is busy or read-only ({code})")),
        // A statement that was prepared is not there, or another is: connections are handed out for one transaction each.
        _ if matches!(code, "42P05" | "26000") => StoreError::Address(
            "a pooler stands before PostgreSQL that keeps no prepared statements: PgBouncer does from 1.21 on, with \
             max_prepared_statements above 0"
                .into(),
        ),
        "XX" => StoreError::Corrupt(format!("PostgreSQL says {code}")),
        _ => StoreError::Internal(format!("PostgreSQL says {code}")),
    }
}
