//! What Bellhop tells about itself while it runs.
//! Owns the form of the log and the figures.
//! Never sees a request's body, and never a secret.

pub mod exposition;
pub mod log;
pub mod metrics;
pub mod process;
