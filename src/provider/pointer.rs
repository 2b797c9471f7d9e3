//! JSON pointers (RFC 6901) into bodies and answers, with `*` for every element of an array or member of an object.
//! Facts of a preset: they say where ids, states and URLs are.
//! Never reads a body itself.

use serde_json::Value;
use std::fmt;

/// `/answer/url`, `/*/id`, or the empty pointer for the whole document.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pointer {
    steps: Box<[Step]>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// A member of an object, or the index of an element.
    Member(Box<str>),
    Every,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a JSON pointer such as `/data/id`, or `/jobs/*/id` for each element")]
pub struct NotAPointer;

impl Pointer {
    pub fn parse(text: &str) -> Result<Self, NotAPointer> {
        if text.is_empty() {
            return Ok(Self { steps: Box::new([]) });
        }
        let steps = text.strip_prefix('/').ok_or(NotAPointer)?.split('/').map(step);
        Ok(Self { steps: steps.collect::<Result<_, _>>()? })
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Every value that it points at, in the document's order.
    pub fn values<'v>(&self, document: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![document];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| children(value, step)).collect();
        }
        found
    }

    /// Calls `change` with every value that it points at.
    pub fn update(&self, document: &mut Value, change: &mut impl FnMut(&mut Value)) {
        update(document, &self.steps, change);
    }
}

fn step(text: &str) -> Result<Step, NotAPointer> {
    if text == "*" {
        return Ok(Step::Every);
    }
    let escapes = text.match_indices('~').all(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')));
    if escapes { Ok(Step::Member(text.replace("~1", "/").replace("~0", "~").into())) } else { Err(NotAPointer) }
}

fn children<'v>(value: &'v Value, step: &Step) -> Vec<&'v Value> {
    match (value, step) {
        (Value::Object(members), Step::Member(name)) => members.get(&**name).into_iter().collect(),
        (Value::Array(items), Step::Member(index)) => {
            index.parse().ok().and_then(|i: usize| items.get(i)).into_iter().collect()
        }
        (Value::Object(members), Step::Every) => members.values().collect(),
        (Value::Array(items), Step::Every) => items.iter().collect(),
        _ => Vec::new(),
    }
}

fn update(value: &mut Value, steps: &[Step], change: &mut impl FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else { return change(value) };
    match (value, step) {
        (Value::Object(members), Step::Member(name)) => {
            if let Some(member) = members.get_mut(&**name) {
                update(member, rest, change);
            }
        }
        (Value::Array(items), Step::Member(index)) => {
            let item = index.parse().ok().and_then(|i: usize| items.get_mut(i));
            if let Some(item) = item {
                update(item, rest, change);
            }
        }
        (Value::Object(members), Step::Every) => members.values_mut().for_each(|v| update(v, rest, change)),
        (Value::Array(items), Step::Every) => items.iter_mut().for_each(|v| update(v, rest, change)),
        _ => {}
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| match step {
            Step::Every => f.write_str("/*"),
            Step::Member(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_reaches_through_arrays() {
        let document = json!({"jobs": [{"id": "a"}, {"error": 1}, {"id": "b"}], "~/": 7});
        assert_eq!(Pointer::parse("/jobs/*/id").unwrap().values(&document), [&json!("a"), &json!("b")]);
        assert_eq!(Pointer::parse("/jobs/2/id").unwrap().values(&document), [&json!("b")]);
        assert_eq!(Pointer::parse("/~0~1").unwrap().values(&document), [&json!(7)]);
        assert_eq!(Pointer::parse("").unwrap().values(&document), [&document]);
        assert!(Pointer::parse("/absent/*").unwrap().values(&document).is_empty());
    }

    #[test]
    fn what_a_pointer_reaches_can_be_changed_in_place() {
        let mut document = json!([{"answer": {"url": "x"}}, {"answer": null}]);
        Pointer::parse("/*/answer/url").unwrap().update(&mut document, &mut |v| *v = json!("y"));
        assert_eq!(document, json!([{"answer": {"url": "y"}}, {"answer": null}]));
    }

    #[test]
    fn a_pointer_prints_as_it_was_written() {
        for text in ["", "/a/*/b", "/a~1b/0", "/"] {
            assert_eq!(Pointer::parse(text).unwrap().to_string(), text);
        }
        for bad in ["a", "a/b", "/~", "/~2"] {
            assert_eq!(Pointer::parse(bad), Err(NotAPointer), "{bad}");
        }
    }
}
