//! Answers that go on: while one is relayed, its caller's token must stay valid.
//! Owns a lifeline for each stream of its core.
//! Never cuts a stream because the store cannot be asked: that is what `store.max_stale` bounds.

use crate::{clock::Clock, directory::Directory, identity::pat::PatDigest};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

#[derive(Default)]
pub struct Streams(RefCell<Vec<(PatDigest, Weak<Lifeline>)>>);

/// A revoked token's streams end within a second, of which following the store takes a part.
const STEP: Duration = Duration::from_millis(250);

impl Streams {
    pub fn watch(&self, caller: PatDigest) -> Rc<Lifeline> {
        let lifeline = Rc::new(Lifeline::default());
        self.0.borrow_mut().push((caller, Rc::downgrade(&lifeline)));
        lifeline
    }

    pub async fn watch_over(&self, directory: &Arc<Directory>, clock: &Clock) {
        loop {
            tokio::time::sleep(STEP).await;
            self.0.borrow_mut().retain(|(_, lifeline)| lifeline.strong_count() > 0);
            let callers: Vec<PatDigest> = self.0.borrow().iter().map(|(caller, _)| *caller).collect();
            for caller in callers {
                let valid = match directory.caller(caller).await {
                    Ok(holder) => holder.is_some_and(|h| h.holder.expires > clock.now()),
                    Err(_) => directory.staleness() < directory.max_stale(),
                };
                if !valid {
                    self.cut(caller);
                }
            }
        }
    }

    fn cut(&self, caller: PatDigest) {
        for (_, lifeline) in self.0.borrow().iter().filter(|(c, _)| *c == caller) {
            if let Some(lifeline) = lifeline.upgrade() {
                lifeline.cut();
            }
        }
    }
}

/// Tells a stream that its caller's token is no longer valid.
#[derive(Default)]
pub struct Lifeline {
    cut: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Lifeline {
    pub fn cut(&self) {
        self.cut.set(true);
        if let Some(waker) = self.waiting.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Ends when it is cut.
    pub async fn is_cut(&self) {
        poll_fn(|cx| if self.poll_cut(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Whether it is cut; if not yet, whoever asks is told then.
    pub fn poll_cut(&self, cx: &Context<'_>) -> bool {
        *self.waiting.borrow_mut() = Some(cx.waker().clone());
        self.cut.get()
    }
}
