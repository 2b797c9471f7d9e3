//! From the file's texts to what they mean: names, dates, digests, fields; and the values of `{env}` and `{file}`.
//! Owns nothing; reads the environment and the files that the state file names, and nothing of the store.
//! Never lets a half-read file through: the first mistake ends it, with its place.

use super::{
    declared::{Credential, Extent, Named, Organization, Project, State, Token, User},
    document::{self, Document, Entries, Source, Text},
    mistake::{Checked, Mistake, looks_like_a_key, mistake},
};
use crate::{
    cli::moment::Moment,
    clock::Timestamp,
    config::{Expected, TokenLifetimes},
    credential::source::Written,
    identity::{JobVisibility, Scopes, UserName, password, pat::PatDigest, role::Role},
    manage::credentials::Version,
    provider::{Catalog, Provider},
    secret::Secret,
};
use serde_yaml::{Location, Spanned};
use std::{collections::HashSet, hash::Hash, str::FromStr};

/// What checking needs to know of this installation.
#[derive(Clone, Copy)]
pub struct Checker<'a> {
    pub catalog: &'a Catalog,
    pub lifetimes: &'a TokenLifetimes,
    pub now: Timestamp,
}

const LONGEST_TEXT: usize = 120;

impl Checker<'_> {
    pub fn document(&self, text: &str) -> Checked<State> {
        let document = Document::from_yaml(text)?;
        let users = document.users.into_iter().map(|user| self.user(user)).collect::<Checked<Vec<_>>>()?;
        let organizations = document.organizations.into_iter().map(|o| self.organization(o)).collect::<Checked<_>>()?;
        let state = State { users, organizations, extent: Extent::Installation };
        once("user", state.users.iter().map(|user| (&user.name, user.at)))?;
        once("organization", state.organizations.iter().map(|o| (&o.name, o.at)))?;
        Ok(state)
    }

    pub fn user(&self, user: document::User) -> Checked<User> {
        let checked = User {
            at: user.name.referenced,
            line: None,
            name: parsed(&user.name, A_USER_NAME)?,
            admin: user.admin,
            password: user.password.as_ref().map(password).transpose()?,
            active: user.active.as_ref().map(|text| named(text, A_CONTEXT)).transpose()?,
            tokens: user.tokens.iter().map(|token| self.token(token)).collect::<Checked<_>>()?,
            credentials: self.credentials(user.credentials, Purse::Personal)?,
            projects: user.projects.into_iter().map(|p| self.project(p, Purse::Personal)).collect::<Checked<_>>()?,
        };
        once("token", checked.tokens.iter().map(|token| (&token.name, token.at)))?;
        once("project", checked.projects.iter().map(|project| (&project.name, project.at)))?;
        Ok(checked)
    }

    fn organization(&self, organization: document::Organization) -> Checked<Organization> {
        let visibility = organization.job_visibility.as_ref().map(|text| parsed(text, "`own` or `all`")).transpose()?;
        let checked = Organization {
            at: organization.name.referenced,
            name: parsed(&organization.name, A_NAME)?,
            job_visibility: visibility.unwrap_or(JobVisibility::Own),
            members: members(&organization.members)?,
            credentials: self.credentials(organization.credentials, Purse::Organization)?,
            projects: organization
                .projects
                .into_iter()
                .map(|p| self.project(p, Purse::Project))
                .collect::<Checked<_>>()?,
        };
        once("project", checked.projects.iter().map(|project| (&project.name, project.at)))?;
        Ok(checked)
    }

    fn project(&self, project: document::Project, purse: Purse) -> Checked<Project> {
        if let (Purse::Personal, Some(member)) = (purse, project.members.first()) {
            return mistake(member, "a user's project has no members: only an organization's has");
        }
        Ok(Project {
            at: project.name.referenced,
            name: parsed(&project.name, A_NAME)?,
            members: all_named(&project.members, A_USER_NAME)?,
            credentials: self.credentials(project.credentials, purse)?,
        })
    }

    fn token(&self, token: &document::Token) -> Checked<Token> {
        Ok(Token {
            at: token.name.referenced,
            name: short_text(&token.name)?,
            digest: token.sha256.as_ref().map(digest).transpose()?,
            scopes: scopes(&token.scopes)?,
            pin: token.context.as_ref().map(|text| named(text, A_CONTEXT)).transpose()?,
            contexts: all_named(&token.contexts, A_CONTEXT)?,
            providers: token
                .providers
                .iter()
                .map(|text| Ok(self.provider(text)?.id().into()))
                .collect::<Checked<_>>()?,
            networks: token.networks.iter().map(|text| parsed(text, A_NETWORK)).collect::<Checked<_>>()?,
            expires: token.expires.as_ref().map(|text| self.token_expiry(text)).transpose()?,
        })
    }

    fn token_expiry(&self, text: &Text) -> Checked<Timestamp> {
        let expires = time(text)?;
        if expires > self.now.plus(self.lifetimes.max_expiry) {
            let days = self.lifetimes.max_expiry.as_secs() / 86_400;
            return mistake(text, format!("a token lives for at most {days} days (`tokens.max_expiry`)"));
        }
        Ok(expires)
    }

    fn credentials(&self, credentials: Vec<document::Credential>, purse: Purse) -> Checked<Vec<Credential>> {
        let checked: Vec<_> = credentials.into_iter().map(|c| self.credential(c, purse)).collect::<Checked<_>>()?;
        once("owner's credential for this provider", checked.iter().map(|c: &Credential| (&c.provider, c.at)))?;
        Ok(checked)
    }

    fn credential(&self, credential: document::Credential, purse: Purse) -> Checked<Credential> {
        if let (Purse::Personal | Purse::Project, Some(place)) = (purse, credential.projects.first()) {
            return mistake(place, "only an organization's own credential is granted to projects");
        }
        if let (Purse::Personal, Some(place)) = (purse, credential.members.first()) {
            return mistake(place, "a personal credential is its owner's alone");
        }
        let provider = self.provider(&credential.provider)?;
        Ok(Credential {
            at: credential.provider.referenced,
            provider: provider.id().into(),
            label: credential.label.as_ref().map_or_else(|| Ok(provider.id().into()), short_text)?,
            version: version(provider, &credential.provider, credential.fields, credential.source)?,
            expires: credential.expires.as_ref().map_or(Ok(Timestamp::MAX), time)?,
            projects: all_named(&credential.projects, A_NAME)?,
            members: all_named(&credential.members, A_USER_NAME)?,
        })
    }

    fn provider(&self, text: &Text) -> Checked<&Provider> {
        let known = || self.catalog.iter().map(|provider| provider.id()).collect::<Vec<_>>().join(", ");
        match self.catalog.find(&text.value) {
            Some(provider) => Ok(provider),
            None => mistake(text, format!("expected a provider: one of {}", known())),
        }
    }
}

/// Whose credentials are being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purse {
    Personal,
    Organization,
    Project,
}

const A_NAME: &str =
    "a name: 1 to 40 of a-z, 0-9 and single `-`, beginning and ending with a letter or digit, not `me`";
const A_USER_NAME: &str = "a user name: 1 to 120 of A-Z, a-z, 0-9 and . _ @ + -";
const A_CONTEXT: &str = "a context: `me`, `me.<project>`, `<organization>` or `<organization>.<project>`";
const A_NETWORK: &str = "a network, as in `10.0.0.0/8`";
const A_TIME: &str = "a date, as in `2027-01-01`, or a time, as in `2027-01-01T12:00:00Z`";

fn parsed<T: FromStr>(text: &Text, expected: &str) -> Checked<T> {
    text.value.parse().or_else(|_| mistake(text, format!("expected {expected}")))
}

fn named<T: FromStr>(text: &Text, expected: &str) -> Checked<Named<T>> {
    Ok(Named { name: parsed(text, expected)?, at: text.referenced })
}

fn all_named<T: FromStr>(texts: &[Text], expected: &str) -> Checked<Vec<Named<T>>> {
    texts.iter().map(|text| named(text, expected)).collect()
}

fn members(entries: &Entries<String>) -> Checked<Vec<(Named<UserName>, Role)>> {
    let read = |(name, role): &(Text, Text)| {
        Ok((named(name, A_USER_NAME)?, parsed(role, "a role: `owner`, `maintainer` or `member`")?))
    };
    let members: Vec<(Named<_>, _)> = entries.0.iter().map(read).collect::<Checked<_>>()?;
    once("member", members.iter().map(|(member, _)| (&member.name, member.at)))?;
    Ok(members)
}

fn short_text(text: &Text) -> Checked<Box<str>> {
    let fits = !text.value.is_empty() && text.value.len() <= LONGEST_TEXT && !text.value.chars().any(char::is_control);
    if fits {
        Ok(text.value.as_str().into())
    } else {
        mistake(text, format!("expected 1 to {LONGEST_TEXT} bytes of text on one line"))
    }
}

fn digest(text: &Spanned<Secret>) -> Checked<PatDigest> {
    PatDigest::from_hex(text.value.expose())
        .map_or_else(|| mistake(text, "expected the SHA-256 of a token: 64 hexadecimal digits"), Ok)
}

fn scopes(texts: &[Text]) -> Checked<Scopes> {
    let Some(first) = texts.first() else { return Ok(Scopes::RUN) };
    let words: Vec<&str> = texts.iter().map(|text| text.value.as_str()).collect();
    Scopes::parse(&words.join(" ")).map_or_else(|| mistake(first, "expected `run`, `read` or `manage`"), Ok)
}

/// A time to come or gone; not a span from now on, which would be another time at each `apply`.
fn time(text: &Text) -> Checked<Timestamp> {
    match text.value.parse() {
        Ok(Moment::At(time)) => Ok(time),
        Ok(Moment::Never) => Ok(Timestamp::MAX),
        Ok(Moment::After(_)) | Err(_) => mistake(text, format!("expected {A_TIME}")),
    }
}

fn password(source: &Spanned<Source>) -> Checked<Secret> {
    let password = fetch(source)?;
    match password::check(&password) {
        Ok(()) => Ok(password),
        Err(expected) => mistake(source, expected),
    }
}

/// What a credential is made of: the values of its fields, or the source that they are read from while Bellhop runs.
fn version(
    provider: &Provider,
    at: &Text,
    entries: Entries<Source>,
    source: Option<Spanned<Written>>,
) -> Checked<Version> {
    let mut given = Vec::with_capacity(entries.0.len());
    for (name, source) in entries.0 {
        if !looks_like_a_key(&name.value) {
            return mistake(&name, "expected the name of a field");
        }
        given.push((name.value, fetch(&source)?));
    }
    let Some(written) = source else {
        let fields = provider.fields(given).or_else(|error| mistake(at, error.to_string()))?;
        return Ok(Version::entered(&fields));
    };
    let live = written.value.clone().try_into().or_else(|error: Expected| mistake(&written, error.to_string()))?;
    Version::sourced(provider, live, given).or_else(|error| mistake(&written, error))
}

fn fetch(source: &Spanned<Source>) -> Checked<Secret> {
    let text = match &source.value {
        Source { env: Some(name), file: None, value: None } => std::env::var(name)
            .or_else(|_| mistake(source, format!("the environment has no variable `{}`", name.escape_debug())))?,
        Source { env: None, file: Some(path), value: None } => std::fs::read_to_string(path)
            .or_else(|error| mistake(source, format!("the file {} cannot be read: {error}", path.display())))?,
        Source { env: None, file: None, value: Some(value) } => return Ok(value.clone()),
        _ => return mistake(source, "expected one of `env`, `file` and `value`"),
    };
    Ok(without_line_end(text))
}

/// Editors and `echo` end a file with a line break that is no part of the secret.
fn without_line_end(text: String) -> Secret {
    let text = zeroize::Zeroizing::new(text);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Secret::new(line.strip_suffix('\r').unwrap_or(line))
}

fn once<'a, T: Hash + Eq + 'a>(what: &str, names: impl Iterator<Item = (&'a T, Location)>) -> Checked<()> {
    let mut seen = HashSet::new();
    for (name, at) in names {
        if !seen.insert(name) {
            return Err(Mistake::at(at, format!("this {what} is here twice")));
        }
    }
    Ok(())
}
