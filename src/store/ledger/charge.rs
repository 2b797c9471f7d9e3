//! What a thing uses, for the report and for a quota: the arithmetic of one thing.
//! Owns nothing.
//! Never counts anything but jobs, and never one that is only taken by an intent.

use super::page::{ThingLine, as_signed};
use crate::job::{Amounts, Ended, Figures, JOB, quota::Measure};

/// Amounts to add, which may be less than nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Charge {
    pub jobs: i64,
    pub shots: i64,
    pub qpu_us: i64,
    pub micros: i64,
}

impl Charge {
    pub const fn add(&mut self, amounts: &Self, sign: i64) {
        self.jobs += sign * amounts.jobs;
        self.shots += sign * amounts.shots;
        self.qpu_us += sign * amounts.qpu_us;
        self.micros += sign * amounts.micros;
    }
}

pub fn counts(thing: &ThingLine) -> bool {
    thing.bound && &*thing.thing.kind == JOB
}

/// What the report says of it: what is known.
pub fn usage(thing: &ThingLine) -> Charge {
    let known = |amount: Option<u64>| as_signed(amount.unwrap_or_default());
    Charge { jobs: 1, shots: known(thing.shots), qpu_us: known(thing.qpu_us), micros: known(thing.micros) }
}

/// What a quota is charged with: what is known, else this job's share of what was held. A job that failed or was
/// cancelled before it came to a QPU costs nothing but the money that the provider asks for it.
pub fn of_quota(measure: Measure, thing: &ThingLine, share: u64) -> u64 {
    if is_void(thing) {
        return if measure == Measure::Money { thing.micros.unwrap_or_default() } else { 0 };
    }
    match measure {
        Measure::Jobs => 1,
        Measure::Shots => thing.shots.unwrap_or(share),
        Measure::QpuSeconds => thing.qpu_us.unwrap_or(share),
        Measure::Money => thing.micros.unwrap_or(share),
    }
}

fn is_void(thing: &ThingLine) -> bool {
    let came_to_nothing = matches!(thing.ended, Some((Ended::Failed | Ended::Cancelled, _)));
    came_to_nothing && thing.qpu_us.unwrap_or_default() == 0
}

/// Each job's part of what was held for all that a submission asked for.
pub fn share(held: u64, asks: &Amounts) -> u64 {
    held.checked_div(asks.jobs).unwrap_or(held)
}

/// No sum of amounts overflows: a million of the largest fit into a column. As seconds it is 115 days of QPU time.
const MOST: u64 = 10_000_000_000_000;
/// In bytes. Words of a provider's or a client's that are part of an index.
const LONGEST_WORD: usize = 200;

pub fn bounded_amounts(asks: &Amounts) -> Amounts {
    let Amounts { jobs, shots, qpu_us, micros } = *asks;
    Amounts { jobs: jobs.min(MOST), shots: shots.min(MOST), qpu_us: qpu_us.min(MOST), micros: micros.min(MOST) }
}

pub fn bounded_figures(figures: &Figures) -> Figures {
    Figures {
        status: figures.status.as_deref().map(bounded_word),
        ended: figures.ended,
        target: figures.target.as_deref().map(bounded_word),
        shots: figures.shots.map(|amount| amount.min(MOST)),
        qpu_us: figures.qpu_us.map(|amount| amount.min(MOST)),
        micros: figures.micros.map(|amount| amount.min(MOST)),
    }
}

/// PostgreSQL keeps no NUL in a text.
pub fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub fn bounded_word(text: &str) -> Box<str> {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST_WORD).last().unwrap_or_default();
    clean(&text[..end]).into()
}
