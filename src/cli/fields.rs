//! Where a credential's fields come from: a file, the environment, standard input, or a person who is asked.
//! Owns them only until they are checked against the preset.
//! Never takes a secret field from the command line, and never shows what was entered.

use super::{
    Console, Failure,
    version::{self, Version},
};
use crate::{
    credential::source::{BEARER, Source},
    provider::{
        Fields, Provider,
        fields::{FieldSpec, Presence, Sensitivity},
    },
    secret::Secret,
};
use clap::Args;
use std::{collections::BTreeMap, fs, path::PathBuf};

#[derive(Args, Debug, Default)]
pub struct FieldSources {
    /// A plain field, such as `region=na-west-1`; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    plain: Vec<(String, String)>,
    /// A field from a file; may be repeated
    #[arg(long, value_name = "FIELD=PATH", value_parser = assignment)]
    from_file: Vec<(String, String)>,
    /// A field from an environment variable; may be repeated
    #[arg(long, value_name = "FIELD=VARIABLE", value_parser = assignment)]
    from_env: Vec<(String, String)>,
    /// A field from standard input
    #[arg(long, value_name = "FIELD")]
    from_stdin: Option<String>,
    /// Where its value is read from while Bellhop runs, as in an `apply` file: `{ file: { token: /run/secrets/token } }`
    #[arg(long, value_name = "SOURCE", value_parser = version::source)]
    source: Option<Source>,
}

impl FieldSources {
    /// A version of what was given, or with a live source: that which was given, or the one that was there before
    /// where only what it is asked with is given anew.
    pub fn version(
        &self,
        provider: &Provider,
        kept: BTreeMap<String, Secret>,
        before: Option<Source>,
        console: &mut Console<'_>,
    ) -> Result<Version, Failure> {
        let again = before.filter(|_| self.gives(BEARER));
        let Some(source) = self.source.clone().or(again) else {
            return Ok(Version::entered(&self.read(provider, kept, console)?));
        };
        let mut given = self.given(provider, console)?;
        let read = source.place.fields();
        let is_plain = |name: &str| provider.secret_fields().all(|spec| *spec.name != *name);
        let kept = kept.into_iter().filter(|(name, _)| is_plain(name) && !read.contains(&name.as_str()));
        let kept: Vec<_> = kept.filter(|(name, _)| !given.iter().any(|(n, _)| n == name)).collect();
        given.extend(kept);
        Version::sourced(provider, source, given)
            .map_err(|error| Failure::failed(format!("{}: {error}", provider.id())))
    }

    fn gives(&self, field: &str) -> bool {
        let named = self.from_file.iter().chain(&self.from_env).map(|(name, _)| name);
        named.chain(&self.from_stdin).any(|name| name == field)
    }

    /// Everything that was given. Secret fields that are missing are asked for, where somebody can be asked.
    /// What is in `kept` counts where nothing else is given.
    pub fn read(
        &self,
        provider: &Provider,
        kept: BTreeMap<String, Secret>,
        console: &mut Console<'_>,
    ) -> Result<Fields, Failure> {
        let mut given = self.given(provider, console)?;
        for spec in &provider.preset().fields {
            let missing = !given.iter().any(|(name, _)| **name == *spec.name) && !kept.contains_key(&*spec.name);
            if missing && is_asked_for(spec) {
                given.push((spec.name.to_string(), ask(provider, spec, console)?));
            }
        }
        let kept = kept.into_iter().filter(|(name, _)| !given.iter().any(|(n, _)| n == name)).collect::<Vec<_>>();
        provider
            .fields(given.into_iter().chain(kept))
            .map_err(|error| Failure::failed(format!("{}: {error}", provider.id())))
    }

    pub fn is_empty(&self) -> bool {
        let fields = self.plain.len() + self.from_file.len() + self.from_env.len();
        fields == 0 && self.from_stdin.is_none() && self.source.is_none()
    }

    fn given(&self, provider: &Provider, console: &mut Console<'_>) -> Result<Vec<(String, Secret)>, Failure> {
        let mut given = Vec::new();
        for (name, value) in &self.plain {
            if *name == BEARER || provider.secret_fields().any(|spec| *spec.name == **name) {
                return Err(Failure::usage(format!(
                    "`{name}` is a secret, and the command line can be read by others: use --from-file, --from-env or --from-stdin, \
                     and treat the one that you just typed as leaked"
                )));
            }
            given.push((name.clone(), Secret::new(value.as_str())));
        }
        for (name, path) in &self.from_file {
            given.push((name.clone(), read_file(name, &PathBuf::from(path))?));
        }
        for (name, variable) in &self.from_env {
            let value = std::env::var(variable);
            let value = value.map_err(|_| Failure::failed(format!("{name}: there is no variable {variable}")))?;
            given.push((name.clone(), Secret::new(value)));
        }
        if let Some(name) = &self.from_stdin {
            given.push((name.clone(), console.read_secret()?));
        }
        Ok(given)
    }
}

/// Files end in a line break more often than secrets do.
fn read_file(name: &str, path: &PathBuf) -> Result<Secret, Failure> {
    let text = fs::read_to_string(path).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| Failure::failed(format!("{name}: cannot read {}: {error}", path.display())))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn is_asked_for(spec: &FieldSpec) -> bool {
    spec.sensitivity == Sensitivity::Secret && spec.presence == Presence::Required && spec.default.is_none()
}

fn ask(provider: &Provider, spec: &FieldSpec, console: &mut Console<'_>) -> Result<Secret, Failure> {
    if console.interactive {
        return console.ask_secret(&format!("{} {}", provider.preset().name, spec.label));
    }
    let name = &spec.name;
    Err(Failure::usage(format!(
        "the field `{name}` is missing: give --from-stdin {name}, --from-file {name}=PATH or --from-env {name}=VARIABLE"
    )))
}

fn assignment(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected FIELD=…")?;
    Ok((name.to_owned(), value.to_owned()))
}
