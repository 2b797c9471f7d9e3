//! Connections of the admin listener: over TLS HTTP/2 or HTTP/1.1, as the caller chooses; without it HTTP/1.1.
//! Owns how many there are at once, and how long one may stay without asking for anything.
//! Never leaves a limit to what a library thinks of it.

use super::{Admin, api::Peer};
use crate::forwarded;
use axum::{Router, body::Body};
use http::{HeaderValue, Request, header};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::{
    convert::Infallible,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

const CONNECTIONS: usize = 256;
const STREAMS: u32 = 32;
/// For a handshake, for a head, and between one request and the next.
const PATIENCE: Duration = Duration::from_secs(10);
const HEAD: u32 = 16 * 1024;

/// How far this listener's end has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    Serving,
    /// Another process accepts here; who is connected is answered.
    Leaving,
    Ending,
}

/// Told of each step.
#[derive(Clone)]
struct Told(watch::Receiver<Stage>);

impl Told {
    /// Also when nobody is left to tell it.
    async fn until(&mut self, stage: Stage) {
        let _ = self.0.wait_for(|at| *at >= stage).await;
    }
}

/// Accepts until it is told to leave, and returns when the last connection has ended.
pub async fn serve(
    admin: Arc<Admin>,
    router: Router,
    listener: TcpListener,
    (tls, stage): (Option<Arc<ServerConfig>>, watch::Receiver<Stage>),
) {
    let (seats, mut told) = (Arc::new(Semaphore::new(CONNECTIONS)), Told(stage));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = told.until(Stage::Leaving) => break,
        };
        let (Ok(seat), Ok((stream, peer))) = (seat, accepted) else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let door = Door { router: router.clone(), admin: Arc::clone(&admin), peer: peer.ip() };
        let (tls, told) = (tls.clone(), told.clone());
        connections.spawn(async move {
            let _seat = seat;
            door.welcome(stream, tls, told).await;
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection's way in.
struct Door {
    router: Router,
    admin: Arc<Admin>,
    peer: IpAddr,
}

impl Door {
    async fn welcome(mut self, mut stream: TcpStream, tls: Option<Arc<ServerConfig>>, told: Told) {
        let (rule, trusted) = {
            let current = self.admin.management.current();
            (current.config.listen.admin_proxy_protocol, current.config.listen.trusted_proxies.clone())
        };
        let source = forwarded::source(&mut stream, self.peer, rule, &trusted);
        let Ok(Some(peer)) = timeout(PATIENCE, source).await else { return };
        self.peer = peer;
        let door = Arc::new(self);
        let Some(config) = tls else { return door.talk_http1(stream, told).await };
        let Ok(Ok(stream)) = timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            door.talk_http2(stream, told).await;
        } else {
            door.talk_http1(stream, told).await;
        }
    }

    async fn talk_http1(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin, mut told: Told) {
        let service = service_fn(move |request| Arc::clone(&self).answer(request));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD as usize);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            // A caller that breaks off is not our mistake.
            _ = connection.as_mut() => return,
            () = told.until(Stage::Ending) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn talk_http2(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin, mut told: Told) {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let service = service_fn(move |request| {
            count.fetch_add(1, Ordering::Relaxed);
            Arc::clone(&self).answer(request)
        });
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD)
            .max_send_buf_size(64 * 1024)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(PATIENCE);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut before = 0;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = told.until(Stage::Ending) => break,
                () = sleep(PATIENCE) => {}
            }
            let now = asked.load(Ordering::Relaxed);
            if now == before {
                break;
            }
            before = now;
        }
        // One that has said nothing at all would be waited for without end: there is no preface to answer yet.
        if asked.load(Ordering::Relaxed) == 0 {
            return;
        }
        // What is under way is answered to its end.
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<http::Response<Body>, Infallible> {
        let mut request = request.map(Body::new);
        // HTTP/2 says it in a field of its own (RFC 9113, section 8.3.1).
        let authority = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        if let Some(host) = authority.filter(|_| !request.headers().contains_key(header::HOST)) {
            request.headers_mut().insert(header::HOST, host);
        }
        let trusted = &self.admin.management.current().config.listen.trusted_proxies;
        let address = forwarded::address(self.peer, request.headers(), trusted);
        request.extensions_mut().insert(Peer(address));
        self.router.clone().oneshot(request).await
    }
}
