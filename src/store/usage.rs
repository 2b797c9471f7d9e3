//! Who used how much: sums over the days that `ledger` keeps.
//! Owns nothing.
//! Never counts jobs one by one.

use super::{Reading, Result, Whose, dialect::Dialect, row::Columns, statement::Statement};
use crate::{
    clock::Timestamp,
    job::{Amounts, quota::Period},
};
use sqlx::any::AnyRow;
use std::{cmp::Ordering, collections::BTreeMap};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = UsageBy)]
pub enum By {
    #[default]
    #[serde(rename = "member")]
    User,
    Organization,
    Project,
    Token,
    Credential,
    Provider,
    Target,
    Day,
    Month,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsageFilter {
    pub of: Whose,
    /// From the day that this falls in, in UTC.
    pub from: Timestamp,
    /// To the last day that begins before this.
    pub to: Timestamp,
    pub by: By,
}

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct UsageRow {
    /// The id of the group, or the text that it is a group of; empty where there is none, as for who pays for themselves.
    pub group: Box<str>,
    /// What people call it: `acme.optics`, `ada/laptop`, a credential's label; of a day or month its date.
    pub name: Box<str>,
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// What was used on one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageOn {
    /// Its date: `2026-10-26`.
    pub day: Box<str>,
    pub row: UsageRow,
}

impl Reading {
    /// As many lines as there are groups in each day, and at most `limit`; the earliest first, and of each day the most
    /// jobs.
    pub async fn usage_per_day(&mut self, filter: &UsageFilter, limit: u32) -> Result<Vec<UsageOn>> {
        let rows = filter.daily(self.dialect, limit).fetch(self.connection()).await?;
        let mut read = Vec::with_capacity(rows.len());
        for row in &rows {
            read.push(UsageOn { day: date(row.time("day")?, "%Y-%m-%d"), row: read_row(row)? });
        }
        read.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| order(&a.row, &b.row)));
        Ok(read)
    }

    /// The most jobs first; days and months in their order.
    pub async fn usage(&mut self, filter: &UsageFilter) -> Result<Vec<UsageRow>> {
        let rows = filter.statement(self.dialect).fetch(self.connection()).await?;
        match filter.by {
            By::Day => dates(&rows, "%Y-%m-%d"),
            By::Month => dates(&rows, "%Y-%m"),
            _ => names(&rows),
        }
    }
}

const SUMS: &str = " AS id, CAST(SUM(t.jobs) AS BIGINT) AS jobs, CAST(SUM(t.shots) AS BIGINT) AS shots, \
     CAST(SUM(t.qpu_us) AS BIGINT) AS qpu_us, CAST(SUM(t.micros) AS BIGINT) AS micros FROM usage t WHERE t.day >= ";

/// What was moved to a target that became known later leaves a day of nothing behind.
const SOME: &str = " HAVING SUM(t.jobs) > 0) g ";

impl UsageFilter {
    pub(super) fn statement(&self, dialect: Dialect) -> Statement {
        let group = Group::of(self.by);
        let mut statement = Statement::new(dialect, "SELECT g.id, ");
        statement.text(group.name).text(" AS name, g.jobs, g.shots, g.qpu_us, g.micros FROM (SELECT ");
        statement.text(group.column).text(SUMS);
        self.write(&mut statement);
        statement.text(" GROUP BY ").text(group.column).text(SOME).text(group.joins);
        statement
    }

    pub(super) fn daily(&self, dialect: Dialect, limit: u32) -> Statement {
        let group = Group::of(self.by);
        let mut statement = Statement::new(dialect, "SELECT g.id, g.day, ");
        statement.text(group.name).text(" AS name, g.jobs, g.shots, g.qpu_us, g.micros FROM (SELECT t.day, ");
        statement.text(group.column).text(SUMS);
        self.write(&mut statement);
        statement.text(" GROUP BY t.day, ").text(group.column).text(SOME).text(group.joins);
        statement.text(" LIMIT ").value(i64::from(limit));
        statement
    }

    fn write(&self, statement: &mut Statement) {
        statement.value(Period::Day.start(self.from).millis()).text(" AND t.day < ").value(self.to.millis());
        self.of.write(statement);
    }
}

/// How a group is made, and where its name is.
struct Group {
    column: &'static str,
    name: &'static str,
    joins: &'static str,
}

impl Group {
    const fn of(by: By) -> Self {
        let (column, name, joins) = match by {
            By::User => ("t.user_id", "u.name", "LEFT JOIN users u ON u.id = g.id"),
            By::Organization => ("t.organization_id", "o.name", "LEFT JOIN organizations o ON o.id = g.id"),
            By::Project => (
                "t.project_id",
                "COALESCE(o.name, u.name) || '.' || p.name",
                "LEFT JOIN projects p ON p.id = g.id LEFT JOIN organizations o ON o.id = p.organization_id \
                 LEFT JOIN users u ON u.id = p.user_id",
            ),
            By::Token => (
                "t.token_id",
                "u.name || '/' || k.name",
                "LEFT JOIN tokens k ON k.id = g.id LEFT JOIN users u ON u.id = k.user_id",
            ),
            By::Credential => ("t.credential_id", "c.label", "LEFT JOIN credentials c ON c.id = g.id"),
            By::Provider => ("t.provider", "g.id", ""),
            By::Target => ("t.target", "g.id", ""),
            By::Day | By::Month => ("t.day", "''", ""),
        };
        Self { column, name, joins }
    }
}

fn names(rows: &[AnyRow]) -> Result<Vec<UsageRow>> {
    let mut read: Vec<UsageRow> = rows.iter().map(read_row).collect::<Result<_>>()?;
    read.sort_by(order);
    Ok(read)
}

fn read_row(row: &AnyRow) -> Result<UsageRow> {
    let group = row.text("id")?;
    let name = row.optional_text("name")?.unwrap_or(group);
    Ok(UsageRow { group: group.into(), name: name.into(), amounts: read_amounts(row)? })
}

fn order(a: &UsageRow, b: &UsageRow) -> Ordering {
    b.amounts.jobs.cmp(&a.amounts.jobs).then_with(|| (&a.name, &a.group).cmp(&(&b.name, &b.group)))
}

/// Days become months here: two databases have two ways to say which month a time is in.
fn dates(rows: &[AnyRow], format: &str) -> Result<Vec<UsageRow>> {
    let mut sums: BTreeMap<Box<str>, Amounts> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(date(row.time("id")?, format)).or_default();
        let amounts = read_amounts(row)?;
        sum.jobs += amounts.jobs;
        sum.shots += amounts.shots;
        sum.qpu_us += amounts.qpu_us;
        sum.micros += amounts.micros;
    }
    Ok(sums.into_iter().map(|(date, amounts)| UsageRow { group: date.clone(), name: date, amounts }).collect())
}

fn date(day: Timestamp, format: &str) -> Box<str> {
    let date = jiff::Timestamp::from_millisecond(day.millis()).unwrap_or_default();
    date.strftime(format).to_string().into()
}

fn read_amounts(row: &AnyRow) -> Result<Amounts> {
    Ok(Amounts {
        jobs: row.amount("jobs")?,
        shots: row.amount("shots")?,
        qpu_us: row.amount("qpu_us")?,
        micros: row.amount("micros")?,
    })
}
