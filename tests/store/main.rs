//! What the store promises, on SQLite and on PostgreSQL alike: every public method at least once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, also in what helps it, and says what it skips"
)]

mod place;
mod shop;
mod world;

mod answers;
mod census;
mod changes;
mod credentials;
mod file;
mod holders;
mod identities;
mod jobs;
mod nouns;
mod opening;
mod plans;
mod processes;
mod quotas;
mod rates;
mod retention;
mod sources;
mod speed;
mod usage;
mod webhooks;
