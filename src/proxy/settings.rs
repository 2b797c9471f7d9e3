//! What the data plane is told: by the configuration, through the catalogue of providers, and anew at each reload.
//! Owns the settings in force, the endpoints of providers, and what all cores share.
//! A reload replaces everything at once; a request keeps the settings that it began with.

use super::{
    Asked,
    errand::ReadingRoom,
    hot::{CallerLimits, Hot},
    refusal::{self, Code, Refusal, Shape},
    route::Doors,
    sending::Figures,
    signature::in_origin,
    wire::HeadLimits,
};
use crate::{
    clock::Clock,
    config::{Config, HostPattern, Limits, Origin, ProxyProtocol, Rate, Sizes, Timeouts},
    directory::Directory,
    exchange::Exchanges,
    hook::Refusals,
    id::CredentialId,
    identity::TokenHolder,
    jobs::Jobs,
    limits::{Cell, FailedLookups, Rates, Subject},
    provider::{
        Catalog, Provider, ServiceIndex,
        fields::items,
        preset::{Selector, Slot, Wire, Wording, operation::Kind},
    },
    scheme::{minted::Minter, sigv4::Verified},
    telemetry::metrics::{CoreMetrics, KINDS, Metrics, ProviderMetrics},
    upstream::{DialError, Endpoint, TlsTrust},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use dashmap::DashMap;
use http::HeaderMap;
use ipnet::IpNet;
use rustls::ServerConfig;
use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// One consistent set of settings.
pub struct Settings {
    pub catalog: Catalog,
    /// Every place in which some provider's SDK puts a token, for requests that name no provider.
    pub(super) every_slot: Vec<Slot>,
    pub(super) root: Option<Box<str>>,
    pub(super) public_url: Option<String>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) proxy_protocol: ProxyProtocol,
    pub(super) limits: Limits,
    pub(super) sizes: Sizes,
    pub(super) timeouts: Timeouts,
    hosts: Option<HostPattern>,
    ports: Vec<Box<str>>,
    /// By the provider's index.
    trust: Vec<TlsTrust>,
    endpoints: DashMap<(u16, Wire, Origin), Arc<Endpoint>>,
    ids: Arc<[Box<str>]>,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("providers.{provider}.ca_file: {problem}")]
    CaFile { provider: Box<str>, problem: String },
    #[error("{key}: there is no provider `{provider}`; known are {known}")]
    UnknownProvider { key: &'static str, provider: Box<str>, known: String },
}

impl Settings {
    pub fn new(config: &Config, catalog: Catalog) -> Result<Self, SettingsError> {
        let trust = trust(&catalog)?;
        let known = |key, id: &str| {
            let all = || catalog.iter().map(|p| p.id()).collect::<Vec<_>>().join(", ");
            let found = catalog.find(id).map(|_| id.into());
            found.ok_or_else(|| SettingsError::UnknownProvider { key, provider: id.into(), known: all() })
        };
        let ports = config.listen.providers.keys().map(|id| known("listen.providers", id)).collect::<Result<_, _>>()?;
        let root = config.listen.root.as_deref().map(|id| known("listen.root", id)).transpose()?;
        let mut every_slot: Vec<Slot> = Vec::new();
        for slot in catalog.iter().flat_map(|provider| provider.slots()) {
            if !every_slot.contains(slot) {
                every_slot.push(slot.clone());
            }
        }
        Ok(Self {
            every_slot,
            root,
            public_url: config.listen.public_url.as_ref().map(ToString::to_string),
            trusted_proxies: config.listen.trusted_proxies.clone(),
            proxy_protocol: config.listen.proxy_protocol,
            limits: config.limits.clone(),
            sizes: config.sizes.clone(),
            timeouts: config.timeouts.clone(),
            hosts: config.listen.hosts.clone(),
            ports,
            trust,
            endpoints: DashMap::new(),
            ids: catalog.iter().map(|p| p.id().into()).collect(),
            catalog,
        })
    }

    pub(super) fn head_limits(&self) -> HeadLimits {
        HeadLimits { bytes: self.sizes.head, fields: self.sizes.head_fields, target: self.sizes.target }
    }
}

/// Whom each provider's connections trust, in the order of the catalogue.
pub fn trust(catalog: &Catalog) -> Result<Vec<TlsTrust>, SettingsError> {
    let public = TlsTrust::public();
    let of = |provider: &Arc<Provider>| match provider.ca_file() {
        None => Ok(public.clone()),
        Some(file) => TlsTrust::of_file(file)
            .map_err(|error| SettingsError::CaFile { provider: provider.id().into(), problem: error.to_string() }),
    };
    catalog.iter().map(of).collect()
}

/// What the data plane stands on.
pub struct Machines {
    pub directory: Arc<Directory>,
    pub jobs: Arc<Jobs>,
    pub exchanges: Arc<Exchanges>,
    pub minter: Minter,
    pub refusals: Arc<Refusals>,
    pub rates: Arc<Rates>,
}

/// What every core has in common.
pub struct Shared {
    pub directory: Arc<Directory>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) exchanges: Arc<Exchanges>,
    pub(super) minter: Minter,
    pub(super) refusals: Arc<Refusals>,
    pub(super) room: ReadingRoom,
    pub metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) rates: Arc<Rates>,
    pub(super) failed: FailedLookups,
    pub(super) seats: Seats,
    settings: ArcSwap<Settings>,
    version: AtomicU64,
    tls: ArcSwapOption<ServerConfig>,
}

impl Shared {
    pub fn new(settings: Settings, machines: Machines, clock: Clock) -> Arc<Self> {
        let Machines { directory, jobs, exchanges, minter, refusals, rates } = machines;
        Arc::new(Self {
            directory,
            jobs,
            exchanges,
            minter,
            refusals,
            room: ReadingRoom::default(),
            metrics: Arc::new(Metrics::new(kind_names(), Code::ALL.iter().map(|code| code.as_str()).collect())),
            clock,
            rates,
            failed: FailedLookups::new(settings.limits.failed_lookups),
            seats: Seats(Arc::new(AtomicU32::new(settings.limits.connections.get()))),
            settings: ArcSwap::from_pointee(settings),
            version: AtomicU64::new(0),
            tls: ArcSwapOption::empty(),
        })
    }

    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Puts new settings in force for every request that begins from now on.
    pub fn reload(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.version.fetch_add(1, Ordering::Release);
        self.directory.forget_grants();
    }

    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.load_full()
    }

    /// A new certificate, for connections from now on.
    pub fn set_tls(&self, config: Option<Arc<ServerConfig>>) {
        self.tls.store(config);
    }

    /// By the settings in force, also for a request that began before them: what is made of it outlives that request.
    pub(super) fn caller_limits(&self, holder: &TokenHolder) -> CallerLimits {
        let settings = self.settings.load();
        let of = |subject, rate: Option<Rate>| rate.map(|rate| self.rates.of(subject, rate));
        CallerLimits {
            token: of(Subject::Token(holder.token), settings.limits.per_token),
            user: of(Subject::User(holder.standing.user), settings.limits.per_user),
        }
    }

    pub(super) fn credential_limit(&self, credential: CredentialId) -> Option<Arc<Cell>> {
        let rate = self.settings.load().limits.per_credential;
        rate.map(|rate| self.rates.of(Subject::Credential(credential), rate))
    }
}

/// Places for connections, over all cores.
pub struct Seats(Arc<AtomicU32>);

/// A taken place, free again when dropped.
pub struct Seat(Arc<AtomicU32>);

impl Seats {
    pub fn take(&self) -> Option<Seat> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1));
        taken.ok().map(|_| Seat(Arc::clone(&self.0)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The settings in force on one core, with the core's counters for them.
pub struct Current {
    pub(super) settings: Arc<Settings>,
    pub(super) metrics: Arc<CoreMetrics>,
    version: u64,
}

impl Current {
    pub(super) fn new(shared: &Shared) -> Self {
        let version = shared.version.load(Ordering::Acquire);
        let settings = shared.settings();
        let metrics = shared.metrics.core(&settings.ids);
        Self { settings, metrics, version }
    }

    pub(super) fn is_of(&self, shared: &Shared) -> bool {
        self.version == shared.version.load(Ordering::Acquire)
    }

    pub(super) fn doors(&self) -> Doors<'_> {
        let Settings { catalog, hosts, ports, .. } = &*self.settings;
        Doors { catalog, hosts: hosts.as_ref(), ports }
    }

    pub(super) fn figures(&self, provider: &Provider, kind: Option<Kind>) -> Option<Figures<'_>> {
        let provider = self.metrics_of(Some(provider.index()))?;
        Some(Figures { provider, operation: &provider.operations[kind_place(kind)] })
    }

    pub(super) fn metrics_of(&self, provider: Option<u16>) -> Option<&ProviderMetrics> {
        self.metrics.providers.get(usize::from(provider?))
    }

    /// How this provider's SDKs want to be refused.
    pub(super) fn shape(&self, provider: Option<u16>, wording: Wording) -> Shape<'_> {
        let provider = provider.and_then(|index| self.settings.catalog.at(index));
        Shape { errors: provider.map(|p| &p.preset().errors), wording }
    }

    /// Where this request goes.
    pub(super) fn endpoint(
        &self,
        asked: &Asked<'_>,
        grant: Option<&Hot>,
        headers: &HeaderMap,
        signed: Option<&Verified>,
    ) -> Result<Arc<Endpoint>, Refusal> {
        let service = asked.provider.service(asked.path().as_bytes());
        if let Some(region) = region(asked, service, grant, headers)? {
            return self.intern(asked, asked.provider.wire(service), region);
        }
        // Where a signature chooses the region, the service alone does not say where its requests go.
        let kept = grant.filter(|_| signed.is_none());
        if let Some(endpoint) = kept.and_then(|hot| hot.endpoint(service)) {
            return Ok(endpoint);
        }
        let endpoint = self.service_endpoint(asked, service, grant, signed)?;
        if let Some(hot) = kept {
            hot.keep_endpoint(service, &endpoint);
        }
        Ok(endpoint)
    }

    /// Where the credential of this request is exchanged.
    pub(super) fn login_endpoint(&self, asked: &Asked<'_>, grant: &Hot) -> Result<Arc<Endpoint>, Refusal> {
        let service = asked.provider.preset().exchange.as_ref().map(|exchange| exchange.service);
        self.service_endpoint(asked, service.unwrap_or_default(), Some(grant), None)
    }

    fn service_endpoint(
        &self,
        asked: &Asked<'_>,
        service: ServiceIndex,
        grant: Option<&Hot>,
        signed: Option<&Verified>,
    ) -> Result<Arc<Endpoint>, Refusal> {
        let origin = asked.provider.origin(service, |field| {
            in_origin(field, signed).or_else(|| grant.and_then(|hot| hot.grant.fields.plain(field)))
        });
        let origin = origin.map_err(|error| {
            Refusal::new(Code::NoCredential, format!("The stored credential does not say where to go: {error}."))
        })?;
        self.intern(asked, asked.provider.wire(service), origin)
    }

    fn intern(&self, asked: &Asked<'_>, wire: Wire, origin: Origin) -> Result<Arc<Endpoint>, Refusal> {
        self.known_endpoint(asked, wire, origin).map_err(|error| {
            let detail = format!("The address of {} is not usable: {error}.", asked.provider.id());
            Refusal::new(Code::UpstreamUnreachable, detail)
        })
    }

    /// One endpoint, and so one pool on each core, for each provider, origin, and what is spoken to it.
    fn known_endpoint(&self, asked: &Asked<'_>, wire: Wire, origin: Origin) -> Result<Arc<Endpoint>, DialError> {
        let index = asked.provider.index();
        let key = (index, wire, origin);
        if let Some(made) = self.settings.endpoints.get(&key) {
            return Ok(Arc::clone(&made));
        }
        let origin = key.2.clone();
        let made = self.settings.endpoints.entry(key).or_try_insert_with(|| {
            let trust = self.settings.trust.get(usize::from(index)).ok_or(DialError::ServerName)?;
            Endpoint::speaking(wire, origin, trust, asked.provider.allows_private())
        })?;
        Ok(Arc::clone(&made))
    }
}

/// The origin of the region that the request is for, where a header says so: the caller's, else what the credential
/// sets there.
fn region(
    asked: &Asked<'_>,
    service: ServiceIndex,
    grant: Option<&Hot>,
    headers: &HeaderMap,
) -> Result<Option<Origin>, Refusal> {
    let preset = asked.provider.preset();
    let Some(regions) = preset.regions.as_ref().filter(|_| service == ServiceIndex::MAIN) else { return Ok(None) };
    let of_credential = || {
        let selector = preset.selectors.iter().find_map(|selector| match selector {
            Selector::Header { name, field } if *name == regions.header => Some(field),
            _ => None,
        });
        items(grant?.grant.fields.plain(selector?)?).next()
    };
    let value = headers.get(&regions.header).map(|value| value.to_str().unwrap_or_default()).or_else(of_credential);
    let Some(value) = value else { return Ok(None) };
    let origin = regions.of(value).and_then(|region| asked.provider.region(region));
    origin.map(Some).ok_or_else(|| refusal::region_not_listed(asked, regions))
}

const fn kind_names() -> [&'static str; KINDS] {
    let mut names = ["unlisted"; KINDS];
    let mut at = 0;
    while at < Kind::ALL.len() {
        names[at] = Kind::ALL[at].as_str();
        at += 1;
    }
    names
}

/// Where a kind stands among the counters; unlisted operations come last.
pub fn kind_place(kind: Option<Kind>) -> usize {
    kind.and_then(|kind| Kind::ALL.iter().position(|k| *k == kind)).unwrap_or(KINDS - 1)
}
