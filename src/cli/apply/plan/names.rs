//! From the names in a file to ids: of what is in the store, and of what this plan is about to make.
//! Owns what has been looked up, so that a name is asked for once.
//! Never guesses: a name that leads nowhere is a mistake at its place.

use super::{Planner, Result, people::PlannedUser};
use crate::{
    cli::apply::{
        declared::{Named, State},
        mistake::Mistake,
    },
    id::{OrganizationId, ProjectId, UserId},
    identity::{Context, Name, UserName},
    store::{ContextId, ProjectOf, UserRow},
};
use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub struct Names {
    /// Those that were in the store before.
    pub rows: HashMap<UserName, UserRow>,
    users: HashMap<UserName, UserId>,
    organizations: HashMap<Name, Option<OrganizationId>>,
    projects: HashMap<(ProjectOf, Name), Option<ProjectId>>,
}

/// How many names one statement asks for.
const CHUNK: usize = 1_000;

impl Names {
    pub fn add_user(&mut self, name: &UserName, id: UserId) {
        self.users.insert(name.clone(), id);
    }

    pub fn add_organization(&mut self, name: &Name, id: OrganizationId) {
        self.organizations.insert(name.clone(), Some(id));
    }

    pub fn add_project(&mut self, of: ProjectOf, name: &Name, id: ProjectId) {
        self.projects.insert((of, name.clone()), Some(id));
    }
}

impl Planner<'_> {
    /// Looks up everybody that the file mentions.
    pub(super) async fn read_names(&mut self, state: &State) -> Result<()> {
        let names: Vec<&UserName> = mentioned(state).into_iter().collect();
        for chunk in names.chunks(CHUNK) {
            for row in self.reading.users_named(chunk.iter().copied()).await? {
                self.names.add_user(&row.name, row.id);
                self.names.rows.insert(row.name.clone(), row);
            }
        }
        Ok(())
    }

    pub(super) fn user_id(&self, user: &Named<UserName>) -> Result<UserId> {
        match self.names.users.get(&user.name) {
            Some(id) => Ok(*id),
            None => self.mistake(user.at, "there is no such user: neither in this file nor in the store"),
        }
    }

    pub(super) async fn organization_id(&mut self, name: &Name) -> Result<Option<OrganizationId>> {
        if let Some(known) = self.names.organizations.get(name) {
            return Ok(*known);
        }
        let found = self.reading.find_organization(name).await?.map(|row| row.id);
        self.names.organizations.insert(name.clone(), found);
        Ok(found)
    }

    pub(super) async fn project_id(&mut self, of: ProjectOf, name: &Name) -> Result<Option<ProjectId>> {
        let key = (of, name.clone());
        if let Some(known) = self.names.projects.get(&key) {
            return Ok(*known);
        }
        let found = self.reading.find_project(of, name).await?.map(|row| row.id);
        self.names.projects.insert(key, found);
        Ok(found)
    }

    /// What this user means by this context.
    pub(super) async fn context_id(&mut self, user: &PlannedUser<'_>, context: &Named<Context>) -> Result<ContextId> {
        if let Some(id) = self.find_context(user.id, &context.name).await? {
            return Ok(id);
        }
        let mistake = Mistake::at(context.at, "there is no such context: neither in this file nor in the store");
        Err(match user.declared.line {
            Some(line) => mistake.in_line(self.file, line).into(),
            None => mistake.within(self.file).into(),
        })
    }

    async fn find_context(&mut self, user: UserId, context: &Context) -> Result<Option<ContextId>> {
        let Some(organization) = &context.organization else {
            let Some(project) = &context.project else { return Ok(Some(ContextId::Me)) };
            return Ok(self.project_id(ProjectOf::User(user), project).await?.map(ContextId::MyProject));
        };
        let Some(organization) = self.organization_id(organization).await? else { return Ok(None) };
        let Some(project) = &context.project else { return Ok(Some(ContextId::Organization(organization))) };
        let project = self.project_id(ProjectOf::Organization(organization), project).await?;
        Ok(project.map(|project| ContextId::Project(organization, project)))
    }
}

fn mentioned(state: &State) -> HashSet<&UserName> {
    let mut names: HashSet<&UserName> = state.users.iter().map(|user| &user.name).collect();
    for organization in &state.organizations {
        names.extend(organization.members.iter().map(|(member, _)| &member.name));
        names.extend(organization.credentials.iter().flat_map(|c| &c.members).map(|member| &member.name));
        for project in &organization.projects {
            names.extend(project.members.iter().map(|member| &member.name));
            names.extend(project.credentials.iter().flat_map(|c| &c.members).map(|member| &member.name));
        }
    }
    names
}
