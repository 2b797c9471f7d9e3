//! The end of a core, in two steps: told to everybody who serves a connection or a stream on it.
//! Owns how far it has come, and the wakers of those who wait.
//! Never cuts anything itself.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Looking costs a load: a connection does it at each of its turns.
#[derive(Default)]
pub struct Drain {
    at: Cell<Stage>,
    waiting: RefCell<HashMap<u64, Waker>>,
    next: Cell<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Stage {
    #[default]
    Serving,
    /// Nothing new: what is under way is finished, and each connection ends with it.
    Finishing,
    /// Whatever can be asked for again has had its time. What may have cost something is still awaited.
    Cutting,
}

impl Drain {
    pub fn advance(&self, to: Stage) {
        if self.at.get() >= to {
            return;
        }
        self.at.set(to);
        // Whoever waits for a later step looks, and waits on.
        self.waiting.borrow().values().for_each(Waker::wake_by_ref);
    }

    pub fn has_begun(&self) -> bool {
        self.at.get() >= Stage::Finishing
    }

    pub fn is_cutting(&self) -> bool {
        self.at.get() >= Stage::Cutting
    }

    /// Ends when it has come so far; whoever waits is woken at each step on the way.
    pub const fn until(&self, stage: Stage) -> Until<'_> {
        Until { drain: self, stage, key: None }
    }

    /// Wakes this task at each step, until it is forgotten. A task keeps its waker for life on a `LocalSet`.
    pub fn register(&self, cx: &Context<'_>) -> u64 {
        let key = self.next.get();
        self.next.set(key + 1);
        self.waiting.borrow_mut().insert(key, cx.waker().clone());
        key
    }

    pub fn forget(&self, key: u64) {
        self.waiting.borrow_mut().remove(&key);
    }
}

pub struct Until<'d> {
    drain: &'d Drain,
    stage: Stage,
    key: Option<u64>,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.drain.at.get() >= self.stage {
            return Poll::Ready(());
        }
        if self.key.is_none() {
            self.key = Some(self.drain.register(cx));
        }
        Poll::Pending
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.drain.forget(key);
        }
    }
}
