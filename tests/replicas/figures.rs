//! What a story measured, told in one line each.
//! Owns nothing.
//! Never rounds in a story's favour.

use crate::load::Outcome;
use std::{collections::BTreeMap, time::Duration};

/// The value below which so many of a hundred lie.
pub fn percentile(values: &[Duration], of_a_hundred: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * of_a_hundred / 100.0).ceil() as usize;
    sorted.get(place.max(1) - 1).copied().unwrap_or_default()
}

/// How many outcomes there were of each kind and status.
pub fn tally<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for outcome in outcomes {
        let why = if outcome.why.is_empty() { String::new() } else { format!(" {}", outcome.why) };
        *tally.entry(format!("{:?} {}{why}", outcome.kind, outcome.status)).or_default() += 1;
    }
    tally
}

pub fn say(what: &str) {
    println!("figure: {what}");
}
