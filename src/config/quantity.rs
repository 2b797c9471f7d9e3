//! Amounts as configuration writes them: durations, sizes, rates.
//! Each parses from its one written form, and what does not parse cannot exist.
//! Their errors say what was expected and never what was found.

use super::written::{Expected, Written};
use std::{num::NonZeroU32, str::FromStr, time::Duration};

/// A length of time as it is written: `250ms`, `5m`, `1h30m`, `90d`, `0`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub Duration);

impl Written for Span {
    const EXPECTED: &'static str = "a duration such as 250ms, 30s, 5m, 1h30m or 90d";
}

impl FromStr for Span {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected(Span::EXPECTED);
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let (mut rest, mut total, mut largest) = (text, Duration::ZERO, u64::MAX);
        while !rest.is_empty() {
            let (number, after) = leading_number(rest).ok_or(EXPECTED)?;
            let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
            let millis = unit_millis(unit).filter(|millis| *millis < largest).ok_or(EXPECTED)?;
            let part = number.checked_mul(millis).map(Duration::from_millis).ok_or(EXPECTED)?;
            total = total.checked_add(part).ok_or(EXPECTED)?;
            (rest, largest) = (after, millis);
        }
        if text.is_empty() { Err(EXPECTED) } else { Ok(Self(total)) }
    }
}

const fn unit_millis(unit: &str) -> Option<u64> {
    Some(match unit.as_bytes() {
        b"ms" => 1,
        b"s" => 1_000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        _ => return None,
    })
}

/// At most 10 digits, so that nothing that is made of them overflows unseen.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.len() > 10 { None } else { digits.parse().ok().map(|number| (number, rest)) }
}

/// A number of bytes as it is written: `512`, `32KiB`, `1MiB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size(pub u64);

impl Written for Size {
    const EXPECTED: &'static str = "a size in bytes such as 8192, 32KiB or 1MiB";
}

impl FromStr for Size {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const EXPECTED: Expected = Expected(Size::EXPECTED);
        let (number, unit) = leading_number(text).ok_or(EXPECTED)?;
        match unit {
            "" => Ok(Self(number)),
            "KiB" => Ok(Self(number * 1024)),
            "MiB" => Ok(Self(number * 1024 * 1024)),
            _ => Err(EXPECTED),
        }
    }
}

/// So many in so long, and how many at once: `100/s`, `20/min`, `1000/h burst 50`.
/// Without a burst, a whole period's worth may come at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    pub count: NonZeroU32,
    pub per: Duration,
    pub burst: NonZeroU32,
}

impl Rate {
    /// The time in which one more becomes possible.
    pub const fn interval(self) -> Duration {
        Duration::from_nanos(self.per.as_nanos() as u64 / self.count.get() as u64)
    }
}

impl Written for Rate {
    const EXPECTED: &'static str = "a rate such as 100/s, 20/min or 1000/h burst 50";
}

impl FromStr for Rate {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        parse_rate(text).ok_or(Expected(Self::EXPECTED))
    }
}

fn parse_rate(text: &str) -> Option<Rate> {
    let mut words = text.split_ascii_whitespace();
    let (count, unit) = words.next()?.split_once('/')?;
    // More than this, and the interval between two would be less than the clock's nanosecond.
    let count = count.parse().ok().filter(|count: &NonZeroU32| count.get() <= 1_000_000_000)?;
    let per = Duration::from_secs(match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return None,
    });
    let burst = match (words.next(), words.next(), words.next()) {
        (None, ..) => count,
        (Some("burst"), Some(burst), None) => burst.parse().ok()?,
        _ => return None,
    };
    Some(Rate { count, per, burst })
}
