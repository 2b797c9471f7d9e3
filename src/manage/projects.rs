//! Projects of organizations and of people, and the members of the former.
//! Owns nothing.
//! Never shows a member of an organization the projects that they are not in.

use super::{Fault, Listed, Management, Page, Rights, Tag, Wanted, Who, holdings::Holdings, names, users};
use crate::{
    clock::Timestamp,
    id::{ProjectId, UserId},
    identity::{Context, Name, UserName, role::Act},
    store::{NewProject, OrganizationRow, Origin, ProjectOf, ProjectRow, Reading, Tx},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Project {
    pub id: ProjectId,
    pub name: Name,
    /// How it is named.
    pub context: Context,
    /// Whose `me` is; null: it is an organization's.
    pub user: Option<UserName>,
    /// Who may use its credentials, besides the maintainers and owners of its organization.
    pub members: Vec<ProjectMember>,
    /// The providers that it has a credential of its own for.
    pub credentials: Vec<String>,
    pub created: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProjectMember {
    /// The user's.
    pub id: UserId,
    pub name: UserName,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    pub name: Name,
}

/// What is to be different about a project; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeProject {
    /// Tokens that are pinned to it, or for it, stay so under another name; addresses that name it do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

/// What would go with a project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProjectConsequences {
    /// Who is listed in it, and could not use it any more.
    pub members: u64,
    /// Its own credentials, which would be destroyed.
    pub credentials: u64,
    /// Tokens that are pinned to it: their requests would be refused.
    pub pinned: u64,
    /// Jobs made with these credentials that have not ended: nobody could ask about them any more.
    pub open_jobs: u64,
}

/// Whose projects.
pub struct Of<'q> {
    /// `me` or an organization.
    pub purse: &'q Context,
    /// Whose `me` is; the actor's, if there is none.
    pub user: Option<&'q str>,
}

impl Project {
    /// Of what it is called.
    pub fn tag(&self) -> Tag {
        tag(self.id, &self.name)
    }
}

impl Management {
    /// In the order of names; only the one of this name, if there is one.
    pub async fn projects(
        &self,
        who: &Who,
        (of, name): (Of<'_>, Option<&str>),
        page: &Page,
    ) -> Result<Listed<Project>, Fault> {
        let (limit, after) = (page.limit()?, page.after::<Name>()?);
        let (mut reading, rights) = self.look(who).await?;
        let purse = Purse::find(&mut reading, &rights, &of).await?;
        let rows = match name.map(str::parse::<Name>) {
            Some(Ok(name)) => reading.find_project(purse.of, &name).await?.into_iter().collect(),
            Some(Err(_)) => Vec::new(),
            None => rows(&mut reading, &rights, &purse, (after.as_ref(), limit + 1)).await?,
        };
        let Listed { items, next } = Listed::of(rows, limit, |row| row.name.to_string());
        let visible = items.into_iter().filter(|row| purse.shows(&rights, row)).collect();
        Ok(Listed { items: views(&mut reading, &purse, visible).await?, next })
    }

    pub async fn project(&self, who: &Who, id: ProjectId) -> Result<Project, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (purse, row) = find(&mut reading, &rights, id).await?;
        view(&mut reading, &purse, row).await
    }

    pub async fn create_project(&self, who: &Who, of: Of<'_>, wanted: CreateProject) -> Result<Project, Fault> {
        let CreateProject { name } = wanted;
        let (mut tx, rights) = self.act(who).await?;
        let purse = Purse::find(&mut tx, &rights, &of).await?;
        purse.require_maintainer(&rights)?;
        rights.within(Some(&purse.context_of(&name)), None)?;
        require_free(&mut tx, &purse, &name).await?;
        let id = ProjectId::new();
        tx.insert_projects(&[NewProject { id, of: purse.of, name: name.clone(), origin: Origin::Hand }]).await?;
        tx.record(rights.entry("project.added", purse.subject(&name)));
        let row = tx.project(id).await?.ok_or_else(|| Fault::missing("project"))?;
        let project = view(&mut tx, &purse, row).await?;
        self.made(tx, &rights, project).await
    }

    pub async fn change_project(
        &self,
        who: &Who,
        id: ProjectId,
        change: ChangeProject,
        read: Option<&Wanted>,
    ) -> Result<Project, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (purse, row) = find_to_change(&mut tx, &rights, id).await?;
        tag(row.id, &row.name).check(read)?;
        if let Some(name) = change.name.filter(|name| *name != row.name) {
            require_free(&mut tx, &purse, &name).await?;
            tx.rename_project(id, &name).await?;
            tx.record(rights.entry("project.changed", purse.subject(&row.name)).detail(format!("name {name}")));
        }
        done(tx, &purse, id).await
    }

    pub async fn consequences_of_project(&self, who: &Who, id: ProjectId) -> Result<ProjectConsequences, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (purse, row) = find_to_change(&mut reading, &rights, id).await?;
        let holdings = Holdings::of_project(&mut reading, row, &purse.context).await?;
        holdings.within(&rights)?;
        Ok(ProjectConsequences {
            members: reading.project_members(id).await?.len() as u64,
            credentials: holdings.credentials.len() as u64,
            pinned: reading.tokens_pinned_to_project(id, self.now()).await?,
            open_jobs: holdings.open_jobs(&mut reading).await?,
        })
    }

    /// With its credentials.
    pub async fn delete_project(&self, who: &Who, id: ProjectId, read: Option<&Wanted>) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (purse, row) = find_to_change(&mut tx, &rights, id).await?;
        tag(row.id, &row.name).check(read)?;
        let name = row.name.clone();
        Holdings::of_project(&mut tx, row, &purse.context).await?.within(&rights)?;
        tx.delete_project(id).await?;
        tx.record(rights.entry("project.deleted", purse.subject(&name)));
        tx.commit().await?;
        Ok(())
    }

    pub async fn add_project_member(&self, who: &Who, id: ProjectId, user: &str) -> Result<Project, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (purse, row) = find_to_change(&mut tx, &rights, id).await?;
        let organization = purse.require_organization()?;
        let member = names::member(&mut tx, organization, user).await.map_err(|fault| match fault {
            Fault::Missing(_) => {
                let name = &organization.name;
                Fault::Missing(format!("there is no such member of {name}, who could be in a project of it").into())
            }
            other => other,
        })?;
        if !tx.is_project_member(id, member.user).await? {
            tx.add_project_member(id, member.user, Origin::Hand).await?;
            tx.record(rights.entry("project.member-added", purse.subject(&row.name)).detail(member.name.to_string()));
        }
        done(tx, &purse, id).await
    }

    pub async fn remove_project_member(&self, who: &Who, id: ProjectId, user: &str) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (purse, row) = find_to_change(&mut tx, &rights, id).await?;
        let missing = || Fault::Missing(format!("there is no such member of {}", purse.context_of(&row.name)).into());
        let member =
            names::member(&mut tx, purse.require_organization()?, user).await.map_err(|fault| match fault {
                Fault::Missing(_) => missing(),
                other => other,
            })?;
        if !tx.is_project_member(id, member.user).await? {
            return Err(missing());
        }
        tx.remove_project_member(id, member.user).await?;
        tx.record(rights.entry("project.member-removed", purse.subject(&row.name)).detail(member.name.to_string()));
        tx.commit().await?;
        Ok(())
    }
}

/// Whose projects they are, with the names that this has.
struct Purse {
    of: ProjectOf,
    context: Context,
    user: Option<UserName>,
    organization: Option<OrganizationRow>,
}

impl Purse {
    async fn find(reading: &mut Reading, rights: &Rights, of: &Of<'_>) -> Result<Self, Fault> {
        if of.purse.project.is_some() {
            return Err(Fault::invalid("of", "expected `me` or an organization"));
        }
        match (&of.purse.organization, of.user) {
            (Some(name), None) => {
                // A token may be for a project and not for its organization: each project is judged by itself.
                let row = names::organization(reading, name.as_str()).await?;
                rights.in_organization(row.id, Act::UseCredentials)?;
                Ok(Self::organization(row))
            }
            (Some(_), Some(_)) => Err(Fault::invalid("user", "expected none: it says whose `me` is")),
            (None, user) => {
                let user = match user {
                    Some(user) => user.to_owned(),
                    None => rights.me()?.to_string(),
                };
                let row = users::find(reading, rights, &user).await?;
                Ok(Self::user(row.id, row.name))
            }
        }
    }

    fn organization(row: OrganizationRow) -> Self {
        let (of, context) = (ProjectOf::Organization(row.id), Context::organization(row.name.clone()));
        Self { of, context, user: None, organization: Some(row) }
    }

    const fn user(id: UserId, name: UserName) -> Self {
        Self { of: ProjectOf::User(id), context: Context::me(), user: Some(name), organization: None }
    }

    fn context_of(&self, project: &Name) -> Context {
        self.context.clone().in_project(project.clone())
    }

    /// What the audit trail calls it: `me.thesis` says nothing without whose it is.
    fn subject(&self, project: &Name) -> String {
        let context = self.context_of(project);
        self.user.as_ref().map_or_else(|| context.to_string(), |user| format!("{context} of {user}"))
    }

    /// Whether the actor, who may know of the purse, may know of this project.
    fn shows(&self, rights: &Rights, row: &ProjectRow) -> bool {
        let is_open = match self.of {
            ProjectOf::User(_) => true,
            ProjectOf::Organization(id) => {
                let is_in = |id| rights.membership(id).is_some_and(|of| of.projects.iter().any(|p| p.id == row.id));
                is_in(id) || rights.in_organization(id, Act::UseEveryProject).is_ok()
            }
        };
        is_open && rights.sees(&self.context_of(&row.name))
    }

    /// Everybody is it of their own projects.
    fn require_maintainer(&self, rights: &Rights) -> Result<(), Fault> {
        match self.of {
            ProjectOf::User(_) => Ok(()),
            ProjectOf::Organization(id) => rights.in_organization(id, Act::ManageProjects),
        }
    }

    fn require_organization(&self) -> Result<&OrganizationRow, Fault> {
        let text = "a project of somebody's own has no other members: make it one of an organization";
        self.organization.as_ref().ok_or_else(|| Fault::conflict(text))
    }
}

/// The project of this id, if the actor may know of it.
async fn find(reading: &mut Reading, rights: &Rights, id: ProjectId) -> Result<(Purse, ProjectRow), Fault> {
    let missing = || Fault::missing("project");
    let row = reading.project(id).await?.ok_or_else(missing)?;
    let purse = match row.of {
        ProjectOf::User(user) => {
            let row = reading.user(user).await?.ok_or_else(missing)?;
            users::require_over(rights, row.id).map_err(|_| missing())?;
            Purse::user(row.id, row.name)
        }
        ProjectOf::Organization(id) => Purse::organization(reading.organization(id).await?.ok_or_else(missing)?),
    };
    if purse.shows(rights, &row) { Ok((purse, row)) } else { Err(missing()) }
}

async fn find_to_change(reading: &mut Reading, rights: &Rights, id: ProjectId) -> Result<(Purse, ProjectRow), Fault> {
    let (purse, row) = find(reading, rights, id).await?;
    purse.require_maintainer(rights)?;
    Ok((purse, row))
}

/// Those that the actor's role opens, or else those that list them.
async fn rows(
    reading: &mut Reading,
    rights: &Rights,
    purse: &Purse,
    (after, limit): (Option<&Name>, u32),
) -> Result<Vec<ProjectRow>, Fault> {
    let listed = match purse.of {
        ProjectOf::Organization(id) if rights.in_organization(id, Act::UseEveryProject).is_err() => {
            rights.membership(id).map(|membership| &membership.projects)
        }
        _ => return Ok(reading.projects_page(purse.of, after, limit).await?),
    };
    let mut rows = Vec::new();
    let later = listed.into_iter().flatten().filter(|project| after.is_none_or(|after| project.name > *after));
    for project in later.take(limit as usize) {
        rows.extend(reading.project(project.id).await?);
    }
    Ok(rows)
}

async fn views(reading: &mut Reading, purse: &Purse, rows: Vec<ProjectRow>) -> Result<Vec<Project>, Fault> {
    let ids: Vec<ProjectId> = rows.iter().map(|row| row.id).collect();
    let mut members: HashMap<ProjectId, Vec<ProjectMember>> = HashMap::new();
    for (project, row) in reading.members_of_projects(&ids).await? {
        members.entry(project).or_default().push(ProjectMember { id: row.user, name: row.name });
    }
    let mut credentials: HashMap<ProjectId, Vec<String>> = HashMap::new();
    for (project, provider) in reading.providers_of_projects(&ids).await? {
        credentials.entry(project).or_default().push(provider.into());
    }
    let view = |row: ProjectRow| {
        let mut members = members.remove(&row.id).unwrap_or_default();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let mut credentials = credentials.remove(&row.id).unwrap_or_default();
        credentials.sort();
        credentials.dedup();
        let context = purse.context_of(&row.name);
        let user = purse.user.clone();
        Project { id: row.id, name: row.name, context, user, members, credentials, created: row.created }
    };
    Ok(rows.into_iter().map(view).collect())
}

async fn view(reading: &mut Reading, purse: &Purse, row: ProjectRow) -> Result<Project, Fault> {
    let views = views(reading, purse, vec![row]).await?;
    views.into_iter().next().ok_or_else(|| Fault::missing("project"))
}

/// What became of it, once everything is in the store.
async fn done(mut tx: Tx, purse: &Purse, id: ProjectId) -> Result<Project, Fault> {
    let row = tx.project(id).await?.ok_or_else(|| Fault::missing("project"))?;
    let project = view(&mut tx, purse, row).await?;
    tx.commit().await?;
    Ok(project)
}

fn tag(id: ProjectId, name: &Name) -> Tag {
    Tag::of(&(id, name))
}

async fn require_free(reading: &mut Reading, purse: &Purse, name: &Name) -> Result<(), Fault> {
    match reading.find_project(purse.of, name).await? {
        Some(_) => Err(Fault::conflict(format!("there is a project `{}` already", purse.context_of(name)))),
        None => Ok(()),
    }
}
