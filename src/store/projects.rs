//! Projects of users and of organizations, and the members of the latter.
//! Owns the tables `projects` and `project_members`.
//! Never lets anybody into a project who is not in its organization: the schema forbids it.

use super::{
    Change, Conflict, Origin, Reading, Result, Store, Tx, insert::Insert, row::Columns, row::corrupt,
    statement::fetch_in, tombstone,
};
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::{OrganizationId, ProjectId, UserId},
    identity::{Name, UserName},
};
use sqlx::any::AnyRow;

/// Whose project it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProjectOf {
    User(UserId),
    Organization(OrganizationId),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub of: ProjectOf,
    pub name: Name,
    pub origin: Origin,
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewProject {
    pub id: ProjectId,
    pub of: ProjectOf,
    pub name: Name,
    pub origin: Origin,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectMemberRow {
    pub user: UserId,
    pub name: UserName,
    pub origin: Origin,
}

macro_rules! select_projects {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, organization_id, name, origin, created FROM projects WHERE deleted IS NULL AND ",
            $rest
        )
    };
}

impl Reading {
    pub async fn project(&mut self, id: ProjectId) -> Result<Option<ProjectRow>> {
        let query = sqlx::query(select_projects!("id = $1")).bind(id.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(ProjectRow::read).transpose()
    }

    pub async fn find_project(&mut self, of: ProjectOf, name: &Name) -> Result<Option<ProjectRow>> {
        let sql = match of {
            ProjectOf::User(_) => select_projects!("user_id = $1 AND name = $2"),
            ProjectOf::Organization(_) => select_projects!("organization_id = $1 AND name = $2"),
        };
        let query = sqlx::query(sql).bind(of.id()).bind(name.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(ProjectRow::read).transpose()
    }

    /// In the order of names.
    pub async fn projects(&mut self, of: ProjectOf) -> Result<Vec<ProjectRow>> {
        let sql = match of {
            ProjectOf::User(_) => select_projects!("user_id = $1 ORDER BY name"),
            ProjectOf::Organization(_) => select_projects!("organization_id = $1 ORDER BY name"),
        };
        let query = sqlx::query(sql).bind(of.id());
        query.fetch_all(self.connection()).await?.iter().map(ProjectRow::read).collect()
    }

    /// In the order of names; the next page begins after the last name of this one.
    pub async fn projects_page(&mut self, of: ProjectOf, after: Option<&Name>, limit: u32) -> Result<Vec<ProjectRow>> {
        let sql = match of {
            ProjectOf::User(_) => select_projects!("user_id = $1 AND name > $2 ORDER BY name LIMIT $3"),
            ProjectOf::Organization(_) => select_projects!("organization_id = $1 AND name > $2 ORDER BY name LIMIT $3"),
        };
        let query = sqlx::query(sql).bind(of.id()).bind(after.map_or("", Name::as_str)).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(ProjectRow::read).collect()
    }

    /// The projects of organizations that list this user, in the order of names.
    pub async fn projects_with(&mut self, user: UserId) -> Result<Vec<ProjectRow>> {
        let rows = sqlx::query(
            "SELECT p.id, p.user_id, p.organization_id, p.name, p.origin, p.created FROM project_members m \
             JOIN projects p ON p.id = m.project_id WHERE m.user_id = $1 AND p.deleted IS NULL ORDER BY p.name",
        )
        .bind(user.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(ProjectRow::read).collect()
    }

    pub async fn is_project_member(&mut self, project: ProjectId, user: UserId) -> Result<bool> {
        let query = sqlx::query("SELECT user_id FROM project_members WHERE project_id = $1 AND user_id = $2");
        let query = query.bind(project.to_string()).bind(user.to_string());
        Ok(query.fetch_optional(self.connection()).await?.is_some())
    }

    /// The members of all these projects, in no order.
    pub async fn members_of_projects(&mut self, projects: &[ProjectId]) -> Result<Vec<(ProjectId, ProjectMemberRow)>> {
        let (ids, dialect) = (texts(projects), self.dialect);
        let sql = "SELECT m.project_id, u.id, u.name, m.origin FROM project_members m JOIN users u ON u.id = m.user_id \
                   WHERE m.project_id IN ";
        let rows = fetch_in(self.connection(), dialect, sql, &ids, "").await?;
        rows.iter().map(|row| Ok((row.parsed("project_id")?, ProjectMemberRow::read(row)?))).collect()
    }

    /// For which providers these projects have credentials, in no order.
    pub async fn providers_of_projects(&mut self, projects: &[ProjectId]) -> Result<Vec<(ProjectId, Box<str>)>> {
        let (ids, dialect) = (texts(projects), self.dialect);
        let sql = "SELECT project_id, provider FROM credentials WHERE state <> 'deleted' AND project_id IN ";
        let rows = fetch_in(self.connection(), dialect, sql, &ids, "").await?;
        rows.iter().map(|row| Ok((row.parsed("project_id")?, row.text("provider")?.into()))).collect()
    }

    /// In the order of names. A user's own project has none but its owner, who is not listed.
    pub async fn project_members(&mut self, project: ProjectId) -> Result<Vec<ProjectMemberRow>> {
        let rows = sqlx::query(
            "SELECT u.id, u.name, m.origin FROM project_members m JOIN users u ON u.id = m.user_id \
             WHERE m.project_id = $1 ORDER BY u.name",
        )
        .bind(project.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(ProjectMemberRow::read).collect()
    }
}

impl Store {
    /// A project of this organization's by its name.
    pub async fn project_of(&self, organization: OrganizationId, name: &Name) -> Result<Option<ProjectId>> {
        let mut reading = self.read().await?;
        Ok(reading.find_project(ProjectOf::Organization(organization), name).await?.map(|project| project.id))
    }
}

impl Tx {
    pub async fn insert_projects(&mut self, projects: &[NewProject]) -> Result<()> {
        let columns = &["id", "user_id", "organization_id", "name", "origin", "created"];
        let mut insert = Insert::new(self.dialect(), "projects", columns);
        for project in projects {
            let (user, organization) = match project.of {
                ProjectOf::User(id) => (Some(id.to_string()), None),
                ProjectOf::Organization(id) => (None, Some(id.to_string())),
            };
            let insert = insert.row().bind(project.id.to_string()).bind(user).bind(organization);
            insert.bind(project.name.as_str()).bind(project.origin.as_str()).bind(self.now.millis());
            self.announce(project.of.change());
        }
        insert.execute(self.writing()).await
    }

    pub async fn rename_project(&mut self, id: ProjectId, name: &Name) -> Result<()> {
        let of = self.owner_of_project(id).await?;
        sqlx::query("UPDATE projects SET name = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(name.as_str())
            .execute(self.writing())
            .await?;
        self.announce(of.change());
        Ok(())
    }

    /// Its credentials are destroyed; what is pinned to it, or restricted to it, fits nothing from now on.
    pub async fn delete_project(&mut self, id: ProjectId) -> Result<()> {
        let of = self.owner_of_project(id).await?;
        for credential in self.credentials_of(Owner::Project(id)).await? {
            self.delete_credential(credential.id).await?;
        }
        for member in self.project_members(id).await? {
            self.remove_project_member(id, member.user).await?;
        }
        sqlx::query("UPDATE projects SET name = $2, deleted = $3 WHERE id = $1")
            .bind(id.to_string())
            .bind(tombstone(id))
            .bind(self.now.millis())
            .execute(self.writing())
            .await?;
        self.announce(of.change());
        Ok(())
    }

    /// A member of the project's organization becomes one of the project; who is one already stays as they are.
    pub async fn add_project_member(&mut self, project: ProjectId, user: UserId, origin: Origin) -> Result<()> {
        let ProjectOf::Organization(organization) = self.owner_of_project(project).await? else {
            return Err(Conflict::Missing.into());
        };
        sqlx::query(
            "INSERT INTO project_members (user_id, organization_id, project_id, origin) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, organization_id, project_id) DO NOTHING",
        )
        .bind(user.to_string())
        .bind(organization.to_string())
        .bind(project.to_string())
        .bind(origin.as_str())
        .execute(self.writing())
        .await?;
        self.announce(Change::User(user));
        Ok(())
    }

    pub async fn remove_project_member(&mut self, project: ProjectId, user: UserId) -> Result<()> {
        let done = sqlx::query("DELETE FROM project_members WHERE project_id = $1 AND user_id = $2")
            .bind(project.to_string())
            .bind(user.to_string())
            .execute(self.writing())
            .await?;
        self.announce(Change::User(user));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    pub(super) async fn owner_of_project(&mut self, id: ProjectId) -> Result<ProjectOf> {
        Ok(self.project(id).await?.ok_or(Conflict::Missing)?.of)
    }
}

impl ProjectOf {
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Organization(_) => None,
        }
    }

    pub(super) const fn change(self) -> Change {
        match self {
            Self::User(id) => Change::User(id),
            Self::Organization(id) => Change::Organization(id),
        }
    }

    fn id(self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Organization(id) => id.to_string(),
        }
    }
}

fn texts(ids: &[ProjectId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl ProjectRow {
    fn read(row: &AnyRow) -> Result<Self> {
        let of = match (row.optional("user_id")?, row.optional("organization_id")?) {
            (Some(user), None) => ProjectOf::User(user),
            (None, Some(organization)) => ProjectOf::Organization(organization),
            _ => return Err(corrupt("user_id")),
        };
        Ok(Self {
            id: row.parsed("id")?,
            of,
            name: row.parsed("name")?,
            origin: row.parsed("origin")?,
            created: row.time("created")?,
        })
    }
}

impl ProjectMemberRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self { user: row.parsed("id")?, name: row.parsed("name")?, origin: row.parsed("origin")? })
    }
}
