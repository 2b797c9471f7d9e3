//! Who used how much: sums over the days that `ledger` keeps.
//! Owns nothing.
//! Never counts jobs one by one.

use super::{Reading, Result, Whose, dialect::Dialect, row::Columns, statement::Statement};
use crate::{
    clock::Timestamp,
    job::{Amounts, quota::Period},
};
use sqlx::any::AnyRow;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

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
        let groups = rows.iter().map(|row| row.text("id")).collect::<Result<BTreeSet<_>>>()?;
        let names = self.names(filter.by, groups).await?;
        let mut read = Vec::with_capacity(rows.len());
        for row in &rows {
            let group = row.text("id")?;
            let name = names.get(group).map_or(group, |name| name).into();
            let row_of = UsageRow { group: group.into(), name, amounts: read_amounts(row)? };
            read.push(UsageOn { day: date(row.time("day")?, "%Y-%m-%d"), row: row_of });
        }
        read.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| order(&a.row, &b.row)));
        Ok(read)
    }

    /// What people call these groups: once each, and not on every day again. What is deleted is not among them.
    async fn names(&mut self, by: By, groups: BTreeSet<&str>) -> Result<HashMap<Box<str>, Box<str>>> {
        let (group, mut names) = (Group::of(by), HashMap::with_capacity(groups.len()));
        let Some(table) = group.table else { return Ok(names) };
        let groups: Vec<&str> = groups.into_iter().collect();
        for some in groups.chunks(AT_ONCE) {
            let statement = group.names(self.dialect, table, some);
            for row in &statement.fetch(self.connection()).await? {
                if let Some(name) = row.optional_text("name")? {
                    names.insert(row.text("id")?.into(), name.into());
                }
            }
        }
        Ok(names)
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
const SOME: &str = " HAVING SUM(t.jobs) > 0";

/// Parameters of one statement.
const AT_ONCE: usize = 500;

impl UsageFilter {
    pub(super) fn statement(&self, dialect: Dialect) -> Statement {
        let group = Group::of(self.by);
        let mut statement = Statement::new(dialect, "SELECT g.id, ");
        statement.text(group.name).text(" AS name, g.jobs, g.shots, g.qpu_us, g.micros FROM (SELECT ");
        statement.text(group.column).text(SUMS);
        self.write(&mut statement);
        statement.text(" GROUP BY ").text(group.column).text(SOME).text(") g ").text(group.joins);
        statement
    }

    pub(super) fn daily(&self, dialect: Dialect, limit: u32) -> Statement {
        let column = Group::of(self.by).column;
        let mut statement = Statement::new(dialect, "SELECT t.day, ");
        statement.text(column).text(SUMS);
        self.write(&mut statement);
        statement.text(" GROUP BY t.day, ").text(column).text(SOME).text(" LIMIT ").value(i64::from(limit));
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
    /// Of which it is one; `None`: its name is all that there is of it.
    table: Option<&'static str>,
}

impl Group {
    const fn of(by: By) -> Self {
        let (column, name, joins, table) = match by {
            By::User => ("t.user_id", "u.name", "LEFT JOIN users u ON u.id = g.id", Some("users")),
            By::Organization => {
                ("t.organization_id", "o.name", "LEFT JOIN organizations o ON o.id = g.id", Some("organizations"))
            }
            By::Project => (
                "t.project_id",
                "COALESCE(o.name, u.name) || '.' || p.name",
                "LEFT JOIN projects p ON p.id = g.id LEFT JOIN organizations o ON o.id = p.organization_id \
                 LEFT JOIN users u ON u.id = p.user_id",
                Some("projects"),
            ),
            By::Token => (
                "t.token_id",
                "u.name || '/' || k.name",
                "LEFT JOIN tokens k ON k.id = g.id LEFT JOIN users u ON u.id = k.user_id",
                Some("tokens"),
            ),
            By::Credential => {
                ("t.credential_id", "c.label", "LEFT JOIN credentials c ON c.id = g.id", Some("credentials"))
            }
            By::Provider => ("t.provider", "g.id", "", None),
            By::Target => ("t.target", "g.id", "", None),
            By::Day | By::Month => ("t.day", "''", "", None),
        };
        Self { column, name, joins, table }
    }

    fn names(&self, dialect: Dialect, table: &'static str, groups: &[&str]) -> Statement {
        let mut statement = Statement::new(dialect, "SELECT g.id, ");
        statement.text(self.name).text(" AS name FROM ").text(table).text(" g ").text(self.joins);
        statement.text(" WHERE g.id IN (");
        for (place, group) in groups.iter().enumerate() {
            statement.text(if place == 0 { "" } else { ", " }).value((*group).to_owned());
        }
        statement.text(")");
        statement
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
