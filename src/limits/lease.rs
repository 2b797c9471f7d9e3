//! The task that fills the cells: it asks the store for all that want something at once, seldom.
//! Owns the pace: some twenty questions a second where something is at its limit, about one where nothing is, none when
//! nobody asks.
//! Never stands between a request and its answer for longer than that request is willing to wait.

use super::{
    cell::{Cell, Nanos},
    rates::Rates,
};
use crate::{
    presence::{Duty, Presence},
    store::{RateAnswer, RateAsk, Store},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// A store that does not answer for this long is gone.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks for what nobody uses any more.
const SWEEP: Duration = Duration::from_secs(600);

pub struct Leaser {
    rates: Arc<Rates>,
    store: Store,
    /// Cells that have more in reserve than the least.
    full: Vec<Arc<Cell>>,
}

impl Leaser {
    pub const fn new(rates: Arc<Rates>, store: Store) -> Self {
        Self { rates, store, full: Vec::new() }
    }

    /// For as long as the process runs.
    pub async fn keep(mut self) {
        let (mut last, mut trim) = (0, None);
        loop {
            match self.next(last, trim).await {
                Next::Trim => trim = self.trim(),
                Next::Ask => {
                    last = self.rates.now();
                    self.turn(last).await;
                    trim = trim.or_else(|| self.trim());
                }
            }
        }
    }

    async fn next(&self, last: Nanos, trim: Option<Nanos>) -> Next {
        loop {
            let (asking, now) = (self.rates.due(last), self.rates.now());
            if asking.is_some_and(|due| due <= now) {
                return Next::Ask;
            }
            if trim.is_some_and(|due| due <= now) {
                return Next::Trim;
            }
            match asking.into_iter().chain(trim).min() {
                None => self.rates.wanted.notified().await,
                Some(due) => tokio::select! {
                    () = self.rates.until(due) => {}
                    () = self.rates.wanted.notified() => {}
                },
            }
        }
    }

    async fn turn(&mut self, now: Nanos) {
        let round = self.rates.begin(now);
        if round.asks.is_empty() {
            return;
        }
        let was_lost = self.rates.is_lost();
        let answers = lease(&self.store, &round.asks, was_lost).await;
        if answers.is_some() && was_lost {
            tracing::info!(event = "limits.shared", "the store answers again: limits hold for all processes together");
        }
        self.full.extend(self.rates.end(round, answers));
    }

    /// When to look again.
    fn trim(&mut self) -> Option<Nanos> {
        let (now, processes) = (self.rates.now(), self.rates.processes());
        let mut next = None;
        self.full.retain(|cell| {
            let due = cell.trim(now, processes);
            next = due.into_iter().chain(next).min();
            due.is_some()
        });
        next
    }
}

enum Next {
    Ask,
    Trim,
}

async fn lease(store: &Store, asks: &[RateAsk], was_lost: bool) -> Option<Vec<RateAnswer>> {
    let problem = match timeout(PATIENCE, store.lease(asks)).await {
        Ok(Ok(answers)) => return Some(answers),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it does not answer".to_owned(),
    };
    if !was_lost {
        tracing::warn!(
            event = "limits.apart",
            problem,
            "limits cannot be kept in the store: each process keeps to its last share of them"
        );
    }
    None
}

/// Forgets limits that nobody uses, where it is this process's turn; for as long as it runs.
pub async fn sweep(store: Store, presence: Arc<Presence>) {
    loop {
        sleep(SWEEP).await;
        if presence.holds(Duty::Retention).is_some()
            && let Err(error) = store.forget_rates().await
        {
            tracing::debug!(%error, "limits that nobody uses are still in the store");
        }
    }
}
