//! What has to be done so that the store agrees with a file: found by comparing, before anything is locked.
//! Owns the plan, sealed and hashed where need be, and the names and ids that it was made of.
//! Never writes.

mod credentials;
mod names;
mod people;
mod prune;
mod tokens;

use super::{Installation, MadeToken, Options, Result, declared::State, mistake::Mistake};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, ProjectId, TokenId, UserId},
    identity::role::Role,
    store::{
        Actor, AuditEntry, CredentialChange, NewCredential, NewOrganization, NewProject, NewToken, NewUser, NewVersion,
        OrganizationChange, Reading, Restriction, Seq, TokenLimits, UserChange,
    },
};
use names::Names;
use people::PlannedUser;
use serde_yaml::Location;
use std::{collections::HashMap, fmt};

/// In the order in which it is carried out.
#[derive(Default)]
pub struct Plan {
    /// The end of the change log that this was found against.
    pub head: Seq,
    pub removals: Vec<Removal>,
    pub organizations: Vec<NewOrganization>,
    pub users: Vec<NewUser>,
    pub projects: Vec<NewProject>,
    pub members: Vec<(OrganizationId, UserId, Role)>,
    pub project_members: Vec<(ProjectId, UserId)>,
    pub edits: Vec<Edit>,
    pub tokens: Vec<NewToken>,
    pub credentials: Vec<NewCredential>,
    /// One for each change, and one for all that a new user gets.
    pub entries: Vec<AuditEntry>,
    pub words: Vec<String>,
    /// What the file asks for and does not get.
    pub remarks: Vec<String>,
    pub made: Vec<MadeToken>,
}

/// What is taken away first, so that its names and digests are free; in the order in which that works.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    ProjectMember(ProjectId, UserId),
    Member(OrganizationId, UserId),
    Token(TokenId),
    Credential(CredentialId),
    Project(ProjectId),
    Organization(OrganizationId),
    User(UserId),
}

pub enum Edit {
    User(UserId, UserChange),
    Organization(OrganizationId, OrganizationChange),
    Token(TokenId, TokenLimits),
    Version(CredentialId, NewVersion),
    Credential(CredentialId, CredentialChange),
    Restriction(CredentialId, Restriction),
}

pub struct Planner<'a> {
    on: Installation<'a>,
    options: Options,
    file: &'a str,
    reading: Reading,
    now: Timestamp,
    names: Names,
    /// What each user gets whom this plan makes.
    new_users: HashMap<UserId, Vec<String>>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    pub async fn new(on: Installation<'a>, options: Options, file: &'a str) -> Result<Self> {
        let mut reading = on.store.read().await?;
        let plan = Plan { head: reading.head().await?, ..Plan::default() };
        Ok(Self {
            on,
            options,
            file,
            reading,
            now: on.clock.now(),
            names: Names::default(),
            new_users: HashMap::new(),
            plan,
        })
    }

    pub async fn plan(mut self, state: &State) -> Result<Plan> {
        self.read_names(state).await?;
        let organizations = self.organizations(state).await?;
        let users = self.users(state).await?;
        self.members(&organizations).await?;
        self.active_contexts(&users).await?;
        self.tokens(&users).await?;
        self.credentials_of_users(&users).await?;
        self.credentials_of_organizations(&organizations).await?;
        self.prune(state, &organizations, &users).await?;
        self.record_new_users(&users);
        Ok(self.plan)
    }

    /// Notes a change twice: for whoever reads standard error now, and for the audit trail.
    /// `action` is what the trail calls it, and its first word what it was done to.
    fn note(&mut self, action: &'static str, subject: impl fmt::Display, what: impl Into<String>) {
        let what = what.into();
        self.tell(action, &subject, &what);
        self.plan.entries.push(AuditEntry::new(&Actor::CommandLine, action, subject).detail(what));
    }

    /// What is new of a new user goes into the one entry of that user: a file of a million users is loaded
    /// half as fast with an entry for each token and each credential.
    fn note_of(&mut self, owner: Option<UserId>, action: &'static str, subject: impl fmt::Display, what: String) {
        let Some(things) = owner.and_then(|user| self.new_users.get_mut(&user)) else {
            return self.note(action, subject, what);
        };
        things.push(format!("{action} {subject}: {what}"));
        self.tell(action, &subject, &what);
    }

    fn tell(&mut self, action: &'static str, subject: &impl fmt::Display, what: &str) {
        let noun = action.split('.').next().unwrap_or(action);
        self.plan.words.push(format!("{noun} {subject}: {what}"));
    }

    fn record_new_users(&mut self, users: &[PlannedUser<'_>]) {
        for user in users {
            let Some(things) = self.new_users.remove(&user.id) else { continue };
            let entry = AuditEntry::new(&Actor::CommandLine, "user.added", &user.declared.name);
            self.plan.entries.push(entry.detail(things.join("; ")));
        }
    }

    /// A mistake that only the store could show.
    fn mistake<T>(&self, at: Location, problem: impl Into<String>) -> Result<T> {
        Err(Mistake::at(at, problem).within(self.file).into())
    }
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
