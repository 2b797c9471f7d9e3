//! Wall-clock time, handed in where it matters so that tests can move it.
//! A `Timestamp` is milliseconds since the Unix epoch, as the store keeps it.
//! Timeouts and rates use tokio's monotonic clock instead: this one may be set back.

use crate::spelled::{Shape, spelled};
use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than everything: what never expires compares below it.
    pub const MAX: Self = Self(i64::MAX);

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, as other programs count.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    #[must_use]
    pub const fn plus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(span.as_millis() as i64))
    }

    #[must_use]
    pub const fn minus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(span.as_millis() as i64))
    }

    /// Down to the minute: what "last used" is kept to.
    #[must_use]
    pub const fn minute(self) -> Self {
        Self(self.0 - self.0.rem_euclid(60_000))
    }
}

/// RFC 3339, in UTC, to the second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(time) => time.fmt(f),
            Err(_) => f.write_str("never"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a time such as 2027-01-01T12:00:00Z, or never")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        if text == "never" {
            return Ok(Self::MAX);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| NotATime)?;
        Ok(Self(time.as_millisecond()))
    }
}

spelled! { Timestamp: Shape::Or("date-time", "never"), "A time of RFC 3339 in UTC, to the second, or `never`" }

/// Where "now" comes from.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's own clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is told to move.
    pub fn stopped_at(time: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(time.millis()))))
    }

    /// Moves a stopped clock. The system's clock does not listen.
    pub fn advance(&self, span: std::time::Duration) {
        if let Some(millis) = &self.0 {
            millis.fetch_add(span.as_millis() as i64, Ordering::Relaxed);
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(match &self.0 {
            Some(millis) => millis.load(Ordering::Relaxed),
            None => jiff::Timestamp::now().as_millisecond(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp::from_millis(1_798_761_600_123).to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "never");
    }
}
