//! What is sent to a provider, and how long anybody waits for anything.
//! Owns no timer where a connection already has one: an `Alarm` is set often and rings seldom.
//! Never buffers: a request's body passes frame by frame.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep_until};

/// Whom an exchange is waiting for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// The rest of the request.
    Caller,
    /// The response, or room to send the request.
    Provider,
}

/// One point in time that many short waits share. Setting it costs a store; whoever drives it rings it when it has passed.
pub struct Alarm {
    at: Cell<Instant>,
    rung: Cell<bool>,
    waiting: Cell<Waiting>,
}

impl Alarm {
    pub fn new(at: Instant) -> Rc<Self> {
        Rc::new(Self { at: Cell::new(at), rung: Cell::new(false), waiting: Cell::new(Waiting::Provider) })
    }

    pub fn set(&self, at: Instant, waiting: Waiting) {
        self.at.set(at);
        self.waiting.set(waiting);
        self.rung.set(false);
    }

    pub const fn at(&self) -> Instant {
        self.at.get()
    }

    pub const fn waiting(&self) -> Waiting {
        self.waiting.get()
    }

    /// Rings if the time has come. The driver then polls whoever waits.
    pub fn ring(&self, now: Instant) -> bool {
        let due = self.at.get() <= now;
        self.rung.set(due);
        due
    }

    pub const fn has_rung(&self) -> bool {
        self.rung.get()
    }
}

/// Who rings an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driver {
    /// The connection's own timer (HTTP/1.1, one request at a time).
    Connection,
    /// A timer of the exchange's own (HTTP/2).
    Exchange,
}

/// Bounds the wait for a response's head.
pub struct Deadline {
    alarm: Rc<Alarm>,
    driver: Driver,
}

impl Deadline {
    pub const fn new(alarm: Rc<Alarm>, driver: Driver) -> Self {
        Self { alarm, driver }
    }

    /// The future's output, or `None` once the alarm has rung.
    pub async fn bound<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut timer = pin!(match self.driver {
            Driver::Connection => None,
            Driver::Exchange => Some(sleep_until(self.alarm.at().into())),
        });
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if let Some(timer) = timer.as_mut().as_pin_mut() {
                ring_when_due(&self.alarm, timer, cx);
            }
            if self.alarm.has_rung() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

/// Follows an alarm with a timer that is moved only when it fires too early.
pub fn ring_when_due(alarm: &Alarm, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) {
    while timer.as_mut().poll(cx).is_ready() {
        if alarm.ring(Instant::now()) {
            return;
        }
        timer.as_mut().reset(alarm.at().into());
    }
}

/// A request's body on its way to a provider.
#[derive(Default)]
pub enum Outbound {
    #[default]
    Empty,
    Full(Bytes),
    Streamed(Box<Streamed>),
}

/// The caller's body, passed on as it comes.
pub struct Streamed {
    body: Incoming,
    alarm: Rc<Alarm>,
    /// How long the caller may be silent.
    idle: Duration,
    /// How long the provider may take, each time it is its turn.
    head: Duration,
    trailers: Passing,
}

/// What becomes of a caller's trailers.
#[derive(Clone, Copy)]
pub enum Passing {
    Dropped,
    /// They go on as far as this lets them.
    Cleaned(fn(HeaderMap) -> HeaderMap),
}

impl Outbound {
    pub fn streamed(body: Incoming, alarm: Rc<Alarm>, idle: Duration, head: Duration, trailers: Passing) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Streamed(Box::new(Streamed { body, alarm, idle, head, trailers }))
    }

    /// A body that is there as a whole.
    pub fn full(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }

    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Streamed(streamed) => streamed.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Streamed(streamed) => streamed.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(streamed) => streamed.body.size_hint(),
        }
    }
}

impl Streamed {
    /// A caller's trailers are not passed on, except of a protocol that has any.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            let (wait, waiting) = match frame {
                Poll::Pending => (self.idle, Waiting::Caller),
                Poll::Ready(_) => (self.head, Waiting::Provider),
            };
            self.alarm.set(Instant::now() + wait, waiting);
            match frame {
                Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => {
                    if let (Passing::Cleaned(clean), Ok(trailers)) = (self.trailers, frame.into_trailers()) {
                        return Poll::Ready(Some(Ok(Frame::trailers(clean(trailers)))));
                    }
                }
                frame => return frame,
            }
        }
    }
}
