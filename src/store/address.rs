//! Where the store is: a file in the data folder, or a PostgreSQL server.
//! Owns nothing; the URL may hold a password and is kept as a secret.
//! Never prints the URL.

use super::{Result, StoreError, dialect::Dialect};
use crate::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{ConnectOptions as _, any::AnyConnectOptions};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

#[derive(Clone, Debug)]
pub enum Address {
    Sqlite(PathBuf),
    Postgres(Secret),
}

/// What a path keeps in a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

impl Address {
    /// By `store.url`, or `bellhop.db` in the data folder.
    pub fn parse(url: Option<&Secret>, data_dir: &Path) -> Result<Self> {
        let Some(secret) = url else { return Ok(Self::Sqlite(data_dir.join("bellhop.db"))) };
        let url = secret.expose();
        if let Some(path) = url.strip_prefix("sqlite:") {
            Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::Postgres(secret.clone()))
        } else {
            Err(StoreError::Address("expected `postgres://…` or `sqlite:PATH`".into()))
        }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes SQLite's file and folder if they are missing, for nobody else's eyes.
    pub(super) fn prepare(&self) -> Result<()> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        let made = path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), make_folder);
        made.and_then(|()| make_file(path))
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))
    }

    pub(super) fn options(&self) -> Result<AnyConnectOptions> {
        let options = match self {
            Self::Sqlite(path) => sqlite_url(path)?.parse(),
            Self::Postgres(url) => url.expose().parse(),
        };
        let options: AnyConnectOptions =
            options.map_err(|_: sqlx::Error| StoreError::Address("it is no valid URL".into()))?;
        Ok(options.disable_statement_logging())
    }
}

fn sqlite_url(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(|error| StoreError::Address(error.to_string()))?;
    let text = absolute.to_str().ok_or_else(|| StoreError::Address("its path is not UTF-8".into()))?;
    Ok(format!("sqlite://{}?mode=rw", utf8_percent_encode(text, PATH)))
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// SQLite gives its journal files the mode of the database.
fn make_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}
