//! `--prune`: what an earlier `apply` made, and this file no longer names.
//! Owns nothing beyond the plan.
//! Never removes what a person has made, and never looks where the file does not look.

use super::{
    Plan, Planner, Removal, Result,
    people::{PlannedOrganization, PlannedProject, PlannedUser},
};
use crate::{
    cli::apply::{
        Prune,
        declared::{self, Extent, State},
    },
    credential::{self, Owner},
    identity::{Name, UserName},
    store::{Origin, ProjectOf, UserRow},
};
use std::collections::HashSet;

/// How many users are looked at in one go.
const PAGE: u32 = 1_000;

impl Planner<'_> {
    pub(super) async fn prune(
        &mut self,
        state: &State,
        organizations: &[PlannedOrganization<'_>],
        users: &[PlannedUser<'_>],
    ) -> Result<()> {
        if self.options.prune == Prune::Keep {
            return Ok(());
        }
        for organization in organizations.iter().filter(|organization| !organization.is_new) {
            self.prune_organization(organization).await?;
        }
        for user in users.iter().filter(|user| !user.is_new) {
            self.prune_user(user).await?;
        }
        if state.extent == Extent::Installation {
            self.prune_organizations(state).await?;
            self.prune_users(state).await?;
        }
        Ok(())
    }

    /// For a file that was read line by line: everybody of this page whom it did not name.
    pub fn without(mut self, users: &[UserRow]) -> Plan {
        for user in users {
            self.remove_user(user);
        }
        self.plan
    }

    async fn prune_organization(&mut self, organization: &PlannedOrganization<'_>) -> Result<()> {
        let (id, name) = (organization.id, organization.declared.name.as_str());
        let named: HashSet<&UserName> = organization.declared.members.iter().map(|(member, _)| &member.name).collect();
        for member in self.reading.members(id).await? {
            if member.origin == Origin::Apply && !named.contains(&member.name) {
                self.plan.removals.push(Removal::Member(id, member.user));
                self.note("member.removed", name, member.name.to_string());
            }
        }
        self.prune_projects((ProjectOf::Organization(id), name), &organization.projects).await?;
        self.prune_credentials(Owner::Organization(id), name, &organization.declared.credentials).await
    }

    async fn prune_user(&mut self, user: &PlannedUser<'_>) -> Result<()> {
        let name = user.declared.name.as_str();
        let named: HashSet<&str> = user.declared.tokens.iter().map(|token| &*token.name).collect();
        for token in self.reading.tokens(user.id).await? {
            if token.origin == Origin::Apply && !named.contains(&*token.name) {
                self.plan.removals.push(Removal::Token(token.id));
                self.note("token.revoked", format_args!("{name}/{}", token.name), "revoked");
            }
        }
        self.prune_projects((ProjectOf::User(user.id), name), &user.projects).await?;
        self.prune_credentials(Owner::User(user.id), name, &user.declared.credentials).await
    }

    async fn prune_projects(&mut self, (of, owner): (ProjectOf, &str), kept: &[PlannedProject<'_>]) -> Result<()> {
        let named: HashSet<&Name> = kept.iter().map(|project| &project.declared.name).collect();
        for project in self.reading.projects(of).await? {
            if project.origin == Origin::Apply && !named.contains(&project.name) {
                self.plan.removals.push(Removal::Project(project.id));
                self.note("project.deleted", format_args!("{owner}.{}", project.name), "deleted");
            }
        }
        for project in kept.iter().filter(|project| !project.is_new) {
            self.prune_project(project, &format!("{owner}.{}", project.declared.name)).await?;
        }
        Ok(())
    }

    async fn prune_project(&mut self, project: &PlannedProject<'_>, context: &str) -> Result<()> {
        let named: HashSet<&UserName> = project.declared.members.iter().map(|member| &member.name).collect();
        for member in self.reading.project_members(project.id).await? {
            if member.origin == Origin::Apply && !named.contains(&member.name) {
                self.plan.removals.push(Removal::ProjectMember(project.id, member.user));
                self.note("project.member-removed", context, member.name.to_string());
            }
        }
        self.prune_credentials(Owner::Project(project.id), context, &project.declared.credentials).await
    }

    async fn prune_credentials(&mut self, owner: Owner, context: &str, kept: &[declared::Credential]) -> Result<()> {
        for row in self.reading.credentials_of(owner).await? {
            let is_kept_for_its_jobs = row.state == credential::State::Retired;
            if is_kept_for_its_jobs {
                continue;
            }
            if row.origin == Origin::Apply && !kept.iter().any(|credential| credential.provider == row.provider) {
                self.plan.removals.push(Removal::Credential(row.id));
                self.note("credential.deleted", format_args!("{}@{context}", row.provider), "deleted");
            }
        }
        Ok(())
    }

    async fn prune_organizations(&mut self, state: &State) -> Result<()> {
        let named: HashSet<&Name> = state.organizations.iter().map(|organization| &organization.name).collect();
        for row in self.reading.organizations().await? {
            if row.origin == Origin::Apply && !named.contains(&row.name) {
                self.plan.removals.push(Removal::Organization(row.id));
                self.note("organization.deleted", &row.name, "deleted");
            }
        }
        Ok(())
    }

    async fn prune_users(&mut self, state: &State) -> Result<()> {
        let named: HashSet<&UserName> = state.users.iter().map(|user| &user.name).collect();
        let mut after = None;
        loop {
            let page = self.reading.users(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.name.clone());
            for row in page.iter().filter(|row| !named.contains(&row.name)) {
                self.remove_user(row);
            }
        }
    }

    fn remove_user(&mut self, row: &UserRow) {
        if row.origin == Origin::Apply {
            self.plan.removals.push(Removal::User(row.id));
            self.note("user.deleted", &row.name, "deleted");
        }
    }
}
