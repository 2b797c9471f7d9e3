//! Sections whose keys make sense only together, from the shape in which they are written.
//! Each turns into a type in which the wrong combinations cannot be said.
//! Like all of the configuration, their errors name keys and never values.

use super::written::{Consistent, by_name, one, optional};
use super::{
    Expected, Listen, MasterKeySource, Origin, Prices, Protocol, ProviderConfig, ProxyProtocol, TlsFiles,
    TokenLifetimes, Upstream,
};
use crate::secret::Secret;
use serde::{Deserialize, Deserializer, de};
use std::{collections::BTreeMap, fmt, path::PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTlsFiles {
    #[serde(default, deserialize_with = "optional")]
    cert: Option<PathBuf>,
    #[serde(default, deserialize_with = "optional")]
    key: Option<PathBuf>,
}

pub fn tls_files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TlsFiles>, D::Error> {
    match Option::deserialize(deserializer)? {
        None | Some(RawTlsFiles { cert: None, key: None }) => Ok(None),
        Some(RawTlsFiles { cert: Some(cert), key: Some(key) }) => Ok(Some(TlsFiles { cert, key })),
        Some(_) => Err(de::Error::custom("expected both `cert` and `key`, or neither")),
    }
}

pub fn store_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let url = Option::<Secret>::deserialize(deserializer)?;
    let known = |url: &Secret| ["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme));
    if url.as_ref().is_none_or(known) { Ok(url) } else { Err(de::Error::custom("expected a postgres:// URL, or null")) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMasterKey {
    #[serde(default, deserialize_with = "optional")]
    file: Option<PathBuf>,
    #[serde(default)]
    env: Option<String>,
}

impl TryFrom<RawMasterKey> for MasterKeySource {
    type Error = Expected;

    fn try_from(raw: RawMasterKey) -> Result<Self, Expected> {
        match raw {
            RawMasterKey { file: None, env: None } => Ok(Self::DataDir),
            RawMasterKey { file: Some(file), env: None } => Ok(Self::File(file)),
            RawMasterKey { file: None, env: Some(name) } if is_variable(&name) => Ok(Self::Environment(name)),
            RawMasterKey { file: None, env: Some(_) } => {
                Err(Expected("the name of an environment variable in `env`, such as BELLHOP_MASTER_KEY"))
            }
            RawMasterKey { file: Some(_), env: Some(_) } => Err(Expected("either `file` or `env`, not both")),
        }
    }
}

pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawProvider {
    upstream: Option<Upstream>,
    #[serde(deserialize_with = "optional")]
    ca_file: Option<PathBuf>,
    allow_private: bool,
    personal: bool,
    prices: Prices,
}

impl Default for RawProvider {
    fn default() -> Self {
        let ProviderConfig { upstream, ca_file, allow_private, personal, prices } = ProviderConfig::default();
        Self { upstream, ca_file, allow_private, personal, prices }
    }
}

impl TryFrom<RawProvider> for ProviderConfig {
    type Error = Expected;

    fn try_from(raw: RawProvider) -> Result<Self, Expected> {
        let RawProvider { upstream, ca_file, allow_private, personal, prices } = raw;
        let plain = upstream.iter().flat_map(Upstream::origins).any(|origin| origin.protocol == Protocol::Http);
        if plain && !allow_private {
            return Err(Expected("an `upstream` with https, or `allow_private: true` beside it"));
        }
        Ok(Self { upstream, ca_file, allow_private, personal, prices })
    }
}

impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UpstreamVisitor)
    }
}

struct UpstreamVisitor;

impl<'de> de::Visitor<'de> for UpstreamVisitor {
    type Value = Upstream;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin such as https://api.example.org, or a map from service to origin")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Upstream, E> {
        one::<Origin, _>(de::value::StrDeserializer::new(text)).map(Upstream::One)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, entries: A) -> Result<Upstream, A::Error> {
        let origins: BTreeMap<String, Origin> = by_name(de::value::MapAccessDeserializer::new(entries))?;
        Ok(Upstream::PerService(origins))
    }
}

impl Consistent for Listen {
    fn consistent(&self) -> Result<(), Expected> {
        let addresses =
            || [&self.proxy, &self.admin].into_iter().chain(self.providers.values()).filter(|a| a.port() != 0);
        let twice = addresses().enumerate().any(|(n, address)| addresses().skip(n + 1).any(|other| other == address));
        if twice {
            return Err(Expected("a different address for each listener"));
        }
        let announced =
            [self.proxy_protocol, self.admin_proxy_protocol].iter().any(|rule| *rule != ProxyProtocol::Never);
        if announced && self.trusted_proxies.is_empty() {
            return Err(Expected("`trusted_proxies` beside `proxy_protocol`: nobody else is believed"));
        }
        Ok(())
    }
}

impl Consistent for TokenLifetimes {
    fn consistent(&self) -> Result<(), Expected> {
        if self.default_expiry <= self.max_expiry {
            Ok(())
        } else {
            Err(Expected("`default_expiry` to be no longer than `max_expiry`"))
        }
    }
}
