//! Figures: status, target, shots and time on the machine, each belonging to the element that it stands in.
//! Owns nothing.
//! Never fails: what cannot be read is not known.

use super::{Position, Sent, id, same_element};
use crate::{
    job::Figures,
    provider::preset::{
        Preset,
        operation::{Place, TimeUnit},
    },
};
use serde_json::Value;
use std::borrow::Cow;

/// What a store can hold.
const MOST: u64 = i64::MAX.cast_unsigned();
/// Longer than any provider's word.
const LONGEST_TEXT: usize = 200;

/// Where figures are read from.
pub struct Source<'s> {
    pub sent: &'s Sent<'s>,
    pub answer: Option<&'s Value>,
}

type Told<'s> = Vec<(Position, Cow<'s, Value>)>;

impl<'s> Source<'s> {
    /// What is told of the thing in this element.
    pub fn figures(&self, preset: &Preset, at: &[usize]) -> Figures {
        let reads = &self.sent.operation().reads;
        let status = self.text(&reads.status, at).map(|status| named(status, &reads.status_names));
        let qpu_us =
            reads.qpu_time.as_ref().and_then(|(places, unit)| self.sum(places, at, |value| microseconds(value, *unit)));
        Figures {
            ended: status.as_deref().and_then(|word| preset.ended(word)),
            status,
            target: self.text(&reads.target, at),
            shots: self.sum(&reads.shots, at, whole),
            qpu_us,
            micros: None,
        }
    }

    /// The text that the first place which has one holds; `None` if it holds several.
    pub fn text(&self, places: &[Place], at: &[usize]) -> Option<Box<str>> {
        places.iter().find_map(|place| {
            let mut texts = self.told(place, at).into_iter().filter_map(|(_, value)| text(&value));
            let first = texts.next()?;
            Some(texts.all(|other| other == first).then_some(first))
        })?
    }

    fn sum(&self, places: &[Place], at: &[usize], read: impl Fn(&Value) -> Option<u64>) -> Option<u64> {
        places.iter().find_map(|place| {
            let values = self.told(place, at).into_iter().filter_map(|(_, value)| read(&value));
            values.reduce(|sum, value| sum.saturating_add(value).min(MOST))
        })
    }

    /// The shots of a whole request: of each of its jobs, or once for all of them.
    pub fn asked_shots(&self, places: &[Place], jobs: u64) -> u64 {
        let of_place = |place: &Place| {
            let told = self.told(place, &[]).into_iter();
            let each = told
                .filter_map(|(at, value)| Some(whole(&value)?.saturating_mul(if at.is_empty() { jobs } else { 1 })));
            each.reduce(u64::saturating_add)
        };
        places.iter().find_map(of_place).unwrap_or(0).min(MOST)
    }

    fn told(&self, place: &Place, at: &[usize]) -> Told<'s> {
        let told: Told<'s> = match place {
            Place::Path(name) => here(self.sent.captured(name).ok().flatten()),
            Place::Query(key) => here(id::in_query(self.sent.query, key).ok().into_iter().flatten()),
            Place::Body(pointer) => borrowed(self.sent.body.map(|body| pointer.placed(body))),
            Place::Answer(pointer) => borrowed(self.answer.map(|answer| pointer.placed(answer))),
        };
        told.into_iter().filter(|(there, _)| same_element(there, at)).collect()
    }
}

fn here<'s>(texts: impl IntoIterator<Item = Box<str>>) -> Told<'s> {
    texts.into_iter().map(|text| (Position::new(), Cow::Owned(Value::from(&*text)))).collect()
}

fn borrowed(values: Option<Vec<(Position, &Value)>>) -> Told<'_> {
    values.into_iter().flatten().map(|(at, value)| (at, Cow::Borrowed(value))).collect()
}

/// A status that is a number has a name where the preset says so.
fn named(status: Box<str>, names: &[Box<str>]) -> Box<str> {
    status.parse().ok().and_then(|number: usize| names.get(number)).cloned().unwrap_or(status)
}

fn text(value: &Value) -> Option<Box<str>> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => number.as_str(),
        _ => return None,
    };
    let is_word = !text.is_empty() && text.len() <= LONGEST_TEXT && !text.chars().any(char::is_control);
    is_word.then(|| text.into())
}

/// A whole number, also written as `100.0` or `"100"`.
pub fn whole(value: &Value) -> Option<u64> {
    let number = decimal(value)?;
    (number.fract() == 0.0).then(|| bounded(number))
}

fn microseconds(value: &Value, unit: TimeUnit) -> Option<u64> {
    decimal(value).map(|number| bounded((number * f64::from(unit.in_microseconds())).round()))
}

fn decimal(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => number.as_str(),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// Never negative, and too much is the most.
fn bounded(number: f64) -> u64 {
    (number as u64).min(MOST)
}
