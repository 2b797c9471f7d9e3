//! JSON, as far as an operation reads it: everything else is skipped where it stands and costs no memory.
//! Owns nothing.
//! Never descends deeper than a preset's pointers do, and never keeps one of two members of the same name.

use super::{Unreadable, list};
use crate::provider::{
    pointer::{Pointer, Step},
    preset::operation::{Operation, Place},
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use smallvec::SmallVec;
use std::{cell::Cell, fmt};

/// More values than the largest batch has places for.
const MOST_VALUES: usize = 100_000;
/// How numbers that no integer of Rust's holds come out of serde_json's parser.
const NUMBER: &str = "$serde_json::private::Number";

/// What an operation reads of a request's body.
pub fn request(bytes: &[u8], operation: &Operation) -> Result<Value, Unreadable> {
    let body = |place: &Place| if let Place::Body(pointer) = place { Some(pointer.clone()) } else { None };
    let named = operation.uses.iter().map(|u| &u.id).chain(operation.creates.iter().map(|c| &c.id));
    let mut wanted: Vec<Pointer> = named
        .chain(operation.object_places())
        .chain(&operation.repetition)
        .chain(operation.reads.places())
        .filter_map(body)
        .collect();
    wanted.extend(operation.uses.iter().filter_map(|u| u.when.as_ref()).map(|condition| condition.at.clone()));
    wanted.extend(operation.count.clone());
    wanted.extend(operation.choices.iter().map(|choice| choice.at.clone()));
    // Some servers do not mind the case of a member's name.
    read(bytes, &wanted, Names::LookAlikesAreAmbiguous)
}

/// What an operation reads of an answer's body; lists that are cut down are read as a whole instead.
pub fn answer(bytes: &[u8], operation: &Operation) -> Result<Value, Unreadable> {
    let answer = |place: &Place| if let Place::Answer(pointer) = place { Some(pointer.clone()) } else { None };
    let created: Vec<Pointer> = operation.creates.iter().filter_map(|c| answer(&c.id)).collect();
    let listed = operation.lists.as_ref().map(list::ids);
    let ids: Vec<Pointer> = created.into_iter().chain(operation.reads.of.clone()).chain(listed).collect();
    let errors = operation.item_error.iter().flat_map(|error| ids.iter().map(|id| id.split_elements().0.join(error)));
    let mut wanted: Vec<Pointer> = operation.reads.places().filter_map(answer).chain(errors).collect();
    wanted.extend(ids);
    read(bytes, &wanted, Names::Exact)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Exact,
    LookAlikesAreAmbiguous,
}

fn read(bytes: &[u8], wanted: &[Pointer], names: Names) -> Result<Value, Unreadable> {
    let limits = Limits { names, left: Cell::new(MOST_VALUES), because: Cell::new(Unreadable::NotJson) };
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let kept = Kept { steps: wanted.iter().map(Pointer::steps).collect(), limits: &limits };
    let value = kept.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    value.map_err(|_| limits.because.get())
}

struct Limits {
    names: Names,
    left: Cell<usize>,
    /// Why it failed, which serde's errors cannot carry.
    because: Cell<Unreadable>,
}

impl Limits {
    fn fail<E: Error>(&self, because: Unreadable) -> E {
        self.because.set(because);
        E::custom(because)
    }

    fn count<E: Error>(&self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.fail(Unreadable::TooLarge)),
        }
    }
}

type Steps<'s> = SmallVec<[&'s [Step]; 8]>;

/// A value of which only what these steps lead to is kept.
struct Kept<'s> {
    steps: Steps<'s>,
    limits: &'s Limits,
}

impl Kept<'_> {
    fn below(&self, matches: impl Fn(&Step) -> bool) -> Self {
        let rest = self.steps.iter().filter_map(|steps| steps.split_first()).filter(|(step, _)| matches(step));
        Self { steps: rest.map(|(_, rest)| rest).collect(), limits: self.limits }
    }

    fn member(&self, name: &str) -> Self {
        self.below(|step| matches!(step, Step::Every) || matches!(step, Step::Member(wanted) if **wanted == *name))
    }

    fn element(&self, nth: usize) -> Self {
        self.below(|step| match step {
            Step::Every | Step::Last => true,
            Step::Member(wanted) => wanted.parse() == Ok(nth),
        })
    }

    fn looks_like_one(&self, name: &str) -> bool {
        let folded =
            |text: &str| text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect::<String>();
        let firsts = self.steps.iter().filter_map(|steps| steps.first());
        self.limits.names == Names::LookAlikesAreAmbiguous
            && firsts.into_iter().any(|step| matches!(step, Step::Member(wanted) if folded(wanted) == folded(name)))
    }
}

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.limits.count()?;
        if self.steps.is_empty() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Value::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.element(items.len()))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == NUMBER {
                let number = map.next_value::<String>()?.parse().map_err(A::Error::custom)?;
                return Ok(Value::Number(number));
            }
            let below = self.member(&name);
            if members.contains_key(&name) || (below.steps.is_empty() && self.looks_like_one(&name)) {
                return Err(self.limits.fail(Unreadable::Ambiguous));
            }
            if below.steps.is_empty() {
                map.next_value::<IgnoredAny>()?;
            } else {
                members.insert(name, map.next_value_seed(below)?);
            }
        }
        Ok(Value::Object(members))
    }
}
