//! `bellhop job cancel`: asks the provider itself, with the credential that made the job.
//! Owns the connection for as long as it asks.
//! Never asks what is not in the audit trail, and never says more of a job than the provider did.

use super::Chosen;
use crate::{
    ask::{Answered, Asker, job::ask},
    cli::{
        Console, Failure,
        console::shown,
        local::{Local, entry, trust},
    },
    provider::preset::operation::Kind,
    upstream::Upstreams,
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
        let fields = local.fields(provider, &version).await?;
        let trust = trust(provider)?;
        let exchanges = local.exchanges();
        let of = (version.credential, version.version);
        let asker = Asker { provider, of, fields: &fields, trust: &trust, exchanges: &exchanges, now: local.now() };
        let (timeouts, sizes) = (local.config.timeouts.clone(), local.config.sizes.clone());
        let asking = LocalSet::new();
        self.record(local, "job.cancelling", "asked of the provider".into()).await?;
        let answered = asking.run_until(async {
            let upstreams = Upstreams::new(timeouts, &sizes);
            ask(&upstreams, asker, Kind::Cancel, &row.thing).await
        });
        let answered = answered.await;
        let (action, detail) = match &answered {
            Ok(answered) if answered.status.is_success() => ("job.cancelled", told(answered)),
            Ok(answered) => ("job.not-cancelled", told(answered)),
            Err(error) => ("job.not-cancelled", error.to_string()),
        };
        self.record(local, action, detail).await?;
        let name = &provider.preset().name;
        let answered = answered.map_err(|error| Failure::failed(format!("{name}: {error}")))?;
        let said: String = String::from_utf8_lossy(&answered.body).chars().take(2000).collect();
        let said = format!("{name} answered {}: {}", answered.status, shown(&said));
        if !answered.status.is_success() {
            return Err(Failure::failed(said));
        }
        console.note(format_args!("{said}"));
        Ok(())
    }

    async fn record(&self, local: &Local, action: &'static str, detail: String) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let subject = format!("{} {}", self.chosen.provider, self.chosen.job.escape_debug());
        tx.record(entry(action, subject).detail(detail));
        tx.commit().await?;
        Ok(())
    }
}

fn told(answered: &Answered) -> String {
    format!("the provider answered {}", answered.status.as_u16())
}
