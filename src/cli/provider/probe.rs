//! `bellhop provider test --probe`: asks the provider of a preset that is being written whether a credential is good.
//! Owns nothing; no store is opened, and nothing is kept.
//! Never asks anything but the preset's own harmless request.

use crate::{
    app,
    ask::{Asker, probe::probe},
    cli::{Console, Failure, fields::FieldSources, local::trust, wait_for},
    clock::Clock,
    config::Sources,
    exchange::Exchanges,
    id::CredentialId,
    manage::{credentials::Found, providers::Provider as View},
    upstream::Upstreams,
};
use std::path::Path;
use tokio::task::LocalSet;

pub fn ask(
    (id, file): (&str, &Path),
    fields: &FieldSources,
    sources: &Sources,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    // With what the operator says of its address and of whom to trust.
    let mut config = sources.load()?.config;
    config.presets.push(file.to_owned());
    let catalog = app::catalog(&config)?;
    let provider = catalog.find(id).ok_or_else(|| Failure::failed(format!("{} names no provider", file.display())))?;
    let given = fields.read(&View::from(&**provider), &[], console)?;
    let fields = provider.fields(given).map_err(|error| Failure::failed(format!("{id}: {error}")))?;
    let trust = trust(provider)?;
    let clock = Clock::system();
    let exchanges = Exchanges::without_record(clock.clone());
    let of = (CredentialId::new(), 1);
    let asker = Asker { provider, of, fields: &fields, trust: &trust, exchanges: &exchanges, now: clock.now() };
    let (timeouts, sizes) = (config.timeouts.clone(), config.sizes.clone());
    let found = wait_for(async {
        let asking = LocalSet::new();
        let found = asking.run_until(async { probe(&Upstreams::new(timeouts, &sizes), asker).await }).await;
        found.ok_or_else(|| Failure::failed("the preset has no `probe`"))
    })?;
    let found = Found::from(found);
    found.tell(console);
    found.outcome()
}
