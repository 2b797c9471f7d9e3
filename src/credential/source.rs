//! Where a credential's value is read from while Bellhop runs, instead of being entered: what an operator writes, and
//! what is stored beside the seal.
//! A `Source` that exists is well formed; whether anything is to be had there is found out when it is read.
//! Holds no secret, and reads nothing: that is the machine's of the same name.

use crate::config::{Expected, Span};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

/// The entered field by which Leap's account API is asked; of no provider, and never sent to one.
pub const BEARER: &str = "bearer";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub place: Place,
    /// How often it is read again while the credential is in use.
    pub every: Duration,
    /// For how long the last good value is used when it cannot be read.
    pub keep: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Variables of the process that serves, by the fields that they fill.
    Environment(BTreeMap<Box<str>, Box<str>>),
    Files(BTreeMap<Box<str>, PathBuf>),
    /// A program and its arguments. No shell reads them.
    Command {
        argv: Box<[String]>,
        patience: Duration,
    },
    /// A secret of HashiCorp Vault's KV engine, version 2.
    Vault {
        mount: Box<str>,
        path: Box<str>,
        /// The credential's fields and the secret's keys. Empty: they have the same names.
        fields: BTreeMap<Box<str>, Box<str>>,
    },
    /// The token of one project, as D-Wave's Leap account API tells it. By its number or its code.
    Leap {
        project: Box<str>,
    },
}

/// The shape in which a source is written, in `apply` files, on the command line, in the management API, and in the
/// store: one of `env`, `file`, `command`, `vault` and `leap`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[schema(as = Source)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Variables of the process that serves, by the fields that they fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    env: Option<BTreeMap<Box<str>, Box<str>>>,
    /// Absolute paths, by the fields that they fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    file: Option<BTreeMap<Box<str>, PathBuf>>,
    /// A program's absolute path and its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vault: Option<WrittenVault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leap: Option<WrittenLeap>,
    /// How long a command may take: 1s to 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    /// How often it is read again while it is in use: 1s to 24h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<String>,
    /// For how long the last good value is used when it cannot be read: 0 to 30d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[schema(as = VaultSource)]
#[serde(deny_unknown_fields)]
struct WrittenVault {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mount: Option<Box<str>>,
    path: Box<str>,
    /// The credential's fields and the secret's keys; left out: they have the same names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    fields: BTreeMap<Box<str>, Box<str>>,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[schema(as = LeapSource)]
#[serde(deny_unknown_fields)]
struct WrittenLeap {
    /// A number may be written as one.
    project: Project,
}

#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[schema(as = LeapProject)]
#[serde(untagged)]
enum Project {
    Number(u64),
    Code(String),
}

const DAY: Duration = Duration::from_secs(86_400);
const KEEP: Duration = Duration::from_secs(3_600);
const LONGEST_KEEP: Duration = Duration::from_secs(30 * 86_400);
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

const ONE_PLACE: Expected = Expected("a source: one of `env`, `file`, `command`, `vault` and `leap`");
const A_FIELD: Expected =
    Expected("fields of the credential in the source, as in `file: { token: /run/secrets/token }`");
const A_VARIABLE: Expected = Expected("the name of an environment variable in the source");
const A_PATH: Expected = Expected("an absolute path in the source");
const A_PROGRAM: Expected = Expected("a list of a program's absolute path and its arguments in `command`");
const A_VAULT_PATH: Expected =
    Expected("a path such as `quantum/dwave` in the source, without empty, `.` and `..` parts");
const A_PROJECT: Expected = Expected("the number or the code of a Leap project in `leap: { project: … }`");
const A_SPAN: Expected =
    Expected("durations in the source: `every` of 1s to 24h, `keep` of 0 to 30d, `timeout` of 1s to 60s for a command");

impl TryFrom<Written> for Source {
    type Error = Expected;

    fn try_from(written: Written) -> Result<Self, Expected> {
        let Written { env, file, command, vault, leap, timeout, every, keep } = written;
        if timeout.is_some() && command.is_none() {
            return Err(A_SPAN);
        }
        let patience = within(timeout.as_deref(), SECOND..=LONGEST_PATIENCE)?.unwrap_or(PATIENCE);
        let place = match (env, file, command, vault, leap) {
            (Some(variables), None, None, None, None) => environment(variables)?,
            (None, Some(paths), None, None, None) => files(paths)?,
            (None, None, Some(argv), None, None) => program(argv, patience)?,
            (None, None, None, Some(vault), None) => in_vault(vault)?,
            (None, None, None, None, Some(WrittenLeap { project })) => in_leap(project)?,
            _ => return Err(ONE_PLACE),
        };
        let every = within(every.as_deref(), SECOND..=DAY)?.unwrap_or(place.usual_interval());
        let keep = within(keep.as_deref(), Duration::ZERO..=LONGEST_KEEP)?.unwrap_or(KEEP);
        Ok(Self { place, every, keep })
    }
}

fn within(text: Option<&str>, bounds: std::ops::RangeInclusive<Duration>) -> Result<Option<Duration>, Expected> {
    let Some(text) = text else { return Ok(None) };
    let Span(span) = text.parse().map_err(|_| A_SPAN)?;
    if bounds.contains(&span) { Ok(Some(span)) } else { Err(A_SPAN) }
}

fn environment(variables: BTreeMap<Box<str>, Box<str>>) -> Result<Place, Expected> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if variables.is_empty() {
        Err(A_FIELD)
    } else if variables.values().all(|name| is_name(name)) {
        Ok(Place::Environment(variables))
    } else {
        Err(A_VARIABLE)
    }
}

fn files(paths: BTreeMap<Box<str>, PathBuf>) -> Result<Place, Expected> {
    if paths.is_empty() {
        Err(A_FIELD)
    } else if paths.values().all(|path| path.is_absolute()) {
        Ok(Place::Files(paths))
    } else {
        Err(A_PATH)
    }
}

fn program(argv: Vec<String>, patience: Duration) -> Result<Place, Expected> {
    let absolute = argv.first().is_some_and(|program| program.starts_with('/'));
    if absolute && argv.iter().all(|word| !word.contains('\0')) {
        Ok(Place::Command { argv: argv.into(), patience })
    } else {
        Err(A_PROGRAM)
    }
}

fn in_vault(WrittenVault { mount, path, fields }: WrittenVault) -> Result<Place, Expected> {
    let plain = |text: &str| {
        !text.is_empty() && text.len() <= 512 && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
    };
    let mount = mount.unwrap_or_else(|| "secret".into());
    if plain(&mount) && plain(&path) { Ok(Place::Vault { mount, path, fields }) } else { Err(A_VAULT_PATH) }
}

fn in_leap(project: Project) -> Result<Place, Expected> {
    let project = match project {
        Project::Number(number) => number.to_string(),
        Project::Code(code) => code,
    };
    let fits = (1..=64).contains(&project.len()) && project.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(Place::Leap { project: project.into() }) } else { Err(A_PROJECT) }
}

impl Place {
    /// What it costs to read it decides.
    const fn usual_interval(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Environment(_) => 3_600,
            Self::Files(_) => 1,
            Self::Vault { .. } => 60,
            Self::Command { .. } | Self::Leap { .. } => 300,
        })
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Environment(_) => "env",
            Self::Files(_) => "file",
            Self::Command { .. } => "command",
            Self::Vault { .. } => "vault",
            Self::Leap { .. } => "leap",
        }
    }

    /// The fields that it is known to give; empty where only reading it tells.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::Environment(fields) => fields.keys().map(|name| &**name).collect(),
            Self::Files(fields) => fields.keys().map(|name| &**name).collect(),
            Self::Vault { fields, .. } => fields.keys().map(|name| &**name).collect(),
            Self::Leap { .. } => vec!["token"],
            Self::Command { .. } => Vec::new(),
        }
    }
}

impl Source {
    /// As it is stored: one text for one source, to which its seal is bound.
    pub fn to_text(&self) -> String {
        // Texts in maps and lists: nothing in it can fail, but for a path that is not UTF-8.
        serde_json::to_string(&self.written()).unwrap_or_default()
    }

    pub fn written(&self) -> Written {
        let (mut written, span) = (Written::default(), |span: Duration| Some(format!("{}ms", span.as_millis())));
        match &self.place {
            Place::Environment(fields) => written.env = Some(fields.clone()),
            Place::Files(fields) => written.file = Some(fields.clone()),
            Place::Command { argv, patience } => {
                (written.command, written.timeout) = (Some(argv.to_vec()), span(*patience));
            }
            Place::Vault { mount, path, fields } => {
                let (mount, path, fields) = (Some(mount.clone()), path.clone(), fields.clone());
                written.vault = Some(WrittenVault { mount, path, fields });
            }
            Place::Leap { project } => {
                written.leap = Some(WrittenLeap { project: Project::Code(project.to_string()) });
            }
        }
        (written.every, written.keep) = (span(self.every), span(self.keep));
        written
    }
}

impl FromStr for Source {
    type Err = Expected;

    /// From JSON.
    fn from_str(text: &str) -> Result<Self, Expected> {
        serde_json::from_str::<Written>(text).map_err(|_| ONE_PLACE)?.try_into()
    }
}

/// For people: where, in one line.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Environment(fields) => write!(f, "env {}", join(fields.values())),
            Place::Files(fields) => write!(f, "file {}", join(fields.values().map(|path| path.display()))),
            // Arguments may say more than everybody who may list credentials should read.
            Place::Command { argv, .. } => write!(f, "command {}", argv.first().map_or("", |program| program)),
            Place::Vault { mount, path, .. } => write!(f, "vault {mount}/{path}"),
            Place::Leap { project } => write!(f, "leap project {project}"),
        }
    }
}

fn join(items: impl Iterator<Item = impl fmt::Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Source, Expected> {
        text.parse()
    }

    #[test]
    fn each_kind_of_source_is_read_and_written_as_the_same() {
        for (text, shown) in [
            (r#"{"env":{"api_key":"IONQ_KEY"}}"#, "env IONQ_KEY"),
            (r#"{"file":{"token":"/run/secrets/dwave"},"keep":"0"}"#, "file /run/secrets/dwave"),
            (r#"{"command":["/usr/bin/pass","show","x"],"timeout":"5s"}"#, "command /usr/bin/pass"),
            (
                r#"{"vault":{"path":"quantum/ionq","fields":{"api_key":"key"}},"every":"30s"}"#,
                "vault secret/quantum/ionq",
            ),
            (r#"{"leap":{"project":1234}}"#, "leap project 1234"),
            (r#"{"leap":{"project":"DEV"}}"#, "leap project DEV"),
        ] {
            let source = read(text).unwrap();
            assert_eq!(source.to_string(), shown);
            assert_eq!(read(&source.to_text()).unwrap(), source);
        }
    }

    #[test]
    fn what_is_no_source_is_refused_by_what_was_expected() {
        for (text, expected) in [
            ("{}", ONE_PLACE),
            (r#"{"env":{"a":"B"},"file":{"a":"/b"}}"#, ONE_PLACE),
            (r#"{"env":{}}"#, A_FIELD),
            (r#"{"env":{"a":"B=C"}}"#, A_VARIABLE),
            (r#"{"file":{"a":"relative"}}"#, A_PATH),
            (r#"{"command":[]}"#, A_PROGRAM),
            (r#"{"command":["pass"]}"#, A_PROGRAM),
            (r#"{"vault":{"path":"a/../b"}}"#, A_VAULT_PATH),
            (r#"{"vault":{"path":"/a"}}"#, A_VAULT_PATH),
            (r#"{"leap":{"project":""}}"#, A_PROJECT),
            (r#"{"env":{"a":"B"},"every":"100ms"}"#, A_SPAN),
            (r#"{"env":{"a":"B"},"timeout":"5s"}"#, A_SPAN),
            (r#"{"env":{"a":"B"},"colour":"red"}"#, ONE_PLACE),
        ] {
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_source_or_is_not(text in r#"(\{"(env|file|command|vault|leap)":.{0,60}\}|.{0,80})"#) {
            if let Ok(source) = read(&text) {
                prop_assert_eq!(read(&source.to_text()), Ok(source));
            }
        }
    }
}
