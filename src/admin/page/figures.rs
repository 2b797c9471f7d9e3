//! Numbers as people read them: thousands apart, with their unit, and short where there is little room.
//! Owns nothing.
//! Never rounds what is told as a fact; an axis says less.

use super::words::say;
use crate::config::Millionths;
use std::fmt::Write;

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    Jobs,
    Shots,
    /// Of a QPU, in microseconds.
    Seconds,
    /// In millionths of the configured currency.
    Money,
}

impl Unit {
    pub const ALL: [Self; 4] = [Self::Jobs, Self::Shots, Self::Seconds, Self::Money];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Shots => "shots",
            Self::Seconds => "qpu-seconds",
            Self::Money => "cost",
        }
    }

    pub fn name(self) -> String {
        match self {
            Self::Jobs => say!("unit-jobs"),
            Self::Shots => say!("unit-shots"),
            Self::Seconds => say!("unit-seconds"),
            Self::Money => say!("unit-money"),
        }
    }

    /// How many of what is counted are one.
    pub const fn scale(self) -> u64 {
        match self {
            Self::Jobs | Self::Shots => 1,
            Self::Seconds | Self::Money => 1_000_000,
        }
    }

    /// An amount in full: `1,234 jobs`, `0.75 s`.
    pub fn written(self, amount: u64) -> String {
        match self {
            Self::Jobs => say!("amount-jobs", count = amount),
            Self::Shots => say!("amount-shots", count = amount),
            Self::Seconds => seconds(Millionths(amount)),
            Self::Money => say!("amount-money", count = decimal(Millionths(amount))),
        }
    }

    /// The same, where its unit stands beside it.
    pub fn bare(self, amount: u64) -> String {
        if self.scale() == 1 { grouped(amount) } else { decimal(Millionths(amount)) }
    }
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1,234.5`: what stands behind the point is as it is.
pub fn decimal(amount: Millionths) -> String {
    let text = amount.to_string();
    match text.split_once('.') {
        Some((_, decimals)) => format!("{}.{decimals}", grouped(amount.0 / 1_000_000)),
        None => grouped(amount.0 / 1_000_000),
    }
}

pub fn seconds(amount: Millionths) -> String {
    say!("amount-seconds", count = decimal(amount))
}

/// What templates say: they hand everything on by reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
pub mod shown {
    use super::Millionths;

    pub fn whole(number: &u64) -> String {
        super::grouped(*number)
    }

    pub fn decimal(amount: &Millionths) -> String {
        super::decimal(*amount)
    }

    pub fn seconds(amount: &Millionths) -> String {
        super::seconds(*amount)
    }
}

/// For an axis: `1.5k`, `20M`, `0.05`.
pub fn short(amount: u64, scale: u64) -> String {
    const LETTERS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    let whole = amount / scale;
    let sizes = LETTERS.into_iter().zip(1..).map(|(letter, power)| (1000_u64.pow(power), letter));
    let Some((size, letter)) = sizes.filter(|(size, _)| whole >= *size).last() else {
        return Millionths(amount.saturating_mul(1_000_000 / scale)).to_string();
    };
    let mut text = (whole / size).to_string();
    let hundredths = whole % size / (size / 100);
    if hundredths > 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{hundredths:02}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text + letter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(decimal(Millionths(1_234_500_000)), "1,234.5");
        assert_eq!(decimal(Millionths(20_000)), "0.02");
        assert_eq!(seconds(Millionths(1_234_000_000)), "1,234 s");
        assert_eq!(Unit::Jobs.written(1), "1 job");
        assert_eq!(Unit::Shots.written(12_000), "12,000 shots");
    }

    #[test]
    fn an_axis_says_it_shortly() {
        for (amount, text) in [(0, "0"), (15, "15"), (1500, "1.5k"), (20_000_000, "20M"), (1_050_000, "1.05M")] {
            assert_eq!(short(amount, 1), text);
        }
        assert_eq!(short(50_000, 1_000_000), "0.05");
        assert_eq!(short(2_500_000_000, 1_000_000), "2.5k");
        assert_eq!(short(u64::MAX, 1), "18.44E");
    }
}
