//! Stories of Bellhop as its callers, operators and providers meet it: through its commands and its doors.
//! One file for each theme; each story runs a Bellhop of its own, and ends with a search for secrets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what is wrong by panicking, and then what Bellhop logged"
)]
#![allow(
    clippy::float_cmp,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::large_futures,
    clippy::large_stack_arrays,
    reason = "a story is read more often than it runs; counters are whole numbers"
)]

mod support;

mod admin;
mod apply;
mod authentication;
mod boundaries;
mod browser;
mod configuration;
mod contexts;
mod doctor;
mod echo;
mod explain;
mod framing;
mod grpc;
mod headers;
mod http2;
mod jobs;
mod keeping;
mod keys;
mod limits;
mod log;
mod logins;
mod management;
mod oidc;
mod page;
mod pointing;
mod postgres;
mod presets;
mod proxy_protocol;
mod rates;
mod receipts;
mod redirects;
mod refusals;
mod reload_and_drain;
mod restarts;
mod revocation;
mod rewriting;
mod routing;
mod service_manager;
mod signatures;
mod sources;
mod store_outage;
mod streaming;
mod telemetry;
mod time;
mod tls;
mod upstream_connections;
mod upstream_failures;
mod websocket_and_upgrade;
mod whoami;
