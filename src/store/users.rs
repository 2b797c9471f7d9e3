//! Users as rows: made, found, changed, deleted.
//! Owns the tables `users` and `active_contexts`.
//! Never checks a password; it keeps the hash.

use super::{
    Change, Conflict, ContextId, Origin, ProjectOf, Reading, Result, Tx, insert::Insert, row::Columns, tombstone,
};
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::UserId,
    identity::{Context, UserName},
    secret::Secret,
};
use sqlx::{AssertSqlSafe, any::AnyRow};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRow {
    pub id: UserId,
    pub name: UserName,
    pub admin: bool,
    pub disabled: bool,
    pub has_password: bool,
    pub active: Option<Context>,
    pub origin: Origin,
    pub created: Timestamp,
    /// From then on their tokens and sessions rest, until they sign in with their identity provider again.
    pub sign_in_by: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: UserId,
    pub name: UserName,
    pub admin: bool,
    /// In the form of a PHC string.
    pub password_hash: Option<Secret>,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub enum UserChange {
    Name(UserName),
    Admin(bool),
    Disabled(bool),
    Password(Option<Secret>),
    Active(Option<ContextId>),
    SignInBy(Timestamp),
}

macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.name, u.admin, u.disabled, u.origin, u.created, u.sign_in_by, \
                    CASE WHEN u.password_hash IS NULL THEN 0 ELSE 1 END AS has_password, \
",
            active_context!(),
            " FROM users u",
            active_context_joins!(),
            "WHERE u.deleted IS NULL AND ",
            $rest
        )
    };
}

impl Reading {
    pub async fn user(&mut self, id: UserId) -> Result<Option<UserRow>> {
        let row =
            sqlx::query(select_users!("u.id = $1")).bind(id.to_string()).fetch_optional(self.connection()).await?;
        row.as_ref().map(UserRow::read).transpose()
    }

    pub async fn find_user(&mut self, name: &UserName) -> Result<Option<UserRow>> {
        let row =
            sqlx::query(select_users!("u.name = $1")).bind(name.as_str()).fetch_optional(self.connection()).await?;
        row.as_ref().map(UserRow::read).transpose()
    }

    /// Those of these names that exist, in no order.
    pub async fn users_named<'n>(
        &mut self,
        names: impl ExactSizeIterator<Item = &'n UserName>,
    ) -> Result<Vec<UserRow>> {
        if names.len() == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("{}{}", select_users!("u.name IN "), self.dialect.list(names.len()));
        // Safe: the text is made of this program's own words and parameters.
        let query = names.fold(sqlx::query(AssertSqlSafe(sql)), |query, name| query.bind(name.as_str()));
        query.fetch_all(self.connection()).await?.iter().map(UserRow::read).collect()
    }

    /// In the order of names; the next page begins after the last name of this one.
    pub async fn users(&mut self, after: Option<&UserName>, limit: u32) -> Result<Vec<UserRow>> {
        let rows = sqlx::query(select_users!("u.name > $1 ORDER BY u.name LIMIT $2"))
            .bind(after.map_or("", UserName::as_str))
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(UserRow::read).collect()
    }

    /// The same of those whose names have this in them, in whatever case.
    pub async fn users_like(&mut self, part: &str, after: Option<&UserName>, limit: u32) -> Result<Vec<UserRow>> {
        let escaped = part.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        let sql = select_users!(r"u.name > $1 AND lower(u.name) LIKE $2 ESCAPE '\' ORDER BY u.name LIMIT $3");
        let query = sqlx::query(sql).bind(after.map_or("", UserName::as_str)).bind(format!("%{escaped}%"));
        query.bind(i64::from(limit)).fetch_all(self.connection()).await?.iter().map(UserRow::read).collect()
    }

    /// Whether somebody else is an administrator, not disabled, and does not rest.
    pub async fn has_other_administrator(&mut self, than: UserId, now: Timestamp) -> Result<bool> {
        let query = sqlx::query(
            "SELECT id FROM users WHERE admin = 1 AND disabled = 0 AND deleted IS NULL AND id <> $1 AND sign_in_by > $2 LIMIT 1",
        );
        Ok(query.bind(than.to_string()).bind(now.millis()).fetch_optional(self.connection()).await?.is_some())
    }

    pub async fn password_hash(&mut self, id: UserId) -> Result<Option<Secret>> {
        let row = sqlx::query("SELECT password_hash FROM users WHERE id = $1 AND deleted IS NULL")
            .bind(id.to_string())
            .fetch_optional(self.connection())
            .await?;
        Ok(match row {
            Some(row) => row.optional_text("password_hash")?.map(Secret::new),
            None => None,
        })
    }
}

impl Tx {
    pub async fn insert_users(&mut self, users: &[NewUser]) -> Result<()> {
        let columns = &["id", "name", "admin", "disabled", "password_hash", "origin", "created"];
        let mut insert = Insert::new(self.dialect(), "users", columns);
        for user in users {
            self.announce_new_user(user.id);
            let insert = insert.row().bind(user.id.to_string()).bind(user.name.as_str());
            insert.bind(i64::from(user.admin)).bind(0_i64).bind(user.password_hash.as_ref().map(Secret::expose));
            insert.bind(user.origin.as_str()).bind(self.now.millis());
        }
        insert.execute(self.writing()).await
    }

    pub async fn change_user(&mut self, id: UserId, change: UserChange) -> Result<()> {
        let done = match change {
            UserChange::Active(context) => return self.set_active(id, context).await,
            UserChange::Name(name) => sqlx::query("UPDATE users SET name = $1 WHERE id = $2 AND deleted IS NULL")
                .bind(name.as_str().to_owned()),
            UserChange::Admin(admin) => {
                sqlx::query("UPDATE users SET admin = $1 WHERE id = $2 AND deleted IS NULL").bind(i64::from(admin))
            }
            UserChange::Disabled(disabled) => {
                sqlx::query("UPDATE users SET disabled = $1 WHERE id = $2 AND deleted IS NULL")
                    .bind(i64::from(disabled))
            }
            UserChange::Password(hash) => {
                sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2 AND deleted IS NULL")
                    .bind(hash.map(|hash| hash.expose().to_owned()))
            }
            UserChange::SignInBy(time) => {
                sqlx::query("UPDATE users SET sign_in_by = $1 WHERE id = $2 AND deleted IS NULL").bind(time.millis())
            }
        };
        let done = done.bind(id.to_string()).execute(self.writing()).await?;
        self.announce(Change::User(id));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    async fn set_active(&mut self, id: UserId, context: Option<ContextId>) -> Result<()> {
        sqlx::query("DELETE FROM active_contexts WHERE user_id = $1")
            .bind(id.to_string())
            .execute(self.writing())
            .await?;
        if let Some(context) = context {
            let (organization, project) = context.columns();
            sqlx::query("INSERT INTO active_contexts (user_id, organization_id, project_id) VALUES ($1, $2, $3)")
                .bind(id.to_string())
                .bind(organization)
                .bind(project)
                .execute(self.writing())
                .await?;
        }
        self.announce(Change::User(id));
        Ok(())
    }

    /// The user leaves every organization, their tokens are revoked, their credentials are destroyed, and what bound
    /// them alone binds nobody.
    pub async fn delete_user(&mut self, id: UserId, by: Origin) -> Result<()> {
        for credential in self.credentials_of(Owner::User(id)).await? {
            self.delete_credential(credential.id).await?;
        }
        for token in self.tokens(id).await? {
            self.revoke_token(token.id, by).await?;
        }
        for project in self.projects(ProjectOf::User(id)).await? {
            self.delete_project(project.id).await?;
        }
        let theirs = [
            "DELETE FROM memberships WHERE user_id = $1",
            "DELETE FROM active_contexts WHERE user_id = $1",
            "DELETE FROM sessions WHERE user_id = $1",
            "DELETE FROM links WHERE user_id = $1",
            "DELETE FROM identities WHERE user_id = $1",
            "DELETE FROM invitations WHERE made_by = $1",
            "DELETE FROM quota_use WHERE quota_id IN (SELECT q.id FROM quotas q WHERE q.subject_id = $1)",
            "DELETE FROM quotas WHERE subject_id = $1",
        ];
        for sql in theirs {
            sqlx::query(sql).bind(id.to_string()).execute(self.writing()).await?;
        }
        let done = sqlx::query(
            "UPDATE users SET name = $2, disabled = 1, deleted = $3, password_hash = NULL WHERE id = $1 AND deleted IS NULL",
        )
        .bind(id.to_string())
        .bind(tombstone(id))
        .bind(self.now.millis())
        .execute(self.writing())
        .await?;
        self.announce(Change::User(id));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }
}

impl UserRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            name: row.parsed("name")?,
            admin: row.truth("admin")?,
            disabled: row.truth("disabled")?,
            has_password: row.truth("has_password")?,
            active: row.optional("active")?,
            origin: row.parsed("origin")?,
            created: row.time("created")?,
            sign_in_by: row.time("sign_in_by")?,
        })
    }
}
