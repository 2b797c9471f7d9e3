//! What every story stands on: Bellhop as a process of its own, a provider that we control to the byte, and callers.
//! Owns nothing that outlives a story; each has a fresh folder and free ports.
//! Never looks inside of Bellhop: stories use its commands, its listeners and its files.

pub mod answer;
pub mod bao;
pub mod bellhop;
pub mod canary;
pub mod cast;
pub mod certificates;
pub mod grpc;
pub mod http2;
pub mod intake;
pub mod line;
pub mod outgoing;
pub mod pat;
pub mod postgres;
pub mod provider_line;
pub mod signed;
pub mod site;
pub mod soon;
pub mod state;
pub mod upstream;

pub use answer::Answer;
pub use bellhop::Bellhop;
pub use line::Line;
pub use outgoing::Ask;
pub use pat::Pat;
pub use provider_line::ProviderLine;
pub use site::{Run, Site};
pub use soon::{eventually, within};
pub use upstream::{Reply, Upstream};

/// A provider token of Ada's own. All of them end alike, so that one search finds each.
pub const ADA_KEY: &str = "fake-ada-ionq-key-canary";
/// A provider token that an organization shares.
pub const ACME_KEY: &str = "fake-acme-ionq-key-canary";
/// A provider token of one project.
pub const OPTICS_KEY: &str = "fake-optics-ionq-key-canary";
/// A question about nobody's job: open to whoever may pay, whoever pays.
pub const CATALOGUE: &str = "/ionq/v0.4/backends/qpu.aria-1/characterizations";
/// A POST that submits nothing: it passes as it comes, under a key of one's own.
pub const UNLISTED: &str = "/ionq/v0.4/unlisted";
