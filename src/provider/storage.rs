//! A provider's storage: which buckets and prefixes a credential is good for, and what of them is a member's own.
//! Facts only: a credential's list, what a request names, and one rule for both.
//! Never decides by how a provider might read a key: one that can be read in two ways is nobody's.

use super::{fields, preset::storage::Extent};

/// An object, or several, that a request names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    pub bucket: Box<str>,
    /// `None`: the bucket as a whole.
    pub key: Option<Box<str>>,
    pub extent: Extent,
}

/// For whom a request's objects are looked at.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'m> {
    /// Whoever uses the credential alone, or manages it.
    Anybodys,
    /// A member's who shares it: below their own name, and what was made for them.
    Members { name: &'m str, made: &'m [&'m str] },
}

/// Why an object is out of reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutOfReach {
    /// In none of the buckets and prefixes that the credential lists.
    NotListed,
    /// In one of them, and not this member's.
    NotTheirs,
}

/// Whether a credential that lists these areas is good for an object. One without a list is good for anything, but not
/// for members: what is theirs is within something listed.
pub fn reach(areas: Option<&str>, object: &Object, whose: Whose<'_>) -> Result<(), OutOfReach> {
    let Some(areas) = areas else {
        return match whose {
            Whose::Anybodys => Ok(()),
            Whose::Members { .. } => Err(OutOfReach::NotListed),
        };
    };
    let mut listed = fields::items(areas).map(area).filter(|(bucket, _)| **bucket == *object.bucket).peekable();
    if listed.peek().is_none() {
        return Err(OutOfReach::NotListed);
    }
    let Some(key) = &object.key else { return Ok(()) };
    let mut within = listed.filter_map(|(_, prefix)| beneath(key, prefix)).peekable();
    if within.peek().is_none() {
        return Err(OutOfReach::NotListed);
    }
    let is_theirs = |rest: Vec<&str>| is_within(&rest, object.extent, whose);
    if within.any(is_theirs) { Ok(()) } else { Err(OutOfReach::NotTheirs) }
}

/// `bucket/prefix`, or a bucket as a whole.
fn area(text: &str) -> (&str, &str) {
    let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
    (bucket, prefix.trim_end_matches('/'))
}

/// The segments of a key below a prefix, where it is below it: `tasks2` is not below `tasks`.
fn beneath<'k>(key: &'k str, prefix: &str) -> Option<Vec<&'k str>> {
    let mut rest: Vec<&str> = key.split('/').collect();
    let wanted = prefix.split('/').filter(|segment| !segment.is_empty()).count();
    let begins = prefix.split('/').filter(|segment| !segment.is_empty()).eq(rest.iter().take(wanted).copied());
    begins.then(|| rest.split_off(wanted))
}

fn is_within(rest: &[&str], extent: Extent, whose: Whose<'_>) -> bool {
    // What some server might take for another place, or for none. A folder or a prefix may end in a slash.
    let (last, before) = rest.split_last().map_or((None, &[][..]), |(last, before)| (Some(*last), before));
    let is_odd = |segment: &str| matches!(segment, "." | "..");
    if before.iter().any(|segment| segment.is_empty() || is_odd(segment)) || last.is_some_and(is_odd) {
        return false;
    }
    match (extent, whose) {
        // A name that is only begun may be another's whose name goes on.
        (Extent::Prefix, Whose::Anybodys) => !rest.is_empty(),
        (Extent::Object, Whose::Anybodys) => last.is_some_and(|last| !last.is_empty()),
        (Extent::Folder, Whose::Anybodys) => true,
        // The provider gives each thing a folder of its own there.
        (Extent::Folder, Whose::Members { name, .. }) => matches!(rest, [] | [""]) || rest.first() == Some(&name),
        (Extent::Object | Extent::Prefix, Whose::Members { name, made }) => {
            let (Some(first), true) = (rest.first(), rest.len() > 1) else { return false };
            let whole = extent == Extent::Prefix || last.is_some_and(|last| !last.is_empty());
            whole && (*first == name || made.contains(first))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AREAS: &str = "fake-bucket/tasks, fake-other";
    const ADA: Whose<'_> = Whose::Members { name: "ada", made: &["task-1"] };

    fn ask(object: &str, extent: Extent, whose: Whose<'_>) -> Result<(), OutOfReach> {
        let (bucket, key) = object.split_once('/').map_or((object, None), |(bucket, key)| (bucket, Some(key.into())));
        reach(Some(AREAS), &Object { bucket: bucket.into(), key, extent }, whose)
    }

    #[test]
    fn a_credential_is_good_for_what_it_lists() {
        for good in ["fake-bucket/tasks/a", "fake-bucket/tasks/a/b", "fake-other/a", "fake-bucket", "fake-other"] {
            assert_eq!(ask(good, Extent::Object, Whose::Anybodys), Ok(()), "{good}");
        }
        for bad in ["fake-bucket/tasks2/a", "fake-bucket/a", "fake-bucket2/tasks/a", "another/tasks/a", "another"] {
            assert_eq!(ask(bad, Extent::Object, Whose::Anybodys), Err(OutOfReach::NotListed), "{bad}");
        }
        for odd in ["fake-bucket/tasks", "fake-bucket/tasks/", "fake-bucket/tasks/a//b", "fake-bucket/tasks/../a"] {
            assert!(ask(odd, Extent::Object, Whose::Anybodys).is_err(), "{odd}");
        }
        let anything = Object { bucket: "another".into(), key: Some("a".into()), extent: Extent::Object };
        assert_eq!(reach(None, &anything, Whose::Anybodys), Ok(()));
        assert_eq!(reach(None, &anything, ADA), Err(OutOfReach::NotListed));
    }

    #[test]
    fn a_member_has_what_is_below_their_name_and_what_was_made_for_them() {
        for good in ["fake-bucket/tasks/ada/a", "fake-bucket/tasks/task-1/results.json", "fake-other/ada/a"] {
            assert_eq!(ask(good, Extent::Object, ADA), Ok(()), "{good}");
        }
        for bad in [
            "tasks/grace/a",
            "tasks/ada",
            "tasks/task-2/results.json",
            "tasks/adam/a",
            "tasks/x/task-1/a",
            "tasks/ada/",
        ] {
            let bad = format!("fake-bucket/{bad}");
            assert_eq!(ask(&bad, Extent::Object, ADA), Err(OutOfReach::NotTheirs), "{bad}");
        }
    }

    #[test]
    fn a_member_has_results_put_into_a_listed_folder_or_their_own() {
        for good in [
            "fake-bucket/tasks",
            "fake-bucket/tasks/",
            "fake-bucket/tasks/ada",
            "fake-bucket/tasks/ada/x",
            "fake-other/",
        ] {
            assert_eq!(ask(good, Extent::Folder, ADA), Ok(()), "{good}");
        }
        for bad in ["fake-bucket/tasks/grace", "fake-bucket/tasks/task-1", "fake-bucket/tasks/adam", "fake-other/tasks"]
        {
            assert_eq!(ask(bad, Extent::Folder, ADA), Err(OutOfReach::NotTheirs), "{bad}");
        }
    }

    #[test]
    fn a_member_lists_nothing_that_only_begins_like_theirs() {
        for good in ["fake-bucket/tasks/ada/", "fake-bucket/tasks/ada/x", "fake-bucket/tasks/task-1/"] {
            assert_eq!(ask(good, Extent::Prefix, ADA), Ok(()), "{good}");
        }
        for bad in ["fake-bucket/tasks/ada", "fake-bucket/tasks/", "fake-bucket/tasks", "fake-bucket/tasks/a"] {
            assert_eq!(ask(bad, Extent::Prefix, ADA), Err(OutOfReach::NotTheirs), "{bad}");
        }
        assert_eq!(ask("fake-bucket/tasks/", Extent::Prefix, Whose::Anybodys), Ok(()));
        assert!(ask("fake-bucket/tasks", Extent::Prefix, Whose::Anybodys).is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_member_reaches_is_below_their_name_or_was_made_for_them(key in "(tasks|ada|task-1|grace|x|/|\\.){0,8}") {
            let object = Object { bucket: "fake-bucket".into(), key: Some(key.as_str().into()), extent: Extent::Object };
            let reached = reach(Some(AREAS), &object, ADA).is_ok();
            prop_assert_eq!(reached && !key.starts_with("tasks/ada/") && !key.starts_with("tasks/task-1/"), false);
            prop_assert!(!reached || !key.contains(".."));
        }
    }
}
