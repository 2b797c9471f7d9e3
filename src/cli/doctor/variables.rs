//! Variables that SDKs read, in the environment and in a `.env` file: whose token they hold, and where they lead.
//! Owns nothing.
//! Never tells a value.

use super::{
    Finding, Patient, files,
    judge::{self, Address, Token},
    settings,
};
use crate::provider::{
    Provider,
    preset::sdk::{FileFormat, Hole, Sdk},
};
use std::{collections::BTreeMap, io, path::Path};

/// Variables of one place, by name.
#[derive(Default)]
struct Variables {
    values: BTreeMap<String, (String, Option<u64>)>,
    /// The file that they are in, where they are in one.
    file: Option<String>,
}

pub fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let (mut found, path) = (Vec::new(), patient.folder.join(".env"));
    let environment = of_environment(patient);
    let dotenv = of_dotenv(&path).unwrap_or_else(|error| {
        found.push(unread(&path, &error));
        Variables::default()
    });
    for provider in patient.providers {
        for variables in [&environment, &dotenv] {
            for sdk in &provider.preset().sdks {
                variables.judge(patient, provider, sdk, &mut found);
            }
        }
        found.extend(stray_token(provider, &environment, &dotenv));
    }
    found
}

fn of_environment(patient: &Patient<'_>) -> Variables {
    let mut values = BTreeMap::new();
    for name in patient.environment.names() {
        // A value that is no text is none that an SDK of ours reads.
        if let Ok(Some(value)) = patient.environment.text(name) {
            values.insert(name.to_owned(), (value.to_owned(), None));
        }
    }
    Variables { values, file: None }
}

fn of_dotenv(path: &Path) -> io::Result<Variables> {
    let text = files::read(path)?.unwrap_or_default();
    let settings = settings::read(FileFormat::Dotenv, &text).unwrap_or_default();
    let values = settings.into_iter().map(|setting| (setting.key, (setting.value, Some(setting.line))));
    Ok(Variables { values: values.collect(), file: Some(path.display().to_string()) })
}

fn unread(path: &Path, error: &io::Error) -> Finding {
    let what = format!("SDKs may read it, and {error}");
    Finding::variable(&path.display().to_string(), None, what, "look into it yourself, or use `bellhop run`").minor()
}

impl Variables {
    fn judge(&self, patient: &Patient<'_>, provider: &Provider, sdk: &Sdk, found: &mut Vec<Finding>) {
        for (name, template) in &sdk.environment {
            let Some((value, _)) = self.values.get(&**name) else { continue };
            if template.has(&Hole::Token) && judge::token(value) == Some(Token::Another) {
                let what = format!("{name} holds something else than a Bellhop token, and {} uses it", sdk.name);
                found.push(self.finding(name, provider, what));
            }
            if template.is_address()
                && let Some(Address::Another(origin)) = judge::address(value, &patient.map.place)
            {
                let whereto = origin.map_or_else(|| "somewhere else".to_owned(), |origin| format!("to {origin}"));
                found.push(self.finding(name, provider, format!("{name} leads {} {whereto}", sdk.name)));
            }
        }
        for name in &sdk.unset {
            if self.values.get(&**name).is_some_and(|(value, _)| !value.is_empty()) {
                found.push(self.finding(name, provider, format!("{name} leads {} elsewhere", sdk.name)));
            }
        }
    }

    fn finding(&self, name: &str, provider: &Provider, what: String) -> Finding {
        let id = provider.id();
        let remedy = match &self.file {
            Some(_) => format!("take {name} out of the file, or see `bellhop env {id} --format dotenv`"),
            None => format!("unset {name}, or use `bellhop env {id}` or `bellhop run`"),
        };
        self.told(name, provider, what, remedy)
    }

    fn told(&self, name: &str, provider: &Provider, what: String, remedy: String) -> Finding {
        let finding = Finding::variable(self.file.as_deref().unwrap_or(name), Some(provider.id()), what, remedy);
        match self.values.get(name) {
            Some((_, Some(line))) => finding.at(*line),
            _ => finding,
        }
    }

    fn holds_bellhops_token(&self, name: &str) -> bool {
        self.values.get(name).and_then(|(value, _)| judge::token(value)) == Some(Token::Bellhops)
    }

    fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(value, _)| !value.trim().is_empty())
    }
}

/// A token of Bellhop's in an SDK's variable, and no variable that says where Bellhop is: it would go to the provider.
fn stray_token(provider: &Provider, environment: &Variables, dotenv: &Variables) -> Option<Finding> {
    let sdks = provider.preset().sdks.iter();
    let variables: Vec<_> = sdks.flat_map(|sdk| sdk.environment.iter()).collect();
    let mut addresses =
        variables.iter().filter(|(_, template)| template.is_address()).map(|(name, _)| &**name).peekable();
    let first = *addresses.peek()?;
    if addresses.any(|name| environment.has(name) || dotenv.has(name)) {
        return None;
    }
    let mut tokens = variables.iter().filter(|(_, template)| template.has(&Hole::Token)).map(|(name, _)| &**name);
    let (name, place) = tokens.find_map(|name| {
        let place = [environment, dotenv].into_iter().find(|place| place.holds_bellhops_token(name))?;
        Some((name, place))
    })?;
    let (what, remedy) = (
        format!(
            "{name} holds a Bellhop token, and no variable says where Bellhop is: it would be sent to the provider"
        ),
        format!("set {first} as well, as `bellhop env {}` does", provider.id()),
    );
    Some(place.told(name, provider, what, remedy))
}
