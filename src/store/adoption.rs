//! What is done by hand about jobs: adopted, settled where nobody knows, and their credentials retired and purged.
//! Owns nothing; it writes what `ledger` and `credentials` own, as control writes do.
//! Never judges who may.

use super::{Change, Conflict, CredentialChange, Result, Store, Tx, ledger, row::Columns};
use crate::{
    credential,
    id::{CredentialId, SubmissionId, UserId},
    job::{
        Figures, Made, State, Thing, ThingKey,
        entry::{Binding, Entered, Entry},
    },
};

pub(super) const RETIRED_AND_DONE: &str = "\
    SELECT c.id FROM credentials c WHERE c.state = 'retired' \
       AND NOT EXISTS (SELECT 1 FROM things t WHERE t.credential_id = c.id AND t.kind = 'job' AND t.ended IS NULL) \
       AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.credential_id = c.id AND s.state IN ('open', 'unknown')) \
     ORDER BY c.id";

/// A thing, and what belongs to it and to the same owner.
const ADOPT: &str = "\
    WITH RECURSIVE family (key, owner) AS ( \
           SELECT t.key, t.user_id FROM things t WHERE t.key = $1 AND t.account = $2 \
        UNION \
           SELECT t.key, t.user_id FROM family f JOIN things t ON t.parent = f.key AND t.user_id = f.owner \
            WHERE t.parent IS NOT NULL AND t.account = $2 \
    ) \
    UPDATE things SET user_id = $3 WHERE account = $2 AND key IN (SELECT f.key FROM family f)";

impl Store {
    /// Whether a retired credential waits to be deleted.
    pub async fn has_retired_and_done(&self) -> Result<bool> {
        Ok(sqlx::query(RETIRED_AND_DONE).fetch_optional(&self.readers).await?.is_some())
    }
}

impl Tx {
    /// Makes a thing, and what belongs to it, somebody else's. Who used it up does not change.
    pub async fn adopt(&mut self, key: ThingKey, account: &str, owner: UserId) -> Result<()> {
        let adopted = sqlx::query(ADOPT)
            .bind(key.as_bytes().to_vec())
            .bind(account)
            .bind(owner.to_string())
            .execute(self.writing())
            .await?;
        if adopted.rows_affected() == 0 {
            return Err(Conflict::Missing.into());
        }
        self.announce(Change::Records);
        Ok(())
    }

    /// Says that this is what an unknown submission made. [`Conflict::Exists`] if it is on record as another's.
    pub async fn adopt_submission(&mut self, id: SubmissionId, thing: Thing, owner: UserId) -> Result<()> {
        let submission = self.unknown(id).await?;
        let payer = submission.intent.payer.clone();
        let key = ThingKey::new(&payer.provider, &thing);
        let made = Made { thing, parent: None, figures: Figures::default() };
        let binding = Binding { submission: id, at: self.now, provider: payer.provider.clone(), made: [made].into() };
        match self.enter(&[Entry::Bind(binding)]).await?.as_slice() {
            [Entered::Done] => self.adopt(key, &payer.account, owner).await,
            _ => Err(Conflict::Exists.into()),
        }
    }

    /// Says that nothing came of an unknown submission; what it held is given back.
    pub async fn refuse_submission(&mut self, id: SubmissionId) -> Result<()> {
        let submission = self.unknown(id).await?;
        self.enter(&[Entry::End { submission: id, state: State::Refused, at: self.now }]).await?;
        self.announce(Change::User(submission.intent.payer.user));
        Ok(())
    }

    /// Keeps a credential for what it made, with its versions and restrictions, and for nothing new. For good.
    pub async fn retire_credential(&mut self, id: CredentialId) -> Result<()> {
        self.change_credential(id, CredentialChange::State(credential::State::Retired)).await
    }

    /// Deletes retired credentials that nothing open needs any more.
    pub async fn purge_retired(&mut self) -> Result<Vec<CredentialId>> {
        let rows = sqlx::query(RETIRED_AND_DONE).fetch_all(self.connection()).await?;
        let done: Vec<CredentialId> = rows.iter().map(|row| row.parsed("id")).collect::<Result<_>>()?;
        for id in &done {
            self.delete_credential(*id).await?;
        }
        Ok(done)
    }

    async fn unknown(&mut self, id: SubmissionId) -> Result<ledger::Submission> {
        let dialect = self.dialect();
        let found = ledger::submission(self.connection(), dialect, id).await?;
        found.filter(|submission| submission.state == State::Unknown).ok_or_else(|| Conflict::Missing.into())
    }

    async fn enter(&mut self, entries: &[Entry]) -> Result<Vec<Entered>> {
        let dialect = self.dialect();
        ledger::enter(self.writing(), dialect, entries).await
    }
}
