//! From a configuration to the parts that it describes.
//! Owns nothing; commands that work beside a running Bellhop open the same parts in the same way.

use super::AppError;
use crate::{
    clock::Clock,
    config::{Config, MasterKeySource, ProviderConfig},
    credential::resolve::Personal,
    oidc::{Issuer, RETURN},
    provider::{Catalog, Changes, PresetFile},
    source::Reader,
    store::{Address, Store},
    vault::MasterSource,
};
use std::{collections::BTreeMap, sync::Arc};

/// The built-in presets and the operator's, with what the operator changes of them.
pub fn catalog(config: &Config) -> Result<Catalog, AppError> {
    let changes: BTreeMap<String, Changes> =
        config.providers.iter().map(|(id, provider)| (id.clone(), changes(provider))).collect();
    Ok(Catalog::new(&PresetFile::read(&config.presets)?, &changes)?)
}

pub async fn store(config: &Config) -> Result<Store, AppError> {
    Ok(Store::open(&address(config)?).await?)
}

/// Where the store is.
pub fn address(config: &Config) -> Result<Address, AppError> {
    Ok(Address::parse(config.store.url.as_ref(), &config.data_dir)?)
}

pub fn master_source(config: &Config) -> MasterSource {
    match &config.master_key {
        MasterKeySource::DataDir => MasterSource::File(config.data_dir.join("master.key")),
        MasterKeySource::File(path) => MasterSource::File(path.clone()),
        MasterKeySource::Environment(name) => MasterSource::Environment(name.clone()),
    }
}

/// What reads the live sources of credentials.
pub fn source_reader(config: &Config, clock: &Clock) -> Result<Reader, AppError> {
    Reader::new(&config.sources, &config.master_key, clock.clone()).map_err(AppError::Sources)
}

fn changes(provider: &ProviderConfig) -> Changes {
    Changes {
        upstream: provider.upstream.clone(),
        ca_file: provider.ca_file.clone(),
        allow_private: provider.allow_private,
        personal: if provider.personal { Personal::Allowed } else { Personal::Forbidden },
        prices: provider.prices.clone(),
    }
}

/// The identity provider that people sign in with, if there is one.
pub fn issuer(config: &Config) -> Result<Option<Arc<Issuer>>, AppError> {
    let (Some(oidc), Some(base)) = (&config.oidc, &config.listen.admin_url) else { return Ok(None) };
    let redirect = format!("{base}{RETURN}");
    Issuer::new(oidc.clone(), redirect).map(|issuer| Some(Arc::new(issuer))).map_err(AppError::Oidc)
}
