//! `bellhop credential probe`, and the question that `add --probe` and `rotate --probe` ask first.
//! Owns nothing; what is found is stored with the version that was asked about.
//! Never shows more of the provider's answer than its status and an account.

use super::chosen::Chosen;
use crate::{
    ask::probe::Finding,
    cli::{
        Console, Failure,
        console::Form,
        local::{Local, entry},
        probe::ask,
        version::Version,
    },
    id::CredentialId,
    provider::Provider,
    secret::Secret,
    source::Spec,
};
use clap::Args;
use serde_json::json;
use std::sync::Arc;

#[derive(Args, Debug)]
pub struct Probe {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    form: Form,
}

impl Probe {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = self.chosen.find(&local.catalog, &mut reading).await?;
        drop(reading);
        let provider = local.provider(&row.provider)?;
        let gone = || Failure::failed("somebody has just rotated or deleted it: ask again");
        let version = local.store.sealed(row.id, row.version).await?.ok_or_else(gone)?;
        let fields = local.fields(provider, &version).await?;
        let finding = ask(local, provider, (version.credential, version.version), &fields).await?;
        let mut tx = local.write().await?;
        let known = tx.probed_account(row.id).await?;
        tx.note_probe(row.id, row.version, &finding.row(local)).await?;
        tx.record(entry("credential.probed", row.id).detail(finding.verdict.to_string()));
        tx.commit().await?;
        if self.form.json {
            let Finding { verdict, account, because } = &finding;
            console.json(&json!({ "verdict": verdict, "account": account, "because": because }));
        } else {
            finding.tell(console);
        }
        if let (Some(known), Some(now)) = (&known, &finding.account)
            && known != now
        {
            console.note(format_args!("note: an earlier probe found another account, {known}"));
        }
        finding.outcome()
    }
}

/// What the provider says of a version that is about to be entered. A live source is read here, once.
pub async fn found(local: &Local, provider: &Arc<Provider>, version: &Version) -> Result<Finding, Failure> {
    if provider.preset().exchange.as_ref().is_some_and(|exchange| exchange.rotation.is_some()) {
        return Err(Failure::failed(format!(
            "{} gives a new secret with each login, and what a probe spends must be on record first: enter it without \
             --probe, then `bellhop credential probe`",
            provider.preset().name
        )));
    }
    let fields = match &version.source {
        None => {
            let plain = version.plain.iter().map(|(name, value)| (name.to_string(), Secret::new(&**value)));
            let secret = version.secret.iter().map(|(name, value)| (name.to_string(), value.clone()));
            let fields = provider.fields(plain.chain(secret));
            fields.map_err(|error| Failure::failed(format!("{}: {error}", provider.id())))?
        }
        Some(source) => {
            let spec = Spec::of(provider, source.clone(), version.secret.clone(), &version.plain);
            local.read_source(&spec).await?
        }
    };
    // Of no credential yet: nothing of it is on record.
    ask(local, provider, (CredentialId::new(), 1), &fields).await
}
