//! `bellhop job cancel`: asks the provider itself, with the credential that made the job.
//! Owns the connection for as long as it asks.
//! Never says that a job is cancelled: the provider's answer says what it did.

use super::Chosen;
use crate::{
    cli::{
        Console, Failure,
        console::shown,
        local::{Local, entry},
    },
    jobs::ask::{Question, ask},
    provider::preset::operation::Kind,
    scheme,
    upstream::{TlsTrust, Upstreams},
};
use clap::Args;
use tokio::task::LocalSet;

#[derive(Args, Debug)]
pub struct Cancel {
    #[command(flatten)]
    chosen: Chosen,
}

impl Cancel {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let provider = local.provider(&self.chosen.provider)?;
        let mut reading = local.read().await?;
        let row = self.chosen.find(&mut reading).await?;
        drop(reading);
        let version = local.store.sealed_now(row.payer.credential).await?;
        let version = version.ok_or_else(|| Failure::failed("the credential that made this job is deleted"))?;
        let unusable = |error| Failure::failed(format!("the credential that made this job cannot be used: {error}"));
        let fields = scheme::open(&local.vault, provider, &version).await.map_err(unusable)?;
        let trust = match provider.ca_file() {
            Some(file) => TlsTrust::of_file(file).map_err(|error| Failure::failed(error.to_string()))?,
            None => TlsTrust::public(),
        };
        let question = Question { provider, fields: &fields, trust: &trust, kind: Kind::Cancel, job: &row.thing };
        let (timeouts, sizes) = (local.config.timeouts.clone(), local.config.sizes.clone());
        let asking = LocalSet::new();
        let answered = asking.run_until(async { ask(&Upstreams::new(timeouts, &sizes), question).await }).await;
        let answered = answered.map_err(|error| Failure::failed(format!("{}: {error}", provider.preset().name)))?;
        let said: String = String::from_utf8_lossy(&answered.body).chars().take(2000).collect();
        let mut tx = local.write().await?;
        let subject = format!("{} {}", self.chosen.provider, self.chosen.job.escape_debug());
        tx.record(
            entry("job.cancelled", subject).detail(format!("the provider answered {}", answered.status.as_u16())),
        );
        tx.commit().await?;
        if !answered.status.is_success() {
            return Err(Failure::failed(format!(
                "{} answered {}: {}",
                provider.preset().name,
                answered.status,
                shown(&said)
            )));
        }
        console.note(format_args!("{} answered {}: {}", provider.preset().name, answered.status, shown(&said)));
        Ok(())
    }
}
