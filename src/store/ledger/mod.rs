//! Where submissions, what they made and what that used are put on record, many at a time in one transaction.
//! Owns what is written to `submissions`, `things`, `usage`, `quota_use`, `reservations` and `notes`.
//! Never takes the head row or the turn of a control write: submits of all replicas go on beside each other.
//!
//! A batch is read onto a page, the rules turn the page entry by entry without any I/O, and what has changed is
//! written back: a handful of statements, however many entries. Why all replicas lock in one order (things,
//! submissions, quotas; each by key): so that no two wait for each other. Rows that are not there yet cannot be locked;
//! whoever finds at the end that somebody else has written one begins anew, with that row on the page.

mod charge;
mod columns;
mod load;
mod page;
mod rules;
mod save;

pub(super) use columns::LOOK_UP;
pub(super) use load::submission;
pub(super) use page::Submission;

use super::{Conflict, Question, Result, Store, StoreError, dialect::Dialect};
use crate::job::entry::{Entered, Entry};
use sqlx::AnyConnection;

const MOST_ATTEMPTS: u32 = 5;

impl Store {
    /// Puts all of these on record, in this order, or fails and has written nothing. What is entered again changes
    /// nothing, so that whoever does not know whether it was entered may enter it again.
    pub async fn enter(&self, entries: &[Entry]) -> Result<Vec<Entered>> {
        self.counted(Question::Record, self.enter_until_done(entries)).await
    }

    async fn enter_until_done(&self, entries: &[Entry]) -> Result<Vec<Entered>> {
        let mut attempt = 1;
        loop {
            match self.enter_once(entries).await {
                Err(StoreError::Conflict(Conflict::Raced | Conflict::Exists)) if attempt < MOST_ATTEMPTS => {
                    attempt += 1;
                }
                Err(StoreError::Conflict(_)) => {
                    return Err(StoreError::Unavailable("others keep changing what this is about".into()));
                }
                done => return done,
            }
        }
    }

    async fn enter_once(&self, entries: &[Entry]) -> Result<Vec<Entered>> {
        let mut transaction = self.writers.begin_with(self.dialect.begin_write()).await?;
        let entered = enter(&mut transaction, self.dialect, entries).await?;
        transaction.commit().await?;
        Ok(entered)
    }
}

/// In a transaction of somebody else's.
pub(super) async fn enter(connection: &mut AnyConnection, dialect: Dialect, entries: &[Entry]) -> Result<Vec<Entered>> {
    let mut page = load::load(connection, dialect, entries).await?;
    let entered = entries.iter().map(|entry| page.enter(entry)).collect();
    save::save(connection, dialect, &page).await?;
    Ok(entered)
}
