//! Walks `config/providers/fixtures`: sample requests and answers of every shipped preset, and what each is found to be.

use super::shipped;
use crate::{
    job::{Figures, JOB, Thing},
    provider::{
        Located, Match, Operation, Provider,
        preset::operation::Format,
        reading::{self, Sent},
    },
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// Method, path and query.
    send: String,
    body: Option<Value>,
    /// The operation, or `unlisted` or `ambiguous`.
    is: String,
    #[serde(default)]
    uses: Vec<String>,
    answer: Option<Value>,
    /// What a submission of jobs asks for before it is answered.
    #[serde(default)]
    asks: String,
    #[serde(default)]
    creates: Vec<String>,
    #[serde(default)]
    lists: Vec<String>,
    /// What is told of each thing, whether it was made or was there.
    #[serde(default)]
    tells: Vec<String>,
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

pub fn read(id: &str) -> Vec<Fixture> {
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
            check_found(provider, fixture, &found, &named);
            return Some(found);
        }
    }
    None
}

fn check_found(provider: &Provider, fixture: &Fixture, found: &Match<'_>, named: &str) {
    let seen = see(provider, fixture, found);
    assert_eq!(seen.uses, fixture.uses, "{named}: uses");
    assert_eq!(seen.asks, fixture.asks, "{named}: asks");
    assert_eq!(seen.creates, fixture.creates, "{named}: creates");
    assert_eq!(seen.tells, fixture.tells, "{named}: tells");
    assert_eq!(seen.lists, fixture.lists, "{named}: lists");
    let answer = fixture.answer.clone().unwrap_or_default();
    let urls = found.operation.rewrites.iter().flat_map(|pointer| pointer.values(&answer)).filter_map(Value::as_str);
    let rewrites = urls.filter_map(|url| match provider.locate(url) {
        Located::Own(target) => Some(target.to_owned()),
        Located::Relative => None,
        Located::Foreign => Some("foreign".into()),
    });
    assert_eq!(rewrites.collect::<Vec<_>>(), fixture.rewrites, "{named}: rewrites");
}

/// What is read out of a sample, in words.
#[derive(Default)]
pub struct Seen {
    pub uses: Vec<String>,
    pub asks: String,
    pub creates: Vec<String>,
    pub tells: Vec<String>,
    pub lists: Vec<String>,
}

/// What is read out of a sample that is an operation of its provider.
pub fn seen(provider: &Provider, fixture: &Fixture) -> Option<Seen> {
    let (method, target) = fixture.send.split_once(' ')?;
    let path = target.split('?').next().unwrap_or_default();
    let found = provider.classify(method, path.as_bytes()).ok()??;
    Some(see(provider, fixture, &found))
}

fn see(provider: &Provider, fixture: &Fixture, found: &Match<'_>) -> Seen {
    let target = fixture.send.split_once(' ').map_or("", |(_, target)| target);
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let body = fixture
        .body
        .as_ref()
        .map(|body| reading::request(bytes(body, found.operation).into(), None, found.operation, 1 << 20).unwrap());
    let sent = Sent { found, path, query, body: body.as_ref() };
    let used = reading::used(&sent).unwrap();
    let mut seen = Seen { uses: used.iter().map(thing).collect(), asks: asks(&sent), ..Seen::default() };
    if let Some(answer) = &fixture.answer {
        see_answer(provider, &sent, &used, answer, &mut seen);
    } else {
        let made = reading::made_by_client(&sent, provider.preset(), &used).unwrap_or_default();
        seen.creates = made.iter().map(|made| thing(&made.thing)).collect();
    }
    seen
}

fn see_answer(provider: &Provider, sent: &Sent<'_>, used: &[Thing], answer: &Value, seen: &mut Seen) {
    let operation = sent.found.operation;
    let read = reading::answer(&bytes(answer, operation), operation).unwrap();
    let made = reading::made(sent, provider.preset(), used, &read).unwrap();
    // Skipping what is not read changes nothing about what is.
    assert_eq!(reading::made(sent, provider.preset(), used, answer), Ok(made.clone()));
    for made in &made {
        let parent = made.parent.as_ref().map(|parent| format!(" of {}", thing(parent))).unwrap_or_default();
        seen.creates.push(format!("{}{parent}", thing(&made.thing)));
    }
    let made =
        made.into_iter().filter(|made| made.figures != Figures::default()).map(|made| (made.thing, made.figures));
    let observed = reading::observed(sent, provider.preset(), used, &read);
    assert_eq!(reading::observed(sent, provider.preset(), used, answer), observed);
    seen.tells = made.chain(observed).map(|(of, figures)| format!("{}: {}", thing(&of), told(&figures))).collect();
    let Some(listing) = &operation.lists else { return };
    let (mut rest, mut ids) = (answer.clone(), Vec::new());
    let kept = reading::filter(operation, &mut rest, |id| {
        ids.push(format!("{} {id}", listing.kind));
        true
    });
    assert_eq!((kept, &rest), (Ok(0), answer));
    assert_eq!(reading::filter(operation, &mut rest, |_| false), Ok(ids.len()));
    seen.lists = ids;
}

/// As an SDK or a provider writes it.
fn bytes(value: &Value, operation: &Operation) -> Vec<u8> {
    match operation.format {
        Format::Json => serde_json::to_vec(value).unwrap(),
        Format::Grpc => {
            let message = message(value);
            [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat()
        }
    }
}

/// A message whose fields are the members of an object, by their numbers.
fn message(value: &Value) -> Vec<u8> {
    let fields = value.as_object().expect("a message").iter();
    let each = fields.flat_map(|(number, value)| match value {
        Value::Array(items) => items.iter().map(|item| (number, item)).collect(),
        one => vec![(number, one)],
    });
    each.flat_map(|(number, value)| field(number.parse().expect("a number of a field"), value)).collect()
}

fn field(number: u64, value: &Value) -> Vec<u8> {
    let content = match value {
        Value::Number(value) => return [varint(number << 3), varint(value.as_u64().unwrap())].concat(),
        Value::String(text) => text.as_bytes().to_vec(),
        inner => message(inner),
    };
    [varint(number << 3 | 2), varint(content.len() as u64), content].concat()
}

fn varint(number: u64) -> Vec<u8> {
    if number < 0x80 { vec![number as u8] } else { [vec![number as u8 | 0x80], varint(number >> 7)].concat() }
}

fn thing(thing: &Thing) -> String {
    format!("{} {}", thing.kind, thing.id)
}

fn asks(sent: &Sent<'_>) -> String {
    let asks = reading::asks(sent);
    if asks.amounts.jobs == 0 {
        return String::new();
    }
    let plural = if asks.amounts.jobs == 1 { "" } else { "s" };
    let jobs = format!("{} {JOB}{plural}", asks.amounts.jobs);
    let shots = (asks.amounts.shots > 0).then(|| format!("{} shots", asks.amounts.shots));
    let target = asks.target.map(|target| format!("on {target}"));
    [Some(jobs), shots, target].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn told(figures: &Figures) -> String {
    let status = figures.status.as_ref().map(|word| match figures.ended {
        Some(ended) => format!("{word} ({ended})"),
        None => format!("{word} (open)"),
    });
    let target = figures.target.as_ref().map(|target| format!("on {target}"));
    let shots = figures.shots.map(|shots| format!("{shots} shots"));
    let time = figures.qpu_us.map(|time| format!("{time} us"));
    [status, target, shots, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
