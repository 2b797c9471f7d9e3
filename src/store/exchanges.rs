//! What credential versions were last exchanged for, and whose turn the next exchange is.
//! Owns the table `exchanges`; a row goes with its version.
//! Never a control write: what is sealed here is nobody's to change.

use super::{Result, Store, row::Columns, statement::Statement};
use crate::{clock::Timestamp, id::CredentialId};
use sqlx::any::AnyRow;
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeRow {
    pub credential: CredentialId,
    pub version: u32,
    /// The key and what it sealed; none before the first exchange.
    pub sealed: Option<(i64, Vec<u8>)>,
    /// Which one it is: a later one has a later time.
    pub made: Timestamp,
    pub ends: Timestamp,
    pub is_held: bool,
}

impl Store {
    pub async fn exchange(&self, credential: CredentialId, version: u32) -> Result<Option<ExchangeRow>> {
        let row = sqlx::query(
            "SELECT credential_id, version, key_id, sealed, made, ends, holder FROM exchanges \
              WHERE credential_id = $1 AND version = $2",
        )
        .bind(credential.to_string())
        .bind(i64::from(version))
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(ExchangeRow::read).transpose()
    }

    /// Takes the turn for so long by the store's clock, if nobody has it and `made` is the last exchange; `None` before
    /// the first.
    pub async fn hold_exchange(
        &self,
        (credential, version): (CredentialId, u32),
        holder: &str,
        made: Option<Timestamp>,
        lasts: Duration,
    ) -> Result<bool> {
        sqlx::query(
            "INSERT INTO exchanges (credential_id, version, made, ends, held_until) VALUES ($1, $2, 0, 0, 0) \
             ON CONFLICT (credential_id, version) DO NOTHING",
        )
        .bind(credential.to_string())
        .bind(i64::from(version))
        .execute(&self.writers)
        .await?;
        let now = self.dialect.now();
        let mut statement = Statement::new(self.dialect, "UPDATE exchanges SET holder = ");
        statement.value(holder.to_owned()).text(", held_until = ").text(now);
        statement.text(" + ").value(lasts.as_millis() as i64);
        statement.text(" WHERE credential_id = ").value(credential.to_string());
        statement.text(" AND version = ").value(i64::from(version));
        statement.text(" AND made = ").value(made.map_or(0, Timestamp::millis));
        statement.text(" AND (holder IS NULL OR held_until <= ").text(now).text(")");
        let mut connection = self.writers.acquire().await?;
        Ok(statement.execute(&mut connection).await? == 1)
    }

    /// Lets another take the turn.
    pub async fn release_exchange(&self, credential: CredentialId, version: u32, holder: &str) -> Result<()> {
        sqlx::query(
            "UPDATE exchanges SET holder = NULL, held_until = 0 WHERE credential_id = $1 AND version = $2 AND holder = $3",
        )
        .bind(credential.to_string())
        .bind(i64::from(version))
        .bind(holder)
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Puts an exchange in the place of the last one, which was `after`; `false` if another has been made since, or
    /// the version is gone. Who has lost the turn by now still writes: what they have is the newest there is.
    pub async fn write_exchange(&self, row: &ExchangeRow, after: Timestamp) -> Result<bool> {
        let (key, sealed) = row.sealed.clone().unzip();
        let written = sqlx::query(
            "UPDATE exchanges SET key_id = $3, sealed = $4, made = $5, ends = $6, holder = NULL, held_until = 0 \
              WHERE credential_id = $1 AND version = $2 AND made = $7",
        )
        .bind(row.credential.to_string())
        .bind(i64::from(row.version))
        .bind(key)
        .bind(sealed)
        .bind(row.made.millis())
        .bind(row.ends.millis())
        .bind(after.millis())
        .execute(&self.writers)
        .await?;
        Ok(written.rows_affected() == 1)
    }

    /// Sealed with another key than this one.
    pub async fn exchanges_sealed_otherwise(&self, key: i64) -> Result<Vec<ExchangeRow>> {
        let rows = sqlx::query(
            "SELECT credential_id, version, key_id, sealed, made, ends, holder FROM exchanges WHERE key_id <> $1",
        )
        .bind(key)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(ExchangeRow::read).collect()
    }

    /// The same, sealed with another key; left as it is if it is not the last one any more.
    pub async fn reseal_exchange(&self, row: &ExchangeRow) -> Result<()> {
        let (key, sealed) = row.sealed.clone().unzip();
        sqlx::query(
            "UPDATE exchanges SET key_id = $3, sealed = $4 WHERE credential_id = $1 AND version = $2 AND made = $5",
        )
        .bind(row.credential.to_string())
        .bind(i64::from(row.version))
        .bind(key)
        .bind(sealed)
        .bind(row.made.millis())
        .execute(&self.writers)
        .await?;
        Ok(())
    }
}

impl ExchangeRow {
    fn read(row: &AnyRow) -> Result<Self> {
        let sealed = match (row.optional_number("key_id")?, row.optional_bytes("sealed")?) {
            (Some(key), Some(sealed)) => Some((key, sealed.to_vec())),
            _ => None,
        };
        Ok(Self {
            credential: row.parsed("credential_id")?,
            version: u32::try_from(row.number("version")?).map_err(|_| super::row::corrupt("version"))?,
            sealed,
            made: row.time("made")?,
            ends: row.time("ends")?,
            is_held: row.optional_text("holder")?.is_some(),
        })
    }
}
