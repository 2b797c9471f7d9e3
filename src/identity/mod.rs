//! Who people are: names, contexts, users with their memberships, and what their tokens may do.
//! Facts only; the store reads and writes them, the directory caches them.
//! Never does I/O, never sees a provider's credential.

pub mod key;
pub mod password;
pub mod pat;
pub mod role;

use crate::{
    clock::Timestamp,
    id::{OrganizationId, ProjectId, TokenId, UserId},
    spelled::{is_name, spelled},
};
use ipnet::IpNet;
use role::Role;
use std::{fmt, net::IpAddr, str::FromStr};

/// The name of an organization or a project: 1 to 40 of `[a-z0-9-]`, beginning and ending with a letter
/// or digit, without `--`, and not `me`. One spelling everywhere: URL, header, CLI, pin, receipt, host label.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no name: 1 to 40 of a-z, 0-9 and single `-`, beginning and ending with a letter or digit, and not `me`"
)]
pub struct NotAName(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(NotAName(text.escape_debug().collect())) }
    }
}

/// A user's name, as an identity provider or an operator spells it: 1 to 120 of letters, digits and `. _ @ + -`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Box<str>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no user name: 1 to 120 of A-Z, a-z, 0-9 and . _ @ + -")]
pub struct NotAUserName(String);

impl UserName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = NotAUserName;

    fn from_str(text: &str) -> Result<Self, NotAUserName> {
        let shape =
            (1..=120).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(&b));
        if shape { Ok(Self(text.into())) } else { Err(NotAUserName(text.escape_debug().collect())) }
    }
}

/// Which purse pays: `me`, `me.<project>`, `<organization>` or `<organization>.<project>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Context {
    /// `None` is `me`.
    pub organization: Option<Name>,
    pub project: Option<Name>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no context: write `me`, `me.<project>`, `<organization>` or `<organization>.<project>`")]
pub struct NotAContext(String);

impl Context {
    pub const fn me() -> Self {
        Self { organization: None, project: None }
    }

    pub const fn organization(name: Name) -> Self {
        Self { organization: Some(name), project: None }
    }

    #[must_use]
    pub fn in_project(self, project: Name) -> Self {
        Self { project: Some(project), ..self }
    }

    /// As it stands in a host label, where `--` takes the place of the dot: `acme--optics`.
    pub fn from_host_label(label: &str) -> Result<Self, NotAContext> {
        Self::split(label, "--").ok_or_else(|| NotAContext(label.escape_debug().collect()))
    }

    pub fn host_label(&self) -> String {
        self.to_string().replace('.', "--")
    }

    fn split(text: &str, separator: &str) -> Option<Self> {
        let (purse, project) = match text.split_once(separator) {
            Some((purse, project)) => (purse, Some(project.parse().ok()?)),
            None => (text, None),
        };
        let organization = if purse == "me" { None } else { Some(purse.parse().ok()?) };
        Some(Self { organization, project })
    }
}

impl FromStr for Context {
    type Err = NotAContext;

    fn from_str(text: &str) -> Result<Self, NotAContext> {
        Self::split(text, ".").ok_or_else(|| NotAContext(text.escape_debug().collect()))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.organization.as_ref().map_or("me", Name::as_str))?;
        match &self.project {
            Some(project) => write!(f, ".{project}"),
            None => Ok(()),
        }
    }
}

macro_rules! text_forms {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}
text_forms!(Name, UserName, Context);
spelled! {
    Name: "", "1 to 40 of a-z, 0-9 and single `-`, beginning and ending with a letter or digit, and not `me`";
    UserName: "", "1 to 120 of A-Z, a-z, 0-9 and . _ @ + -";
    Context: "", "Which purse pays: `me`, `me.<project>`, `<organization>` or `<organization>.<project>`";
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a token may be used for. A token can never do more than its user can now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scopes {
    /// Everything on the data plane.
    pub run: bool,
    /// The data plane's operations that change nothing.
    pub read: bool,
    /// The management API, with the user's own rights.
    pub manage: bool,
}

impl Scopes {
    /// What a token gets when nobody says otherwise.
    pub const RUN: Self = Self { run: true, read: false, manage: false };

    /// Reads the stored and written form: words separated by spaces.
    pub fn parse(text: &str) -> Option<Self> {
        let mut scopes = Self { run: false, read: false, manage: false };
        for word in text.split_whitespace() {
            match word {
                "run" => scopes.run = true,
                "read" => scopes.read = true,
                "manage" => scopes.manage = true,
                _ => return None,
            }
        }
        (scopes != Self { run: false, read: false, manage: false }).then_some(scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.run, "run"), (self.read, "read"), (self.manage, "manage")];
        let mut separator = "";
        for (_, word) in words.iter().filter(|(set, _)| *set) {
            write!(f, "{separator}{word}")?;
            separator = " ";
        }
        Ok(())
    }
}

/// One of them, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Run,
    Read,
    Manage,
}

impl Scopes {
    pub fn of(list: &[Scope]) -> Option<Self> {
        let has = |scope| list.contains(&scope);
        let scopes = Self { run: has(Scope::Run), read: has(Scope::Read), manage: has(Scope::Manage) };
        (!list.is_empty()).then_some(scopes)
    }

    pub fn list(self) -> Vec<Scope> {
        let all = [(self.run, Scope::Run), (self.read, Scope::Read), (self.manage, Scope::Manage)];
        all.into_iter().filter_map(|(set, scope)| set.then_some(scope)).collect()
    }
}

/// The limits that its maker put on a token. An empty list does not limit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Boundary {
    /// The context a request uses when it names none.
    pub pin: Option<Context>,
    pub contexts: Vec<Context>,
    /// Preset ids.
    pub providers: Vec<Box<str>>,
    pub networks: Vec<IpNet>,
}

impl Boundary {
    pub const fn has_lists(&self) -> bool {
        !(self.contexts.is_empty() && self.providers.is_empty())
    }

    pub fn allows_context(&self, context: &Context) -> bool {
        self.contexts.is_empty() || self.contexts.contains(context)
    }

    pub fn allows_provider(&self, provider: &str) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|p| **p == *provider)
    }

    pub fn allows_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|n| n.contains(&address))
    }
}

/// A user as the rule of whose token pays sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub user: UserId,
    pub name: UserName,
    /// May manage every user and organization of this installation; runs jobs like anybody else.
    pub admin: bool,
    /// From then on their tokens and sessions rest, until they sign in with their identity provider again.
    pub sign_in_by: Timestamp,
    /// The context they chose for requests that name none. Boxed because most users chose none.
    pub active: Option<Box<Context>>,
    /// Sorted by the organization's name.
    pub memberships: Box<[Membership]>,
}

/// Whose jobs a member sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobVisibility {
    #[default]
    Own,
    All,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    pub organization: OrganizationId,
    pub name: Name,
    pub role: Role,
    /// Whose jobs the organization lets its members see.
    pub job_visibility: JobVisibility,
    /// The organization's projects that list this user as a member, sorted by name.
    pub projects: Box<[ProjectRef]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectRef {
    pub id: ProjectId,
    pub name: Name,
}

impl JobVisibility {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::All => "all",
        }
    }
}

impl FromStr for JobVisibility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "own" => Ok(Self::Own),
            "all" => Ok(Self::All),
            other => Err(format!("`{}` is no job visibility: write `own` or `all`", other.escape_debug())),
        }
    }
}

impl Standing {
    pub fn membership(&self, organization: &Name) -> Option<&Membership> {
        self.memberships.iter().find(|m| m.name == *organization)
    }
}

/// Everything that presenting a valid token proves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenHolder {
    pub token: TokenId,
    pub token_name: Box<str>,
    pub scopes: Scopes,
    /// Of the token, or when its user begins to rest, whichever is earlier.
    pub expires: Timestamp,
    /// Boxed because most tokens have none.
    pub boundary: Option<Box<Boundary>>,
    pub standing: Standing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_follow_the_one_rule() {
        for good in ["a", "7", "acme", "a-b-c", "x".repeat(40).as_str()] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "me", "-a", "a-", "a--b", "A", "a.b", "a_b", "é", "x".repeat(41).as_str()] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_context_has_one_spelling_in_paths_and_one_in_host_labels() {
        for text in ["me", "me.thesis", "acme", "acme.optics"] {
            let context: Context = text.parse().expect(text);
            assert_eq!(context.to_string(), text);
            assert_eq!(Context::from_host_label(&context.host_label()), Ok(context));
        }
        for bad in ["", ".", "acme.", ".optics", "acme.me", "a.b.c", "ACME", "me.me"] {
            assert!(bad.parse::<Context>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_as_it_was_written(text in "\\PC{0,50}") {
            if let Ok(context) = text.parse::<Context>() {
                prop_assert_eq!(context.to_string(), text);
            }
        }
    }

    #[test]
    fn scopes_read_what_they_print() {
        for text in ["run", "read", "manage", "run manage", "run read manage"] {
            assert_eq!(Scopes::parse(text).map(|s| s.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Scopes::parse(""), None);
        assert_eq!(Scopes::parse("run root"), None);
    }
}
