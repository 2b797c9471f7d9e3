//! The configuration: what `bellhop.yaml`, the environment and the flags come to, parsed and valid.
//! Owns the defaults, which the annotated `config/bellhop.yaml` states once more for people; a test compares the two.
//! Reads its sources once and never looks at the environment again.

mod load;
mod oidc;
mod origin;
mod price;
mod quantity;
mod read;
mod sections;
mod sources;
mod tree;
mod url;
mod written;

pub use load::{ConfigError, Environment, Loaded, Sources};
pub use oidc::{ClientSecretSource, FirstSignIn, GroupGrant, GroupRole, IssuerUrl, OidcConfig};
pub use origin::{Origin, Protocol};
pub use price::{Millionths, Price, Prices};
pub use quantity::{Rate, Size, Span};
pub use sources::{LeapConfig, SourcesConfig, VaultConfig, VaultLogin};
pub use url::{BaseUrl, HostPattern, TlsFiles, Upstream};
pub use written::{Expected, Written};

use crate::secret::Secret;
use ipnet::IpNet;
use sections::{RawMasterKey, RawProvider};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

/// Everything that an operator decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[serde(deserialize_with = "written::consistent")]
    pub listen: Listen,
    /// The proxy listeners' certificate; without one they speak plain HTTP.
    #[serde(deserialize_with = "sections::tls_files")]
    pub tls: Option<TlsFiles>,
    #[serde(deserialize_with = "sections::tls_files")]
    pub admin_tls: Option<TlsFiles>,
    /// The store's file, the master key, the spool. Processes of one machine may share it.
    #[serde(deserialize_with = "written::one")]
    pub data_dir: PathBuf,
    pub store: StoreConfig,
    pub master_key: MasterKeySource,
    /// More preset files, or folders of them.
    #[serde(deserialize_with = "written::list")]
    pub presets: Vec<PathBuf>,
    /// What the operator changes of a preset, by the preset's id.
    pub providers: BTreeMap<String, ProviderConfig>,
    pub limits: Limits,
    pub sizes: Sizes,
    pub timeouts: Timeouts,
    pub drain: Drain,
    pub jobs: JobsConfig,
    /// Where live sources of credentials are reached.
    pub sources: SourcesConfig,
    /// An identity provider by which people sign in; `None`: by passwords alone.
    #[serde(deserialize_with = "oidc::section")]
    pub oidc: Option<OidcConfig>,
    #[serde(deserialize_with = "written::consistent")]
    pub tokens: TokenLifetimes,
    pub webhooks: WebhooksConfig,
    pub audit: AuditConfig,
    pub log: Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    #[serde(deserialize_with = "written::one")]
    pub proxy: SocketAddr,
    #[serde(deserialize_with = "written::one")]
    pub admin: SocketAddr,
    /// Listeners of one provider each, whose requests begin at `/`.
    #[serde(deserialize_with = "written::by_name")]
    pub providers: BTreeMap<String, SocketAddr>,
    #[serde(deserialize_with = "written::optional")]
    pub hosts: Option<HostPattern>,
    /// The provider of calls at the root that carry no token.
    pub root: Option<String>,
    /// How callers reach the proxy. `None`: the listener's scheme and the request's Host.
    #[serde(deserialize_with = "written::optional")]
    pub public_url: Option<BaseUrl>,
    #[serde(deserialize_with = "written::optional")]
    pub admin_url: Option<BaseUrl>,
    /// Whose `Forwarded` and `X-Forwarded-*` count, and who is believed with the PROXY protocol.
    #[serde(deserialize_with = "written::list")]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether connections to the proxy listeners begin with the PROXY protocol.
    pub proxy_protocol: ProxyProtocol,
    /// The same of the admin listener.
    pub admin_proxy_protocol: ProxyProtocol,
    /// Data-plane threads, one listener each. `None`: one per core.
    #[serde(deserialize_with = "written::optional")]
    pub workers: Option<NonZeroUsize>,
}

/// What of the PROXY protocol a listener understands: only what trusted proxies say counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyProtocol {
    #[default]
    Never,
    /// A trusted proxy may begin with it; a connection without it is its peer's own.
    Accept,
    /// Every connection comes from a trusted proxy and begins with it; others are closed.
    Require,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `None`: SQLite in `data_dir`.
    #[serde(deserialize_with = "sections::store_url")]
    pub url: Option<Secret>,
    /// Where LISTEN reaches the server, if `url` leads to a pooler that hands out connections for one transaction each.
    #[serde(deserialize_with = "sections::store_url")]
    pub listen_url: Option<Secret>,
    /// How long known callers are served while the store cannot be reached at all.
    #[serde(deserialize_with = "written::span::<0, 86_400, _>")]
    pub max_stale: Duration,
}

/// Where the master key is read from.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "RawMasterKey")]
pub enum MasterKeySource {
    /// `master.key` in `data_dir`.
    DataDir,
    File(PathBuf),
    /// The name of an environment variable.
    Environment(String),
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "RawProvider")]
pub struct ProviderConfig {
    pub upstream: Option<Upstream>,
    /// Certificates to trust for this provider instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Lets requests go to loopback, private and link-local addresses, and over plain HTTP.
    pub allow_private: bool,
    /// Whether people may pay with credentials of their own.
    pub personal: bool,
    /// What its jobs cost, for the ledger and for quotas on money.
    pub prices: Prices,
}

/// How much may come, and how fast. `None` is no limit.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    #[serde(deserialize_with = "written::optional")]
    pub per_token: Option<Rate>,
    #[serde(deserialize_with = "written::optional")]
    pub per_user: Option<Rate>,
    #[serde(deserialize_with = "written::optional")]
    pub per_credential: Option<Rate>,
    /// Of one source network: an IPv4 address, or an IPv6 /64.
    #[serde(deserialize_with = "written::one")]
    pub failed_lookups: Rate,
    /// Open connections to the proxy listeners, in all.
    #[serde(deserialize_with = "written::one")]
    pub connections: NonZeroU32,
}

/// Bounds on what is held in memory at once; bytes unless the name says otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    #[serde(deserialize_with = "written::size::<4_096, 1_048_576, _, _>")]
    pub head: usize,
    #[serde(deserialize_with = "written::size::<16, 1_000, _, _>")]
    pub head_fields: usize,
    #[serde(deserialize_with = "written::size::<1_024, 65_536, _, _>")]
    pub target: usize,
    #[serde(deserialize_with = "written::size::<4_096, 1_048_576, _, _>")]
    pub upstream_head: usize,
    #[serde(deserialize_with = "written::size::<1, 10_000, _, _>")]
    pub h2_streams: u32,
    #[serde(deserialize_with = "written::size::<4_096, 1_048_576, _, _>")]
    pub h2_header_list: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    #[serde(deserialize_with = "written::span::<1, 60, _>")]
    pub tls_handshake: Duration,
    /// The whole head of a connection's first request, counted from accept.
    #[serde(deserialize_with = "written::span::<1, 60, _>")]
    pub head: Duration,
    /// A client's connection between two requests.
    #[serde(deserialize_with = "written::span::<1, 3_600, _>")]
    pub keep_alive: Duration,
    /// Silence inside a request's body, and a reader that takes nothing.
    #[serde(deserialize_with = "written::span::<1, 1_000, _>")]
    pub body_idle: Duration,
    #[serde(deserialize_with = "written::span::<1, 60, _>")]
    pub connect: Duration,
    /// Until the provider's head, where its preset states nothing else.
    #[serde(deserialize_with = "written::span::<1, 1_000, _>")]
    pub upstream_head: Duration,
    /// A pooled connection to a provider that nobody uses.
    #[serde(deserialize_with = "written::span::<1, 3_600, _>")]
    pub upstream_idle: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// Still accepting, but no longer ready, so that a load balancer can look away.
    #[serde(deserialize_with = "written::span::<0, 600, _>")]
    pub delay: Duration,
    /// For whatever can be asked for again; has no effect beyond the deadline.
    #[serde(deserialize_with = "written::span::<0, 3_600, _>")]
    pub poll: Duration,
    /// For what may have cost something; then it is cut.
    #[serde(deserialize_with = "written::span::<0, 3_600, _>")]
    pub deadline: Duration,
}

/// What is done about jobs beside passing on what is asked about them.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Bellhop asks about open jobs itself, so that usage is settled and old credentials are let go.
    pub follow: bool,
    /// How often about each job.
    #[serde(deserialize_with = "written::span::<10, 86_400, _>")]
    pub follow_every: Duration,
}

/// For tokens whose maker states no expiry, and for those who state a late one.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenLifetimes {
    #[serde(deserialize_with = "written::span::<60, 315_360_000, _>")]
    pub default_expiry: Duration,
    #[serde(deserialize_with = "written::span::<60, 315_360_000, _>")]
    pub max_expiry: Duration,
}

/// Which receivers of webhooks may be reached, and are believed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Lets them be at loopback, private and link-local addresses, and over plain HTTP.
    pub allow_private: bool,
    /// Certificates to trust instead of the public ones.
    #[serde(deserialize_with = "written::optional")]
    pub ca_file: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// How long entries are kept. `None`: for ever.
    #[serde(deserialize_with = "written::optional_span::<86_400, 3_153_600_000, _>")]
    pub keep: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Config {
    /// Where people reach the page, on this address or by the name that it has.
    pub fn page_at(&self, admin: SocketAddr) -> String {
        match &self.listen.admin_url {
            Some(url) => url.to_string().trim_end_matches('/').to_owned(),
            None => format!("{}://{admin}", if self.admin_tls.is_some() { "https" } else { "http" }),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            tls: None,
            admin_tls: None,
            data_dir: "./bellhop-data".into(),
            store: StoreConfig::default(),
            master_key: MasterKeySource::DataDir,
            presets: Vec::new(),
            providers: BTreeMap::new(),
            limits: Limits::default(),
            sizes: Sizes::default(),
            timeouts: Timeouts::default(),
            drain: Drain::default(),
            jobs: JobsConfig::default(),
            sources: SourcesConfig::default(),
            oidc: None,
            tokens: TokenLifetimes::default(),
            webhooks: WebhooksConfig::default(),
            audit: AuditConfig::default(),
            log: Log::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            proxy: (Ipv4Addr::LOCALHOST, 8080).into(),
            admin: (Ipv4Addr::LOCALHOST, 8081).into(),
            providers: BTreeMap::new(),
            hosts: None,
            root: None,
            public_url: None,
            admin_url: None,
            trusted_proxies: Vec::new(),
            proxy_protocol: ProxyProtocol::Never,
            admin_proxy_protocol: ProxyProtocol::Never,
            workers: None,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: None, listen_url: None, max_stale: Duration::from_secs(300) }
    }
}

impl Default for ProviderConfig {
    fn default() -> Self {
        Self { upstream: None, ca_file: None, allow_private: false, personal: true, prices: Prices::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const TWENTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
        Self {
            per_token: None,
            per_user: None,
            per_credential: None,
            failed_lookups: Rate { count: TWENTY, per: Duration::from_secs(60), burst: TWENTY },
            connections: NonZeroU32::MIN.saturating_add(9_999),
        }
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            head: 32 * 1024,
            head_fields: 100,
            target: 8 * 1024,
            upstream_head: 64 * 1024,
            h2_streams: 100,
            h2_header_list: 32 * 1024,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            tls_handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            body_idle: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            upstream_head: Duration::from_secs(60),
            upstream_idle: Duration::from_secs(60),
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Duration::ZERO, poll: Duration::from_secs(5), deadline: Duration::from_secs(30) }
    }
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { follow: false, follow_every: Duration::from_secs(300) }
    }
}

impl Default for TokenLifetimes {
    fn default() -> Self {
        Self { default_expiry: Duration::from_secs(90 * 86_400), max_expiry: Duration::from_secs(365 * 86_400) }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

/// The defaults as people read them, with every key explained.
pub const ANNOTATED: &str = include_str!("../../config/bellhop.yaml");

#[cfg(test)]
mod tests;
