//! Asking the provider whether a credential is good, and whose it is.
//! Owns nothing; what is found is kept with the version that was asked about.
//! Never tells more of the provider's answer than its status and an account.

use super::Version;
use crate::{
    ask::probe::Finding,
    hook::{Event, Home, Refused, Way},
    id::CredentialId,
    manage::{Fault, Management, Who, providers::spends_secrets},
    provider::Provider,
    secret::Secret,
    source::Spec,
    store::Verdict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a provider says of a credential.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ProbeFinding)]
pub struct Found {
    pub verdict: Verdict,
    /// Whom the provider sees, as far as it says.
    pub account: Option<String>,
    /// In words.
    pub because: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ProbedCredential)]
pub struct Probed {
    #[serde(flatten)]
    pub found: Found,
    /// The account that an earlier probe found, if that was another one.
    pub earlier_account: Option<String>,
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self { verdict: finding.verdict, account: finding.account.map(Into::into), because: finding.because }
    }
}

impl Management {
    pub async fn probe_credential(&self, who: &Who, id: CredentialId) -> Result<Probed, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (row, _) = self.managed(&mut reading, &rights, id).await?;
        drop(reading);
        let provider = self.served(&row)?;
        let gone = || Fault::conflict("somebody has just rotated or deleted it: ask again");
        let version = self.store.sealed(id, row.version).await?.ok_or_else(gone)?;
        let fields = self.fields(&provider, &version).await?;
        let finding = self.ask((Arc::clone(&provider), (id, version.version), fields)).await?;
        let (mut tx, rights) = self.act(who).await?;
        let (row, _) = self.managed(&mut tx, &rights, id).await?;
        let known = tx.probed_account(id).await?;
        tx.note_probe(id, version.version, &self.probe_row(&finding)).await?;
        if finding.verdict == Verdict::Refused {
            let home = Home::of(&mut tx, row.owner).await?;
            let refused = Refused { at: self.now(), way: Way::Probe, status: None };
            tx.tell(&[Event::refused(&home, &row, &refused).happened()]).await?;
        }
        tx.record(rights.entry("credential.probed", id).detail(finding.verdict.to_string()));
        tx.commit().await?;
        let found = Found::from(finding);
        let earlier_account =
            known.map(String::from).filter(|known| found.account.as_ref().is_some_and(|now| now != known));
        Ok(Probed { found, earlier_account })
    }
}

/// Of a version that is about to be entered. A live source is read once.
pub async fn of_new(management: &Management, provider: &Arc<Provider>, version: &Version) -> Result<Finding, Fault> {
    if spends_secrets(provider.preset()) {
        let text = format!(
            "{} gives a new secret with each login, and what a probe spends must be on record first: enter it without \
             a probe, then probe it",
            provider.preset().name
        );
        return Err(Fault::invalid("probe", text));
    }
    let fields = match &version.source {
        None => {
            let plain = version.plain.iter().map(|(name, value)| (name.to_string(), Secret::new(&**value)));
            let secret = version.secret.iter().map(|(name, value)| (name.to_string(), value.clone()));
            let fields = provider.fields(plain.chain(secret));
            fields.map_err(|error| Fault::invalid("fields", error.to_string()))?
        }
        Some(source) => {
            let spec = Spec::of(provider, source.clone(), version.secret.clone(), &version.plain);
            management.read_source(&spec).await?
        }
    };
    // Of no credential yet: nothing of it is on record.
    management.ask((Arc::clone(provider), (CredentialId::new(), 1), fields)).await
}
