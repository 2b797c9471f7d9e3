//! Questions that management puts to providers, and the sources that it reads for them.
//! Owns how many questions are asked at once.
//! Never asks anything but a preset's own harmless request.

use super::{Fault, Management};
use crate::{
    ask::{
        Asker,
        probe::{Finding, probe},
    },
    id::CredentialId,
    provider::{Fields, Provider},
    scheme,
    source::{Reader, Spec},
    store::SealedVersion,
    upstream::{TlsTrust, Upstreams},
};
use std::sync::Arc;
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::{LocalSet, spawn_blocking},
};

/// What it takes to ask.
pub struct Asking {
    /// Or why sources cannot be read: what needs none goes on.
    reader: Result<Reader, String>,
    places: Semaphore,
}

/// Each question holds a thread for as long as the provider takes.
const AT_ONCE: usize = 8;

impl Asking {
    pub fn new(reader: Result<Reader, String>) -> Self {
        Self { reader, places: Semaphore::new(AT_ONCE) }
    }
}

impl Management {
    /// What the provider says of these fields. Connections live on one thread, and a handler may be on any: the question
    /// is asked on a thread of its own.
    pub(super) async fn ask(
        &self,
        provider: &Arc<Provider>,
        of: (CredentialId, u32),
        fields: Fields,
    ) -> Result<Finding, Fault> {
        if provider.preset().probe.is_none() {
            let text = format!("the preset `{}` says no way to ask this", provider.id());
            return Err(Fault::conflict(text));
        }
        let trust = match provider.ca_file() {
            Some(file) => TlsTrust::of_file(file).map_err(|error| Fault::Internal(Box::new(error)))?,
            None => TlsTrust::public(),
        };
        let (timeouts, sizes) = {
            let current = self.current();
            (current.config.timeouts.clone(), current.config.sizes.clone())
        };
        let _place = self.asking.places.acquire().await.map_err(|error| Fault::Internal(Box::new(error)))?;
        let (provider, exchanges, now) = (Arc::clone(provider), Arc::clone(&self.exchanges), self.now());
        let runtime = Handle::current();
        let asked = spawn_blocking(move || {
            let asker = Asker { provider: &provider, of, fields: &fields, trust: &trust, exchanges: &exchanges, now };
            let asking = LocalSet::new();
            runtime.block_on(asking.run_until(async { probe(&Upstreams::new(timeouts, &sizes), asker).await }))
        });
        let found = asked.await.map_err(|error| Fault::Internal(Box::new(error)))?;
        found.ok_or_else(|| Fault::conflict("the preset says no way to ask this"))
    }

    /// The fields of a stored version. A live source is read once, with the rights and the environment of this process.
    pub(super) async fn fields(&self, provider: &Arc<Provider>, version: &SealedVersion) -> Result<Fields, Fault> {
        let unusable = |error: String| Fault::conflict(format!("the stored credential cannot be used: {error}"));
        if version.source.is_none() {
            let opened = scheme::open(&self.vault, provider, version).await;
            return opened.map_err(|error| unusable(error.to_string()));
        }
        let sealed = scheme::opened(&self.vault, version).await?;
        let spec = Spec::new(provider, version, sealed).map_err(|error| unusable(error.to_string()))?;
        self.read_source(&spec).await
    }

    pub(super) async fn read_source(&self, spec: &Spec) -> Result<Fields, Fault> {
        let reader = self.asking.reader.as_ref().map_err(|error| Fault::conflict(error.clone()))?;
        let read = spec.read_once(reader).await;
        read.map_err(|problem| Fault::conflict(format!("its source ({}) cannot be read here: {problem}", spec.source)))
    }
}
