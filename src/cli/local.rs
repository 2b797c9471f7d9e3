//! The installation that a command works on: its configuration, its store opened, its keys, its providers.
//! Owns the connections for as long as the command runs.
//! Never goes over the network to a running Bellhop; that one follows what is changed here within a second.

use super::Failure;
use crate::{
    clock::{Clock, Timestamp},
    config::{Config, MasterKeySource, ProviderConfig, Upstream},
    credential::resolve::Personal,
    provider::{self, Catalog, Changes, PresetFile, Provider},
    store::{Actor, AuditEntry, Reading, Store, Tx},
    vault::{MasterSource, Vault},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

pub struct Local {
    pub config: Config,
    pub store: Store,
    pub vault: Vault,
    pub catalog: Catalog,
    pub clock: Clock,
}

impl Local {
    /// An empty store gets its schema and its keys.
    pub async fn open(config: Config) -> Result<Self, Failure> {
        let catalog = catalog(&config)?;
        let clock = Clock::system();
        let store = open_store(&config).await?;
        let vault = Vault::open(&store, master_source(&config), clock.now()).await?;
        Ok(Self { config, store, vault, catalog, clock })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn read(&self) -> Result<Reading, Failure> {
        Ok(self.store.read().await?)
    }

    pub async fn write(&self) -> Result<Tx, Failure> {
        Ok(self.store.write(self.vault.signer(), self.now()).await?)
    }

    pub fn provider(&self, id: &str) -> Result<&Arc<Provider>, Failure> {
        self.catalog.find(id).ok_or_else(|| {
            let known: Vec<&str> = self.catalog.iter().map(|provider| provider.id()).collect();
            let id = super::console::shown(id);
            Failure::failed(format!("there is no provider `{id}`: expected one of {}", known.join(", ")))
        })
    }
}

/// An entry of the audit trail that says that somebody at this machine did it.
pub fn entry(action: &'static str, subject: impl fmt::Display) -> AuditEntry {
    AuditEntry::new(&Actor::CommandLine, action, subject)
}

pub async fn open_store(config: &Config) -> Result<Store, Failure> {
    let address = crate::store::Address::parse(config.store.url.as_ref(), &config.data_dir)?;
    Ok(Store::open(&address).await?)
}

pub fn master_source(config: &Config) -> MasterSource {
    match &config.master_key {
        MasterKeySource::DataDir => MasterSource::File(config.data_dir.join("master.key")),
        MasterKeySource::File(path) => MasterSource::File(path.clone()),
        MasterKeySource::Environment(name) => MasterSource::Environment(name.clone()),
    }
}

/// The built-in presets and the operator's, with what the operator changes of them.
pub fn catalog(config: &Config) -> Result<Catalog, Failure> {
    let changes: BTreeMap<String, Changes> =
        config.providers.iter().map(|(id, provider)| (id.clone(), changes(provider))).collect();
    let catalog = Catalog::new(&PresetFile::read(&config.presets)?, &changes)?;
    let unknown = config.listen.providers.keys().chain(&config.listen.root).find(|id| catalog.find(id).is_none());
    match unknown {
        None => Ok(catalog),
        Some(id) => {
            Err(crate::config::ConfigError::new("listen", format!("expected the id of a provider, and `{id}` is none"))
                .into())
        }
    }
}

fn changes(provider: &ProviderConfig) -> Changes {
    let upstream = provider.upstream.as_ref().map(|upstream| match upstream {
        Upstream::One(origin) => provider::Upstream::One(origin.to_string()),
        Upstream::PerService(origins) => provider::Upstream::Each(
            origins.iter().map(|(service, origin)| (service.clone(), origin.to_string())).collect(),
        ),
    });
    Changes {
        upstream,
        ca_file: provider.ca_file.clone(),
        allow_private: provider.allow_private,
        personal: if provider.personal { Personal::Allowed } else { Personal::Forbidden },
    }
}
