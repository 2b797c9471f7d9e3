//! Pointing SDKs at Bellhop: a preset's texts, filled in for the Bellhop that is meant. `env`, `run` and `doctor` share it.
//! Owns nothing.
//! Never prints anything, and never has a token: where one belongs stays open.

pub mod place;
pub mod token;

use super::Failure;
use crate::{
    app,
    config::{BaseUrl, Sources},
    identity::Context,
    provider::{
        Catalog, Provider,
        fields::{Sensitivity, items},
        preset::sdk::{ConfigFile, Filled, Hole, Need, Sdk, Template, Values, Way, in_double_quotes},
    },
};
use clap::Args;
use place::{Door, Place};
use std::sync::Arc;

/// What `env` and `run` take to know where to.
#[derive(Args, Debug)]
pub struct Aim {
    /// Where Bellhop is; without it $BELLHOP_PROXY_URL, or as configured
    #[arg(long, value_name = "URL")]
    pub url: Option<BaseUrl>,
    /// The purse that is to pay, such as `acme.optics`; without it, the token's own
    #[arg(long)]
    pub context: Option<Context>,
    /// The way in; without it, the first that there is for the SDK
    #[arg(long, value_enum)]
    pub way: Option<Way>,
    /// A plain field that an SDK has to be told, such as `instances=crn:…`; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = super::key_and_value)]
    pub plain: Vec<(String, String)>,
}

/// Everything that says where things are.
pub struct Map {
    pub place: Place,
    pub catalog: Catalog,
}

/// One SDK, pointed at Bellhop.
pub struct Pointed<'p> {
    pub provider: &'p Provider,
    pub sdk: &'p Sdk,
    pub door: Door,
    pub environment: Vec<(&'p str, Filled)>,
    pub files: Vec<(&'p ConfigFile, Filled)>,
    pub snippet: Option<Filled>,
    pub warnings: Vec<String>,
}

impl Pointed<'_> {
    /// Whether a setting or the code of it holds the token.
    pub fn reads_token(&self) -> bool {
        self.environment.iter().map(|(_, value)| value).chain(&self.snippet).any(Filled::has_token)
    }
}

impl Map {
    pub fn read(url: Option<&BaseUrl>, sources: &Sources) -> Result<Self, Failure> {
        let config = sources.load()?.config;
        let place = Place::find(url, &sources.environment, &config)?;
        Ok(Self { place, catalog: app::catalog(&config)? })
    }

    /// The providers with these ids, or all of them.
    pub fn providers(&self, ids: &[String]) -> Result<Vec<&Arc<Provider>>, Failure> {
        if ids.is_empty() {
            return Ok(self.catalog.iter().collect());
        }
        ids.iter().map(|id| super::local::find(&self.catalog, id)).collect()
    }
}

impl Aim {
    /// Fields that none of the providers has, and values that they could not have, are mistakes.
    pub fn check(&self, providers: &[&Arc<Provider>]) -> Result<(), Failure> {
        self.plain.iter().try_for_each(|(name, value)| {
            let specs: Vec<_> = providers.iter().filter_map(|provider| provider.preset().field(name)).collect();
            let Some(spec) = specs.first() else {
                let shown = super::console::shown(name);
                return Err(Failure::usage(format!("there is no field `{shown}` here: see `bellhop provider show`")));
            };
            if specs.iter().any(|spec| spec.sensitivity == Sensitivity::Secret) {
                return Err(Failure::usage(format!(
                    "`{name}` is a secret, and SDKs that are pointed at Bellhop hold none of a provider's; \
                     treat the one that you just typed as leaked"
                )));
            }
            spec.check(value).map_err(|error| Failure::usage(error.to_string()))
        })
    }

    /// Points one SDK, or says why that cannot be.
    pub fn point<'p>(&self, place: &Place, provider: &'p Provider, sdk: &'p Sdk) -> Result<Pointed<'p>, String> {
        let door = place.door(provider.id(), &sdk.ways, self.way, self.context.as_ref())?;
        let fields = self.fields(provider);
        let context = self.context.as_ref().map(ToString::to_string);
        let values = Values { base: &door.base, context, fields: &fields };
        let mut warnings = self.warnings(provider, sdk, &door);
        let mut fill = |what: &str, template: &Template, escaped: &dyn Fn(&str) -> String| {
            match template.fill(&values, escaped) {
                Ok(filled) => Some(filled),
                Err(Hole::Field(field)) => {
                    warnings.push(format!("{what} is left out, as it needs --plain {field}=…"));
                    None
                }
                // A context that nobody named is none that is missing.
                Err(_) => None,
            }
        };
        let variables = sdk.environment.iter();
        let environment =
            variables.filter_map(|(name, text)| Some((&**name, fill(name, text, &str::to_owned)?))).collect();
        let files = sdk.files.iter().filter_map(|file| {
            let content = file.content.as_ref()?;
            Some((file, fill(&file.name, content, &|value| file.format.escaped(value))?))
        });
        let files = files.collect();
        let snippet = sdk.snippet.as_ref().and_then(|text| fill("the code", text, &in_double_quotes));
        Ok(Pointed { provider, sdk, door, environment, files, snippet, warnings })
    }

    /// Plain fields as given, else by their defaults; of a list, the first.
    fn fields(&self, provider: &Provider) -> Vec<(String, String)> {
        let specs = provider.preset().fields.iter().filter(|spec| spec.sensitivity == Sensitivity::Plain);
        let value =
            |name: &str| self.plain.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let fields = specs.filter_map(|spec| {
            let value = value(&spec.name).or(spec.default.as_deref())?;
            let first = if spec.list { items(value).next().unwrap_or(value) } else { value };
            Some((spec.name.to_string(), first.to_owned()))
        });
        fields.collect()
    }

    fn warnings(&self, provider: &Provider, sdk: &Sdk, door: &Door) -> Vec<String> {
        let mut warnings: Vec<String> = sdk.warning.iter().map(ToString::to_string).collect();
        if !sdk.plain_http.reaches(&door.base) {
            let whereto = &door.base.origin.host;
            warnings.push(format!("it does not send a token over plain http to {whereto}: Bellhop needs TLS for it"));
        }
        if let (Some(context), Way::Port | Way::Root) = (&self.context, door.way) {
            warnings.push(format!(
                "its address has no place for a context: use a token that is pinned (`bellhop token create --context {context}`)"
            ));
        }
        if door.way == Way::Root {
            warnings.push(format!("the token must be one that may use {} only", provider.id()));
        }
        warnings
    }
}

impl Pointed<'_> {
    /// `qiskit-ionq 1.1.1`.
    pub fn title(&self) -> String {
        title(self.sdk)
    }

    /// The files that variables cannot stand for.
    pub fn required(&self) -> impl Iterator<Item = &(&ConfigFile, Filled)> {
        self.files.iter().filter(|(file, _)| file.need == Need::Required)
    }
}

pub fn title(sdk: &Sdk) -> String {
    sdk.version.as_ref().map_or_else(|| sdk.name.to_string(), |version| format!("{} {version}", sdk.name))
}
