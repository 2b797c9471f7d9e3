//! The operations of a preset, checked one by one and against each other.
//! Makes the routes on the way: that two operations collide is known when the second is inserted.
//! Never looks at credentials.

use super::{
    document::{Document, Placeholder},
    known::Known,
    login,
    mistake::{Checked, mistake, parsed, quoted},
    operation::{
        BodyChoice, Condition, Creation, Format, Kind, Listing, NotAPlace, Operation, Place, Readings, Reference,
        Spelling, TimeUnit, Upgrade,
    },
    parse::{check_head, check_span, header_name},
    raw::{
        OneOrMany, RawChoice, RawCondition, RawCreation, RawListing, RawOperation, RawPair, RawReadings, RawReference,
        RawTime, Text,
    },
    storage,
};
use crate::provider::{
    pointer::Pointer,
    template::{Passage, Pattern, Routes},
};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use serde_yaml::Spanned;
use std::time::Duration;

/// How long the body of an answer may pause when the operation does not say.
const DEFAULT_SILENCE: Duration = Duration::from_secs(60);

pub fn check(raw: &[RawOperation], known: &Known<'_>) -> Checked<(Box<[Operation]>, Routes)> {
    let mut operations: Vec<Operation> = Vec::new();
    let mut routes = Routes::default();
    for operation in raw {
        if operations.iter().any(|o| *o.name == *operation.name.value) {
            return mistake(&operation.name, format!("there are two operations {}", quoted(&operation.name.value)));
        }
        let checked = check_operation(operation, known)?;
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

fn check_operation(raw: &RawOperation, known: &Known<'_>) -> Checked<Operation> {
    let operation = Operation {
        name: word(&raw.name)?,
        kind: raw.kind.value,
        patterns: check_patterns(raw)?,
        uses: raw.uses.iter().map(check_reference).collect::<Checked<_>>()?,
        creates: raw.creates.iter().map(|c| check_creation(c, raw)).collect::<Checked<_>>()?,
        reads: check_readings(&raw.reads)?,
        choices: raw.choices.iter().map(|choice| check_choice(choice, known)).collect::<Checked<_>>()?,
        repetition: raw
            .repetition
            .as_ref()
            .map(|text| check_in_request(text, "the client makes its mark"))
            .transpose()?,
        count: raw.count.as_ref().map(check_in_body).transpose()?,
        lists: raw.lists.as_ref().map(check_listing).transpose()?,
        item_error: raw.item_error.as_ref().map(pointer).transpose()?,
        rewrites: raw.rewrites.iter().map(pointer).collect::<Checked<_>>()?,
        head: raw.head.as_ref().map(check_head).transpose()?,
        silence: check_silence(raw.silence.as_ref())?,
        answer_headers: raw.answer_headers.iter().map(check_answer_header).collect::<Checked<_>>()?,
        upgrade: if raw.websocket { Upgrade::WebSocket } else { Upgrade::Refused },
        objects: raw.objects.iter().map(|object| storage::check(object, check_in_request)).collect::<Checked<_>>()?,
        query: raw.query.as_ref().map(|keys| keys.iter().map(|key| key.value.as_str().into()).collect()),
        form: raw.form.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect(),
        format: if raw.grpc { Format::Grpc } else { Format::Json },
        login: login::check(raw, known)?,
        sends: raw.sends.as_ref().map(|document| check_sends(document, raw.kind.value)).transpose()?,
    };
    check_captures(raw, &operation)?;
    check_format(raw, &operation)?;
    check_silent_kind(raw, operation)
}

fn check_patterns(raw: &RawOperation) -> Checked<Box<[Pattern]>> {
    let read =
        |text: &String| text.parse().or_else(|expected| mistake(&raw.on, format!("{expected}, not {}", quoted(text))));
    let patterns: Box<[Pattern]> = raw.on.value.0.iter().map(read).collect::<Checked<_>>()?;
    if patterns.is_empty() { mistake(&raw.on, "expected at least one method and path") } else { Ok(patterns) }
}

/// What is read out of the path must be captured by every template of the operation.
fn check_captures(raw: &RawOperation, operation: &Operation) -> Checked<()> {
    let used = operation.uses.iter().map(|u| &u.id).zip(raw.uses.iter().map(|u| &u.id));
    let created = operation.creates.iter().map(|c| &c.id).zip(raw.creates.iter().map(|c| &c.id));
    let repetition = operation.repetition.iter().zip(&raw.repetition);
    for (place, text) in used.chain(created).chain(repetition) {
        let Place::Path(name) = place else { continue };
        if let Some(without) = operation.patterns.iter().find(|p| !p.captures().any(|c| *c == **name)) {
            return mistake(text, format!("expected a capture of the path, and `{without}` has no {}", quoted(name)));
        }
    }
    Ok(())
}

/// Of a message of gRPC, ids and figures are read by the numbers of their fields, and nothing is written into it.
fn check_format(raw: &RawOperation, operation: &Operation) -> Checked<()> {
    if operation.format == Format::Json {
        return Ok(());
    }
    let changes = !operation.rewrites.is_empty() || operation.lists.is_some() || operation.item_error.is_some();
    if changes || operation.sends.is_some() || operation.upgrade == Upgrade::WebSocket {
        return mistake(
            &raw.name,
            "an operation with `grpc: true` cannot have `rewrites`, `lists`, `item_error`, `sends` or `websocket`",
        );
    }
    match operation.pointers().find(|pointer| !pointer.is_of_fields()) {
        None => Ok(()),
        Some(other) => mistake(&raw.name, format!("expected numbers of fields such as `/1/*`, not `{other}`")),
    }
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
    let id = check_in_request(&raw.id, "what is used exists")?;
    let spelling = if raw.segments { Spelling::AnySegment } else { Spelling::Whole };
    Ok(Reference { kind: word(&raw.kind)?, id, when: raw.when.as_ref().map(check_condition).transpose()?, spelling })
}

fn check_in_request(text: &Text, why: &str) -> Checked<Place> {
    match parsed(text, str::parse)? {
        Place::Answer(_) => mistake(text, format!("expected a place in the request, as {why} before the answer")),
        place => Ok(place),
    }
}

fn check_in_body(text: &Text) -> Checked<Pointer> {
    match parsed(text, str::parse)? {
        Place::Body(pointer) => Ok(pointer),
        _ => mistake(text, format!("expected a place in the request's body, not {}", quoted(&text.value))),
    }
}

fn check_choice(raw: &RawChoice, known: &Known<'_>) -> Checked<BodyChoice> {
    Ok(BodyChoice { at: check_in_body(&raw.at)?, field: known.plain(&raw.field)? })
}

fn check_condition(raw: &RawCondition) -> Checked<Condition> {
    Ok(Condition { at: check_in_body(&raw.at)?, is: raw.is.as_str().into() })
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
        after: raw.after.as_ref().map(|text| text.value.as_str().into()),
        parent: raw.parent.as_ref().map(word).transpose()?,
    })
}

fn check_readings(raw: &RawReadings) -> Checked<Readings> {
    let of = raw.of.as_ref().map(|text| match parsed(text, str::parse)? {
        Place::Answer(pointer) => Ok(pointer),
        _ => mistake(text, format!("expected a place in the answer, not {}", quoted(&text.value))),
    });
    Ok(Readings {
        of: of.transpose()?,
        status: check_places(raw.status.as_ref())?,
        status_names: raw.status_names.iter().map(|name| name.as_str().into()).collect(),
        target: check_places(raw.target.as_ref())?,
        shots: check_places(raw.shots.as_ref())?,
        qpu_time: raw.qpu_time.as_ref().map(check_time).transpose()?,
    })
}

fn check_places(raw: Option<&Spanned<OneOrMany>>) -> Checked<Box<[Place]>> {
    let Some(raw) = raw else { return Ok(Box::default()) };
    let place = |text: &String| text.parse().or_else(|e: NotAPlace| mistake(raw, format!("{e}, not {}", quoted(text))));
    raw.value.0.iter().map(place).collect()
}

fn check_time(raw: &RawTime) -> Checked<(Box<[Place]>, TimeUnit)> {
    Ok((check_places(Some(&raw.at))?, raw.unit))
}

fn check_listing(raw: &RawListing) -> Checked<Listing> {
    let total = raw.total.as_ref().map(pointer).transpose()?;
    let offset = raw.offset.as_ref().map(check_key).transpose()?;
    match (&total, &raw.offset) {
        (None, Some(text)) => mistake(text, "`offset` without a `total` that begins there"),
        _ => Ok(Listing { kind: word(&raw.kind)?, items: pointer(&raw.items)?, id: pointer(&raw.id)?, total, offset }),
    }
}

fn check_key(text: &Text) -> Checked<Box<str>> {
    parsed(text, |t| if t.is_empty() { Err("expected a key of the query") } else { Ok(t.into()) })
}

fn check_sends(raw: &Spanned<Value>, kind: Kind) -> Checked<Document> {
    match (&raw.value, kind) {
        (Value::Object(_), Kind::Cancel) => Document::check(raw, |placeholder| placeholder == Placeholder::Uuid),
        (_, Kind::Cancel) => mistake(raw, "expected a document"),
        _ => mistake(raw, "expected the kind `cancel`: only of these does Bellhop send one with a body"),
    }
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
