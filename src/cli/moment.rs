//! When something expires, as people write it: `90d`, `2027-01-01`, `2027-01-01T12:00:00Z`, `never`.
//! A date alone is its first moment in UTC.
//! Never judges whether that is too late or already over.

use crate::{clock::Timestamp, config::Span};
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    After(std::time::Duration),
    At(Timestamp),
    Never,
}

impl Moment {
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::After(span) => now.plus(span),
            Self::At(time) => time,
            Self::Never => Timestamp::MAX,
        }
    }
}

impl Moment {
    /// Of something that was: `7d` is so long ago.
    pub fn day(self, now: Timestamp) -> Timestamp {
        match self {
            Self::After(span) => now.minus(span),
            other => other.from(now),
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "expected a duration such as 90d or 12h, a date such as 2027-01-01, a time such as 2027-01-01T12:00:00Z, or never"
)]
pub struct NotAMoment;

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let span = text.parse().map(|Span(span)| Self::After(span));
        let time = || text.parse().ok().map(at);
        let date = || {
            text.parse::<jiff::civil::Date>()
                .ok()?
                .to_zoned(jiff::tz::TimeZone::UTC)
                .ok()
                .map(|day| at(day.timestamp()))
        };
        span.ok().or_else(time).or_else(date).ok_or(NotAMoment)
    }
}

fn at(time: jiff::Timestamp) -> Moment {
    Moment::At(Timestamp::from_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_span_a_date_a_time_or_never() {
        let now = Timestamp::from_millis(1_000);
        let moment = |text: &str| text.parse::<Moment>().map(|moment| moment.from(now).to_string());
        assert_eq!(moment("2027-01-01").as_deref(), Ok("2027-01-01T00:00:00Z"));
        assert_eq!(moment("2027-01-01T02:00:00+02:00").as_deref(), Ok("2027-01-01T00:00:00Z"));
        assert_eq!(moment("1d").as_deref(), Ok("1970-01-02T00:00:01Z"));
        assert_eq!(moment("never").as_deref(), Ok("never"));
        for bad in ["", "soon", "2027-13-01", "90", "-1d"] {
            assert_eq!(moment(bad), Err(NotAMoment), "{bad}");
        }
    }
}
