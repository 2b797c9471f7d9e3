//! What a request asks whether it is within a rate, and what it waits with where only the store knows.
//! Owns the cells, who of them want to be filled, and whether the store can be reached.
//! Never refuses by what it does not know: the store said lately that there is nothing, or this process's share is used up.

use super::{
    cell::{Cell, Nanos, SECOND, Share, Subject, TICK, nanos},
    cells::Cells,
    reserve::{Asking, Taken, Urgency},
};
use crate::{
    config::Rate,
    store::{RateAnswer, RateAsk},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout_at},
};

/// As long as a request waits for the store's answer. After that its process decides by itself.
const PATIENCE: Duration = Duration::from_millis(250);
/// Between two questions to the store, when nobody waits or soon will.
const AT_LEISURE: Nanos = SECOND;
/// And when the last was not answered.
const AGAIN: Nanos = SECOND / 2;
/// Limits in one question.
const AT_ONCE: usize = 500;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Passes,
    /// There is nothing for this long.
    Over(Duration),
    /// The store has to be asked: [`Rates::wait`].
    Unknown,
}

pub struct Rates {
    started: Instant,
    /// Whether processes on other machines may use the store, too.
    shared: bool,
    processes: Arc<AtomicU32>,
    cells: Cells,
    queue: Mutex<Queue>,
    /// Since when the store cannot be reached; 0: it can.
    lost: AtomicU64,
    /// Somebody wants something, for the task that fills.
    pub(super) wanted: Notify,
    /// The store has answered, or it has not.
    answered: Notify,
}

/// Cells that want to be filled, each once, and the most urgent wish among them.
#[derive(Default)]
struct Queue {
    cells: Vec<Arc<Cell>>,
    urgency: Option<Urgency>,
}

/// Where limits are kept now.
enum Way {
    Alone,
    Leasing,
    Lost(Nanos),
}

/// A question to the store that is under way.
pub(super) struct Round {
    pub at: Nanos,
    pub asks: Vec<RateAsk>,
    /// In the order of what they ask.
    cells: Vec<Arc<Cell>>,
}

impl Rates {
    pub fn new(shared: bool, processes: Arc<AtomicU32>) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            shared,
            processes,
            cells: Cells::default(),
            queue: Mutex::default(),
            lost: AtomicU64::new(0),
            wanted: Notify::new(),
            answered: Notify::new(),
        })
    }

    /// To be held for as long as it is used: it is found once.
    pub fn of(&self, subject: Subject, rate: Rate) -> Arc<Cell> {
        self.cells.of(subject, rate, self.now())
    }

    /// Takes one, without waiting.
    pub fn take(&self, cell: &Arc<Cell>, arrived: Instant) -> Verdict {
        self.take_at(cell, self.nanos(arrived))
    }

    pub(super) fn take_at(&self, cell: &Arc<Cell>, now: Nanos) -> Verdict {
        match self.way() {
            Way::Alone => own(cell, Share::ALL, now),
            Way::Leasing => match cell.take_leased() {
                Taken::One => Verdict::Passes,
                Taken::Low(urgency) => {
                    self.ask(cell, urgency);
                    Verdict::Passes
                }
                Taken::Nothing => cell.nothing_for(now).map_or(Verdict::Unknown, Verdict::Over),
            },
            Way::Lost(since) => {
                // So that it is noticed when the store is back, and the store hears what was used up.
                self.ask(cell, Urgency::Later);
                match cell.take_leased() {
                    Taken::Nothing => own(cell, cell.share(since, self.processes()), now),
                    _ => Verdict::Passes,
                }
            }
        }
    }

    /// Takes one as soon as the store says that there is one. Who cannot get one by its next answer is refused at once.
    pub async fn wait(&self, cell: &Arc<Cell>) -> Result<(), Duration> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let since = self.now();
        let _waiting = cell.reserve.wait();
        loop {
            let mut answered = std::pin::pin!(self.answered.notified());
            // Before it is looked: an answer that comes in between wakes it, too.
            answered.as_mut().enable();
            let now = self.now();
            match self.take_or_ask(cell, since, now) {
                Verdict::Passes => return Ok(()),
                Verdict::Over(wait) => return Err(wait),
                Verdict::Unknown => {}
            }
            if timeout_at(until, answered).await.is_err() {
                return cell.take_own(cell.share(now, self.processes()), self.now());
            }
        }
    }

    /// For who waits since then, and is among those who are counted as waiting.
    pub(super) fn take_or_ask(&self, cell: &Arc<Cell>, since: Nanos, now: Nanos) -> Verdict {
        let verdict = self.take_at(cell, now);
        if verdict != Verdict::Unknown {
            return verdict;
        }
        if cell.was_dry_since(since) || cell.is_hopeless(now) {
            return Verdict::Over(Duration::from_nanos(TICK));
        }
        self.ask(cell, Urgency::Soon);
        Verdict::Unknown
    }

    fn ask(&self, cell: &Arc<Cell>, urgency: Urgency) {
        let asking = cell.reserve.ask(urgency);
        if asking == Asking::Known {
            return;
        }
        let mut queue = self.queue();
        if asking == Asking::First {
            queue.cells.push(Arc::clone(cell));
        }
        queue.urgency = queue.urgency.max(Some(urgency));
        drop(queue);
        self.wanted.notify_one();
    }

    /// When the store is to be asked again, after it was asked at `last`; `None` while nobody wants anything.
    pub(super) fn due(&self, last: Nanos) -> Option<Nanos> {
        let urgency = self.queue().urgency?;
        Some(
            last + match (self.way(), urgency) {
                (Way::Lost(_), _) => AGAIN,
                (_, Urgency::Later) => AT_LEISURE,
                // Not always the same: of those who ask in step, one would always come first and take all that there is.
                (_, Urgency::Soon) => TICK - TICK / 5 + last % (TICK / 5 * 2),
            },
        )
    }

    /// What is wanted, for the store; what it is asked for next time is collected from here on.
    pub(super) fn begin(&self, now: Nanos) -> Round {
        let mut queue = self.queue();
        let rest = queue.cells.len().min(AT_ONCE);
        let mut cells: Vec<Arc<Cell>> = queue.cells.drain(..rest).collect();
        queue.urgency = queue.urgency.filter(|_| !queue.cells.is_empty());
        drop(queue);
        if matches!(self.way(), Way::Alone) {
            cells.drain(..).for_each(|cell| {
                cell.reserve.look();
            });
            self.answered.notify_waiters();
        }
        let processes = self.processes();
        let mut asks: Vec<_> = cells.into_iter().map(|cell| (cell.prepare(now, processes), cell)).collect();
        asks.sort_by(|(one, _), (other, _)| one.key.cmp(&other.key));
        // After a change of the rate there may be two of one key for a moment.
        asks.dedup_by(|(later, cell), (first, _)| {
            let same = later.key == first.key;
            if same {
                self.ask(cell, Urgency::Soon);
            }
            same
        });
        let (asks, cells) = asks.into_iter().unzip();
        Round { at: now, asks, cells }
    }

    /// What the store answered; `None` if it did not. Which cells are to be looked after from now on.
    pub(super) fn end(&self, round: Round, answers: Option<Vec<RateAnswer>>) -> Vec<Arc<Cell>> {
        let (at, processes) = (round.at, self.processes());
        self.lost.store(if answers.is_some() { 0 } else { self.lost_since(at) }, Release);
        let answers = answers.into_iter().flatten().map(|answer| (answer.key.clone(), answer));
        let mut answers: HashMap<_, _> = answers.collect();
        let mut watched = Vec::new();
        for (cell, ask) in round.cells.into_iter().zip(round.asks) {
            match answers.remove(&ask.key) {
                Some(answer) if cell.settle(at, &answer, processes) => watched.push(cell),
                Some(_) => {}
                None => self.ask(&cell, Urgency::Later),
            }
        }
        self.answered.notify_waiters();
        watched
    }

    fn lost_since(&self, now: Nanos) -> Nanos {
        match self.lost.load(Acquire) {
            0 => now.max(1),
            since => since,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Acquire) != 0
    }

    fn way(&self) -> Way {
        if !self.shared && self.processes() == 1 {
            return Way::Alone;
        }
        match self.lost.load(Acquire) {
            0 => Way::Leasing,
            since => Way::Lost(since),
        }
    }

    pub(super) fn processes(&self) -> u32 {
        self.processes.load(Relaxed).max(1)
    }

    pub(super) fn now(&self) -> Nanos {
        self.nanos(Instant::now())
    }

    fn nanos(&self, at: Instant) -> Nanos {
        nanos(at.saturating_duration_since(self.started))
    }

    /// Sleeps until then.
    pub(super) async fn until(&self, at: Nanos) {
        sleep(Duration::from_nanos(at.saturating_sub(self.now()))).await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Whoever panicked left a queue that is whole: each change is one step.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn own(cell: &Cell, share: Share, now: Nanos) -> Verdict {
    cell.take_own(share, now).map_or_else(Verdict::Over, |()| Verdict::Passes)
}
