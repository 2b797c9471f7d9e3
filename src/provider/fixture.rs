//! Fixtures: sample requests and answers of a provider, and what its preset must find each to be.
//! Owns the form in which they are written, for the shipped presets' as for an operator's own.
//! Never reads a file and never sends anything.

use super::{
    Located, Match, PresetError, Provider,
    preset::read_yaml,
    reading::{self, Sent},
    sample,
};
use crate::job::{Figures, JOB, Thing};
use serde::Deserialize;
use serde_json::Value;
use serde_yaml::Spanned;
use std::{collections::BTreeSet, fmt};

/// A longer body is no sample.
const LONGEST: usize = 1024 * 1024;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// Method, path and query.
    pub send: String,
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

/// The fixtures of one file, each at its line.
#[derive(Debug)]
pub struct Fixtures(Vec<(u64, Fixture)>);

/// What a preset does not find as its fixtures say.
#[derive(Default)]
pub struct Report {
    pub walked: usize,
    pub differences: Vec<Difference>,
    /// `operation: template` of what no fixture goes through.
    pub forgotten: Vec<String>,
}

pub struct Difference {
    /// From 1.
    pub line: u64,
    pub send: String,
    pub problem: String,
}

impl Fixtures {
    /// `file` is what mistakes are told with.
    pub fn parse(file: &str, text: &str) -> Result<Self, PresetError> {
        let read: Vec<Spanned<Fixture>> = read_yaml(file, text)?;
        Ok(Self(read.into_iter().map(|fixture| (fixture.referenced.line(), fixture.value)).collect()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fixture> {
        self.0.iter().map(|(_, fixture)| fixture)
    }

    /// Takes every sample through the preset.
    pub fn walk(&self, provider: &Provider) -> Report {
        let mut report = Report { walked: self.0.len(), ..Report::default() };
        let mut walked = BTreeSet::new();
        for (line, fixture) in &self.0 {
            let mut differ = |problem| {
                report.differences.push(Difference { line: *line, send: fixture.send.clone(), problem });
            };
            match fixture.check(provider) {
                Err(problem) => differ(problem),
                Ok((found, problems)) => {
                    walked.extend(found.map(|found| step(&found.operation.name, found.pattern)));
                    problems.into_iter().for_each(&mut differ);
                }
            }
        }
        let operations = provider.preset().operations.iter();
        let all = operations.flat_map(|o| o.patterns.iter().map(|pattern| step(&o.name, pattern)));
        report.forgotten = all.filter(|step| !walked.contains(step)).collect();
        report
    }
}

fn step(operation: &str, pattern: impl fmt::Display) -> String {
    format!("{operation}: {pattern}")
}

impl Fixture {
    /// What the request is found to be, and what is otherwise than it says here.
    fn check<'p>(&self, provider: &'p Provider) -> Result<(Option<Match<'p>>, Vec<String>), String> {
        let found = match self.find(provider)? {
            Found::Ambiguous => return self.is("ambiguous").map(|()| (None, Vec::new())),
            Found::Unlisted => return self.is("unlisted").map(|()| (None, Vec::new())),
            Found::Operation(found) => found,
        };
        self.is(&found.operation.name)?;
        let seen = self.see(provider, &found)?;
        let texts = |expected: &[String], found: &[String]| (expected.join(", "), found.join(", "));
        let pairs = [
            ("uses", texts(&self.uses, &seen.uses)),
            ("asks", (self.asks.clone(), seen.asks)),
            ("creates", texts(&self.creates, &seen.creates)),
            ("tells", texts(&self.tells, &seen.tells)),
            ("lists", texts(&self.lists, &seen.lists)),
            ("rewrites", texts(&self.rewrites, &self.rewritten(provider, &found))),
        ];
        let problems = pairs.into_iter().filter(|(_, (expected, found))| expected != found);
        let told = |text: String| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
        let problems =
            problems.map(|(what, (expected, found))| format!("{what} {}, and not {}", told(found), told(expected)));
        Ok((Some(found), problems.collect()))
    }

    fn is(&self, found: &str) -> Result<(), String> {
        if self.is == found { Ok(()) } else { Err(format!("is `{found}`, and not `{}`", self.is)) }
    }

    fn find<'p>(&self, provider: &'p Provider) -> Result<Found<'p>, String> {
        let (method, target) = self.send.split_once(' ').ok_or("expected a method and a path after `send:`")?;
        let path = target.split('?').next().unwrap_or_default();
        Ok(match provider.classify(method, path.as_bytes()) {
            Err(_) => Found::Ambiguous,
            Ok(None) => Found::Unlisted,
            Ok(Some(found)) => Found::Operation(found),
        })
    }

    fn rewritten(&self, provider: &Provider, found: &Match<'_>) -> Vec<String> {
        let answer = self.answer.clone().unwrap_or_default();
        let pointers = found.operation.rewrites.iter();
        let urls = pointers.flat_map(|pointer| pointer.values(&answer)).filter_map(Value::as_str);
        let rewrites = urls.filter_map(|url| match provider.locate(url) {
            Located::Own(target) => Some(target.to_owned()),
            Located::Relative => None,
            Located::Foreign => Some("foreign".into()),
        });
        rewrites.collect()
    }

    /// What is read out of a sample that is an operation of its provider.
    pub fn seen(&self, provider: &Provider) -> Option<Seen> {
        match self.find(provider).ok()? {
            Found::Operation(found) => self.see(provider, &found).ok(),
            Found::Unlisted | Found::Ambiguous => None,
        }
    }

    fn see(&self, provider: &Provider, found: &Match<'_>) -> Result<Seen, String> {
        let target = self.send.split_once(' ').map_or("", |(_, target)| target);
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let body = match &self.body {
            None => None,
            Some(body) => {
                let bytes = sample::bytes(body, found.operation)?;
                let read = reading::request(bytes.into(), None, found.operation, LONGEST);
                Some(read.map_err(|_| "the body cannot be read")?)
            }
        };
        let sent = Sent { found, path, query, body: body.as_ref() };
        let used = reading::used(&sent).map_err(|_| "the ids that it names cannot be read")?;
        let mut seen = Seen { uses: used.iter().map(thing).collect(), asks: asks(&sent), ..Seen::default() };
        if let Some(answer) = &self.answer {
            see_answer(provider, &sent, &used, answer, &mut seen)?;
        } else {
            let made = reading::made_by_client(&sent, provider.preset(), &used).unwrap_or_default();
            seen.creates = made.iter().map(|made| thing(&made.thing)).collect();
        }
        Ok(seen)
    }
}

enum Found<'p> {
    Ambiguous,
    Unlisted,
    Operation(Match<'p>),
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

fn see_answer(
    provider: &Provider,
    sent: &Sent<'_>,
    used: &[Thing],
    answer: &Value,
    seen: &mut Seen,
) -> Result<(), String> {
    let operation = sent.found.operation;
    let read =
        reading::answer(&sample::bytes(answer, operation)?, operation).map_err(|_| "the answer cannot be read")?;
    let made = reading::made(sent, provider.preset(), used, &read);
    let made = made.map_err(|_| "what the answer creates cannot be read: an id is missing")?;
    for made in &made {
        let parent = made.parent.as_ref().map(|parent| format!(" of {}", thing(parent))).unwrap_or_default();
        seen.creates.push(format!("{}{parent}", thing(&made.thing)));
    }
    let made =
        made.into_iter().filter(|made| made.figures != Figures::default()).map(|made| (made.thing, made.figures));
    let observed = reading::observed(sent, provider.preset(), used, &read);
    seen.tells = made.chain(observed).map(|(of, figures)| format!("{}: {}", thing(&of), told(&figures))).collect();
    let Some(listing) = &operation.lists else { return Ok(()) };
    let kept = reading::filter(operation, &mut answer.clone(), |id| {
        seen.lists.push(format!("{} {id}", listing.kind));
        true
    });
    kept.map(drop).map_err(|_| "the list cannot be cut down to somebody's own: an entry has no id".into())
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

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.line, self.send, self.problem)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::provider::Catalog;

    /// Those of a shipped preset.
    pub(in crate::provider) fn shipped(id: &str) -> Fixtures {
        let path = format!("{}/config/providers/fixtures/{id}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        Fixtures::parse(&path, &text).unwrap()
    }

    #[test]
    fn every_sample_request_and_answer_is_what_its_fixture_says() {
        for provider in Catalog::shipped().unwrap().iter() {
            let report = shipped(provider.id()).walk(provider);
            let differences: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
            assert!(differences.is_empty(), "{}: {differences:#?}", provider.id());
            assert!(report.forgotten.is_empty(), "{}: no fixture for {:#?}", provider.id(), report.forgotten);
        }
    }

    #[test]
    fn whatever_differs_is_told_with_its_line_and_both_sides() {
        let catalog = Catalog::shipped().unwrap();
        let text = "- { send: GET /api/v1/jobs/j1, is: submit }\n\
                    - { send: GET /api/v1/jobs/j1, is: status, uses: [job j2] }\n\
                    - { send: GET /api/v1/jobs/j1, is: status, uses: [job j1], answer: { status: completed } }\n\
                    - { send: GET, is: status }\n\
                    - { send: POST /api/v1/jobs/garnet/run, is: submit, asks: \"1 job, on garnet\", answer: {} }\n";
        let report = Fixtures::parse("x.yaml", text).unwrap().walk(catalog.find("iqm").unwrap());
        let told: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "1: GET /api/v1/jobs/j1 is `status`, and not `submit`",
                "2: GET /api/v1/jobs/j1 uses `job j1`, and not `job j2`",
                "3: GET /api/v1/jobs/j1 tells `job j1: completed (completed)`, and not nothing",
                "4: GET expected a method and a path after `send:`",
                "5: POST /api/v1/jobs/garnet/run what the answer creates cannot be read: an id is missing",
            ]
        );
        assert!(report.forgotten.contains(&"cancel: DELETE /api/v1/jobs/{job}".to_owned()), "{:?}", report.forgotten);
        let broken = Fixtures::parse("x.yaml", "- { send: GET /, is: status, use: [] }").err().unwrap();
        assert!(broken.to_string().starts_with("x.yaml:1:"), "{broken}");
    }

    /// An answer is skimmed for what is read of it, and what is left out changes nothing.
    #[test]
    fn a_skimmed_answer_tells_what_the_whole_one_tells() {
        for provider in Catalog::shipped().unwrap().iter() {
            for fixture in shipped(provider.id()).iter() {
                let (Some(answer), Ok(Found::Operation(found))) = (&fixture.answer, fixture.find(provider)) else {
                    continue;
                };
                skims_alike(provider, fixture, &found, answer);
            }
        }
    }

    fn skims_alike(provider: &Provider, fixture: &Fixture, found: &Match<'_>, answer: &Value) {
        let target = fixture.send.split_once(' ').map_or("", |(_, target)| target);
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let body = fixture.body.as_ref().map(|body| {
            reading::request(sample::bytes(body, found.operation).unwrap().into(), None, found.operation, LONGEST)
                .unwrap()
        });
        let sent = Sent { found, path, query, body: body.as_ref() };
        let used = reading::used(&sent).unwrap();
        let (preset, read) = (
            provider.preset(),
            reading::answer(&sample::bytes(answer, found.operation).unwrap(), found.operation).unwrap(),
        );
        assert_eq!(reading::made(&sent, preset, &used, answer), reading::made(&sent, preset, &used, &read));
        assert_eq!(reading::observed(&sent, preset, &used, answer), reading::observed(&sent, preset, &used, &read));
        if found.operation.lists.is_some() {
            let mut rest = answer.clone();
            assert_eq!((reading::filter(found.operation, &mut rest, |_| true), &rest), (Ok(0), answer));
            let all = fixture.lists.len();
            assert_eq!(reading::filter(found.operation, &mut rest, |_| false), Ok(all));
        }
    }
}
