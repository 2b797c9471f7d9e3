//! Bellhop: a credential-injecting reverse proxy between quantum jobs and quantum backend providers.
//!
//! The map. A module imports what stands in a row below its own, or in its own row without cycles;
//! `tests/architecture.rs` holds the same table and enforces it.
//!
//! | row | modules |
//! |---|---|
//! | top | [`cli`] the commands · [`app`] puts the parts together |
//! | doors | [`proxy`] the data plane · [`admin`] the management API, health and metrics |
//! | acts | [`manage`] who may change what, and how |
//! | machines | [`ask`] asks a provider itself · [`directory`] who is calling, and with what · [`exchange`] makes access tokens · [`hook`] tells of what happens · [`jobs`] puts on record · [`limits`] · [`oidc`] the identity provider · [`presence`] who else serves, and whose turn it is · [`scheme`] attaches credentials · [`source`] reads live credentials · [`sync`] follows the store, and tells of it outside · [`upstream`] connections to providers |
//! | keep | [`vault`] seals secrets · [`store`] everything durable |
//! | facts | [`provider`] presets · [`identity`] users, roles, tokens · [`credential`] whose token pays · [`job`] what is on record · [`point`] points SDKs at Bellhop |
//! | ground | [`config`] · [`telemetry`] · [`secret`] · [`id`] · [`clock`] · [`forwarded`] · [`spelled`] |
//!
//! The life of a request, in `proxy::serve`: accept → route (a login is answered here and now) → authenticate → admit →
//! errand (what of the record it names) → verify (its signature, if that is how it signs in) → resolve → confine (to
//! what this caller may reach) → access (what the credential is exchanged for) → authorize → forward, or submit what
//! makes a job → renew (a value that was refused) → relay.
//! Each step returns the evidence that the next one asks for.

#![forbid(unsafe_code)]

pub mod admin;
pub mod app;
pub mod ask;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credential;
pub mod directory;
pub mod exchange;
pub mod forwarded;
pub mod hook;
pub mod id;
pub mod identity;
pub mod job;
pub mod jobs;
pub mod limits;
pub mod manage;
pub mod oidc;
pub mod point;
pub mod presence;
pub mod provider;
pub mod proxy;
pub mod scheme;
pub mod secret;
pub mod source;
pub mod spelled;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod upstream;
pub mod vault;
