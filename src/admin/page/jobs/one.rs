//! One job: what is known of it, its cancelling, and whose it is to be.
//! Owns nothing.
//! Never cancels or hands on by a link: each is a form that says what it does.

use super::context;
use crate::{
    admin::{
        api::Api,
        page::{
            confirm::Confirm,
            figures::shown,
            form::{Fields, Sent},
            frame::{Frame, Refused, Visitor, told},
            link, page, to_mend,
            whose::decides,
            words::say,
        },
    },
    manage::{
        Fault, Page, Wanted,
        jobs::{AdoptJob, Job, JobAt},
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use http::Uri;

#[derive(Template)]
#[template(path = "job.html")]
struct One {
    frame: Frame,
    job: Job,
    cancel: Option<String>,
    adopt: Option<String>,
}

#[derive(Template)]
#[template(path = "adopt.html")]
struct Adopt {
    frame: Frame,
    job: Job,
    to: String,
    /// Of what was read: in another tab it may have been given to somebody meanwhile.
    tag: String,
    members: Vec<String>,
    back: String,
}

fn at((provider, id): (String, String), uri: &Uri) -> JobAt {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    JobAt { provider, id, account: fields.some("account").map(Into::into) }
}

pub async fn show(
    State(api): State<Api>,
    visitor: Visitor,
    Path(path): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Refused> {
    let at = at(path, &uri);
    let job = api.management.job(&visitor.who, &at).await?;
    let cancel = api.management.can_cancel(&job).then(|| link::at_job(&at, "/cancel", ""));
    let adopt = decides(&visitor, job.context.as_ref()).then(|| link::at_job(&at, "/adopt", ""));
    Ok(page(&One { frame: Frame::of(&visitor, "/jobs"), job, cancel, adopt }))
}

pub async fn ask_cancel(
    State(api): State<Api>,
    visitor: Visitor,
    Path(path): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Refused> {
    let at = at(path, &uri);
    let job = api.management.job(&visitor.who, &at).await?;
    Ok(page(&confirm(Frame::of(&visitor, "/jobs"), &visitor, &at, &job)))
}

fn confirm(frame: Frame, visitor: &Visitor, at: &JobAt, job: &Job) -> Confirm {
    let label = job.credential_label.clone().unwrap_or_else(|| job.credential.to_string());
    let mut effects = vec![
        say!("cancel-effect", provider = job.provider, label = label),
        say!("cancel-results"),
        say!("cancel-paid", context = context(job.context.as_ref())),
    ];
    if let Some(user) = job.user.as_ref().filter(|user| **user != visitor.me.name) {
        effects.insert(0, say!("cancel-whose", user = user.to_string()));
    }
    Confirm {
        frame,
        heading: say!("cancel-heading", id = job.id),
        effects,
        act: say!("cancel-go"),
        back: link::at_job(at, "", ""),
    }
}

pub async fn cancel(
    State(api): State<Api>,
    Path(path): Path<(String, String)>,
    uri: Uri,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let at = at(path, &uri);
    let job = api.management.job(&visitor.who, &at).await?;
    match api.management.cancel_job(&visitor.who, at.clone()).await {
        Ok(_) => Ok(Redirect::to(&link::at_job(&at, "", "cancelled")).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, "/jobs").alert(told(fault)?);
            let again = page(&confirm(frame, &visitor, &at, &job));
            Ok(to_mend(again))
        }
    }
}

pub async fn ask_adopt(
    State(api): State<Api>,
    visitor: Visitor,
    Path(path): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, "/jobs");
    form(&api, &visitor, frame, &at(path, &uri), String::new()).await
}

async fn form(api: &Api, visitor: &Visitor, frame: Frame, at: &JobAt, to: String) -> Result<Response, Refused> {
    let job = api.management.job(&visitor.who, at).await?;
    if !decides(visitor, job.context.as_ref()) {
        return Err(Fault::forbidden(say!("adopt-not-yours")).into());
    }
    let members = match job.context.as_ref().and_then(|context| context.organization.as_ref()) {
        Some(name) => {
            let most = Page { after: None, limit: Some(200) };
            let members = api.management.members(&visitor.who, name.as_str(), &most).await?.items;
            members.into_iter().map(|member| member.name.to_string()).collect()
        }
        None => Vec::new(),
    };
    let (tag, back) = (job.tag().as_str().to_owned(), link::at_job(at, "", ""));
    Ok(page(&Adopt { frame, job, to, tag, members, back }))
}

pub async fn adopt(
    State(api): State<Api>,
    Path(path): Path<(String, String)>,
    uri: Uri,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let at = at(path, &uri);
    let to = fields.one("to").to_owned();
    let read = Wanted::parse(fields.one("tag"));
    match api.management.adopt_job(&visitor.who, &at, &AdoptJob { to: to.clone() }, read.as_ref()).await {
        Ok(_) => Ok(Redirect::to(&link::at_job(&at, "", "adopted")).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, "/jobs").alert(told(fault)?);
            let again = form(&api, &visitor, frame, &at, to).await?;
            Ok(to_mend(again))
        }
    }
}
