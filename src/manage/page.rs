//! Lists in pages, and the mark by which a change is known to be of what was read.
//! Owns nothing.
//! Never counts a whole table: what comes next is asked for by the last thing that was shown.

use super::Fault;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many; 50 without it, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// What `after` of the next page is; null at the end.
    pub next: Option<String>,
}

const USUAL: u16 = 50;
const MOST: u16 = 200;

impl Page {
    pub fn limit(&self) -> Result<u32, Fault> {
        match self.limit.unwrap_or(USUAL) {
            limit @ 1..=MOST => Ok(limit.into()),
            _ => Err(Fault::invalid("limit", format!("expected 1 to {MOST}"))),
        }
    }

    /// The last thing of the page before.
    pub fn after<T: FromStr>(&self) -> Result<Option<T>, Fault> {
        let parse =
            |text: &String| text.parse().map_err(|_| Fault::invalid("after", "expected `next` of another page"));
        self.after.as_ref().map(parse).transpose()
    }
}

impl<T> Listed<T> {
    /// What was found with a limit of one more than asked for; the last one shown gives the next page its place.
    pub fn of(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(place);
        Self { items, next }
    }

    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// What something was like when it was read: the `ETag` of RFC 9110, section 8.8.3.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag(String);

impl Tag {
    /// Of everything about it that a change could be wrong about.
    pub fn of(thing: &impl Serialize) -> Self {
        let text = serde_json::to_vec(thing).unwrap_or_default();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
        Self(BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a change may go on that was made for what had this tag; any, if it names none.
    pub fn check(&self, wanted: Option<&Wanted>) -> Result<(), Fault> {
        match wanted {
            Some(Wanted(tags)) if !tags.contains(self) => Err(Fault::Changed),
            _ => Ok(()),
        }
    }
}

/// The tags of an `If-Match`, in quotes; `None` stands for `*`.
#[derive(Clone, Debug)]
pub struct Wanted(Vec<Tag>);

impl Wanted {
    pub fn parse(header: &str) -> Option<Self> {
        let tags =
            header.split(',').map(str::trim).filter(|tag| *tag != "*").map(|tag| Tag(tag.trim_matches('"').into()));
        (header.trim() != "*").then(|| Self(tags.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_of_another_only_where_there_is_one() {
        let page = Listed::of(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!((page.items, page.next.as_deref()), (vec![1, 2], Some("2")));
        assert_eq!(Listed::of(vec![1, 2], 2, ToString::to_string).next, None);
    }

    #[test]
    fn a_change_goes_on_only_for_what_was_read() {
        let tag = Tag::of(&"as it is");
        let quoted = format!("\"0000\", \"{}\"", tag.as_str());
        assert!(tag.check(Wanted::parse(&quoted).as_ref()).is_ok());
        assert!(tag.check(None).is_ok() && Wanted::parse(" * ").is_none());
        assert!(matches!(tag.check(Wanted::parse("\"0000\"").as_ref()), Err(Fault::Changed)));
    }
}
