//! Stories of Bellhop as its callers, operators and providers meet it: through its commands and its doors.
//! One file for each theme; each story runs a Bellhop of its own, and ends with a search for secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what is wrong by panicking")]

mod support;

mod authentication;
mod contexts;
mod framing;
mod headers;
mod redirects;
mod routing;
mod upstream_failures;
