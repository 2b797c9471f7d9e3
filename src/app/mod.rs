//! The composition root: puts the parts together, runs them, and ends them in order.
//! Owns the threads: one runtime for the store, the follower and the admin listener, and one per data-plane core.
//! Imported by the command line alone.

mod cores;
mod ends;
mod open;
mod setup;
mod sockets;
mod tls;

pub use open::{address, catalog, issuer, master_source, source_reader, store};

use crate::{
    admin::{self, Admin, Bound},
    clock::Clock,
    config::{Config, ConfigError, Sources},
    directory::{Directory, Reach},
    exchange::{Exchanges, Ledger},
    hook::{Hooks, Post},
    jobs::{Ground, Jobs, SpoolError, follow::Follower as JobFollower},
    manage::{Asking, Current, Management},
    presence::Presence,
    provider::{CatalogError, files::Unreadable},
    proxy::{Machines, Settings, SettingsError, Shared, trust},
    scheme::minted::Minter,
    source::Sources as LiveSources,
    store::{Bell, Store, StoreError},
    sync::{Follower, Pace, census::Counting, checkpoint::Checkpoints, retention::Retention},
    telemetry::{log::Logging, metrics::Listener, process::Began},
    upstream::BadCaFile,
    vault::{Vault, VaultError},
};
use cores::Cores;
use sockets::Sockets;
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::timeout,
};

/// Why Bellhop does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Preset(#[from] Unreadable),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("cannot listen at {address}: {error}{}", sockets::advice(error))]
    Listen { address: SocketAddr, error: io::Error },
    #[error("{0}")]
    Sources(String),
    #[error("webhooks.ca_file: {0}")]
    Webhooks(#[from] BadCaFile),
    #[error("{0}")]
    Oidc(String),
    #[error("the process cannot start its threads: {0}")]
    Threads(io::Error),
}

impl AppError {
    /// Whether the operator has to put the configuration right, and trying again is no use.
    pub const fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_)
            | Self::Preset(_)
            | Self::Catalog(_)
            | Self::Settings(_)
            | Self::Tls(_)
            | Self::Sources(_)
            | Self::Webhooks(_)
            | Self::Oidc(_) => true,
            Self::Vault(error) => error.is_configuration(),
            Self::Store(StoreError::Address(_)) => true,
            Self::Store(_) | Self::Spool(_) | Self::Listen { .. } | Self::Threads(_) => false,
        }
    }
}

/// A running Bellhop.
pub struct App {
    control: Runtime,
    /// What runs beside the data plane until the end.
    tasks: JoinSet<()>,
    cores: Cores,
    shared: Arc<Shared>,
    admin: Arc<Admin>,
    jobs: Arc<Jobs>,
    presence: Arc<Presence>,
    checkpoints: Arc<Checkpoints>,
    hooks: Arc<Hooks>,
    store: Store,
    config: Config,
    pub addresses: Addresses,
}

/// Where it listens.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
    pub providers: BTreeMap<String, SocketAddr>,
}

/// Runs until SIGTERM or SIGINT, and then drains; SIGHUP reloads.
pub fn serve(sources: &Sources, log: &Logging) -> Result<(), AppError> {
    let app = App::start(sources.load()?.config)?;
    // Before anybody is told that it listens: who is told may end it at once.
    let signals = Signals::register(&app.control).map_err(AppError::Threads)?;
    log.listening(app.addresses.proxy, app.addresses.admin, &app.addresses.providers);
    app.control.block_on(app.until_told_to_end(signals, sources, log));
    app.drain();
    Ok(())
}

/// What an operator tells a running process.
struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn register(runtime: &Runtime) -> io::Result<Self> {
        let _inside = runtime.enter();
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }
}

impl App {
    /// Everything is opened and bound before the first request is accepted.
    pub fn start(config: Config) -> Result<Self, AppError> {
        let began = Began::default();
        let mut control = Builder::new_multi_thread();
        let control = control.worker_threads(2).thread_name("bellhop-store").enable_all().build();
        let control = control.map_err(AppError::Threads)?;
        let settings = Settings::new(&config, catalog(&config)?)?;
        let tls = config.tls.as_ref().map(tls::for_callers).transpose()?;
        let admin_tls = config.admin_tls.as_ref().map(tls::for_callers).transpose()?;
        let clock = Clock::system();
        let (store, vault) = control.block_on(open_store(&config, &clock))?;
        let sources = LiveSources::new(source_reader(&config, &clock)?, control.handle().clone());
        let reach = Reach {
            store: store.clone(),
            vault: Arc::clone(&vault),
            sources: Arc::clone(&sources),
            runtime: control.handle().clone(),
            clock: clock.clone(),
        };
        let directory = directory(reach, config.store.max_stale);
        let signer = vault.signer();
        let begun = begin_following(&config, store.clone(), (&vault, &directory), &clock);
        let (follower, presence) = control.block_on(begun)?;
        let pace = follower.pace();
        let ground = Ground {
            store: store.clone(),
            runtime: control.handle().clone(),
            clock: clock.clone(),
            directory: Arc::clone(&directory),
            presence: Arc::clone(&presence),
        };
        let jobs = control.block_on(Jobs::begin(ground.clone(), &config.data_dir))?;
        let ledger = Ledger {
            store: store.clone(),
            vault: Arc::clone(&vault),
            runtime: control.handle().clone(),
            clock: clock.clone(),
        };
        let exchanges = Exchanges::new(ledger, clock.clone());
        if config.jobs.follow {
            follow_jobs(&config, Arc::clone(&jobs), ground, Arc::clone(&exchanges))?;
        }
        let parts = (store.clone(), Arc::clone(&vault), clock.clone());
        let hooks = Hooks::new(parts.clone(), Arc::clone(&presence), Post::new(&config.webhooks)?);
        let machines = Machines {
            directory: Arc::clone(&directory),
            jobs: Arc::clone(&jobs),
            exchanges: Arc::clone(&exchanges),
            refusals: hooks.refusals(),
            minter: Minter::new(Arc::clone(&vault), control.handle().clone()),
        };
        let shared = Shared::new(settings, machines, clock.clone());
        tls::put_in_force(&shared, tls);
        shared.metrics.certificate(Listener::Admin, admin_tls.as_ref().and_then(|certificate| certificate.ends));
        let workers = workers(&config);
        let sockets = Sockets::bind(&config.listen, workers)?;
        let addresses = sockets.addresses();
        let current = Current { config: config.clone(), catalog: catalog(&config)?, issuer: issuer(&config)? };
        let asking = Asking::new(Ok(source_reader(&config, &clock)?));
        let management = Management::new(
            (store.clone(), Arc::clone(&vault)),
            (Arc::clone(&exchanges), asking),
            clock.clone(),
            current,
        );
        if let Err(error) = control.block_on(setup::offer(&management, &config, addresses.admin)) {
            tracing::error!(event = "setup.not_asked", %error, "whether there is a user yet could not be asked");
        }
        let counting = Counting::new(store.clone(), clock.clone());
        let admin = Arc::new(Admin {
            began,
            directory,
            store: store.clone(),
            presence: Arc::clone(&presence),
            counting: Arc::clone(&counting),
            exchanges: Arc::clone(&exchanges),
            metrics: Arc::clone(&shared.metrics),
            jobs: Arc::clone(&jobs),
            sources: Arc::clone(&sources),
            hooks: Arc::clone(&hooks),
            pace: Arc::clone(&pace),
            management,
            failed_lookups: config.limits.failed_lookups,
            secure: setup::is_secure(&config),
            bound: Bound { proxy: addresses.proxy, providers: addresses.providers.clone() },
            draining: AtomicBool::new(false),
        });
        let Sockets { admin: admin_socket, cores: core_sockets, .. } = sockets;
        let guard = control.enter();
        let listener = tokio::net::TcpListener::from_std(admin_socket).map_err(AppError::Threads)?;
        drop(guard);
        let mut tasks = JoinSet::new();
        tasks.spawn_on(follower.run(), control.handle());
        tasks.spawn_on(keep_presence(Arc::clone(&presence), pace), control.handle());
        let admin_tls = admin_tls.map(|certificate| certificate.config);
        tasks.spawn_on(admin::serve(Arc::clone(&admin), listener, admin_tls), control.handle());
        tasks.spawn_on(counting.keep(), control.handle());
        tasks.spawn_on(Arc::clone(&jobs).keep(signer), control.handle());
        tasks.spawn_on(sources.keep_fresh(store.clone(), jobs.process()), control.handle());
        tasks.spawn_on(note_uses(store.clone(), Arc::clone(&admin.directory)), control.handle());
        let checkpoints = Checkpoints::new(store.clone(), Arc::clone(&vault), clock.clone(), &config.data_dir);
        tasks.spawn_on(Arc::clone(&checkpoints).keep(), control.handle());
        tasks.spawn_on(Arc::clone(&hooks).keep(), control.handle());
        tasks.spawn_on(keep_trail(parts, Arc::clone(&presence), config.audit.keep), control.handle());
        tasks.spawn_on(keep_tokens(exchanges, vault, clock), control.handle());
        tasks.spawn_on(keep_sessions(Arc::clone(&admin.management)), control.handle());
        if let Some(files) = config.tls.clone() {
            tasks.spawn_on(tls::follow_files(files, Arc::clone(&shared)), control.handle());
        }
        let cores = Cores::start(&shared, core_sockets).map_err(AppError::Threads)?;
        Ok(Self { control, tasks, cores, shared, admin, jobs, presence, checkpoints, hooks, store, config, addresses })
    }

    async fn until_told_to_end(&self, mut signals: Signals, sources: &Sources, log: &Logging) {
        loop {
            tokio::select! {
                _ = signals.term.recv() => return,
                _ = signals.int.recv() => return,
                _ = signals.hup.recv() => match self.reload(sources, log) {
                    Ok(()) => tracing::info!(event = "reload.done", "reloaded"),
                    Err(error) => tracing::error!(event = "reload.failed", %error, "not reloaded: what was in force stays in force"),
                },
            }
        }
    }

    /// All or nothing: everything is made before anything is put in force.
    fn reload(&self, sources: &Sources, log: &Logging) -> Result<(), AppError> {
        let config = sources.load()?.config;
        let settings = Settings::new(&config, catalog(&config)?)?;
        let tls = config.tls.as_ref().map(tls::for_callers).transpose()?;
        let current = Current { catalog: catalog(&config)?, issuer: issuer(&config)?, config: config.clone() };
        let post = Post::new(&config.webhooks)?;
        self.warn_of_restarts(&config);
        self.shared.reload(settings);
        self.admin.management.reload(current);
        self.hooks.reload(post);
        tls::put_in_force(&self.shared, tls);
        log.set_level(config.log.level);
        Ok(())
    }

    /// What is bound or opened once is not changed by a reload.
    fn warn_of_restarts(&self, new: &Config) {
        let old = &self.config;
        let same = [
            ("listen.proxy", old.listen.proxy == new.listen.proxy),
            ("listen.admin", old.listen.admin == new.listen.admin),
            ("listen.providers", old.listen.providers == new.listen.providers),
            ("listen.workers", old.listen.workers == new.listen.workers),
            ("data_dir", old.data_dir == new.data_dir),
            ("master_key", old.master_key == new.master_key),
            ("store.max_stale", old.store.max_stale == new.store.max_stale),
            ("limits.connections", old.limits.connections == new.limits.connections),
            ("limits.failed_lookups", old.limits.failed_lookups == new.limits.failed_lookups),
            ("jobs", old.jobs == new.jobs),
            ("sources", old.sources == new.sources),
            ("audit", old.audit == new.audit),
            ("sizes", old.sizes == new.sizes),
            ("timeouts.connect", old.timeouts.connect == new.timeouts.connect),
            ("timeouts.upstream_idle", old.timeouts.upstream_idle == new.timeouts.upstream_idle),
            ("log.format", old.log.format == new.log.format),
        ];
        for (key, _) in same.iter().filter(|(_, same)| !same) {
            tracing::warn!(event = "reload.needs_restart", key, "this key takes effect at the next start");
        }
    }

    /// Stops accepting, lets what is under way finish, and then cuts.
    pub fn drain(self) {
        let Self { control, mut tasks, cores, admin, jobs, presence, checkpoints, store, config, .. } = self;
        tracing::info!(event = "drain.begin", "draining");
        admin.draining.store(true, Ordering::Relaxed);
        std::thread::sleep(config.drain.delay);
        cores.drain(config.drain.deadline);
        control.block_on(async {
            write_uses(&store, &admin.directory).await;
            // The follower keeps a connection, and closing waits for all of them.
            tasks.shutdown().await;
            jobs.finish().await;
            let _ = timeout(Duration::from_secs(5), presence.end()).await;
            let _ = timeout(Duration::from_secs(5), checkpoints.write()).await;
            let _ = timeout(Duration::from_secs(5), store.close()).await;
        });
        control.shutdown_timeout(Duration::from_secs(1));
        tracing::info!(event = "drain.end", "ended");
    }
}

/// What live sources give anew is asked for anew.
fn directory(reach: Reach, max_stale: Duration) -> Arc<Directory> {
    let sources = Arc::clone(&reach.sources);
    let directory = Arc::new(Directory::new(reach, max_stale));
    let told = Arc::downgrade(&directory);
    sources.tell(move |credential| {
        if let Some(directory) = told.upgrade() {
            directory.forget_credential(credential);
        }
    });
    directory
}

/// From here on, what others change is heard of, and others hear of this process.
async fn begin_following(
    config: &Config,
    store: Store,
    (vault, directory): (&Arc<Vault>, &Arc<Directory>),
    clock: &Clock,
) -> Result<(Follower, Arc<Presence>), AppError> {
    let bell = Bell::new(&address(config)?, config.store.listen_url.as_ref())?;
    let follower = Follower::begin(store.clone(), Arc::clone(vault), Arc::clone(directory), bell).await?;
    let presence = Presence::begin(store, clock.clone(), &*follower.pace()).await?;
    Ok((follower, Arc::new(presence)))
}

async fn open_store(config: &Config, clock: &Clock) -> Result<(Store, Arc<Vault>), AppError> {
    let store = store(config).await?;
    let vault = Vault::open(&store, master_source(config), clock.now()).await?;
    Ok((store, Arc::new(vault)))
}

/// Says that this process lives, and does what is its turn.
async fn keep_presence(presence: Arc<Presence>, pace: Arc<Pace>) {
    presence.keep(&*pace).await;
}

/// Bellhop asks about open jobs itself.
fn follow_jobs(config: &Config, jobs: Arc<Jobs>, ground: Ground, exchanges: Arc<Exchanges>) -> Result<(), AppError> {
    let catalog = catalog(config)?;
    let trust = trust(&catalog)?;
    let follower = JobFollower { jobs, ground, exchanges, catalog, trust, settings: config.jobs.clone() };
    follower.start(config).map_err(AppError::Threads)
}

fn workers(config: &Config) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    config.listen.workers.map_or_else(cores, std::num::NonZero::get)
}

/// Takes away what of the audit trail is older than the operator wants it kept.
async fn keep_trail(parts: (Store, Arc<Vault>, Clock), presence: Arc<Presence>, keep: Option<Duration>) {
    let (store, vault, clock) = parts;
    if let Some(keep) = keep {
        Retention { store, vault, clock, presence, keep }.run().await;
    }
}

/// Forgets access tokens that nobody uses, and renews the keys that sign Bellhop's own, once there are any.
async fn keep_tokens(exchanges: Arc<Exchanges>, vault: Arc<Vault>, clock: Clock) {
    loop {
        tokio::time::sleep(Duration::from_secs(600)).await;
        exchanges.sweep();
        if !vault.signing().is_empty()
            && let Err(error) = vault.keep_signing_keys(clock.now()).await
        {
            tracing::warn!(event = "signing_keys.not_renewed", %error, "the keys that sign tokens could not be renewed");
        }
    }
}

/// Forgets sessions, links and answers that are over; none of them opens anything before that either.
async fn keep_sessions(management: Arc<Management>) {
    loop {
        tokio::time::sleep(Duration::from_secs(600)).await;
        if let Err(error) = management.sweep_sessions().await {
            tracing::debug!(%error, "sessions that are over could not be forgotten");
        }
        if let Err(error) = management.sweep_answers().await {
            tracing::debug!(%error, "answers that are over could not be forgotten");
        }
    }
}

/// "Last used" is for people: a minute late is early enough.
async fn note_uses(store: Store, directory: Arc<Directory>) {
    loop {
        tokio::time::sleep(Duration::from_secs(20)).await;
        write_uses(&store, &directory).await;
    }
}

async fn write_uses(store: &Store, directory: &Directory) {
    let mut used = directory.take_used();
    used.sort_unstable_by_key(|(token, _)| *token);
    for batch in used.chunks(500) {
        if let Err(error) = store.touch(batch).await {
            tracing::debug!(%error, "when tokens were used could not be noted");
            return;
        }
    }
}
