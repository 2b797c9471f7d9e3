//! Who used how much of what, summed up.
//! Owns nothing.
//! Never an estimate: what providers have not said yet is not counted.

use super::{Fault, Management, Who, whose::Of};
use crate::{
    clock::Timestamp,
    config::Millionths,
    identity::Context,
    job::quota::Period,
    store::{By, UsageFilter, UsageRow, Whose},
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
    /// From the day (UTC) of this time on; without it, from the first of this month.
    pub from: Option<Timestamp>,
    /// To the last day that begins before this; without it, to today.
    pub to: Option<Timestamp>,
}

/// The most jobs first; days and months in their order. As many lines as there are groups.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub by: By,
    pub from: Timestamp,
    pub to: Timestamp,
    pub items: Vec<UsageLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageLine {
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

impl From<UsageRow> for UsageLine {
    fn from(UsageRow { group, name, amounts }: UsageRow) -> Self {
        let (qpu_seconds, cost) = (Millionths(amounts.qpu_us), Millionths(amounts.micros));
        Self { name: name.into(), id: group.into(), jobs: amounts.jobs, shots: amounts.shots, qpu_seconds, cost }
    }
}

impl Management {
    pub async fn usage(&self, who: &Who, of: &Of, wanted: UsageWanted) -> Result<Usage, Fault> {
        let UsageWanted { by, from, to } = wanted;
        let (from, to) = (from.unwrap_or_else(|| Period::Month.start(self.now())), to.unwrap_or(Timestamp::MAX));
        let (mut reading, rights) = self.look(who).await?;
        let found = of.find(&mut reading, &rights).await?;
        let organization = match found {
            Some(Whose::Organization(id) | Whose::Member(_, id)) => reading.organization(id).await?,
            _ => None,
        };
        // A sum has no parts that could be left out.
        rights.within_all_of(organization.map(|row| Context::organization(row.name)).as_ref())?;
        let items = match found {
            Some(of) => reading.usage(&UsageFilter { of, from, to, by }).await?,
            None => Vec::new(),
        };
        Ok(Usage { by, from, to, items: items.into_iter().map(Into::into).collect() })
    }
}

impl Usage {
    /// Comma-separated values (RFC 4180).
    pub fn csv(&self) -> String {
        let mut text = String::from("name,id,jobs,shots,qpu_seconds,cost\r\n");
        for UsageLine { name, id, jobs, shots, qpu_seconds, cost } in &self.items {
            // Writing to a String cannot fail.
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
