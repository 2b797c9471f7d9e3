//! Providers, as who enters credentials or runs jobs has to know them.
//! Owns nothing; it is what the presets say, with what the operator changed.
//! Never tells anybody but administrators where an operator's configuration sends requests.

use super::{Fault, Listed, Management, Page, Rights, Who};
use crate::{
    config::Prices,
    credential::resolve::{Personal, Question, ways},
    identity::Context,
    provider::{
        Kind, Made, Preset, Provider as Served,
        fields::{FieldSpec, Presence, Sensitivity},
    },
    store::Reading,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use utoipa::ToSchema;

/// One provider.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Provider {
    pub id: String,
    pub name: String,
    pub website: Option<String>,
    /// What a credential of it consists of, in the order in which people are asked.
    pub fields: Vec<Field>,
    /// Where a credential has several forms: the sets of fields of which it has exactly one.
    pub one_of: Vec<Vec<String>>,
    /// Whether people may pay with credentials of their own.
    pub personal: bool,
    /// Whether it can be asked if a credential is good.
    pub probe: bool,
    /// Whether it can be asked before one is entered. Where each login gives a new secret, only afterwards.
    pub probe_new: bool,
    /// What the operator made of it; for administrators, in lists.
    pub operated: Option<Operated>,
}

/// How a provider is set up here.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = OperatedProvider)]
pub struct Operated {
    /// Whether its preset came with Bellhop, or is the operator's own.
    pub preset: Made,
    /// Where requests go.
    pub addresses: Vec<Address>,
    /// Whether other certificate authorities than the public ones are trusted for it.
    pub ca_file: bool,
    /// Whether its addresses may be private ones, and plain http.
    pub allow_private: bool,
    /// Whether it is known what its jobs cost.
    pub priced: bool,
    /// How many there are for it.
    pub credentials: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ProviderAddress)]
pub struct Address {
    /// `main`, another service of the provider's, or what a field of the credential chooses.
    pub service: String,
    pub address: String,
    /// Whether the operator put it there.
    pub replaced: bool,
}

/// A field of a credential.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = CredentialField)]
pub struct Field {
    pub name: String,
    pub label: String,
    /// Whether it is sealed and never shown again.
    pub secret: bool,
    pub required: bool,
    /// What it is if it is left out.
    pub default: Option<String>,
    /// Where its value is found.
    pub help: Option<String>,
    /// Whether it takes several values, separated by commas.
    pub list: bool,
}

/// One provider, with what can be asked of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProviderDetails {
    #[serde(flatten)]
    pub provider: Provider,
    /// What its requests can be, by the preset.
    pub operations: Vec<Operation>,
    /// The contexts that you can have pay there now.
    pub contexts: Vec<Context>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ProviderOperation)]
pub struct Operation {
    pub name: String,
    pub kind: Kind,
}

impl Field {
    /// Whether a person has to be asked for it where it is not given.
    pub const fn is_needed(&self) -> bool {
        self.secret && self.required && self.default.is_none()
    }
}

impl From<&FieldSpec> for Field {
    fn from(spec: &FieldSpec) -> Self {
        Self {
            name: spec.name.to_string(),
            label: spec.label.to_string(),
            secret: spec.sensitivity == Sensitivity::Secret,
            required: spec.presence == Presence::Required,
            default: spec.default.as_deref().map(Into::into),
            help: spec.help.as_deref().map(Into::into),
            list: spec.list,
        }
    }
}

impl From<&Served> for Provider {
    fn from(provider: &Served) -> Self {
        let preset = provider.preset();
        let words = |set: &[Box<str>]| set.iter().map(ToString::to_string).collect();
        Self {
            id: provider.id().to_owned(),
            name: preset.name.to_string(),
            website: preset.website.as_deref().map(Into::into),
            fields: preset.fields.iter().map(Field::from).collect(),
            one_of: preset.one_of.iter().map(|set| words(set)).collect(),
            personal: provider.personal() == Personal::Allowed,
            probe: preset.probe.is_some(),
            probe_new: preset.probe.is_some() && !spends_secrets(preset),
            operated: None,
        }
    }
}

/// Whether each login gives a new secret, in the place of the one that it was made with.
pub(super) fn spends_secrets(preset: &Preset) -> bool {
    preset.exchange.as_ref().is_some_and(|exchange| exchange.rotation.is_some())
}

impl Operated {
    fn new(served: &Served, credentials: u64) -> Self {
        let address = |(service, address, replaced)| Address { service, address, replaced };
        Self {
            preset: served.made(),
            addresses: served.addresses().into_iter().map(address).collect(),
            ca_file: served.ca_file().is_some(),
            allow_private: served.allows_private(),
            priced: *served.prices() != Prices::default(),
            credentials,
        }
    }
}

impl Management {
    /// In the order of their ids; those alone that the token is for.
    pub async fn providers(&self, who: &Who, page: &Page) -> Result<Listed<Provider>, Fault> {
        let (limit, after) = (page.limit()?, page.after.as_deref().unwrap_or_default());
        let (mut reading, rights) = self.look(who).await?;
        let is_operator = rights.is_admin() && rights.require_no_lists().is_ok();
        let held = if is_operator { reading.credentials_by_provider().await? } else { Vec::new() };
        let current = self.current();
        let open = current.catalog.iter().filter(|provider| rights.within(None, Some(provider.id())).is_ok());
        let mut providers: Vec<&Served> = open.map(|provider| &**provider).collect();
        providers.sort_by(|a, b| a.id().cmp(b.id()));
        let rest = providers.into_iter().filter(|provider| provider.id() > after).take(limit as usize + 1);
        let view = |served: &Served| {
            let held = held.iter().find(|(id, _)| **id == *served.id()).map_or(0, |(_, held)| *held);
            Provider { operated: is_operator.then(|| Operated::new(served, held)), ..Provider::from(served) }
        };
        Ok(Listed::of(rest.map(view).collect(), limit, |provider| provider.id.clone()))
    }

    pub async fn provider(&self, who: &Who, id: &str) -> Result<ProviderDetails, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        // Which providers there are is nobody's secret.
        let missing = |fault: Fault| match fault {
            Fault::Invalid { text, .. } => Fault::Missing(text.into()),
            other => other,
        };
        let served = Arc::clone(self.current().provider(id).map_err(missing)?);
        rights.within(None, Some(served.id()))?;
        let operations = served.preset().operations.iter();
        let operations =
            operations.map(|operation| Operation { name: operation.name.to_string(), kind: operation.kind });
        Ok(ProviderDetails {
            provider: Provider::from(&*served),
            operations: operations.collect(),
            contexts: self.paying(&mut reading, &rights, &served).await?,
        })
    }

    async fn paying(&self, reading: &mut Reading, rights: &Rights, served: &Served) -> Result<Vec<Context>, Fault> {
        let Some(standing) = rights.standing() else { return Ok(Vec::new()) };
        let offers = reading.offers(standing.user, served.id()).await?;
        let boundary = rights.bounds().map(|bounds| &bounds.boundary);
        let question = Question { standing, boundary, named: None, personal: served.personal(), now: self.now() };
        let contexts: BTreeSet<Context> =
            offers.iter().flat_map(|offer| ways(question, &offers, offer.credential)).collect();
        Ok(contexts.into_iter().collect())
    }
}
