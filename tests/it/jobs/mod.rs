//! Jobs: on record before they are sent, bound to what made them, private to their member, counted once.
//! Each story is told on SQLite and on PostgreSQL.

pub mod office;
pub mod place;

mod affinity;
mod binding;
mod callers;
mod crash;
mod hands;
mod isolation;
mod ledger;
mod outage;
mod positions;
mod unknown;
