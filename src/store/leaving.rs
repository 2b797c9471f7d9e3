//! What somebody leaves behind: counted before they leave an organization, are disabled or are deleted.
//! Owns nothing; it counts what jobs, tokens, credentials and the audit trail have on record.
//! Never judges whether they may go.

use super::{Reading, Result, row::Columns, statement::Statement};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, ProjectId, UserId},
};

pub(super) const OPEN_SHARED_JOBS: &str = "SELECT COUNT(*) AS number FROM things \
     WHERE kind = 'job' AND ended IS NULL AND user_id = $1 AND organization_id IS NOT NULL";
pub(super) const UNKNOWN_OF_MEMBER: &str = "SELECT COUNT(*) AS number FROM submissions \
     WHERE state = 'unknown' AND user_id = $1 AND organization_id = $2";

impl Reading {
    /// Jobs of theirs that organizations pay for and that have not ended.
    pub async fn open_shared_jobs(&mut self, user: UserId) -> Result<u64> {
        let row = sqlx::query(OPEN_SHARED_JOBS).bind(user.to_string()).fetch_one(self.connection()).await?;
        row.amount("number")
    }

    /// Submissions of theirs that this organization would pay for, and of which nobody knows what came.
    pub async fn unknown_submissions(&mut self, user: UserId, organization: OrganizationId) -> Result<u64> {
        let query = sqlx::query(UNKNOWN_OF_MEMBER).bind(user.to_string()).bind(organization.to_string());
        query.fetch_one(self.connection()).await?.amount("number")
    }

    /// Tokens of theirs that are pinned to this organization or to one of its projects.
    pub async fn tokens_pinned_within(
        &mut self,
        user: UserId,
        organization: OrganizationId,
        now: Timestamp,
    ) -> Result<u64> {
        let sql = "SELECT COUNT(*) AS number FROM tokens t \
                   JOIN token_contexts c ON c.token_id = t.id AND c.purpose = 'pin' AND c.organization_id = $2 \
                   WHERE t.user_id = $1 AND t.revoked IS NULL AND t.expires > $3";
        let query = sqlx::query(sql).bind(user.to_string()).bind(organization.to_string()).bind(now.millis());
        query.fetch_one(self.connection()).await?.amount("number")
    }

    /// Tokens that are pinned to this project, whoever's they are.
    pub async fn tokens_pinned_to_project(&mut self, project: ProjectId, now: Timestamp) -> Result<u64> {
        let sql = "SELECT COUNT(*) AS number FROM token_contexts c \
                   JOIN tokens t ON t.id = c.token_id AND t.revoked IS NULL AND t.expires > $2 \
                   WHERE c.purpose = 'pin' AND c.project_id = $1";
        let query = sqlx::query(sql).bind(project.to_string()).bind(now.millis());
        query.fetch_one(self.connection()).await?.amount("number")
    }

    /// Projects of this organization that list them.
    pub async fn projects_within(&mut self, user: UserId, organization: OrganizationId) -> Result<u64> {
        let sql = "SELECT COUNT(*) AS number FROM project_members WHERE user_id = $1 AND organization_id = $2";
        let query = sqlx::query(sql).bind(user.to_string()).bind(organization.to_string());
        query.fetch_one(self.connection()).await?.amount("number")
    }

    /// Credentials of organizations, or of this one, whose present value they entered, by the audit trail: they may
    /// know it.
    pub async fn credentials_known_to(&mut self, user: UserId, organization: Option<OrganizationId>) -> Result<u64> {
        let mut statement = Statement::new(
            self.dialect,
            "SELECT COUNT(*) AS number FROM credentials c LEFT JOIN projects p ON p.id = c.project_id \
             WHERE c.state <> 'deleted' AND ",
        );
        match organization {
            Some(id) => {
                statement.text("(c.organization_id = ").value(id.to_string());
                statement.text(" OR p.organization_id = ").value(id.to_string()).text(")");
            }
            None => {
                statement.text("(c.organization_id IS NOT NULL OR p.organization_id IS NOT NULL)");
            }
        }
        statement.text(" AND EXISTS (SELECT 1 FROM audit a WHERE a.subject = c.id AND a.actor = ");
        statement.value(format!("user:{user}")).text(
            " AND a.seq = (SELECT MAX(b.seq) FROM audit b WHERE b.subject = c.id \
               AND b.action IN ('credential.added', 'credential.rotated')))",
        );
        statement.fetch(self.connection()).await?.first().map_or(Ok(0), |row| row.amount("number"))
    }
}
