//! Messages of gRPC: taken out of their frames, and read by the numbers of their fields as far as an operation needs.
//! Owns nothing; a field becomes a member of its number's name, so that what is read of JSON is read of it, too.
//! Never descends deeper than a preset's pointers do, and never keeps one of two values of a field that has one.
//!
//! Why by number: a message says nothing of its fields but their numbers, and whether a value is a text or a message of
//! its own is known to its schema alone. A pointer that goes on says that it is a message; one that ends, that it is a
//! text. (<https://protobuf.dev/programming-guides/encoding>, and PROTOCOL-HTTP2 of gRPC for the frames.)

use super::{Unreadable, inflate};
use crate::provider::{
    pointer::{Pointer, Step},
    preset::operation::{Operation, Place},
};
use bytes::Bytes;
use serde_json::{Map, Value};
use smallvec::SmallVec;

/// More values than the largest batch has places for.
const MOST_VALUES: usize = 100_000;
/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// The one message of a call, decompressed if its frame says that it is compressed.
pub fn only(frames: &[u8], encoding: Option<&[u8]>, most: usize) -> Result<Bytes, Unreadable> {
    let (prefix, message) = frames.split_at_checked(PREFIX).ok_or(Unreadable::NotAMessage)?;
    let length = prefix[1..].iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    if message.len() != length {
        return Err(Unreadable::NotAMessage);
    }
    let message = Bytes::copy_from_slice(message);
    match (prefix[0], encoding) {
        (0, _) => Ok(message),
        (1, Some(encoding)) if !encoding.eq_ignore_ascii_case(b"identity") => inflate(message, Some(encoding), most),
        _ => Err(Unreadable::NotAMessage),
    }
}

/// What an operation reads of a request's message.
pub fn request(bytes: &[u8], operation: &Operation) -> Result<Value, Unreadable> {
    let named = operation.uses.iter().map(|used| &used.id).chain(operation.creates.iter().map(|made| &made.id));
    let conditions = operation.uses.iter().filter_map(|used| used.when.as_ref()).map(|condition| &condition.at);
    let texts = named.chain(&operation.repetition).filter_map(body).chain(conditions);
    let figures = operation.reads.places().filter_map(body).chain(&operation.count);
    read(bytes, texts, figures)
}

/// What an operation reads of an answer's message.
pub fn answer(bytes: &[u8], operation: &Operation) -> Result<Value, Unreadable> {
    let answer = |place: &'_ Place| if let Place::Answer(_) = place { place.pointer().cloned() } else { None };
    let ids: Vec<Pointer> = operation.creates.iter().filter_map(|made| answer(&made.id)).collect();
    let figures: Vec<Pointer> = operation.reads.places().filter_map(answer).collect();
    read(bytes, ids.iter().chain(&operation.reads.of), figures.iter())
}

const fn body(place: &Place) -> Option<&Pointer> {
    if let Place::Body(pointer) = place { Some(pointer) } else { None }
}

fn read<'p>(
    bytes: &[u8],
    texts: impl Iterator<Item = &'p Pointer>,
    figures: impl Iterator<Item = &'p Pointer>,
) -> Result<Value, Unreadable> {
    let texts = texts.map(|pointer| Wanted { steps: pointer.steps(), what: What::Text });
    let wanted = texts.chain(figures.map(|pointer| Wanted { steps: pointer.steps(), what: What::Figure }));
    Reader { left: MOST_VALUES }.message(bytes, &wanted.collect::<AllWanted<'_>>())
}

/// What a pointer still has to go, and what it leads to.
#[derive(Clone, Copy)]
struct Wanted<'p> {
    steps: &'p [Step],
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// An id: no server takes a number where a text belongs.
    Text,
    Figure,
}

type AllWanted<'p> = SmallVec<[Wanted<'p>; 8]>;

/// A field as it stands in a message.
enum Field<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    /// A fraction, or what only its schema could tell from one.
    Other,
}

struct Reader {
    left: usize,
}

impl Reader {
    fn message(&mut self, mut bytes: &[u8], wanted: &AllWanted<'_>) -> Result<Value, Unreadable> {
        let mut members = Map::new();
        while !bytes.is_empty() {
            let (number, field) = take_field(&mut bytes)?;
            let name = number.to_string();
            let is_next =
                |wanted: &&Wanted<'_>| matches!(wanted.steps.first(), Some(Step::Member(step)) if **step == *name);
            let mut below: AllWanted<'_> = wanted.iter().filter(is_next).map(Wanted::on).collect();
            if below.is_empty() {
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or(Unreadable::TooLarge)?;
            let is_repeated = below.iter().any(|wanted| wanted.steps.first() == Some(&Step::Every));
            if is_repeated {
                below = below.iter().map(Wanted::on).collect();
            }
            let value = self.value(&field, &below)?;
            match (members.get_mut(&name), is_repeated) {
                (None, true) => drop(members.insert(name, Value::Array(vec![value]))),
                (None, false) => drop(members.insert(name, value)),
                (Some(Value::Array(values)), true) => values.push(value),
                // Some decoders take the last, some put messages together.
                (Some(_), _) => return Err(Unreadable::Ambiguous),
            }
        }
        Ok(Value::Object(members))
    }

    fn value(&mut self, field: &Field<'_>, wanted: &AllWanted<'_>) -> Result<Value, Unreadable> {
        let goes_on = wanted.iter().any(|wanted| !wanted.steps.is_empty());
        let is_id = wanted.iter().any(|wanted| wanted.what == What::Text);
        Ok(match field {
            Field::Bytes(bytes) if goes_on => self.message(bytes, wanted)?,
            Field::Bytes(bytes) => std::str::from_utf8(bytes).map_or_else(|_| not_an_id(), Value::from),
            Field::Number(number) if !goes_on && !is_id => Value::from(*number),
            Field::Number(_) | Field::Other => not_an_id(),
        })
    }
}

impl Wanted<'_> {
    /// One step further; a pointer of a preset takes `*` as its own step.
    fn on(&self) -> Self {
        Self { steps: self.steps.get(1..).unwrap_or_default(), what: self.what }
    }
}

/// Something is there, and nobody may take it for nothing.
fn not_an_id() -> Value {
    Value::Object(Map::new())
}

fn take_field<'b>(bytes: &mut &'b [u8]) -> Result<(u64, Field<'b>), Unreadable> {
    let tag = take_number(bytes)?;
    let number = tag >> 3;
    if !(1..1 << 29).contains(&number) {
        return Err(Unreadable::NotAMessage);
    }
    let field = match tag & 7 {
        0 => Field::Number(take_number(bytes)?),
        1 => take(bytes, 8).map(|_| Field::Other)?,
        2 => {
            let length = usize::try_from(take_number(bytes)?).map_err(|_| Unreadable::NotAMessage)?;
            Field::Bytes(take(bytes, length)?)
        }
        5 => take(bytes, 4).map(|_| Field::Other)?,
        // Groups, which no schema of today has.
        _ => return Err(Unreadable::NotAMessage),
    };
    Ok((number, field))
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> Result<&'b [u8], Unreadable> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Unreadable::NotAMessage)?;
    *bytes = rest;
    Ok(taken)
}

/// A number in groups of seven bits, the lowest first. One that is longer than it must be has two readings: decoders
/// differ on what they cut off.
fn take_number(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0).ok_or(Unreadable::NotAMessage)?;
    let groups = take(bytes, end + 1)?;
    let is_too_long = end > 0 && groups[end] == 0;
    if is_too_long || (end == 9 && groups[end] > 1) {
        return Err(Unreadable::Ambiguous);
    }
    Ok(groups.iter().rev().fold(0, |number, group| number << 7 | u64::from(group & 0x7f)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use serde_json::json;
    use std::io::Write;

    fn number(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number > 0x7f {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    /// A field that holds bytes: a text, or a message of its own.
    fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
        [number(field << 3 | 2), number(content.len() as u64), content.to_vec()].concat()
    }

    fn varint(field: u64, value: u64) -> Vec<u8> {
        [number(field << 3), number(value)].concat()
    }

    fn framed(compressed: u8, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[compressed][..], &length, message].concat()
    }

    fn texts(message: &[u8], pointers: &[&str]) -> Result<Value, Unreadable> {
        let pointers: Vec<Pointer> = pointers.iter().map(|text| Pointer::parse(text).unwrap()).collect();
        read(message, pointers.iter(), std::iter::empty())
    }

    fn figures(message: &[u8], pointer: &str) -> Result<Value, Unreadable> {
        read(message, std::iter::empty(), [Pointer::parse(pointer).unwrap()].iter())
    }

    #[test]
    fn fields_become_members_by_their_numbers() {
        let inner = [bytes(1, b"a"), bytes(1, "ü".as_bytes()), varint(3, 300)].concat();
        let message = [bytes(1, &inner), bytes(7, &[0xff]), bytes(101, b"qpu"), bytes(1, b"")].concat();
        assert_eq!(texts(&message, &["/101"]), Ok(json!({"101": "qpu"})));
        assert_eq!(texts(&message, &["/1/*/1/*"]), Ok(json!({"1": [{"1": ["a", "ü"]}, {}]})));
        assert_eq!(figures(&inner, "/3"), Ok(json!({"3": 300})));
        assert_eq!(texts(&message, &["/2"]), Ok(json!({})));
    }

    #[test]
    fn a_field_that_has_one_value_and_is_there_twice_is_ambiguous() {
        let twice = [bytes(1, b"a"), bytes(1, b"b")].concat();
        assert_eq!(texts(&twice, &["/1"]), Err(Unreadable::Ambiguous));
        assert_eq!(texts(&twice, &["/1/*"]), Ok(json!({"1": ["a", "b"]})));
        assert_eq!(texts(&twice, &["/2"]), Ok(json!({})));
    }

    #[test]
    fn what_is_no_text_is_never_taken_for_nothing() {
        for other in [varint(1, 5), bytes(1, &[0xff, 0xfe]), vec![1 << 3 | 5, 0, 0, 0, 0]] {
            assert_eq!(texts(&other, &["/1"]), Ok(json!({"1": {}})));
        }
        assert_eq!(texts(&varint(1, 5), &["/1/2"]), Ok(json!({"1": {}})));
    }

    #[test]
    fn numbers_that_decoders_cut_off_differently_are_ambiguous() {
        for long in [&[0x8a, 0x00, 1, b'a'][..], &[0x0a, 0x81, 0x00, b'a']] {
            assert_eq!(texts(long, &["/1"]), Err(Unreadable::Ambiguous));
        }
        let endless = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(figures(&endless, "/1"), Err(Unreadable::Ambiguous));
        assert_eq!(figures(&varint(1, u64::MAX), "/1"), Ok(json!({"1": u64::MAX})));
        for broken in [&[0x0a][..], &[0x0a, 2, b'a'], &[0x80], &[0x02, 0], &[0x0b, 0x0c], &[0x09, 1]] {
            assert_eq!(texts(broken, &["/1"]), Err(Unreadable::NotAMessage), "{broken:?}");
        }
    }

    #[test]
    fn a_call_has_one_message_and_its_frame_says_whether_it_is_compressed() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"message").unwrap();
        let squeezed = encoder.finish().unwrap();
        assert_eq!(only(&framed(0, b"message"), None, 10).as_deref(), Ok(&b"message"[..]));
        assert_eq!(only(&framed(1, &squeezed), Some(b"gzip"), 10).as_deref(), Ok(&b"message"[..]));
        assert_eq!(only(&framed(1, &squeezed), Some(b"gzip"), 6), Err(Unreadable::TooLarge));
        assert_eq!(only(&framed(1, &squeezed), Some(b"snappy"), 10), Err(Unreadable::Encoding));
        let two = [framed(0, b"a"), framed(0, b"b")].concat();
        for other in [framed(1, b"a"), framed(2, b"a"), two, b"".to_vec(), framed(0, b"ab")[..6].to_vec()] {
            assert_eq!(only(&other, None, 10), Err(Unreadable::NotAMessage), "{other:?}");
        }
        assert_eq!(only(&framed(1, b"a"), Some(b"identity"), 10), Err(Unreadable::NotAMessage));
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(message in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (texts(&message, &["/1", "/2/1/*", "/3/*/1"]), figures(&message, "/1"), only(&message, Some(b"gzip"), 100));
        }

        #[test]
        fn what_was_written_is_read(
            ids in proptest::collection::vec("[ -~ü]{0,12}", 1..6), count in any::<u64>(), field in 1_u64..1 << 29,
            noise in proptest::collection::vec(any::<u8>(), 0..30),
        ) {
            prop_assume!(![4, 5].contains(&field));
            let inner = ids.iter().flat_map(|id| bytes(field, id.as_bytes())).collect::<Vec<_>>();
            let message = [bytes(4, &noise), bytes(5, &inner), varint(field, count)].concat();
            let read_ids = texts(&message, &[&format!("/5/{field}/*")]);
            prop_assert_eq!(read_ids, Ok(json!({"5": {field.to_string(): ids}})));
            prop_assert_eq!(figures(&message, &format!("/{field}")), Ok(json!({field.to_string(): count})));
        }

        #[test]
        fn a_message_that_is_cut_short_is_no_message(id in "[a-z]{1,20}", cut in 1_usize..21) {
            let message = bytes(1, id.as_bytes());
            prop_assume!(cut < message.len());
            prop_assert_eq!(texts(&message[..message.len() - cut], &["/1"]), Err(Unreadable::NotAMessage));
        }
    }
}
