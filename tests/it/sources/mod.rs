//! Credentials whose value is read from its source of truth: what is changed there reaches running clients, and a source
//! that fails says so.

mod aws;
mod cast;

mod changing;
mod failing;
mod here;
mod leap;
mod probing;
mod vault;
