//! Usage: who used how much of what, as a picture, as a table and as a file.
//! Owns nothing.
//! Never an estimate: what providers have not told yet is not counted.

pub mod span;

use super::{
    chart::{Chart, Given, Part, Size},
    figures::{Unit, shown},
    form::Fields,
    frame::{Frame, Refused, Visitor, told},
    link, page, to_mend,
    whose::Whose,
    words::say,
};
use crate::{
    admin::api::Api,
    config::Millionths,
    job::quota::Period,
    manage::{
        Fault, Of,
        usage::{Usage as Report, UsageLine, UsageWanted},
    },
    store::By,
};
use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{Uri, header};
use span::Span;
use std::collections::{HashMap, hash_map::Entry};

#[derive(Template)]
#[template(path = "usage.html")]
struct Usage {
    frame: Frame,
    whose: Whose,
    wish: Wish,
    chart: Option<Chart>,
    /// The first of them, which used most.
    lines: Vec<UsageLine>,
    /// Of all of them.
    all: UsageLine,
    more: bool,
    csv: String,
}

/// As many groups as stand on the page; the file has all.
const SHOWN: usize = 100;

/// What is chosen.
struct Wish {
    by: By,
    unit: Unit,
    when: String,
    from: String,
    to: String,
}

/// What there is to sum up by, with its word in addresses.
const BY: [(&str, By); 7] = [
    ("project", By::Project),
    ("member", By::User),
    ("token", By::Token),
    ("provider", By::Provider),
    ("target", By::Target),
    ("organization", By::Organization),
    ("credential", By::Credential),
];

impl Wish {
    fn read(fields: &Fields) -> Self {
        let by = BY.into_iter().find(|(word, _)| *word == fields.one("by"));
        let unit = Unit::ALL.into_iter().find(|unit| unit.as_str() == fields.one("measure"));
        let when = span::CHOICES.into_iter().find(|choice| *choice == fields.one("when"));
        Self {
            by: by.map_or(By::Project, |(_, by)| by),
            unit: unit.unwrap_or(Unit::Jobs),
            when: when.unwrap_or(span::CHOICES[0]).to_owned(),
            from: fields.one("from").to_owned(),
            to: fields.one("to").to_owned(),
        }
    }

    /// Whether this word is chosen, of any list: no two of them have one in common.
    fn is(&self, word: &str) -> bool {
        [self.word(), self.unit.as_str(), &self.when].contains(&word)
    }

    fn word(&self) -> &'static str {
        BY.into_iter().find(|(_, by)| *by == self.by).map_or("project", |(word, _)| word)
    }
}

pub async fn show(State(api): State<Api>, visitor: Visitor, uri: Uri) -> Result<Response, Refused> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let whose = Whose::read(&api, &visitor, &fields).await?;
    let (wish, frame) = (Wish::read(&fields), Frame::of(&visitor, "/usage"));
    let csv = link::asked(
        "/usage.csv",
        &[
            ("of", &*whose.of),
            ("user", &whose.user),
            ("by", wish.word()),
            ("when", &wish.when),
            ("from", &wish.from),
            ("to", &wish.to),
        ],
    );
    let span = match Span::of(&wish.when, &fields, api.management.now()) {
        Ok(span) => span,
        Err(fault) => {
            let frame = frame.alert(told(fault)?);
            let nothing = Usage { frame, whose, wish, chart: None, lines: Vec::new(), all: sum(&[]), more: false, csv };
            return Ok(to_mend(page(&nothing)));
        }
    };
    let of = whose.of();
    let report = over_time(&api, &visitor, &of, wish.by, span).await?;
    let mut lines = match report.per {
        Some(_) => in_all(&report.items),
        None => api.management.usage(&visitor.who, &of, wanted(wish.by, None, span)).await?.items,
    };
    let per = match span.per() {
        Period::Day => say!("usage-per-day"),
        Period::Month => say!("usage-per-month"),
    };
    let title = say!("usage-chart", measure = wish.unit.name(), by = by_name(wish.by), per = per);
    let view = View { by: wish.by, span, unit: wish.unit, size: Size::Full };
    let chart = (!lines.is_empty()).then(|| drawn(&report, ("usage", title), view));
    let (all, more) = (sum(&lines), lines.len() > SHOWN);
    lines.truncate(SHOWN);
    Ok(page(&Usage { frame, whose, wish, chart, lines, all, more, csv }))
}

/// The same as a file for spreadsheets, with a line for each day or month.
pub async fn csv(State(api): State<Api>, visitor: Visitor, uri: Uri) -> Result<Response, Refused> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let whose = Whose::read(&api, &visitor, &fields).await?;
    let wish = Wish::read(&fields);
    let span = Span::of(&wish.when, &fields, api.management.now())?;
    let report = over_time(&api, &visitor, &whose.of(), wish.by, span).await?;
    let name = format!("attachment; filename=\"usage-{}-{}-by-{}.csv\"", span.first, span.last, wish.word());
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, report.csv()).into_response())
}

fn wanted(by: By, per: Option<Period>, span: Span) -> UsageWanted {
    UsageWanted { by, per, from: Some(span.from()), to: Some(span.to()) }
}

/// Where there are more groups than can be told over time, all of them together.
async fn over_time(api: &Api, visitor: &Visitor, of: &Of, by: By, span: Span) -> Result<Report, Fault> {
    match api.management.usage(&visitor.who, of, wanted(by, Some(span.per()), span)).await {
        Err(Fault::Invalid { field: "per", .. }) => {
            let by = if span.per() == Period::Day { By::Day } else { By::Month };
            api.management.usage(&visitor.who, of, wanted(by, None, span)).await
        }
        report => report,
    }
}

#[derive(Clone, Copy)]
pub struct View {
    pub by: By,
    pub span: Span,
    pub unit: Unit,
    pub size: Size,
}

pub async fn chart(api: &Api, visitor: &Visitor, of: &Of, titled: (&str, String), view: View) -> Result<Chart, Fault> {
    Ok(drawn(&over_time(api, visitor, of, view.by, view.span).await?, titled, view))
}

fn drawn(report: &Report, (id, title): (&str, String), View { by, span, unit, size }: View) -> Chart {
    let (keys, periods): (Vec<String>, Vec<_>) = span.periods().into_iter().unzip();
    let places: HashMap<&str, usize> = keys.iter().enumerate().map(|(place, key)| (key.as_str(), place)).collect();
    let mut parts: HashMap<&str, Part> = HashMap::new();
    for line in &report.items {
        // Without a period it is a sum of all, and its name is the date.
        let (group, when) = line.period.as_ref().map_or(("*", &line.name), |period| (line.id.as_str(), period));
        let Some(place) = places.get(when.as_str()) else { continue };
        let part = parts.entry(group).or_insert_with(|| Part {
            name: if group == "*" { say!("usage-all") } else { named(by, line) },
            amounts: vec![0; keys.len()],
        });
        part.amounts[*place] = part.amounts[*place].saturating_add(amount(unit, line));
    }
    Chart::new(id, Given { title, unit, size, periods, parts: parts.into_values().collect() })
}

/// What was used over time, as one: the most jobs first.
fn in_all(lines: &[UsageLine]) -> Vec<UsageLine> {
    let mut groups: HashMap<&str, UsageLine> = HashMap::new();
    for line in lines {
        match groups.entry(&line.id) {
            Entry::Occupied(mut all) => add(all.get_mut(), line),
            Entry::Vacant(group) => {
                group.insert(UsageLine { period: None, ..line.clone() });
            }
        }
    }
    let mut all: Vec<UsageLine> = groups.into_values().collect();
    all.sort_by(|a, b| b.jobs.cmp(&a.jobs).then_with(|| (&a.name, &a.id).cmp(&(&b.name, &b.id))));
    all
}

const fn amount(unit: Unit, line: &UsageLine) -> u64 {
    match unit {
        Unit::Jobs => line.jobs,
        Unit::Shots => line.shots,
        Unit::Seconds => line.qpu_seconds.0,
        Unit::Money => line.cost.0,
    }
}

/// What is of no group has a name for people as well.
fn named(by: By, line: &UsageLine) -> String {
    if !line.name.is_empty() {
        return line.name.clone();
    }
    match by {
        By::Project => say!("usage-no-project"),
        By::Organization => say!("usage-no-organization"),
        By::Target => say!("usage-no-target"),
        By::Credential => say!("usage-no-label"),
        _ => say!("usage-no-name"),
    }
}

fn by_name(by: By) -> String {
    match by {
        By::User => say!("by-member"),
        By::Organization => say!("by-organization"),
        By::Token => say!("by-token"),
        By::Credential => say!("by-credential"),
        By::Provider => say!("by-provider"),
        By::Target => say!("by-target"),
        By::Project | By::Day | By::Month => say!("by-project"),
    }
}

impl Usage {
    fn by(&self) -> [(&'static str, String); 7] {
        BY.map(|(word, by)| (word, by_name(by)))
    }

    fn units(&self) -> [(&'static str, String); 4] {
        Unit::ALL.map(|unit| (unit.as_str(), unit.name()))
    }

    fn times(&self) -> [(&'static str, String); 5] {
        span::CHOICES.map(|choice| (choice, span::name(choice)))
    }

    fn group_name(&self) -> String {
        by_name(self.wish.by)
    }

    fn group(&self, line: &UsageLine) -> String {
        named(self.wish.by, line)
    }
}

fn sum(lines: &[UsageLine]) -> UsageLine {
    let nothing = UsageLine {
        period: None,
        name: String::new(),
        id: String::new(),
        jobs: 0,
        shots: 0,
        qpu_seconds: Millionths(0),
        cost: Millionths(0),
    };
    lines.iter().fold(nothing, |mut all, line| {
        add(&mut all, line);
        all
    })
}

const fn add(all: &mut UsageLine, line: &UsageLine) {
    all.jobs = all.jobs.saturating_add(line.jobs);
    all.shots = all.shots.saturating_add(line.shots);
    all.qpu_seconds.0 = all.qpu_seconds.0.saturating_add(line.qpu_seconds.0);
    all.cost.0 = all.cost.0.saturating_add(line.cost.0);
}
