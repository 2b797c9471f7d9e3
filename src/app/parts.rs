//! The larger parts of a running Bellhop, each made of what it stands on.
//! Owns nothing of them: `App` does.
//! Never begins to serve.

use super::{AppError, address, catalog, issuer, master_source, source_reader, store};
use crate::{
    clock::Clock,
    config::Config,
    directory::{Directory, Reach},
    exchange::{Exchanges, Ledger},
    jobs::{Ground, Jobs, follow::Follower as JobFollower},
    manage::{Asking, Current, Management},
    presence::Presence,
    proxy::trust,
    source::Sources as LiveSources,
    store::{Bell, Store},
    sync::{Follower, set_back::SetBack},
    vault::Vault,
};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// From here on, what others change is heard of, and others hear of this process.
pub async fn begin_following(
    config: &Config,
    store: Store,
    (vault, directory): (&Arc<Vault>, &Arc<Directory>),
    clock: &Clock,
) -> Result<(Follower, Arc<Presence>), AppError> {
    let bell = Bell::new(&address(config)?, config.store.listen_url.as_ref())?;
    let follower = Follower::begin(store.clone(), Arc::clone(vault), Arc::clone(directory), bell).await?;
    let presence = Presence::begin(store.clone(), clock.clone(), &*follower.pace()).await?;
    // From now on nobody takes away what this program knows; just before, somebody may have.
    store.confirm_version().await?;
    Ok((follower, Arc::new(presence)))
}

pub async fn open_store(config: &Config, clock: &Clock) -> Result<(Store, Arc<Vault>), AppError> {
    let store = store(config).await?;
    let vault = Vault::open(&store, master_source(config), clock.now()).await?;
    refuse_set_back(&store, &vault, config).await?;
    Ok((store, Arc::new(vault)))
}

/// What is looked up for callers; a source that reads another value makes it look again.
pub fn open_directory(
    (store, vault, sources): (&Store, &Arc<Vault>, &Arc<LiveSources>),
    clock: &Clock,
    control: &Runtime,
    max_stale: Duration,
) -> Arc<Directory> {
    let reach = Reach {
        store: store.clone(),
        vault: Arc::clone(vault),
        sources: Arc::clone(sources),
        runtime: control.handle().clone(),
        clock: clock.clone(),
    };
    let directory = Arc::new(Directory::new(reach, max_stale));
    let told = Arc::downgrade(&directory);
    sources.tell(move |credential| {
        if let Some(directory) = told.upgrade() {
            directory.forget_credential(credential);
        }
    });
    directory
}

/// What was revoked since would work again, and nobody would have said so.
pub async fn refuse_set_back(store: &Store, vault: &Vault, config: &Config) -> Result<(), AppError> {
    match SetBack::find(store, &*vault.signer(), &config.data_dir).await {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(AppError::SetBack(found)),
        Err(error) => {
            tracing::error!(event = "store.not_compared", %error, "whether the store was set back could not be seen");
            Ok(())
        }
    }
}

/// What people change, by whichever door.
pub fn open_management(
    config: &Config,
    kept: (Store, Arc<Vault>),
    exchanges: &Arc<Exchanges>,
    clock: &Clock,
) -> Result<Arc<Management>, AppError> {
    let current = Current { config: config.clone(), catalog: catalog(config)?, issuer: issuer(config)? };
    let asking = Asking::new(Ok(source_reader(config, clock)?));
    Ok(Management::new(kept, (Arc::clone(exchanges), asking), clock.clone(), current))
}

pub fn begin_exchanges(store: &Store, vault: &Arc<Vault>, control: &Runtime, clock: &Clock) -> Arc<Exchanges> {
    let (store, vault, runtime) = (store.clone(), Arc::clone(vault), control.handle().clone());
    Exchanges::new(Ledger { store, vault, runtime, clock: clock.clone() }, clock.clone())
}

/// Bellhop asks about open jobs itself.
pub fn follow_jobs(
    config: &Config,
    jobs: Arc<Jobs>,
    ground: Ground,
    exchanges: Arc<Exchanges>,
) -> Result<(), AppError> {
    let catalog = catalog(config)?;
    let trust = trust(&catalog)?;
    let follower = JobFollower { jobs, ground, exchanges, catalog, trust, settings: config.jobs.clone() };
    follower.start(config).map_err(AppError::Threads)
}
