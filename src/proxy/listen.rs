//! The doors of the data plane: accepting, the PROXY protocol, TLS, and which protocol is spoken.
//! Owns a core's listening sockets; a connection is its driver's, in `http1` or `http2`.
//! Never looks into a request: that is `serve`'s.

use super::{
    Core,
    drain::Stage,
    http1, http2,
    link::{Caller, CallerStream, Protocol, Ticket},
    relay::{self, Answer},
};
use crate::{config::ProxyProtocol, forwarded};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep_until, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

/// What arrives at a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// The proxy listener: the provider stands in the path, in the host name, or follows from the token.
    Shared,
    /// A listener of one provider: its place among the configured ones.
    Provider(u16),
}

/// What becomes of connections that wait to be accepted when a core ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// They are served here: closing the socket would reset them.
    Emptied,
    /// Another process has the same socket.
    Left,
}

/// A connection as young as this is waited for when its core ends: what it is to carry may be on its way.
pub const YOUNG: Duration = Duration::from_secs(1);
/// More than the queue of one socket holds, so that emptying it ends.
const MOST_WAITING: usize = 16 * 1024;

/// Accepts until the core drains, and then what still waits.
pub async fn accept(core: Rc<Core>, listener: TcpListener, entry: Entry) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = core.drain.until(Stage::Finishing) => break,
        };
        match accepted {
            Ok((stream, peer)) => take_in(&core, stream, peer, entry),
            // Out of file descriptors, most likely: let some go before asking again.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    if core.queue.get() == Queue::Emptied {
        empty(&core, listener, entry);
    }
}

/// Asks the socket itself: what the runtime has heard of it may be older.
fn empty(core: &Rc<Core>, listener: TcpListener, entry: Entry) {
    let Ok(listener) = listener.into_std() else { return };
    for _ in 0..MOST_WAITING {
        let Ok((stream, peer)) = listener.accept() else { return };
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        if let Ok(stream) = stream {
            take_in(core, stream, peer, entry);
        }
    }
}

fn take_in(core: &Rc<Core>, stream: TcpStream, peer: SocketAddr, entry: Entry) {
    let Some(seat) = core.shared.seats.take() else { return core.lines.turned_away.add(1) };
    let (core, accepted) = (Rc::clone(core), Instant::now());
    // Counted from here: a core that ends looks before the task has run.
    core.is_connected(1);
    tokio::task::spawn_local(async move {
        let _seat = seat;
        welcome(&core, stream, peer.ip(), (entry, accepted)).await;
        core.is_connected(-1);
    });
}

async fn welcome(core: &Rc<Core>, stream: TcpStream, peer: IpAddr, (entry, accepted): (Entry, Instant)) {
    let introduced = tokio::select! {
        introduced = introduce(core, stream, peer, accepted) => introduced,
        () = core.drain.until(Stage::Cutting) => return,
    };
    let Some((stream, caller)) = introduced else { return };
    let link = core.link(caller);
    match caller.protocol {
        Protocol::Http1 => http1::drive(core, stream, link, entry).await,
        Protocol::Http2 => http2::drive(core, stream, link, entry).await,
    }
}

/// What comes before the first request. `None`: the connection is of no use.
async fn introduce(core: &Core, stream: TcpStream, peer: IpAddr, accepted: Instant) -> Option<(CallerStream, Caller)> {
    let _ = stream.set_nodelay(true);
    let settings = core.shared.settings();
    let mut stream = stream;
    let peer = match settings.proxy_protocol {
        ProxyProtocol::Never => peer,
        rule => {
            let source = forwarded::source(&mut stream, peer, rule, &settings.trusted_proxies);
            timeout_at((accepted + settings.timeouts.head).into(), Box::pin(source)).await.ok()??
        }
    };
    let timeouts = settings.timeouts.clone();
    drop(settings);
    let stream = match core.shared.tls() {
        None => CallerStream::Plain(stream),
        Some(config) => {
            let accepting = timeout(timeouts.tls_handshake, TlsAcceptor::from(config).accept(stream));
            let mut stream = accepting.await.ok()?.ok()?;
            stream.get_mut().1.set_buffer_limit(Some(relay::BUFFER));
            CallerStream::Tls(Box::new(stream))
        }
    };
    let protocol = tokio::select! {
        protocol = timeout_at((accepted + timeouts.head).into(), protocol_of(&stream)) => protocol.ok()??,
        () = grown_up(core, accepted) => return None,
    };
    let secure = matches!(stream, CallerStream::Tls(_));
    Some((stream, Caller { peer, protocol, secure, accepted }))
}

/// Ends when the core drains and the connection is not young any more.
async fn grown_up(core: &Core, accepted: Instant) {
    core.drain.until(Stage::Finishing).await;
    sleep_until((accepted + YOUNG).into()).await;
}

/// By ALPN over TLS; in the clear by the first bytes of HTTP/2's preface (RFC 9113 §3.3), which is no HTTP/1 method.
async fn protocol_of(stream: &CallerStream) -> Option<Protocol> {
    let socket = match stream {
        CallerStream::Tls(stream) => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            return Some(if http2 { Protocol::Http2 } else { Protocol::Http1 });
        }
        CallerStream::Plain(socket) => socket,
    };
    const PREFACE: &[u8] = b"PRI * HTTP/2.0";
    let mut first = [0; PREFACE.len()];
    loop {
        let count = socket.peek(&mut first).await.ok().filter(|count| *count > 0)?;
        if first[..count] == *PREFACE {
            return Some(Protocol::Http2);
        }
        if !PREFACE.starts_with(&first[..count]) {
            return Some(Protocol::Http1);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Answers one request of a connection.
pub async fn respond(
    core: Rc<Core>,
    ticket: Ticket,
    entry: Entry,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let mut answer = super::serve(&core, &ticket, entry, request).await;
    let is_last = core.drain.has_begun() && ticket.link().protocol == Protocol::Http1;
    if is_last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer.map(|body| body.with_ticket(ticket)))
}
