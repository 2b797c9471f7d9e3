//! What `serve` does beside everything else for the store that it is on: the master key's mark is told, the log kept short.
//! Owns nothing.
//! Never in anybody's way: each of it may be late.

use crate::{
    id::ProcessId,
    store::{LONGEST_LOG, Store},
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
            tracing::info!("the store's keys are open again");
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
