//! Files of this machine in which a provider's token, or another address, may lie: those of SDKs, netrc, Python's keyring.
//! Owns nothing.
//! Never changes a file, and never tells what stands in it, but the line.

use super::{
    Finding, Patient,
    judge::{self, Address, Token},
    settings::{self, Setting},
};
use crate::{
    config::BaseUrl,
    point::quote::Shell,
    provider::{
        Located, Provider,
        preset::sdk::{ConfigFile, FileFormat, Filled, Names, Part, Sdk, Template, Values},
    },
};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// No configuration that a person wrote is longer.
const LONGEST: u64 = 1024 * 1024;

pub fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for provider in patient.providers {
        for sdk in &provider.preset().sdks {
            for file in &sdk.files {
                for path in patient.places(file) {
                    look_into(patient, provider, sdk, file, &path, &mut found);
                }
            }
        }
    }
    found.extend(netrc(patient));
    found.extend(keyring(patient));
    found
}

impl Patient<'_> {
    fn places(&self, file: &ConfigFile) -> BTreeSet<PathBuf> {
        let named = file.variable.as_ref().and_then(|name| self.environment.path(name));
        let named = named.map(|path| match file.variable_names {
            Names::File => path,
            Names::Folder => path.join(&*file.name),
        });
        let usual = file.places.iter().filter_map(|place| self.place(place));
        named.into_iter().chain(usual).collect()
    }

    fn place(&self, place: &str) -> Option<PathBuf> {
        match (place.strip_prefix("~/"), place.strip_prefix("./")) {
            (Some(rest), _) => Some(self.home.as_ref()?.join(rest)),
            (_, Some(rest)) => Some(self.folder.join(rest)),
            _ => Some(PathBuf::from(place)),
        }
    }
}

fn look_into(
    patient: &Patient<'_>,
    provider: &Provider,
    sdk: &Sdk,
    file: &ConfigFile,
    path: &Path,
    found: &mut Vec<Finding>,
) {
    let finding = |what: String| {
        let remedy = match &file.content {
            Some(_) => format!(
                "remove it, or write the file anew: `bellhop env {} --format {} --with-token > {}`",
                provider.id(),
                file.name,
                Shell::Posix.text(&path.display().to_string())
            ),
            None => "remove it, or use `bellhop run`".to_owned(),
        };
        Finding::variable(&path.display().to_string(), Some(provider.id()), what, remedy)
    };
    let settings = match read(path) {
        Ok(None) => return,
        Ok(Some(text)) => settings::read(file.format, &text).map_err(|_| "it cannot be understood".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(problem) => return found.push(finding(format!("{} may read it, and {problem}", sdk.name)).minor()),
    };
    let keys = Keys::of(file);
    for setting in settings {
        let named = shown(&setting);
        if keys.tokens.contains(&setting.key) && judge::token(&setting.value) == Some(Token::Another) {
            let what = format!("{named} is something else than a Bellhop token, and {} uses it", sdk.name);
            found.push(finding(what).at(setting.line));
        }
        if keys.addresses.contains(&setting.key)
            && let Some(Address::Another(origin)) = judge::address(&setting.value, &patient.map.place)
        {
            let whereto = origin.map_or_else(|| "somewhere else".to_owned(), |origin| format!("to {origin}"));
            found.push(finding(format!("{named} leads {} {whereto}", sdk.name)).at(setting.line));
        }
    }
}

fn shown(setting: &Setting) -> String {
    if setting.section.is_empty() {
        format!("`{}`", setting.key)
    } else {
        format!("`{}` of [{}]", setting.key, setting.section)
    }
}

/// Which settings of a file hold what: those that it says are so, and those in which its content has a hole.
pub struct Keys {
    pub tokens: BTreeSet<String>,
    pub addresses: BTreeSet<String>,
}

impl Keys {
    pub fn of(file: &ConfigFile) -> Self {
        let named = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
        let mut keys = Self { tokens: named(&file.tokens), addresses: named(&file.addresses) };
        for setting in file.content.iter().flat_map(|content| sample(content, file.format)) {
            if setting.value.contains(TOKEN) {
                keys.tokens.insert(setting.key);
            } else if setting.value.contains(HOST) {
                keys.addresses.insert(setting.key);
            }
        }
        keys
    }
}

const TOKEN: &str = "bellhop-token-stands-here";
const HOST: &str = "bellhop.invalid";

/// The content with markers in its holes, as settings.
fn sample(content: &Template, format: FileFormat) -> Vec<Setting> {
    let Ok(base) = format!("https://{HOST}").parse::<BaseUrl>() else { return Vec::new() };
    let fields = content.fields().map(|name| (name.to_owned(), "x".to_owned())).collect::<Vec<_>>();
    let values = Values { base: &base, context: Some("x".into()), fields: &fields };
    let filled = content.fill(&values, str::to_owned).unwrap_or(Filled(vec![Part::Text(String::new())]));
    settings::read(format, &filled.with(TOKEN)).unwrap_or_default()
}

/// `requests`, which most SDKs are made with, puts a password from there in the place of the token.
fn netrc(patient: &Patient<'_>) -> Vec<Finding> {
    let home = patient.home.iter().flat_map(|home| [home.join(".netrc"), home.join("_netrc")]);
    let paths: BTreeSet<PathBuf> = patient.environment.path("NETRC").into_iter().chain(home).collect();
    let mut found = Vec::new();
    for path in paths {
        let Ok(Some(text)) = read(&path) else { continue };
        for machine in settings::netrc(&text) {
            let (provider, what) = match &machine.host {
                Some(host) if patient.map.place.owns_host(host) => {
                    (None, format!("a password for {host}, which goes to Bellhop in the place of the token"))
                }
                Some(host) => match provider_at(patient, host) {
                    Some(id) => (Some(id), format!("a password for {host}, which is a provider's")),
                    None => continue,
                },
                None => (None, "a password for every host, which goes to Bellhop in the place of the token".into()),
            };
            let finding = Finding::variable(&path.display().to_string(), provider, what, "remove the entry");
            found.push(finding.at(machine.line));
        }
    }
    found
}

fn provider_at<'p>(patient: &Patient<'p>, host: &str) -> Option<&'p str> {
    let url = format!("https://{host}/");
    let owner = patient.providers.iter().find(|provider| matches!(provider.locate(&url), Located::Own(_)));
    owner.map(|provider| provider.id())
}

/// `keyrings.alt` keeps them as INI, a section for each service; the values are no text, encrypted or not.
fn keyring(patient: &Patient<'_>) -> Vec<Finding> {
    let data = patient.environment.path("XDG_DATA_HOME");
    let data = data.or_else(|| patient.home.as_ref().map(|home| home.join(".local/share")));
    let Some(folder) = data.map(|data| data.join("python_keyring")) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found = Vec::new();
    for path in entries.filter(|path| path.extension().is_some_and(|e| e == "cfg")) {
        let Ok(Some(text)) = read(&path) else { continue };
        let mut services = BTreeSet::new();
        for setting in settings::read(FileFormat::Ini, &text).unwrap_or_default() {
            let service = unescaped(&setting.section);
            if !services.insert(service.clone()) {
                continue;
            }
            let Some(provider) = patient.providers.iter().find(|provider| is_about(&service, provider)) else {
                continue;
            };
            let what = format!("a secret of the service `{service}`, which may be {}'s", provider.preset().name);
            let finding = Finding::variable(
                &path.display().to_string(),
                Some(provider.id()),
                what,
                format!("`keyring del {service} …`, if it is a provider's token"),
            );
            found.push(finding.at(setting.line));
        }
    }
    found
}

/// Bytes that are no letters and digits stand there as `_2D`.
fn unescaped(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name);
    while let Some((before, after)) = rest.split_once('_') {
        bytes.extend_from_slice(before.as_bytes());
        if let Some(byte) = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(b'_');
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_about(service: &str, provider: &Provider) -> bool {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (whole, id) = (plain(service), plain(provider.id()));
    // Short ids are part of too many words.
    let named = service.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| plain(word) == id);
    named
        || (id.len() >= 5 && whole.contains(&id))
        || provider.preset().sdks.iter().any(|sdk| whole.contains(&plain(&sdk.name)))
}

/// `None` where there is no such file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !metadata.is_file() {
        return Ok(None);
    }
    if metadata.len() > LONGEST {
        return Err(io::Error::other("it is too long to look into"));
    }
    Ok(Some(String::from_utf8_lossy(&fs::read(path)?).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    /// A file that is there to be written must be one whose token is found again.
    #[test]
    fn what_the_shipped_presets_write_is_what_is_looked_for() {
        for provider in Catalog::shipped().unwrap().iter() {
            for file in provider.preset().sdks.iter().flat_map(|sdk| sdk.files.iter()) {
                let keys = Keys::of(file);
                assert!(!keys.tokens.is_empty() || !keys.addresses.is_empty(), "{}: {}", provider.id(), file.name);
                let has_token = file.content.as_ref().is_some_and(|c| c.to_string().contains("{token}"));
                assert!(
                    !has_token || !keys.tokens.is_empty(),
                    "{}: {}: no token is found in it",
                    provider.id(),
                    file.name
                );
            }
        }
    }

    #[test]
    fn a_keyrings_service_is_known_by_its_words() {
        let catalog = Catalog::shipped().unwrap();
        assert_eq!(unescaped("dwave_2Dcloud_x"), "dwave-cloud_x");
        for (service, id, about) in [
            ("dwave-cloud", "dwave", true),
            ("D-Wave", "dwave", true),
            ("qiskit_ionq", "ionq", true),
            ("iqm", "iqm", true),
            ("unique", "iqm", false),
            ("github", "ionq", false),
        ] {
            assert_eq!(is_about(service, catalog.find(id).unwrap()), about, "{service}");
        }
    }
}
