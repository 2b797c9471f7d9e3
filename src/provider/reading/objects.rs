//! Which objects of a provider's storage a request names, and what its form says.
//! Owns nothing.
//! Never passes over a name that it cannot read: an object may be reached by it.

use super::{Sent, Unreadable, id};
use crate::provider::{
    preset::{
        operation::Place,
        storage::{Extent, Location, ObjectPlace},
    },
    storage::Object,
};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Every object that a request names. One that lists what begins with nothing names all.
pub fn objects(sent: &Sent<'_>) -> Result<Vec<Object>, Unreadable> {
    let mut objects = Vec::new();
    for place in &sent.operation().objects {
        read(sent, place, &mut objects)?;
    }
    Ok(objects)
}

fn read(sent: &Sent<'_>, place: &ObjectPlace, objects: &mut Vec<Object>) -> Result<(), Unreadable> {
    let extent = place.extent;
    match &place.at {
        Location::Parts { bucket, key } => {
            let bucket = only(texts(sent, bucket)?)?.ok_or(Unreadable::NoId)?;
            let key = match key {
                None => None,
                Some(key) => Some(only(texts(sent, key)?)?.unwrap_or_default()),
            };
            if extent == Extent::Object && key.as_deref() == Some("") {
                return Err(Unreadable::NoId);
            }
            objects.push(Object { bucket, key, extent });
        }
        Location::Uri(place) => {
            for text in texts(sent, place)? {
                let rest = text.strip_prefix("s3://").ok_or(Unreadable::NotAnId)?;
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                objects.push(Object { bucket: bucket.into(), key: Some(key.into()), extent });
            }
        }
    }
    Ok(())
}

fn only(mut texts: Vec<Box<str>>) -> Result<Option<Box<str>>, Unreadable> {
    if texts.len() > 1 { Err(Unreadable::Ambiguous) } else { Ok(texts.pop()) }
}

/// The texts at a place. Unlike ids, they may be empty, and a query's is not split.
fn texts(sent: &Sent<'_>, place: &Place) -> Result<Vec<Box<str>>, Unreadable> {
    match place {
        // An empty tail captures nothing.
        Place::Path(name) => match sent.found.capture(name).and_then(|span| sent.path.get(span)) {
            None | Some("") => Ok(Vec::new()),
            // Storage decodes a key once and takes it as it is then; a name may hold what looks escaped.
            Some(raw) => id::decoded_once(raw.as_bytes()).map(|text| vec![text]),
        },
        Place::Query(key) => id::texts_in_query(sent.query, key),
        Place::Body(pointer) => {
            let values = sent.body.map(|body| pointer.values(body)).unwrap_or_default();
            let text = |value: &Value| match value {
                Value::Null => Ok(None),
                Value::String(text) if !text.chars().any(char::is_control) => Ok(Some(text.as_str().into())),
                _ => Err(Unreadable::NotAnId),
            };
            values.into_iter().filter_map(|value| text(value).transpose()).collect()
        }
        Place::Answer(_) => Ok(Vec::new()),
    }
}

/// The keys of a query, decoded.
pub fn query_keys(query: Option<&str>) -> impl Iterator<Item = String> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).decode_utf8_lossy().into_owned()
    })
}

/// Whether a form says each of these, once. What is encoded needlessly is something else.
pub fn form_says(form: &[u8], wanted: &[(Box<str>, Box<str>)]) -> bool {
    let Ok(form) = std::str::from_utf8(form) else { return false };
    let pairs = || form.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    pairs().all(|(name, _)| is_plain(name))
        && wanted.iter().all(|(name, value)| {
            let mut said = pairs().filter(|(n, _)| n.eq_ignore_ascii_case(name));
            said.next().is_some_and(|(n, v)| *n == **name && *v == **value) && said.next().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_one_thing_or_nothing() {
        let wanted: [(Box<str>, Box<str>); 1] = [("Action".into(), "GetCallerIdentity".into())];
        assert!(form_says(b"Action=GetCallerIdentity&Version=2011-06-15", &wanted));
        for other in [
            "Action=AssumeRole&Version=2011-06-15",
            "Action=GetCallerIdentity&Action=AssumeRole",
            "Action=GetCallerIdentity&action=AssumeRole",
            "Action=GetCallerIdentity&Actio%6e=AssumeRole",
            "Action=GetCallerIdentity%00",
            "Version=2011-06-15",
            "",
            "Action=GetCallerIdentity;Action=AssumeRole",
        ] {
            assert!(!form_says(other.as_bytes(), &wanted), "{other}");
        }
    }

    #[test]
    fn keys_of_a_query_are_read_however_they_are_spelled() {
        let keys: Vec<String> = query_keys(Some("list-type=2&acl&%61cl=1&&prefix=a=b")).collect();
        assert_eq!(keys, ["list-type", "acl", "acl", "prefix"]);
    }
}
