//! The end of a core: told once to everybody who serves a connection on it.
//! Owns the wakers of those who wait.
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
    begun: Cell<bool>,
    waiting: RefCell<HashMap<u64, Waker>>,
    next: Cell<u64>,
}

impl Drain {
    pub fn begin(&self) {
        self.begun.set(true);
        for (_, waker) in self.waiting.borrow_mut().drain() {
            waker.wake();
        }
    }

    pub const fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Ends when the core drains.
    pub const fn begun(&self) -> Begun<'_> {
        Begun { drain: self, key: None }
    }
}

pub struct Begun<'d> {
    drain: &'d Drain,
    key: Option<u64>,
}

impl Future for Begun<'_> {
    type Output = ();

    /// A task keeps its waker for life on a `LocalSet`, so that it is registered once.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.drain.begun.get() {
            return Poll::Ready(());
        }
        if self.key.is_none() {
            let key = self.drain.next.get();
            self.drain.next.set(key + 1);
            self.drain.waiting.borrow_mut().insert(key, cx.waker().clone());
            self.key = Some(key);
        }
        Poll::Pending
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.drain.waiting.borrow_mut().remove(&key);
        }
    }
}
