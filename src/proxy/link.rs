//! One caller's connection: its bytes, and what its driver, its requests and its answers must know of each other.
//! Owns the guard over what arrives, and the one alarm that every wait on an HTTP/1 connection shares.
//! Never looks into a request; that is for the steps of `proxy`.

use super::{
    drain::Drain,
    tunnel::Tunnel,
    wire::{Guard, HeadLimits, Violation},
};
use crate::upstream::{Alarm, Waiting};
use bytes::Bytes;
use std::{
    cell::{Cell, RefCell},
    io,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Http1,
    Http2,
}

/// How long a caller may take over what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub head: Duration,
    pub keep_alive: Duration,
    pub body_idle: Duration,
}

/// When this much of an answer waits to be written, that comes first. Hyper would take more, which is what a stalled
/// reader then holds; less, and a large answer would be written in small pieces.
const ENOUGH: usize = 16 * 1024;

/// Who connected, when and how.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub peer: IpAddr,
    pub protocol: Protocol,
    /// Over TLS.
    pub secure: bool,
    pub accepted: Instant,
}

pub struct Link {
    pub peer: IpAddr,
    pub protocol: Protocol,
    pub secure: bool,
    pub accepted: Instant,
    pub alarm: Rc<Alarm>,
    pub patience: Patience,
    /// Of its core.
    drain: Rc<Drain>,
    guard: RefCell<Guard>,
    violation: Cell<Option<Violation>>,
    /// Exchanges whose answer has not been handed over whole.
    under_way: Cell<u32>,
    /// Those of them that the end of the core waits for.
    awaited: Cell<u32>,
    /// At least one exchange is over.
    has_answered: Cell<bool>,
    resting: Cell<bool>,
    /// The caller does not take what is written; kept is what was waited for before that.
    stalled: Cell<Option<(Instant, Waiting)>>,
    /// Over HTTP/1: what was given to be written and has not left yet.
    unwritten: Cell<usize>,
    /// Over HTTP/2: the answers that gave something and were not asked for more, each by its ticket, since when.
    untaken: RefCell<Vec<(u32, Instant)>>,
    tickets: Cell<u32>,
    /// To be polled again when there is room, or when what is under way has ended.
    on_room: RefCell<Option<Waker>>,
    /// What the connection goes on as, once the answer that says so is out.
    tunnel: RefCell<Option<Box<Tunnel>>>,
}

impl Link {
    pub fn new(caller: Caller, patience: Patience, limits: HeadLimits, drain: Rc<Drain>) -> Rc<Self> {
        let alarm = Alarm::new(caller.accepted + patience.head);
        alarm.set(caller.accepted + patience.head, Waiting::Caller);
        let Caller { peer, protocol, secure, accepted } = caller;
        Rc::new(Self {
            peer,
            protocol,
            secure,
            accepted,
            alarm,
            patience,
            drain,
            guard: RefCell::new(Guard::new(limits)),
            violation: Cell::new(None),
            under_way: Cell::new(0),
            awaited: Cell::new(0),
            has_answered: Cell::new(false),
            resting: Cell::new(false),
            stalled: Cell::new(None),
            unwritten: Cell::new(0),
            untaken: RefCell::default(),
            tickets: Cell::new(0),
            on_room: RefCell::new(None),
            tunnel: RefCell::new(None),
        })
    }

    pub fn dig(&self, tunnel: Tunnel) {
        *self.tunnel.borrow_mut() = Some(Box::new(tunnel));
    }

    pub fn take_tunnel(&self) -> Option<Box<Tunnel>> {
        self.tunnel.borrow_mut().take()
    }

    pub const fn violation(&self) -> Option<Violation> {
        self.violation.get()
    }

    pub const fn is_under_way(&self) -> bool {
        self.under_way.get() > 0
    }

    /// Something is under way that may have cost something.
    pub const fn is_awaited(&self) -> bool {
        self.awaited.get() > 0
    }

    /// After an exchange: nothing asked, nothing being answered, nothing waiting to be written.
    pub fn is_at_rest(&self) -> bool {
        self.has_answered.get()
            && !self.is_under_way()
            && self.stalled.get().is_none()
            && self.guard.borrow().is_between_requests()
    }

    /// The beginning of a request is here, and not yet its whole head.
    pub fn is_in_head(&self) -> bool {
        !self.is_under_way() && self.guard.borrow().is_in_head()
    }

    /// Nothing was ever asked here.
    pub fn is_unused(&self) -> bool {
        !self.has_answered.get() && !self.is_under_way() && self.guard.borrow().is_between_requests()
    }

    /// Sets the alarm for when a connection that stays at rest should let go of its buffers.
    pub fn begin_rest(&self, after: Duration) {
        if !self.resting.replace(true) {
            self.alarm.set(Instant::now() + after, Waiting::Caller);
        }
    }

    /// Something arrives again: the head has its time from now.
    pub fn end_rest(&self) {
        self.resting.set(false);
        self.alarm.set(Instant::now() + self.patience.head, Waiting::Caller);
    }

    /// Registers an exchange until the ticket is dropped.
    pub fn enter(self: &Rc<Self>) -> Ticket {
        let entered = Instant::now();
        self.under_way.set(self.under_way.get() + 1);
        self.resting.set(false);
        if self.protocol == Protocol::Http1 {
            // Until the request leaves it waits for nobody but Bellhop itself, and its look-ups have bounds of their own.
            self.alarm.set(entered + self.patience.keep_alive, Waiting::Provider);
        }
        let number = self.tickets.replace(self.tickets.get().wrapping_add(1));
        Ticket { link: Rc::clone(self), number, entered, awaited: Cell::new(false), told: Cell::new(None) }
    }

    /// Over HTTP/2: whether the caller has left part of an answer untaken for as long as they may.
    pub fn has_untaken_answer(&self) -> bool {
        self.untaken.borrow().iter().any(|(_, since)| since.elapsed() >= self.patience.body_idle)
    }

    /// Whether an answer should pause: what the caller does not take would only pile up here.
    pub fn must_pause(&self, cx: &Context<'_>) -> bool {
        if self.stalled.get().is_some() {
            *self.on_room.borrow_mut() = Some(cx.waker().clone());
            return true;
        }
        let has_enough = self.unwritten.get() >= ENOUGH;
        if has_enough {
            cx.waker().wake_by_ref();
        }
        has_enough
    }

    fn read(&self, arrived: &[u8]) -> Result<(), (usize, Violation)> {
        let mut guard = self.guard.borrow_mut();
        let in_head = guard.is_in_head();
        guard.read(arrived)?;
        if guard.is_in_head() && !in_head && !self.is_under_way() {
            self.resting.set(false);
            self.alarm.set(Instant::now() + self.patience.head, Waiting::Caller);
        }
        Ok(())
    }

    /// After a violation nothing more is read; but what was sound before it is still answered.
    fn refuse_to_read(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.is_under_way() {
            *self.on_room.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        } else {
            Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
        }
    }

    fn written(&self) {
        if let Some((at, waiting)) = self.stalled.replace(None) {
            self.alarm.set(at.max(Instant::now() + self.patience.body_idle), waiting);
            if let Some(waker) = self.on_room.borrow_mut().take() {
                waker.wake();
            }
        }
    }

    fn blocked(&self) {
        if self.stalled.get().is_none() {
            self.stalled.set(Some((self.alarm.at(), self.alarm.waiting())));
            self.alarm.set(Instant::now() + self.patience.body_idle, Waiting::Caller);
        }
    }
}

/// One exchange that is under way.
pub struct Ticket {
    link: Rc<Link>,
    number: u32,
    pub entered: Instant,
    /// The end of the core waits for it.
    awaited: Cell<bool>,
    /// How it is told of that end: over HTTP/2, where each exchange is a task of its own.
    told: Cell<Option<u64>>,
}

impl Ticket {
    pub fn link(&self) -> &Rc<Link> {
        &self.link
    }

    /// It may cost something, or undo what did: nobody can just ask for it again.
    pub fn keep_to_the_end(&self) {
        if !self.awaited.replace(true) {
            self.link.awaited.set(self.link.awaited.get() + 1);
        }
    }

    /// Whether the core ends without waiting for it any longer; if not yet, whoever polls it is told then.
    pub fn is_cut_off(&self, cx: &Context<'_>) -> bool {
        if self.link.protocol == Protocol::Http2 && self.told.get().is_none() {
            self.told.set(Some(self.link.drain.register(cx)));
        }
        self.link.drain.is_cutting() && !self.awaited.get()
    }

    /// The caller takes what was given: over HTTP/2, more is asked for only when there is room for it.
    pub fn taken(&self) {
        if self.link.protocol == Protocol::Http2 {
            self.link.untaken.borrow_mut().retain(|(number, _)| *number != self.number);
        }
    }

    /// Something was given to the caller.
    pub fn given(&self, bytes: usize) {
        let link = &self.link;
        match link.protocol {
            Protocol::Http2 => link.untaken.borrow_mut().push((self.number, Instant::now())),
            Protocol::Http1 => link.unwritten.set(link.unwritten.get() + bytes),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.taken();
        if let Some(key) = self.told.get() {
            self.link.drain.forget(key);
        }
        if self.awaited.get() {
            self.link.awaited.set(self.link.awaited.get() - 1);
        }
        self.link.under_way.set(self.link.under_way.get() - 1);
        self.link.has_answered.set(true);
        if let Some(waker) = self.link.on_room.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The caller's end of a connection, secured or not.
pub enum CallerStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> Duplex for T {}

impl CallerStream {
    /// Whichever it is, without a guard.
    pub fn boxed(self) -> Pin<Box<dyn Duplex>> {
        match self {
            Self::Plain(stream) => Box::pin(stream),
            Self::Tls(stream) => Box::pin(*stream),
        }
    }

    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// What hyper reads from and writes to.
pub struct LinkIo {
    stream: CallerStream,
    link: Rc<Link>,
    /// Bytes that were read, and guarded, before this.
    ahead: Bytes,
}

impl LinkIo {
    pub const fn new(stream: CallerStream, link: Rc<Link>, ahead: Bytes) -> Self {
        Self { stream, link, ahead }
    }

    pub fn into_stream(self) -> CallerStream {
        self.stream
    }
}

macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            CallerStream::Plain($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            CallerStream::Tls($inner) => {
                let $inner = Pin::new(&mut **$inner);
                $call
            }
        }
    };
}

impl AsyncRead for LinkIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(count));
            return Poll::Ready(Ok(()));
        }
        if self.link.violation().is_some() {
            return self.link.refuse_to_read(cx);
        }
        let before = buf.filled().len();
        let read = either!(&mut self.stream, stream => stream.poll_read(cx, buf));
        if self.link.protocol == Protocol::Http2 || !matches!(read, Poll::Ready(Ok(()))) {
            return read;
        }
        if let Err((sound, violation)) = self.link.read(&buf.filled()[before..]) {
            self.link.violation.set(Some(violation));
            buf.set_filled(before + sound);
            if sound == 0 {
                return self.link.refuse_to_read(cx);
            }
        }
        read
    }
}

impl LinkIo {
    fn note<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &written {
            Poll::Ready(Ok(_)) => self.link.written(),
            Poll::Pending => self.link.blocked(),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl AsyncWrite for LinkIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = either!(&mut self.stream, stream => stream.poll_write(cx, bytes));
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = either!(&mut self.stream, stream => stream.poll_write_vectored(cx, slices));
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            CallerStream::Plain(stream) => stream.is_write_vectored(),
            CallerStream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = either!(&mut self.stream, stream => stream.poll_flush(cx));
        if flushed.is_ready() {
            self.link.unwritten.set(0);
        }
        self.note(flushed)
    }

    /// After a violation there is still something to say, by whoever takes the stream back.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.violation().is_some() {
            return Poll::Ready(Ok(()));
        }
        either!(&mut self.stream, stream => stream.poll_shutdown(cx))
    }
}
