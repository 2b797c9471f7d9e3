//! Who signs in with an identity provider, as rows, and what the provider's word has given them.
//! Owns the tables `identities` and `spent_sign_ins`.
//! Never knows anybody by a name that the provider may give to somebody else tomorrow.

use super::{Change, Conflict, Origin, Reading, Result, RoleRow, Tx, row::Columns};
use crate::{clock::Timestamp, id::UserId, identity::key::KeyDigest};
use sqlx::any::AnyRow;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityRow {
    pub issuer: Box<str>,
    pub subject: Box<str>,
    pub user: UserId,
    /// Whether they are an administrator because of a group.
    pub admin: bool,
    pub created: Timestamp,
    /// The last sign-in; `None`: not yet.
    pub seen: Option<Timestamp>,
}

macro_rules! select_identities {
    ($rest:literal) => {
        concat!("SELECT issuer, subject, user_id, admin, created, seen FROM identities WHERE ", $rest)
    };
}

impl Reading {
    pub async fn find_identity(&mut self, issuer: &str, subject: &str) -> Result<Option<IdentityRow>> {
        let query = sqlx::query(select_identities!("issuer = $1 AND subject = $2")).bind(issuer).bind(subject);
        query.fetch_optional(self.connection()).await?.as_ref().map(IdentityRow::read).transpose()
    }

    pub async fn identity(&mut self, user: UserId) -> Result<Option<IdentityRow>> {
        let query = sqlx::query(select_identities!("user_id = $1")).bind(user.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(IdentityRow::read).transpose()
    }

    /// What the identity provider's groups have made somebody, in the order of the organizations' names.
    pub async fn roles_by_identity(&mut self, user: UserId) -> Result<Vec<RoleRow>> {
        let rows = sqlx::query(
            "SELECT o.id, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id \
             WHERE m.user_id = $1 AND m.origin = $2 ORDER BY o.name",
        )
        .bind(user.to_string())
        .bind(Origin::Identity.as_str())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(RoleRow::read).collect()
    }
}

impl Tx {
    /// In the place of the one that the user had, if they had one.
    pub async fn put_identity(&mut self, row: &IdentityRow) -> Result<()> {
        sqlx::query("DELETE FROM identities WHERE user_id = $1")
            .bind(row.user.to_string())
            .execute(self.writing())
            .await?;
        let query = sqlx::query(
            "INSERT INTO identities (issuer, subject, user_id, admin, created, seen) VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let query = query.bind(row.issuer.to_string()).bind(row.subject.to_string()).bind(row.user.to_string());
        let query = query.bind(i64::from(row.admin)).bind(row.created.millis()).bind(row.seen.map(Timestamp::millis));
        query.execute(self.writing()).await?;
        self.announce(Change::User(row.user));
        Ok(())
    }

    pub async fn remove_identity(&mut self, user: UserId) -> Result<()> {
        let query = sqlx::query("DELETE FROM identities WHERE user_id = $1").bind(user.to_string());
        let done = query.execute(self.writing()).await?;
        self.announce(Change::User(user));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    /// A sign-in is completed once: whoever comes with the same one again finds [`Conflict::Exists`].
    pub async fn spend_sign_in(&mut self, digest: &KeyDigest, user: UserId, ends: Timestamp) -> Result<()> {
        sqlx::query("DELETE FROM spent_sign_ins WHERE ends <= $1")
            .bind(self.now.millis())
            .execute(self.writing())
            .await?;
        let query =
            sqlx::query("INSERT INTO spent_sign_ins (digest, ends) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING");
        let done = query.bind(digest.to_hex()).bind(ends.millis()).execute(self.writing()).await?;
        self.announce(Change::User(user));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Exists.into()) }
    }
}

impl IdentityRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            issuer: row.text("issuer")?.into(),
            subject: row.text("subject")?.into(),
            user: row.parsed("user_id")?,
            admin: row.truth("admin")?,
            created: row.time("created")?,
            seen: row.optional_time("seen")?,
        })
    }
}
