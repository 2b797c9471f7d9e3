//! Signs of life for a service manager that ends a process which gives none.
//! Owns nothing.
//! Never gives one while a core does not answer: a process that only seems to be alive is the reason for all of this.

use super::{cores::SignsOfLife, systemd::Manager};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// Until the runtime ends.
pub async fn show_life(manager: Arc<Manager>, cores: SignsOfLife) {
    let Some(every) = manager.watchdog else { return };
    let mut turns = interval((every / 3).max(Duration::from_millis(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_missed = false;
    loop {
        turns.tick().await;
        let is_alive = cores.are_all_there();
        if is_alive {
            manager.alive();
        } else if !is_missed {
            tracing::error!(
                event = "core.stuck",
                "a data-plane thread does not answer: the service manager gets no sign of life"
            );
        }
        is_missed = !is_alive;
    }
}
