//! Submissions: each attempt to have something run, and what a person says of those of which nobody knows what came of
//! them.
//! Owns nothing.
//! Never takes a member's word for what an organization pays for: to say that a job is one's own, or that nothing was
//! used up, is its maintainers'.

use super::{
    Fault, Listed, Management, Page, Rights, Who,
    jobs::{Job, heir},
    whose::{self, Of},
};
use crate::{
    clock::Timestamp,
    config::Millionths,
    id::{CredentialId, SubmissionId},
    identity::{Context, UserName, role::Act},
    job::{JOB, State, Thing, ThingKey},
    store::{Conflict, Reading, StoreError, SubmissionFilter, SubmissionRow},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One attempt to have something run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Submission {
    pub id: SubmissionId,
    pub provider: String,
    /// Whom the provider sees.
    pub account: String,
    /// The preset's name for it.
    pub operation: String,
    pub user: Option<UserName>,
    /// What pays for it; `me` is the user's own purse.
    pub context: Option<Context>,
    pub target: Option<String>,
    /// What it asked for, as far as the request said.
    pub jobs: u64,
    pub shots: u64,
    pub qpu_seconds: Millionths,
    pub cost: Millionths,
    /// The name of the token that it came with.
    pub token: Option<String>,
    pub credential: CredentialId,
    pub credential_label: Option<String>,
    /// `unknown`: a byte had left, and nobody knows what came of it.
    pub state: State,
    pub submitted: Timestamp,
}

/// Which submissions.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SubmissionsWanted {
    /// Only at this provider.
    pub provider: Option<String>,
    /// Only those of this state.
    #[param(inline)]
    pub state: Option<State>,
}

/// What an unknown submission made, and whose that is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptSubmission {
    /// The submission's.
    pub provider: String,
    /// The provider's own id.
    pub job: String,
    /// A user's name or id; who submitted it, if it is left out.
    #[serde(default)]
    pub to: Option<String>,
}

impl From<SubmissionRow> for Submission {
    fn from(row: SubmissionRow) -> Self {
        Self {
            context: whose::context(&row.payer),
            id: row.id,
            provider: row.provider.into(),
            account: row.account.into(),
            operation: row.operation.into(),
            user: row.payer.user_name,
            target: row.target.map(Into::into),
            jobs: row.asks.jobs,
            shots: row.asks.shots,
            qpu_seconds: Millionths(row.asks.qpu_us),
            cost: Millionths(row.asks.micros),
            token: row.payer.token_name.map(Into::into),
            credential: row.payer.credential,
            credential_label: row.payer.label.map(Into::into),
            state: row.state,
            submitted: row.at,
        }
    }
}

impl Management {
    /// Newest first. What the actor may not see is left out, so that a page may be short and not the last.
    pub async fn submissions(
        &self,
        who: &Who,
        of: &Of,
        wanted: SubmissionsWanted,
        page: &Page,
    ) -> Result<Listed<Submission>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let Some(of) = of.find(&mut reading, &rights).await? else {
            return Ok(Listed { items: Vec::new(), next: None });
        };
        let filter = SubmissionFilter { of, provider: wanted.provider.map(Into::into), state: wanted.state };
        let rows = reading.submissions(&filter, after, limit + 1).await?;
        let mut rows = Listed::of(rows, limit, |row| row.id.to_string());
        rows.items.retain(|row| rights.sees_paid(&row.payer, &row.provider));
        Ok(rows.map(Submission::from))
    }

    pub async fn submission(&self, who: &Who, id: SubmissionId) -> Result<Submission, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let row = visible(&mut reading, &rights, id).await?;
        row.map(Submission::from).ok_or_else(|| Fault::missing("submission"))
    }

    /// Says that this is what an unknown submission made.
    pub async fn adopt_submission(&self, who: &Who, id: SubmissionId, wanted: AdoptSubmission) -> Result<Job, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = unknown(&mut tx, &rights, id).await?;
        if *wanted.provider != *row.provider {
            return Err(Fault::invalid("provider", format!("the submission went to {}", row.provider)));
        }
        let submitter = row.payer.user.to_string();
        let heir = heir(&mut tx, &rights, &row.payer, wanted.to.as_deref().unwrap_or(&submitter)).await?;
        let thing = Thing { kind: JOB.into(), id: wanted.job.into() };
        let subject = format!("{} {}", row.provider, thing.id.escape_debug());
        let key = ThingKey::new(&row.provider, &thing);
        tx.adopt_submission(id, thing, heir.id).await.map_err(|error| match error {
            StoreError::Conflict(Conflict::Exists) => {
                Fault::conflict("this job is on record already, as another submission's")
            }
            other => other.into(),
        })?;
        tx.record(rights.entry("job.adopted", subject).detail(format!("to {}", heir.name)));
        let rows = tx.job(key).await?;
        let made = rows.into_iter().find(|made| made.account == row.account).ok_or_else(|| Fault::missing("job"))?;
        tx.commit().await?;
        Ok(made.into())
    }

    /// Says that nothing came of an unknown submission; what it held of quotas is free again.
    pub async fn refuse_submission(&self, who: &Who, id: SubmissionId) -> Result<Submission, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        unknown(&mut tx, &rights, id).await?;
        tx.refuse_submission(id).await?;
        tx.record(rights.entry("job.settled", id).detail("nothing came of it"));
        let row = tx.submission(id).await?.ok_or_else(|| Fault::missing("submission"))?;
        tx.commit().await?;
        Ok(row.into())
    }
}

/// One that this actor may see.
async fn visible(reading: &mut Reading, rights: &Rights, id: SubmissionId) -> Result<Option<SubmissionRow>, Fault> {
    Ok(reading.submission(id).await?.filter(|row| rights.sees_paid(&row.payer, &row.provider)))
}

/// One of unknown fate, of which this actor may say what came of it.
async fn unknown(reading: &mut Reading, rights: &Rights, id: SubmissionId) -> Result<SubmissionRow, Fault> {
    let row = visible(reading, rights, id).await?.ok_or_else(|| {
        Fault::Missing(format!("there is no submission {id} of unknown fate, or it is not yours to see").into())
    })?;
    match row.payer.organization {
        Some(organization) => rights.in_organization(organization, Act::SeeEveryJob)?,
        None => rights.over_user(row.payer.user)?,
    }
    match row.state {
        State::Unknown => Ok(row),
        other => Err(Fault::conflict(format!("it is not of unknown fate: it is {other}"))),
    }
}
