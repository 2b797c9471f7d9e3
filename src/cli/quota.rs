//! `bellhop quota …`: how much of what somebody may use in a day or a month.
//! Owns nothing; a submission that a quota leaves no room for is refused before anything is sent.
//! Never a warning only: a quota is a ceiling.

use super::{
    Console, Failure,
    console::Form,
    local::{Local, entry},
    lookup,
    money::decimal,
};
use crate::{
    clock::Timestamp,
    config::Millionths,
    credential::Owner,
    id::{CredentialId, OrganizationId, QuotaId},
    identity::{Context, Name, UserName},
    job::quota::{Measure, Period, Quota, Subject},
    store::{QuotaRow, QuotasOf, Reading},
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
    #[arg(long, value_name = "NAME", default_value = "the operator")]
    by: String,
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
    /// Only this organization's, and its members' shares
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
    provider: Option<Box<str>>,
    measure: Measure,
    limit: String,
    used: String,
    per: Period,
    renews: Timestamp,
    hold: String,
    set_by: Box<str>,
}

impl QuotaCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Remove(remove) => remove.run(local, console).await,
        }
    }
}

impl Set {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        if let Some(provider) = &self.provider {
            local.provider(provider)?;
        }
        let limit = amount(self.measure, self.limit)?;
        let hold = self.hold.map_or_else(|| Ok(limit.div_ceil(100)), |hold| amount(self.measure, hold))?;
        let mut tx = local.write().await?;
        let (subject, within) = self.subject.find(&mut tx).await?;
        let provider = self.provider.map(Into::into);
        let (id, measure, period) = (QuotaId::new(), self.measure, self.per);
        let quota = Quota { id, subject, within, provider, measure, period, limit, hold, set_by: self.by.into() };
        let id = tx.set_quota(&quota).await?;
        let detail = format!("{} {measure} a {period}", written(measure, limit));
        tx.record(entry("quota.set", id).detail(detail.clone()));
        tx.commit().await?;
        console.note(format_args!("{id}: {detail}"));
        Ok(())
    }
}

impl SubjectArgs {
    async fn find(&self, reading: &mut Reading) -> Result<(Subject, Option<OrganizationId>), Failure> {
        if let Some(id) = self.credential {
            let found = reading.credential(id).await?;
            let none = || Failure::failed(format!("there is no credential {id}: see `bellhop credential list`"));
            return Ok((Subject::Credential(found.ok_or_else(none)?.id), None));
        }
        if let Some(context) = &self.project {
            return Ok((Subject::Project(lookup::project(reading, context, self.user.as_ref()).await?.id), None));
        }
        let organization = match &self.org {
            Some(name) => Some(lookup::organization(reading, name).await?.id),
            None => None,
        };
        match (&self.user, organization) {
            (Some(name), within) => Ok((Subject::User(lookup::user(reading, name).await?.id), within)),
            (None, Some(organization)) => Ok((Subject::Organization(organization), None)),
            (None, None) => Err(Failure::usage("say whom it binds: `--user`, `--org`, `--project` or `--credential`")),
        }
    }
}

/// In the smallest unit; half a job cannot be had.
fn amount(measure: Measure, Millionths(millionths): Millionths) -> Result<u64, Failure> {
    if measure.scale() == 1_000_000 {
        return Ok(millionths);
    }
    if millionths.is_multiple_of(1_000_000) {
        Ok(millionths / 1_000_000)
    } else {
        Err(Failure::usage(format!("expected a whole number of {measure}")))
    }
}

fn written(measure: Measure, amount: u64) -> String {
    if measure.scale() == 1 { amount.to_string() } else { decimal(amount) }
}

impl List {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let of = match &self.org {
            Some(name) => QuotasOf::Organization(lookup::organization(&mut reading, name).await?.id),
            None => QuotasOf::Everybody,
        };
        let mut names = lookup::Names::default();
        let mut lines = Vec::new();
        for QuotaRow { quota, used, renews, .. } in reading.quotas(of, local.now()).await? {
            let binds = binds(&quota, &mut names, &mut reading).await?;
            lines.push(Line {
                id: quota.id,
                binds,
                provider: quota.provider,
                measure: quota.measure,
                limit: written(quota.measure, quota.limit),
                used: written(quota.measure, used),
                per: quota.period,
                renews,
                hold: written(quota.measure, quota.hold),
                set_by: quota.set_by,
            });
        }
        let columns = ["binds", "provider", "measure", "limit", "used", "per", "renews", "set_by", "id"];
        console.table(self.form, &columns, &lines);
        Ok(())
    }
}

/// Whom a quota binds, as people say it.
async fn binds(quota: &Quota, names: &mut lookup::Names, reading: &mut Reading) -> Result<String, Failure> {
    Ok(match quota.subject {
        Subject::User(id) => {
            let user = names.user(reading, id).await?;
            let user = user.map_or_else(|| "a deleted user".to_owned(), |name| name.to_string());
            match quota.within {
                Some(organization) => {
                    format!("{user} in {}", names.home(reading, Owner::Organization(organization)).await?)
                }
                None => user,
            }
        }
        Subject::Organization(id) => names.home(reading, Owner::Organization(id)).await?.to_string(),
        Subject::Project(id) => names.home(reading, Owner::Project(id)).await?.to_string(),
        Subject::Credential(id) => match reading.credential(id).await? {
            Some(row) => format!("`{}` of {}", row.label, names.home(reading, row.owner).await?),
            None => format!("the deleted credential {id}"),
        },
    })
}

impl Remove {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let Some(quota) = tx.remove_quota(self.id).await? else {
            return Err(Failure::failed(format!("there is no quota {}: see `bellhop quota list`", self.id)));
        };
        tx.record(entry("quota.removed", self.id).detail(format!("{} a {}", quota.measure, quota.period)));
        tx.commit().await?;
        console.note(format_args!("removed {}", self.id));
        Ok(())
    }
}
