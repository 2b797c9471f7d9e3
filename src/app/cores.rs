//! The data-plane threads: each a single-threaded runtime with its own listeners, pool and caches.
//! Owns the threads and tells them to drain.
//! Never shares a connection between two of them: work that moves between cores costs more than it spreads.

use crate::proxy::{Core, Entry, Shared, accept};
use std::{
    io,
    net::TcpListener,
    sync::Arc,
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::LocalSet, time::sleep};

pub struct Cores {
    threads: Vec<JoinHandle<()>>,
    end: watch::Sender<Option<Duration>>,
}

impl Cores {
    pub fn start(shared: &Arc<Shared>, sockets: Vec<Vec<(Entry, TcpListener)>>) -> io::Result<Self> {
        let (end, _) = watch::channel(None);
        let threads = sockets.into_iter().enumerate().map(|(number, sockets)| {
            let (shared, ended) = (Arc::clone(shared), end.subscribe());
            // Made here, so that a process that may have no more of them fails to start instead of serving on fewer cores.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let work = move || LocalSet::new().block_on(&runtime, run(shared, number, sockets, ended));
            Builder::new().name(format!("bellhop-{number}")).spawn(work)
        });
        Ok(Self { threads: threads.collect::<io::Result<_>>()?, end })
    }

    /// Ends all cores, each when nothing is under way on it any more, or at the deadline.
    pub fn drain(self, deadline: Duration) {
        self.end.send_replace(Some(deadline));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!(event = "core.panicked", "a data-plane thread had panicked");
            }
        }
    }
}

async fn run(
    shared: Arc<Shared>,
    number: usize,
    sockets: Vec<(Entry, TcpListener)>,
    mut ended: watch::Receiver<Option<Duration>>,
) {
    let core = Core::new(shared, number);
    for (entry, socket) in sockets {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => {
                tokio::task::spawn_local(accept(core.clone(), listener, entry));
            }
            Err(error) => tracing::error!(event = "listener.lost", %error, "a listener could not be taken over"),
        }
    }
    let watching = core.clone();
    tokio::task::spawn_local(async move { watching.watch_streams().await });
    let deadline = loop {
        if let Some(deadline) = *ended.borrow_and_update() {
            break deadline;
        }
        tokio::select! {
            changed = ended.changed() => if changed.is_err() { break Duration::ZERO },
            () = sleep(Duration::from_secs(15)) => core.prune(),
        }
    };
    core.drain.begin();
    let until = Instant::now() + deadline;
    while core.is_serving() && Instant::now() < until {
        sleep(Duration::from_millis(10)).await;
    }
}
