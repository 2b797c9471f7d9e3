//! What `serve` does beside everything else: signs of life, the master key's mark, a short log, and what is over is forgotten.
//! Owns nothing.
//! Never in anybody's way: each of it may be late.

use crate::{
    clock::Clock,
    directory::Directory,
    exchange::Exchanges,
    id::ProcessId,
    manage::Management,
    presence::Presence,
    store::{LONGEST_LOG, Store},
    sync::{Pace, retention::Retention},
    vault::Vault,
};
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, task::JoinSet, time::sleep};

const EVERY: Duration = Duration::from_secs(1);

pub fn begin(tasks: &mut JoinSet<()>, runtime: &Handle, (store, vault): (&Store, &Arc<Vault>), process: ProcessId) {
    tasks.spawn_on(keep_keys(Arc::clone(vault), store.clone(), process), runtime);
    tasks.spawn_on(keep_log_short(store.clone()), runtime);
}

/// Says which master key is at hand, so that nothing is sealed under one that this process lacks; and where that happened
/// all the same, opens what it could not as soon as the key is there.
async fn keep_keys(vault: Arc<Vault>, store: Store, process: ProcessId) {
    const AGAIN: u32 = 10;
    let (mut said, mut ago) = (String::new(), 0);
    loop {
        sleep(EVERY).await;
        if vault.is_behind()
            && let Ok(()) = vault.reload().await
        {
            tracing::info!(event = "keys.back", "the store's keys are open again");
        }
        let Ok(mark) = vault.master_mark() else { continue };
        ago += 1;
        if (mark != said || ago >= AGAIN) && store.say_master_key(process, &mark).await.is_ok() {
            (said, ago) = (mark, 0);
        }
    }
}

/// SQLite's log grows while readers follow closely upon each other; somebody has to find a gap.
async fn keep_log_short(store: Store) {
    const FAR_TOO_LONG: u64 = 16 * LONGEST_LOG;
    let mut told = false;
    loop {
        sleep(EVERY).await;
        match store.fold_log().await {
            Ok(length) if length > FAR_TOO_LONG => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(
                        event = "store.log_too_long",
                        length,
                        "the store's log cannot be folded in: something has been reading for very long"
                    );
                }
            }
            Ok(_) => told = false,
            Err(error) => tracing::debug!(%error, "the store's log could not be folded in"),
        }
    }
}

/// Says that this process lives, and does what is its turn.
pub async fn keep_presence(presence: Arc<Presence>, pace: Arc<Pace>) {
    presence.keep(&*pace).await;
}

/// Takes away what of the audit trail is older than the operator wants it kept.
pub async fn keep_trail(parts: (Store, Arc<Vault>, Clock), presence: Arc<Presence>, keep: Option<Duration>) {
    let (store, vault, clock) = parts;
    if let Some(keep) = keep {
        Retention { store, vault, clock, presence, keep }.run().await;
    }
}

/// Forgets access tokens that nobody uses, and renews the keys that sign Bellhop's own, once there are any.
pub async fn keep_tokens(exchanges: Arc<Exchanges>, vault: Arc<Vault>, clock: Clock) {
    loop {
        sleep(Duration::from_secs(600)).await;
        exchanges.sweep();
        if !vault.signing().is_empty()
            && let Err(error) = vault.keep_signing_keys(clock.now()).await
        {
            tracing::warn!(event = "signing_keys.not_renewed", %error, "the keys that sign tokens could not be renewed");
        }
    }
}

/// Forgets sessions, links and answers that are over; none of them opens anything before that either.
pub async fn keep_sessions(management: Arc<Management>) {
    loop {
        sleep(Duration::from_secs(600)).await;
        if let Err(error) = management.sweep_sessions().await {
            tracing::debug!(%error, "sessions that are over could not be forgotten");
        }
        if let Err(error) = management.sweep_answers().await {
            tracing::debug!(%error, "answers that are over could not be forgotten");
        }
    }
}

/// "Last used" is for people: a minute late is early enough.
pub async fn note_uses(store: Store, directory: Arc<Directory>) {
    loop {
        sleep(Duration::from_secs(20)).await;
        write_uses(&store, &directory).await;
    }
}

pub async fn write_uses(store: &Store, directory: &Directory) {
    let mut used = directory.take_used();
    used.sort_unstable_by_key(|(token, _)| *token);
    for batch in used.chunks(500) {
        if let Err(error) = store.touch(batch).await {
            tracing::debug!(%error, "when tokens were used could not be noted");
            return;
        }
    }
}
