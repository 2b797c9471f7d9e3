//! Where a credential's fields come from: a file, the environment, standard input, or a person who is asked.
//! Owns them only until they are checked against the preset.
//! Never takes a secret field from the command line, and never shows what was entered.

use super::{Console, Failure};
use crate::{
    credential::source::{BEARER, Source, Written},
    manage::{
        credentials::{self, Given},
        providers::{Field, Provider},
        tokens::Shown,
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
    #[arg(long, value_name = "SOURCE", value_parser = credentials::source)]
    source: Option<Source>,
}

impl FieldSources {
    /// Everything that was given. Secret fields that are missing, and not set already, are asked for, where somebody can
    /// be asked; but not beside a source, which gives them.
    pub fn read(
        &self,
        provider: &Provider,
        set: &[String],
        console: &mut Console<'_>,
    ) -> Result<BTreeMap<String, Secret>, Failure> {
        let mut given = self.given(provider, console)?;
        let has_source = self.source.is_some() || given.contains_key(BEARER);
        for field in provider.fields.iter().filter(|field| field.is_needed() && !has_source) {
            if !given.contains_key(&field.name) && !set.contains(&field.name) {
                given.insert(field.name.clone(), ask(provider, field, console)?);
            }
        }
        Ok(given)
    }

    /// As it is sent.
    pub fn wanted(
        &self,
        provider: &Provider,
        set: &[String],
        console: &mut Console<'_>,
    ) -> Result<(Given, Option<Written>), Failure> {
        let given = self.read(provider, set, console)?;
        let given = given.into_iter().map(|(name, value)| (name, Some(Shown(value)))).collect();
        Ok((Given(given), self.source.as_ref().map(Source::written)))
    }

    pub fn is_empty(&self) -> bool {
        let fields = self.plain.len() + self.from_file.len() + self.from_env.len();
        fields == 0 && self.from_stdin.is_none() && self.source.is_none()
    }

    fn given(&self, provider: &Provider, console: &mut Console<'_>) -> Result<BTreeMap<String, Secret>, Failure> {
        let mut given = Vec::new();
        for (name, value) in &self.plain {
            if *name == BEARER || provider.fields.iter().any(|field| field.secret && field.name == *name) {
                return Err(Failure::usage(format!(
                    "`{name}` is a secret, and the command line can be read by others: use --from-file, --from-env or --from-stdin, \
                     and treat the one that you just typed as leaked"
                )));
            }
            given.push((name, Secret::new(value.as_str())));
        }
        for (name, path) in &self.from_file {
            given.push((name, read_file(name, &PathBuf::from(path))?));
        }
        for (name, variable) in &self.from_env {
            let value = std::env::var(variable);
            let value = value.map_err(|_| Failure::failed(format!("{name}: there is no variable {variable}")))?;
            given.push((name, Secret::new(value)));
        }
        if let Some(name) = &self.from_stdin {
            given.push((name, console.read_secret()?));
        }
        let mut once = BTreeMap::new();
        for (name, value) in given {
            if once.insert(name.clone(), value).is_some() {
                return Err(Failure::failed(format!("the field `{name}` is given twice")));
            }
        }
        Ok(once)
    }
}

/// Files end in a line break more often than secrets do.
fn read_file(name: &str, path: &PathBuf) -> Result<Secret, Failure> {
    let text = fs::read_to_string(path).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| Failure::failed(format!("{name}: cannot read {}: {error}", path.display())))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn ask(provider: &Provider, field: &Field, console: &mut Console<'_>) -> Result<Secret, Failure> {
    if console.interactive {
        return console.ask_secret(&format!("{} {}", provider.name, field.label));
    }
    let name = &field.name;
    Err(Failure::usage(format!(
        "the field `{name}` is missing: give --from-stdin {name}, --from-file {name}=PATH or --from-env {name}=VARIABLE"
    )))
}

fn assignment(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected FIELD=…")?;
    Ok((name.to_owned(), value.to_owned()))
}
