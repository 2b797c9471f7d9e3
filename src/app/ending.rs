//! The end of a process, in order: not ready, nothing new, what is under way, what is left to write down.
//! Owns the order.
//! Never ends the admin listener before the last caller has been answered: it says how far this has come.

use super::{App, upkeep::write_uses};
use crate::{admin, proxy::Queue};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::timeout;

/// Why a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    Told,
    /// Another process listens at the same sockets.
    TakenOver,
}

/// For each thing that is left to do once no caller is there any more.
const LAST: Duration = Duration::from_secs(5);

impl App {
    /// Stops accepting, lets what is under way finish, and then cuts.
    pub fn drain(self) {
        self.end(Why::Told);
    }

    pub(super) fn end(mut self, why: Why) {
        let drain = &self.config.drain;
        tracing::info!(event = "drain.begin", handed_over = why == Why::TakenOver, "draining");
        let delay = if why == Why::Told { drain.delay } else { Duration::ZERO };
        self.standing.manager.stopping(delay + drain.deadline + 4 * LAST, "Finishing what is under way");
        self.admin.draining.store(true, Ordering::Relaxed);
        self.standing.leave();
        std::thread::sleep(delay);
        let queue = match why {
            Why::Told => Queue::Emptied,
            Why::TakenOver => Queue::Left,
        };
        if why == Why::TakenOver {
            self.admin_stage.send_replace(admin::Stage::Leaving);
        }
        let Self {
            control,
            mut tasks,
            admin_listener,
            admin_stage,
            cores,
            admin,
            jobs,
            presence,
            checkpoints,
            store,
            config,
            ..
        } = self;
        cores.drain(&config.drain, queue);
        control.block_on(async {
            admin_stage.send_replace(admin::Stage::Ending);
            let _ = timeout(LAST, admin_listener).await;
            write_uses(&store, &admin.directory).await;
            // The follower keeps a connection, and closing waits for all of them.
            tasks.shutdown().await;
            jobs.finish().await;
            let _ = timeout(LAST, presence.end()).await;
            let _ = timeout(LAST, checkpoints.write()).await;
            let _ = timeout(LAST, store.close()).await;
        });
        control.shutdown_timeout(Duration::from_secs(1));
        tracing::info!(event = "drain.end", "ended");
    }
}
