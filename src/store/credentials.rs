//! Provider credentials as rows: whose, for what, in which version and state.
//! Owns the tables `credentials`, `credential_versions`, `credential_projects` and `credential_members`.
//! Never sees a secret field: a version comes sealed, and leaves sealed.

use super::{
    Conflict, Origin, ProbeRow, ProjectOf, Reading, Result, SealedVersion, StoreError, Tx, insert::Insert,
    row::Columns, row::corrupt, statement::Statement,
};
use crate::{
    clock::Timestamp,
    credential::{Owner, State},
    id::{CredentialId, OrganizationId, ProjectId, UserId},
};
use sqlx::{AssertSqlSafe, any::AnyRow};
use std::collections::BTreeMap;

/// The fields of a credential that may be shown, by name.
pub type PlainFields = BTreeMap<Box<str>, Box<str>>;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CredentialRow {
    pub id: CredentialId,
    pub owner: Owner,
    pub provider: Box<str>,
    pub label: Box<str>,
    pub state: State,
    /// The current version.
    pub version: u32,
    pub expires: Timestamp,
    pub restriction: Restriction,
    /// The names of the secret fields that are set.
    pub secret_fields: Vec<Box<str>>,
    pub plain_fields: PlainFields,
    /// Where its value is read from; `None`: it was entered.
    pub source: Option<Box<str>>,
    /// What the provider last said of the current version.
    pub probe: Option<ProbeRow>,
    pub origin: Origin,
    pub created: Timestamp,
}

/// Who else than its owner's members at large. An empty list does not restrict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Restriction {
    /// Projects of the owning organization, in the order of their ids; a deleted one still restricts.
    pub projects: Vec<ProjectId>,
    pub members: Vec<UserId>,
}

#[derive(Clone, Debug)]
pub struct NewCredential {
    pub id: CredentialId,
    pub owner: Owner,
    pub provider: Box<str>,
    pub label: Box<str>,
    pub expires: Timestamp,
    pub restriction: Restriction,
    pub version: NewVersion,
    pub origin: Origin,
}

/// A version as the vault has sealed it.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// From 1; what the seal says it is.
    pub version: u32,
    pub key: i64,
    pub sealed: Vec<u8>,
    pub secret_fields: Vec<Box<str>>,
    pub plain_fields: PlainFields,
    /// Where its value is read from; `None`: it was entered. What is sealed is then what reading it takes.
    pub source: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub enum CredentialChange {
    State(State),
    Label(Box<str>),
    Expires(Timestamp),
}

/// Which credentials a list has; what is not said leaves none out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CredentialFilter {
    pub among: Option<Purses>,
    /// Of exactly this owner.
    pub owner: Option<Owner>,
    pub provider: Option<Box<str>>,
    pub state: Option<State>,
    /// Only active ones that nothing can be paid with, as far as is known at this time.
    pub failing: Option<Timestamp>,
}

/// Whose credentials somebody may know of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purses {
    /// Their own, and their projects'.
    pub user: UserId,
    /// The organizations' own.
    pub organizations: Vec<OrganizationId>,
    /// Those of all projects of these organizations.
    pub whole: Vec<OrganizationId>,
    pub projects: Vec<ProjectId>,
}

macro_rules! select_credentials {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.user_id, c.organization_id, c.project_id, c.provider, c.label, c.state, c.version, c.expires, \
                    c.origin, c.created, v.key_id, v.sealed, v.secret_fields, v.plain_fields, v.source, \
                    v.probed, v.probe_verdict, v.probe_account, \
                    (SELECT string_agg(r.project_id, ' ') FROM credential_projects r WHERE r.credential_id = c.id) AS projects, \
                    (SELECT string_agg(r.user_id, ' ') FROM credential_members r WHERE r.credential_id = c.id) AS members \
             FROM credentials c JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.version \
             WHERE c.state <> 'deleted' AND ",
            $rest
        )
    };
}

impl Reading {
    pub async fn credential(&mut self, id: CredentialId) -> Result<Option<CredentialRow>> {
        let query = sqlx::query(select_credentials!("c.id = $1")).bind(id.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(CredentialRow::read).transpose()
    }

    /// Oldest first; the next page begins after the last id of this one.
    pub async fn credentials(&mut self, after: Option<CredentialId>, limit: u32) -> Result<Vec<CredentialRow>> {
        let rows = sqlx::query(select_credentials!("c.id > $1 ORDER BY c.id LIMIT $2"))
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(CredentialRow::read).collect()
    }

    /// At most `limit` of those that the filter leaves, oldest first.
    pub async fn credentials_page(
        &mut self,
        filter: &CredentialFilter,
        after: Option<CredentialId>,
        limit: u32,
    ) -> Result<Vec<CredentialRow>> {
        let mut statement = Statement::new(self.dialect, select_credentials!("c.id > "));
        statement.value(after.unwrap_or(CredentialId::FIRST).to_string());
        filter.write(&mut statement);
        statement.text(" ORDER BY c.id LIMIT ").value(i64::from(limit));
        statement.fetch(self.connection()).await?.iter().map(CredentialRow::read).collect()
    }

    /// Active ones that expire after one time and up to another, at most `limit`, oldest first.
    pub async fn credentials_ending(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        after: Option<CredentialId>,
        limit: u32,
    ) -> Result<Vec<CredentialRow>> {
        let sql = select_credentials!(
            "c.state = 'active' AND c.expires > $1 AND c.expires <= $2 AND c.id > $3 ORDER BY c.id LIMIT $4"
        );
        let query = sqlx::query(sql).bind(from.millis()).bind(to.millis());
        let query = query.bind(after.unwrap_or(CredentialId::FIRST).to_string()).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(CredentialRow::read).collect()
    }

    /// How many there are for each provider that has any.
    pub async fn credentials_by_provider(&mut self) -> Result<Vec<(Box<str>, u64)>> {
        let rows = sqlx::query(
            "SELECT provider, COUNT(*) AS held FROM credentials WHERE state <> 'deleted' GROUP BY provider ORDER BY provider",
        );
        let rows = rows.fetch_all(self.connection()).await?;
        rows.iter().map(|row| Ok((row.text("provider")?.into(), row.amount("held")?))).collect()
    }

    /// Of exactly this owner, oldest first.
    pub async fn credentials_of(&mut self, owner: Owner) -> Result<Vec<CredentialRow>> {
        let query = sqlx::query(of_owner(owner)).bind(id_of(owner));
        query.fetch_all(self.connection()).await?.iter().map(CredentialRow::read).collect()
    }

    /// Of exactly this owner, with their current versions; in no order.
    pub async fn sealed_of(&mut self, owner: Owner) -> Result<Vec<(CredentialRow, SealedVersion)>> {
        let rows = sqlx::query(of_owner(owner)).bind(id_of(owner)).fetch_all(self.connection()).await?;
        rows.iter().map(|row| Ok((CredentialRow::read(row)?, SealedVersion::read(row)?))).collect()
    }

    /// Those of all these users, but not of their projects, with their current versions; in no order.
    pub async fn sealed_of_users(&mut self, users: &[UserId]) -> Result<Vec<(CredentialRow, SealedVersion)>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{}{}", select_credentials!("c.user_id IN "), self.dialect.list(users.len()));
        // Safe: the text is made of this program's own words and parameters.
        let query = users.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, user| query.bind(user.to_string()));
        let rows = query.fetch_all(self.connection()).await?;
        rows.iter().map(|row| Ok((CredentialRow::read(row)?, SealedVersion::read(row)?))).collect()
    }
}

impl Tx {
    /// Each with its first version. One that is active already for the same owner and provider is a conflict.
    pub async fn insert_credentials(&mut self, credentials: &[NewCredential]) -> Result<()> {
        let columns = &[
            "id",
            "user_id",
            "organization_id",
            "project_id",
            "provider",
            "label",
            "state",
            "version",
            "expires",
            "origin",
            "created",
        ];
        let mut insert = Insert::new(self.dialect(), "credentials", columns);
        for credential in credentials {
            let [user, organization, project] = owner_columns(credential.owner);
            let insert = insert.row().bind(credential.id.to_string()).bind(user).bind(organization).bind(project);
            let insert = insert.bind(&*credential.provider).bind(&*credential.label).bind(State::Active.as_str());
            let insert = insert.bind(i64::from(credential.version.version)).bind(credential.expires.millis());
            insert.bind(credential.origin.as_str()).bind(self.now.millis());
        }
        insert.execute(self.writing()).await?;
        self.insert_versions(credentials.iter().map(|c| (c.id, &c.version))).await?;
        self.insert_restrictions(credentials.iter().map(|c| (c.id, &c.restriction))).await?;
        for credential in credentials {
            self.announce_owner(credential.owner).await?;
        }
        Ok(())
    }

    /// Makes this the current version; it must be the next one, else somebody was faster.
    pub async fn add_version(&mut self, id: CredentialId, version: &NewVersion) -> Result<()> {
        let done = sqlx::query(
            "UPDATE credentials SET version = $2 WHERE id = $1 AND version = $2 - 1 AND state NOT IN ('retired', 'deleted')",
        )
        .bind(id.to_string())
        .bind(i64::from(version.version))
        .execute(self.writing())
        .await?;
        if done.rows_affected() != 1 {
            return Err(Conflict::Missing.into());
        }
        self.insert_versions([(id, version)].into_iter()).await?;
        self.announce_credential(id).await
    }

    /// What is retired stays so, and as it is.
    pub async fn change_credential(&mut self, id: CredentialId, change: CredentialChange) -> Result<()> {
        let query = match change {
            CredentialChange::State(state) => {
                sqlx::query("UPDATE credentials SET state = $1 WHERE id = $2 AND state NOT IN ('retired', 'deleted')")
                    .bind(state.as_str())
            }
            CredentialChange::Label(label) => {
                sqlx::query("UPDATE credentials SET label = $1 WHERE id = $2 AND state NOT IN ('retired', 'deleted')")
                    .bind(label.into_string())
            }
            CredentialChange::Expires(at) => {
                sqlx::query("UPDATE credentials SET expires = $1 WHERE id = $2 AND state NOT IN ('retired', 'deleted')")
                    .bind(at.millis())
            }
        };
        let done = query.bind(id.to_string()).execute(self.writing()).await?;
        if done.rows_affected() != 1 {
            return Err(Conflict::Missing.into());
        }
        self.announce_credential(id).await
    }

    /// Replaces what restricts it.
    pub async fn restrict_credential(&mut self, id: CredentialId, restriction: &Restriction) -> Result<()> {
        self.lift_restriction(id).await?;
        self.insert_restrictions([(id, restriction)].into_iter()).await?;
        self.announce_credential(id).await
    }

    /// Its id stays, for receipts and the audit trail; every sealed version of it is destroyed.
    pub async fn delete_credential(&mut self, id: CredentialId) -> Result<()> {
        self.announce_credential(id).await?;
        self.lift_restriction(id).await?;
        for sql in [
            "DELETE FROM credential_versions WHERE credential_id = $1",
            "UPDATE credentials SET state = 'deleted' WHERE id = $1",
        ] {
            sqlx::query(sql).bind(id.to_string()).execute(self.writing()).await?;
        }
        Ok(())
    }

    async fn lift_restriction(&mut self, id: CredentialId) -> Result<()> {
        for sql in [
            "DELETE FROM credential_projects WHERE credential_id = $1",
            "DELETE FROM credential_members WHERE credential_id = $1",
        ] {
            sqlx::query(sql).bind(id.to_string()).execute(self.writing()).await?;
        }
        Ok(())
    }

    async fn insert_versions(&mut self, versions: impl Iterator<Item = (CredentialId, &NewVersion)>) -> Result<()> {
        let columns =
            &["credential_id", "version", "key_id", "sealed", "secret_fields", "plain_fields", "source", "created"];
        let mut insert = Insert::new(self.dialect(), "credential_versions", columns);
        for (id, version) in versions {
            let insert = insert.row().bind(id.to_string()).bind(i64::from(version.version)).bind(version.key);
            let insert = insert.bind(&*version.sealed).bind(version.secret_fields.join(" "));
            let insert = insert.bind(write_plain(&version.plain_fields)?);
            insert.bind(version.source.as_deref().map(str::to_owned)).bind(self.now.millis());
        }
        // The credential is there, in this transaction; the other reference is the key.
        insert.execute(self.writing()).await.map_err(|error| match error {
            StoreError::Conflict(Conflict::Missing) => Conflict::KeyReplaced.into(),
            other => other,
        })
    }

    async fn insert_restrictions(&mut self, all: impl Iterator<Item = (CredentialId, &Restriction)>) -> Result<()> {
        let mut projects = Insert::new(self.dialect(), "credential_projects", &["credential_id", "project_id"]);
        let mut members = Insert::new(self.dialect(), "credential_members", &["credential_id", "user_id"]);
        for (id, restriction) in all {
            for project in &restriction.projects {
                projects.row().bind(id.to_string()).bind(project.to_string());
            }
            for member in &restriction.members {
                members.row().bind(id.to_string()).bind(member.to_string());
            }
        }
        projects.execute(self.writing()).await?;
        members.execute(self.writing()).await
    }

    pub(super) async fn announce_credential(&mut self, id: CredentialId) -> Result<()> {
        let owner = self.credential(id).await?.ok_or(Conflict::Missing)?.owner;
        self.announce_owner(owner).await
    }

    async fn announce_owner(&mut self, owner: Owner) -> Result<()> {
        let of = match owner {
            Owner::User(id) => ProjectOf::User(id),
            Owner::Organization(id) => ProjectOf::Organization(id),
            Owner::Project(id) => self.owner_of_project(id).await?,
        };
        self.announce(of.change());
        Ok(())
    }
}

impl CredentialFilter {
    fn write(&self, statement: &mut Statement) {
        if let Some(purses) = &self.among {
            purses.write(statement);
        }
        if let Some(owner) = self.owner {
            statement.text(match owner {
                Owner::User(_) => " AND c.user_id = ",
                Owner::Organization(_) => " AND c.organization_id = ",
                Owner::Project(_) => " AND c.project_id = ",
            });
            statement.value(id_of(owner));
        }
        if let Some(provider) = &self.provider {
            statement.text(" AND c.provider = ").value(provider.to_string());
        }
        if let Some(state) = self.state {
            statement.text(" AND c.state = ").value(state.as_str());
        }
        if let Some(now) = self.failing {
            statement.text(" AND c.state = 'active' AND (c.expires <= ").value(now.millis()).text(
                " OR v.probe_verdict = 'refused' OR EXISTS (SELECT 1 FROM source_states s \
                  JOIN processes p ON p.id = s.process_id \
                  WHERE s.credential_id = c.id AND s.version = c.version AND s.failing_since IS NOT NULL))",
            );
        }
    }
}

impl Purses {
    /// Each way by an index of its own.
    fn write(&self, statement: &mut Statement) {
        statement.text(" AND c.id IN (SELECT k.id FROM credentials k WHERE k.user_id IS NOT NULL AND k.user_id = ");
        statement.value(self.user.to_string()).text(
            " UNION ALL SELECT k.id FROM projects p JOIN credentials k ON k.project_id = p.id WHERE p.user_id = ",
        );
        statement.value(self.user.to_string());
        let lists = [
            (
                " UNION ALL SELECT k.id FROM credentials k WHERE k.organization_id IS NOT NULL AND k.organization_id IN ",
                self.organizations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ),
            (
                " UNION ALL SELECT k.id FROM projects p JOIN credentials k ON k.project_id = p.id \
                  WHERE p.organization_id IN ",
                self.whole.iter().map(ToString::to_string).collect(),
            ),
            (
                " UNION ALL SELECT k.id FROM credentials k WHERE k.project_id IS NOT NULL AND k.project_id IN ",
                self.projects.iter().map(ToString::to_string).collect(),
            ),
        ];
        for (text, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
            statement.text(text).list(ids);
        }
        statement.text(")");
    }
}

impl CredentialRow {
    fn read(row: &AnyRow) -> Result<Self> {
        let mut restriction = Restriction { projects: row.words("projects")?, members: row.words("members")? };
        restriction.projects.sort();
        restriction.members.sort();
        Ok(Self {
            id: row.parsed("id")?,
            owner: read_owner(row)?,
            provider: row.text("provider")?.into(),
            label: row.text("label")?.into(),
            state: row.parsed("state")?,
            version: read_version(row)?,
            expires: row.time("expires")?,
            restriction,
            secret_fields: row.text("secret_fields")?.split_whitespace().map(Into::into).collect(),
            plain_fields: read_plain(row)?,
            source: row.optional_text("source")?.map(Into::into),
            probe: ProbeRow::read(row)?,
            origin: row.parsed("origin")?,
            created: row.time("created")?,
        })
    }
}

pub(super) fn read_owner(row: &AnyRow) -> Result<Owner> {
    match (row.optional("user_id")?, row.optional("organization_id")?, row.optional("project_id")?) {
        (Some(user), None, None) => Ok(Owner::User(user)),
        (None, Some(organization), None) => Ok(Owner::Organization(organization)),
        (None, None, Some(project)) => Ok(Owner::Project(project)),
        _ => Err(corrupt("user_id")),
    }
}

pub(super) fn read_version(row: &AnyRow) -> Result<u32> {
    u32::try_from(row.number("version")?).map_err(|_| corrupt("version"))
}

pub(super) fn read_plain(row: &AnyRow) -> Result<PlainFields> {
    serde_json::from_str(row.text("plain_fields")?).map_err(|_| corrupt("plain_fields"))
}

fn write_plain(fields: &PlainFields) -> Result<String> {
    serde_json::to_string(fields).map_err(|_| corrupt("plain_fields"))
}

fn owner_columns(owner: Owner) -> [Option<String>; 3] {
    match owner {
        Owner::User(id) => [Some(id.to_string()), None, None],
        Owner::Organization(id) => [None, Some(id.to_string()), None],
        Owner::Project(id) => [None, None, Some(id.to_string())],
    }
}

const fn of_owner(owner: Owner) -> &'static str {
    match owner {
        Owner::User(_) => select_credentials!("c.user_id = $1 ORDER BY c.id"),
        Owner::Organization(_) => select_credentials!("c.organization_id = $1 ORDER BY c.id"),
        Owner::Project(_) => select_credentials!("c.project_id = $1 ORDER BY c.id"),
    }
}

fn id_of(owner: Owner) -> String {
    match owner {
        Owner::User(id) => id.to_string(),
        Owner::Organization(id) => id.to_string(),
        Owner::Project(id) => id.to_string(),
    }
}
