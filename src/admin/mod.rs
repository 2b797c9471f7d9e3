//! The admin listener: the management API, whether the process is alive and ready, and its figures.
//! Owns nothing of what it tells.
//! Never on the data plane's address, never reached through a provider's path.

pub mod api;
mod figures;
mod listen;
mod page;
mod session;

use crate::{
    config::Rate,
    directory::Directory,
    exchange::Exchanges,
    hook::Hooks,
    jobs::Jobs,
    manage::Management,
    presence::Presence,
    source::Sources,
    store::Store,
    sync::{Pace, census::Counting},
    telemetry::{metrics::Metrics, process::Began},
};
use api::{Api, Guard};
use axum::{Router, body::Body, extract::State, routing::get};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
pub use listen::Stage;
use rustls::ServerConfig;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{net::TcpListener, sync::watch};

/// What this listener tells about.
pub struct Admin {
    pub began: Began,
    pub directory: Arc<Directory>,
    pub store: Store,
    pub presence: Arc<Presence>,
    pub counting: Arc<Counting>,
    pub exchanges: Arc<Exchanges>,
    pub metrics: Arc<Metrics>,
    pub jobs: Arc<Jobs>,
    pub sources: Arc<Sources>,
    pub hooks: Arc<Hooks>,
    pub pace: Arc<Pace>,
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

/// Accepts until the process ends, and ends its connections in order.
pub async fn serve(
    admin: Arc<Admin>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    stage: watch::Receiver<Stage>,
) {
    let router = router(Arc::clone(&admin));
    listen::serve(admin, router, listener, (tls, stage)).await;
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
        match self.not_ready() {
            Some(because) => text(StatusCode::SERVICE_UNAVAILABLE, because),
            None => text(StatusCode::OK, "ready\n"),
        }
    }

    fn not_ready(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            Some("draining\n")
        } else if !self.directory.is_fresh() && self.directory.staleness() > self.directory.max_stale() {
            Some("the store cannot be reached, for longer than store.max_stale\n")
        } else {
            None
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
