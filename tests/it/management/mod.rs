//! The management API: who may do what through it, and what it answers.

mod cast;
mod credentials;
mod document;
mod explaining;
mod probing;
mod remote;
mod remote_credentials;
mod table;
mod tokens;
