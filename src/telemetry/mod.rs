//! What Bellhop tells about itself while it runs.
//! Owns the form of the log.
//! Never sees a request's body, and never a secret.

pub mod log;
