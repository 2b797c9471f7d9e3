//! The composition root: puts the parts together, runs them, and ends them in order.
//! Owns the threads: one runtime for the store, the follower and the admin listener, and one per data-plane core.
//! Imported by the command line alone.

mod cores;
mod ending;
mod ends;
mod error;
mod handover;
mod open;
mod parts;
mod place;
mod setup;
mod sockets;
mod systemd;
mod tls;
mod upkeep;
mod watchdog;

pub use error::AppError;
pub use open::{address, catalog, issuer, master_source, source_reader, store};
pub use place::Place;

use crate::{
    admin::{self, Admin, Bound},
    clock::Clock,
    config::{Config, Sources},
    hook::{Hooks, Post},
    jobs::{Ground, Jobs},
    limits::{Leaser, Rates, sweep},
    manage::Current,
    presence::Presence,
    proxy::{Machines, Settings, Shared},
    scheme::minted::Minter,
    source::Sources as LiveSources,
    store::Store,
    sync::{census::Counting, checkpoint::Checkpoints},
    telemetry::{log::Logging, metrics::Listener, process::Began},
};
use cores::Cores;
use ending::Why;
use parts::{begin_exchanges, begin_following, follow_jobs, open_directory, open_management, open_store};
use place::{Standing, Surroundings};
use sockets::Sockets;
use std::{
    collections::BTreeMap,
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::AtomicBool},
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// A running Bellhop.
pub struct App {
    control: Runtime,
    /// What runs beside the data plane until the end.
    tasks: JoinSet<()>,
    admin_listener: JoinHandle<()>,
    admin_stage: watch::Sender<admin::Stage>,
    cores: Cores,
    standing: Standing,
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

/// Runs until SIGTERM or SIGINT, or until a successor has taken over, and then drains; SIGHUP reloads.
pub fn serve(sources: &Sources, log: &Logging, place: Place) -> Result<(), AppError> {
    let config = sources.load()?.config;
    let surroundings = Surroundings::of_environment(&config, place)?;
    let mut app = App::start_in(config, surroundings)?;
    // Before anybody is told that it listens: who is told may end it at once.
    let signals = Signals::register(&app.control).map_err(AppError::Threads)?;
    app.standing.take(&app.config, &app.control, &mut app.tasks);
    log.listening(app.addresses.proxy, app.addresses.admin, &app.addresses.providers);
    app.standing.manager.ready(&app.addresses);
    let why = app.control.block_on(app.until_told_to_end(signals, sources, log));
    app.end(why);
    Ok(())
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serving at {}, managed at {}", self.proxy, self.admin)
    }
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
    pub fn start(config: Config) -> Result<Self, AppError> {
        Self::start_in(config, Surroundings::default())
    }

    /// Everything is opened and bound before the first request is accepted.
    fn start_in(config: Config, surroundings: Surroundings) -> Result<Self, AppError> {
        let began = Began::default();
        let control = control_runtime().map_err(AppError::Threads)?;
        let settings = Settings::new(&config, catalog(&config)?)?;
        let tls = config.tls.as_ref().map(tls::for_callers).transpose()?;
        let admin_tls = config.admin_tls.as_ref().map(tls::for_callers).transpose()?;
        let clock = Clock::system();
        let (store, vault) = control.block_on(open_store(&config, &clock))?;
        let sources = LiveSources::new(source_reader(&config, &clock)?, control.handle().clone());
        let directory = open_directory((&store, &vault, &sources), &clock, &control, config.store.max_stale);
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
        let exchanges = begin_exchanges(&store, &vault, &control, &clock);
        if config.jobs.follow {
            follow_jobs(&config, Arc::clone(&jobs), ground, Arc::clone(&exchanges))?;
        }
        let parts = (store.clone(), Arc::clone(&vault), clock.clone());
        let hooks = Hooks::new(parts.clone(), Arc::clone(&presence), Post::new(&config.webhooks)?);
        let rates = Rates::new(store.is_shared(), presence.living());
        let machines = Machines {
            directory: Arc::clone(&directory),
            jobs: Arc::clone(&jobs),
            exchanges: Arc::clone(&exchanges),
            refusals: hooks.refusals(),
            rates: Arc::clone(&rates),
            minter: Minter::new(Arc::clone(&vault), control.handle().clone()),
        };
        let shared = Shared::new(settings, machines, clock.clone());
        tls::put_in_force(&shared, tls);
        let (sockets, standing) = surroundings.listen(&config, workers(&config))?;
        let addresses = sockets.addresses();
        let management = open_management(&config, (store.clone(), Arc::clone(&vault)), &exchanges, &clock)?;
        if let Err(error) = control.block_on(setup::offer(&management, &config, addresses.admin)) {
            tracing::error!(event = "setup.not_asked", %error, "whether there is a user yet could not be asked");
        }
        let admin = Arc::new(Admin {
            began,
            directory,
            store: store.clone(),
            presence: Arc::clone(&presence),
            counting: Counting::new(store.clone(), clock.clone()),
            exchanges: Arc::clone(&exchanges),
            metrics: Arc::clone(&shared.metrics),
            jobs: Arc::clone(&jobs),
            sources,
            hooks: Arc::clone(&hooks),
            pace: Arc::clone(&pace),
            management,
            failed_lookups: config.limits.failed_lookups,
            secure: setup::is_secure(&config),
            bound: Bound { proxy: addresses.proxy, providers: addresses.providers.clone() },
            draining: AtomicBool::new(false),
        });
        let Sockets { admin: admin_socket, cores: core_sockets, .. } = sockets;
        let mut tasks = JoinSet::new();
        tasks.spawn_on(follower.run(), control.handle());
        tasks.spawn_on(upkeep::keep_presence(Arc::clone(&presence), pace), control.handle());
        let (admin_listener, admin_stage) =
            serve_admin(&control, &admin, (admin_socket, admin_tls)).map_err(AppError::Threads)?;
        tasks.spawn_on(Arc::clone(&jobs).keep(signer), control.handle());
        keep(&admin, &mut tasks, control.handle());
        tasks.spawn_on(Leaser::new(rates, store.clone()).keep(), control.handle());
        tasks.spawn_on(sweep(store.clone(), Arc::clone(&presence)), control.handle());
        let checkpoints = Checkpoints::new(store.clone(), Arc::clone(&vault), clock.clone(), &config.data_dir);
        tasks.spawn_on(Arc::clone(&checkpoints).keep(), control.handle());
        tasks.spawn_on(upkeep::keep_trail(parts, Arc::clone(&presence), config.audit.keep), control.handle());
        upkeep::begin(&mut tasks, control.handle(), (&store, &vault), presence.process());
        tasks.spawn_on(upkeep::keep_tokens(exchanges, vault, clock), control.handle());
        if let Some(files) = config.tls.clone() {
            tasks.spawn_on(tls::follow_files(files, Arc::clone(&shared)), control.handle());
        }
        let cores = Cores::start(&shared, core_sockets).map_err(AppError::Threads)?;
        control.spawn(watchdog::show_life(Arc::clone(&standing.manager), cores.signs_of_life()));
        Ok(Self {
            control,
            tasks,
            admin_listener,
            admin_stage,
            cores,
            standing,
            shared,
            admin,
            jobs,
            presence,
            checkpoints,
            hooks,
            store,
            config,
            addresses,
        })
    }

    async fn until_told_to_end(&self, mut signals: Signals, sources: &Sources, log: &Logging) -> Why {
        loop {
            tokio::select! {
                _ = signals.term.recv() => return Why::Told,
                _ = signals.int.recv() => return Why::Told,
                () = self.standing.is_taken_over() => return Why::TakenOver,
                _ = signals.hup.recv() => {
                    self.standing.manager.reloading();
                    match self.reload(sources, log) {
                        Ok(()) => {
                            tracing::info!(event = "reload.done", "reloaded");
                            self.standing.manager.ready(&self.addresses);
                        }
                        Err(error) => {
                            self.standing.manager.ready(format_args!("{}; not reloaded: {error}", self.addresses));
                            tracing::error!(event = "reload.failed", %error, "not reloaded: what was in force stays in force");
                        }
                    }
                }
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
            ("drain", old.drain == new.drain),
            ("log.format", old.log.format == new.log.format),
        ];
        for (key, _) in same.iter().filter(|(_, same)| !same) {
            tracing::warn!(event = "reload.needs_restart", key, "this key takes effect at the next start");
        }
    }
}

/// What the admin listener tells about, and shows, is kept as long as the process runs.
fn keep(admin: &Arc<Admin>, tasks: &mut JoinSet<()>, runtime: &Handle) {
    tasks.spawn_on(Arc::clone(&admin.counting).keep(), runtime);
    tasks.spawn_on(Arc::clone(&admin.hooks).keep(), runtime);
    tasks.spawn_on(Arc::clone(&admin.sources).keep_fresh(admin.store.clone(), admin.jobs.process()), runtime);
    tasks.spawn_on(upkeep::note_uses(admin.store.clone(), Arc::clone(&admin.directory)), runtime);
    tasks.spawn_on(upkeep::keep_sessions(Arc::clone(&admin.management)), runtime);
}

fn control_runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).thread_name("bellhop-store").enable_all().build()
}

/// Apart from what else runs there: it ends later, and in order.
fn serve_admin(
    control: &Runtime,
    admin: &Arc<Admin>,
    (socket, certificate): (TcpListener, Option<tls::Certificate>),
) -> io::Result<(JoinHandle<()>, watch::Sender<admin::Stage>)> {
    let _inside = control.enter();
    admin.metrics.certificate(Listener::Admin, certificate.as_ref().and_then(|certificate| certificate.ends));
    let tls = certificate.map(|certificate| certificate.config);
    let listener = tokio::net::TcpListener::from_std(socket)?;
    let (stage, told) = watch::channel(admin::Stage::Serving);
    Ok((control.spawn(admin::serve(Arc::clone(admin), listener, tls, told)), stage))
}

fn workers(config: &Config) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    config.listen.workers.map_or_else(cores, std::num::NonZero::get)
}
