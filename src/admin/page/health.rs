//! How this Bellhop is: for administrators, and by itself every ten seconds.
//! Owns nothing; it is what the process and the store know.
//! Never asks a provider.

use super::{
    credentials::{Mark, home, known, mark, name, title},
    frame::{Frame, Refused, Visitor},
    page,
    words::say,
};
use crate::{
    admin::{Admin, api::Api},
    job::State as SubmissionState,
    manage::{
        Fault, Of, Page,
        credentials::{Credential, Which},
        submissions::SubmissionsWanted,
    },
};
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// More are counted as "and more".
const MOST: Page = Page { after: None, limit: Some(100) };

#[derive(Template)]
#[template(path = "health.html")]
struct Health {
    frame: Frame,
    overall: Mark,
    store: Mark,
    /// Since this process last read the change log to its end.
    age: String,
    max_stale: String,
    version: &'static str,
    callers: usize,
    sources: usize,
    open: String,
    unknown: String,
    has_unknown: bool,
    withheld: u64,
    spooled: u64,
    failing: Vec<Failing>,
    more_failing: bool,
}

/// A provider token that fails.
struct Failing {
    id: String,
    title: String,
    owner: String,
    mark: Mark,
}

pub async fn show(
    State(api): State<Api>,
    Extension(admin): Extension<Arc<Admin>>,
    visitor: Visitor,
) -> Result<Response, Refused> {
    if !visitor.admin {
        return Err(Fault::missing("page").into());
    }
    let (failing, more_failing) = failing(&api, &visitor).await?;
    let (open, _) = submissions(&api, &visitor, SubmissionState::Open).await?;
    let (unknown, has_unknown) = submissions(&api, &visitor, SubmissionState::Unknown).await?;
    let (store, sources) = (store(&admin), admin.sources.failing());
    let is_clean = failing.is_empty() && sources == 0 && !has_unknown;
    let overall = match store.kind {
        "good" if admin.draining.load(Ordering::Relaxed) => Mark { kind: "warn", text: say!("health-draining") },
        "good" if is_clean => Mark { kind: "good", text: say!("health-good") },
        "good" => Mark { kind: "warn", text: say!("health-look") },
        kind => Mark { kind, text: say!("health-bad") },
    };
    let tally = admin.jobs.tally();
    Ok(page(&Health {
        frame: Frame::of(&visitor, "/health"),
        overall,
        store,
        age: span(admin.directory.staleness()),
        max_stale: span(admin.directory.max_stale()),
        version: env!("CARGO_PKG_VERSION"),
        callers: admin.directory.len(),
        sources,
        open,
        unknown,
        has_unknown,
        withheld: tally.foreign.load(Ordering::Relaxed),
        spooled: tally.spooled.load(Ordering::Relaxed),
        failing,
        more_failing,
    }))
}

fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds >= 60 => say!("health-minutes", count = seconds / 60),
        seconds => say!("health-seconds", count = seconds),
    }
}

fn store(admin: &Admin) -> Mark {
    let directory = &admin.directory;
    if directory.is_fresh() {
        Mark { kind: "good", text: say!("health-fresh") }
    } else if directory.staleness() <= directory.max_stale() {
        Mark { kind: "warn", text: say!("health-stale") }
    } else {
        Mark { kind: "bad", text: say!("health-gone") }
    }
}

async fn failing(api: &Api, visitor: &Visitor) -> Result<(Vec<Failing>, bool), Refused> {
    let which = Which { failing: true, ..Which::default() };
    let found = api.management.credentials(&visitor.who, &which, &MOST).await?;
    let providers = known(api, &visitor.who).await?;
    let line = |credential: &Credential| {
        let provider = name(&providers, &credential.provider);
        Failing {
            id: credential.id.to_string(),
            title: title(credential, provider),
            owner: home(credential, &visitor.me),
            mark: mark(credential, provider),
        }
    };
    Ok((found.items.iter().map(line).collect(), found.next.is_some()))
}

/// How many there are, in words, and whether there are any.
async fn submissions(api: &Api, visitor: &Visitor, state: SubmissionState) -> Result<(String, bool), Refused> {
    let everybody = Of { user: Some("*".into()), organization: None };
    let wanted = SubmissionsWanted { provider: None, state: Some(state) };
    let found = api.management.submissions(&visitor.who, &everybody, wanted, &MOST).await?;
    let more = if found.next.is_some() { "yes" } else { "no" };
    Ok((say!("health-count", count = found.items.len(), more = more), !found.items.is_empty()))
}
