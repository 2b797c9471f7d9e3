//! `bellhop job …`: what people submitted, and what became of it.
//! Owns nothing; jobs are known by their provider and the provider's own id.
//! Never forgets a submission of unknown fate: somebody has to say what came of it.

mod adopt;
mod cancel;
mod list;

pub use list::whose;

use super::{Console, Failure, local::Local};
use crate::{
    job::{JOB, Thing, ThingKey},
    store::{JobRow, Reading},
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
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(local, console).await,
            Self::Show(show) => show.run(local, console).await,
            Self::Cancel(cancel) => cancel.run(local, console).await,
            Self::Adopt(adopt) => adopt.run(local, console).await,
            Self::Settle(settle) => settle.run(local, console).await,
        }
    }
}

/// A job as people name it.
#[derive(Args, Debug)]
struct Chosen {
    provider: String,
    /// The provider's own id
    job: String,
}

impl Chosen {
    fn thing(&self) -> Thing {
        Thing { kind: JOB.into(), id: self.job.as_str().into() }
    }

    fn key(&self) -> ThingKey {
        ThingKey::new(&self.provider, &self.thing())
    }

    /// The one on record; of several, at several accounts, nobody says which.
    async fn find(&self, reading: &mut Reading) -> Result<JobRow, Failure> {
        let mut rows = reading.job(self.key()).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Failure::failed(format!(
                "there is no such job of {} on record: see `bellhop job list --provider {}`",
                self.provider, self.provider
            ))),
            (Some(_), false) => Err(Failure::failed(
                "several accounts of this provider have a job with this id, and nothing here tells them apart",
            )),
        }
    }
}
