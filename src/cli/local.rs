//! The installation that a command works on: its configuration, its store opened, its keys, its providers.
//! Owns the connections for as long as the command runs.
//! Never goes over the network to a running Bellhop; that one follows what is changed here within a second.

use super::Failure;
use crate::{
    app,
    clock::{Clock, Timestamp},
    config::Config,
    exchange::{Exchanges, Ledger},
    manage::{Asking, Current, Management},
    provider::{Catalog, Provider},
    store::{Actor, AuditEntry, Store, Tx},
    upstream::TlsTrust,
    vault::Vault,
};
use std::{fmt, sync::Arc};

pub struct Local {
    pub config: Config,
    pub store: Store,
    pub vault: Arc<Vault>,
    pub catalog: Catalog,
    pub clock: Clock,
}

impl Local {
    /// An empty store gets its schema and its keys.
    pub async fn open(config: Config) -> Result<Self, Failure> {
        let catalog = app::catalog(&config)?;
        let clock = Clock::system();
        let store = app::store(&config).await?;
        let vault = Vault::open(&store, app::master_source(&config), clock.now()).await?;
        Ok(Self { config, store, vault: Arc::new(vault), catalog, clock })
    }

    /// What manages this store.
    pub fn management(&self) -> Result<Arc<Management>, Failure> {
        let current = Current { catalog: app::catalog(&self.config)?, config: self.config.clone(), issuer: None };
        let parts = (self.store.clone(), Arc::clone(&self.vault));
        let reader = app::source_reader(&self.config, &self.clock);
        let asking = Asking::new(reader.map_err(|error| error.to_string()));
        Ok(Management::new(parts, (self.exchanges(), asking), self.clock.clone(), current))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn write(&self) -> Result<Tx, Failure> {
        Ok(self.store.write(self.vault.signer(), self.now()).await?)
    }

    /// What credentials are exchanged for, for as long as the command runs.
    pub fn exchanges(&self) -> Arc<Exchanges> {
        let ledger = Ledger {
            store: self.store.clone(),
            vault: Arc::clone(&self.vault),
            runtime: tokio::runtime::Handle::current(),
            clock: self.clock.clone(),
        };
        Exchanges::new(ledger, self.clock.clone())
    }
}

/// The provider with this id, or which ones there are.
pub fn find<'c>(catalog: &'c Catalog, id: &str) -> Result<&'c Arc<Provider>, Failure> {
    catalog.find(id).ok_or_else(|| {
        let known: Vec<&str> = catalog.iter().map(|provider| provider.id()).collect();
        let id = super::console::shown(id);
        Failure::failed(format!("there is no provider `{id}`: expected one of {}", known.join(", ")))
    })
}

/// Whose certificates are believed there.
pub fn trust(provider: &Provider) -> Result<TlsTrust, Failure> {
    match provider.ca_file() {
        Some(file) => TlsTrust::of_file(file).map_err(|error| Failure::failed(error.to_string())),
        None => Ok(TlsTrust::public()),
    }
}

/// An entry of the audit trail that says that somebody at this machine did it.
pub fn entry(action: &'static str, subject: impl fmt::Display) -> AuditEntry {
    AuditEntry::new(&Actor::CommandLine, action, subject)
}
