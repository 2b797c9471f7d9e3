//! How many credentials are in which health, counted now and then for who watches over Bellhop.
//! Owns the last count.
//! Never asked for by a reading of the figures itself: whoever reads them often costs the store nothing.

use crate::{
    clock::Clock,
    store::{Census, Store, StoreError},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

const EVERY: Duration = Duration::from_secs(60);
/// After a failure, and at the start.
const AGAIN: Duration = Duration::from_secs(2);
/// What ends within this is expiring: the same as webhooks are told of first.
const SOON: Duration = Duration::from_secs(14 * 86_400);

pub struct Counting {
    store: Store,
    clock: Clock,
    last: Mutex<Option<Arc<Census>>>,
}

impl Counting {
    pub fn new(store: Store, clock: Clock) -> Arc<Self> {
        Arc::new(Self { store, clock, last: Mutex::default() })
    }

    /// For as long as the process runs.
    pub async fn keep(self: Arc<Self>) {
        loop {
            let counted = self.count().await;
            if let Err(error) = &counted {
                tracing::debug!(%error, "credentials could not be counted");
            }
            sleep(if counted.is_ok() { EVERY } else { AGAIN }).await;
        }
    }

    /// `None` until they have been counted once, and while the store cannot be asked: what is old would be taken for new.
    pub fn last(&self) -> Option<Arc<Census>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn count(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let counted = async { self.store.read().await?.census(now, now.plus(SOON)).await }.await;
        let census = counted.as_ref().ok().cloned().map(Arc::new);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = census;
        counted.map(drop)
    }
}
