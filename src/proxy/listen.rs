//! The doors of the data plane: accepting, TLS, one driver per connection, and rest between requests.
//! Owns a core's connections until they end; knows when they should.
//! Never looks into a request: that is `serve`'s.

use super::{
    Core,
    link::{Caller, CallerStream, Link, LinkIo, Protocol, Ticket},
    refusal::{Refusal, Shape},
    relay::{self, Answer},
    wire::Violation,
};
use crate::upstream::{LocalExecutor, Waiting, ring_when_due};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::{Sleep, sleep_until, timeout},
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

/// A connection that rests this long gives its buffers back and only waits to be read from.
const REST: Duration = Duration::from_millis(250);
/// How long a caller may take to hear the end of a connection.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A timer that would fire this much too late is set anew; one that fires too early just looks again.
const LATENESS: Duration = Duration::from_secs(1);

/// Accepts until the core drains.
pub async fn accept(core: Rc<Core>, listener: TcpListener, entry: Entry) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = core.drain.begun() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(seat) = core.shared.seats.take() else {
                    core.lines.turned_away.add(1);
                    continue;
                };
                let core = Rc::clone(&core);
                tokio::task::spawn_local(async move {
                    let _seat = seat;
                    core.is_connected(1);
                    welcome(&core, stream, peer, entry).await;
                    core.is_connected(-1);
                });
            }
            // Out of file descriptors, most likely: let some go before asking again.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn welcome(core: &Rc<Core>, stream: TcpStream, peer: SocketAddr, entry: Entry) {
    let accepted = Instant::now();
    let _ = stream.set_nodelay(true);
    let timeouts = core.shared.settings().timeouts.clone();
    let stream = match core.shared.tls() {
        None => CallerStream::Plain(stream),
        Some(config) => match timeout(timeouts.tls_handshake, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(mut stream)) => {
                stream.get_mut().1.set_buffer_limit(Some(relay::BUFFER));
                CallerStream::Tls(Box::new(stream))
            }
            _ => return,
        },
    };
    let protocol = tokio::select! {
        protocol = timeout(timeouts.head, protocol_of(&stream)) => protocol,
        () = core.drain.begun() => return,
    };
    let Ok(Some(protocol)) = protocol else { return };
    let secure = matches!(stream, CallerStream::Tls(_));
    let link = core.link(Caller { peer: peer.ip(), protocol, secure, accepted });
    match protocol {
        Protocol::Http1 => drive_http1(core, stream, link, entry).await,
        Protocol::Http2 => drive_http2(core, stream, link, entry).await,
    }
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

type Io = TokioIo<LinkIo>;

/// Serves one HTTP/1 connection: busy while there are requests, at rest between them.
async fn drive_http1(core: &Rc<Core>, stream: CallerStream, link: Rc<Link>, entry: Entry) {
    let mut stream = stream;
    let mut ahead = Bytes::new();
    loop {
        // Boxed, so that a connection at rest does not keep the room.
        match Box::pin(busy(core, stream, &link, entry, ahead)).await {
            Some((rested, read)) => (stream, ahead) = (rested, read),
            None => return,
        }
        if ahead.is_empty() && !rest(core, &stream, &link).await {
            return;
        }
    }
}

/// Runs hyper until the connection ends (`None`) or rests.
async fn busy(
    core: &Rc<Core>,
    stream: CallerStream,
    link: &Rc<Link>,
    entry: Entry,
    ahead: Bytes,
) -> Option<(CallerStream, Bytes)> {
    let io: Io = TokioIo::new(LinkIo::new(stream, Rc::clone(link), ahead));
    // Entered here and not in the future: hyper reads on before it polls that.
    let service = service_fn(|request| respond(Rc::clone(core), link.enter(), entry, request));
    let mut connection = core.http1.serve_connection(io, service);
    let mut timer = pin!(sleep_until(link.alarm.at().into()));
    let mut drain = pin!(core.drain.begun());
    let (mut draining, mut rung) = (false, false);
    let end = poll_fn(|cx| {
        loop {
            if !draining && drain.as_mut().poll(cx).is_ready() {
                draining = true;
                Pin::new(&mut connection).graceful_shutdown();
                if link.is_unused() {
                    return Poll::Ready(End::Closed);
                }
            }
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(if result.is_ok() { End::Closed } else { End::Broken });
            }
            if std::mem::take(&mut rung) && link.alarm.has_rung() {
                // Whoever waited has answered; what is left is for the caller to take.
                link.alarm.set(Instant::now() + link.patience.body_idle, Waiting::Caller);
            }
            match keep_time(link, timer.as_mut(), cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Due::Rest) if !draining => return Poll::Ready(End::Rests),
                // Whoever waits for the provider answers for itself, now that the alarm has rung.
                Poll::Ready(Due::Answer) => rung = true,
                Poll::Ready(Due::Rest | Due::Caller) => return Poll::Ready(End::TooSlow),
            }
        }
    })
    .await;
    finish(end, connection, core, link).await
}

enum End {
    Closed,
    Broken,
    Rests,
    TooSlow,
}

enum Due {
    Rest,
    Caller,
    Answer,
}

fn keep_time(link: &Link, mut timer: Pin<&mut Sleep>, cx: &mut std::task::Context<'_>) -> Poll<Due> {
    if link.is_at_rest() {
        link.begin_rest(REST);
    }
    if link.alarm.at() + LATENESS < timer.deadline().into_std() {
        timer.as_mut().reset(link.alarm.at().into());
    }
    ring_when_due(&link.alarm, timer.as_mut(), cx);
    if !link.alarm.has_rung() {
        return Poll::Pending;
    }
    Poll::Ready(if link.is_at_rest() {
        Due::Rest
    } else if link.is_under_way() && link.alarm.waiting() == Waiting::Provider {
        Due::Answer
    } else {
        Due::Caller
    })
}

async fn finish<S>(
    end: End,
    connection: http1::Connection<Io, S>,
    core: &Core,
    link: &Link,
) -> Option<(CallerStream, Bytes)>
where
    S: hyper::service::HttpService<Incoming, ResBody = Answer>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if let Some(tunnel) = link.take_tunnel() {
        let parts = connection.into_parts();
        // Whoever did not wait for the agreement has sent what was read as a request.
        if matches!(end, End::Closed) && link.violation().is_none() {
            tunnel.run(&core.drain, parts.io.into_inner().into_stream(), parts.read_buf).await;
        }
        return None;
    }
    let refusal = match (end, link.violation()) {
        (End::Rests, _) => {
            let parts = connection.into_parts();
            return Some((parts.io.into_inner().into_stream(), parts.read_buf));
        }
        // Hyper calls it closed when the very first bytes could not be read.
        (End::Broken | End::Closed, Some(violation)) if !link.is_under_way() => refuse(violation),
        (End::TooSlow, None) if !link.is_under_way() => {
            Refusal::bad_request("The request's head took too long.").status(StatusCode::REQUEST_TIMEOUT)
        }
        _ => return None,
    };
    let stream = connection.into_parts().io.into_inner().into_stream();
    let _ = timeout(LAST_WORDS, last_words(stream, refusal)).await;
    None
}

fn refuse(violation: Violation) -> Refusal {
    let refusal = Refusal::bad_request(format!("The request cannot be read safely: {violation}."));
    match violation {
        Violation::HeadTooLarge => refusal.status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Violation::TargetTooLong => refusal.status(StatusCode::URI_TOO_LONG),
        _ => refusal,
    }
}

/// A refusal on a connection that hyper no longer serves.
async fn last_words(stream: CallerStream, refusal: Refusal) -> io::Result<()> {
    let (parts, body) = refusal.close().answer(Shape::default()).into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut text = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", parts.status, body.len()).into_bytes();
    for (name, value) in &parts.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&body);
    let mut stream = stream.boxed();
    stream.write_all(&text).await?;
    stream.shutdown().await
}

/// Waits, holding nothing but the socket. Whether the connection goes on.
async fn rest(core: &Core, stream: &CallerStream, link: &Link) -> bool {
    let until = Instant::now() + link.patience.keep_alive;
    let goes_on = tokio::select! {
        readable = stream.socket().readable() => readable.is_ok(),
        () = sleep_until(until.into()) => false,
        () = core.drain.begun() => false,
    };
    link.end_rest();
    goes_on
}

async fn drive_http2(core: &Rc<Core>, stream: CallerStream, link: Rc<Link>, entry: Entry) {
    let io: Io = TokioIo::new(LinkIo::new(stream, Rc::clone(&link), Bytes::new()));
    let (service_core, service_link) = (Rc::clone(core), Rc::clone(&link));
    let service = service_fn(move |request| respond(Rc::clone(&service_core), service_link.enter(), entry, request));
    let mut connection = pin!(core.http2.serve_connection(io, service));
    let mut draining = pin!(core.drain.begun());
    tokio::select! {
        _ = connection.as_mut() => return,
        () = draining.as_mut() => connection.as_mut().graceful_shutdown(),
        tired = patience_ends(&link) => match tired {
            Tired::OfSilence => connection.as_mut().graceful_shutdown(),
            Tired::OfWaiting => return,
        },
    }
    // What is under way is finished; what nobody takes is not.
    while timeout(link.patience.body_idle, connection.as_mut()).await.is_err() {
        if !link.is_under_way() || link.has_untaken_answer() {
            return;
        }
    }
}

/// Why a connection over HTTP/2 is ended from this side.
enum Tired {
    /// Nothing has been asked for as long as a connection may be kept.
    OfSilence,
    /// Part of an answer was not taken. Hyper asks an answer for more only when there is room, so that it could not
    /// end itself; and one stream cannot be ended from outside, so they all end.
    OfWaiting,
}

const STEP: Duration = Duration::from_secs(5);

async fn patience_ends(link: &Link) -> Tired {
    let mut quiet = Duration::ZERO;
    let step = STEP.min(link.patience.body_idle);
    while quiet < link.patience.keep_alive {
        tokio::time::sleep(step).await;
        if link.has_untaken_answer() {
            return Tired::OfWaiting;
        }
        quiet = if link.is_under_way() { Duration::ZERO } else { quiet + step };
    }
    Tired::OfSilence
}

async fn respond(
    core: Rc<Core>,
    ticket: Ticket,
    entry: Entry,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let answer = super::serve(&core, &ticket, entry, request).await;
    Ok(answer.map(|body| body.with_ticket(ticket)))
}

/// The limits on HTTP/2 that its libraries leave open: h2's own defaults are 16 MiB of headers and any number of streams.
pub fn http2_builder(streams: u32, header_list: u32) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_header_list_size(header_list)
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
