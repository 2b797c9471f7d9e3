//! Pointing SDKs at Bellhop: a preset's texts, filled in for the Bellhop that is meant. `bellhop env`, `run`, `doctor` and
//! the page share it.
//! Owns nothing.
//! Never prints anything, and never has a token: where one belongs stays open.

pub mod place;
pub mod quote;
pub mod settings;

use crate::{
    identity::Context,
    provider::{
        Provider,
        fields::{Sensitivity, items},
        preset::sdk::{ConfigFile, Filled, Hole, Need, Sdk, Template, Values, Way, in_double_quotes},
    },
};
use place::{Door, NoDoor, Place};
use std::fmt;

/// What is to be reached, and how.
#[derive(Clone, Copy, Default, Debug)]
pub struct Aim<'a> {
    pub context: Option<&'a Context>,
    /// Without one, the first that there is.
    pub way: Option<Way>,
    /// Plain fields that SDKs have to be told.
    pub plain: &'a [(String, String)],
}

/// One SDK, pointed at Bellhop.
pub struct Pointed<'p> {
    pub provider: &'p Provider,
    pub sdk: &'p Sdk,
    pub door: Door,
    pub environment: Vec<(&'p str, Filled)>,
    pub files: Vec<(&'p ConfigFile, Filled)>,
    pub snippet: Option<Filled>,
    pub warnings: Vec<Warning>,
}

/// What goes wrong, or elsewhere, if it is not heeded. Shown in the words of the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Warning {
    /// What the preset says of it.
    Preset(Box<str>),
    /// Something that needs a plain field is left out.
    LeftOut { what: Box<str>, field: Box<str> },
    /// It sends no token without TLS.
    PlainHttp { host: Box<str> },
    /// Its address has no place for a context.
    NoContext { context: Context },
    /// The token must be one of this provider's alone.
    Root { provider: Box<str> },
}

impl Aim<'_> {
    /// Points one SDK, or says why that cannot be.
    pub fn point<'p>(self, place: &Place, provider: &'p Provider, sdk: &'p Sdk) -> Result<Pointed<'p>, NoDoor> {
        let door = place.door(provider.id(), &sdk.ways, self.way, self.context)?;
        let fields = self.fields(provider);
        let context = self.context.map(ToString::to_string);
        let values = Values { base: &door.base, context, fields: &fields };
        let mut warnings = self.warnings(provider, sdk, &door);
        let mut fill = |what: &str, template: &Template, escaped: &dyn Fn(&str) -> String| {
            match template.fill(&values, escaped) {
                Ok(filled) => Some(filled),
                Err(Hole::Field(field)) => {
                    warnings.push(Warning::LeftOut { what: what.into(), field });
                    None
                }
                // A context that nobody named is none that is missing.
                Err(_) => None,
            }
        };
        let variables = sdk.environment.iter();
        let environment =
            variables.filter_map(|(name, text)| Some((&**name, fill(name, text, &str::to_owned)?))).collect();
        let files = sdk.files.iter().filter_map(|file| {
            let content = file.content.as_ref()?;
            Some((file, fill(&file.name, content, &|value| file.format.escaped(value))?))
        });
        let files = files.collect();
        let snippet = sdk.snippet.as_ref().and_then(|text| fill("the code", text, &in_double_quotes));
        Ok(Pointed { provider, sdk, door, environment, files, snippet, warnings })
    }

    /// Plain fields as given, else by their defaults; of a list, the first.
    fn fields(self, provider: &Provider) -> Vec<(String, String)> {
        let specs = provider.preset().fields.iter().filter(|spec| spec.sensitivity == Sensitivity::Plain);
        let value =
            |name: &str| self.plain.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let fields = specs.filter_map(|spec| {
            let value = value(&spec.name).or(spec.default.as_deref())?;
            let first = if spec.list { items(value).next().unwrap_or(value) } else { value };
            Some((spec.name.to_string(), first.to_owned()))
        });
        fields.collect()
    }

    fn warnings(self, provider: &Provider, sdk: &Sdk, door: &Door) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = sdk.warning.iter().cloned().map(Warning::Preset).collect();
        if !sdk.plain_http.reaches(&door.base) {
            warnings.push(Warning::PlainHttp { host: door.base.origin.host.clone() });
        }
        if let (Some(context), Way::Port | Way::Root) = (self.context, door.way) {
            warnings.push(Warning::NoContext { context: context.clone() });
        }
        if door.way == Way::Root {
            warnings.push(Warning::Root { provider: provider.id().into() });
        }
        warnings
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(text) => f.write_str(text),
            Self::LeftOut { what, field } => write!(f, "{what} is left out, as it needs --plain {field}=…"),
            Self::PlainHttp { host } => {
                write!(f, "it does not send a token over plain http to {host}: Bellhop needs TLS for it")
            }
            Self::NoContext { context } => write!(
                f,
                "its address has no place for a context: use a token that is pinned (`bellhop token create --context {context}`)"
            ),
            Self::Root { provider } => write!(f, "the token must be one that may use {provider} only"),
        }
    }
}

impl Pointed<'_> {
    /// Whether a setting or the code of it holds the token.
    pub fn reads_token(&self) -> bool {
        self.environment.iter().map(|(_, value)| value).chain(&self.snippet).any(Filled::has_token)
    }

    /// `qiskit-ionq 1.1.1`.
    pub fn title(&self) -> String {
        title(self.sdk)
    }

    /// The files that variables cannot stand for.
    pub fn required(&self) -> impl Iterator<Item = &(&ConfigFile, Filled)> {
        self.files.iter().filter(|(file, _)| file.need == Need::Required)
    }
}

pub fn title(sdk: &Sdk) -> String {
    sdk.version.as_ref().map_or_else(|| sdk.name.to_string(), |version| format!("{} {version}", sdk.name))
}
