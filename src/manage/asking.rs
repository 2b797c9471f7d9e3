//! What it takes to ask a provider oneself: the fields of a stored credential, and a thread to ask on.
//! Owns how many questions are asked at once, and the connections for as long as one takes.
//! Never asked whether somebody may: that is judged before.

use super::{Fault, Management};
use crate::{
    ask::{
        Answered, Asker, Unanswered, job,
        probe::{Finding, probe},
    },
    id::CredentialId,
    job::Thing,
    provider::{Fields, Provider, preset::operation::Kind},
    scheme,
    source::{Reader, Spec},
    store::SealedVersion,
    upstream::{BadCaFile, TlsTrust, Upstreams},
};
use std::{rc::Rc, sync::Arc};
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

/// Whom, with which version of which credential, and what that is.
pub(super) type Asked = (Arc<Provider>, (CredentialId, u32), Fields);

impl Management {
    /// What the provider says of these fields.
    pub(super) async fn ask(&self, asked: Asked) -> Result<Finding, Fault> {
        let no_way = format!("the preset `{}` says no way to ask this", asked.0.id());
        if asked.0.preset().probe.is_none() {
            return Err(Fault::conflict(no_way));
        }
        let trust = trust(&asked.0).map_err(|error| Fault::Internal(Box::new(error)))?;
        let question = async |upstreams: &Rc<Upstreams>, asker: Asker<'_>| probe(upstreams, asker).await;
        self.on_a_thread(asked, trust, question).await?.ok_or_else(|| Fault::conflict(no_way))
    }

    pub(super) async fn ask_about_job(&self, asked: Asked, kind: Kind, thing: Thing) -> Result<Answered, Unanswered> {
        let trust = trust(&asked.0).map_err(|_| Unanswered::Address)?;
        let question =
            async move |upstreams: &Rc<Upstreams>, asker: Asker<'_>| job::ask(upstreams, asker, kind, &thing).await;
        self.on_a_thread(asked, trust, question).await.unwrap_or(Err(Unanswered::Broken))
    }

    /// Connections live on one thread, and a handler may be on any: a question is asked on a thread of its own.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        (provider, of, fields): Asked,
        trust: TlsTrust,
        question: impl AsyncFnOnce(&Rc<Upstreams>, Asker<'_>) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (timeouts, sizes) = {
            let current = self.current();
            (current.config.timeouts.clone(), current.config.sizes.clone())
        };
        let _place = self.asking.places.acquire().await.map_err(|error| Fault::Internal(Box::new(error)))?;
        let (exchanges, now, runtime) = (Arc::clone(&self.exchanges), self.now(), Handle::current());
        let asked = spawn_blocking(move || {
            let asker = Asker { provider: &provider, of, fields: &fields, trust: &trust, exchanges: &exchanges, now };
            let asking = LocalSet::new();
            runtime.block_on(asking.run_until(async { question(&Upstreams::new(timeouts, &sizes), asker).await }))
        });
        asked.await.map_err(|error| Fault::Internal(Box::new(error)))
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

/// Whose certificates are believed there.
fn trust(provider: &Provider) -> Result<TlsTrust, BadCaFile> {
    provider.ca_file().map_or_else(|| Ok(TlsTrust::public()), TlsTrust::of_file)
}
