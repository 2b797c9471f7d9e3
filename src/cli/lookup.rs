//! From the names that people type to rows, and from rows back to names.
//! Owns nothing but what it has looked up once already.
//! Where nothing has that name, it says so and where to see what there is.

use super::Failure;
use crate::{
    credential::Owner,
    id::{OrganizationId, ProjectId, UserId},
    identity::{Context, Name, UserName},
    store::{OrganizationRow, ProjectOf, ProjectRow, Reading, UserRow},
};
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

pub async fn user(reading: &mut Reading, name: &UserName) -> Result<UserRow, Failure> {
    let found = reading.find_user(name).await?;
    found.ok_or_else(|| Failure::failed(format!("there is no user `{name}`: see `bellhop user list`")))
}

pub async fn organization(reading: &mut Reading, name: &Name) -> Result<OrganizationRow, Failure> {
    let found = reading.find_organization(name).await?;
    found.ok_or_else(|| Failure::failed(format!("there is no organization `{name}`: see `bellhop org list`")))
}

/// The project that a context names; `me` is `whose`.
pub async fn project(
    reading: &mut Reading,
    context: &Context,
    whose: Option<&UserName>,
) -> Result<ProjectRow, Failure> {
    let Some(project) = &context.project else {
        return Err(Failure::usage(format!(
            "`{context}` names no project: write `<organization>.<project>` or `me.<project>`"
        )));
    };
    let of = purse(reading, context, whose).await?;
    let found = reading.find_project(of, project).await?;
    found.ok_or_else(|| Failure::failed(format!("there is no project `{context}`: see `bellhop project list`")))
}

/// Whose a context is, without its project.
pub async fn purse(reading: &mut Reading, context: &Context, whose: Option<&UserName>) -> Result<ProjectOf, Failure> {
    match (&context.organization, whose) {
        (Some(name), None) => Ok(ProjectOf::Organization(organization(reading, name).await?.id)),
        (None, Some(name)) => Ok(ProjectOf::User(user(reading, name).await?.id)),
        (None, None) => Err(Failure::usage(format!("`{context}` is somebody's own: say whose with `--user NAME`"))),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "`--user` goes with `me` and `me.<project>`, and `{context}` is an organization's"
        ))),
    }
}

pub async fn owner(reading: &mut Reading, context: &Context, whose: Option<&UserName>) -> Result<Owner, Failure> {
    if context.project.is_some() {
        return Ok(Owner::Project(project(reading, context, whose).await?.id));
    }
    Ok(match purse(reading, context, whose).await? {
        ProjectOf::User(id) => Owner::User(id),
        ProjectOf::Organization(id) => Owner::Organization(id),
    })
}

/// The names of what credentials belong to.
#[derive(Default)]
pub struct Names {
    users: HashMap<UserId, Option<UserName>>,
    organizations: HashMap<OrganizationId, Option<Name>>,
    projects: HashMap<ProjectId, Option<ProjectRow>>,
}

/// An owner as people write it: a context, and whose `me` is.
#[derive(Clone, Debug)]
pub struct Home {
    pub context: Option<Context>,
    pub user: Option<UserName>,
}

impl Names {
    pub async fn home(&mut self, reading: &mut Reading, owner: Owner) -> Result<Home, Failure> {
        match owner {
            Owner::User(id) => Ok(Home { context: Some(Context::me()), user: self.user(reading, id).await? }),
            Owner::Organization(id) => Ok(self.of_organization(reading, id).await?),
            Owner::Project(id) => {
                let Some(project) = self.project(reading, id).await? else {
                    return Ok(Home { context: None, user: None });
                };
                let home = match project.of {
                    ProjectOf::User(id) => Home { context: Some(Context::me()), user: self.user(reading, id).await? },
                    ProjectOf::Organization(id) => self.of_organization(reading, id).await?,
                };
                Ok(Home { context: home.context.map(|context| context.in_project(project.name)), ..home })
            }
        }
    }

    async fn of_organization(&mut self, reading: &mut Reading, id: OrganizationId) -> Result<Home, Failure> {
        let name = match self.organizations.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(reading.organization(id).await?.map(|row| row.name)).clone(),
        };
        Ok(Home { context: name.map(Context::organization), user: None })
    }

    pub async fn user(&mut self, reading: &mut Reading, id: UserId) -> Result<Option<UserName>, Failure> {
        Ok(match self.users.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(reading.user(id).await?.map(|row| row.name)).clone(),
        })
    }

    pub async fn project(&mut self, reading: &mut Reading, id: ProjectId) -> Result<Option<ProjectRow>, Failure> {
        Ok(match self.projects.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(reading.project(id).await?).clone(),
        })
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
