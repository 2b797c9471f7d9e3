//! Connections to providers: one pool per core and origin, and the ways by which a request leaves.
//! Owns the pooled connections of its core.
//! Never sends a request twice once a byte of it may have left, and takes only what `scheme` has authorized.

mod body;
mod dial;
mod http2;
mod interim;
pub mod once;
mod switch;

pub use body::{Alarm, Deadline, Driver, Outbound, Passing, Waiting, ring_when_due};
pub use dial::{BadCaFile, DialError, Endpoint, TlsTrust, cryptography, is_private};
pub use http2::LocalExecutor;
pub use switch::Switched;

use http2::Lines;
use interim::Watched;

use crate::{
    config::{Sizes, Timeouts},
    provider::preset::Wire,
    scheme::Outgoing,
    telemetry::metrics::{Failure, LineMetrics},
};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// More idle connections than this to one origin, on one core, and the rest are closed.
const IDLE_PER_ORIGIN: usize = 256;
/// A connection that rested longer may have been closed by the other side without our knowing.
const RESTED: Duration = Duration::from_secs(1);

/// The connections of one core.
pub struct Upstreams {
    pools: RefCell<HashMap<u64, Vec<Idle>>>,
    lines: Lines,
    timeouts: Timeouts,
    head_bytes: usize,
    counted: Arc<LineMetrics>,
}

struct Idle {
    sender: http1::SendRequest<Outbound>,
    since: Instant,
}

/// A connection that is carrying a response. Given back when the response has been read to its end;
/// dropped before that, the connection is closed, because what is left on it belongs to somebody.
pub enum Lease {
    Pooled(Pooled),
    /// A stream among others, which ends by itself.
    Shared(http2::Stream),
    /// A connection for nothing else.
    Alone(http1::SendRequest<Outbound>),
}

pub struct Pooled {
    upstreams: Rc<Upstreams>,
    endpoint: u64,
    sender: http1::SendRequest<Outbound>,
}

impl Lease {
    pub fn give_back(self) {
        let Self::Pooled(Pooled { upstreams, endpoint, sender }) = self else { return };
        if sender.is_closed() {
            return;
        }
        let mut pools = upstreams.pools.borrow_mut();
        let pool = pools.entry(endpoint).or_default();
        if pool.len() < IDLE_PER_ORIGIN {
            pool.push(Idle { sender, since: Instant::now() });
            upstreams.counted.idle.add(1);
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection has handed the request back.
    #[error("the connection was closed before it took the request")]
    Unsent,
    #[error("the provider did not answer in time")]
    Timeout,
    #[error("the connection broke before the provider answered")]
    Broken,
    #[error("the provider's answer is not sound HTTP")]
    Invalid,
}

impl SendError {
    /// Whether a byte of the request may have left.
    pub const fn may_have_left(&self) -> bool {
        !matches!(self, Self::Dial(_) | Self::Unsent)
    }

    /// As which it is counted.
    pub const fn failure(&self) -> Failure {
        match self {
            Self::Dial(error) => error.failure(),
            Self::Unsent => Failure::Unsent,
            Self::Timeout => Failure::Timeout,
            Self::Broken => Failure::Broken,
            Self::Invalid => Failure::Invalid,
        }
    }
}

/// How a request may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Repeat {
    /// Only a request that the connection hands back unsent goes elsewhere.
    Unsent,
    /// Safe by its method and without a body: once more, if a pooled connection had died.
    Once,
}

impl Upstreams {
    pub fn new(timeouts: Timeouts, sizes: &Sizes) -> Rc<Self> {
        Self::counted(timeouts, sizes, Arc::default())
    }

    /// As a core has them: somebody reads how many there are.
    pub fn counted(timeouts: Timeouts, sizes: &Sizes, counted: Arc<LineMetrics>) -> Rc<Self> {
        let lines = Lines::new(timeouts.clone(), sizes, Arc::clone(&counted));
        Rc::new(Self { pools: RefCell::default(), lines, timeouts, head_bytes: sizes.upstream_head, counted })
    }

    /// Sends a request to its endpoint and waits for the head of the response.
    pub async fn send(
        self: &Rc<Self>,
        outgoing: Outgoing<Arc<Endpoint>, Outbound>,
        deadline: Deadline,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        let (endpoint, mut request) = outgoing.into_parts();
        if endpoint.wire() == Wire::Http2 {
            let (answer, stream) = Box::pin(self.lines.send(&endpoint, request, &deadline)).await?;
            return Ok((answer, Lease::Shared(stream)));
        }
        let repeat = match *request.method() {
            Method::GET | Method::HEAD if request.body().is_empty() => Repeat::Once,
            _ => Repeat::Unsent,
        };
        loop {
            let now = Instant::now();
            let Some(idle) = self.take_idle(endpoint.slot(), now) else {
                let sender = deadline.bound(Box::pin(self.connect(&endpoint))).await.ok_or(SendError::Timeout)??;
                let answer = self.exchange(&endpoint, sender, request, &deadline).await;
                return answer.map_err(|(error, unsent)| if unsent.is_some() { SendError::Unsent } else { error });
            };
            let spare = (repeat == Repeat::Once && now - idle.since > RESTED).then(|| copy_of(&request));
            match self.exchange(&endpoint, idle.sender, request, &deadline).await {
                Ok(answer) => return Ok(answer),
                Err((_, Some(unsent))) => request = unsent,
                Err((SendError::Broken, None)) if spare.is_some() => request = spare.unwrap_or_default(),
                Err((error, None)) => return Err(error),
            }
        }
    }

    fn take_idle(&self, endpoint: u64, now: Instant) -> Option<Idle> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.get_mut(&endpoint)?;
        while let Some(idle) = pool.pop() {
            self.counted.idle.set(self.counted.idle.value().saturating_sub(1));
            if idle.sender.is_ready() && now - idle.since < self.timeouts.upstream_idle {
                return Some(idle);
            }
        }
        None
    }

    /// Closes what nobody has used for a while.
    pub fn prune(&self) {
        self.lines.prune();
        let oldest = self.timeouts.upstream_idle;
        let mut pools = self.pools.borrow_mut();
        pools.retain(|_, pool| {
            pool.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < oldest);
            !pool.is_empty()
        });
        self.counted.idle.set(pools.values().map(Vec::len).sum::<usize>() as u64);
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<http1::SendRequest<Outbound>, SendError> {
        self.counted.dialled.add(1);
        let stream = endpoint.dial(self.timeouts.connect, self.timeouts.tls_handshake).await?;
        let mut builder = http1::Builder::new();
        builder.max_header_size(self.head_bytes).max_buf_size(READ_BUFFER.max(self.head_bytes));
        let (sender, connection) =
            builder.handshake(TokioIo::new(Watched::new(stream))).await.map_err(|_| SendError::Unsent)?;
        let open = Open::count(&self.counted);
        tokio::task::spawn_local(async move {
            let _open = open;
            // What goes wrong here also reaches whoever waits for the response.
            let _ = connection.await;
        });
        Ok(sender)
    }

    async fn exchange(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        mut sender: http1::SendRequest<Outbound>,
        request: Request<Outbound>,
        deadline: &Deadline,
    ) -> Result<(Response<Incoming>, Lease), (SendError, Option<Request<Outbound>>)> {
        let answer = match deadline.bound(sender.try_send_request(request)).await {
            None => return Err((SendError::Timeout, None)),
            Some(answer) => answer.map_err(explain)?,
        };
        if has_two_lengths(answer.headers()) || answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err((SendError::Invalid, None));
        }
        let pooled = Pooled { upstreams: Rc::clone(self), endpoint: endpoint.slot(), sender };
        Ok((answer, Lease::Pooled(pooled)))
    }
}

/// A connection is open until this is dropped.
struct Open(Arc<LineMetrics>);

impl Open {
    fn count(lines: &Arc<LineMetrics>) -> Self {
        lines.opened.add(1);
        Self(Arc::clone(lines))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed.add(1);
    }
}

/// RFC 9112 §6.3: two lengths in one answer are an attempt at smuggling, or a broken provider.
fn has_two_lengths(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH) && headers.contains_key(header::TRANSFER_ENCODING)
}

/// Large enough for a bulk transfer to be cheap, small enough that a thousand stalled readers fit in memory.
const READ_BUFFER: usize = 64 * 1024;

fn explain(mut error: TrySendError<Request<Outbound>>) -> (SendError, Option<Request<Outbound>>) {
    let unsent = error.take_message();
    let error = error.into_error();
    let kind = if error.is_parse() { SendError::Invalid } else { SendError::Broken };
    (kind, unsent)
}

fn copy_of(request: &Request<Outbound>) -> Request<Outbound> {
    let mut copy = Request::new(Outbound::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
