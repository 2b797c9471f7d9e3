//! `bellhop job cancel`: has the provider asked, with the credential that made the job.
//! Owns nothing.
//! Never says more of a job than the provider did.

use super::Chosen;
use crate::{
    cli::{Console, Failure, api::Api, console::shown},
    manage::jobs::Cancelled,
};
use clap::Args;

#[derive(Args, Debug)]
pub struct Cancel {
    #[command(flatten)]
    chosen: Chosen,
}

impl Cancel {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let answer: Cancelled = api.post(&self.chosen.path("/cancel"), &serde_json::json!({})).await?;
        console.note(format_args!("{} answered {}: {}", shown(&answer.provider), answer.status, shown(&answer.said)));
        Ok(())
    }
}
