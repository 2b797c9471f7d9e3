//! Quotas: how much of what somebody may use in a day or a month.
//! Facts only: the store holds them and what was used, in the transaction that puts a submission on record.
//! Never an estimate: what is held for a submission is given back when its result is known.

use super::{Amounts, words};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, ProjectId, QuotaId, UserId},
};
use std::{fmt, str::FromStr};

/// Whom a quota binds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Subject {
    User(UserId),
    Organization(OrganizationId),
    Project(ProjectId),
    Credential(CredentialId),
}

#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    Jobs,
    Shots,
    /// QPU time.
    QpuSeconds,
    /// In the configured currency.
    Money,
}

/// In UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    Day,
    Month,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    pub id: QuotaId,
    pub subject: Subject,
    /// A member's share within one organization is a quota on the user with the organization named here.
    pub within: Option<OrganizationId>,
    /// One provider, or all.
    pub provider: Option<Box<str>>,
    pub measure: Measure,
    pub period: Period,
    /// In the smallest unit of the measure: jobs, shots, microseconds, millionths.
    pub limit: u64,
    /// Held for each job where the request does not say how much of the measure it will take.
    pub hold: u64,
    /// Who set it, for the one who is told of it.
    pub set_by: Box<str>,
}

/// Who may change a quota again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// Administrators and the command line: an organization's owners cannot lift what they set.
    Operator,
    /// An organization's owners.
    Owner,
}

/// A quota that leaves no room for a submission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exceeded {
    pub quota: Quota,
    pub used: u64,
    pub renews: Timestamp,
}

impl Measure {
    /// How much of it these are, in its smallest unit.
    pub const fn of(self, amounts: &Amounts) -> u64 {
        match self {
            Self::Jobs => amounts.jobs,
            Self::Shots => amounts.shots,
            Self::QpuSeconds => amounts.qpu_us,
            Self::Money => amounts.micros,
        }
    }

    /// Units of the smallest kind in one that people write.
    pub const fn scale(self) -> u64 {
        match self {
            Self::Jobs | Self::Shots => 1,
            Self::QpuSeconds | Self::Money => 1_000_000,
        }
    }
}

impl Quota {
    /// What is held for a submission that asks for this much.
    pub fn held(&self, asks: &Amounts) -> u64 {
        let known = self.measure.of(asks);
        if known > 0 { known } else { self.hold.saturating_mul(asks.jobs) }
    }
}

impl Period {
    /// The day or month that a moment falls in.
    pub fn start(self, at: Timestamp) -> Timestamp {
        self.bounds(at).0
    }

    /// When the next one begins.
    pub fn end(self, at: Timestamp) -> Timestamp {
        self.bounds(at).1
    }

    fn bounds(self, at: Timestamp) -> (Timestamp, Timestamp) {
        let utc = jiff::tz::TimeZone::UTC;
        let date = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_zoned(utc.clone()).date();
        let (first, span) = match self {
            Self::Day => (date, jiff::Span::new().days(1)),
            Self::Month => (date.first_of_month(), jiff::Span::new().months(1)),
        };
        let next = first.checked_add(span).unwrap_or(jiff::civil::Date::MAX);
        let midnight = |date: jiff::civil::Date| {
            date.to_zoned(utc.clone())
                .map_or(Timestamp::MAX, |zoned| Timestamp::from_millis(zoned.timestamp().as_millisecond()))
        };
        (midnight(first), midnight(next))
    }
}

words!(Measure: "measure: write `jobs`, `shots`, `qpu-seconds` or `money`" {
    Jobs = "jobs", Shots = "shots", QpuSeconds = "qpu-seconds", Money = "money"
});
words!(Period: "period: write `day` or `month`" { Day = "day", Month = "month" });

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn periods_begin_and_end_at_midnight_utc() {
        let late = at("2028-02-29T23:59:59.999Z");
        assert_eq!(
            (Period::Day.start(late), Period::Day.end(late)),
            (at("2028-02-29T00:00:00Z"), at("2028-03-01T00:00:00Z"))
        );
        assert_eq!(
            (Period::Month.start(late), Period::Month.end(late)),
            (at("2028-02-01T00:00:00Z"), at("2028-03-01T00:00:00Z"))
        );
        let midnight = at("2026-12-01T00:00:00Z");
        assert_eq!(Period::Month.start(midnight), midnight);
        assert_eq!(Period::Month.end(midnight), at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn what_a_request_does_not_say_is_held_for_each_job() {
        let mut quota = Quota {
            id: QuotaId::new(),
            subject: Subject::User(UserId::new()),
            within: None,
            provider: None,
            measure: Measure::QpuSeconds,
            period: Period::Day,
            limit: 100,
            hold: 7,
            set_by: "grace".into(),
        };
        let asks = Amounts { jobs: 3, shots: 1000, ..Amounts::default() };
        assert_eq!(quota.held(&asks), 21);
        quota.measure = Measure::Shots;
        assert_eq!(quota.held(&asks), 1000);
    }
}
