//! Invitations to organizations as rows.
//! Owns the table `invitations`.
//! Never holds what opens one: only its digest. Never judges whether its maker may still invite.

use super::{Change, Conflict, Reading, Result, Tx, row::Columns};
use crate::{
    clock::Timestamp,
    id::{InvitationId, OrganizationId, UserId},
    identity::{key::KeyDigest, role::Role},
};
use sqlx::any::AnyRow;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationRow {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub role: Role,
    /// `None`: somebody at the command line.
    pub made_by: Option<UserId>,
    pub created: Timestamp,
    pub ends: Timestamp,
}

macro_rules! select_invitations {
    ($rest:literal) => {
        concat!("SELECT id, organization_id, role, made_by, created, ends FROM invitations WHERE ", $rest)
    };
}

impl Reading {
    /// Whether it is over is for the caller to say.
    pub async fn invitation(&mut self, digest: &KeyDigest) -> Result<Option<InvitationRow>> {
        let query = sqlx::query(select_invitations!("digest = $1")).bind(digest.to_hex());
        query.fetch_optional(self.connection()).await?.as_ref().map(InvitationRow::read).transpose()
    }

    /// Those that are not over, oldest first; the next page begins after the last one of this.
    pub async fn invitations_page(
        &mut self,
        organization: OrganizationId,
        now: Timestamp,
        (after, limit): (Option<InvitationId>, u32),
    ) -> Result<Vec<InvitationRow>> {
        let sql = select_invitations!("organization_id = $1 AND id > $2 AND ends > $3 ORDER BY id LIMIT $4");
        let query = sqlx::query(sql).bind(organization.to_string());
        let query = query.bind(after.unwrap_or(InvitationId::FIRST).to_string()).bind(now.millis());
        let rows = query.bind(i64::from(limit)).fetch_all(self.connection()).await?;
        rows.iter().map(InvitationRow::read).collect()
    }
}

impl Tx {
    pub async fn insert_invitation(&mut self, digest: &KeyDigest, row: &InvitationRow) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO invitations (id, digest, organization_id, role, made_by, created, ends) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let query = query.bind(row.id.to_string()).bind(digest.to_hex()).bind(row.organization.to_string());
        let query = query.bind(row.role.as_str()).bind(row.made_by.map(|user| user.to_string()));
        query.bind(row.created.millis()).bind(row.ends.millis()).execute(self.writing()).await?;
        self.announce(Change::Organization(row.organization));
        Ok(())
    }

    /// Used or revoked, it opens nothing any more. [`Conflict::Missing`]: somebody was faster.
    pub async fn drop_invitation(&mut self, organization: OrganizationId, id: InvitationId) -> Result<()> {
        let query = sqlx::query("DELETE FROM invitations WHERE id = $1 AND organization_id = $2");
        let done = query.bind(id.to_string()).bind(organization.to_string()).execute(self.writing()).await?;
        self.announce(Change::Organization(organization));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }
}

impl InvitationRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            organization: row.parsed("organization_id")?,
            role: row.parsed("role")?,
            made_by: row.optional("made_by")?,
            created: row.time("created")?,
            ends: row.time("ends")?,
        })
    }
}
