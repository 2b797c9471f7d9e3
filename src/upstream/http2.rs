//! HTTP/2 to a provider: requests are the streams of a connection that they share.
//! Owns the shared connections of its core, and knows which of them can take another stream.
//! Never sends a request twice: only one that a connection hands back unsent goes to another.

use super::{Deadline, Endpoint, Open, Outbound, SendError, explain};
use crate::{
    config::{Sizes, Timeouts},
    telemetry::metrics::LineMetrics,
};
use http::{Request, Response, Uri, Version, header, uri::PathAndQuery};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;

/// What a provider may send of one answer before it is taken. A connection has room for that of each of its streams, so
/// that callers who take nothing hold up nobody else's.
const STREAM_WINDOW: u32 = 64 * 1024;
/// A connection that a provider keeps closing is given up after so many.
const ATTEMPTS: u32 = 3;

/// Runs what belongs to a connection on the core that has it.
#[derive(Clone, Copy)]
pub struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// The shared connections of one core, by endpoint.
pub struct Lines {
    by_endpoint: RefCell<HashMap<u64, Vec<Rc<Line>>>>,
    timeouts: Timeouts,
    streams: u32,
    header_list: u32,
    counted: Arc<LineMetrics>,
}

/// One connection, from when it is asked for. It is made once for all who wait for it.
#[derive(Default)]
struct Line {
    sender: OnceCell<SendRequest<Outbound>>,
    /// It did not come about; whoever still waits for it is told.
    failed: Cell<bool>,
    used: Cell<Option<Instant>>,
}

/// A stream of a connection, until its answer has been read or is dropped.
pub struct Stream(Rc<Line>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.used.set(Some(Instant::now()));
    }
}

impl Line {
    fn is_over(&self) -> bool {
        self.failed.get() || self.sender.get().is_some_and(SendRequest::is_closed)
    }

    fn is_idle(&self, since: Duration) -> bool {
        self.used.get().is_some_and(|used| used.elapsed() >= since)
    }
}

impl Lines {
    pub fn new(timeouts: Timeouts, sizes: &Sizes, counted: Arc<LineMetrics>) -> Self {
        let (streams, header_list) = (sizes.h2_streams, sizes.h2_header_list);
        Self { by_endpoint: RefCell::default(), timeouts, streams, header_list, counted }
    }

    pub async fn send(
        &self,
        endpoint: &Arc<Endpoint>,
        request: Request<Outbound>,
        deadline: &Deadline,
    ) -> Result<(Response<Incoming>, Stream), SendError> {
        let mut request = addressed(request, endpoint);
        for _ in 0..ATTEMPTS {
            let stream = self.stream(endpoint.slot());
            let connected = stream.0.sender.get_or_try_init(|| self.connect(endpoint, &stream.0));
            let mut sender = deadline.bound(connected).await.ok_or(SendError::Timeout)??.clone();
            match deadline.bound(sender.try_send_request(request)).await {
                None => return Err(SendError::Timeout),
                Some(Ok(answer)) => return Ok((answer, stream)),
                Some(Err(error)) => match explain(error) {
                    (_, Some(unsent)) => request = unsent,
                    (error, None) => return Err(error),
                },
            }
        }
        Err(SendError::Unsent)
    }

    /// A stream of the first connection that has room for one, else of a new one.
    fn stream(&self, endpoint: u64) -> Stream {
        let mut by_endpoint = self.by_endpoint.borrow_mut();
        let lines = by_endpoint.entry(endpoint).or_default();
        lines.retain(|line| !line.is_over());
        let most = self.streams as usize;
        // One count is the list's own.
        let free = lines.iter().find(|line| Rc::strong_count(line) <= most);
        let line = free.cloned().unwrap_or_else(|| {
            let line = Rc::new(Line::default());
            lines.push(Rc::clone(&line));
            line
        });
        Stream(line)
    }

    async fn connect(&self, endpoint: &Endpoint, line: &Line) -> Result<SendRequest<Outbound>, SendError> {
        if line.failed.get() {
            return Err(super::DialError::Refused.into());
        }
        let sender = self.handshake(endpoint).await;
        line.failed.set(sender.is_err());
        sender
    }

    async fn handshake(&self, endpoint: &Endpoint) -> Result<SendRequest<Outbound>, SendError> {
        self.counted.dialled.add(1);
        let stream = endpoint.dial(self.timeouts.connect, self.timeouts.tls_handshake).await?;
        let mut builder = Builder::new(LocalExecutor);
        builder
            .timer(TokioTimer::new())
            .initial_max_send_streams(self.streams as usize)
            .max_header_list_size(self.header_list)
            .max_send_buf_size(STREAM_WINDOW as usize)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW.saturating_mul(self.streams).min(i32::MAX as u32))
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10));
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| SendError::Unsent)?;
        let open = Open::count(&self.counted);
        tokio::task::spawn_local(async move {
            let _open = open;
            // What goes wrong here also reaches whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(sender)
    }

    /// Closes what nobody has used for a while.
    pub fn prune(&self) {
        let oldest = self.timeouts.upstream_idle;
        self.by_endpoint.borrow_mut().retain(|_, lines| {
            lines.retain(|line| !line.is_over() && (Rc::strong_count(line) > 1 || !line.is_idle(oldest)));
            !lines.is_empty()
        });
    }
}

/// RFC 9113 §8.3.1: the origin stands in fields of its own, and nothing says how the message is framed.
fn addressed(mut request: Request<Outbound>, endpoint: &Endpoint) -> Request<Outbound> {
    let target = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let origin = endpoint.origin();
    let uri = Uri::builder().scheme(origin.protocol.as_str()).authority(origin.authority()).path_and_query(target);
    // An endpoint's origin was checked when it was made.
    *request.uri_mut() = uri.build().unwrap_or_default();
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(header::HOST);
    request.headers_mut().remove(header::TRANSFER_ENCODING);
    request
}
