//! What the manual tells operators, held to the program's text and to the rules and the dashboard that are shipped with it.
//! That the manual's table of figures is what a running Bellhop says, `tests/it/telemetry.rs` tells.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what helps it"
)]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn rules_and_dashboard_ask_for_figures_that_there_are() {
    let (figures, manual) = (figures(), section("Metrics"));
    let queries = alerts().into_iter().map(|alert| (alert.name, alert.query)).chain(panels());
    for (title, query) in queries {
        let mut labels: BTreeSet<&str> = ["instance"].into();
        let mut asked = 0;
        for (name, matchers) in selectors(&query) {
            let (known, end) = family(&figures, name).unwrap_or_else(|| panic!("{title}: there is no {name}"));
            labels.extend(known.iter().map(String::as_str));
            labels.extend((end == "_bucket").then_some("le"));
            for (label, value) in matchers {
                let is_there = known.contains(label) || label == "instance" || (label == "le" && end == "_bucket");
                assert!(is_there, "{title}: {name} has no label {label}");
                for word in value.split('|').filter(|word| !word.starts_with('$') && label != "le") {
                    let is_told = manual.contains(&format!("`{word}`")) || source_has(word);
                    assert!(is_told, "{title}: {name} never has {label}={word}");
                }
            }
            asked += 1;
        }
        assert!(asked > 0, "{title} asks for nothing: {query}");
        for label in grouped(&query) {
            assert!(labels.contains(label), "{title}: nothing has a label {label}");
        }
    }
}

#[test]
fn every_alert_has_its_lines_in_the_manual_and_no_other_has() {
    let manual = section("Alerts");
    let told: BTreeSet<&str> = manual.lines().filter_map(|line| line.strip_prefix("#### ")).collect();
    let alerts = alerts();
    assert_eq!(told, alerts.iter().map(|alert| &*alert.name).collect());
    for alert in alerts {
        assert_eq!(alert.runbook, format!("docs/operations.md#{}", alert.name.to_lowercase()));
    }
}

#[test]
fn both_ways_of_deploying_have_the_same_files() {
    for (link, file) in [("rules.yaml", "rules/bellhop.yaml"), ("dashboard.json", "dashboards/bellhop.json")] {
        let deploy = root().join("config/deploy");
        let (link, file) = (deploy.join("telemetry").join(link), deploy.join("helm/bellhop").join(file));
        assert_eq!(fs::canonicalize(link).unwrap(), fs::canonicalize(file).unwrap());
    }
}

#[test]
fn events_have_the_names_levels_and_fields_that_the_manual_says() {
    type Events = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;
    let row = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let words = |cell: &str| cell.split(", ").filter(|word| !word.is_empty()).map(str::to_owned).collect();
        (cells[0].trim_matches('`').to_owned(), (words(cells[1]), words(cells[2])))
    };
    let manual = section("Logs");
    let mut told: Events = manual.lines().filter(|line| line.starts_with("| `")).map(row).collect();
    // Said at every level, without the macros.
    assert!(told.remove("listen.begin").is_some());
    let mut there = Events::new();
    for (file, text) in sources() {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for level in ["error", "warn", "info"] {
            for (at, call) in code.match_indices(&format!("tracing::{level}!(")) {
                let (event, fields) = event(&code[at + call.len()..]);
                let event = event.unwrap_or_else(|| panic!("{}: an event without a name", file.display()));
                let (levels, known) = there.entry(event).or_default();
                levels.insert(level.to_owned());
                known.extend(fields);
            }
        }
    }
    assert_eq!(told, there);
}

/// The name and the fields of one call of `tracing`'s macros, from its opening on.
fn event(call: &str) -> (Option<String>, Vec<String>) {
    let (mut parts, mut part, mut depth, mut quoted) = (Vec::new(), String::new(), 0, false);
    let mut letters = call.chars();
    while let Some(c) = letters.next() {
        match c {
            '\\' if quoted => drop(letters.next()),
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth > 0 => depth -= 1,
            ')' if !quoted => break,
            ',' if !quoted && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).collect();
    let name = parts.iter().find_map(|part| part.strip_prefix("event = \"")?.strip_suffix('"')).map(str::to_owned);
    let fields = parts.iter().filter(|part| !part.is_empty() && !part.starts_with('"') && !part.starts_with("event ="));
    let word = |part: &&str| part.trim_start_matches(['%', '?']).split([' ', '.']).next().unwrap().to_owned();
    (name, fields.map(word).collect())
}

struct Alert {
    name: String,
    query: String,
    runbook: String,
}

fn alerts() -> Vec<Alert> {
    let rules: Value = serde_yaml::from_str(&read("config/deploy/telemetry/rules.yaml")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let read = |rule: &Value| Alert {
        name: text(&rule["alert"]),
        query: text(&rule["expr"]),
        runbook: text(&rule["annotations"]["runbook"]),
    };
    rules.map(read).collect()
}

/// Every query of the dashboard, with its panel's title.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("config/deploy/telemetry/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(|target| (panel["title"].to_string(), target["expr"].as_str().unwrap().to_owned()))
    });
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let variables = variables.filter_map(|one| Some((one["name"].to_string(), one["definition"].as_str()?.to_owned())));
    panels.chain(variables).collect()
}

/// Each metric of a query, with what its labels have to be.
fn selectors(query: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = ["bellhop_", "process_"];
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = begins.iter().filter_map(|begin| rest.find(begin)).min() {
        rest = &rest[at..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let matchers = after.strip_prefix('{').map_or("", |inside| inside.split_once('}').unwrap().0);
        let matchers = matchers.split("\",").filter(|one| !one.is_empty()).map(|one| {
            let (label, value) = one.split_once('"').unwrap();
            (label.trim_end_matches(['=', '~', '!']), value.trim_end_matches('"'))
        });
        found.push((name, matchers.collect()));
        rest = after;
    }
    found
}

/// What a query groups and joins by.
fn grouped(query: &str) -> Vec<&str> {
    let lists = ["by (", "on (", "ignoring ("].iter().flat_map(|word| query.match_indices(*word));
    let lists = lists.map(|(at, word)| query[at + word.len()..].split_once(')').unwrap().0);
    lists.flat_map(|list| list.split(',')).map(str::trim).collect()
}

/// The labels of the family that this is a series of, and by which ending.
fn family<'f>(
    figures: &'f BTreeMap<String, (String, BTreeSet<String>)>,
    name: &str,
) -> Option<(&'f BTreeSet<String>, &'static str)> {
    if let Some((kind, labels)) = figures.get(name) {
        return (kind != "histogram").then_some((labels, ""));
    }
    ["_bucket", "_sum", "_count"].into_iter().find_map(|end| {
        let (kind, labels) = figures.get(name.strip_suffix(end)?)?;
        (kind == "histogram").then_some((labels, end))
    })
}

/// By name, from the manual: the type and the labels.
fn figures() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let read = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        (cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels))
    };
    section("Metrics").lines().filter(|line| line.starts_with("| `")).map(read).collect()
}

fn section(title: &str) -> String {
    let manual = read("docs/operations.md");
    let rest = manual.split(&format!("\n## {title}\n")).nth(1).expect(title).to_owned();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// Whether the program has this word among those that a label is made of.
fn source_has(word: &str) -> bool {
    let quoted = format!("\"{word}\"");
    sources().any(|(_, text)| text.contains(&quoted))
}

fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join("src")]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
