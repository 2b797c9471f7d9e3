//! `bellhop job adopt` and `settle`: what only a person can say of a job.
//! Owns nothing.
//! Never changes who used what up: the ledger keeps the one who submitted.

use super::Chosen;
use crate::{
    cli::{
        Console, Failure,
        local::{Local, entry},
        lookup,
    },
    id::SubmissionId,
    identity::UserName,
    store::{Conflict, StoreError},
};
use clap::Args;

#[derive(Args, Debug)]
pub struct Adopt {
    #[command(flatten)]
    chosen: Chosen,
    /// Whose it is to be
    #[arg(long, value_name = "USER")]
    to: UserName,
    /// The submission of unknown fate that made it: see `bellhop job list --unknown`
    #[arg(long, value_name = "SUBMISSION")]
    submission: Option<SubmissionId>,
}

#[derive(Args, Debug)]
pub struct Settle {
    /// The submission: see `bellhop job list --unknown`
    submission: SubmissionId,
}

impl Adopt {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        local.provider(&self.chosen.provider)?;
        let mut tx = local.write().await?;
        let owner = lookup::user(&mut tx, &self.to).await?;
        match self.submission {
            None => {
                let row = self.chosen.find(&mut tx).await?;
                if let Some(organization) = row.payer.organization
                    && !tx.members(organization).await?.iter().any(|member| member.user == owner.id)
                {
                    return Err(Failure::failed(format!(
                        "{} is not in the organization that pays for it, and could not ask about it",
                        self.to
                    )));
                }
                tx.adopt(row.key, &row.account, owner.id).await?;
            }
            Some(submission) => match tx.adopt_submission(submission, self.chosen.thing(), owner.id).await {
                Err(StoreError::Conflict(Conflict::Missing)) => return Err(no_such(submission)),
                Err(StoreError::Conflict(Conflict::Exists)) => {
                    return Err(Failure::failed("this job is on record already, as another submission's"));
                }
                done => done?,
            },
        }
        let subject = format!("{} {}", self.chosen.provider, self.chosen.job.escape_debug());
        tx.record(entry("job.adopted", subject).detail(format!("to {}", self.to)));
        tx.commit().await?;
        console.note(format_args!("it is {}'s now", self.to));
        Ok(())
    }
}

impl Settle {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        match tx.refuse_submission(self.submission).await {
            Err(StoreError::Conflict(Conflict::Missing)) => return Err(no_such(self.submission)),
            done => done?,
        }
        tx.record(entry("job.settled", self.submission).detail("nothing came of it"));
        tx.commit().await?;
        console.note("settled: what it held of quotas is free again");
        Ok(())
    }
}

fn no_such(submission: SubmissionId) -> Failure {
    Failure::failed(format!("there is no submission {submission} of unknown fate: see `bellhop job list --unknown`"))
}
