//! The operations of a preset, checked one by one and against each other.
//! Makes the routes on the way: that two operations collide is known when the second is inserted.
//! Never looks at credentials.

use super::{
    mistake::{Checked, mistake, parsed, quoted},
    operation::{Creation, Kind, Listing, Operation, Place, Readings, Reference, TimeUnit, Upgrade},
    parse::{check_head, check_span, header_name},
    raw::{RawCreation, RawListing, RawOperation, RawPair, RawReadings, RawReference, RawTime, Text},
};
use crate::provider::{
    pointer::Pointer,
    template::{Passage, Pattern, Routes},
};
use http::{HeaderName, HeaderValue};
use std::time::Duration;

/// How long the body of an answer may pause when the operation does not say.
const DEFAULT_SILENCE: Duration = Duration::from_secs(60);

pub fn check(raw: &[RawOperation]) -> Checked<(Box<[Operation]>, Routes)> {
    let mut operations: Vec<Operation> = Vec::new();
    let mut routes = Routes::default();
    for operation in raw {
        if operations.iter().any(|o| *o.name == *operation.name.value) {
            return mistake(&operation.name, format!("there are two operations {}", quoted(&operation.name.value)));
        }
        let checked = check_operation(operation)?;
        route(&mut routes, operation, &checked, &operations)?;
        operations.push(checked);
    }
    Ok((operations.into(), routes))
}

fn route(routes: &mut Routes, raw: &RawOperation, operation: &Operation, earlier: &[Operation]) -> Checked<()> {
    let passage = if operation.kind == Kind::Blocked { Passage::Blocked } else { Passage::Open };
    let Ok(index) = u16::try_from(earlier.len()) else { return mistake(&raw.name, "expected fewer operations") };
    for (nth, pattern) in (0..).zip(&operation.patterns) {
        if let Err(collision) = routes.insert(pattern, index, nth, passage) {
            let other = earlier.get(usize::from(collision.with)).map_or("", |o| &o.name);
            return mistake(&raw.on, format!("`{pattern}` is already what the operation {} is on", quoted(other)));
        }
    }
    Ok(())
}

fn check_operation(raw: &RawOperation) -> Checked<Operation> {
    let operation = Operation {
        name: word(&raw.name)?,
        kind: raw.kind.value,
        patterns: check_patterns(raw)?,
        uses: raw.uses.iter().map(check_reference).collect::<Checked<_>>()?,
        creates: raw.creates.iter().map(|c| check_creation(c, raw)).collect::<Checked<_>>()?,
        reads: check_readings(&raw.reads)?,
        lists: raw.lists.as_ref().map(check_listing).transpose()?,
        item_error: raw.item_error.as_ref().map(pointer).transpose()?,
        rewrites: raw.rewrites.iter().map(pointer).collect::<Checked<_>>()?,
        head: raw.head.as_ref().map(check_head).transpose()?,
        silence: check_silence(raw.silence.as_ref())?,
        answer_headers: raw.answer_headers.iter().map(check_answer_header).collect::<Checked<_>>()?,
        upgrade: if raw.websocket { Upgrade::WebSocket } else { Upgrade::Refused },
    };
    check_captures(raw, &operation)?;
    check_silent_kind(raw, operation)
}

fn check_patterns(raw: &RawOperation) -> Checked<Box<[Pattern]>> {
    let read =
        |text: &String| text.parse().or_else(|expected| mistake(&raw.on, format!("{expected}, not {}", quoted(text))));
    let patterns: Box<[Pattern]> = raw.on.value.0.iter().map(read).collect::<Checked<_>>()?;
    if patterns.is_empty() { mistake(&raw.on, "expected at least one method and path") } else { Ok(patterns) }
}

/// An id in the path must be captured by every template of the operation.
fn check_captures(raw: &RawOperation, operation: &Operation) -> Checked<()> {
    let used = operation.uses.iter().map(|u| &u.id).zip(raw.uses.iter().map(|u| &u.id));
    let created = operation.creates.iter().map(|c| &c.id).zip(raw.creates.iter().map(|c| &c.id));
    for (place, text) in used.chain(created) {
        let Place::Path(name) = place else { continue };
        if let Some(without) = operation.patterns.iter().find(|p| !p.captures().any(|c| *c == **name)) {
            return mistake(text, format!("expected a capture of the path, and `{without}` has no {}", quoted(name)));
        }
    }
    Ok(())
}

/// What goes nowhere, or belongs to nobody, can make and read nothing.
fn check_silent_kind(raw: &RawOperation, operation: Operation) -> Checked<Operation> {
    let silent = matches!(operation.kind, Kind::Blocked | Kind::Open | Kind::Login);
    let speaks = !operation.uses.is_empty() || !operation.creates.is_empty() || operation.lists.is_some();
    if silent && speaks {
        return mistake(
            &raw.kind,
            format!("an operation of kind `{}` cannot use, create or list things", operation.kind),
        );
    }
    Ok(operation)
}

fn check_reference(raw: &RawReference) -> Checked<Reference> {
    let id = parsed(&raw.id, str::parse)?;
    match id {
        Place::Answer(_) => {
            mistake(&raw.id, "expected a place in the request, as what is used exists before the answer")
        }
        id => Ok(Reference { kind: word(&raw.kind)?, id }),
    }
}

fn check_creation(raw: &RawCreation, operation: &RawOperation) -> Checked<Creation> {
    let kinds = || operation.uses.iter().map(|u| &u.kind.value).chain(operation.creates.iter().map(|c| &c.kind.value));
    if let Some(parent) = &raw.parent
        && (parent.value == raw.kind.value && kinds().filter(|k| **k == parent.value).count() < 2
            || !kinds().any(|k| *k == parent.value))
    {
        return mistake(
            parent,
            format!("expected a kind that this operation uses or creates, not {}", quoted(&parent.value)),
        );
    }
    Ok(Creation {
        kind: word(&raw.kind)?,
        id: parsed(&raw.id, str::parse)?,
        parent: raw.parent.as_ref().map(word).transpose()?,
    })
}

fn check_readings(raw: &RawReadings) -> Checked<Readings> {
    let place = |text: &Option<Text>| text.as_ref().map(|t| parsed(t, str::parse)).transpose();
    Ok(Readings {
        status: place(&raw.status)?,
        target: place(&raw.target)?,
        shots: place(&raw.shots)?,
        qpu_time: raw.qpu_time.as_ref().map(check_time).transpose()?,
    })
}

fn check_time(raw: &RawTime) -> Checked<(Place, TimeUnit)> {
    Ok((parsed(&raw.at, str::parse)?, raw.unit))
}

fn check_listing(raw: &RawListing) -> Checked<Listing> {
    Ok(Listing { kind: word(&raw.kind)?, items: pointer(&raw.items)?, id: pointer(&raw.id)? })
}

fn check_silence(raw: Option<&Text>) -> Checked<Option<Duration>> {
    match raw {
        None => Ok(Some(DEFAULT_SILENCE)),
        Some(text) if text.value == "unlimited" => Ok(None),
        Some(text) => check_span(text).map(Some),
    }
}

fn check_answer_header(raw: &RawPair) -> Checked<(HeaderName, HeaderValue)> {
    let value = parsed(&raw.value, |v| HeaderValue::from_str(v).map_err(|_| "expected a header's value"))?;
    Ok((parsed(&raw.name, header_name)?, value))
}

fn pointer(text: &Text) -> Checked<Pointer> {
    parsed(text, Pointer::parse)
}

/// Names of operations and kinds of things.
fn word(text: &Text) -> Checked<Box<str>> {
    let is_word =
        |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    parsed(text, |t| if is_word(t) { Ok(t.into()) } else { Err("expected a word of a-z, 0-9 and `-`") })
}
