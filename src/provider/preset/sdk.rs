//! How each SDK of a provider is pointed at Bellhop, for documents, pages, `bellhop env`, `run` and `doctor`.
//! Owns the texts, with holes for what is known only where they are used: an address, a token, a context, plain fields.
//! Never read on the data plane, and never holds a token.

use super::FieldSpec;
use crate::{config::BaseUrl, provider::fields::Sensitivity};
use std::fmt;

/// One SDK that people use with the provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sdk {
    pub name: Box<str>,
    /// The versions that this was found to be true for.
    pub version: Option<Box<str>>,
    /// The ways in that it can use, best first.
    pub ways: Box<[Way]>,
    pub plain_http: PlainHttp,
    /// Variables to set.
    pub environment: Box<[(Box<str>, Template)]>,
    /// Variables that would lead it elsewhere.
    pub unset: Box<[Box<str>]>,
    pub files: Box<[ConfigFile]>,
    /// Code in Python, where variables do not do.
    pub snippet: Option<Template>,
    pub note: Option<Box<str>>,
    /// What goes wrong, or elsewhere, if it is not heeded.
    pub warning: Option<Box<str>>,
}

/// A way in. An SDK that drops the path of its base URL cannot use [`Way::Path`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Path,
    Port,
    Host,
    Root,
}

/// Where an SDK speaks plain http to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlainHttp {
    #[default]
    Anywhere,
    /// Only `localhost` and `127.0.0.1`.
    Localhost,
    Never,
}

impl PlainHttp {
    pub fn reaches(self, base: &BaseUrl) -> bool {
        let local = matches!(&*base.origin.host, "localhost" | "127.0.0.1");
        base.origin.protocol == crate::config::Protocol::Https
            || self == Self::Anywhere
            || self == Self::Localhost && local
    }
}

/// A configuration file of an SDK's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFile {
    /// What people call it, such as `dwave.conf`.
    pub name: Box<str>,
    /// Where the SDK looks for it, each beginning with `~/`, `./` or `/`.
    pub places: Box<[Box<str>]>,
    /// The variable that names another place.
    pub variable: Option<Box<str>>,
    pub variable_names: Names,
    pub format: FileFormat,
    pub need: Need,
    /// What it says when it points at Bellhop; none for a file that is only looked into.
    pub content: Option<Template>,
    /// Names of further settings that hold a token.
    pub tokens: Box<[Box<str>]>,
    /// Names of further settings that hold an address.
    pub addresses: Box<[Box<str>]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    Ini,
    Toml,
    Json,
    /// `NAME=value` on each line.
    Dotenv,
}

impl FileFormat {
    /// A value as it stands in the texts of this format, whose quotes are the template's own.
    pub fn escaped(self, value: &str) -> String {
        match self {
            Self::Ini | Self::Dotenv => value.to_owned(),
            Self::Toml | Self::Json => in_double_quotes(value),
        }
    }
}

/// Backslash and quote, as JSON, TOML and Python have them.
pub fn in_double_quotes(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What a variable names: the file, or the folder in which it has its usual name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    #[default]
    File,
    Folder,
}

/// Whether an SDK can do without one of its files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Variables say the same.
    Optional,
    Required,
}

/// A text with holes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Box<[Piece]>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(Box<str>),
    Hole(Hole),
}

/// What may be filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hole {
    /// The provider's URL at Bellhop, without a slash at its end.
    Base,
    Host,
    Port,
    /// `http` or `https`, and `ws` or `wss` with it.
    Protocol,
    Websocket,
    Token,
    Context,
    /// A plain field of the credential.
    Field(Box<str>),
}

/// What holes are filled with; the token stays one.
pub struct Values<'v> {
    pub base: &'v BaseUrl,
    pub context: Option<String>,
    pub fields: &'v [(String, String)],
}

/// A text that lacks nothing but the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filled(pub Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Text(String),
    Token,
}

impl Template {
    /// Code and JSON have braces of their own; what looks like a hole must be one.
    pub fn parse(text: &str, fields: &[FieldSpec]) -> Result<Self, String> {
        let is_name = |name: &str| {
            let shape = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(shape)
        };
        let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, tail)) = rest.split_once('{') {
            literal.push_str(before);
            if let Some((name, after)) = tail.split_once('}').filter(|(name, _)| is_name(name)) {
                pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
                pieces.push(Piece::Hole(Hole::named(name, fields)?));
                rest = after;
            } else {
                literal.push('{');
                rest = tail;
            }
        }
        pieces.push(Piece::Text((literal + rest).into()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Self(pieces.into()))
    }

    pub fn has(&self, wanted: &Hole) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Hole(hole) if hole == wanted))
    }

    /// The plain fields that it needs.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Hole(Hole::Field(name)) => Some(&**name),
            Piece::Hole(_) | Piece::Text(_) => None,
        })
    }

    /// Whether it says where Bellhop is.
    pub fn is_address(&self) -> bool {
        self.has(&Hole::Base) || self.has(&Hole::Host)
    }

    /// Whether wherever the token is filled in, it stands in double quotes by itself.
    pub fn quotes_its_token(&self) -> bool {
        let text = |at: Option<usize>| match at.and_then(|at| self.0.get(at)) {
            Some(Piece::Text(text)) => &**text,
            _ => "",
        };
        let holes = self.0.iter().enumerate().filter(|(_, piece)| **piece == Piece::Hole(Hole::Token));
        holes.map(|(at, _)| at).all(|at| text(at.checked_sub(1)).ends_with('"') && text(Some(at + 1)).starts_with('"'))
    }

    /// The text with every hole but the token's filled; the name of the one that cannot be.
    pub fn fill(&self, values: &Values<'_>, escaped: impl Fn(&str) -> String) -> Result<Filled, Hole> {
        let mut parts: Vec<Part> = Vec::new();
        for piece in &self.0 {
            let text = match piece {
                Piece::Text(text) => text.to_string(),
                Piece::Hole(Hole::Token) => {
                    parts.push(Part::Token);
                    continue;
                }
                Piece::Hole(hole) => escaped(&values.of(hole).ok_or_else(|| hole.clone())?),
            };
            match parts.last_mut() {
                Some(Part::Text(earlier)) => earlier.push_str(&text),
                _ => parts.push(Part::Text(text)),
            }
        }
        Ok(Filled(parts))
    }
}

impl Hole {
    fn named(name: &str, fields: &[FieldSpec]) -> Result<Self, String> {
        Ok(match name {
            "base" => Self::Base,
            "host" => Self::Host,
            "port" => Self::Port,
            "protocol" => Self::Protocol,
            "websocket" => Self::Websocket,
            "token" => Self::Token,
            "context" => Self::Context,
            name => {
                let plain = fields.iter().filter(|field| field.sensitivity == Sensitivity::Plain);
                let names: Vec<&str> = plain.map(|field| &*field.name).collect();
                if !names.contains(&name) {
                    let known =
                        ["base", "host", "port", "protocol", "websocket", "token", "context"].iter().chain(&names);
                    let known: Vec<String> = known.map(|name| format!("{{{name}}}")).collect();
                    return Err(format!("expected {}, not `{name}`", known.join(", ")));
                }
                Self::Field(name.into())
            }
        })
    }
}

impl Values<'_> {
    fn of(&self, hole: &Hole) -> Option<String> {
        let origin = &self.base.origin;
        let secure = origin.protocol == crate::config::Protocol::Https;
        Some(match hole {
            Hole::Base => self.base.to_string(),
            Hole::Host if origin.host.contains(':') => format!("[{}]", origin.host),
            Hole::Host => origin.host.to_string(),
            Hole::Port => origin.port.to_string(),
            Hole::Protocol => origin.protocol.as_str().to_owned(),
            Hole::Websocket => if secure { "wss" } else { "ws" }.to_owned(),
            Hole::Context => self.context.clone()?,
            Hole::Field(name) => self.fields.iter().find(|(field, _)| **field == **name)?.1.clone(),
            Hole::Token => return None,
        })
    }
}

impl Filled {
    /// The text with something in the token's place.
    pub fn with(&self, token: &str) -> String {
        self.0.iter().map(|part| if let Part::Text(text) = part { text } else { token }).collect()
    }

    pub fn has_token(&self) -> bool {
        self.0.contains(&Part::Token)
    }
}

/// As it stands in a preset.
impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Base => "base",
            Self::Host => "host",
            Self::Port => "port",
            Self::Protocol => "protocol",
            Self::Websocket => "websocket",
            Self::Token => "token",
            Self::Context => "context",
            Self::Field(name) => name,
        };
        write!(f, "{{{name}}}")
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Hole(hole) => hole.fmt(f),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(template: &str, base: &str) -> String {
        let (base, template) = (base.parse().unwrap(), Template::parse(template, &[]).unwrap());
        let values = Values { base: &base, context: None, fields: &[] };
        template.fill(&values, str::to_owned).unwrap_or_else(|hole| panic!("{hole}")).with("fake-token")
    }

    #[test]
    fn holes_are_filled_and_other_braces_stay() {
        let base = "https://bellhop.example.org/ionq";
        assert_eq!(fill("{base}/v0.4", base), "https://bellhop.example.org/ionq/v0.4");
        assert_eq!(fill("{protocol} {websocket} {host}:{port}", base), "https wss bellhop.example.org:443");
        assert_eq!(
            fill(r#"{"{base}": {"token": "{token}"}}"#, "http://[::1]:80"),
            r#"{"http://[::1]": {"token": "fake-token"}}"#
        );
        assert_eq!(fill("{host} {} {X} {a b} {", "http://[::1]:80"), "[::1] {} {X} {a b} {");
    }

    #[test]
    fn what_is_not_known_leaves_a_hole_that_has_a_name() {
        let base: BaseUrl = "http://a".parse().unwrap();
        let values = Values { base: &base, context: None, fields: &[] };
        let context = Template::parse("Bellhop-Context: {context}", &[]).unwrap();
        assert_eq!(context.fill(&values, str::to_owned), Err(Hole::Context));
        assert!(Template::parse("{instance}", &[]).unwrap_err().ends_with("{context}, not `instance`"));
    }

    #[test]
    fn a_token_in_code_stands_in_quotes_of_its_own() {
        for (text, quoted) in [("f(\"{token}\")", true), ("f(\"x {token}\")", false), ("{token}", false), ("f()", true)]
        {
            assert_eq!(Template::parse(text, &[]).unwrap().quotes_its_token(), quoted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_template_is_shown_as_it_was_written(text in r#"([{}" a-z/:_.]|\{base\}|\{token\}|\{port\}){0,12}"#) {
            if let Ok(template) = Template::parse(&text, &[]) {
                prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
