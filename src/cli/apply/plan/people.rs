//! Users, organizations, projects and their members: what is missing, and what is another than the file says.
//! Owns nothing beyond the plan.
//! Never takes anybody out of anything: that is for `prune`.

use super::{Edit, Planner, Result};
use crate::{
    cli::apply::{
        ApplyError,
        declared::{self, State},
    },
    id::{OrganizationId, ProjectId, UserId},
    identity::{password, role::Role},
    secret::Secret,
    store::{NewOrganization, NewProject, NewUser, OrganizationChange, Origin, ProjectOf, UserChange},
};
use std::collections::{HashMap, HashSet};

/// A user of the file, with the id that they have or will have.
pub struct PlannedUser<'s> {
    pub declared: &'s declared::User,
    pub id: UserId,
    pub projects: Vec<PlannedProject<'s>>,
    pub is_new: bool,
}

pub struct PlannedOrganization<'s> {
    pub declared: &'s declared::Organization,
    pub id: OrganizationId,
    pub projects: Vec<PlannedProject<'s>>,
    pub is_new: bool,
}

pub struct PlannedProject<'s> {
    pub declared: &'s declared::Project,
    pub id: ProjectId,
    pub is_new: bool,
}

impl Planner<'_> {
    pub(super) async fn organizations<'s>(&mut self, state: &'s State) -> Result<Vec<PlannedOrganization<'s>>> {
        let mut planned = Vec::with_capacity(state.organizations.len());
        for declared in &state.organizations {
            let (id, is_new) = self.organization(declared).await?;
            self.names.add_organization(&declared.name, id);
            let of = (ProjectOf::Organization(id), declared.name.as_str());
            let projects = self.projects(of, is_new, &declared.projects).await?;
            planned.push(PlannedOrganization { declared, id, projects, is_new });
        }
        Ok(planned)
    }

    async fn organization(&mut self, declared: &declared::Organization) -> Result<(OrganizationId, bool)> {
        let Some(row) = self.reading.find_organization(&declared.name).await? else {
            let id = OrganizationId::new();
            let (name, job_visibility) = (declared.name.clone(), declared.job_visibility);
            self.plan.organizations.push(NewOrganization { id, name, job_visibility, origin: Origin::Apply });
            self.note("organization.added", &declared.name, "added");
            return Ok((id, true));
        };
        if row.job_visibility != declared.job_visibility {
            let visibility = declared.job_visibility;
            self.plan.edits.push(Edit::Organization(row.id, OrganizationChange::JobVisibility(visibility)));
            self.note("organization.changed", &declared.name, format!("job visibility {}", visibility.as_str()));
        }
        Ok((row.id, false))
    }

    pub(super) async fn users<'s>(&mut self, state: &'s State) -> Result<Vec<PlannedUser<'s>>> {
        let mut planned = Vec::with_capacity(state.users.len());
        for declared in &state.users {
            let (id, is_new) = self.user(declared).await?;
            let of = (ProjectOf::User(id), declared.name.as_str());
            let projects = self.projects(of, is_new, &declared.projects).await?;
            planned.push(PlannedUser { declared, id, projects, is_new });
        }
        Ok(planned)
    }

    async fn user(&mut self, declared: &declared::User) -> Result<(UserId, bool)> {
        let Some(row) = self.names.rows.get(&declared.name) else { return Ok((self.new_user(declared).await?, true)) };
        let (id, admin) = (row.id, row.admin);
        if admin != declared.admin {
            self.plan.edits.push(Edit::User(id, UserChange::Admin(declared.admin)));
            self.note("user.changed", &declared.name, if declared.admin { "admin" } else { "no longer admin" });
        }
        if let Some(password) = &declared.password {
            let hash = self.reading.password_hash(id).await?;
            if let Some(hash) = hashed_unless(password, hash).await? {
                self.plan.edits.push(Edit::User(id, UserChange::Password(Some(hash))));
                self.note("user.changed", &declared.name, "another password");
            }
        }
        Ok((id, false))
    }

    async fn new_user(&mut self, declared: &declared::User) -> Result<UserId> {
        let id = UserId::new();
        let password_hash = match &declared.password {
            Some(password) => hashed_unless(password, None).await?,
            None => None,
        };
        let (name, admin) = (declared.name.clone(), declared.admin);
        self.names.add_user(&name, id);
        self.plan.users.push(NewUser { id, name, admin, password_hash, origin: Origin::Apply });
        let what = if admin { "added, admin" } else { "added" };
        self.tell("user.added", &declared.name, what);
        self.new_users.insert(id, vec![what.into()]);
        Ok(id)
    }

    async fn projects<'s>(
        &mut self,
        (of, owner): (ProjectOf, &str),
        owner_is_new: bool,
        declared: &'s [declared::Project],
    ) -> Result<Vec<PlannedProject<'s>>> {
        let mut planned = Vec::with_capacity(declared.len());
        for declared in declared {
            let known = if owner_is_new { None } else { self.project_id(of, &declared.name).await? };
            let id = known.unwrap_or_default();
            if known.is_none() {
                let name = declared.name.clone();
                self.names.add_project(of, &name, id);
                self.plan.projects.push(NewProject { id, of, name, origin: Origin::Apply });
                let of_user = of.user();
                self.note_of(of_user, "project.added", format_args!("{owner}.{}", declared.name), "added".into());
            }
            planned.push(PlannedProject { declared, id, is_new: known.is_none() });
        }
        Ok(planned)
    }

    pub(super) async fn members(&mut self, organizations: &[PlannedOrganization<'_>]) -> Result<()> {
        for organization in organizations {
            let roles = self.roles(organization).await?;
            for project in &organization.projects {
                self.project_members(organization, project, &roles).await?;
            }
        }
        Ok(())
    }

    /// Everybody's role as it will be.
    async fn roles(&mut self, organization: &PlannedOrganization<'_>) -> Result<HashMap<UserId, Role>> {
        let rows = if organization.is_new { Vec::new() } else { self.reading.members(organization.id).await? };
        // What came from an identity provider is declared from now on, and stays when the provider says otherwise.
        let provided: HashSet<UserId> =
            rows.iter().filter(|row| row.origin == Origin::Identity).map(|row| row.user).collect();
        let mut roles: HashMap<UserId, Role> = rows.into_iter().map(|row| (row.user, row.role)).collect();
        for (member, role) in &organization.declared.members {
            let user = self.user_id(member)?;
            if roles.insert(user, *role) != Some(*role) || provided.contains(&user) {
                self.plan.members.push((organization.id, user, *role));
                self.note("member.set", &organization.declared.name, format!("{} {role}", member.name));
            }
        }
        Ok(roles)
    }

    async fn project_members(
        &mut self,
        organization: &PlannedOrganization<'_>,
        project: &PlannedProject<'_>,
        roles: &HashMap<UserId, Role>,
    ) -> Result<()> {
        let rows = if project.is_new { Vec::new() } else { self.reading.project_members(project.id).await? };
        let mut members: HashSet<UserId> = rows.into_iter().map(|row| row.user).collect();
        let context = format!("{}.{}", organization.declared.name, project.declared.name);
        for member in &project.declared.members {
            let user = self.user_id(member)?;
            if !roles.contains_key(&user) {
                return self.mistake(member.at, format!("expected a member of {}", organization.declared.name));
            }
            if members.insert(user) {
                self.plan.project_members.push((project.id, user));
                self.note("project.member-added", &context, member.name.to_string());
            }
        }
        Ok(())
    }

    pub(super) async fn active_contexts(&mut self, users: &[PlannedUser<'_>]) -> Result<()> {
        for user in users {
            let Some(active) = &user.declared.active else { continue };
            let before = self.names.rows.get(&user.declared.name).and_then(|row| row.active.as_ref());
            if before != Some(&active.name) {
                let context = self.context_id(user, active).await?;
                self.plan.edits.push(Edit::User(user.id, UserChange::Active(Some(context))));
                let what = format!("active context {}", active.name);
                self.note_of(Some(user.id), "user.changed", &user.declared.name, what);
            }
        }
        Ok(())
    }
}

/// A new hash, unless this is the password that was hashed before.
async fn hashed_unless(password: &Secret, before: Option<Secret>) -> Result<Option<Secret>> {
    let password = password.clone();
    let work = move || {
        let is_same = before.is_some_and(|hash| password::fits(&password, &hash));
        if is_same { Ok(None) } else { password::hash(&password).map(Some) }
    };
    let hashed = tokio::task::spawn_blocking(work).await.map_err(|_| ApplyError::Password)?;
    hashed.map_err(|_| ApplyError::Password)
}
