//! Every word that the page says, in one file for each language: `words/en.ftl`.
//! Owns the words as they were read, once.
//! Never takes what people typed for a word: values are put in as they are, and the template escapes the whole.

use super::figures::grouped;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

const ENGLISH: &str = include_str!("words/en.ftl");

static WORDS: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| {
    let mut bundle = FluentBundle::new_concurrent(vec!["en".parse::<LanguageIdentifier>().unwrap_or_default()]);
    // Marks around values are for texts in two directions, and would be copied with a name.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| match value {
        FluentValue::Number(number) if number.value >= 0.0 && number.value.fract() == 0.0 => {
            Some(grouped(number.value as u64))
        }
        _ => None,
    }));
    // What is wrong with the file is found by a test, and cannot be at run time.
    let (Ok(resource) | Err((resource, _))) = FluentResource::try_new(ENGLISH.to_owned());
    let _ = bundle.add_resource(resource);
    bundle
});

/// What stands in the file under this name, with these values in their places.
pub fn text(name: &str, values: &[(&'static str, FluentValue<'_>)]) -> String {
    let Some(pattern) = WORDS.get_message(name).and_then(|message| message.value()) else { return name.to_owned() };
    let values: FluentArgs = values.iter().cloned().collect();
    WORDS.format_pattern(pattern, Some(&values), &mut Vec::new()).into_owned()
}

/// What can be put into a sentence: a number chooses the form of the words around it.
pub trait Value {
    fn value(&self) -> FluentValue<'_>;
}

macro_rules! numbers {
    ($($number:ty)*) => { $(impl Value for $number {
        fn value(&self) -> FluentValue<'_> {
            FluentValue::from(*self)
        }
    })* };
}
numbers!(u16 u32 u64 i64 usize);

impl Value for str {
    fn value(&self) -> FluentValue<'_> {
        FluentValue::from(self)
    }
}

impl Value for String {
    fn value(&self) -> FluentValue<'_> {
        FluentValue::from(self.as_str())
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn value(&self) -> FluentValue<'_> {
        (**self).value()
    }
}

/// `say!("open-jobs", count = 3)`: the words of this name. Names stand in the code as they are, so that a test finds
/// each of them.
macro_rules! say {
    ($name:literal $(, $key:ident = $value:expr)* $(,)?) => {
        $crate::admin::page::words::text(
            $name,
            &[$((stringify!($key), $crate::admin::page::words::Value::value(&$value))),*],
        )
    };
}
pub(super) use say;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    fn said_in(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                said_in(&path, names);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "html") {
                let text = fs::read_to_string(&path).unwrap();
                let calls = text.split("say!(").skip(1);
                let quoted = calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split_once('"'));
                let is_name = |name: &&str| name.starts_with(|first: char| first.is_ascii_lowercase());
                names.extend(quoted.map(|(name, _)| name).filter(is_name).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_word_that_is_said_is_in_the_file_and_every_word_in_the_file_is_said() {
        assert!(FluentResource::try_new(ENGLISH.to_owned()).is_ok(), "the file of words reads");
        let messages = ENGLISH.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
        let in_file: Vec<String> =
            messages.filter(|name| !name.starts_with([' ', '#', '*', '['])).map(str::to_owned).collect();
        let names: BTreeSet<String> = in_file.iter().cloned().collect();
        assert_eq!(names.len(), in_file.len(), "a name stands twice");
        let mut said = BTreeSet::new();
        said_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page"), &mut said);
        assert_eq!(said.difference(&names).collect::<Vec<_>>(), Vec::<&String>::new(), "said, and not in the file");
        assert_eq!(names.difference(&said).collect::<Vec<_>>(), Vec::<&String>::new(), "in the file, and never said");
    }

    #[test]
    fn a_number_chooses_the_form_of_the_words_around_it() {
        assert_eq!(say!("open-jobs", count = 1_u32), "1 open job");
        assert_eq!(say!("open-jobs", count = 12_000_u32), "12,000 open jobs");
    }
}
