//! Who used how much of what, summed up.
//! Owns nothing.
//! Never an estimate: what providers have not said yet is not counted.

use super::{Fault, Management, Who, whose::Of};
use crate::{
    clock::Timestamp,
    config::Millionths,
    identity::Context,
    job::{Amounts, quota::Period},
    store::{By, Reading, UsageFilter, UsageOn, UsageRow, Whose},
};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use utoipa::{IntoParams, ToSchema};

/// What to sum up.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageWanted {
    /// What to sum up by; `member` without it.
    #[serde(default)]
    #[param(inline)]
    pub by: By,
    /// Each day or month (UTC) by itself; without it, all of the time as one. Not with `by` `day` or `month`.
    #[param(inline)]
    pub per: Option<Period>,
    /// From the day (UTC) of this time on; without it, from the first of this month.
    pub from: Option<Timestamp>,
    /// To the last day that begins before this; without it, to today.
    pub to: Option<Timestamp>,
}

/// The most jobs first; days and months in their order. As many lines as there are groups; with `per`, of each day or
/// month, the earliest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub by: By,
    pub per: Option<Period>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub items: Vec<UsageLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageLine {
    /// With `per`, its day or month: `2026-10-26`, `2026-10`.
    pub period: Option<String>,
    /// What people call it: `acme.optics`, `ada/laptop`, a credential's label, a date.
    pub name: String,
    /// Its id, or what it is a group of; empty where there is none, as for who pays for themself.
    pub id: String,
    pub jobs: u64,
    pub shots: u64,
    pub qpu_seconds: Millionths,
    /// In the currency of the configured prices.
    pub cost: Millionths,
}

/// With `per` there may be a line for each day and each member: what is more than this is asked for in parts.
const MOST_LINES: u32 = 100_000;
const MOST_MONTHS: usize = 240;

impl UsageLine {
    fn new(period: Option<&str>, UsageRow { group, name, amounts }: UsageRow) -> Self {
        let Amounts { jobs, shots, qpu_us, micros } = amounts;
        let (name, id, period) = (name.into(), group.into(), period.map(Into::into));
        Self { period, name, id, jobs, shots, qpu_seconds: Millionths(qpu_us), cost: Millionths(micros) }
    }
}

impl Management {
    pub async fn usage(&self, who: &Who, of: &Of, wanted: UsageWanted) -> Result<Usage, Fault> {
        let UsageWanted { by, per, from, to } = wanted;
        if per.is_some() && matches!(by, By::Day | By::Month) {
            return Err(Fault::invalid("per", "expected something else than days or months to sum up by"));
        }
        let (from, to) = (from.unwrap_or_else(|| Period::Month.start(self.now())), to.unwrap_or(Timestamp::MAX));
        let (mut reading, rights) = self.look(who).await?;
        let found = of.find(&mut reading, &rights).await?;
        let organization = match found {
            Some(Whose::Organization(id) | Whose::Member(_, id)) => reading.organization(id).await?,
            _ => None,
        };
        // A sum has no parts that could be left out.
        rights.within_all_of(organization.map(|row| Context::organization(row.name)).as_ref())?;
        let items = match found.map(|of| UsageFilter { of, from, to, by }) {
            None => Vec::new(),
            Some(filter) => match per {
                None => reading.usage(&filter).await?.into_iter().map(|row| UsageLine::new(None, row)).collect(),
                Some(Period::Day) => per_day(&mut reading, &filter).await?,
                // What is yet to come is on no day.
                Some(Period::Month) => {
                    let to = filter.to.min(Period::Day.end(self.now()));
                    per_month(&mut reading, UsageFilter { to, ..filter }).await?
                }
            },
        };
        Ok(Usage { by, per, from, to, items })
    }
}

async fn per_day(reading: &mut Reading, filter: &UsageFilter) -> Result<Vec<UsageLine>, Fault> {
    let rows = reading.usage_per_day(filter, MOST_LINES + 1).await?;
    check(rows.len())?;
    Ok(rows.into_iter().map(|UsageOn { day, row }| UsageLine::new(Some(&day), row)).collect())
}

/// A month is a time like another: two databases have two ways to say which one a day is in.
async fn per_month(reading: &mut Reading, filter: UsageFilter) -> Result<Vec<UsageLine>, Fault> {
    let (mut lines, mut from, mut months) = (Vec::new(), filter.from, 0);
    while from < filter.to {
        months += 1;
        if months > MOST_MONTHS {
            return Err(Fault::invalid(
                "per",
                format!("expected at most {MOST_MONTHS} months: ask for a part of them"),
            ));
        }
        let to = Period::Month.end(from).min(filter.to);
        let rows = reading.usage(&UsageFilter { from, to, ..filter }).await?;
        check(lines.len() + rows.len())?;
        let name: String = Period::Month.start(from).to_string().chars().take("2026-10".len()).collect();
        lines.extend(rows.into_iter().map(|row| UsageLine::new(Some(&name), row)));
        from = to;
    }
    Ok(lines)
}

fn check(lines: usize) -> Result<(), Fault> {
    if lines <= MOST_LINES as usize {
        return Ok(());
    }
    let text = format!("expected at most {MOST_LINES} lines: ask for a shorter time, or without `per`");
    Err(Fault::invalid("per", text))
}

impl Usage {
    /// Comma-separated values (RFC 4180).
    pub fn csv(&self) -> String {
        let mut text = String::from(if self.per.is_some() { "period," } else { "" });
        text.push_str("name,id,jobs,shots,qpu_seconds,cost\r\n");
        for UsageLine { period, name, id, jobs, shots, qpu_seconds, cost } in &self.items {
            // Writing to a String cannot fail.
            if let Some(period) = period {
                let _ = write!(text, "{period},");
            }
            let _ = write!(text, "{},{},{jobs},{shots},{qpu_seconds},{cost}\r\n", quoted(name), quoted(id));
        }
        text
    }
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
