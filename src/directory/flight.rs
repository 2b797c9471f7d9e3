//! One look-up for everybody who waits for the same thing.
//! Owns the look-ups under way; each runs on the store's runtime and belongs to none of those who wait for it.
//! Never keeps an outcome: that is for the caches.

use dashmap::{DashMap, Entry};
use futures_util::future::{BoxFuture, FutureExt, Shared};
use std::{hash::Hash, sync::Arc};
use tokio::runtime::Handle;

type Waited<V> = Shared<BoxFuture<'static, V>>;

pub struct Flights<K: Hash + Eq, V: Clone>(Arc<DashMap<K, Waited<V>>>);

impl<K: Hash + Eq, V: Clone> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Waits for the look-up of this key that is under way, or starts it. Who gives up waiting does not end it.
    pub async fn join(
        &self,
        runtime: &Handle,
        key: K,
        look_up: impl Future<Output = V> + Send + 'static,
        lost: V,
    ) -> V {
        let waited = match self.0.entry(key) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                let (flights, key) = (Arc::clone(&self.0), entry.key().clone());
                let landing = Landing { flights, key };
                let task = runtime.spawn(async move {
                    let _landing = landing;
                    look_up.await
                });
                let waited = task.map(|outcome| outcome.unwrap_or(lost)).boxed().shared();
                entry.insert(waited.clone());
                waited
            }
        };
        waited.await
    }
}

/// Makes room for the next look-up of this key, also when this one ended in no order.
struct Landing<K: Hash + Eq, V: Clone> {
    flights: Arc<DashMap<K, Waited<V>>>,
    key: K,
}

impl<K: Hash + Eq, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.flights.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_up_that_panics_is_lost_and_the_next_one_begins_anew() {
        let flights = Flights::<u8, u8>::default();
        let runtime = Handle::current();
        let join = |look_up: BoxFuture<'static, u8>| flights.join(&runtime, 1, look_up, 0);
        let panics = async { std::panic::resume_unwind(Box::new("on purpose")) };
        assert_eq!(join(panics.boxed()).await, 0);
        assert_eq!(join(async { 7 }.boxed()).await, 7);
    }
}
