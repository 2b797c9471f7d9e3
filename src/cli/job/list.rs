//! `bellhop job list` and `show`.
//! Owns nothing.
//! Never shows more than a page where nobody asked for more.

use super::Chosen;
use crate::{
    cli::{Console, Failure, console::Form, local::Local, lookup, money::decimal},
    clock::Timestamp,
    id::SubmissionId,
    identity::{Name, UserName},
    job::{Ended, State},
    store::{JobFilter, JobRow, PayerRow, Progress, Reading, SubmissionFilter, SubmissionRow, Whose},
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
    provider: Box<str>,
    job: Box<str>,
    user: Option<UserName>,
    context: String,
    status: Option<Box<str>>,
    ended: Option<Ended>,
    target: Option<Box<str>>,
    shots: Option<u64>,
    qpu_seconds: Option<String>,
    cost: Option<String>,
    token: Option<Box<str>>,
    credential: Option<Box<str>>,
    submitted: Timestamp,
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct SubmissionLine {
    submission: SubmissionId,
    provider: Box<str>,
    operation: Box<str>,
    user: Option<UserName>,
    context: String,
    target: Option<Box<str>>,
    jobs: u64,
    shots: u64,
    token: Option<Box<str>>,
    state: State,
    submitted: Timestamp,
}

impl From<JobRow> for JobLine {
    fn from(row: JobRow) -> Self {
        Self {
            provider: row.provider,
            job: row.thing.id,
            context: context(&row.payer),
            user: row.payer.user_name,
            status: row.status,
            ended: row.ended.map(|(how, _)| how),
            target: row.target,
            shots: row.shots,
            qpu_seconds: row.qpu_us.map(decimal),
            cost: row.micros.map(decimal),
            token: row.payer.token_name,
            credential: row.payer.label,
            submitted: row.created,
            ended_at: row.ended.map(|(_, at)| at),
        }
    }
}

impl From<SubmissionRow> for SubmissionLine {
    fn from(row: SubmissionRow) -> Self {
        Self {
            submission: row.id,
            provider: row.provider,
            operation: row.operation,
            context: context(&row.payer),
            user: row.payer.user_name,
            target: row.target,
            jobs: row.asks.jobs,
            shots: row.asks.shots,
            token: row.payer.token_name,
            state: row.state,
            submitted: row.at,
        }
    }
}

/// The purse that paid, by the names that it has now.
fn context(payer: &PayerRow) -> String {
    let purse = match (&payer.organization_name, payer.organization) {
        (Some(name), _) => name.to_string(),
        (None, Some(_)) => "a deleted organization".into(),
        (None, None) => "me".into(),
    };
    match &payer.project_name {
        Some(project) => format!("{purse}.{project}"),
        None => purse,
    }
}

impl List {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let of = whose(&mut reading, self.user.as_ref(), self.org.as_ref()).await?;
        let provider = self.provider.as_deref().map(Into::into);
        if self.unknown {
            let filter = SubmissionFilter { of, provider, state: Some(State::Unknown) };
            let rows = reading.submissions(&filter, None, self.limit).await?;
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
            (true, _) => Some(Progress::Open),
            (_, true) => Some(Progress::Ended),
            _ => None,
        };
        let filter = JobFilter { of, provider, credential: None, progress };
        let rows = reading.jobs(&filter, None, self.limit).await?;
        let lines: Vec<JobLine> = rows.into_iter().map(Into::into).collect();
        let columns = ["provider", "job", "user", "context", "status", "target", "shots", "qpu_seconds", "submitted"];
        console.table(self.form, &columns, &lines);
        Ok(())
    }
}

impl Show {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = self.chosen.find(&mut reading).await?;
        let (submission, id) = (row.submission, row.payer.credential);
        let line = JobLine::from(row);
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

/// Whose jobs or usage is meant.
pub async fn whose(
    reading: &mut Reading,
    user: Option<&UserName>,
    organization: Option<&Name>,
) -> Result<Whose, Failure> {
    let user = match user {
        Some(name) => Some(lookup::user(reading, name).await?.id),
        None => None,
    };
    let organization = match organization {
        Some(name) => Some(lookup::organization(reading, name).await?.id),
        None => None,
    };
    Ok(match (user, organization) {
        (None, None) => Whose::Everybody,
        (Some(user), None) => Whose::User(user),
        (None, Some(organization)) => Whose::Organization(organization),
        (Some(user), Some(organization)) => Whose::Member(user, organization),
    })
}
