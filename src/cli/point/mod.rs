//! Where `env`, `run` and `doctor` point SDKs: what the flags, the environment and the configuration say of it.
//! Owns nothing.
//! Never prints anything.

pub mod token;

use super::Failure;
use crate::{
    app,
    config::{BaseUrl, Config, Environment, Protocol, Sources},
    identity::Context,
    point::{
        self, Pointed,
        place::{NoDoor, Place},
    },
    provider::{
        Catalog, Provider,
        fields::Sensitivity,
        preset::sdk::{Sdk, Way},
    },
    upstream::TlsTrust,
};
use clap::Args;
use std::{path::PathBuf, sync::Arc};

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
    /// Whether somebody said where Bellhop is, rather than nobody anything.
    pub stated: bool,
    /// Of the configured listeners.
    certificate: Option<PathBuf>,
}

impl Map {
    pub fn read(url: Option<&BaseUrl>, sources: &Sources) -> Result<Self, Failure> {
        let config = sources.load()?.config;
        let stated = match url {
            Some(url) => Some(url.clone()),
            None => of_variable(&sources.environment)?,
        };
        Ok(Self {
            stated: stated.is_some() || config.listen.public_url.is_some(),
            place: Place::new(stated, &config.listen, protocol(&config)),
            certificate: config.tls.as_ref().map(|files| files.cert.clone()),
            catalog: app::catalog(&config)?,
        })
    }

    /// Its own certificate is believed, as well as the public ones where another one may stand before it.
    pub fn trust(&self) -> Result<TlsTrust, Failure> {
        match (&self.certificate, self.stated) {
            (Some(certificate), false) => {
                TlsTrust::of_file(certificate).map_err(|error| Failure::failed(format!("tls.cert: {error}")))
            }
            _ => Ok(TlsTrust::public()),
        }
    }

    /// The providers with these ids, or all of them.
    pub fn providers(&self, ids: &[String]) -> Result<Vec<&Arc<Provider>>, Failure> {
        if ids.is_empty() {
            return Ok(self.catalog.iter().collect());
        }
        ids.iter().map(|id| super::local::find(&self.catalog, id)).collect()
    }
}

const fn protocol(config: &Config) -> Protocol {
    if config.tls.is_some() { Protocol::Https } else { Protocol::Http }
}

fn of_variable(environment: &Environment) -> Result<Option<BaseUrl>, Failure> {
    let Some(text) = environment.text("BELLHOP_PROXY_URL")? else { return Ok(None) };
    let url = text.parse::<BaseUrl>();
    url.map(Some).map_err(|expected| Failure::usage(format!("BELLHOP_PROXY_URL: {expected}")))
}

impl From<NoDoor> for Failure {
    fn from(problem: NoDoor) -> Self {
        Self::usage(problem.to_string())
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
    pub fn point<'p>(&self, place: &Place, provider: &'p Provider, sdk: &'p Sdk) -> Result<Pointed<'p>, NoDoor> {
        point::Aim { context: self.context.as_ref(), way: self.way, plain: &self.plain }.point(place, provider, sdk)
    }
}
