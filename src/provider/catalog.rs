//! The catalogue: the presets that are built in, those an operator adds, and what an operator changes of each.
//! Made as a whole, so that one mistake leaves the earlier catalogue in use.
//! Never reads a file and never connects.

use super::{
    Provider,
    files::PresetFile,
    origin::{self, Upstreams},
    preset::{self, Preset, PresetError, Read},
};
use crate::{
    config::{Origin, Prices, Protocol, Upstream},
    credential::resolve::Personal,
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

macro_rules! shipped {
    ($($id:literal),* $(,)?) => {
        /// The built-in presets, by id.
        pub const SHIPPED: &[(&str, &str)] = &[
            $(($id, include_str!(concat!("../../config/providers/", $id, ".yaml")))),*
        ];
    };
}
shipped![
    "alice-bob",
    "aqt",
    "azure",
    "braket",
    "dwave",
    "ibm",
    "ionq",
    "iqm",
    "kipu",
    "luna",
    "mat3ra",
    "oqc",
    "pasqal",
    "planqk",
    "quandela",
    "quantinuum",
    "quantum-inspire",
    "rigetti",
    "strangeworks",
];

/// Every provider, by id.
#[derive(Debug)]
pub struct Catalog {
    /// Sorted by id; a provider's place is its index.
    providers: Vec<Arc<Provider>>,
}

/// What an operator changes of one preset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    pub upstream: Option<Upstream>,
    pub ca_file: Option<PathBuf>,
    /// Plain http, and loopback, private and link-local addresses.
    pub allow_private: bool,
    pub personal: Personal,
    pub prices: Prices,
}

/// Whose preset it is; one that an operator's file replaces is the operator's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = PresetMade)]
#[serde(rename_all = "lowercase")]
pub enum Made {
    Shipped,
    Replaced,
    Added,
}

impl Made {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Replaced => "replaced",
            Self::Added => "added",
        }
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            upstream: None,
            ca_file: None,
            allow_private: false,
            personal: Personal::Allowed,
            prices: Prices::default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Preset(#[from] PresetError),
    #[error("providers.{provider}: there is no such preset: expected one of {known}")]
    NoSuchProvider { provider: String, known: String },
    #[error("providers.{provider}.upstream: {problem}")]
    Upstream { provider: String, problem: String },
    #[error("too many presets")]
    TooMany,
}

impl Catalog {
    /// The built-in presets as they are.
    pub fn shipped() -> Result<Self, CatalogError> {
        Self::new(&[], &BTreeMap::new())
    }

    /// The built-in presets, replaced and extended by an operator's files, with an operator's changes.
    /// A file replaces what has the same id and came before it.
    pub fn new(files: &[PresetFile], changes: &BTreeMap<String, Changes>) -> Result<Self, CatalogError> {
        let mut presets = BTreeMap::new();
        for (id, text) in SHIPPED {
            let read = preset::parse(&format!("config/providers/{id}.yaml"), text)?;
            presets.insert(read.preset.id.clone(), read);
        }
        for file in files {
            let read = preset::parse(&file.name, &file.text)?;
            presets.insert(read.preset.id.clone(), read);
        }
        if let Some(provider) = changes.keys().find(|id| !presets.contains_key(id.as_str())) {
            let known: Vec<&str> = presets.keys().map(|id| &**id).collect();
            return Err(CatalogError::NoSuchProvider { provider: provider.clone(), known: known.join(", ") });
        }
        let providers = presets.into_values().enumerate().map(|(index, read)| provider(index, read, changes));
        Ok(Self { providers: providers.collect::<Result<_, _>>()? })
    }

    /// The provider that a path segment names: exactly, and unencoded.
    pub fn find(&self, segment: &str) -> Option<&Arc<Provider>> {
        let at = self.providers.binary_search_by(|p| p.id().cmp(segment)).ok()?;
        self.providers.get(at)
    }

    /// The provider with this index.
    pub fn at(&self, index: u16) -> Option<&Arc<Provider>> {
        self.providers.get(usize::from(index))
    }

    /// By id, which is also by index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Provider>> {
        self.providers.iter()
    }
}

fn provider(index: usize, read: Read, changes: &BTreeMap<String, Changes>) -> Result<Arc<Provider>, CatalogError> {
    let Read { preset, routes } = read;
    let index = u16::try_from(index).map_err(|_| CatalogError::TooMany)?;
    let changes = changes.get(&*preset.id).cloned().unwrap_or_default();
    let upstreams = upstreams(&preset, &changes)
        .map_err(|problem| CatalogError::Upstream { provider: preset.id.to_string(), problem })?;
    Ok(Arc::new(Provider::new(index, preset, routes, upstreams, changes)))
}

fn upstreams(preset: &Preset, changes: &Changes) -> Result<Upstreams, String> {
    match &changes.upstream {
        None => Ok(Upstreams::default()),
        Some(Upstream::One(origin)) => {
            Ok(Upstreams { one: Some(permitted(origin, changes)?), by_name: BTreeMap::new() })
        }
        Some(Upstream::PerService(map)) => {
            let named = map.iter().map(|(name, origin)| {
                known_name(preset, name)?;
                Ok((name.as_str().into(), permitted(origin, changes)?))
            });
            Ok(Upstreams { one: None, by_name: named.collect::<Result<_, String>>()? })
        }
    }
}

/// A service, or a value that the field in an origin could have.
fn known_name(preset: &Preset, name: &str) -> Result<(), String> {
    let mut templates = std::iter::once(&preset.origin).chain(preset.services.iter().filter_map(|s| s.origin.as_ref()));
    let listed = preset.regions.as_ref().is_some_and(|regions| regions.origin(name).is_some());
    let has_regions = templates.any(|template| template.field().is_some());
    let is_service = name == origin::MAIN || preset.services.iter().any(|s| *s.name == *name);
    if is_service || listed || (has_regions && origin::is_label(name)) {
        return Ok(());
    }
    let services: Vec<&str> = std::iter::once(origin::MAIN).chain(preset.services.iter().map(|s| &*s.name)).collect();
    Err(format!("expected a service ({}), not `{}`", services.join(", "), name.escape_debug()))
}

fn permitted(origin: &Origin, changes: &Changes) -> Result<Origin, String> {
    if origin.protocol == Protocol::Http && !changes.allow_private {
        return Err(format!(
            "expected https, as `{origin}` would send the credential in the clear; `allow_private: true` allows it for tests and local simulators"
        ));
    }
    Ok(origin.clone())
}
