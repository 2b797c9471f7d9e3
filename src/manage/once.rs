//! What is asked for twice is made once: the `Idempotency-Key` of draft-ietf-httpapi-idempotency-key-header-07.
//! Owns who is at it in this process; what was answered is the store's, for a day.
//! Never makes anything without its answer on record, nor puts an answer there of what was not made: they commit together.
//!
//! Why answers are sealed and not withheld: a token's value, or a link's, is what its maker was waiting for. Without it
//! they would have to end what they made and make another, which is what a key is there to spare them. So every answer
//! is kept as a credential's secrets are, and opens for nobody but its user, with the same key and the same request.

use super::{Fault, Management, Rights, Who};
use crate::{
    id::UserId,
    identity::key::KeyDigest,
    store::{AnswerRow, Reading, Tx},
};
use dashmap::DashSet;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A key of the caller's, and all of the request that it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Once {
    pub key: KeyDigest,
    pub request: KeyDigest,
}

type AtIt = DashSet<(UserId, KeyDigest)>;

/// Who is being answered in this process.
#[derive(Default)]
pub struct Turns(Arc<AtIt>);

/// Lasts as long as the request.
pub struct Turn(Option<(Arc<AtIt>, (UserId, KeyDigest))>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((at_it, who)) = &self.0 {
            at_it.remove(who);
        }
    }
}

impl Management {
    /// Unless the same user is waiting for the answer to the same key.
    pub fn begin(&self, who: &Who) -> Result<Turn, Fault> {
        let Some((user, once)) = who.once() else { return Ok(Turn(None)) };
        let (at_it, who) = (Arc::clone(&self.turns.0), (user, once.key));
        if at_it.insert(who) { Ok(Turn(Some((at_it, who)))) } else { Err(Fault::UnderWay) }
    }

    /// What was answered when this was made; `None`: it was not.
    pub async fn told(&self, who: &Who) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        match who.once() {
            Some(asked) => self.answer(&mut self.store.read().await?, asked).await,
            None => Ok(None),
        }
    }

    /// In the transaction that would make it: another replica may have been faster.
    pub(super) async fn require_unmade(&self, tx: &mut Tx, who: &Who) -> Result<(), Fault> {
        let Some(asked) = who.once() else { return Ok(()) };
        match self.answer(tx, asked).await? {
            Some(_) => Err(Fault::UnderWay),
            None => Ok(()),
        }
    }

    /// Commits what was made, with what is answered. Everything that is made ends here.
    pub(super) async fn made<T: Serialize>(&self, mut tx: Tx, rights: &Rights, thing: T) -> Result<T, Fault> {
        if let Some((user, once)) = rights.who().once() {
            // With room for all of it: a buffer that grows leaves its old bytes behind.
            let mut plain = Zeroizing::new(Vec::with_capacity(64 * 1024));
            serde_json::to_writer(&mut *plain, &thing).map_err(|error| Fault::Internal(Box::new(error)))?;
            let sealed = self.vault.mint(&binding(user, once), &plain)?;
            let row = AnswerRow { request: once.request.to_hex().into(), sealed, made: self.now() };
            tx.keep_answer((user, once.key), &row).await?;
        }
        tx.commit().await?;
        Ok(thing)
    }

    async fn answer(
        &self,
        reading: &mut Reading,
        (user, once): (UserId, Once),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let row = reading.answer(user, once.key).await?.filter(|row| self.now() < row.made.plus(KEPT));
        let Some(row) = row else { return Ok(None) };
        if *row.request != *once.request.to_hex() {
            return Err(Fault::Reused);
        }
        let opened = self.vault.read_minted(&binding(user, once), &row.sealed);
        let edited = || Fault::Internal("an answer on record is not as it was sealed".into());
        opened.map(Some).ok_or_else(edited)
    }

    pub async fn sweep_answers(&self) -> Result<(), Fault> {
        Ok(self.store.forget_answers(self.now().minus(KEPT)).await?)
    }
}

fn binding(user: UserId, once: Once) -> String {
    format!("answer {user} {} {}", once.key.to_hex(), once.request.to_hex())
}
