//! Several Bellhops on one PostgreSQL, under load, while parts of it fail. Bounded here; with `BELLHOP_SOAK=1`
//! (`tests/all --soak`) the counts and times are those that docs/operations.md states, and each story prints its figures.
//! Faults are injected by a TCP relay before PostgreSQL, by signals, and by PostgreSQL's own means.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test says what is wrong by panicking, and what it measured"
)]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::large_futures,
    clippy::large_stack_arrays,
    reason = "a story is read more often than it runs"
)]

#[allow(dead_code, unused_imports, reason = "shared with the stories of one Bellhop, which need more of it")]
#[path = "../it/support/mod.rs"]
mod support;

mod figures;
mod fleet;
mod load;
mod provider;

mod outage;
mod restart;
mod revocation;
mod scale;
mod weather;

/// Whether the long counts are wanted.
fn soaks() -> bool {
    std::env::var_os("BELLHOP_SOAK").is_some_and(|value| !value.is_empty())
}

/// One of two counts: the short one, or the one of a soak.
fn counts<T>(short: T, soak: T) -> T {
    if soaks() { soak } else { short }
}
