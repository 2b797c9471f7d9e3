//! From owners to what people call them: a context, and whose `me` it is.
//! Owns what it has looked up already, for as long as one answer is made.
//! Never judges who may know the names.

use super::{Fault, Rights};
use crate::{
    credential::Owner,
    id::{OrganizationId, ProjectId, UserId},
    identity::{Context, Name, UserName},
    store::{ProjectOf, ProjectRow, Reading},
};
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

/// An owner as people write it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    /// `None`: the owner is gone.
    pub context: Option<Context>,
    /// Whose `me` is; `None`: an organization's.
    pub user: Option<UserName>,
}

#[derive(Default)]
pub struct Homes {
    users: HashMap<UserId, Option<UserName>>,
    organizations: HashMap<OrganizationId, Option<Name>>,
    projects: HashMap<ProjectId, Option<ProjectRow>>,
}

impl Homes {
    pub async fn of(&mut self, reading: &mut Reading, owner: Owner) -> Result<Home, Fault> {
        let (of, project) = match owner {
            Owner::User(id) => (ProjectOf::User(id), None),
            Owner::Organization(id) => (ProjectOf::Organization(id), None),
            Owner::Project(id) => match self.project(reading, id).await? {
                Some(project) => (project.of, Some(project.name)),
                None => return Ok(Home { context: None, user: None }),
            },
        };
        let home = match of {
            ProjectOf::User(id) => Home { context: Some(Context::me()), user: self.user(reading, id).await? },
            ProjectOf::Organization(id) => {
                Home { context: self.organization(reading, id).await?.map(Context::organization), user: None }
            }
        };
        Ok(match project {
            Some(project) => Home { context: home.context.map(|context| context.in_project(project)), ..home },
            None => home,
        })
    }

    pub async fn user(&mut self, reading: &mut Reading, id: UserId) -> Result<Option<UserName>, Fault> {
        Ok(match self.users.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(reading.user(id).await?.map(|row| row.name)).clone(),
        })
    }

    pub async fn project(&mut self, reading: &mut Reading, id: ProjectId) -> Result<Option<ProjectRow>, Fault> {
        Ok(match self.projects.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(reading.project(id).await?).clone(),
        })
    }

    async fn organization(&mut self, reading: &mut Reading, id: OrganizationId) -> Result<Option<Name>, Fault> {
        Ok(match self.organizations.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(reading.organization(id).await?.map(|row| row.name)).clone(),
        })
    }
}

impl Home {
    /// Whether the token that somebody came with has room for what is of this home.
    pub fn within(&self, rights: &Rights, provider: &str) -> Result<(), Fault> {
        let me = rights.standing().map(|standing| &standing.name);
        // A boundary's `me` is its user's own.
        let is_foreign = self.user.is_some() && self.user.as_ref() != me;
        let is_bounded = rights.bounds().is_some_and(|bounds| !bounds.boundary.contexts.is_empty());
        if is_foreign && is_bounded {
            return Err(Fault::forbidden(format!("the token that you use is not for {self}")));
        }
        rights.within(self.context.as_ref(), Some(provider))
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.context {
            Some(context) => context.fmt(f)?,
            None => f.write_str("a deleted owner")?,
        }
        match &self.user {
            Some(user) => write!(f, " of {user}"),
            None => Ok(()),
        }
    }
}

/// The organization whose owner it is, or whose project's; `None`: a person's.
pub async fn organization_of(reading: &mut Reading, owner: Owner) -> Result<Option<OrganizationId>, Fault> {
    Ok(match owner {
        Owner::Organization(id) => Some(id),
        Owner::User(_) => None,
        Owner::Project(id) => match reading.project(id).await?.map(|project| project.of) {
            Some(ProjectOf::Organization(id)) => Some(id),
            Some(ProjectOf::User(_)) | None => None,
        },
    })
}
