//! Rates: how much a token, a user or a credential may ask for in a time, in the whole deployment; and how often a network
//! may guess tokens.
//! Owns a cell for each that is in use, bounded in number, and what this process has leased of each from the store.
//! Never asks the store on a request's way, but where a cell has nothing left and it is not known that the store has
//! nothing either; and never for long.
//!
//! How a rate holds for all processes: the store keeps one cell (the generic cell rate algorithm) for each limit in use and
//! grants small numbers of requests from it to whoever asks, by its own clock. What it grants in all cannot be more than
//! the rate allows, whoever asks; nobody negotiates, and who dies takes a few with it that it had not handed out. What a
//! process has in advance is at most a tenth of the limit over all of them. A process that is alone on SQLite has the cell
//! itself; one that cannot reach the store goes on with the share of the grants that was its own.

mod cell;
mod cells;
mod failed;
mod lease;
mod rates;
mod reserve;
#[cfg(test)]
mod study;

pub use cell::{Cell, Subject};
pub use failed::FailedLookups;
pub use lease::{Leaser, sweep};
pub use rates::{Rates, Verdict};

use std::sync::atomic;
