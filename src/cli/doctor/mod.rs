//! `bellhop doctor`: what on this machine would take jobs around Bellhop, or bill somebody else, and how to mend it.
//! Owns what it found, which is names, places and lines.
//! Never shows a value: of an address only where it leads, of a token only whether it is Bellhop's.

mod files;
mod judge;
mod reach;
mod replicas;
mod settings;
mod variables;

use super::{
    Console, Failure,
    console::{Form, counted},
    point::{Map, token},
};
use crate::{
    config::{BaseUrl, Environment, Sources},
    provider::Provider,
};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bellhop doctor\n  bellhop doctor --provider dwave --url https://bellhop.example.org\n\n\
    It looks at the environment, `.env` here, the files that SDKs read, netrc and Python's keyring files, and, if it is \
    told where Bellhop is or has a token, whether it can be reached and who would pay. Where a store is configured, it tells \
    who serves from it and how soon each follows a revocation. It prints no value of a secret. \
    Exits 1 when something would bypass Bellhop."
)]
pub struct Doctor {
    /// Only what concerns this provider; may be repeated
    #[arg(long = "provider", value_name = "ID")]
    providers: Vec<String>,
    /// Where Bellhop is; without it $BELLHOP_PROXY_URL, or as configured
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,
    /// Look into this home folder instead of $HOME
    #[arg(long, value_name = "FOLDER")]
    home: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

/// Something that was found, in words that can be shown to anybody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
pub struct Finding {
    /// Whether jobs would go around Bellhop. If not, it is only worth knowing.
    bypasses: bool,
    provider: Option<String>,
    /// A variable, or a file and perhaps a line of it.
    place: String,
    line: Option<u64>,
    what: String,
    remedy: String,
}

/// What is looked at.
pub struct Patient<'p> {
    map: &'p Map,
    providers: &'p [&'p Arc<Provider>],
    environment: &'p Environment,
    home: Option<PathBuf>,
    folder: PathBuf,
}

impl Doctor {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let map = Map::read(self.url.as_ref(), sources)?;
        let providers = map.providers(&self.providers)?;
        let environment = &sources.environment;
        let folder = std::env::current_dir().unwrap_or_default();
        let home = self.home.or_else(|| environment.path("HOME"));
        let patient = Patient { map: &map, providers: &providers, environment, home, folder };
        let mut found: BTreeSet<Finding> = variables::look(&patient).into_iter().collect();
        found.extend(files::look(&patient));
        let reached = match token::of_environment(environment) {
            Ok(None) if !map.stated => None,
            Ok(token) => Some(reach::ask(&map, token.as_ref())?),
            Err(failure) => {
                found.insert(Finding::variable(
                    "BELLHOP_TOKEN",
                    None,
                    failure.to_string(),
                    "see `bellhop token create`",
                ));
                None
            }
        };
        let (serving, slow) = replicas::look(sources)?;
        found.extend(slow);
        found.extend(reached.iter().filter_map(|reached| reached.problem.clone()));
        // What bypasses comes first.
        let mut found: Vec<Finding> = found.into_iter().collect();
        found.sort_by_key(|finding| !finding.bypasses);
        let bypasses = found.iter().filter(|finding| finding.bypasses).count();
        if self.form.json {
            let payers = reached.as_ref().and_then(|reached| reached.whoami.clone());
            console.json(&json!({ "findings": found, "bypasses": bypasses, "whoami": payers, "replicas": serving }));
        } else {
            tell(&found, console);
            if let Some(reached) = &reached {
                reached.tell(&self.providers, console);
            }
            replicas::tell(&serving, self.form, console);
        }
        match bypasses {
            0 => {
                console.note("nothing here would bypass Bellhop");
                Ok(())
            }
            many => Err(Failure::failed(format!(
                "{} would bypass Bellhop or keep it from being reached",
                counted(many, "thing")
            ))),
        }
    }
}

fn tell(found: &[Finding], console: &mut Console<'_>) {
    for finding in found {
        let mark = if finding.bypasses { "bypass" } else { "note  " };
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let shown = super::console::shown;
        let (place, what, remedy) = (shown(&finding.place), shown(&finding.what), shown(&finding.remedy));
        console.say(format_args!("{mark}  {place}{line}: {what}\n        {remedy}\n"));
    }
}

impl Finding {
    fn variable(name: &str, provider: Option<&str>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            bypasses: true,
            provider: provider.map(str::to_owned),
            place: name.to_owned(),
            line: None,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    fn at(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }

    fn minor(self) -> Self {
        Self { bypasses: false, ..self }
    }
}
