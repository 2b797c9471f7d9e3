//! Who serves from the store that is configured here, and how soon each of them follows what is changed in it.
//! Owns nothing; what they say of themselves stands in the store.
//! Never opens the store to write, nor changes its schema.

use super::Finding;
use crate::{
    app::address,
    cli::{Console, Failure, console::Form, wait_for},
    config::Sources,
    store::{Outlook, Running, Store},
};
use serde::Serialize;

/// Longer than this a revoked token is to work nowhere.
const SOON: i64 = 5_000;

#[derive(Serialize)]
pub struct Replica {
    host: String,
    version: String,
    seen: String,
    /// The longest that one of the last changes took to be in force there.
    in_force_within: String,
    /// Changes that it has not followed.
    behind: i64,
}

/// What is found, where this machine has a store; a process that cannot be asked about is a finding, too.
pub fn look(sources: &Sources) -> Result<(Vec<Replica>, Vec<Finding>), Failure> {
    let Ok(loaded) = sources.load() else { return Ok((Vec::new(), Vec::new())) };
    let config = loaded.config;
    if config.store.url.is_none() && !config.data_dir.join("bellhop.db").exists() {
        return Ok((Vec::new(), Vec::new()));
    }
    let outlook = wait_for(async { Ok(Store::outlook(&address(&config)?).await) })?;
    let Outlook { processes, head, .. } = match outlook {
        Ok(outlook) => outlook,
        Err(error) => return Ok((Vec::new(), vec![unreachable(&error.to_string())])),
    };
    let slow = processes.iter().filter(|process| process.lag.is_some_and(|lag| lag > SOON)).map(slow);
    Ok((processes.iter().map(|process| Replica::new(process, head)).collect(), slow.collect()))
}

pub fn tell(replicas: &[Replica], form: Form, console: &mut Console<'_>) {
    if !replicas.is_empty() {
        console.say(format_args!("\nServing from the store that is configured here:\n"));
        console.table(form, &["host", "version", "seen", "in_force_within", "behind"], replicas);
    }
}

impl Replica {
    fn new(process: &Running, head: i64) -> Self {
        let unsaid = || "-".to_owned();
        Self {
            host: process.host.clone().unwrap_or_else(unsaid),
            version: process.version.clone().unwrap_or_else(unsaid),
            seen: format!("{} s ago", process.silent.max(0) / 1000),
            in_force_within: process.lag.map_or_else(unsaid, |lag| format!("{lag} ms")),
            behind: process.followed.map_or(0, |followed| (head - followed).max(0)),
        }
    }
}

fn slow(process: &Running) -> Finding {
    let (host, lag) = (process.host.as_deref().unwrap_or_default(), process.lag.unwrap_or_default());
    Finding::variable(
        host,
        None,
        format!("a change took {lag} ms to be in force there: for so long a revoked token worked"),
        "see bellhop_change_lag_seconds and bellhop_follower_failures_total of its /metrics",
    )
    .minor()
}

fn unreachable(problem: &str) -> Finding {
    let remedy = "nobody who is not known already is served until it can be";
    Finding::variable("store.url", None, format!("who serves cannot be asked: {problem}"), remedy).minor()
}
