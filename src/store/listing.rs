//! Lists of jobs and of submissions for people, newest first, a page at a time, with the names of what they refer to.
//! Owns nothing; it joins what `ledger` has put on record with users, organizations, projects, tokens and credentials.
//! Never reads more rows than a page wants but where a filter leaves most of them out.

use super::{Reading, Result, dialect::Dialect, row::Columns, statement::Statement};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, SubmissionId, UserId},
    identity::{Name, UserName},
    job::{Amounts, Ended, State, Thing, ThingKey},
};
use sqlx::any::AnyRow;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    Everybody,
    User(UserId),
    Organization(OrganizationId),
    /// What this member did with what the organization pays for.
    Member(UserId, OrganizationId),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    Open,
    Ended,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobFilter {
    pub of: Whose,
    pub provider: Option<Box<str>>,
    pub credential: Option<CredentialId>,
    pub progress: Option<Progress>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubmissionFilter {
    pub of: Whose,
    pub provider: Option<Box<str>>,
    /// All, if there is none.
    pub state: Option<State>,
}

/// Where a page of jobs ends, and the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobPlace {
    pub created: Timestamp,
    pub key: ThingKey,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRow {
    pub key: ThingKey,
    pub account: Box<str>,
    pub provider: Box<str>,
    pub thing: Thing,
    pub submission: SubmissionId,
    pub payer: PayerRow,
    pub parent: Option<ThingKey>,
    pub created: Timestamp,
    /// The provider's own word.
    pub status: Option<Box<str>>,
    pub ended: Option<(Ended, Timestamp)>,
    pub target: Option<Box<str>>,
    pub shots: Option<u64>,
    pub qpu_us: Option<u64>,
    pub micros: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubmissionRow {
    pub id: SubmissionId,
    pub at: Timestamp,
    pub state: State,
    pub provider: Box<str>,
    pub account: Box<str>,
    pub operation: Box<str>,
    pub payer: PayerRow,
    pub target: Option<Box<str>>,
    pub asks: Amounts,
}

/// Whose it is and what paid for it, with the names that they have now; what is deleted has one that says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayerRow {
    pub user: UserId,
    pub user_name: Option<UserName>,
    pub organization: Option<OrganizationId>,
    pub organization_name: Option<Name>,
    pub project_name: Option<Name>,
    pub token_name: Option<Box<str>>,
    pub credential: CredentialId,
    pub label: Option<Box<str>>,
}

macro_rules! payer_columns {
    () => {
        " t.user_id, u.name AS user_name, t.organization_id, o.name AS organization_name, p.name AS project_name, \
          k.name AS token_name, t.credential_id, c.label "
    };
}

macro_rules! payer_joins {
    () => {
        " LEFT JOIN users u ON u.id = t.user_id \
          LEFT JOIN organizations o ON o.id = t.organization_id \
          LEFT JOIN projects p ON p.id = t.project_id \
          LEFT JOIN tokens k ON k.id = t.token_id \
          LEFT JOIN credentials c ON c.id = t.credential_id "
    };
}

const JOBS: &str = concat!(
    "SELECT t.key, t.account, t.provider, t.kind, t.id, t.submission_id, t.parent, t.created, t.status, t.ended, \
            t.ended_at, t.target, t.shots, t.qpu_us, t.micros,",
    payer_columns!(),
    "FROM things t",
    payer_joins!(),
    "WHERE "
);

const SUBMISSIONS: &str = concat!(
    "SELECT t.id, t.at, t.state, t.provider, t.account, t.operation, t.target, t.asked_jobs, t.asked_shots, \
            t.asked_qpu_us, t.asked_micros,",
    payer_columns!(),
    "FROM submissions t",
    payer_joins!(),
    "WHERE "
);

impl Reading {
    /// At most `limit` jobs that are older than that place.
    pub async fn jobs(&mut self, filter: &JobFilter, after: Option<JobPlace>, limit: u32) -> Result<Vec<JobRow>> {
        let statement = filter.statement(self.dialect, after, limit);
        statement.fetch(self.connection()).await?.iter().map(JobRow::read).collect()
    }

    /// Everything on record under this key, at whichever accounts: also what is no job.
    pub async fn job(&mut self, key: ThingKey) -> Result<Vec<JobRow>> {
        let mut statement = Statement::new(self.dialect, JOBS);
        statement.text("t.key = ").value(key.as_bytes().to_vec()).text(" ORDER BY t.account");
        statement.fetch(self.connection()).await?.iter().map(JobRow::read).collect()
    }

    /// At most `limit` submissions that are older than that one.
    pub async fn submissions(
        &mut self,
        filter: &SubmissionFilter,
        after: Option<SubmissionId>,
        limit: u32,
    ) -> Result<Vec<SubmissionRow>> {
        let statement = filter.statement(self.dialect, after, limit);
        statement.fetch(self.connection()).await?.iter().map(SubmissionRow::read).collect()
    }
}

impl Reading {
    pub async fn submission(&mut self, id: SubmissionId) -> Result<Option<SubmissionRow>> {
        let mut statement = Statement::new(self.dialect, SUBMISSIONS);
        statement.text("t.id = ").value(id.to_string());
        statement.fetch(self.connection()).await?.first().map(SubmissionRow::read).transpose()
    }
}

impl JobFilter {
    pub(super) fn statement(&self, dialect: Dialect, after: Option<JobPlace>, limit: u32) -> Statement {
        let mut statement = Statement::new(dialect, JOBS);
        self.write(&mut statement);
        if let Some(JobPlace { created, key }) = after {
            statement.text(" AND t.created <= ").value(created.millis());
            statement.text(" AND (t.created < ").value(created.millis());
            statement.text(" OR t.key < ").value(key.as_bytes().to_vec()).text(")");
        }
        statement.text(" ORDER BY t.created DESC, t.key DESC LIMIT ").value(i64::from(limit));
        statement
    }

    /// In the words of the indexes, which are of jobs, and of open ones.
    fn write(&self, statement: &mut Statement) {
        statement.text("t.kind = 'job'");
        match self.progress {
            None => {}
            Some(Progress::Open) => {
                statement.text(" AND t.ended IS NULL");
            }
            Some(Progress::Ended) => {
                statement.text(" AND t.ended IS NOT NULL");
            }
        }
        self.of.write(statement);
        if let Some(provider) = &self.provider {
            statement.text(" AND t.provider = ").value(provider.to_string());
        }
        if let Some(credential) = self.credential {
            statement.text(" AND t.credential_id = ").value(credential.to_string());
        }
    }
}

impl SubmissionFilter {
    pub(super) fn statement(&self, dialect: Dialect, after: Option<SubmissionId>, limit: u32) -> Statement {
        let mut statement = Statement::new(dialect, SUBMISSIONS);
        self.write(&mut statement);
        if let Some(after) = after {
            statement.text(" AND t.id < ").value(after.to_string());
        }
        statement.text(" ORDER BY t.id DESC LIMIT ").value(i64::from(limit));
        statement
    }

    fn write(&self, statement: &mut Statement) {
        statement.text("1 = 1");
        if let Some(state) = self.state {
            // A word of this program's own, and not a parameter: so that the index of the unknown ones is used.
            statement.text(" AND t.state = '").text(state.as_str()).text("'");
        }
        self.of.write(statement);
        if let Some(provider) = &self.provider {
            statement.text(" AND t.provider = ").value(provider.to_string());
        }
    }
}

impl Whose {
    pub(super) fn write(self, statement: &mut Statement) {
        let (user, organization) = match self {
            Self::Everybody => (None, None),
            Self::User(id) => (Some(id), None),
            Self::Organization(id) => (None, Some(id)),
            Self::Member(user, organization) => (Some(user), Some(organization)),
        };
        if let Some(id) = user {
            statement.text(" AND t.user_id = ").value(id.to_string());
        }
        if let Some(id) = organization {
            statement.text(" AND t.organization_id = ").value(id.to_string());
        }
    }
}

impl JobRow {
    pub const fn place(&self) -> JobPlace {
        JobPlace { created: self.created, key: self.key }
    }

    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            key: row.key("key")?,
            account: row.text("account")?.into(),
            provider: row.text("provider")?.into(),
            thing: Thing { kind: row.text("kind")?.into(), id: row.text("id")?.into() },
            submission: row.parsed("submission_id")?,
            payer: PayerRow::read(row)?,
            parent: row.optional_key("parent")?,
            created: row.time("created")?,
            status: row.optional_text("status")?.map(Into::into),
            ended: row.optional("ended")?.zip(row.optional_time("ended_at")?),
            target: row.optional_text("target")?.map(Into::into),
            shots: row.optional_amount("shots")?,
            qpu_us: row.optional_amount("qpu_us")?,
            micros: row.optional_amount("micros")?,
        })
    }
}

impl SubmissionRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            at: row.time("at")?,
            state: row.parsed("state")?,
            provider: row.text("provider")?.into(),
            account: row.text("account")?.into(),
            operation: row.text("operation")?.into(),
            payer: PayerRow::read(row)?,
            target: row.optional_text("target")?.map(Into::into),
            asks: Amounts {
                jobs: row.amount("asked_jobs")?,
                shots: row.amount("asked_shots")?,
                qpu_us: row.amount("asked_qpu_us")?,
                micros: row.amount("asked_micros")?,
            },
        })
    }
}

impl PayerRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            user: row.parsed("user_id")?,
            user_name: row.optional("user_name")?,
            organization: row.optional("organization_id")?,
            organization_name: row.optional("organization_name")?,
            project_name: row.optional("project_name")?,
            token_name: row.optional_text("token_name")?.map(Into::into),
            credential: row.parsed("credential_id")?,
            label: row.optional_text("label")?.map(Into::into),
        })
    }
}
