//! Stories of Bellhop as its callers, operators and providers meet it: through its commands and its doors.
//! One file for each theme; each story runs a Bellhop of its own, and ends with a search for secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what is wrong by panicking")]

mod support;

mod apply;
mod authentication;
mod configuration;
mod contexts;
mod echo;
mod framing;
mod headers;
mod keys;
mod limits;
mod redirects;
mod reload_and_drain;
mod revocation;
mod routing;
mod store_outage;
mod time;
mod tls;
mod upstream_failures;
