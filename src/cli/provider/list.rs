//! `bellhop provider list`: one line for each provider.
//! Owns nothing.
//! Never shows where an operator's configuration sends requests, only that it is another place.

use super::List;
use crate::{
    app,
    cli::{Console, Failure},
    config::{Config, Sources},
    provider::{
        Provider,
        preset::{Preset, Scheme, sdk::Way},
    },
};
use serde::Serialize;

#[derive(Serialize)]
struct ProviderLine<'p> {
    id: &'p str,
    name: &'p str,
    sdks: Vec<&'p str>,
    /// Those that at least one of its SDKs can use.
    ways: Vec<Way>,
    scheme: &'static str,
    operations: usize,
    preset: &'static str,
    overridden: bool,
}

impl List {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let config = sources.load()?.config;
        let catalog = app::catalog(&config)?;
        let lines: Vec<ProviderLine<'_>> = catalog.iter().map(|provider| line(provider, &config)).collect();
        console.table(self.form, &["id", "name", "scheme", "operations", "ways", "preset", "overridden"], &lines);
        Ok(())
    }
}

fn line<'p>(provider: &'p Provider, config: &Config) -> ProviderLine<'p> {
    let preset = provider.preset();
    let used = |way: &Way| preset.sdks.iter().any(|sdk| sdk.ways.contains(way));
    ProviderLine {
        id: provider.id(),
        name: &preset.name,
        sdks: preset.sdks.iter().map(|sdk| &*sdk.name).collect(),
        ways: [Way::Path, Way::Port, Way::Host, Way::Root].into_iter().filter(used).collect(),
        scheme: scheme(preset),
        operations: preset.operations.len(),
        preset: provider.made().as_str(),
        overridden: config.providers.contains_key(provider.id()),
    }
}

pub const fn scheme(preset: &Preset) -> &'static str {
    match &preset.scheme {
        _ if preset.exchange.is_some() => "exchange",
        Scheme::Headers(_) => "headers",
        Scheme::Basic { .. } => "basic",
        Scheme::Cookies(_) => "cookies",
        Scheme::SigV4(_) => "sigv4",
    }
}
