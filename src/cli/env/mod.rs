//! `bellhop env`: the settings that point a provider's SDKs at Bellhop, in the form of a shell or of a file of theirs.
//! Owns nothing.
//! Prints no token unless it is asked to, and everything that is not a setting goes to standard error.

use super::{
    Console, Failure,
    point::{Aim, Map, token},
};
use crate::{
    config::{Environment, Sources},
    point::{
        Pointed,
        quote::Shell,
        settings::{BLANK, Lines, NotSettable, code_with, lines},
        title,
    },
    provider::Provider,
    secret::Secret,
};
use clap::Args;
use serde_json::{Value, json};
use std::{convert::Infallible, str::FromStr};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    eval \"$(bellhop env ionq)\"\n  \
    bellhop env dwave --format fish | source\n  \
    bellhop env ionq --context acme.optics --url https://bellhop.example.org --format dotenv > .env\n  \
    bellhop env dwave --format dwave.conf --with-token < token.txt > dwave.conf\n\n\
    The token stays `$BELLHOP_TOKEN`, unless --with-token writes it out.")]
pub struct Env {
    /// An id of `bellhop provider list`
    provider: String,
    /// Only this SDK
    #[arg(long, value_name = "NAME")]
    sdk: Option<String>,
    /// sh, fish, powershell, dotenv, json, python, or the name of a file of the SDK's, such as dwave.conf
    #[arg(long, default_value = "sh")]
    format: Format,
    /// Write the token out: from $BELLHOP_TOKEN, $BELLHOP_TOKEN_FILE or standard input
    #[arg(long)]
    with_token: bool,
    #[command(flatten)]
    aim: Aim,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Format {
    Shell(Shell),
    Dotenv,
    Json,
    Python,
    File(String),
}

impl FromStr for Format {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(match name {
            "sh" | "bash" | "zsh" => Self::Shell(Shell::Posix),
            "fish" => Self::Shell(Shell::Fish),
            "powershell" | "pwsh" => Self::Shell(Shell::Power),
            "dotenv" | ".env" => Self::Dotenv,
            "json" => Self::Json,
            "python" => Self::Python,
            name => Self::File(name.to_owned()),
        })
    }
}

impl Format {
    /// Whether the token is left to the variable `BELLHOP_TOKEN` of whoever uses what is printed.
    const fn names_variable(&self) -> bool {
        matches!(self, Self::Shell(_) | Self::Dotenv | Self::Python)
    }
}

impl Env {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let map = Map::read(self.aim.url.as_ref(), sources)?;
        let provider = super::local::find(&map.catalog, &self.provider)?;
        self.aim.check(&[provider])?;
        let pointed = self.pointed(&map, provider, console)?;
        let token = self.with_token.then(|| token::read(&sources.environment, console)).transpose()?;
        if token.is_none() && self.format.names_variable() && pointed.iter().any(Pointed::reads_token) {
            variable_is_set(&sources.environment, console)?;
        }
        let text = match &self.format {
            Format::File(name) => file(name, &pointed, token.as_ref(), console)?,
            Format::Json => format!("{:#}\n", described(provider, &pointed, token.as_ref())),
            Format::Python => python(&pointed, token.as_ref())?,
            Format::Shell(shell) => lines(&pointed, Lines::Shell(*shell), token.as_ref())?,
            Format::Dotenv => lines(&pointed, Lines::Dotenv, token.as_ref())?,
        };
        console.say(text);
        Ok(())
    }

    /// The SDKs that can be pointed; what is to be said about each, and about the others, is said.
    fn pointed<'p>(
        &self,
        map: &Map,
        provider: &'p Provider,
        console: &mut Console<'_>,
    ) -> Result<Vec<Pointed<'p>>, Failure> {
        let sdks = &provider.preset().sdks;
        let chosen = |name: &str| self.sdk.as_ref().is_none_or(|wanted| wanted == name);
        let mut pointed = Vec::new();
        let mut problems = Vec::new();
        for sdk in sdks.iter().filter(|sdk| chosen(&sdk.name)) {
            match self.aim.point(&map.place, provider, sdk) {
                Ok(found) => pointed.push(found),
                Err(problem) => problems.push(format!("{}: {problem}", title(sdk))),
            }
        }
        if pointed.is_empty() && problems.is_empty() {
            let known: Vec<&str> = sdks.iter().map(|sdk| &*sdk.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Failure::failed(format!("the SDKs known for {} are: {known}", provider.id())));
        }
        if pointed.is_empty() {
            return Err(Failure::failed(problems.join("\n       ")));
        }
        let warnings = pointed.iter().flat_map(|p| p.warnings.iter().map(|text| format!("{}: {text}", p.title())));
        warnings.chain(problems).for_each(|text| console.note(text));
        if !matches!(self.format, Format::File(_) | Format::Json) {
            for one in &pointed {
                needs_files(one, console);
            }
        }
        Ok(pointed)
    }
}

impl From<NotSettable> for Failure {
    fn from(problem: NotSettable) -> Self {
        Self::failed(problem.to_string())
    }
}

/// Where the variable is not set, the SDK would be given an empty token and say something else about it.
fn variable_is_set(environment: &Environment, console: &mut Console<'_>) -> Result<(), Failure> {
    if environment.text("BELLHOP_TOKEN")?.is_some() {
        return Ok(());
    }
    let how = if environment.path("BELLHOP_TOKEN_FILE").is_some() {
        "`export BELLHOP_TOKEN=\"$(cat \"$BELLHOP_TOKEN_FILE\")\"; unset BELLHOP_TOKEN_FILE`"
    } else {
        "`bellhop token create` prints one"
    };
    console.note(format_args!(
        "BELLHOP_TOKEN is not set, and these settings read it: set it first ({how}), or use --with-token"
    ));
    Ok(())
}

fn needs_files(pointed: &Pointed<'_>, console: &mut Console<'_>) {
    for (file, _) in pointed.required() {
        let (name, place) = (&file.name, file.places.first().map_or("", |place| &**place));
        let id = pointed.provider.id();
        console.note(format_args!(
            "{}: variables do not do, it needs a file as well: bellhop env {id} --format {name} --with-token > {place}",
            pointed.title()
        ));
    }
}

fn python(pointed: &[Pointed<'_>], token: Option<&Secret>) -> Result<String, Failure> {
    let code =
        pointed.iter().filter_map(|p| Some(format!("# {}\n{}", p.title(), code_with(p.snippet.as_ref()?, token))));
    let code: Vec<String> = code.collect();
    if code.is_empty() {
        return Err(Failure::failed("no code is needed: variables do, as --format sh prints them"));
    }
    Ok(code.join("\n"))
}

fn file(
    name: &str,
    pointed: &[Pointed<'_>],
    token: Option<&Secret>,
    console: &mut Console<'_>,
) -> Result<String, Failure> {
    let files = || pointed.iter().flat_map(|p| &p.files);
    let Some((_, content)) = files().find(|(file, _)| *file.name == *name) else {
        let forms = ["sh", "fish", "powershell", "dotenv", "json", "python"];
        let known: Vec<&str> = forms.into_iter().chain(files().map(|(file, _)| &*file.name)).collect();
        return Err(Failure::usage(format!("--format: expected {}", known.join(", "))));
    };
    if content.has_token() && token.is_none() {
        console.note(format_args!("put your token in the place of {BLANK}, or use --with-token"));
    }
    Ok(content.with(token.map_or(BLANK, Secret::expose)))
}

fn described(provider: &Provider, pointed: &[Pointed<'_>], token: Option<&Secret>) -> Value {
    let token = token.map_or("${BELLHOP_TOKEN}", Secret::expose);
    let sdks = pointed.iter().map(|p| {
        let environment = p.environment.iter().map(|(name, value)| ((*name).to_owned(), value.with(token).into()));
        let files = p.files.iter().map(|(file, content)| {
            json!({
                "name": file.name, "where": file.places, "variable": file.variable,
                "content": content.with(token),
            })
        });
        json!({
            "name": p.sdk.name,
            "version": p.sdk.version,
            "way": p.door.way,
            "base": p.door.base.to_string(),
            "environment": environment.collect::<serde_json::Map<String, Value>>(),
            "unset": p.sdk.unset,
            "files": files.collect::<Vec<_>>(),
            "code": p.snippet.as_ref().map(|code| code.with(token)),
            "note": p.sdk.note,
            "warnings": p.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    json!({ "provider": provider.id(), "sdks": sdks.collect::<Vec<_>>() })
}
