//! What people may change and see: their tokens, organizations, credentials, jobs. One file for each noun.
//! Owns nothing; each act reads the actor's rights in the very transaction in which it does what they permit.
//! Never shows a secret again, and never lets on that there is something to know of another's business.

mod asking;
pub mod audit;
pub mod contexts;
pub mod credentials;
pub mod explain;
mod fault;
pub mod forms;
mod groups;
mod holdings;
mod homes;
pub mod identities;
pub mod invitations;
pub mod jobs;
pub mod members;
mod names;
mod once;
pub mod organizations;
mod page;
mod patch;
pub mod projects;
pub mod providers;
pub mod quotas;
mod rights;
pub mod signin;
pub mod sso;
pub mod submissions;
pub mod tokens;
pub mod usage;
pub mod users;
pub mod webhooks;
pub mod whoami;
mod whose;

pub use asking::Asking;
pub use fault::Fault;
pub use once::{Once, Turn};
pub use page::{Listed, Page, Tag, Wanted};
pub use patch::Patch;
pub use rights::{Bounds, Knows, Rights, Who};
pub use whose::Of;

use crate::{
    clock::{Clock, Timestamp},
    config::Config,
    exchange::Exchanges,
    oidc::Issuer,
    provider::{Catalog, Provider},
    store::{Reading, Store, Tx},
    vault::Vault,
};
use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;

/// The installation that is managed.
pub struct Management {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub exchanges: Arc<Exchanges>,
    pub clock: Clock,
    asking: Asking,
    current: ArcSwap<Current>,
    attempts: signin::Attempts,
    turns: once::Turns,
}

/// What a reload replaces.
pub struct Current {
    pub config: Config,
    pub catalog: Catalog,
    /// The identity provider, where there is one.
    pub issuer: Option<Arc<Issuer>>,
}

impl Management {
    pub fn new(
        (store, vault): (Store, Arc<Vault>),
        (exchanges, asking): (Arc<Exchanges>, Asking),
        clock: Clock,
        current: Current,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            vault,
            exchanges,
            clock,
            asking,
            current: ArcSwap::from_pointee(current),
            attempts: signin::Attempts::default(),
            turns: once::Turns::default(),
        })
    }

    pub fn reload(&self, current: Current) {
        self.current.store(Arc::new(current));
    }

    pub fn current(&self) -> Guard<Arc<Current>> {
        self.current.load()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The store at one moment, and what this actor may see of it.
    pub async fn look(&self, who: &Who) -> Result<(Reading, Rights), Fault> {
        let mut reading = self.store.read().await?;
        let rights = Rights::read(who, &mut reading).await?;
        Ok((reading, rights))
    }

    /// A change of the store, and what this actor may change. What makes something commits it by `made`.
    pub async fn act(&self, who: &Who) -> Result<(Tx, Rights), Fault> {
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        let rights = Rights::read(who, &mut tx).await?;
        self.require_unmade(&mut tx, who).await?;
        Ok((tx, rights))
    }
}

impl Current {
    pub fn provider(&self, id: &str) -> Result<&Arc<Provider>, Fault> {
        self.catalog.find(id).ok_or_else(|| {
            let known: Vec<&str> = self.catalog.iter().map(|provider| provider.id()).collect();
            let id = id.escape_debug();
            Fault::invalid("provider", format!("there is no provider `{id}`: expected one of {}", known.join(", ")))
        })
    }
}
