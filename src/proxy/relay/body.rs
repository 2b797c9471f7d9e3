//! The way back: a provider's answer, passed on as it comes, with what must not come through taken out.
//! Owns the upstream connection while its answer is read, and gives it back at the end.
//! Never holds more of a stream than the beginning of what might be a secret.

use super::{Frames, mask_fields};
use crate::{
    jobs::{Jobs, Study},
    proxy::{
        grpc, head,
        link::{Protocol, Ticket},
        streams::Lifeline,
    },
    scheme::echo::Echo,
    upstream::{Lease, Waiting},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep_until};

/// The body of an answer to a caller.
pub struct Answer {
    content: Content,
    /// What stands after what is there as a whole.
    trailers: Option<Box<HeaderMap>>,
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
    #[error("Bellhop is shutting down")]
    Draining,
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
    /// What there is of gRPC in it; boxed because most is not.
    call: Option<Box<Call>>,
}

/// A call's answer: messages, and after them how it ended.
struct Call {
    frames: Frames,
    /// Waits until what was held back is given.
    end: Option<HeaderMap>,
}

/// An answer that is to be read when it has passed, and what of it has passed.
struct Studied {
    jobs: Arc<Jobs>,
    study: Study,
    passed: Vec<Bytes>,
    length: usize,
}

/// Where in an answer a piece of it stands. A body in chunks does not know its last one before it is asked for more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    SomePlace,
    TheEnd,
}

/// What says something of a job's state is short; of what is longer, somebody else has to tell.
const STUDIED: usize = 256 * 1024;

/// An answer that comes in one piece or two never waits so often; what does is watched until its end.
const WAITS_OF_A_STREAM: u32 = 3;

impl Answer {
    pub const fn full(bytes: Bytes) -> Self {
        Self { content: Content::Full(bytes), trailers: None, ticket: None }
    }

    pub const fn relayed(relayed: Relayed) -> Self {
        Self { content: Content::Relayed(relayed), trailers: None, ticket: None }
    }

    #[must_use]
    pub fn followed_by(self, trailers: Option<Box<HeaderMap>>) -> Self {
        Self { trailers, ..self }
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
        let (studied, call) = (None, None);
        let mut relayed = Self { body, lease, echo, held, silence, timer, meter, waits: 0, lifeline, studied, call };
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

    /// As gRPC has it, trailers included.
    #[must_use]
    pub fn of_call(self) -> Self {
        Self { call: Some(Box::new(Call { frames: Frames::of_grpc(), end: None })), ..self }
    }

    /// To be read once it has passed.
    #[must_use]
    pub fn studied(self, study: Option<(Arc<Jobs>, Study)>) -> Self {
        let studied = study.map(|(jobs, study)| Box::new(Studied { jobs, study, passed: Vec::new(), length: 0 }));
        Self { studied, ..self }
    }

    /// Takes note of what passes; told the jobs when it was the last of it.
    fn study(&mut self, bytes: &Bytes, at: At) {
        let Some(studied) = &mut self.studied else { return };
        studied.length += bytes.len();
        if studied.length > STUDIED {
            self.studied = None;
            return;
        }
        studied.passed.push(bytes.clone());
        if at == At::TheEnd
            && let Some(studied) = self.studied.take()
        {
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
            return self.break_off(Cut::Revoked);
        }
        if ticket.is_some_and(|ticket| ticket.is_cut_off(cx)) {
            return self.break_off(Cut::Draining);
        }
        if let Some(end) = self.call.as_mut().and_then(|call| call.end.take()) {
            return Poll::Ready(Some(Ok(Frame::trailers(end))));
        }
        if ticket.is_some_and(|t| t.link().must_pause(cx)) {
            return Poll::Pending;
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                self.waits = self.waits.saturating_add(1);
                // What may be silent for ever might never wait a second time.
                let watched_from = if self.silence.is_none() { 1 } else { WAITS_OF_A_STREAM };
                if self.waits == watched_from {
                    self.lifeline = self.meter.watch();
                }
                if self.is_cut(cx) {
                    return self.break_off(Cut::Revoked);
                }
                let silent = ticket.is_some_and(|t| self.is_silent_too_long(t, cx));
                return if silent { self.break_off(Cut::Silent) } else { Poll::Pending };
            };
            // A body in chunks does not say that it has ended before it is asked for more.
            if frame.is_none() || self.body.is_end_stream() {
                self.finish();
            }
            match frame {
                None => {
                    let held = std::mem::take(&mut self.held);
                    // A call ends with its trailers, or in no order.
                    self.study(&held, if self.call.is_none() { At::TheEnd } else { At::SomePlace });
                    return Poll::Ready((!held.is_empty()).then(|| Ok(Frame::data(held))));
                }
                Some(Err(error)) => return self.break_off(Cut::Broken(error)),
                Some(Ok(frame)) => {
                    self.wait(ticket);
                    let chunk = match frame.into_data() {
                        Ok(chunk) => chunk,
                        Err(frame) => {
                            let Ok(trailers) = frame.into_trailers() else { continue };
                            match self.end(trailers) {
                                Some(frame) => return Poll::Ready(Some(Ok(frame))),
                                None => continue,
                            }
                        }
                    };
                    let bytes = self.pass(chunk);
                    let is_last = self.call.is_none() && self.body.is_end_stream();
                    self.study(&bytes, if is_last { At::TheEnd } else { At::SomePlace });
                    if !bytes.is_empty() {
                        self.meter.relayed(bytes.len());
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
            }
        }
    }

    /// An answer's trailers are passed on of gRPC only, after what was held back.
    fn end(&mut self, trailers: HeaderMap) -> Option<Frame<Bytes>> {
        let mut trailers = head::clean_trailers(trailers);
        if let Some(echo) = &self.echo {
            mask_fields(&mut trailers, echo, &*self.meter);
        }
        let call = self.call.as_mut()?;
        if !grpc::is_success(&trailers) {
            self.studied = None;
        }
        if self.held.is_empty() {
            self.study(&Bytes::new(), At::TheEnd);
            return Some(Frame::trailers(trailers));
        }
        call.end = Some(trailers);
        let held = std::mem::take(&mut self.held);
        self.study(&held, At::TheEnd);
        Some(Frame::data(held))
    }

    /// A caller must not take what it has for the whole: a call is told so in words.
    fn break_off(&mut self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.call.is_none() {
            return Poll::Ready(Some(Err(cut)));
        }
        let status = match cut {
            Cut::Revoked => StatusCode::UNAUTHORIZED,
            Cut::Draining => StatusCode::SERVICE_UNAVAILABLE,
            Cut::Broken(_) | Cut::Silent => StatusCode::BAD_GATEWAY,
        };
        let mut trailers = HeaderMap::new();
        grpc::end(&mut trailers, grpc::code(status), &cut.to_string());
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_cut(&self, cx: &Context<'_>) -> bool {
        self.lifeline.as_ref().is_some_and(|lifeline| lifeline.poll_cut(cx))
    }

    fn pass(&mut self, chunk: Bytes) -> Bytes {
        let Some(echo) = &self.echo else { return chunk };
        let is_between = self.call.as_mut().is_some_and(|call| {
            call.frames.follow(&chunk);
            call.frames.is_between()
        });
        let (bytes, count) = echo.pass(&mut self.held, chunk, is_between || self.body.is_end_stream());
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
            Content::Full(bytes) if bytes.is_empty() => {
                Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))))
            }
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
            Content::Full(bytes) => bytes.is_empty() && self.trailers.is_none(),
            Content::Relayed(relayed) => {
                let is_over = relayed.call.as_ref().is_none_or(|call| call.end.is_none());
                is_over && relayed.held.is_empty() && relayed.body.is_end_stream()
            }
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
