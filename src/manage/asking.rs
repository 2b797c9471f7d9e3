//! What it takes to ask a provider oneself: the fields of a stored credential, and a thread to ask on.
//! Owns the connections for as long as one question takes.
//! Never asked whether somebody may: that is judged before.

use super::{Fault, Management};
use crate::{
    ask::{Answered, Asker, Unanswered, job},
    job::Thing,
    provider::{Fields, Provider, preset::operation::Kind},
    scheme,
    source::{Reader, Spec},
    store::SealedVersion,
    upstream::{TlsTrust, Upstreams},
};
use std::sync::Arc;
use tokio::{runtime::Handle, task::LocalSet};

impl Management {
    /// The fields of a stored version. A live source is read once, with the rights and the environment of this process.
    pub(super) async fn fields(&self, provider: &Arc<Provider>, version: &SealedVersion) -> Result<Fields, Fault> {
        let unusable = |error: String| Fault::conflict(format!("the stored credential cannot be used: {error}"));
        if version.source.is_none() {
            let opened = scheme::open(&self.vault, provider, version).await;
            return opened.map_err(|error| unusable(error.to_string()));
        }
        let sealed = scheme::opened(&self.vault, version).await?;
        let spec = Spec::new(provider, version, sealed).map_err(|error| unusable(error.to_string()))?;
        let current = self.current.load_full();
        let config = &current.config;
        let reader = Reader::new(&config.sources, &config.master_key, self.clock.clone()).map_err(unusable)?;
        let read = spec.read_once(&reader).await;
        read.map_err(|problem| Fault::conflict(format!("its source ({}) cannot be read here: {problem}", spec.source)))
    }

    /// Asks on a thread of its own, because connections to providers belong to one.
    pub(super) async fn ask_about_job(
        &self,
        (provider, version, fields): (Arc<Provider>, &SealedVersion, Fields),
        kind: Kind,
        thing: Thing,
    ) -> Result<Answered, Unanswered> {
        let trust = match provider.ca_file() {
            Some(file) => TlsTrust::of_file(file).map_err(|_| Unanswered::Address)?,
            None => TlsTrust::public(),
        };
        let current = self.current.load_full();
        let (timeouts, sizes) = (current.config.timeouts.clone(), current.config.sizes.clone());
        let (exchanges, now, of) = (Arc::clone(&self.exchanges), self.now(), (version.credential, version.version));
        let runtime = Handle::current();
        let asked = tokio::task::spawn_blocking(move || {
            let asker = Asker { provider: &provider, of, fields: &fields, trust: &trust, exchanges: &exchanges, now };
            let asking = LocalSet::new();
            runtime.block_on(asking.run_until(async {
                let upstreams = Upstreams::new(timeouts, &sizes);
                job::ask(&upstreams, asker, kind, &thing).await
            }))
        });
        asked.await.unwrap_or(Err(Unanswered::Broken))
    }
}
