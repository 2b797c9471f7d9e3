//! A submission of which nobody knows what came of it: which job it made, or that it never arrived.
//! Owns nothing.
//! Never sends it again.

use crate::{
    admin::{
        api::Api,
        page::{
            confirm::Confirm,
            figures::{decimal, seconds},
            form::Sent,
            frame::{Frame, Refused, Visitor, told},
            link, page, to_mend,
            whose::decides,
            words::say,
        },
    },
    config::Millionths,
    id::SubmissionId,
    job,
    manage::{
        Fault,
        submissions::{AdoptSubmission, Submission},
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

#[derive(Template)]
#[template(path = "lost.html")]
struct Lost {
    frame: Frame,
    submission: Submission,
    is_mine_to_settle: bool,
    job: String,
    to: String,
}

impl Lost {
    fn is_unknown(&self) -> bool {
        self.submission.state == job::State::Unknown
    }
}

fn id(text: &str) -> Result<SubmissionId, Fault> {
    text.parse().map_err(|_| Fault::missing("submission"))
}

/// An organization's is its overseers' to settle, one's own is one's own.
fn settles(visitor: &Visitor, lost: &Submission) -> bool {
    let is_own = lost.context.as_ref().is_some_and(|context| context.organization.is_none())
        && lost.user.as_ref() == Some(&visitor.me.name);
    is_own || decides(visitor, lost.context.as_ref())
}

pub async fn show(State(api): State<Api>, visitor: Visitor, Path(path): Path<String>) -> Result<Response, Refused> {
    let lost = api.management.submission(&visitor.who, id(&path)?).await?;
    let is_mine_to_settle = settles(&visitor, &lost);
    let (frame, job, to) = (Frame::of(&visitor, "/jobs"), String::new(), String::new());
    Ok(page(&Lost { frame, submission: lost, is_mine_to_settle, job, to }))
}

pub async fn adopt(
    State(api): State<Api>,
    Path(path): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let id = id(&path)?;
    let lost = api.management.submission(&visitor.who, id).await?;
    let (job, to) = (fields.one("job").to_owned(), fields.one("to").to_owned());
    let adopted = if job.is_empty() || job.len() > job::LONGEST_ID {
        Err(Fault::invalid("job", say!("lost-job-expected")))
    } else {
        let to = fields.some("to").map(Into::into);
        let wanted = AdoptSubmission { provider: lost.provider.clone(), job: job.clone(), to };
        api.management.adopt_submission(&visitor.who, id, wanted).await
    };
    match adopted {
        Ok(made) => Ok(Redirect::to(&link::to_job(&made, "adopted")).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, "/jobs").alert(told(fault)?);
            let lost = api.management.submission(&visitor.who, id).await?;
            let is_mine_to_settle = settles(&visitor, &lost);
            let again = page(&Lost { frame, submission: lost, is_mine_to_settle, job, to });
            Ok(to_mend(again))
        }
    }
}

pub async fn ask(State(api): State<Api>, visitor: Visitor, Path(path): Path<String>) -> Result<Response, Refused> {
    let lost = api.management.submission(&visitor.who, id(&path)?).await?;
    if lost.state != job::State::Unknown || !settles(&visitor, &lost) {
        return Ok(Redirect::to(&link::to_submission(&lost)).into_response());
    }
    Ok(page(&confirm(Frame::of(&visitor, "/jobs"), &lost)))
}

fn confirm(frame: Frame, lost: &Submission) -> Confirm {
    Confirm {
        frame,
        heading: say!("lost-refuse-heading"),
        effects: vec![
            say!("lost-refuse-record"),
            say!("lost-refuse-quota", asked = asked(lost)),
            say!("lost-refuse-wrong", provider = lost.provider),
        ],
        act: say!("lost-refuse-go"),
        back: link::to_submission(lost),
    }
}

pub async fn refuse(
    State(api): State<Api>,
    Path(path): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let id = id(&path)?;
    let done = || Redirect::to("/jobs?said=settled").into_response();
    let Err(fault) = api.management.refuse_submission(&visitor.who, id).await else { return Ok(done()) };
    let lost = api.management.submission(&visitor.who, id).await?;
    // Pressed twice, or in another tab: it is as it was wanted.
    if lost.state == job::State::Refused {
        return Ok(done());
    }
    let frame = Frame::of(&visitor, "/jobs").alert(told(fault)?);
    Ok(to_mend(page(&confirm(frame, &lost))))
}

/// What it would have used, as far as its request said.
fn asked(lost: &Submission) -> String {
    let mut parts = vec![say!("amount-jobs", count = lost.jobs)];
    if lost.shots > 0 {
        parts.push(say!("amount-shots", count = lost.shots));
    }
    if lost.qpu_seconds > Millionths(0) {
        parts.push(seconds(lost.qpu_seconds));
    }
    if lost.cost > Millionths(0) {
        parts.push(say!("amount-money", count = decimal(lost.cost)));
    }
    parts.join(", ")
}
