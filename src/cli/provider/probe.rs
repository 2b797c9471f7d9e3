//! `bellhop provider test --probe`: asks the provider of a preset that is being written whether a credential is good.
//! Owns nothing; no store is opened, and nothing is kept.
//! Never asks anything but the preset's own harmless request.

use crate::{
    app,
    ask::{Asker, probe::probe},
    cli::{Console, Failure, fields::FieldSources, wait_for},
    clock::Clock,
    config::Sources,
    exchange::Exchanges,
    id::CredentialId,
    provider::Provider,
    store::Verdict,
    upstream::{TlsTrust, Upstreams},
};
use std::{collections::BTreeMap, path::Path, sync::Arc};
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
    let fields = fields.read(provider, BTreeMap::new(), console)?;
    let trust = trust(provider)?;
    let exchanges = Exchanges::without_record(Clock::system());
    let of = (CredentialId::new(), 1);
    let asker = Asker { provider, of, fields: &fields, trust: &trust, exchanges: &exchanges };
    let (timeouts, sizes) = (config.timeouts.clone(), config.sizes.clone());
    let found = wait_for(async {
        let asking = LocalSet::new();
        let found = asking.run_until(async { probe(&Upstreams::new(timeouts, &sizes), asker).await }).await;
        found.ok_or_else(|| Failure::failed("the preset has no `probe`"))
    })?;
    found.tell(console);
    match found.verdict {
        Verdict::Valid => Ok(()),
        Verdict::Refused => Err(Failure::failed("the provider refuses this credential")),
        Verdict::Unreachable => Err(Failure::failed("nobody could be asked")),
    }
}

fn trust(provider: &Arc<Provider>) -> Result<TlsTrust, Failure> {
    match provider.ca_file() {
        Some(file) => TlsTrust::of_file(file).map_err(|error| Failure::failed(error.to_string())),
        None => Ok(TlsTrust::public()),
    }
}
