//! `bellhop usage`: who used how much of what, by day or over a time.
//! Owns nothing.
//! Never an estimate: what providers have not said yet is not counted.

use super::{Console, Failure, console::Form, job::whose, local::Local, moment::Moment, money::decimal};
use crate::{
    clock::Timestamp,
    identity::{Name, UserName},
    job::quota::Period,
    store::{By, UsageFilter, UsageRow},
};
use clap::{Args, ValueEnum, builder::PossibleValue};
use serde::Serialize;
use std::fmt::Write;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop usage --org acme --by member\n  \
    bellhop usage --by target --from 2026-10-01 --to 2026-11-01 --csv")]
pub struct Usage {
    /// What to sum up by
    #[arg(long, value_enum, default_value_t = By::User)]
    by: By,
    /// Only this user's
    #[arg(long)]
    user: Option<UserName>,
    /// Only what this organization pays for
    #[arg(long, value_name = "ORGANIZATION")]
    org: Option<Name>,
    /// From this day on; without it, from the first of this month (UTC)
    #[arg(long, value_name = "DATE")]
    from: Option<Moment>,
    /// Up to before this day; without it, up to now
    #[arg(long, value_name = "DATE")]
    to: Option<Moment>,
    /// Print comma-separated values (RFC 4180)
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct Line {
    name: Box<str>,
    id: Box<str>,
    jobs: u64,
    shots: u64,
    qpu_seconds: String,
    cost: String,
}

impl Usage {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let now = local.now();
        let mut reading = local.read().await?;
        let of = whose(&mut reading, self.user.as_ref(), self.org.as_ref()).await?;
        let from = self.from.map_or_else(|| Period::Month.start(now), |moment| day(moment, now));
        let to = self.to.map_or(Timestamp::MAX, |moment| day(moment, now));
        let rows = reading.usage(&UsageFilter { of, from, to, by: self.by }).await?;
        let lines: Vec<Line> = rows.into_iter().map(Into::into).collect();
        if self.csv {
            console.say(csv(&lines));
        } else {
            console.table(self.form, &["name", "jobs", "shots", "qpu_seconds", "cost"], &lines);
        }
        Ok(())
    }
}

/// `7d` is so long ago, a date is that day.
fn day(moment: Moment, now: Timestamp) -> Timestamp {
    match moment {
        Moment::After(span) => now.minus(span),
        Moment::At(time) => time,
        Moment::Never => Timestamp::MAX,
    }
}

/// What the store can sum up by, in the words of the command line.
impl ValueEnum for By {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::User,
            Self::Organization,
            Self::Project,
            Self::Token,
            Self::Credential,
            Self::Provider,
            Self::Target,
            Self::Day,
            Self::Month,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::User => PossibleValue::new("member").alias("user"),
            Self::Organization => PossibleValue::new("organization").alias("org"),
            Self::Project => PossibleValue::new("project"),
            Self::Token => PossibleValue::new("token"),
            Self::Credential => PossibleValue::new("credential"),
            Self::Provider => PossibleValue::new("provider"),
            Self::Target => PossibleValue::new("target"),
            Self::Day => PossibleValue::new("day"),
            Self::Month => PossibleValue::new("month"),
        })
    }
}

impl From<UsageRow> for Line {
    fn from(UsageRow { group, name, amounts }: UsageRow) -> Self {
        let (qpu_seconds, cost) = (decimal(amounts.qpu_us), decimal(amounts.micros));
        Self { name, id: group, jobs: amounts.jobs, shots: amounts.shots, qpu_seconds, cost }
    }
}

fn csv(lines: &[Line]) -> String {
    let mut text = String::from("name,id,jobs,shots,qpu_seconds,cost\r\n");
    for Line { name, id, jobs, shots, qpu_seconds, cost } in lines {
        // Writing to a String cannot fail.
        let _ = write!(text, "{},{},{jobs},{shots},{qpu_seconds},{cost}\r\n", quoted(name), quoted(id));
    }
    text
}

/// A spreadsheet takes a field that begins so for a formula: such a one gets an apostrophe before it.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) || !guard.is_empty() {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_fields_and_are_no_formulas() {
        assert_eq!(quoted("ada"), "ada");
        assert_eq!(quoted("qpu, \"big\""), "\"qpu, \"\"big\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
