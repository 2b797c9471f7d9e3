//! What creations were answered that may be asked for again, by their user and the key that they came with.
//! Owns the table `answers`; a row is written with the creation itself, or not at all.
//! Never holds an answer, a key or a request that could be read: a seal, and digests.

use super::{Reading, Result, Store, Tx, row::Columns};
use crate::{clock::Timestamp, id::UserId, identity::key::KeyDigest};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerRow {
    /// In hex.
    pub request: Box<str>,
    pub sealed: Vec<u8>,
    pub made: Timestamp,
}

impl Reading {
    pub async fn answer(&mut self, user: UserId, key: KeyDigest) -> Result<Option<AnswerRow>> {
        let query = sqlx::query("SELECT request, sealed, made FROM answers WHERE user_id = $1 AND key = $2");
        let row = query.bind(user.to_string()).bind(key.to_hex()).fetch_optional(self.connection()).await?;
        row.map(|row| {
            let (request, sealed) = (row.text("request")?.into(), row.bytes("sealed")?.to_vec());
            Ok(AnswerRow { request, sealed, made: row.time("made")? })
        })
        .transpose()
    }
}

impl Tx {
    /// In the place of one that is over. No cache holds answers, so nobody has to hear of it.
    pub async fn keep_answer(&mut self, (user, key): (UserId, KeyDigest), row: &AnswerRow) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO answers (user_id, key, request, sealed, made) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (user_id, key) DO UPDATE SET request = excluded.request, sealed = excluded.sealed, \
             made = excluded.made",
        );
        let query = query.bind(user.to_string()).bind(key.to_hex()).bind(row.request.to_string());
        query.bind(row.sealed.clone()).bind(row.made.millis()).execute(self.connection()).await?;
        Ok(())
    }
}

impl Store {
    pub async fn forget_answers(&self, before: Timestamp) -> Result<()> {
        let query = sqlx::query("DELETE FROM answers WHERE made < $1");
        query.bind(before.millis()).execute(&self.writers).await?;
        Ok(())
    }
}
