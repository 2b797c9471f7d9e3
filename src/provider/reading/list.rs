//! Lists in answers, cut down to what a caller may see.
//! Owns nothing.
//! Never lets an entry through whose id it cannot read.

use super::{Unreadable, id::read_value};
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

pub fn is_error(item: &Value, error: &Pointer) -> bool {
    error.values(item).iter().any(|value| !value.is_null())
}

/// Where the ids of a list's entries are.
pub fn ids(listing: &Listing) -> Pointer {
    listing.items.every().join(&listing.id)
}
