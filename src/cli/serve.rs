//! `bellhop serve`: the proxy itself.
//! Owns nothing but the way into `app`.
//! Never returns before what was under way has been finished or cut.

use super::Failure;
use crate::{app, config::Sources, telemetry::log::Logging};
use clap::Args;

#[derive(Args, Debug)]
#[command(
    after_help = "SIGTERM and Ctrl-C end it after what is under way; SIGHUP reads the configuration again, all or nothing.\n\
    Once it listens, it logs one line with the message `listening` and its addresses, at every log level."
)]
pub struct Serve {
    /// Take the place of the Bellhop that runs with the same `data_dir` and `listen.proxy`: it hands over its listeners
    /// and ends, and no caller is refused. Without one, this is an ordinary start
    #[arg(long)]
    take_over: bool,
}

pub fn run(serve: &Serve, sources: &Sources) -> Result<(), Failure> {
    let log = Logging::start(&sources.load()?.config.log).map_err(|error| Failure::failed(error.to_string()))?;
    let place = if serve.take_over { app::Place::TakenOver } else { app::Place::Free };
    Ok(app::serve(sources, &log, place)?)
}
