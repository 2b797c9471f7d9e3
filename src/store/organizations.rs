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

/// What somebody is in an organization, whether they are disabled or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleRow {
    pub organization: OrganizationId,
    pub name: Name,
    pub role: Role,
}

/// How much there is of an organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    pub members: u64,
    pub projects: u64,
}

macro_rules! select_organizations {
    ($rest:literal) => {
        concat!("SELECT id, name, job_visibility, origin, created FROM organizations WHERE deleted IS NULL", $rest)
    };
}

macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.name, m.role, m.origin FROM memberships m JOIN users u ON u.id = m.user_id WHERE ",
            $rest
        )
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

    /// In the order of names; the next page begins after the last name of this one.
    pub async fn organizations_page(&mut self, after: Option<&Name>, limit: u32) -> Result<Vec<OrganizationRow>> {
        let query = sqlx::query(select_organizations!(" AND name > $1 ORDER BY name LIMIT $2"));
        let query = query.bind(after.map_or("", Name::as_str)).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(OrganizationRow::read).collect()
    }

    pub async fn size_of_organization(&mut self, id: OrganizationId) -> Result<Size> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM memberships WHERE organization_id = $1) AS members, \
                    (SELECT COUNT(*) FROM projects WHERE organization_id = $1 AND deleted IS NULL) AS projects",
        )
        .bind(id.to_string())
        .fetch_one(self.connection())
        .await?;
        Ok(Size { members: row.amount("members")?, projects: row.amount("projects")? })
    }

    pub async fn member(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<MemberRow>> {
        let query = sqlx::query(select_members!("m.organization_id = $1 AND m.user_id = $2"));
        let query = query.bind(organization.to_string()).bind(user.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(MemberRow::read).transpose()
    }

    /// In the order of their ids; the next page begins after the last one of this.
    pub async fn members_page(
        &mut self,
        organization: OrganizationId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<MemberRow>> {
        let sql = select_members!("m.organization_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3");
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let query = sqlx::query(sql).bind(organization.to_string()).bind(after).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(MemberRow::read).collect()
    }

    /// Whether somebody else owns it, too, who is not disabled.
    pub async fn has_other_owner(&mut self, organization: OrganizationId, than: UserId) -> Result<bool> {
        let query = sqlx::query(
            "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id AND u.disabled = 0 \
             WHERE m.organization_id = $1 AND m.role = 'owner' AND m.user_id <> $2 LIMIT 1",
        );
        let query = query.bind(organization.to_string()).bind(than.to_string());
        Ok(query.fetch_optional(self.connection()).await?.is_some())
    }

    /// What somebody is in organizations, in the order of their names.
    pub async fn roles(&mut self, user: UserId) -> Result<Vec<RoleRow>> {
        let rows = sqlx::query(
            "SELECT o.id, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id \
             WHERE m.user_id = $1 ORDER BY o.name",
        )
        .bind(user.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(RoleRow::read).collect()
    }

    /// In the order of names.
    pub async fn members(&mut self, organization: OrganizationId) -> Result<Vec<MemberRow>> {
        let query = sqlx::query(select_members!("m.organization_id = $1 ORDER BY u.name"));
        let query = query.bind(organization.to_string());
        query.fetch_all(self.connection()).await?.iter().map(MemberRow::read).collect()
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

    /// Its credentials and those of its projects are destroyed, its invitations and quotas end; what is pinned to it
    /// fits nothing from now on.
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
        for webhook in self.webhooks(Some(id)).await? {
            self.delete_webhook(webhook.id).await?;
        }
        for sql in [
            "DELETE FROM invitations WHERE organization_id = $1",
            "DELETE FROM quota_use WHERE quota_id IN \
               (SELECT q.id FROM quotas q WHERE q.subject_id = $1 OR (q.within_id <> '' AND q.within_id = $1))",
            "DELETE FROM quotas WHERE subject_id = $1 OR (within_id <> '' AND within_id = $1)",
        ] {
            sqlx::query(sql).bind(id.to_string()).execute(self.writing()).await?;
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

    /// Adds a member, or changes the role of one; what `origin` a member has stays as it was, but that what came from an
    /// identity provider is whoever's who takes it over.
    pub async fn set_member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
        role: Role,
        origin: Origin,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO memberships (user_id, organization_id, role, origin) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role, \
             origin = CASE WHEN memberships.origin = 'identity' THEN excluded.origin ELSE memberships.origin END",
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

impl RoleRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self { organization: row.parsed("id")?, name: row.parsed("name")?, role: row.parsed("role")? })
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
