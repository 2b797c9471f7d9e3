//! Organizations and their members as rows.
//! Owns the tables `organizations` and `memberships`.
//! Never judges who may change them.

use super::{Change, Conflict, Origin, ProjectOf, Reading, Result, Tx, insert::Insert, row::Columns, tombstone};
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::{OrganizationId, UserId},
    identity::{JobVisibility, Name, UserName, role::Role},
};
use sqlx::any::AnyRow;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub name: Name,
    pub job_visibility: JobVisibility,
    pub origin: Origin,
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewOrganization {
    pub id: OrganizationId,
    pub name: Name,
    pub job_visibility: JobVisibility,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub enum OrganizationChange {
    Name(Name),
    JobVisibility(JobVisibility),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRow {
    pub user: UserId,
    pub name: UserName,
    pub role: Role,
    pub origin: Origin,
}

macro_rules! select_organizations {
    ($rest:literal) => {
        concat!("SELECT id, name, job_visibility, origin, created FROM organizations WHERE deleted IS NULL", $rest)
    };
}

impl Reading {
    pub async fn organization(&mut self, id: OrganizationId) -> Result<Option<OrganizationRow>> {
        let query = sqlx::query(select_organizations!(" AND id = $1")).bind(id.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(OrganizationRow::read).transpose()
    }

    pub async fn find_organization(&mut self, name: &Name) -> Result<Option<OrganizationRow>> {
        let query = sqlx::query(select_organizations!(" AND name = $1")).bind(name.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(OrganizationRow::read).transpose()
    }

    /// All, in the order of names.
    pub async fn organizations(&mut self) -> Result<Vec<OrganizationRow>> {
        let query = sqlx::query(select_organizations!(" ORDER BY name"));
        query.fetch_all(self.connection()).await?.iter().map(OrganizationRow::read).collect()
    }

    /// In the order of names.
    pub async fn members(&mut self, organization: OrganizationId) -> Result<Vec<MemberRow>> {
        let rows = sqlx::query(
            "SELECT u.id, u.name, m.role, m.origin FROM memberships m JOIN users u ON u.id = m.user_id \
             WHERE m.organization_id = $1 ORDER BY u.name",
        )
        .bind(organization.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(MemberRow::read).collect()
    }

    /// At most `limit` members, in the order of their ids.
    pub async fn members_page(
        &mut self,
        organization: OrganizationId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>> {
        let rows = sqlx::query(
            "SELECT user_id FROM memberships WHERE organization_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3",
        )
        .bind(organization.to_string())
        .bind(after.unwrap_or(UserId::FIRST).to_string())
        .bind(i64::from(limit))
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| row.parsed("user_id")).collect()
    }
}

impl Tx {
    pub async fn insert_organizations(&mut self, organizations: &[NewOrganization]) -> Result<()> {
        let columns = &["id", "name", "job_visibility", "origin", "created"];
        let mut insert = Insert::new(self.dialect(), "organizations", columns);
        for organization in organizations {
            let insert = insert.row().bind(organization.id.to_string()).bind(organization.name.as_str());
            let insert = insert.bind(organization.job_visibility.as_str()).bind(organization.origin.as_str());
            insert.bind(self.now.millis());
            self.announce(Change::Organization(organization.id));
        }
        insert.execute(self.writing()).await
    }

    /// Pins and lists keep meaning this organization when its name changes: they hold its id.
    pub async fn change_organization(&mut self, id: OrganizationId, change: OrganizationChange) -> Result<()> {
        let query = match change {
            OrganizationChange::Name(name) => {
                sqlx::query("UPDATE organizations SET name = $1 WHERE id = $2 AND deleted IS NULL")
                    .bind(name.as_str().to_owned())
            }
            OrganizationChange::JobVisibility(visibility) => {
                sqlx::query("UPDATE organizations SET job_visibility = $1 WHERE id = $2 AND deleted IS NULL")
                    .bind(visibility.as_str())
            }
        };
        let done = query.bind(id.to_string()).execute(self.writing()).await?;
        self.announce(Change::Organization(id));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    /// Its credentials and those of its projects are destroyed; what is pinned to it fits nothing from now on.
    pub async fn delete_organization(&mut self, id: OrganizationId) -> Result<()> {
        for credential in self.credentials_of(Owner::Organization(id)).await? {
            self.delete_credential(credential.id).await?;
        }
        for project in self.projects(ProjectOf::Organization(id)).await? {
            self.delete_project(project.id).await?;
        }
        for member in self.members(id).await? {
            self.remove_member(id, member.user).await?;
        }
        let done = sqlx::query("UPDATE organizations SET name = $2, deleted = $3 WHERE id = $1 AND deleted IS NULL")
            .bind(id.to_string())
            .bind(tombstone(id))
            .bind(self.now.millis())
            .execute(self.writing())
            .await?;
        self.announce(Change::Organization(id));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    /// Adds a member, or changes the role of one; what `origin` a member has stays as it was.
    pub async fn set_member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
        role: Role,
        origin: Origin,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO memberships (user_id, organization_id, role, origin) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role",
        )
        .bind(user.to_string())
        .bind(organization.to_string())
        .bind(role.as_str())
        .bind(origin.as_str())
        .execute(self.writing())
        .await?;
        self.announce(Change::User(user));
        Ok(())
    }

    /// Also from its projects.
    pub async fn remove_member(&mut self, organization: OrganizationId, user: UserId) -> Result<()> {
        let done = sqlx::query("DELETE FROM memberships WHERE user_id = $1 AND organization_id = $2")
            .bind(user.to_string())
            .bind(organization.to_string())
            .execute(self.writing())
            .await?;
        self.announce(Change::User(user));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }
}

impl OrganizationRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            name: row.parsed("name")?,
            job_visibility: row.parsed("job_visibility")?,
            origin: row.parsed("origin")?,
            created: row.time("created")?,
        })
    }
}

impl MemberRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            user: row.parsed("id")?,
            name: row.parsed("name")?,
            role: row.parsed("role")?,
            origin: row.parsed("origin")?,
        })
    }
}
