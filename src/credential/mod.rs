//! Provider credentials: whose they are, in what state, and which one pays for a request ([`resolve`]).
//! Facts only: the secret fields are sealed elsewhere and never pass through here.
//! Never does I/O.

pub mod resolve;
pub mod source;

use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, ProjectId, UserId},
    identity::{Context, Name},
};
use std::{fmt, str::FromStr};

/// Whose credential it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Owner {
    User(UserId),
    Organization(OrganizationId),
    /// A project of a user or of an organization.
    Project(ProjectId),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = CredentialState)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Active,
    /// Switched off by somebody who may switch it on again.
    Disabled,
    /// Deleted or replaced while jobs that it paid for were open: it serves questions about them, and nothing else.
    Retired,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            "retired" => Ok(Self::Retired),
            other => Err(format!("`{}` is no state of a credential", other.escape_debug())),
        }
    }
}

/// A credential for one provider as one caller sees it: everything that the rule of whose token pays looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    pub credential: CredentialId,
    /// The current version, from 1.
    pub version: u32,
    pub owner: Owner,
    /// The owner as a context of this caller: `me`, `me.thesis`, `acme`, `acme.optics`.
    pub home: Context,
    pub label: Box<str>,
    pub state: State,
    pub expires: Timestamp,
    /// Projects of the owning organization that it is granted to. Not empty: only these projects may use it.
    pub projects: Box<[Name]>,
    /// Not empty: only these users may use it.
    pub members: Box<[UserId]>,
}
