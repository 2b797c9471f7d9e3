//! From file, environment and flags to one [`Config`]: defaults < file < environment < flags.
//! Reads files and variables, but only those that it was told of or that are documented.
//! Never writes, and never repeats a value in an error.

use super::{
    Config,
    read::read,
    tree::{Node, Place, Value},
};
use crate::secret::Secret;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The configuration is wrong; the text says where and what was expected.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("{place}: {message}")]
pub struct ConfigError {
    place: Box<str>,
    message: Box<str>,
}

impl ConfigError {
    pub fn new(place: impl ToString, message: impl Into<Box<str>>) -> Self {
        Self { place: place.to_string().into(), message: message.into() }
    }
}

/// Where to read from. Kept by who may have to read again, on SIGHUP.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file of `--config`; without one, the usual places are searched.
    pub file: Option<PathBuf>,
    pub environment: Environment,
    /// `(key, value)` of flags, `("listen.proxy", "127.0.0.1:0")`; the last one of a key counts.
    pub flags: Vec<(String, String)>,
}

/// A configuration, and the file that it came from, if there was one.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub file: Option<PathBuf>,
}

impl Sources {
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let file = self.find_file()?;
        let mut tree = match &file {
            Some(file) => parse_file(file)?,
            None => Node::empty(Place::of("defaults")),
        };
        for setting in self.environment.settings()? {
            tree.overlay(setting);
        }
        for (key, value) in &self.flags {
            tree.overlay(flag(key, value)?);
        }
        let config: Config = read(&tree)?;
        // A section of its own cannot see the others.
        if config.oidc.is_some() && config.listen.admin_url.is_none() {
            let message =
                "oidc: expected `listen.admin_url` beside it: that is where the identity provider sends people back to";
            return Err(ConfigError::new(tree.place_of("oidc"), message));
        }
        Ok(Loaded { config, file })
    }

    /// Whether somebody has said what is to be read, and not only left it in the usual places.
    pub fn are_named(&self) -> bool {
        let settings = self.environment.settings().map_or(true, |settings| !settings.is_empty());
        self.file.is_some() || self.environment.path("BELLHOP_CONFIG").is_some() || settings || !self.flags.is_empty()
    }

    fn find_file(&self) -> Result<Option<PathBuf>, ConfigError> {
        let named = self.file.clone().map(|file| (file, "--config"));
        let variable = self.environment.path("BELLHOP_CONFIG").map(|file| (file, "BELLHOP_CONFIG"));
        if let Some((file, named_by)) = named.or(variable) {
            return if file.exists() && !file.is_dir() {
                Ok(Some(file))
            } else {
                Err(ConfigError::new(named_by, format!("expected a readable file, and {} is none", file.display())))
            };
        }
        Ok(self.usual_files().into_iter().find(|file| file.is_file()))
    }

    fn usual_files(&self) -> Vec<PathBuf> {
        let mut files = vec![PathBuf::from("bellhop.yaml")];
        files.extend(self.environment.user_folder().map(|folder| folder.join("bellhop.yaml")));
        files.push("/etc/bellhop/bellhop.yaml".into());
        files
    }
}

fn parse_file(file: &Path) -> Result<Node, ConfigError> {
    let text = fs::read_to_string(file)
        .map_err(|error| ConfigError::new(file.display(), format!("expected a readable text file: {error}")))?;
    Node::parse(&text, &Place::of(&file.display().to_string()))
}

fn flag(key: &str, value: &str) -> Result<Node, ConfigError> {
    let keys: Vec<String> = key.split('.').map(str::to_owned).collect();
    let place = Place::of(&format!("--set {key}"));
    if is_secret(&keys) {
        let message =
            "expected no secret on the command line, where every process can read it: use the file or the environment";
        return Err(ConfigError::new(place, message));
    }
    setting(&keys, value, &place)
}

/// One setting from text. A list or a map is written as in the file, in brackets.
fn setting(keys: &[String], text: &str, place: &Place) -> Result<Node, ConfigError> {
    let value = match text {
        "" | "null" | "~" => Value::Null,
        // `{provider}.bellhop.example.org` is no map.
        text if matches!(
            (text.chars().next(), text.chars().last()),
            (Some('{'), Some('}')) | (Some('['), Some(']'))
        ) =>
        {
            Node::parse(text, place)?.value
        }
        text => Value::Text(text.to_owned()),
    };
    Ok(Node::nested(keys, Node { place: place.clone(), value }))
}

fn is_secret(keys: &[String]) -> bool {
    matches!(keys, [section, key] if section == "store" && (key == "url" || key == "listen_url"))
}

/// The environment variables of a process, read once. Only those that are documented are looked at.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// A variable that has a value.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        let value = self.0.get(name).filter(|value| !value.is_empty());
        value.map(|value| value.to_str().ok_or_else(|| ConfigError::new(name, "expected UTF-8"))).transpose()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A secret in a variable, or in the file that the variable's namesake with `_FILE` names.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let named = format!("{name}_FILE");
        match (self.text(name)?, self.path(&named)) {
            (Some(_), Some(_)) => Err(ConfigError::new(named, format!("expected either this or {name}, not both"))),
            (Some(text), None) => Ok(Some(Secret::new(text))),
            (None, Some(path)) => secret_file(&named, &path).map(Some),
            (None, None) => Ok(None),
        }
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Where somebody's own files for Bellhop are.
    pub fn user_folder(&self) -> Option<PathBuf> {
        let home = || self.path("HOME").map(|home| home.join(".config"));
        self.path("XDG_CONFIG_HOME").or_else(home).map(|folder| folder.join("bellhop"))
    }

    /// `BELLHOP_<SECTION>__<KEY>`, and `BELLHOP_DATA_DIR`, which has no section. Other names that begin alike
    /// are left alone: Kubernetes makes `BELLHOP_PORT` and the like for a service of that name.
    fn settings(&self) -> Result<Vec<Node>, ConfigError> {
        let ours = self.0.iter().filter_map(|(name, value)| Some((name, name.strip_prefix("BELLHOP_")?, value)));
        ours.filter(|(_, key, _)| key.contains("__") || *key == "DATA_DIR" || *key == "PRESETS")
            .filter(|(.., value)| !value.is_empty())
            .map(|(name, key, value)| {
                let text = value.to_str().ok_or_else(|| ConfigError::new(name, "expected UTF-8"))?;
                self.setting(name, key, text)
            })
            .collect()
    }

    fn setting(&self, name: &str, key: &str, text: &str) -> Result<Node, ConfigError> {
        let keys = keys_of(key);
        let Some(direct) = key.strip_suffix("_FILE").filter(|key| is_secret(&keys_of(key))) else {
            return setting(&keys, text, &Place::of(name));
        };
        if self.path(&format!("BELLHOP_{direct}")).is_some() {
            return Err(ConfigError::new(name, format!("expected either this or BELLHOP_{direct}, not both")));
        }
        let secret = secret_file(name, Path::new(text))?;
        setting(&keys_of(direct), secret.expose(), &Place::of(name))
    }
}

/// Files end in a line break more often than secrets do.
fn secret_file(variable: &str, path: &Path) -> Result<Secret, ConfigError> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text =
        text.map_err(|error| ConfigError::new(variable, format!("expected the path of a readable file: {error}")))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

impl FromIterator<(String, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// Its values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment(…)")
    }
}

/// `LISTEN__PROXY` is `listen.proxy`. Providers' ids have `-` where a variable's name can only have `_`.
fn keys_of(name: &str) -> Vec<String> {
    let mut keys: Vec<String> = name.to_ascii_lowercase().split("__").map(str::to_owned).collect();
    let provider = match keys.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["providers", _, ..] => Some(1),
        ["listen", "providers", _] => Some(2),
        _ => None,
    };
    if let Some(key) = provider.and_then(|at| keys.get_mut(at)) {
        *key = key.replace('_', "-");
    }
    keys
}
