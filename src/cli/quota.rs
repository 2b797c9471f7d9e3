//! `bellhop quota …`: how much of what somebody may use in a day or a month.
//! Owns nothing; a submission that a quota leaves no room for is refused before anything is sent.
//! Never a warning only: a quota is a ceiling.

use super::{
    Console, Failure,
    api::{Api, asked},
    console::Form,
};
use crate::{
    clock::Timestamp,
    config::Millionths,
    id::{CredentialId, QuotaId},
    identity::{Context, Name, UserName},
    job::quota::{Measure, Period},
    manage::quotas::{Quota, SetQuota},
};
use clap::{Args, Subcommand};
use serde::Serialize;

#[derive(Subcommand, Debug)]
pub enum QuotaCommand {
    /// Set a quota, in the place of the same one
    #[command(after_help = "Examples:\n  \
        bellhop quota set jobs 100 --per day --org acme\n  \
        bellhop quota set qpu-seconds 600 --hold 5 --per month --user ada --org acme\n  \
        bellhop quota set money 250 --hold 3 --per month --project acme.optics --provider ionq\n\n\
        Shots, QPU time and money that a request does not state are held at --hold for each job until its result \
        says what it took.")]
    Set(Set),
    /// List quotas, and what of them is used or held
    List(List),
    /// Remove a quota
    Remove(Remove),
}

#[derive(Args, Debug)]
pub struct Set {
    /// jobs, shots, qpu-seconds or money
    measure: Measure,
    /// How much; money in your currency
    limit: Millionths,
    /// day or month, in UTC
    #[arg(long, value_name = "PERIOD")]
    per: Period,
    #[command(flatten)]
    subject: SubjectArgs,
    /// Only at this provider
    #[arg(long)]
    provider: Option<String>,
    /// What is held for a job whose request does not say how much it will take; without it, a hundredth of the limit
    #[arg(long, value_name = "AMOUNT")]
    hold: Option<Millionths>,
    /// Who sets it, for those who are told of it
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Whom it binds. `--user` with `--org` is a member's share of what the organization pays for.
#[derive(Args, Debug)]
pub struct SubjectArgs {
    /// What one person may use
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// What an organization may use in all, or a member of it with --user
    #[arg(long, value_name = "ORGANIZATION", conflicts_with_all = ["project", "credential"])]
    org: Option<Name>,
    /// `acme.optics`, or `me.thesis` with --user
    #[arg(long, value_name = "CONTEXT", conflicts_with = "credential")]
    project: Option<Context>,
    /// What may be paid with one credential, by an id of `bellhop credential list`
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    credential: Option<CredentialId>,
}

#[derive(Args, Debug)]
pub struct List {
    /// Only this organization's, its members' shares, its projects' and its credentials'
    #[arg(long, value_name = "ORGANIZATION")]
    org: Option<Name>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Remove {
    /// Of `bellhop quota list`
    id: QuotaId,
}

#[derive(Serialize)]
struct Line {
    id: QuotaId,
    binds: String,
    provider: Option<String>,
    measure: Measure,
    limit: Millionths,
    used: Millionths,
    per: Period,
    renews: Timestamp,
    hold: Millionths,
    set_by: String,
}

impl QuotaCommand {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Remove(remove) => remove.run(api, console).await,
        }
    }
}

impl Set {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let SubjectArgs { user, org, project, credential } = self.subject;
        let context = project.or_else(|| org.map(Context::organization));
        if let Some(context) = context.as_ref().filter(|context| context.organization.is_none() && user.is_none()) {
            return Err(Failure::usage(format!("`{context}` is somebody's own: say whose with `--user NAME`")));
        }
        if context.is_none() && user.is_none() && credential.is_none() {
            return Err(Failure::usage("say whom it binds: `--user`, `--org`, `--project` or `--credential`"));
        }
        let wanted = SetQuota {
            user: user.map(|name| name.to_string()),
            context,
            credential,
            provider: self.provider,
            measure: self.measure,
            period: self.per,
            limit: self.limit,
            hold: self.hold,
            set_by: self.by,
        };
        let Quota { id, measure, limit, period, .. } = api.put("/quotas", &wanted).await?;
        console.note(format_args!("{id}: {limit} {measure} a {period}"));
        Ok(())
    }
}

impl From<Quota> for Line {
    fn from(quota: Quota) -> Self {
        Self {
            id: quota.id,
            binds: quota.binds,
            provider: quota.provider,
            measure: quota.measure,
            limit: quota.limit,
            used: quota.used,
            per: quota.period,
            renews: quota.renews,
            hold: quota.hold,
            set_by: quota.set_by,
        }
    }
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let quotas: Vec<Quota> = api.every(&asked("/quotas", &[("of", self.org.map(|name| name.to_string()))])).await?;
        let lines: Vec<Line> = quotas.into_iter().map(Into::into).collect();
        let columns = ["binds", "provider", "measure", "limit", "used", "per", "renews", "set_by", "id"];
        console.table(self.form, &columns, &lines);
        Ok(())
    }
}

impl Remove {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        api.delete(&format!("/quotas/{}", self.id)).await?;
        console.note(format_args!("removed {}", self.id));
        Ok(())
    }
}
