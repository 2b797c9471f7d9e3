//! Ids as they stand in paths, queries and JSON.
//! Owns nothing.
//! Never takes for an id what two servers could read as two.

use super::Unreadable;
use crate::{
    job::LONGEST_ID,
    provider::template::{Ambiguous, decode, decode_fully},
};
use serde_json::{Number, Value};

/// The id that a JSON value is; `None` for null, which SDKs send for what they do not have.
pub fn read_value(value: &Value) -> Result<Option<Box<str>>, Unreadable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => checked(text).map(Some),
        Value::Number(number) => from_number(number).map(Some),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(Unreadable::NotAnId),
    }
}

/// An integer's own text; `1.0` and `1e0` have many.
fn from_number(number: &Number) -> Result<Box<str>, Unreadable> {
    let text = number.as_str();
    if text.bytes().all(|b| b.is_ascii_digit()) { checked(text) } else { Err(Unreadable::NotAnId) }
}

fn checked(text: &str) -> Result<Box<str>, Unreadable> {
    let is_id = !text.is_empty() && text.len() <= LONGEST_ID && !text.chars().any(char::is_control);
    if is_id { Ok(text.into()) } else { Err(Unreadable::NotAnId) }
}

/// The id that an escaped text is, decoded once.
pub fn decoded(raw: &[u8]) -> Result<Box<str>, Unreadable> {
    // Longer than it could be with every byte escaped.
    if raw.len() > 3 * LONGEST_ID {
        return Err(Unreadable::NotAnId);
    }
    let once = decode(raw);
    if !matches!(decode_fully(&once), Ok(fully) if fully == *once) {
        return Err(Unreadable::Ambiguous);
    }
    std::str::from_utf8(&once).map_err(|_| Unreadable::NotAnId).and_then(checked)
}

/// A text that is decoded once, whatever it looks like then.
pub fn decoded_once(raw: &[u8]) -> Result<Box<str>, Unreadable> {
    std::str::from_utf8(&decode(raw)).map_err(|_| Unreadable::NotAnId).and_then(checked)
}

/// Every value of a key, each split at its commas. What any server could take for the key counts as the key.
pub fn in_query(query: Option<&str>, key: &str) -> Result<Vec<Box<str>>, Unreadable> {
    let mut ids = Vec::new();
    for pair in query.unwrap_or_default().split('&') {
        // Some servers end a pair here, too.
        if pair.contains(';') && pair.split(';').any(|part| is_key(part, key)) {
            return Err(Unreadable::Ambiguous);
        }
        if !is_key(pair, key) {
            continue;
        }
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        // A space in a form, itself in a URL.
        if value.contains('+') {
            return Err(Unreadable::Ambiguous);
        }
        for part in decoded(value.as_bytes())?.split(',') {
            ids.push(checked(part)?);
        }
    }
    Ok(ids)
}

/// Every value of a key, as a whole, decoded; it may be empty.
pub fn texts_in_query(query: Option<&str>, key: &str) -> Result<Vec<Box<str>>, Unreadable> {
    let mut texts = Vec::new();
    for pair in query.unwrap_or_default().split('&') {
        if pair.contains(';') && pair.split(';').any(|part| is_key(part, key)) {
            return Err(Unreadable::Ambiguous);
        }
        match pair.split_once('=').map_or("", |(_, value)| value) {
            _ if !is_key(pair, key) => {}
            value if value.contains('+') => return Err(Unreadable::Ambiguous),
            "" => texts.push("".into()),
            value => texts.push(decoded_once(value.as_bytes())?),
        }
    }
    Ok(texts)
}

/// Also `ID=`, `%69d=` and `id[]=`.
fn is_key(pair: &str, key: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    match decode_fully(name.as_bytes()) {
        Ok(name) => {
            name.split(|b| *b == b'[').next().unwrap_or_default().trim_ascii().eq_ignore_ascii_case(key.as_bytes())
        }
        Err(Ambiguous) => true,
    }
}
