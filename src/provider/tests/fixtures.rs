//! Walks `config/providers/fixtures`: sample requests and answers of every shipped preset, and what each is found to be.

use super::shipped;
use crate::provider::{
    Located, Match, Provider,
    preset::operation::{Operation, Place},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    /// Method, path and query.
    send: String,
    body: Option<Value>,
    /// The operation, or `unlisted` or `ambiguous`.
    is: String,
    #[serde(default)]
    uses: Vec<String>,
    answer: Option<Value>,
    #[serde(default)]
    creates: Vec<String>,
    #[serde(default)]
    lists: Vec<String>,
    #[serde(default)]
    reads: BTreeMap<String, String>,
    /// What is left of the URLs that are rewritten; `foreign` for one that withholds the answer.
    #[serde(default)]
    rewrites: Vec<String>,
}

#[test]
fn every_sample_request_and_answer_is_what_its_fixture_says() {
    for provider in shipped().iter() {
        let mut walked = BTreeSet::new();
        for fixture in read(provider.id()) {
            if let Some(found) = check(provider, &fixture) {
                walked.insert((found.operation.name.clone(), found.pattern.to_string()));
            }
        }
        let all = provider
            .preset()
            .operations
            .iter()
            .flat_map(|o| o.patterns.iter().map(|p| (o.name.clone(), p.to_string())));
        let forgotten: Vec<_> = all.filter(|pattern| !walked.contains(pattern)).collect();
        assert!(forgotten.is_empty(), "{}: no fixture for {forgotten:#?}", provider.id());
    }
}

fn read(id: &str) -> Vec<Fixture> {
    let path = format!("{}/config/providers/fixtures/{id}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn check<'p>(provider: &'p Provider, fixture: &Fixture) -> Option<Match<'p>> {
    let (method, target) = fixture.send.split_once(' ').expect(&fixture.send);
    let path = target.split('?').next().unwrap_or_default();
    let named = format!("{}: {}", provider.id(), fixture.send);
    match provider.classify(method, path.as_bytes()) {
        Err(_) => assert_eq!(fixture.is, "ambiguous", "{named}"),
        Ok(None) => assert_eq!(fixture.is, "unlisted", "{named}"),
        Ok(Some(found)) => {
            assert_eq!(fixture.is, *found.operation.name, "{named}");
            check_found(provider, &Sample { fixture, found, target }, &named);
            return Some(found);
        }
    }
    None
}

fn check_found(provider: &Provider, sample: &Sample<'_>, named: &str) {
    let operation = sample.found.operation;
    let uses = operation.uses.iter().map(|u| (&u.kind, &u.id));
    assert_eq!(sample.things(uses), sample.fixture.uses, "{named}: uses");
    let creates = operation.creates.iter().map(|c| (&c.kind, &c.id));
    assert_eq!(sample.things(creates), sample.fixture.creates, "{named}: creates");
    assert_eq!(sample.reads(operation), sample.fixture.reads, "{named}: reads");
    let answer = sample.fixture.answer.clone().unwrap_or_default();
    let lists = operation.lists.iter().flat_map(|list| {
        let items = list.items.values(&answer).into_iter().flat_map(|items| items.as_array().into_iter().flatten());
        items.flat_map(|item| texts(list.id.values(item))).map(|id| format!("{} {id}", list.kind))
    });
    assert_eq!(lists.collect::<Vec<_>>(), sample.fixture.lists, "{named}: lists");
    let urls = operation.rewrites.iter().flat_map(|pointer| texts(pointer.values(&answer)));
    let rewrites = urls.filter_map(|url| match provider.locate(&url) {
        Located::Own(target) => Some(target.to_owned()),
        Located::Relative => None,
        Located::Foreign => Some("foreign".into()),
    });
    assert_eq!(rewrites.collect::<Vec<_>>(), sample.fixture.rewrites, "{named}: rewrites");
}

struct Sample<'s> {
    fixture: &'s Fixture,
    found: Match<'s>,
    target: &'s str,
}

impl Sample<'_> {
    fn things<'o>(&self, places: impl Iterator<Item = (&'o Box<str>, &'o Place)>) -> Vec<String> {
        places.flat_map(|(kind, place)| self.at(place).into_iter().map(move |id| format!("{kind} {id}"))).collect()
    }

    fn reads(&self, operation: &Operation) -> BTreeMap<String, String> {
        let reads = &operation.reads;
        let time = reads.qpu_time.as_ref().map(|(place, _)| place);
        let places = [
            ("status", reads.status.as_ref()),
            ("target", reads.target.as_ref()),
            ("shots", reads.shots.as_ref()),
            ("qpu_time", time),
        ];
        let values = places.into_iter().filter_map(|(name, place)| Some((name.to_owned(), self.at(place?).join(","))));
        values.filter(|(_, text)| !text.is_empty()).collect()
    }

    fn at(&self, place: &Place) -> Vec<String> {
        match place {
            Place::Path(name) => {
                self.found.capture(name).map(|span| self.target[span].to_owned()).into_iter().collect()
            }
            Place::Query(key) => {
                let query = self.target.split_once('?').map_or("", |(_, query)| query);
                let values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(k, _)| **k == **key);
                values.flat_map(|(_, value)| value.split(',')).map(str::to_owned).collect()
            }
            Place::Body(pointer) => texts(pointer.values(&self.fixture.body.clone().unwrap_or_default())),
            Place::Answer(pointer) => texts(pointer.values(&self.fixture.answer.clone().unwrap_or_default())),
        }
    }
}

fn texts(values: Vec<&Value>) -> Vec<String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    values.into_iter().filter_map(scalar).collect()
}
