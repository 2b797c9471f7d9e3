//! A time to sum up: this month, the last twelve, from one day to another. Days are UTC, as in the ledger.
//! Owns nothing.
//! Never an end before its beginning.

use crate::{
    admin::page::{chart, form::Fields, words::say},
    clock::Timestamp,
    job::quota::Period,
    manage::Fault,
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub first: Date,
    /// The last day of it.
    pub last: Date,
}

/// What can be chosen, besides one's own dates.
pub const CHOICES: [&str; 5] = ["month", "last-month", "30-days", "12-months", "dates"];

/// Up to so many days there is a bar for each.
const MOST_DAYS: i32 = 62;
const MOST_YEARS: i32 = 10;

pub fn name(choice: &str) -> String {
    match choice {
        "month" => say!("when-month"),
        "last-month" => say!("when-last-month"),
        "30-days" => say!("when-30-days"),
        "12-months" => say!("when-12-months"),
        _ => say!("when-dates"),
    }
}

/// The day of this moment.
pub fn day(at: Timestamp) -> Date {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date()
}

/// The first moment of this day.
pub fn start(day: Date) -> Timestamp {
    let zoned = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_millisecond());
    zoned.map_or(Timestamp::MAX, Timestamp::from_millis)
}

/// A day as its field has it; `None` where nothing stands.
pub fn read(fields: &Fields, field: &'static str) -> Result<Option<Date>, Fault> {
    let parse = |text: &str| text.parse().map_err(|_| Fault::invalid(field, say!("when-expected")));
    fields.some(field).map(parse).transpose()
}

impl Span {
    pub fn month(now: Timestamp) -> Self {
        let today = day(now);
        Self { first: today.first_of_month(), last: today.last_of_month() }
    }

    /// What is chosen.
    pub fn of(choice: &str, fields: &Fields, now: Timestamp) -> Result<Self, Fault> {
        let today = day(now);
        let before = |span: jiff::Span| today.saturating_sub(span);
        Ok(match choice {
            "last-month" => {
                let last = today.first_of_month().saturating_sub(1.day());
                Self { first: last.first_of_month(), last }
            }
            "30-days" => Self { first: before(29.days()), last: today },
            "12-months" => Self { first: before(11.months()).first_of_month(), last: today.last_of_month() },
            "dates" => {
                let last = read(fields, "to")?.unwrap_or(today);
                let first = read(fields, "from")?.unwrap_or_else(|| last.first_of_month());
                Self { first, last }.check()?
            }
            _ => Self::month(now),
        })
    }

    fn check(self) -> Result<Self, Fault> {
        if self.last < self.first {
            return Err(Fault::invalid("to", say!("when-backwards")));
        }
        if self.last > self.first.saturating_add(MOST_YEARS.years()) {
            return Err(Fault::invalid("to", say!("when-too-long", years = MOST_YEARS.unsigned_abs())));
        }
        Ok(self)
    }

    pub fn from(self) -> Timestamp {
        start(self.first)
    }

    /// The first moment after it.
    pub fn to(self) -> Timestamp {
        start(self.last.saturating_add(1.day()))
    }

    pub fn per(self) -> Period {
        let days = self.first.until(self.last).map_or(i32::MAX, |span| span.get_days());
        if days < MOST_DAYS { Period::Day } else { Period::Month }
    }

    /// Each day or month of it, in its order: how the ledger calls it, and how people do.
    pub fn periods(self) -> Vec<(String, chart::Period)> {
        let per = self.per();
        let (step, first) = match per {
            Period::Day => (1.day(), self.first),
            Period::Month => (1.month(), self.first.first_of_month()),
        };
        let days = first.series(step).take_while(|day| *day <= self.last);
        let written = |day: Date| {
            let form = |day_form: &str, month_form: &str| {
                day.strftime(if per == Period::Day { day_form } else { month_form }).to_string()
            };
            let period = chart::Period { short: form("%-d %b", "%b %Y"), name: form("%-d %b %Y", "%B %Y") };
            (form("%Y-%m-%d", "%Y-%m"), period)
        };
        days.map(written).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23.
    const NOW: Timestamp = Timestamp::from_millis(1_795_392_000_000);

    fn span(query: &str) -> Result<(String, String, Period, usize), String> {
        let fields = Fields::parse(query.as_bytes());
        let span = Span::of(fields.one("when"), &fields, NOW).map_err(|fault| fault.to_string())?;
        Ok((span.from().to_string(), span.to().to_string(), span.per(), span.periods().len()))
    }

    #[test]
    fn a_time_is_whole_days_and_has_a_bar_for_each_or_for_each_month() {
        let at = |date: &str| format!("{date}T00:00:00Z");
        for (query, from, to, per, bars) in [
            ("", "2026-11-01", "2026-12-01", Period::Day, 30),
            ("when=last-month", "2026-10-01", "2026-11-01", Period::Day, 31),
            ("when=30-days", "2026-10-25", "2026-11-24", Period::Day, 30),
            ("when=12-months", "2025-12-01", "2026-12-01", Period::Month, 12),
            ("when=dates&from=2026-01-31&to=2026-01-31", "2026-01-31", "2026-02-01", Period::Day, 1),
            ("when=dates&from=2026-01-31&to=2026-05-01", "2026-01-31", "2026-05-02", Period::Month, 5),
            ("when=dates&to=2026-02-10", "2026-02-01", "2026-02-11", Period::Day, 10),
        ] {
            assert_eq!(span(query), Ok((at(from), at(to), per, bars)), "{query}");
        }
        for bad in ["from=2026-02-30", "from=x", "from=2026-05-01&to=2026-04-01", "from=2001-01-01&to=2026-01-01"] {
            assert!(span(&format!("when=dates&{bad}")).is_err(), "{bad}");
        }
        for edge in ["9999-12-31", "-009999-01-01", "0000-01-01"] {
            assert!(span(&format!("when=dates&from={edge}&to={edge}")).is_ok(), "{edge}");
        }
    }
}
