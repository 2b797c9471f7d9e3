//! The admin listener: the management API, whether the process is alive and ready, and its figures.
//! Owns nothing of what it tells.
//! Never on the data plane's address, never reached through a provider's path.

pub mod api;
mod listen;
mod page;
mod session;

use crate::{
    config::Rate, directory::Directory, hook::Hooks, jobs::Jobs, manage::Management, presence::Following,
    source::Sources, sync::Pace, telemetry::metrics::Metrics,
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
    pub directory: Arc<Directory>,
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
        let gauges: [(&str, &str, f64); 5] = [
            (
                "bellhop_followed_change",
                "The number of the last change that is in force here.",
                self.pace.followed() as f64,
            ),
            (
                "bellhop_follower_listening",
                "1 while the store tells of changes, 0 while they are looked for (SQLite: always 0).",
                f64::from(u8::from(self.pace.is_listening())),
            ),
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
        let help = "From a change's being made to its being in force in this process: how long a revoked token works.";
        self.pace.lag.render(&mut text, "bellhop_change_lag_seconds", help);
        let counters = [
            ("bellhop_follower_failures_total", "Attempts to follow the change log that failed.", &self.pace.failures),
            (
                "bellhop_follower_restarts_total",
                "How often all that is cached had to be asked for again, because the log was another.",
                &self.pace.starts_over,
            ),
        ];
        for (name, help, count) in counters {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
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
