//! JSON pointers (RFC 6901) into bodies and answers, with `*` for every element of an array or member of an object,
//! and `-` for the last element.
//! Facts of a preset: they say where ids, states and URLs are.
//! Never reads a body itself.

use serde_json::Value;
use smallvec::SmallVec;
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
    /// `-`: the last element of an array.
    Last,
}

/// Which element each `*` of a pointer stood for, and the value there: the third job of a request is the third of its
/// answer.
pub type Placed<'v> = (SmallVec<[usize; 2]>, &'v Value);

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

    /// What it points at where `*` is an element of an array and not a member of an object: an object is one thing,
    /// whatever its members are called.
    pub fn placed<'v>(&self, document: &'v Value) -> Vec<Placed<'v>> {
        let mut found = vec![(SmallVec::new(), document)];
        for step in &self.steps {
            found = found.into_iter().flat_map(|(at, value)| placed_children(at, value, step)).collect();
        }
        found
    }

    /// To the elements that its last `*` stands for, and on from an element; without a `*`, the document is the element.
    pub fn split_elements(&self) -> (Self, Self) {
        let elements = self.steps.iter().rposition(|step| *step == Step::Every).map_or(0, |last| last + 1);
        let (elements, within) = self.steps.split_at_checked(elements).unwrap_or_default();
        (Self { steps: elements.into() }, Self { steps: within.into() })
    }

    /// Whether it leads through messages by the numbers of their fields, `*` after the number of a repeated one.
    pub fn is_of_fields(&self) -> bool {
        let is_field = |step: &Step| matches!(step, Step::Member(name) if is_field_number(name));
        let mut before: Option<&Step> = None;
        let sound = self.steps.iter().all(|step| {
            let follows = before.replace(step).is_some_and(is_field);
            is_field(step) || (*step == Step::Every && follows)
        });
        sound && !self.is_root()
    }

    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// On from what this one points at.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        Self { steps: self.steps.iter().chain(&rest.steps).cloned().collect() }
    }

    /// To every element of what this one points at.
    #[must_use]
    pub fn every(&self) -> Self {
        Self { steps: self.steps.iter().cloned().chain([Step::Every]).collect() }
    }

    /// Calls `change` with every value that it points at.
    pub fn update(&self, document: &mut Value, change: &mut impl FnMut(&mut Value)) {
        update(document, &self.steps, change);
    }
}

/// 1 to 2^29 - 1, written in one way.
fn is_field_number(text: &str) -> bool {
    !text.starts_with('0') && text.parse().is_ok_and(|number: u32| (1..1 << 29).contains(&number))
}

fn step(text: &str) -> Result<Step, NotAPointer> {
    match text {
        "*" => return Ok(Step::Every),
        "-" => return Ok(Step::Last),
        _ => {}
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
        (Value::Array(items), Step::Last) => items.last().into_iter().collect(),
        _ => Vec::new(),
    }
}

fn placed_children<'v>(at: SmallVec<[usize; 2]>, value: &'v Value, step: &Step) -> Vec<Placed<'v>> {
    match (value, step) {
        (Value::Array(items), Step::Every) => {
            items.iter().enumerate().map(|(nth, item)| (at.iter().copied().chain([nth]).collect(), item)).collect()
        }
        (Value::Object(_), Step::Every) => Vec::new(),
        _ => children(value, step).into_iter().map(|child| (at.clone(), child)).collect(),
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
        (Value::Array(items), Step::Last) => {
            if let Some(item) = items.last_mut() {
                update(item, rest, change);
            }
        }
        _ => {}
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| match step {
            Step::Every => f.write_str("/*"),
            Step::Last => f.write_str("/-"),
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
    fn places_are_elements_of_arrays_by_their_numbers_and_never_members() {
        let document = json!([{"jobs": [{"id": "a"}]}, 1, {"jobs": [{}, {"id": "b"}]}]);
        let placed = |text: &str| {
            let found = Pointer::parse(text).unwrap().placed(&document);
            found.into_iter().map(|(at, value)| format!("{at:?} {value}")).collect::<Vec<_>>()
        };
        assert_eq!(placed("/*/jobs/*/id"), ["[0, 0] \"a\"", "[2, 1] \"b\""]);
        assert_eq!(placed("/0/*"), [""; 0]);
        assert_eq!(placed("/-/jobs/-/id"), ["[] \"b\""]);
    }

    #[test]
    fn what_a_pointer_reaches_can_be_changed_in_place() {
        let mut document = json!([{"answer": {"url": "x"}}, {"answer": null}]);
        Pointer::parse("/*/answer/url").unwrap().update(&mut document, &mut |v| *v = json!("y"));
        assert_eq!(document, json!([{"answer": {"url": "y"}}, {"answer": null}]));
    }

    #[test]
    fn a_pointer_prints_as_it_was_written() {
        for text in ["", "/a/*/b", "/a~1b/0", "/", "/a/-/b"] {
            assert_eq!(Pointer::parse(text).unwrap().to_string(), text);
        }
        for bad in ["a", "a/b", "/~", "/~2"] {
            assert_eq!(Pointer::parse(bad), Err(NotAPointer), "{bad}");
        }
    }
}
