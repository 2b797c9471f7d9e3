//! Jobs: the list, with what is left to be decided of.
//! Owns nothing.
//! Never asks a provider by being looked at: what is shown is on record.

mod lost;
mod one;

pub use lost::{adopt as adopt_lost, ask as ask_lost, refuse as refuse_lost, show as show_lost};
pub use one::{adopt, ask_adopt, ask_cancel, cancel, show};

use super::{
    figures::shown,
    form::Fields,
    frame::{Frame, Refused, Visitor},
    link, page,
    whose::Whose,
    words::say,
};
use crate::{
    admin::api::Api,
    job::{Ended, State},
    manage::{
        Page,
        jobs::{Job, JobsWanted},
        submissions::{Submission, SubmissionsWanted},
    },
    store::Progress,
};
use askama::Template;
use axum::{extract::State as Here, response::Response};
use http::Uri;

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs {
    frame: Frame,
    whose: Whose,
    provider: String,
    progress: String,
    /// Ids, and what they are called.
    providers: Vec<(String, String)>,
    list: Vec<Job>,
    next: Option<String>,
    /// Of unknown fate.
    lost: Vec<Submission>,
    more_lost: bool,
}

/// As many of unknown fate as stand above the list.
const LOST: u16 = 5;

pub async fn list(Here(api): Here<Api>, visitor: Visitor, uri: Uri) -> Result<Response, Refused> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let whose = Whose::read(&api, &visitor, &fields).await?;
    let (provider, progress) = (fields.one("provider").to_owned(), fields.one("progress").to_owned());
    let wanted = JobsWanted {
        provider: fields.some("provider").map(Into::into),
        credential: None,
        progress: match &*progress {
            "open" => Some(Progress::Open),
            "ended" => Some(Progress::Ended),
            _ => None,
        },
    };
    let place = Page { after: fields.some("after").map(Into::into), limit: None };
    let found = api.management.jobs(&visitor.who, &whose.of(), wanted, &place).await?;
    let lost = SubmissionsWanted { provider: fields.some("provider").map(Into::into), state: Some(State::Unknown) };
    let first = Page { after: None, limit: Some(LOST) };
    let lost = api.management.submissions(&visitor.who, &whose.of(), lost, &first).await?;
    let next = found.next.map(|after| {
        let values = [("of", &*whose.of), ("user", &whose.user), ("provider", &provider), ("progress", &progress)];
        link::asked("/jobs", &[&values[..], &[("after", &after)]].concat())
    });
    let providers = providers(&api, &visitor, &provider).await?;
    let frame = Frame::of(&visitor, "/jobs");
    let (list, lost, more_lost) = (found.items, lost.items, lost.next.is_some());
    Ok(page(&Jobs { frame, whose, provider, progress, providers, list, next, lost, more_lost }))
}

/// Those that there are, and the one that is asked for: it may have had jobs before it went.
async fn providers(api: &Api, visitor: &Visitor, chosen: &str) -> Result<Vec<(String, String)>, Refused> {
    let all = api.management.providers(&visitor.who, &Page { after: None, limit: Some(200) }).await?.items;
    let mut providers: Vec<(String, String)> = all.into_iter().map(|provider| (provider.id, provider.name)).collect();
    if !chosen.is_empty() && !providers.iter().any(|(id, _)| id == chosen) {
        providers.push((chosen.to_owned(), chosen.to_owned()));
    }
    Ok(providers)
}

impl Jobs {
    fn is_live(&self) -> bool {
        self.list.iter().any(|job| job.ended.is_none())
    }

    fn is_filtered(&self) -> bool {
        !(self.whose.is_mine() && self.provider.is_empty() && self.progress.is_empty())
    }
}

/// A tag's class, and what it says.
pub fn state(job: &Job) -> (&'static str, String) {
    match job.ended {
        Some(Ended::Completed) => ("tag good", say!("job-completed")),
        Some(Ended::Failed) => ("tag bad", say!("job-failed")),
        Some(Ended::Cancelled) => ("tag warn", say!("job-cancelled")),
        // In the provider's own word, which is all that is known.
        None => ("tag", job.status.clone().unwrap_or_else(|| say!("job-open"))),
    }
}

pub fn context(context: Option<&crate::identity::Context>) -> String {
    context.map_or_else(|| say!("context-gone"), ToString::to_string)
}
