//! The data-plane threads: each a single-threaded runtime with its own listeners, pool and caches.
//! Owns the threads, tells them to drain, and knows whether they are alive.
//! Never shares a connection between two of them: work that moves between cores costs more than it spreads.

use crate::{
    config::Drain,
    proxy::{Core, Entry, Queue, Shared, Stage, accept},
};
use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::LocalSet,
    time::{interval, sleep},
};

pub struct Cores {
    threads: Vec<JoinHandle<()>>,
    told: watch::Sender<Told>,
    beats: Arc<[AtomicU64]>,
}

/// What all cores are told.
#[derive(Clone, Default)]
struct Told {
    /// Asks for a sign of life: each core shows this number.
    beat: u64,
    end: Option<(Drain, Queue)>,
}

/// How often connections to providers that nobody uses are looked for.
const PRUNE: Duration = Duration::from_secs(15);
/// For what is cut to be told so.
const PARTING: Duration = Duration::from_millis(250);

impl Cores {
    pub fn start(shared: &Arc<Shared>, sockets: Vec<Vec<(Entry, TcpListener)>>) -> io::Result<Self> {
        let (told, _) = watch::channel(Told::default());
        let beats: Arc<[AtomicU64]> = sockets.iter().map(|_| AtomicU64::new(0)).collect();
        let threads = sockets.into_iter().enumerate().map(|(number, sockets)| {
            let (shared, told) = (Arc::clone(shared), told.subscribe());
            let pulse = Pulse { number, beats: Arc::clone(&beats) };
            // Made here, so that a process that may have no more of them fails to start instead of serving on fewer cores.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let work = move || LocalSet::new().block_on(&runtime, run(shared, pulse, sockets, told));
            Builder::new().name(format!("bellhop-{number}")).spawn(work)
        });
        Ok(Self { threads: threads.collect::<io::Result<_>>()?, told, beats })
    }

    pub fn signs_of_life(&self) -> SignsOfLife {
        SignsOfLife { told: self.told.clone(), beats: Arc::clone(&self.beats) }
    }

    /// Ends all cores, each when nothing is under way on it any more, or at the deadline.
    pub fn drain(self, drain: &Drain, queue: Queue) {
        self.told.send_modify(|told| told.end = Some((drain.clone(), queue)));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!(event = "core.panicked", "a data-plane thread had panicked");
            }
        }
    }
}

/// Asks the cores whether they are alive.
pub struct SignsOfLife {
    told: watch::Sender<Told>,
    beats: Arc<[AtomicU64]>,
}

impl SignsOfLife {
    /// Whether every core has answered since this was last called. One that has ended owes nothing.
    pub fn are_all_there(&self) -> bool {
        let asked = self.told.borrow().beat;
        let all = self.beats.iter().all(|beat| beat.load(Ordering::Relaxed) >= asked);
        self.told.send_modify(|told| told.beat += 1);
        all
    }
}

/// One core's sign of life.
struct Pulse {
    number: usize,
    beats: Arc<[AtomicU64]>,
}

impl Pulse {
    fn beat(&self, number: u64) {
        self.beats[self.number].store(number, Ordering::Relaxed);
    }
}

async fn run(shared: Arc<Shared>, pulse: Pulse, sockets: Vec<(Entry, TcpListener)>, mut told: watch::Receiver<Told>) {
    let core = Core::new(shared, pulse.number);
    let mut accepting = Vec::new();
    for (entry, socket) in sockets {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => accepting.push(tokio::task::spawn_local(accept(core.clone(), listener, entry))),
            Err(error) => tracing::error!(event = "listener.lost", %error, "a listener could not be taken over"),
        }
    }
    let watching = core.clone();
    tokio::task::spawn_local(async move { watching.watch_streams().await });
    let mut prune = interval(PRUNE);
    let (drain, queue) = loop {
        let Told { beat, end } = told.borrow_and_update().clone();
        pulse.beat(beat);
        if let Some(end) = end {
            break end;
        }
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return },
            _ = prune.tick() => core.prune(),
        }
    };
    core.queue.set(queue);
    core.drain.advance(Stage::Finishing);
    for accepting in accepting {
        let _ = accepting.await;
    }
    let began = Instant::now();
    let cut = began + drain.poll.min(drain.deadline);
    let until = began + drain.deadline + PARTING;
    while core.is_serving() && Instant::now() < until {
        if Instant::now() >= cut {
            core.drain.advance(Stage::Cutting);
        }
        pulse.beat(told.borrow().beat);
        sleep(Duration::from_millis(10)).await;
    }
    pulse.beat(u64::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_does_not_answer_is_missed() {
        let beats: Arc<[AtomicU64]> = (0..2).map(|_| AtomicU64::new(0)).collect();
        let (told, heard) = watch::channel(Told::default());
        let signs = SignsOfLife { told, beats: Arc::clone(&beats) };
        assert!(signs.are_all_there(), "nobody was asked yet");

        beats[0].store(heard.borrow().beat, Ordering::Relaxed);
        assert!(!signs.are_all_there(), "one has not answered");

        beats[0].store(heard.borrow().beat, Ordering::Relaxed);
        beats[1].store(u64::MAX, Ordering::Relaxed);
        assert!(signs.are_all_there(), "one has answered, and one has ended");
    }
}
