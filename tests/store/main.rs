//! What the store promises, on SQLite and on PostgreSQL alike: every public method at least once.

mod place;
mod world;

mod changes;
mod credentials;
mod holders;
mod nouns;
mod opening;
