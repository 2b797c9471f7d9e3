//! Variables that SDKs read, in the environment and in a `.env` file: whose token they hold, and where they lead.
//! Owns nothing.
//! Never tells a value.

use super::{
    Finding, Patient,
    judge::{self, Address, Token},
    settings,
};
use crate::provider::{
    Provider,
    preset::sdk::{FileFormat, Hole, Sdk},
};
use std::{collections::BTreeMap, fs};

/// Variables of one place, by name.
struct Variables {
    values: BTreeMap<String, (String, Option<u64>)>,
    /// The file that they are in, where they are in one.
    file: Option<String>,
}

pub fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let environment = of_environment(patient);
    let dotenv = of_dotenv(patient);
    let mut found = Vec::new();
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

fn of_dotenv(patient: &Patient<'_>) -> Variables {
    let path = patient.folder.join(".env");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let settings = settings::read(FileFormat::Dotenv, &text).unwrap_or_default();
    let values = settings.into_iter().map(|setting| (setting.key, (setting.value, Some(setting.line))));
    Variables { values: values.collect(), file: Some(path.display().to_string()) }
}

impl Variables {
    fn judge(&self, patient: &Patient<'_>, provider: &Provider, sdk: &Sdk, found: &mut Vec<Finding>) {
        for (name, template) in &sdk.environment {
            let Some((value, line)) = self.values.get(&**name) else { continue };
            if template.has(&Hole::Token) && judge::token(value) == Some(Token::Another) {
                let what = format!("{name} holds something else than a Bellhop token, and {} uses it", sdk.name);
                found.push(self.finding(name, *line, provider, what));
            }
            if template.is_address()
                && let Some(Address::Another(origin)) = judge::address(value, &patient.map.place)
            {
                let whereto = origin.map_or_else(|| "somewhere else".to_owned(), |origin| format!("to {origin}"));
                found.push(self.finding(name, *line, provider, format!("{name} leads {} {whereto}", sdk.name)));
            }
        }
        for name in &sdk.unset {
            if let Some((_, line)) = self.values.get(&**name).filter(|(value, _)| !value.is_empty()) {
                found.push(self.finding(name, *line, provider, format!("{name} leads {} elsewhere", sdk.name)));
            }
        }
    }

    fn finding(&self, name: &str, line: Option<u64>, provider: &Provider, what: String) -> Finding {
        let id = provider.id();
        let (place, remedy) = match &self.file {
            Some(file) => (&**file, format!("take {name} out of the file, or see `bellhop env {id} --format dotenv`")),
            None => (name, format!("unset {name}, or use `bellhop env {id}` or `bellhop run`")),
        };
        let finding = Finding::variable(place, Some(id), what, remedy);
        match line {
            Some(line) => finding.at(line),
            None => finding,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(value, _)| !value.trim().is_empty())
    }
}

/// A token of Bellhop's in an SDK's variable, and no variable that says where Bellhop is: it would go to the provider.
fn stray_token(provider: &Provider, environment: &Variables, dotenv: &Variables) -> Option<Finding> {
    let sdks = provider.preset().sdks.iter();
    let variables: Vec<_> = sdks.flat_map(|sdk| sdk.environment.iter()).collect();
    let holds =
        |name: &str| environment.values.get(name).and_then(|(value, _)| judge::token(value)) == Some(Token::Bellhops);
    let (name, _) = variables.iter().find(|(name, template)| template.has(&Hole::Token) && holds(name))?;
    let mut addresses =
        variables.iter().filter(|(_, template)| template.is_address()).map(|(name, _)| &**name).peekable();
    let first = *addresses.peek()?;
    if addresses.any(|name| environment.has(name) || dotenv.has(name)) {
        return None;
    }
    let (what, remedy) = (
        format!(
            "{name} holds a Bellhop token, and no variable says where Bellhop is: it would be sent to the provider"
        ),
        format!("set {first} as well, as `bellhop env {}` does", provider.id()),
    );
    Some(Finding::variable(name, Some(provider.id()), what, remedy))
}
