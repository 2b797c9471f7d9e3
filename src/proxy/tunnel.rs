//! A WebSocket between a caller and a provider, once both have agreed: bytes, as they come, until one of them ends it.
//! Owns the provider's end; the caller's is handed to it by the connection's driver.
//! Never outlives its caller's token, a silence, or the end of this process.
//!
//! Why the bytes are searched as they are: a server's frames are not masked (RFC 6455 §5.1), extensions are not offered,
//! and a secret is masked at equal length, so that every frame stays as long as it says. What stands across two frames
//! of one message is not found.

use super::{
    drain::{Drain, Stage},
    link::{CallerStream, Duplex},
    relay::{Frames, Meter},
    streams::Lifeline,
};
use crate::scheme::echo::Echo;
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    io,
    pin::{Pin, pin},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::{sleep_until, timeout},
};

pub struct Tunnel {
    pub provider: TokioIo<Upgraded>,
    pub echo: Option<Rc<Echo>>,
    /// How long nothing may pass.
    pub idle: Duration,
    pub lifeline: Option<Rc<Lifeline>>,
    pub meter: Rc<dyn Meter>,
}

/// Why Bellhop ends a tunnel, by the numbers of RFC 6455 §7.4.1.
#[derive(Clone, Copy)]
enum End {
    /// One side did, and the other has heard of it.
    Theirs,
    GoingAway = 1001,
    Revoked = 1008,
}

const CHUNK: usize = 16 * 1024;
/// How long one side may take to hear that the other is gone.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Tunnel {
    /// `ahead` is what the caller sent already.
    pub async fn run(self, drain: &Drain, caller: CallerStream, ahead: Bytes) {
        let (from_caller, mut to_caller) = split(caller.boxed());
        let (from_provider, to_provider) = split(self.provider);
        let passage = Passage {
            echo: self.echo,
            meter: self.meter,
            frames: RefCell::new(Frames::of_websocket()),
            writing: Cell::new(false),
            used: Cell::new(Instant::now()),
        };
        let revoked = async {
            match &self.lifeline {
                Some(lifeline) => lifeline.is_cut().await,
                None => pending().await,
            }
        };
        let end = tokio::select! {
            () = passage.both_ways((from_caller, ahead, to_provider), from_provider, &mut to_caller) => End::Theirs,
            () = revoked => End::Revoked,
            () = drain.until(Stage::Cutting) => End::GoingAway,
            () = passage.is_idle_for(self.idle) => End::GoingAway,
        };
        let _ = timeout(LAST_WORDS, passage.say_goodbye(end, &mut to_caller)).await;
    }
}

/// What both directions share.
struct Passage {
    echo: Option<Rc<Echo>>,
    meter: Rc<dyn Meter>,
    frames: RefCell<Frames>,
    /// A piece is on its way to the caller.
    writing: Cell<bool>,
    used: Cell<Instant>,
}

type FromProvider = ReadHalf<TokioIo<Upgraded>>;
type ToProvider = WriteHalf<TokioIo<Upgraded>>;
type FromCaller = ReadHalf<Pin<Box<dyn Duplex>>>;
type ToCaller = WriteHalf<Pin<Box<dyn Duplex>>>;

impl Passage {
    async fn both_ways(
        &self,
        (from_caller, ahead, to_provider): (FromCaller, Bytes, ToProvider),
        from_provider: FromProvider,
        to_caller: &mut ToCaller,
    ) {
        let up = pin!(self.up(from_caller, ahead, to_provider));
        let down = pin!(self.down(from_provider, to_caller));
        match select(up, down).await {
            Either::Left((_, down)) => drop(timeout(LAST_WORDS, down).await),
            Either::Right((_, up)) => drop(timeout(LAST_WORDS, up).await),
        }
    }

    async fn up(&self, mut caller: FromCaller, ahead: Bytes, mut provider: ToProvider) -> io::Result<()> {
        let mut buffer = BytesMut::from(&ahead[..]);
        loop {
            if !buffer.is_empty() {
                self.used.set(Instant::now());
                provider.write_all(&buffer).await?;
                provider.flush().await?;
                buffer.clear();
            }
            if read(&mut caller, &mut buffer).await? == 0 {
                return provider.shutdown().await;
            }
        }
    }

    async fn down(&self, mut provider: FromProvider, caller: &mut ToCaller) -> io::Result<()> {
        let (mut buffer, mut held) = (BytesMut::new(), Bytes::new());
        loop {
            let count = read(&mut provider, &mut buffer).await?;
            let chunk = buffer.split().freeze();
            self.used.set(Instant::now());
            let bytes = self.masked(&mut held, chunk, count == 0);
            if !bytes.is_empty() {
                self.meter.relayed(bytes.len());
                self.writing.set(true);
                caller.write_all(&bytes).await?;
                caller.flush().await?;
                self.writing.set(false);
            }
            if count == 0 {
                return caller.shutdown().await;
            }
        }
    }

    /// Between two frames nothing waits for more.
    fn masked(&self, held: &mut Bytes, chunk: Bytes, is_last: bool) -> Bytes {
        let mut frames = self.frames.borrow_mut();
        frames.follow(&chunk);
        let Some(echo) = &self.echo else { return chunk };
        let (bytes, count) = echo.pass(held, chunk, is_last || frames.is_between());
        if count > 0 {
            self.meter.masked(count);
        }
        bytes
    }

    async fn is_idle_for(&self, idle: Duration) {
        loop {
            let until = self.used.get() + idle;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until.into()).await;
        }
    }

    /// A frame that says why, where one can begin; else the connection just ends.
    async fn say_goodbye(&self, end: End, caller: &mut ToCaller) -> io::Result<()> {
        if !matches!(end, End::Theirs) && self.frames.borrow().is_between() && !self.writing.get() {
            let [high, low] = (end as u16).to_be_bytes();
            caller.write_all(&[0x88, 2, high, low]).await?;
        }
        caller.shutdown().await
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<usize> {
    buffer.reserve(CHUNK);
    from.read_buf(buffer).await
}
