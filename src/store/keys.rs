//! The sealed keys as rows, and the work of sealing versions anew under another one.
//! Owns the tables `keys` and `signing_keys`.
//! Never opens one.

use super::{Change, Conflict, Reading, Result, Store, Tx, row::Columns};
use crate::{clock::Timestamp, id::CredentialId};
use sqlx::any::AnyRow;
use std::str::FromStr;

/// What a key is for; each is used for that alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// Proves that a master key is the right one; seals nothing.
    Check,
    Sealing,
    Sessions,
    Minted,
    Audit,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    /// Over all purposes, growing.
    pub id: i64,
    pub purpose: Purpose,
    /// The version of the master key that it is sealed under.
    pub master_version: i64,
    pub sealed: Vec<u8>,
}

/// A key that signs; its own table, as it is larger and has a life of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningKeyRow {
    pub id: i64,
    pub master_version: i64,
    pub sealed: Vec<u8>,
    pub created: Timestamp,
}

/// One version, sealed anew.
#[derive(Clone, Debug)]
pub struct Reseal {
    pub credential: CredentialId,
    pub version: u32,
    pub from_key: i64,
    pub to_key: i64,
    pub sealed: Vec<u8>,
}

impl Reading {
    /// In the order of ids. None at all: nobody has opened this store with a master key yet.
    pub async fn keys(&mut self) -> Result<Vec<KeyRow>> {
        let query = sqlx::query("SELECT id, purpose, master_version, sealed FROM keys ORDER BY id");
        query.fetch_all(self.connection()).await?.iter().map(KeyRow::read).collect()
    }

    /// In the order of ids, which is that of their making.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRow>> {
        let query = sqlx::query("SELECT id, master_version, sealed, created FROM signing_keys ORDER BY id");
        query.fetch_all(self.connection()).await?.iter().map(SigningKeyRow::read).collect()
    }

    /// Whether nothing has ever been written.
    pub async fn is_empty(&mut self) -> Result<bool> {
        let (entries, _) = self.audit_end().await?;
        Ok(entries == 0 && self.keys().await?.is_empty())
    }
}

impl Tx {
    pub async fn insert_key(&mut self, key: &KeyRow) -> Result<()> {
        sqlx::query("INSERT INTO keys (id, purpose, master_version, sealed, created) VALUES ($1, $2, $3, $4, $5)")
            .bind(key.id)
            .bind(key.purpose.as_str())
            .bind(key.master_version)
            .bind(&*key.sealed)
            .bind(self.now.millis())
            .execute(self.writing())
            .await?;
        self.announce(Change::Keys);
        Ok(())
    }

    /// The same key, sealed under another master key.
    pub async fn replace_key(&mut self, key: &KeyRow) -> Result<()> {
        let done = sqlx::query("UPDATE keys SET master_version = $2, sealed = $3 WHERE id = $1 AND purpose = $4")
            .bind(key.id)
            .bind(key.master_version)
            .bind(&*key.sealed)
            .bind(key.purpose.as_str())
            .execute(self.writing())
            .await?;
        self.announce(Change::Keys);
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    /// In the place of the same key, if it is there.
    pub async fn put_signing_key(&mut self, key: &SigningKeyRow) -> Result<()> {
        self.delete_signing_key(key.id).await?;
        sqlx::query("INSERT INTO signing_keys (id, master_version, sealed, created) VALUES ($1, $2, $3, $4)")
            .bind(key.id)
            .bind(key.master_version)
            .bind(&*key.sealed)
            .bind(key.created.millis())
            .execute(self.writing())
            .await?;
        Ok(())
    }

    pub async fn delete_signing_key(&mut self, id: i64) -> Result<()> {
        sqlx::query("DELETE FROM signing_keys WHERE id = $1").bind(id).execute(self.writing()).await?;
        self.announce(Change::Keys);
        Ok(())
    }

    /// Refused, by the schema, while any version is sealed with it.
    pub async fn delete_key(&mut self, id: i64) -> Result<()> {
        sqlx::query("DELETE FROM keys WHERE id = $1").bind(id).execute(self.writing()).await?;
        self.announce(Change::Keys);
        Ok(())
    }
}

impl Store {
    /// Replaces seals, all or none. Not a control change: what is sealed stays the same, and nobody need read it again.
    /// A version that was destroyed or sealed anew by somebody else in the meantime is left as it is.
    pub async fn reseal(&self, versions: &[Reseal]) -> Result<()> {
        let mut transaction = self.writers.begin_with(self.dialect.begin_write()).await?;
        for version in versions {
            sqlx::query(
                "UPDATE credential_versions SET key_id = $1, sealed = $2 \
                 WHERE credential_id = $3 AND version = $4 AND key_id = $5",
            )
            .bind(version.to_key)
            .bind(&*version.sealed)
            .bind(version.credential.to_string())
            .bind(i64::from(version.version))
            .bind(version.from_key)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }
}

impl KeyRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.number("id")?,
            purpose: row.parsed("purpose")?,
            master_version: row.number("master_version")?,
            sealed: row.bytes("sealed")?.to_vec(),
        })
    }
}

impl SigningKeyRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.number("id")?,
            master_version: row.number("master_version")?,
            sealed: row.bytes("sealed")?.to_vec(),
            created: row.time("created")?,
        })
    }
}

impl Purpose {
    pub const ALL: [Self; 5] = [Self::Check, Self::Sealing, Self::Sessions, Self::Minted, Self::Audit];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Sealing => "sealing",
            Self::Sessions => "sessions",
            Self::Minted => "minted",
            Self::Audit => "audit",
        }
    }
}

impl FromStr for Purpose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or_else(|| "no purpose of a key".into())
    }
}
