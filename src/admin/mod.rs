//! The admin listener: the management API, whether the process is alive and ready, and its figures.
//! Owns nothing of what it tells.
//! Never on the data plane's address, never reached through a provider's path.

pub mod api;
mod page;
mod session;

use crate::{
    config::Rate, directory::Directory, forwarded, hook::Hooks, jobs::Jobs, manage::Management, source::Sources,
    telemetry::metrics::Metrics,
};
use api::{Api, Guard, Peer};
use axum::{Router, body::Body, extract::State, routing::get};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// What this listener tells about.
pub struct Admin {
    pub directory: Arc<Directory>,
    pub metrics: Arc<Metrics>,
    pub jobs: Arc<Jobs>,
    pub sources: Arc<Sources>,
    pub hooks: Arc<Hooks>,
    pub management: Arc<Management>,
    pub failed_lookups: Rate,
    /// Whether browsers reach it over TLS.
    pub secure: bool,
    pub bound: Bound,
    pub draining: AtomicBool,
}

/// Where this process serves callers, whatever ports were asked for.
pub struct Bound {
    pub proxy: SocketAddr,
    pub providers: BTreeMap<String, SocketAddr>,
}

const CONNECTIONS: usize = 256;
const PATIENCE: Duration = Duration::from_secs(10);

/// Accepts until the process ends.
pub async fn serve(admin: Arc<Admin>, listener: TcpListener, tls: Option<Arc<ServerConfig>>) {
    let (seats, router) = (Arc::new(Semaphore::new(CONNECTIONS)), router(Arc::clone(&admin)));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, door) = (tls.clone(), Door { router: router.clone(), admin: Arc::clone(&admin), peer: peer.ip() });
        tokio::spawn(async move {
            let _seat = seat;
            match tls {
                None => door.talk(stream).await,
                Some(config) => {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await {
                        door.talk(stream).await;
                    }
                }
            }
        });
    }
}

/// One connection's way in.
struct Door {
    router: Router,
    admin: Arc<Admin>,
    peer: IpAddr,
}

impl Door {
    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            let trusted = &self.admin.management.current().config.listen.trusted_proxies;
            let address = forwarded::address(self.peer, request.headers(), trusted);
            request.extensions_mut().insert(Peer(address));
            self.router.clone().oneshot(request)
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(16 * 1024);
        // A caller that breaks off is not our mistake.
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    }
}

/// Everything that is served here.
fn router(admin: Arc<Admin>) -> Router {
    let api = Api {
        management: Arc::clone(&admin.management),
        guard: Arc::new(Guard::new(admin.failed_lookups, admin.secure)),
    };
    let page = page::router(api.clone(), Arc::clone(&admin));
    let plain = Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, "alive\n")))
        .route("/readyz", get(async |State(admin): State<Arc<Admin>>| admin.ready()))
        .route("/metrics", get(async |State(admin): State<Arc<Admin>>| admin.metrics()))
        .with_state(admin);
    plain
        .merge(page)
        .merge(api::router(api))
        .fallback(async || text(StatusCode::NOT_FOUND, "there is nothing of this name here\n"))
}

impl Admin {
    fn metrics(&self) -> Response<Body> {
        let mut response = text(StatusCode::OK, self.figures());
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    /// Ready while requests can be served: a store that is gone for a moment must not take every replica out at once.
    fn ready(&self) -> Response<Body> {
        if self.draining.load(Ordering::Relaxed) {
            text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else if !self.directory.is_fresh() && self.directory.staleness() > self.directory.max_stale() {
            text(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be reached, for longer than store.max_stale\n")
        } else {
            text(StatusCode::OK, "ready\n")
        }
    }

    fn figures(&self) -> String {
        use std::fmt::Write;
        let mut text = self.metrics.render();
        let gauges: [(&str, &str, f64); 3] = [
            ("bellhop_cached_callers", "Callers in the cache.", self.directory.len() as f64),
            (
                "bellhop_store_staleness_seconds",
                "Since the change log was last read to its end.",
                self.directory.staleness().as_secs_f64(),
            ),
            (
                "bellhop_failing_sources",
                "Sources of credentials in use that cannot be read now.",
                self.sources.failing() as f64,
            ),
        ];
        for (name, help, value) in gauges {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        self.submissions(&mut text);
        text
    }

    fn submissions(&self, text: &mut String) {
        use std::fmt::Write;
        let tally = self.jobs.tally();
        let states = [
            ("intended", &tally.intended),
            ("bound", &tally.bound),
            ("refused", &tally.refused),
            ("not_sent", &tally.not_sent),
            ("unknown", &tally.unknown),
        ];
        let name = "bellhop_submissions_total";
        let _ =
            writeln!(text, "# HELP {name} Submissions put on record, and what became of them.\n# TYPE {name} counter");
        for (state, count) in states {
            let _ = writeln!(text, "{name}{{state=\"{state}\"}} {}", count.load(Ordering::Relaxed));
        }
        let others = [
            ("bellhop_withheld_jobs_total", "Answers withheld because they name another member's job.", &tally.foreign),
            ("bellhop_spooled_bindings_total", "Jobs that went on record in the spool first.", &tally.spooled),
        ];
        self.read_sources(text);
        self.told(text);
        for (name, help, count) in others {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
        }
    }
}

impl Admin {
    fn told(&self, text: &mut String) {
        use std::fmt::Write;
        let (name, tally) = ("bellhop_webhook_attempts_total", &self.hooks.tally);
        let _ = writeln!(text, "# HELP {name} Attempts to deliver a message to a webhook.\n# TYPE {name} counter");
        let outcomes = [("delivered", &tally.delivered), ("failed", &tally.failed), ("given_up", &tally.given_up)];
        for (outcome, count) in outcomes {
            let _ = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {}", count.load(Ordering::Relaxed));
        }
    }

    fn read_sources(&self, text: &mut String) {
        use std::fmt::Write;
        let tally = &self.sources.tally;
        let counters = [
            ("bellhop_source_reads_total", "Attempts to read a live source of a credential.", &tally.reads),
            ("bellhop_source_failures_total", "Attempts that failed.", &tally.failures),
            ("bellhop_source_changes_total", "Readings that gave another value than before.", &tally.changes),
        ];
        for (name, help, count) in counters {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
        }
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
