//! `bellhop demo`: the whole thing on one machine, with a stand-in for the provider, and a tour that can be pasted.
//! Owns a folder, the stand-in and a running Bellhop, and takes all three down when it ends.
//! Reads no configuration, and talks to nobody outside of this machine.

mod folder;
mod furnish;
mod standin;
mod tour;

use super::{Console, Failure, wait_for};
use crate::{
    app::App,
    config::{Config, LogLevel, Origin, Protocol, ProviderConfig, Sources, Upstream},
    telemetry::log::Logging,
};
use clap::Args;
use folder::Folder;
use furnish::{Keys, furnish};
use standin::Standin;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tour::Tour;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bellhop demo\n  bellhop demo --check && echo it works")]
pub struct Demo {
    /// Keep everything in this folder, which must be empty; without it, in a temporary one that is removed at the end
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// The proxy's port; without it, any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Take the tour instead of printing it: say what each step saw, and exit 0 if it was right and 1 if not
    #[arg(long)]
    check: bool,
}

impl Demo {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        if sources.file.is_some() || !sources.flags.is_empty() {
            return Err(Failure::usage(
                "a demo reads no configuration: --dir says where it keeps things, --port where it listens",
            ));
        }
        let mut config = Config::default();
        config.log.level = LogLevel::Warn;
        Logging::start(&config.log).map_err(|error| Failure::failed(error.to_string()))?;
        let folder = Folder::open(self.dir.as_deref())?;
        let keys = Keys::generate()?;
        let standin = Standin::start(keys.clone())
            .map_err(|error| Failure::failed(format!("cannot start the stand-in provider: {error}")))?;
        let config = installation(config, folder.path(), self.port, standin.address());
        let tokens = wait_for(furnish(&config, &keys))?;
        let app = App::start(config)?;
        let tour = Tour::new(app.addresses.proxy, tokens, &standin);
        let ended = if self.check {
            wait_for(tour.check(console))
        } else {
            wait_for(async {
                tour.print(&app.addresses, &folder, console).await?;
                until_told_to_end().await
            })
        };
        app.drain();
        ended
    }
}

/// The defaults, on free ports of this machine, with the stand-in in the place of IonQ.
fn installation(config: Config, folder: &Path, port: u16, standin: SocketAddr) -> Config {
    let mut config = config;
    config.data_dir = folder.into();
    config.listen.proxy = (Ipv4Addr::LOCALHOST, port).into();
    config.listen.admin = (Ipv4Addr::LOCALHOST, 0).into();
    config.drain.deadline = Duration::from_secs(2);
    let host = standin.ip().to_string().into();
    let origin = Origin { protocol: Protocol::Http, host, port: standin.port() };
    let ionq =
        ProviderConfig { upstream: Some(Upstream::One(origin)), allow_private: true, ..ProviderConfig::default() };
    config.providers.insert("ionq".into(), ionq);
    config
}

async fn until_told_to_end() -> Result<(), Failure> {
    let cannot = |error| Failure::failed(format!("cannot wait for a signal: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
