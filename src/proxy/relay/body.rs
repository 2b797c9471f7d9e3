//! The way back: a provider's answer, passed on as it comes, with what must not come through taken out.
//! Owns the upstream connection while its answer is read, and gives it back at the end.
//! Never holds more of a stream than the beginning of what might be a secret.

use crate::proxy::link::{Protocol, Ticket};
use crate::{
    jobs::{Jobs, Study},
    scheme::echo::Echo,
    upstream::{Lease, Waiting},
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep_until};

/// The body of an answer to a caller.
pub struct Answer {
    content: Content,
    /// Dropped with the body, which tells the connection that it may rest.
    ticket: Option<Ticket>,
}

enum Content {
    Full(Bytes),
    Relayed(Relayed),
}

/// The answer broke off, or nothing came for too long: the caller must not take what it has for the whole.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    #[error("the provider's answer broke off")]
    Broken(#[source] hyper::Error),
    #[error("the provider fell silent")]
    Silent,
    #[error("the caller's token was revoked or has expired")]
    Revoked,
}

/// What is told when an answer has been relayed, or not.
pub trait Meter {
    fn masked(&self, count: usize);
    fn relayed(&self, bytes: usize);
    /// This answer is a stream: `None` where nobody's token is at stake.
    fn watch(&self) -> Option<Rc<Lifeline>>;
}

/// A provider's body on its way to the caller.
pub struct Relayed {
    body: Incoming,
    lease: Option<Lease>,
    echo: Option<Rc<Echo>>,
    held: Bytes,
    /// How long the provider may be silent; `None` for streams and long polls.
    silence: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    meter: Rc<dyn Meter>,
    /// How often this has waited for the provider.
    waits: u32,
    /// Set once this turns out to be a stream, where the caller's token matters to the end.
    lifeline: Option<Rc<Lifeline>>,
    /// Read once it has passed; boxed because most are not.
    studied: Option<Box<Studied>>,
}

/// An answer that is to be read when it has passed, and what of it has passed.
struct Studied {
    jobs: Arc<Jobs>,
    study: Study,
    passed: Vec<Bytes>,
    length: usize,
}

/// What says something of a job's state is short; of what is longer, somebody else has to tell.
const STUDIED: usize = 256 * 1024;

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
}

/// An answer that comes in one piece or two never waits so often; what does is watched until its end.
const WAITS_OF_A_STREAM: u32 = 3;

impl Answer {
    pub const fn full(bytes: Bytes) -> Self {
        Self { content: Content::Full(bytes), ticket: None }
    }

    pub const fn relayed(relayed: Relayed) -> Self {
        Self { content: Content::Relayed(relayed), ticket: None }
    }

    #[must_use]
    pub fn with_ticket(mut self, ticket: Ticket) -> Self {
        self.ticket = Some(ticket);
        if let Content::Relayed(relayed) = &mut self.content {
            relayed.wait(self.ticket.as_ref());
        }
        self
    }
}

impl Studied {
    fn tell(self) {
        let answer = match <[Bytes; 1]>::try_from(self.passed) {
            Ok([whole]) => whole,
            Err(pieces) => pieces.concat().into(),
        };
        self.jobs.study(self.study, answer);
    }
}

impl Relayed {
    pub fn new(
        body: Incoming,
        lease: Lease,
        echo: Option<Rc<Echo>>,
        silence: Option<Duration>,
        meter: Rc<dyn Meter>,
    ) -> Self {
        let lease = Some(lease);
        let (held, timer, lifeline) = (Bytes::new(), None, None);
        let studied = None;
        let mut relayed = Self { body, lease, echo, held, silence, timer, meter, waits: 0, lifeline, studied };
        if relayed.body.is_end_stream() {
            relayed.finish();
        }
        relayed
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// To be read once it has passed.
    #[must_use]
    pub fn studied(self, study: Option<(Arc<Jobs>, Study)>) -> Self {
        let studied = study.map(|(jobs, study)| Box::new(Studied { jobs, study, passed: Vec::new(), length: 0 }));
        Self { studied, ..self }
    }

    /// Takes note of what passes; told the jobs when it was the last of it.
    fn study(&mut self, bytes: &Bytes) {
        let ended = self.body.is_end_stream();
        let Some(studied) = &mut self.studied else { return };
        studied.length += bytes.len();
        if studied.length > STUDIED {
            self.studied = None;
            return;
        }
        studied.passed.push(bytes.clone());
        if ended && let Some(studied) = self.studied.take() {
            studied.tell();
        }
    }

    /// Starts a new wait for the provider.
    fn wait(&mut self, ticket: Option<&Ticket>) {
        let Some(ticket) = ticket.filter(|_| !self.body.is_end_stream()) else { return };
        let link = ticket.link();
        let until = Instant::now() + self.silence.unwrap_or(FOREVER);
        match link.protocol {
            Protocol::Http1 => link.alarm.set(until, Waiting::Provider),
            Protocol::Http2 => match &mut self.timer {
                Some(timer) => timer.as_mut().reset(until.into()),
                None => self.timer = Some(Box::pin(sleep_until(until.into()))),
            },
        }
    }

    fn is_silent_too_long(&mut self, ticket: &Ticket, cx: &mut Context<'_>) -> bool {
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx).is_ready(),
            None => ticket.link().alarm.has_rung() && ticket.link().alarm.waiting() == Waiting::Provider,
        }
    }

    fn poll_frame(&mut self, ticket: Option<&Ticket>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.is_cut(cx) {
            return Poll::Ready(Some(Err(Cut::Revoked)));
        }
        if ticket.is_some_and(|t| t.link().must_pause(cx)) {
            return Poll::Pending;
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                self.waits = self.waits.saturating_add(1);
                if self.waits == WAITS_OF_A_STREAM {
                    self.lifeline = self.meter.watch();
                }
                if self.is_cut(cx) {
                    return Poll::Ready(Some(Err(Cut::Revoked)));
                }
                let silent = ticket.is_some_and(|t| self.is_silent_too_long(t, cx));
                return if silent { Poll::Ready(Some(Err(Cut::Silent))) } else { Poll::Pending };
            };
            // A body in chunks does not say that it has ended before it is asked for more.
            if frame.is_none() || self.body.is_end_stream() {
                self.finish();
            }
            match frame {
                None => {
                    let held = std::mem::take(&mut self.held);
                    self.study(&held);
                    return Poll::Ready((!held.is_empty()).then(|| Ok(Frame::data(held))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(Cut::Broken(error)))),
                Some(Ok(frame)) => {
                    self.wait(ticket);
                    // Trailers of an answer are not passed on: nothing here masks them.
                    let Ok(chunk) = frame.into_data() else { continue };
                    let bytes = self.pass(chunk);
                    self.study(&bytes);
                    if !bytes.is_empty() {
                        self.meter.relayed(bytes.len());
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
            }
        }
    }

    fn is_cut(&self, cx: &Context<'_>) -> bool {
        let Some(lifeline) = &self.lifeline else { return false };
        *lifeline.waiting.borrow_mut() = Some(cx.waker().clone());
        lifeline.cut.get()
    }

    fn pass(&mut self, chunk: Bytes) -> Bytes {
        let Some(echo) = &self.echo else { return chunk };
        let (bytes, count) = echo.pass(&mut self.held, chunk, self.body.is_end_stream());
        if count > 0 {
            self.meter.masked(count);
        }
        bytes
    }
}

/// Longer than any connection lives.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        this.ticket.iter().for_each(Ticket::taken);
        let frame = match &mut this.content {
            Content::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Relayed(relayed) => relayed.poll_frame(this.ticket.as_ref(), cx),
        };
        if let (Poll::Ready(Some(Ok(frame))), Some(ticket)) = (&frame, &this.ticket) {
            ticket.given(frame.data_ref().map_or(0, Bytes::len));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Full(bytes) => bytes.is_empty(),
            Content::Relayed(relayed) => relayed.held.is_empty() && relayed.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Relayed(relayed) => {
                let mut hint = relayed.body.size_hint();
                let held = relayed.held.len() as u64;
                match hint.exact() {
                    Some(exact) => hint.set_exact(exact + held),
                    None => hint = SizeHint::default(),
                }
                hint
            }
        }
    }
}
