//! Lists in answers, cut down to what a caller may see.
//! Owns nothing.
//! Never lets an entry through whose id it cannot read.

use super::{
    Sent, Unreadable,
    id::{in_query, read_value},
};
use crate::provider::{
    pointer::Pointer,
    preset::operation::{Listing, Operation},
};
use serde_json::Value;

/// Removes from an answer's list what `keep` says no to by its id, and says how many entries went. An operation
/// without a list has none to cut down. An entry that is only an error about an id that the request named stays.
pub fn filter(
    operation: &Operation,
    answer: &mut Value,
    mut keep: impl FnMut(&str) -> bool,
) -> Result<usize, Unreadable> {
    let Some(listing) = &operation.lists else { return Err(Unreadable::NoList) };
    let (mut removed, mut result) = (0, Err(Unreadable::NoList));
    listing.items.update(answer, &mut |list| match list {
        Value::Null if result.is_err() => result = Ok(()),
        Value::Null => {}
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| stays(item, listing, operation.item_error.as_ref(), &mut keep));
            removed += before - items.len();
            result = Ok(());
        }
        _ => {}
    });
    result.map(|()| removed)
}

fn stays(item: &Value, listing: &Listing, item_error: Option<&Pointer>, keep: &mut impl FnMut(&str) -> bool) -> bool {
    match listing.id.values(item).as_slice() {
        [] => item_error.is_some_and(|error| is_error(item, error)),
        [value] => matches!(read_value(value), Ok(Some(id)) if keep(&id)),
        _ => false,
    }
}

/// Lets a list that was cut down end with what is left of its page, where the answer counts the entries of all pages.
/// Why: an SDK that asks for more until it has as many would ask for ever.
pub fn end(sent: &Sent<'_>, answer: &mut Value) {
    let Some(Listing { items, total: Some(total), offset, .. }) = &sent.operation().lists else { return };
    let before = offset.as_ref().map_or(0, |key| number_in_query(sent.query, key));
    let entries = items.every().values(answer).len();
    total.update(answer, &mut |number| {
        if number.is_number() {
            *number = before.saturating_add(entries as u64).into();
        }
    });
}

/// Nothing where there is not exactly one.
fn number_in_query(query: Option<&str>, key: &str) -> u64 {
    match in_query(query, key).as_deref() {
        Ok([number]) => number.parse().unwrap_or(0),
        _ => 0,
    }
}

pub fn is_error(item: &Value, error: &Pointer) -> bool {
    error.values(item).iter().any(|value| !value.is_null())
}

/// Where the ids of a list's entries are.
pub fn ids(listing: &Listing) -> Pointer {
    listing.items.every().join(&listing.id)
}
