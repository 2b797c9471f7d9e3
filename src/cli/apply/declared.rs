//! A state file with every value read, fetched and checked: what the store is to agree with.
//! Owns the secrets of the file until they are sealed or hashed.
//! Never names what is not there: names are still names, and the plan finds out what they mean.

use crate::{
    clock::Timestamp,
    identity::{Context, JobVisibility, Name, Scopes, UserName, pat::PatDigest, role::Role},
    manage::credentials::Version,
    secret::Secret,
};
use ipnet::IpNet;
use serde_yaml::Location;

pub struct State {
    pub users: Vec<User>,
    pub organizations: Vec<Organization>,
    pub extent: Extent,
}

/// How much the file speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Whatever it does not name is not to be there.
    Installation,
    /// A few of the users; of the others it says nothing.
    Users,
}

pub struct User {
    pub name: UserName,
    pub at: Location,
    /// In a file that is read line by line.
    pub line: Option<u64>,
    pub admin: bool,
    /// Left as it is where the file says nothing, because it cannot be read back.
    pub password: Option<Secret>,
    /// Left as it is where the file says nothing: people set it for themselves.
    pub active: Option<Named<Context>>,
    pub tokens: Vec<Token>,
    pub credentials: Vec<Credential>,
    pub projects: Vec<Project>,
}

pub struct Token {
    pub name: Box<str>,
    pub at: Location,
    /// Without one, a token is made.
    pub digest: Option<PatDigest>,
    pub scopes: Scopes,
    pub pin: Option<Named<Context>>,
    pub contexts: Vec<Named<Context>>,
    pub providers: Vec<Box<str>>,
    pub networks: Vec<IpNet>,
    /// Set once, from the default, where the file says nothing.
    pub expires: Option<Timestamp>,
}

pub struct Credential {
    pub provider: Box<str>,
    pub at: Location,
    pub label: Box<str>,
    pub version: Version,
    pub expires: Timestamp,
    pub projects: Vec<Named<Name>>,
    pub members: Vec<Named<UserName>>,
}

pub struct Project {
    pub name: Name,
    pub at: Location,
    pub members: Vec<Named<UserName>>,
    pub credentials: Vec<Credential>,
}

pub struct Organization {
    pub name: Name,
    pub at: Location,
    pub job_visibility: JobVisibility,
    pub members: Vec<(Named<UserName>, Role)>,
    pub credentials: Vec<Credential>,
    pub projects: Vec<Project>,
}

/// A name of something else, and where it stands.
#[derive(Clone, Debug)]
pub struct Named<T> {
    pub name: T,
    pub at: Location,
}
