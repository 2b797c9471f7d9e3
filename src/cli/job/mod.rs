//! `bellhop job …`: what people submitted, and what became of it.
//! Owns nothing; jobs are known by their provider and the provider's own id.
//! Never forgets a submission of unknown fate: somebody has to say what came of it.

mod adopt;
mod cancel;
mod list;

use super::{
    Console, Failure,
    api::{Api, escaped},
};
use clap::{Args, Subcommand};

#[derive(Subcommand, Debug)]
pub enum JobCommand {
    /// List jobs, newest first
    #[command(after_help = "Examples:\n  \
        bellhop job list --open --org acme\n  \
        bellhop job list --unknown          submissions of which nobody knows what came of them")]
    List(list::List),
    /// Show one job
    Show(list::Show),
    /// Ask the provider to cancel a job, with the credential that made it
    Cancel(cancel::Cancel),
    /// Give a job to another member, or say which job an unknown submission made
    #[command(after_help = "Examples:\n  \
        bellhop job adopt ionq 0192f3… --to grace\n  \
        bellhop job adopt ionq 0192f3… --submission 0192f3… --to ada")]
    Adopt(adopt::Adopt),
    /// Say that nothing came of an unknown submission: what it holds of quotas is given back
    Settle(adopt::Settle),
}

impl JobCommand {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(api, console).await,
            Self::Show(show) => show.run(api, console).await,
            Self::Cancel(cancel) => cancel.run(api, console).await,
            Self::Adopt(adopt) => adopt.run(api, console).await,
            Self::Settle(settle) => settle.run(api, console).await,
        }
    }
}

/// A job as people name it.
#[derive(Args, Debug)]
struct Chosen {
    provider: String,
    /// The provider's own id
    job: String,
    /// Of several accounts at this provider that have a job with this id
    #[arg(long)]
    account: Option<String>,
}

impl Chosen {
    /// Where the API has it, or an act upon it.
    fn path(&self, act: &str) -> String {
        let account =
            self.account.as_ref().map_or_else(String::new, |account| format!("?account={}", escaped(account)));
        format!("/jobs/{}/{}{act}{account}", escaped(&self.provider), escaped(&self.job))
    }
}
