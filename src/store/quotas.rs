//! Quotas as rows, and how much of each is used.
//! Owns the table `quotas`; what is used is moved by `ledger`, in the transactions that use it.
//! Never judges whether something fits.

use super::{
    Change, Reading, Result, Tx,
    dialect::Dialect,
    row::{Columns, corrupt},
    statement::Statement,
};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, QuotaId, UserId},
    job::quota::{Authority, Measure, Period, Quota, Subject},
};
use sqlx::any::AnyRow;

/// Whose quotas to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuotasOf {
    Everybody,
    Subject(Subject),
    /// The organization's, its members' shares in it, its projects' and its credentials'.
    Organization(OrganizationId),
    /// Whatever may leave this user no room.
    Binding(UserId),
}

/// A quota, and how it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaRow {
    pub quota: Quota,
    pub used: u64,
    pub renews: Timestamp,
    pub created: Timestamp,
    pub authority: Authority,
}

impl Reading {
    /// How they stand now; oldest first.
    pub async fn quotas(&mut self, of: QuotasOf, now: Timestamp) -> Result<Vec<QuotaRow>> {
        self.quotas_page(of, now, None, u32::MAX).await
    }

    /// At most `limit` of them that are younger than that one.
    pub async fn quotas_page(
        &mut self,
        of: QuotasOf,
        now: Timestamp,
        after: Option<QuotaId>,
        limit: u32,
    ) -> Result<Vec<QuotaRow>> {
        let mut statement = standing_at(self.dialect, now);
        statement.text(" WHERE q.id > ").value(after.unwrap_or(QuotaId::FIRST).to_string());
        of.write(&mut statement);
        statement.text(" ORDER BY q.id LIMIT ").value(i64::from(limit));
        statement.fetch(self.connection()).await?.iter().map(|row| read_use(row, now)).collect()
    }

    /// Those of which at least four fifths are used or held; oldest first.
    pub async fn quotas_near(&mut self, now: Timestamp) -> Result<Vec<QuotaRow>> {
        let mut statement = standing_at(self.dialect, now);
        // Not `5 * used >= 4 * amount`: an amount may be the largest number there is.
        statement.text(" WHERE q.amount > 0 AND n.used >= q.amount - q.amount / 5 ORDER BY q.id");
        statement.fetch(self.connection()).await?.iter().map(|row| read_use(row, now)).collect()
    }

    /// This one, if it is one of those.
    pub async fn quota(&mut self, id: QuotaId, of: QuotasOf, now: Timestamp) -> Result<Option<QuotaRow>> {
        let mut statement = standing_at(self.dialect, now);
        statement.text(" WHERE q.id = ").value(id.to_string());
        of.write(&mut statement);
        statement.fetch(self.connection()).await?.first().map(|row| read_use(row, now)).transpose()
    }
}

fn standing_at(dialect: Dialect, now: Timestamp) -> Statement {
    let mut statement = Statement::new(
        dialect,
        "SELECT q.id, q.subject_kind, q.subject_id, q.within_id, q.provider, q.measure, q.period, q.amount, q.hold, \
                q.set_by, q.created, q.operator, COALESCE(n.used, 0) AS used \
           FROM quotas q LEFT JOIN quota_use n ON n.quota_id = q.id AND n.period_start = CASE q.period WHEN 'day' THEN ",
    );
    statement.value(Period::Day.start(now).millis()).text(" ELSE ").value(Period::Month.start(now).millis());
    statement.text(" END");
    statement
}

impl QuotasOf {
    fn write(self, statement: &mut Statement) {
        match self {
            Self::Everybody => {}
            Self::Subject(subject) => {
                statement.text(" AND q.subject_id = ").value(words(subject).1);
            }
            Self::Organization(id) => {
                let id = id.to_string();
                statement.text(" AND (q.subject_id = ").value(id.clone());
                statement.text(" OR (q.within_id <> '' AND q.within_id = ").value(id.clone());
                statement
                    .text(") OR q.subject_id IN (SELECT p.id FROM projects p WHERE p.organization_id = ")
                    .value(id.clone());
                statement
                    .text(") OR q.subject_id IN (SELECT c.id FROM credentials c WHERE c.organization_id = ")
                    .value(id.clone());
                statement.text(
                    ") OR q.subject_id IN (SELECT c.id FROM projects p JOIN credentials c ON c.project_id = p.id \
                      WHERE p.organization_id = ",
                );
                statement.value(id).text("))");
            }
            Self::Binding(user) => {
                const MINE: [&str; 7] = [
                    " AND (q.subject_id = ",
                    " OR q.subject_id IN (SELECT m.organization_id FROM memberships m WHERE m.user_id = ",
                    ") OR q.subject_id IN (SELECT m.project_id FROM project_members m WHERE m.user_id = ",
                    ") OR q.subject_id IN (SELECT p.id FROM projects p WHERE p.user_id = ",
                    ") OR q.subject_id IN (SELECT c.id FROM credentials c WHERE c.user_id = ",
                    ") OR q.subject_id IN (SELECT c.id FROM memberships m JOIN credentials c \
                       ON c.organization_id = m.organization_id WHERE m.user_id = ",
                    ") OR q.subject_id IN (SELECT c.id FROM project_members m JOIN credentials c \
                       ON c.project_id = m.project_id WHERE m.user_id = ",
                ];
                for part in MINE {
                    statement.text(part).value(user.to_string());
                }
                statement.text("))");
            }
        }
    }
}

impl Tx {
    /// In the place of the one for the same subject, provider, measure and period, with what is used of that.
    /// A new one begins with what the report says was used in this period.
    pub async fn set_quota(&mut self, quota: &Quota, authority: Authority) -> Result<QuotaId> {
        let (kind, subject) = words(quota.subject);
        let row = sqlx::query(
            "INSERT INTO quotas (id, subject_kind, subject_id, within_id, provider, measure, period, amount, hold, set_by, created, operator) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (subject_id, within_id, provider, measure, period) \
             DO UPDATE SET amount = excluded.amount, hold = excluded.hold, set_by = excluded.set_by, \
                           operator = excluded.operator RETURNING id",
        )
        .bind(quota.id.to_string())
        .bind(kind)
        .bind(subject)
        .bind(quota.within.map(|id| id.to_string()).unwrap_or_default())
        .bind(quota.provider.as_deref().unwrap_or_default().to_owned())
        .bind(quota.measure.as_str())
        .bind(quota.period.as_str())
        .bind(i64::try_from(quota.limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(quota.hold).unwrap_or(i64::MAX))
        .bind(quota.set_by.to_string())
        .bind(self.now.millis())
        .bind(i64::from(authority == Authority::Operator))
        .fetch_one(self.writing())
        .await?;
        let id = row.parsed("id")?;
        if id == quota.id {
            self.begin_use(quota).await?;
        }
        self.announce_subject(quota.subject).await?;
        Ok(id)
    }

    /// Whether there was one.
    pub async fn remove_quota(&mut self, id: QuotaId) -> Result<Option<Quota>> {
        let rows =
            sqlx::query(select_quotas!("q.id = $1")).bind(id.to_string()).fetch_optional(self.connection()).await?;
        let Some(quota) = rows.as_ref().map(read_quota).transpose()? else { return Ok(None) };
        for sql in ["DELETE FROM quotas WHERE id = $1", "DELETE FROM quota_use WHERE quota_id = $1"] {
            sqlx::query(sql).bind(id.to_string()).execute(self.writing()).await?;
        }
        self.announce_subject(quota.subject).await?;
        Ok(Some(quota))
    }

    async fn begin_use(&mut self, quota: &Quota) -> Result<()> {
        let start = quota.period.start(self.now);
        let mut statement =
            Statement::new(self.dialect(), "INSERT INTO quota_use (quota_id, period_start, used) SELECT ");
        statement.value(quota.id.to_string()).text(", ").value(start.millis());
        statement.text(", CAST(COALESCE(SUM(").text(column(quota.measure));
        statement.text("), 0) AS BIGINT) FROM usage WHERE day >= ").value(start.millis());
        let (_, subject) = words(quota.subject);
        statement.text(" AND ").text(subject_column(quota.subject)).text(" = ").value(subject);
        if let Some(within) = quota.within {
            statement.text(" AND organization_id = ").value(within.to_string());
        }
        if let Some(provider) = &quota.provider {
            statement.text(" AND provider = ").value(provider.to_string());
        }
        statement.execute(self.writing()).await.map(drop)
    }

    async fn announce_subject(&mut self, subject: Subject) -> Result<()> {
        match subject {
            Subject::User(id) => self.announce(Change::User(id)),
            Subject::Organization(id) => self.announce(Change::Organization(id)),
            Subject::Project(id) => {
                let of = self.owner_of_project(id).await?;
                self.announce(of.change());
            }
            Subject::Credential(id) => self.announce_credential(id).await?,
        }
        Ok(())
    }
}

pub(super) fn read_quota(row: &AnyRow) -> Result<Quota> {
    let subject = row.text("subject_id")?;
    let subject = match row.text("subject_kind")? {
        "user" => subject.parse().map(Subject::User),
        "organization" => subject.parse().map(Subject::Organization),
        "project" => subject.parse().map(Subject::Project),
        "credential" => subject.parse().map(Subject::Credential),
        _ => return Err(corrupt("subject_kind")),
    };
    Ok(Quota {
        id: row.parsed("id")?,
        subject: subject.map_err(|_| corrupt("subject_id"))?,
        within: Some(row.text("within_id")?)
            .filter(|id| !id.is_empty())
            .map(|_| row.parsed("within_id"))
            .transpose()?,
        provider: Some(row.text("provider")?).filter(|name| !name.is_empty()).map(Into::into),
        measure: row.parsed("measure")?,
        period: row.parsed("period")?,
        limit: row.amount("amount")?,
        hold: row.amount("hold")?,
        set_by: row.text("set_by")?.into(),
    })
}

fn read_use(row: &AnyRow, now: Timestamp) -> Result<QuotaRow> {
    let quota = read_quota(row)?;
    let used = u64::try_from(row.number("used")?).unwrap_or_default();
    let authority = if row.truth("operator")? { Authority::Operator } else { Authority::Owner };
    Ok(QuotaRow { used, renews: quota.period.end(now), quota, created: row.time("created")?, authority })
}

fn words(subject: Subject) -> (&'static str, String) {
    match subject {
        Subject::User(id) => ("user", id.to_string()),
        Subject::Organization(id) => ("organization", id.to_string()),
        Subject::Project(id) => ("project", id.to_string()),
        Subject::Credential(id) => ("credential", id.to_string()),
    }
}

const fn subject_column(subject: Subject) -> &'static str {
    match subject {
        Subject::User(_) => "user_id",
        Subject::Organization(_) => "organization_id",
        Subject::Project(_) => "project_id",
        Subject::Credential(_) => "credential_id",
    }
}

const fn column(measure: Measure) -> &'static str {
    match measure {
        Measure::Jobs => "jobs",
        Measure::Shots => "shots",
        Measure::QpuSeconds => "qpu_us",
        Measure::Money => "micros",
    }
}
