//! Credentials whose value is read from its source of truth while Bellhop runs: the environment, files, programs,
//! Vault, D-Wave's Leap account API.
//! Owns the last good value of each source in use, and reads it again in the background; says when one has changed.
//! Never opens a seal, never writes a value down, and never lets a source that hangs hold up another.
//!
//! Why only an operator makes such credentials: all of it is read with the rights of the process that serves. Somebody
//! who could name a file or a program would read what Bellhop may read.

mod ask;
mod leap;
mod local;
mod problem;
mod text;
mod vault;
mod well;

pub use problem::Problem;
pub use well::Condition;

use crate::{
    clock::Clock,
    config::{MasterKeySource, SourcesConfig, VaultLogin},
    credential::source::{BEARER, Place, Source},
    id::{CredentialId, ProcessId},
    provider::{Fields, Provider},
    secret::Secret,
    store::{PlainFields, SealedVersion, SourceState, Store, StoreError},
    vault::SecretFields,
};
use dashmap::DashMap;
use leap::Leap;
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet, time::sleep};
use vault::Vault;
use well::{Due, Read, Well};

/// All sources in use in this process.
pub struct Sources {
    reader: Reader,
    runtime: Handle,
    wells: DashMap<Key, Arc<Well>>,
    /// Who is to hear that a credential's value is another.
    changed: OnceLock<Box<dyn Fn(CredentialId) + Send + Sync>>,
    pub tally: Tally,
}

#[derive(Default)]
pub struct Tally {
    pub reads: AtomicU64,
    pub failures: AtomicU64,
    pub changes: AtomicU64,
}

/// One version of one credential.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    pub credential: CredentialId,
    pub version: u32,
}

/// What is to be read, for whom, and what was entered beside it.
pub struct Spec {
    pub source: Source,
    pub provider: Arc<Provider>,
    entered: SecretFields,
    bearer: Option<Secret>,
}

/// Of which reading of a source fields are.
pub struct Drawn {
    key: Key,
    generation: u64,
}

/// The value of a source after the provider has refused it.
pub enum Renewed {
    Same,
    Changed(Fields),
}

/// A provider that refuses for another reason does not make Bellhop ask a source all the time.
const PAUSE: Duration = Duration::from_secs(1);
const FILE_PAUSE: Duration = Duration::from_millis(100);
const STEP: Duration = Duration::from_millis(100);
/// Longer than any attempt takes.
const WAIT: Duration = Duration::from_secs(75);
/// What no process has said for this long is forgotten.
const STALE: Duration = Duration::from_secs(600);

impl Spec {
    /// Of a stored version and what its seal held.
    pub fn new(provider: &Arc<Provider>, version: &SealedVersion, sealed: SecretFields) -> Result<Self, Problem> {
        let source = version.source.as_deref().ok_or(Problem::Unknown)?;
        let source = source.parse().map_err(|_| Problem::Unknown)?;
        Ok(Self::of(provider, source, sealed, &version.plain_fields))
    }

    /// Of what was entered beside a source.
    pub fn of(provider: &Arc<Provider>, source: Source, mut secret: SecretFields, plain: &PlainFields) -> Self {
        let bearer = secret.remove(BEARER);
        secret.extend(plain.iter().map(|(name, value)| (name.clone(), Secret::new(&**value))));
        Self { source, provider: Arc::clone(provider), entered: secret, bearer }
    }

    /// Reads the source once, with the rights of whoever asks.
    pub async fn read_once(&self, reader: &Reader) -> Result<Fields, Problem> {
        self.fields(&reader.read(self, &Arc::new(Semaphore::new(1))).await?)
    }
}

/// How each kind of source is reached.
pub struct Reader {
    vault: Option<Vault>,
    leap: Leap,
    clock: Clock,
    /// Variables that a program must not see.
    hidden: Box<[String]>,
}

impl Reader {
    /// What cannot be used of the settings is named.
    pub fn new(config: &SourcesConfig, master_key: &MasterKeySource, clock: Clock) -> Result<Self, String> {
        let vault = config.vault.as_ref().map(Vault::new).transpose();
        let vault = vault.map_err(|problem| format!("sources.vault: {problem}"))?;
        let leap = Leap::new(&config.leap).map_err(|problem| format!("sources.leap: {problem}"))?;
        let of_vault = config.vault.as_ref().and_then(|vault| match &vault.login {
            VaultLogin::TokenVariable(name) => Some(name.clone()),
            _ => None,
        });
        let of_master = match master_key {
            MasterKeySource::Environment(name) => Some(name.clone()),
            _ => None,
        };
        Ok(Self { vault, leap, clock, hidden: of_vault.into_iter().chain(of_master).collect() })
    }

    async fn read(&self, spec: &Spec, blocking: &Arc<Semaphore>) -> Result<SecretFields, Problem> {
        let preset = spec.provider.preset();
        match &spec.source.place {
            Place::Environment(variables) => local::environment(variables),
            Place::Files(paths) => local::files(paths, blocking).await,
            Place::Command { argv, patience } => {
                let mut secrets = spec.provider.secret_fields().map(|field| &*field.name);
                let sole = secrets.next().filter(|_| secrets.next().is_none());
                local::command(argv, *patience, &self.hidden, sole).await
            }
            Place::Vault { mount, path, fields } => {
                let vault = self.vault.as_ref().ok_or(Problem::NotConfigured("vault"))?;
                vault.read(mount, path, fields, preset).await
            }
            Place::Leap { project } => {
                let bearer = spec.bearer.as_ref().ok_or_else(|| Problem::NoField(BEARER.into()))?;
                Ok([("token".into(), self.leap.token(project, bearer).await?)].into())
            }
        }
    }
}

impl Sources {
    pub fn new(reader: Reader, runtime: Handle) -> Arc<Self> {
        let (wells, changed, tally) = (DashMap::new(), OnceLock::new(), Tally::default());
        Arc::new(Self { reader, runtime, wells, changed, tally })
    }

    /// Who hears of changes: whatever was made of the old value is to be dropped at once. Only the first one counts.
    pub fn tell(&self, changed: impl Fn(CredentialId) + Send + Sync + 'static) {
        let _ = self.changed.set(Box::new(changed));
    }

    /// The fields of this version now: the last good ones, or, where there are none, what the source gives to this
    /// very question.
    pub async fn draw(self: &Arc<Self>, key: Key, spec: Spec) -> Result<(Fields, Drawn), Arc<Problem>> {
        let spec = Arc::new(spec);
        let well = Arc::clone(&self.wells.entry(key).or_insert_with(|| Arc::new(Well::new(key, Arc::clone(&spec)))));
        well.follow(Arc::clone(&spec));
        well.touch();
        if well.value().is_none() && !well.was_just_tried() {
            self.read(&well, Duration::ZERO).await;
        }
        let generation = well.generation();
        let unread = || well.problem().unwrap_or_else(|| Arc::new(Problem::Hangs));
        let values = well.value().ok_or_else(unread)?;
        Ok((spec.fields(&values).map_err(Arc::new)?, Drawn { key, generation }))
    }

    /// Whether this is still what the source gives: what was made of it meanwhile may be kept.
    pub fn is_last(&self, drawn: &Drawn) -> bool {
        self.wells.get(&drawn.key).is_some_and(|well| well.generation() == drawn.generation)
    }

    /// Whether the value of this version is read from a source that is in use.
    pub fn has(&self, key: Key) -> bool {
        self.wells.contains_key(&key)
    }

    /// The provider has refused these fields: the source is read at once, once for everybody who is refused.
    pub async fn renew(self: &Arc<Self>, key: Key, refused: &Fields) -> Renewed {
        let Some(well) = self.wells.get(&key).map(|well| Arc::clone(&well)) else { return Renewed::Same };
        if let Some(other) = other_than(&well, refused) {
            return Renewed::Changed(other);
        }
        let pause = match well.spec().source.place {
            Place::Files(_) | Place::Environment(_) => FILE_PAUSE,
            _ => PAUSE,
        };
        self.read(&well, pause).await;
        other_than(&well, refused).map_or(Renewed::Same, Renewed::Changed)
    }

    /// On the store's runtime, and to the end: who gives up waiting does not end it.
    async fn read(self: &Arc<Self>, well: &Arc<Well>, pause: Duration) {
        let (this, well) = (Arc::clone(self), Arc::clone(well));
        let reading = self.runtime.spawn(async move { this.read_here(&well, pause).await });
        let _ = tokio::time::timeout(WAIT, reading).await;
    }

    async fn read_here(&self, well: &Well, pause: Duration) {
        let read = well.read(&self.reader, pause).await;
        self.tally.reads.fetch_add(1, Ordering::Relaxed);
        match read {
            Read::First | Read::Same => {}
            Read::Failed => drop(self.tally.failures.fetch_add(1, Ordering::Relaxed)),
            Read::Changed => {
                let Key { credential, version } = well.key;
                tracing::info!(event = "source.changed", %credential, version, "the source of a credential has a new value");
                self.tally.changes.fetch_add(1, Ordering::Relaxed);
                self.drop_grants(well);
            }
        }
    }

    fn drop_grants(&self, well: &Well) {
        if let Some(changed) = self.changed.get() {
            changed(well.key.credential);
        }
    }

    /// How many sources cannot be read.
    pub fn failing(&self) -> usize {
        self.wells.iter().filter(|well| well.is_failing()).count()
    }

    /// For as long as the process runs: reads what is in use again, forgets what is not, and writes down how it is.
    pub async fn keep_fresh(self: Arc<Self>, store: Store, process: ProcessId) {
        let mut readings = JoinSet::new();
        for turn in 1_u64.. {
            sleep(STEP).await;
            while readings.try_join_next().is_some() {}
            let wells: Vec<Arc<Well>> = self.wells.iter().map(|well| Arc::clone(&well)).collect();
            for well in wells {
                match well.due() {
                    Due::Nothing => {}
                    Due::Drop => self.drop_grants(&well),
                    Due::Forget => drop(self.wells.remove(&well.key)),
                    Due::Read => {
                        let (this, well) = (Arc::clone(&self), Arc::clone(&well));
                        readings.spawn(async move { this.read_here(&well, Duration::ZERO).await });
                    }
                }
                if let Err(error) = self.write_down(&store, process, &well).await {
                    tracing::debug!(%error, "how a source is could not be written down");
                }
            }
            if turn.is_multiple_of(600)
                && let Err(error) = self.sweep(&store).await
            {
                tracing::debug!(%error, "sources that are not in use could not be found out");
            }
        }
    }

    async fn write_down(&self, store: &Store, process: ProcessId, well: &Well) -> Result<(), StoreError> {
        let Some(Condition { read, failing }) = well.take_news() else { return Ok(()) };
        let Key { credential, version } = well.key;
        store.note_source(&SourceState { credential, version, process, read, failing }, self.reader.clock.now()).await
    }

    /// A version that was replaced or deleted is not read any more.
    async fn sweep(&self, store: &Store) -> Result<(), StoreError> {
        let keys: Vec<Key> = self.wells.iter().map(|well| well.key).collect();
        for key in keys {
            if !store.is_current(key.credential, key.version).await? {
                self.wells.remove(&key);
            }
        }
        store.forget_source_states(self.reader.clock.now().minus(STALE)).await
    }
}

fn other_than(well: &Well, refused: &Fields) -> Option<Fields> {
    let fields = well.spec().fields(&*well.value()?).ok()?;
    (!fields.equal(refused)).then_some(fields)
}
