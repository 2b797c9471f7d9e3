//! Connections to providers: one pool per core and origin, and the one way by which a request leaves.
//! Owns the pooled connections of its core.
//! Never sends a request twice once a byte of it may have left, and takes only what `scheme` has authorized.

mod body;
mod dial;
mod interim;
mod line;

pub use body::{Alarm, Deadline, Driver, Outbound, Waiting, ring_when_due};
pub use dial::{DialError, Endpoint, TlsTrust, cryptography};
pub use line::Inbound;
use line::Line;

use crate::{config::Timeouts, scheme::Outgoing};
use http::{Method, Request, Response, StatusCode, header};
use hyper::client::conn::{TrySendError, http1};
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
    timeouts: Timeouts,
    head_bytes: usize,
}

struct Idle {
    line: Line,
    since: Instant,
}

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Dial(#[from] DialError),
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
        !matches!(self, Self::Dial(_))
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
    pub fn new(timeouts: Timeouts, head_bytes: usize) -> Rc<Self> {
        Rc::new(Self { pools: RefCell::default(), timeouts, head_bytes })
    }

    /// Sends a request to its endpoint and waits for the head of the response.
    pub async fn send(
        self: &Rc<Self>,
        outgoing: Outgoing<Arc<Endpoint>, Outbound>,
        deadline: Deadline,
    ) -> Result<Response<Inbound>, SendError> {
        let (endpoint, mut request) = outgoing.into_parts();
        let repeat = match *request.method() {
            Method::GET | Method::HEAD if request.body().is_empty() => Repeat::Once,
            _ => Repeat::Unsent,
        };
        loop {
            let now = Instant::now();
            let Some(idle) = self.take_idle(endpoint.slot(), now) else {
                let line = deadline.bound(Box::pin(self.connect(&endpoint))).await.ok_or(SendError::Timeout)??;
                return self.exchange(&endpoint, line, request, &deadline).await.map_err(|(error, _)| error);
            };
            let spare = (repeat == Repeat::Once && now - idle.since > RESTED).then(|| copy_of(&request));
            match self.exchange(&endpoint, idle.line, request, &deadline).await {
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
            if idle.line.seems_free() && now - idle.since < self.timeouts.upstream_idle {
                return Some(idle);
            }
            idle.line.retire();
        }
        None
    }

    fn keep(&self, endpoint: u64, line: Line) {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.entry(endpoint).or_default();
        if pool.len() < IDLE_PER_ORIGIN {
            pool.push(Idle { line, since: Instant::now() });
        } else {
            line.retire();
        }
    }

    /// Closes what nobody has used for a while, or the other side has closed.
    pub fn prune(&self) {
        let oldest = self.timeouts.upstream_idle;
        let mut pools = self.pools.borrow_mut();
        pools.retain(|_, pool| {
            let done = |idle: &mut Idle| !idle.line.is_free() || idle.since.elapsed() >= oldest;
            pool.extract_if(.., done).for_each(|idle| idle.line.retire());
            !pool.is_empty()
        });
    }

    /// How many idle connections this core holds.
    pub fn idle(&self) -> usize {
        self.pools.borrow().values().map(Vec::len).sum()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Line, SendError> {
        let stream = endpoint.dial(self.timeouts.connect, self.timeouts.tls_handshake).await?;
        let mut builder = http1::Builder::new();
        builder.max_header_size(self.head_bytes).max_buf_size(READ_BUFFER.max(self.head_bytes));
        Line::begin(stream, &builder).await
    }

    async fn exchange(
        self: &Rc<Self>,
        endpoint: &Arc<Endpoint>,
        mut line: Line,
        request: Request<Outbound>,
        deadline: &Deadline,
    ) -> Result<Response<Inbound>, (SendError, Option<Request<Outbound>>)> {
        let answer = match deadline.bound(line.send(request)).await {
            None => return Err((SendError::Timeout, None)),
            Some(answer) => answer.map_err(explain)?,
        };
        // RFC 9112 §6.3: two lengths in one answer are an attempt at smuggling, or a broken provider.
        let headers = answer.headers();
        let two_lengths =
            headers.contains_key(header::CONTENT_LENGTH) && headers.contains_key(header::TRANSFER_ENCODING);
        if two_lengths || answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err((SendError::Invalid, None));
        }
        Ok(answer.map(|body| Inbound::new(body, line, Rc::clone(self), endpoint.slot())))
    }
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
