//! `bellhop job list` and `show`.
//! Owns nothing.
//! Never shows more than a page where nobody asked for more.

use super::Chosen;
use crate::{
    cli::{
        Console, Failure,
        api::{Api, asked},
        console::Form,
    },
    clock::Timestamp,
    config::Millionths,
    id::SubmissionId,
    identity::{Context, Name, UserName},
    job::{Ended, State},
    manage::{jobs::Job, submissions::Submission},
};
use clap::Args;
use serde::Serialize;
use serde_json::json;

#[derive(Args, Debug)]
pub struct List {
    /// Only this user's
    #[arg(long)]
    user: Option<UserName>,
    /// Only what this organization pays for
    #[arg(long, value_name = "ORGANIZATION")]
    org: Option<Name>,
    /// Only at this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only those that have not ended
    #[arg(long, conflicts_with = "ended")]
    open: bool,
    /// Only those that have ended
    #[arg(long)]
    ended: bool,
    /// Submissions of which nobody knows what came of them, instead of jobs
    #[arg(long, conflicts_with_all = ["open", "ended"])]
    unknown: bool,
    /// At most so many
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: u32,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct JobLine {
    provider: String,
    job: String,
    user: Option<UserName>,
    context: String,
    status: Option<String>,
    ended: Option<Ended>,
    target: Option<String>,
    shots: Option<u64>,
    qpu_seconds: Option<Millionths>,
    cost: Option<Millionths>,
    token: Option<String>,
    credential: Option<String>,
    submitted: Timestamp,
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct SubmissionLine {
    submission: SubmissionId,
    provider: String,
    operation: String,
    user: Option<UserName>,
    context: String,
    target: Option<String>,
    jobs: u64,
    shots: u64,
    token: Option<String>,
    state: State,
    submitted: Timestamp,
}

impl From<Job> for JobLine {
    fn from(job: Job) -> Self {
        Self {
            provider: job.provider,
            job: job.id,
            user: job.user,
            context: context(job.context.as_ref()),
            status: job.status,
            ended: job.ended,
            target: job.target,
            shots: job.shots,
            qpu_seconds: job.qpu_seconds,
            cost: job.cost,
            token: job.token,
            credential: job.credential_label,
            submitted: job.submitted,
            ended_at: job.ended_at,
        }
    }
}

impl From<Submission> for SubmissionLine {
    fn from(submission: Submission) -> Self {
        Self {
            submission: submission.id,
            provider: submission.provider,
            operation: submission.operation,
            user: submission.user,
            context: context(submission.context.as_ref()),
            target: submission.target,
            jobs: submission.jobs,
            shots: submission.shots,
            token: submission.token,
            state: submission.state,
            submitted: submission.submitted,
        }
    }
}

fn context(context: Option<&Context>) -> String {
    context.map_or_else(|| "a deleted organization".into(), ToString::to_string)
}

impl List {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let whose = [
            ("user", self.user.map(|name| name.to_string())),
            ("organization", self.org.map(|name| name.to_string())),
            ("provider", self.provider),
        ];
        let path = |path, filter| asked(path, &[&whose[..], &[filter]].concat());
        if self.unknown {
            let path = path("/submissions", ("state", Some(State::Unknown.to_string())));
            let rows: Vec<Submission> = api.first(&path, self.limit as usize).await?;
            let lines: Vec<SubmissionLine> = rows.into_iter().map(Into::into).collect();
            let columns = ["submission", "provider", "operation", "user", "context", "target", "jobs", "submitted"];
            console.table(self.form, &columns, &lines);
            if !lines.is_empty() {
                console.note(
                    "Look them up at the provider; then `bellhop job adopt PROVIDER JOB --submission SUBMISSION`, or \
                     `bellhop job settle SUBMISSION` if nothing came of it.",
                );
            }
            return Ok(());
        }
        let progress = match (self.open, self.ended) {
            (true, _) => Some("open".to_owned()),
            (_, true) => Some("ended".to_owned()),
            _ => None,
        };
        let rows: Vec<Job> = api.first(&path("/jobs", ("progress", progress)), self.limit as usize).await?;
        let lines: Vec<JobLine> = rows.into_iter().map(Into::into).collect();
        let columns = ["provider", "job", "user", "context", "status", "target", "shots", "qpu_seconds", "submitted"];
        console.table(self.form, &columns, &lines);
        Ok(())
    }
}

impl Show {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let job: Job = api.get(&self.chosen.path("")).await?;
        let (submission, id) = (job.submission, job.credential);
        let line = JobLine::from(job);
        let fields = [
            ("provider", json!(line.provider)),
            ("job", json!(line.job)),
            ("user", json!(line.user)),
            ("context", json!(line.context)),
            ("status", json!(line.status)),
            ("ended", json!(line.ended)),
            ("target", json!(line.target)),
            ("shots", json!(line.shots)),
            ("qpu_seconds", json!(line.qpu_seconds)),
            ("cost", json!(line.cost)),
            ("token", json!(line.token)),
            ("credential", json!(line.credential)),
            ("credential_id", json!(id)),
            ("submission", json!(submission)),
            ("submitted", json!(line.submitted)),
            ("ended_at", json!(line.ended_at)),
        ];
        console.sheet(self.form, &fields);
        Ok(())
    }
}
