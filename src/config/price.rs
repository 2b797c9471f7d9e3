//! What jobs cost, as an operator writes it down: by target, for a job, a shot, a second of QPU time.
//! Amounts are kept in millionths, so that sums are exact.
//! Never knows a currency: whose money it is, one installation knows.

use super::written::{self, Expected, Written};
use crate::spelled::{Shape, spelled};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Prices by target. `qpu.*` is every target that begins so; the longest that fits counts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Prices(BTreeMap<Box<str>, Price>);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    #[serde(deserialize_with = "written::one")]
    pub job: Millionths,
    #[serde(deserialize_with = "written::one")]
    pub shot: Millionths,
    #[serde(deserialize_with = "written::one")]
    pub qpu_second: Millionths,
}

/// An amount of money or of seconds, written with at most six decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Millionths(pub u64);

impl Prices {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What applies to this target; to one that nobody named, `*` alone.
    pub fn of(&self, target: Option<&str>) -> Option<Price> {
        let target = target.unwrap_or_default();
        let fits = |written: &str| match written.strip_suffix('*') {
            Some(beginning) => target.starts_with(beginning),
            None => written == target,
        };
        let fitting = self.0.iter().filter(|(written, _)| fits(written));
        fitting.max_by_key(|(written, _)| (written.len(), !written.ends_with('*'))).map(|(_, price)| *price)
    }
}

impl Price {
    /// What so much costs; `qpu_us` in microseconds.
    pub const fn cost(self, jobs: u64, shots: u64, qpu_us: u64) -> u64 {
        let qpu = (self.qpu_second.0 as u128 * qpu_us as u128 / 1_000_000) as u64;
        self.job.0.saturating_mul(jobs).saturating_add(self.shot.0.saturating_mul(shots)).saturating_add(qpu)
    }
}

impl Written for Millionths {
    const EXPECTED: &'static str = "an amount such as 12 or 0.30, with at most six decimals";
}

impl FromStr for Millionths {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let expected = Expected(Self::EXPECTED);
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 10) || !digits(decimals, 6) {
            return Err(expected);
        }
        let number = format!("{whole}{decimals:0<6}").parse();
        number.map(Self).map_err(|_| expected)
    }
}

/// No digit is lost, and none written in vain.
impl fmt::Display for Millionths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            return whole.fmt(f);
        }
        f.write_str(format!("{whole}.{rest:06}").trim_end_matches('0'))
    }
}

spelled! { Millionths: Shape::Pattern("^[0-9]{1,10}([.][0-9]{1,6})?$", 17), "An amount such as 12 or 0.30, with at most six decimals" }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_it_is_read() {
        for (millionths, text) in
            [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (2_000_000, "2"), (10_010_000, "10.01")]
        {
            assert_eq!(Millionths(millionths).to_string(), text);
            assert_eq!(text.parse(), Ok(Millionths(millionths)));
        }
    }

    fn prices(text: &str) -> Prices {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn the_longest_target_that_fits_counts() {
        let prices =
            prices("{ \"*\": { job: 1 }, \"qpu.*\": { job: 2 }, qpu.aria-1: { job: 3 }, qpu.aria-*: { job: 4 } }");
        let job = |target: Option<&str>| prices.of(target).unwrap().job.0 / 1_000_000;
        assert_eq!((job(None), job(Some("simulator")), job(Some("qpu.forte"))), (1, 1, 2));
        assert_eq!((job(Some("qpu.aria-1")), job(Some("qpu.aria-2"))), (3, 4));
    }

    #[test]
    fn sums_are_exact() {
        let price = prices("{ \"*\": { job: 0.30, shot: 0.01, qpu_second: 1.6 } }").of(None).unwrap();
        assert_eq!(price.cost(1, 1000, 2_500_000), 300_000 + 10_000_000 + 4_000_000);
        assert!(serde_yaml::from_str::<Prices>("{ x: { shot: -1 } }").is_err());
        assert!(serde_yaml::from_str::<Prices>("{ x: { shots: 1 } }").is_err());
        for bad in ["", ".5", "1.", "1.1234567", "1e3", "+1", "12345678901"] {
            assert!(bad.parse::<Millionths>().is_err(), "{bad}");
        }
    }
}
