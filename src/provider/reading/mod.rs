//! Reading requests and answers as an operation says: which things are named, which come into being, what is told of
//! them. Owns nothing: the bytes are the exchange's, the record is the store's.
//! Never guesses: what can be read in two ways, or not at all, is told and not read.

mod figures;
mod id;
mod inflate;
mod json;
mod list;
mod made;
mod message;
mod objects;

pub use inflate::inflate;
pub use list::{end, filter};
pub use made::{Created, made, made_by_client};
pub use objects::{form_says, objects, query_keys};

use super::{
    fields::items,
    pointer::Pointer,
    preset::{
        Preset,
        operation::{Condition, Creation, Format, Kind, Match, Operation, Place, Reference, Spelling},
    },
};
use crate::job::{Amounts, Figures, JOB, Thing};
use bytes::Bytes;
use figures::Source;
use id::read_value;
use serde_json::Value;
use smallvec::SmallVec;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", self.because())]
pub enum Unreadable {
    NotJson,
    /// Not one whole message, or not what Protocol Buffers are written in.
    NotAMessage,
    TooLarge,
    /// Compressed in a way that nobody asked for.
    Encoding,
    /// What says that it is compressed is not, or is cut short.
    Compression,
    /// A place of an id holds something else: an object, a fraction, an empty or endless text, control characters.
    NotAnId,
    /// Two servers could read two things: an id that is escaped twice, a member that is there twice.
    Ambiguous,
    /// Nothing where an id must be.
    NoId,
    /// A list's answer without a list in it.
    NoList,
}

impl Unreadable {
    /// To be told after "the request" or "the answer".
    pub const fn because(self) -> &'static str {
        match self {
            Self::NotJson => "it is not JSON",
            Self::NotAMessage => "it is not one message of gRPC",
            Self::TooLarge => "it is too large to be read",
            Self::Encoding => "it is compressed in a way that Bellhop did not ask for and cannot read",
            Self::Compression => "its compression is broken",
            Self::NotAnId => "there is something else where an id belongs",
            Self::Ambiguous => "it can be read in more than one way",
            Self::NoId => "there is no id where one belongs",
            Self::NoList => "there is no list where one belongs",
        }
    }
}

/// A request, as far as it is read. Its path and query are raw; its body is what [`request()`] made of it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'r> {
    pub found: &'r Match<'r>,
    pub path: &'r str,
    pub query: Option<&'r str>,
    pub body: Option<&'r Value>,
}

impl<'r> Sent<'r> {
    /// Of a target as it stands in a request: a path and, after a question mark, a query.
    pub fn new(found: &'r Match<'r>, target: &'r str, body: Option<&'r Value>) -> Self {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Self { found, path, query, body }
    }

    const fn operation(&self) -> &'r Operation {
        self.found.operation
    }
}

/// The header that says how a body is compressed: of gRPC, each message is by itself.
pub const fn encoding_header(operation: &Operation) -> &'static str {
    match operation.format {
        Format::Json => "content-encoding",
        Format::Grpc => "grpc-encoding",
    }
}

/// What an operation reads of a request's body, which is compressed as this encoding says. Of the plain body, at most
/// `most` bytes are wanted.
pub fn request(bytes: Bytes, encoding: Option<&[u8]>, operation: &Operation, most: usize) -> Result<Value, Unreadable> {
    match operation.format {
        Format::Json => inflate(bytes, encoding, most).and_then(|plain| json::request(&plain, operation)),
        Format::Grpc => message::only(&bytes, encoding, most).and_then(|plain| message::request(&plain, operation)),
    }
}

/// What an operation reads of an answer's body.
pub fn answer(bytes: &[u8], operation: &Operation) -> Result<Value, Unreadable> {
    match operation.format {
        Format::Json => json::answer(bytes, operation),
        // Nothing else than gzip was accepted by whoever asked.
        Format::Grpc => {
            message::only(bytes, Some(b"gzip"), MOST_OF_AN_ANSWER).and_then(|plain| message::answer(&plain, operation))
        }
    }
}

/// An answer may become this large when it is decompressed.
const MOST_OF_AN_ANSWER: usize = 32 * 1024 * 1024;

/// What a request's body is read for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BodyNeed {
    Nothing,
    /// Figures only: a body that cannot be read costs the ledger a figure.
    Ledger,
    /// Ids or the mark of a repetition: they decide whether the request may pass.
    Gate,
}

pub fn needs_body(operation: &Operation) -> BodyNeed {
    let is_body = |place: &Place| matches!(place, Place::Body(_));
    let named = operation.uses.iter().map(|u| &u.id).chain(operation.creates.iter().map(|c| &c.id));
    let mut named = named.chain(operation.object_places()).chain(&operation.repetition);
    if !operation.choices.is_empty() || named.any(is_body) {
        BodyNeed::Gate
    } else if operation.count.is_some() || operation.reads.places().any(is_body) {
        BodyNeed::Ledger
    } else {
        BodyNeed::Nothing
    }
}

/// What an answer is read for, besides URLs and the cutting down of lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AnswerNeed {
    Nothing,
    /// Figures only: it may pass while it is read.
    Ledger,
    /// Ids of what it made: it waits until they are on record.
    Ids,
}

pub fn needs_answer(operation: &Operation) -> AnswerNeed {
    let is_answer = |place: &Place| matches!(place, Place::Answer(_));
    if operation.creates.iter().any(|c| is_answer(&c.id)) {
        AnswerNeed::Ids
    } else if operation.reads.places().any(is_answer) {
        AnswerNeed::Ledger
    } else {
        AnswerNeed::Nothing
    }
}

/// Of a path with more segments than anybody needs, the others are looked for in vain.
const MOST_SEGMENTS: usize = 16;

/// The things on record that a request names, each once. A request whose operation is about things made before must
/// name one, unless it may also list them: what an empty enumeration means is the provider's secret.
pub fn used(sent: &Sent<'_>) -> Result<Vec<Thing>, Unreadable> {
    let mut things = Vec::new();
    for reference in &sent.operation().uses {
        for id in ids_of(sent, reference)? {
            push_new(&mut things, Thing { kind: reference.kind.clone(), id });
        }
    }
    let operation = sent.operation();
    let must_name = matches!(operation.kind, Kind::Poll | Kind::Result | Kind::Cancel) && operation.lists.is_none();
    if things.is_empty() && must_name && !operation.uses.is_empty() { Err(Unreadable::NoId) } else { Ok(things) }
}

fn ids_of(sent: &Sent<'_>, reference: &Reference) -> Result<Vec<Box<str>>, Unreadable> {
    match (&reference.id, &reference.when) {
        (Place::Path(name), _) if reference.spelling == Spelling::AnySegment => {
            let raw = sent.found.capture(name).and_then(|span| sent.path.get(span)).unwrap_or_default();
            let segments = raw.split('/').filter(|segment| !segment.is_empty()).take(MOST_SEGMENTS);
            // What cannot be read as an id is on no record.
            Ok(segments.filter_map(|segment| id::decoded_once(segment.as_bytes()).ok()).collect())
        }
        (Place::Path(name), _) => sent.captured(name).map(|id| id.into_iter().collect()),
        (Place::Query(key), _) if reference.spelling == Spelling::AnySegment => {
            let texts = id::texts_in_query(sent.query, key)?;
            let segments = texts.iter().flat_map(|text| text.split('/')).filter(|segment| !segment.is_empty());
            Ok(segments.take(MOST_SEGMENTS).map(Into::into).collect())
        }
        (Place::Query(key), _) => id::in_query(sent.query, key),
        // Members of an object count here, too: naming more than the provider reads is safe.
        (Place::Body(pointer), None) => {
            let values = sent.body.map(|body| pointer.values(body)).unwrap_or_default();
            values.into_iter().filter_map(|value| read_value(value).transpose()).collect()
        }
        (Place::Body(pointer), Some(condition)) => {
            let holds = condition_holds(condition, sent.body);
            let values = sent.body.map(|body| pointer.placed(body)).unwrap_or_default();
            let values = values.into_iter().filter(|(at, _)| holds.iter().any(|there| same_element(there, at)));
            values.filter_map(|(_, value)| read_value(value).transpose()).collect()
        }
        (Place::Answer(_), _) => Ok(Vec::new()),
    }
}

fn condition_holds(condition: &Condition, body: Option<&Value>) -> Vec<Position> {
    let texts = body.map(|body| condition.at.placed(body)).unwrap_or_default();
    texts.into_iter().filter(|(_, text)| text.as_str() == Some(&*condition.is)).map(|(at, _)| at).collect()
}

impl Sent<'_> {
    /// The id that a capture of the path holds.
    fn captured(&self, name: &str) -> Result<Option<Box<str>>, Unreadable> {
        let raw = self.found.capture(name).and_then(|span| self.path.get(span));
        raw.map(|raw| id::decoded(raw.as_bytes())).transpose()
    }
}

/// Whether the request chooses nothing that this credential does not allow; `plain` says what its fields allow.
pub fn is_choice_allowed<'f>(sent: &Sent<'_>, plain: impl Fn(&str) -> Option<&'f str>) -> bool {
    sent.operation().choices.iter().all(|choice| {
        let Some(allowed) = plain(&choice.field) else { return true };
        let chosen = sent.body.map(|body| choice.at.values(body)).unwrap_or_default();
        chosen.iter().all(|value| value.as_str().is_some_and(|text| items(allowed).any(|item| item == text)))
    })
}

/// Whether the operation's body says what the credential may not allow.
pub fn restricts<'f>(operation: &Operation, plain: impl Fn(&str) -> Option<&'f str>) -> bool {
    operation.choices.iter().any(|choice| plain(&choice.field).is_some())
}

/// The client's own mark, by which a repetition of the request is known.
pub fn repetition(sent: &Sent<'_>) -> Result<Option<Box<str>>, Unreadable> {
    let Some(place) = &sent.operation().repetition else { return Ok(None) };
    match place {
        Place::Path(name) => sent.captured(name),
        Place::Query(key) => match id::in_query(sent.query, key)?.as_slice() {
            [] => Ok(None),
            [mark] => Ok(Some(mark.clone())),
            _ => Err(Unreadable::Ambiguous),
        },
        Place::Body(pointer) => {
            let values = sent.body.map(|body| pointer.values(body)).unwrap_or_default();
            values.first().map_or(Ok(None), |value| read_value(value))
        }
        Place::Answer(_) => Ok(None),
    }
}

/// What a request asks for, before anything has answered it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asks {
    pub amounts: Amounts,
    pub target: Option<Box<str>>,
}

pub fn asks(sent: &Sent<'_>) -> Asks {
    let operation = sent.operation();
    if !operation.creates.iter().any(|c| *c.kind == *JOB && !c.is_child()) {
        return Asks::default();
    }
    let jobs = operation.count.as_ref().and_then(|at| count(at, sent.body?)).unwrap_or(1);
    let source = Source { sent, answer: None };
    let shots = source.asked_shots(&operation.reads.shots, jobs);
    Asks { amounts: Amounts { jobs, shots, ..Amounts::default() }, target: source.text(&operation.reads.target, &[]) }
}

/// As many as there are elements; without elements, the number that stands there.
fn count(at: &Pointer, body: &Value) -> Option<u64> {
    match at.placed(body).as_slice() {
        [] => None,
        [(position, value)] if position.is_empty() => figures::whole(value),
        elements => u64::try_from(elements.len()).ok(),
    }
}

/// What an answer says of things that were there before, each with its own figures. What has just been made is in
/// [`made()`].
pub fn observed(sent: &Sent<'_>, preset: &Preset, used: &[Thing], answer: &Value) -> Vec<(Thing, Figures)> {
    let operation = sent.operation();
    if operation.creates.iter().any(|c| !c.is_child()) {
        return Vec::new();
    }
    let source = Source { sent, answer: Some(answer) };
    let subjects = subjects(operation, used, answer).into_iter();
    let told = subjects.map(|(at, thing)| (thing, source.figures(preset, &at)));
    told.filter(|(_, figures)| *figures != Figures::default()).collect()
}

/// Whom an answer's figures are of, and in which element they stand.
fn subjects(operation: &Operation, used: &[Thing], answer: &Value) -> Vec<(Position, Thing)> {
    let of_list = operation.lists.as_ref().map(|list| &list.kind);
    let Some(kind) = of_list.or_else(|| operation.uses.first().map(|u| &u.kind)) else { return Vec::new() };
    let mut known = used.iter().filter(|thing| thing.kind == *kind);
    let listed = operation.lists.as_ref().map(list::ids);
    let Some(of) = operation.reads.of.as_ref().or(listed.as_ref()) else {
        return match (known.next(), known.next()) {
            (Some(only), None) => vec![(Position::new(), only.clone())],
            _ => Vec::new(),
        };
    };
    let ids = of.placed(answer).into_iter().filter_map(|(at, value)| Some((at, read_value(value).ok()??)));
    let things = ids.map(|(at, id)| (at, Thing { kind: kind.clone(), id }));
    let names_any = known.next().is_some();
    things.filter(|(_, thing)| !names_any || used.contains(thing)).collect()
}

/// Which element each `*` of a pointer stood for.
type Position = SmallVec<[usize; 2]>;

/// Whether one stands in the other's element, or both in the same.
fn same_element(one: &[usize], other: &[usize]) -> bool {
    one.iter().zip(other).all(|(a, b)| a == b)
}

fn push_new(things: &mut Vec<Thing>, thing: Thing) {
    if !things.contains(&thing) {
        things.push(thing);
    }
}

/// Places of ids that must be there, whoever makes them.
fn is_required(creation: &Creation) -> bool {
    !creation.is_child()
}

#[cfg(test)]
mod tests;
