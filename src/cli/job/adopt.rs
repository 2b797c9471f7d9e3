//! `bellhop job adopt` and `settle`: what only a person can say of a job.
//! Owns nothing.
//! Never changes who used what up: the ledger keeps the one who submitted.

use super::Chosen;
use crate::{
    cli::{Console, Failure, api::Api},
    id::SubmissionId,
    identity::UserName,
    manage::{
        jobs::{AdoptJob, Job},
        submissions::{AdoptSubmission, Submission},
    },
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
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let to = self.to.to_string();
        let _: Job = match self.submission {
            None => api.post(&self.chosen.path("/adopt"), &AdoptJob { to }).await?,
            Some(submission) => {
                let Chosen { provider, job, .. } = self.chosen;
                let wanted = AdoptSubmission { provider, job, to: Some(to) };
                api.post(&format!("/submissions/{submission}/adopt"), &wanted).await?
            }
        };
        console.note(format_args!("it is {}'s now", self.to));
        Ok(())
    }
}

impl Settle {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let path = format!("/submissions/{}/refuse", self.submission);
        let _: Submission = api.post(&path, &serde_json::json!({})).await?;
        console.note("settled: what it held of quotas is free again");
        Ok(())
    }
}
