//! Jobs on record: listed, shown, cancelled at their provider, given to somebody else.
//! Owns nothing; a job is known by its provider and the provider's own id, and where that is not enough by its account.
//! Never tells another's job from one that is not there, and asks a provider nothing that is not in the trail first.

use super::{
    Fault, Listed, Management, Page, Rights, Tag, Who, names,
    page::Wanted,
    whose::{self, Of},
};
use crate::{
    ask::{self, Answered},
    clock::Timestamp,
    config::Millionths,
    credential::resolve::{Question, Unresolved, follow},
    id::{CredentialId, SubmissionId},
    identity::{Context, UserName, role::Act},
    job::{Ended, JOB, Thing, ThingKey},
    provider::{Provider, preset::operation::Kind},
    store::{JobFilter, JobPlace, JobRow, PayerRow, Progress, Reading, SealedVersion, UserRow},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// A job, as far as its provider has told of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Job {
    pub provider: String,
    /// The provider's own.
    pub id: String,
    /// Whom the provider sees.
    pub account: String,
    /// Whose it is.
    pub user: Option<UserName>,
    /// What paid for it; `me` is the user's own purse.
    pub context: Option<Context>,
    /// In the provider's own word.
    pub status: Option<String>,
    /// How it ended; null while it is open.
    pub ended: Option<Ended>,
    pub ended_at: Option<Timestamp>,
    pub target: Option<String>,
    pub shots: Option<u64>,
    pub qpu_seconds: Option<Millionths>,
    /// In the currency of the configured prices.
    pub cost: Option<Millionths>,
    /// The name of the token that submitted it.
    pub token: Option<String>,
    /// What made it, and what is asked about it with.
    pub credential: CredentialId,
    pub credential_label: Option<String>,
    pub submission: SubmissionId,
    pub submitted: Timestamp,
}

/// Which jobs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobsWanted {
    /// Only at this provider.
    pub provider: Option<String>,
    /// Only those that this credential made.
    pub credential: Option<CredentialId>,
    /// Only those that are open, or that have ended.
    #[param(inline)]
    pub progress: Option<Progress>,
}

/// Which job.
#[derive(Clone, Debug)]
pub struct JobAt {
    pub provider: String,
    pub id: String,
    /// Of several accounts that have a job of this id.
    pub account: Option<String>,
}

/// Whose a job is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptJob {
    /// A user's name or id: a member of the organization that pays for it.
    pub to: String,
}

/// What a provider said to a cancel.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Cancelled {
    /// The provider's name.
    pub provider: String,
    /// Of its answer.
    pub status: u16,
    /// The beginning of its answer, without any secret.
    pub said: String,
}

const MOST_SAID: usize = 2000;

impl Job {
    /// Whose it is: everything else its provider tells anew.
    pub fn tag(&self) -> Tag {
        Tag::of(&(&self.provider, &self.id, &self.account, &self.user))
    }
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        Self {
            context: whose::context(&row.payer),
            provider: row.provider.into(),
            id: row.thing.id.into(),
            account: row.account.into(),
            user: row.payer.user_name,
            status: row.status.map(Into::into),
            ended: row.ended.map(|(how, _)| how),
            ended_at: row.ended.map(|(_, at)| at),
            target: row.target.map(Into::into),
            shots: row.shots,
            qpu_seconds: row.qpu_us.map(Millionths),
            cost: row.micros.map(Millionths),
            token: row.payer.token_name.map(Into::into),
            credential: row.payer.credential,
            credential_label: row.payer.label.map(Into::into),
            submission: row.submission,
            submitted: row.created,
        }
    }
}

impl Management {
    /// Newest first. What the actor may not see is left out, so that a page may be short and not the last.
    pub async fn jobs(&self, who: &Who, of: &Of, wanted: JobsWanted, page: &Page) -> Result<Listed<Job>, Fault> {
        let (limit, after) = (page.limit()?, page.after::<Place>()?);
        let (mut reading, rights) = self.look(who).await?;
        let Some(of) = of.find(&mut reading, &rights).await? else {
            return Ok(Listed { items: Vec::new(), next: None });
        };
        let JobsWanted { provider, credential, progress } = wanted;
        let filter = JobFilter { of, provider: provider.map(Into::into), credential, progress };
        let rows = reading.jobs(&filter, after.map(|Place(place)| place), limit + 1).await?;
        let mut rows = Listed::of(rows, limit, |row| Place(row.place()).to_string());
        rows.items.retain(|row| rights.sees_paid(&row.payer, &row.provider));
        Ok(rows.map(Job::from))
    }

    pub async fn job(&self, who: &Who, at: &JobAt) -> Result<Job, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        Ok(at.find(&mut reading, &rights).await?.into())
    }

    /// Gives a job, and what belongs to it, to another member. Who used it up does not change.
    pub async fn adopt_job(
        &self,
        who: &Who,
        at: &JobAt,
        wanted: &AdoptJob,
        read: Option<&Wanted>,
    ) -> Result<Job, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = at.find(&mut tx, &rights).await?;
        let heir = heir(&mut tx, &rights, &row.payer, &wanted.to).await?;
        let (key, account) = (row.key, row.account.clone());
        Job::from(row).tag().check(read)?;
        tx.adopt(key, &account, heir.id).await?;
        tx.record(rights.entry("job.adopted", at).detail(format!("to {}", heir.name)));
        let rows = tx.job(key).await?;
        let row = rows.into_iter().find(|row| row.account == account).ok_or_else(|| at.missing())?;
        tx.commit().await?;
        Ok(row.into())
    }

    /// Whether there is something to cancel, and a way to ask for it. Who may is known when it is asked.
    pub fn can_cancel(&self, job: &Job) -> bool {
        let thing = Thing { kind: JOB.into(), id: job.id.as_str().into() };
        let current = self.current();
        let provider = current.catalog.find(&job.provider);
        job.ended.is_none() && provider.is_some_and(|provider| ask::job::has_way(provider, Kind::Cancel, &thing))
    }

    /// Asks the provider to cancel it, with the credential that made it. It goes on without who asked for it.
    pub async fn cancel_job(self: &Arc<Self>, who: &Who, at: JobAt) -> Result<Cancelled, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let row = at.find(&mut reading, &rights).await?;
        drop(reading);
        let provider = Arc::clone(self.current().provider(&at.provider)?);
        self.may_pay(&rights, &provider, row.payer.credential).await?;
        let version = self.store.sealed_now(row.payer.credential).await?;
        let version = version.ok_or_else(|| Fault::conflict("the credential that made this job is deleted"))?;
        let (this, who) = (Arc::clone(self), who.clone());
        let cancelling = tokio::spawn(async move { this.cancel(&who, &at, (provider, version), row.thing).await });
        cancelling.await.map_err(|error| Fault::Internal(Box::new(error)))?
    }

    async fn cancel(
        &self,
        who: &Who,
        at: &JobAt,
        (provider, version): (Arc<Provider>, SealedVersion),
        thing: Thing,
    ) -> Result<Cancelled, Fault> {
        let fields = self.fields(&provider, &version).await?;
        let (mut tx, rights) = self.act(who).await?;
        tx.record(rights.entry("job.cancelling", at).detail("asked of the provider"));
        tx.commit().await?;
        let answered = self
            .ask_about_job((Arc::clone(&provider), (version.credential, version.version), fields), Kind::Cancel, thing)
            .await;
        let (action, detail) = match &answered {
            Ok(answered) if answered.status.is_success() => ("job.cancelled", told(answered)),
            Ok(answered) => ("job.not-cancelled", told(answered)),
            Err(error) => ("job.not-cancelled", error.to_string()),
        };
        // As whoever they were when it was asked for: what came of it is told even if they have gone since.
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        tx.record(rights.entry(action, at).detail(detail));
        tx.commit().await?;
        let name = &provider.preset().name;
        let answered = answered.map_err(|error| Fault::Unanswered(format!("{name}: {error}")))?;
        let said: String = String::from_utf8_lossy(&answered.body).chars().take(MOST_SAID).collect();
        if !answered.status.is_success() {
            return Err(Fault::conflict(format!("{name} answered {}: {said}", answered.status)));
        }
        Ok(Cancelled { provider: name.to_string(), status: answered.status.as_u16(), said })
    }

    /// What is checked of the credential whenever it is used, is checked here as well.
    async fn may_pay(&self, rights: &Rights, provider: &Provider, credential: CredentialId) -> Result<(), Fault> {
        let Some(standing) = rights.standing().filter(|standing| !standing.admin) else { return Ok(()) };
        let offers = self.store.offers(standing.user, provider.id()).await?.value;
        let boundary = rights.bounds().map(|bounds| &bounds.boundary);
        let question = Question { standing, boundary, named: None, personal: provider.personal(), now: self.now() };
        match follow(question, &offers, credential) {
            Ok(_) => Ok(()),
            Err(Unresolved::Unusable { because, .. }) => {
                Err(Fault::conflict(format!("the credential that made this job is {because}")))
            }
            Err(_) => Err(Fault::forbidden("the credential that made this job is not yours to use any more")),
        }
    }
}

fn told(answered: &Answered) -> String {
    format!("the provider answered {}", answered.status.as_u16())
}

impl JobAt {
    /// The one on record that this actor may see.
    async fn find(&self, reading: &mut Reading, rights: &Rights) -> Result<JobRow, Fault> {
        let thing = Thing { kind: JOB.into(), id: self.id.as_str().into() };
        let mut rows = reading.job(ThingKey::new(&self.provider, &thing)).await?;
        rows.retain(|row| self.account.as_ref().is_none_or(|account| *account == *row.account));
        rows.retain(|row| rights.reaches(row.payer.user, row.payer.organization));
        let row = match (rows.pop(), rows.last()) {
            (Some(only), None) => only,
            (None, _) => return Err(self.missing()),
            (Some(last), Some(other)) => {
                return Err(Fault::invalid(
                    "account",
                    format!(
                        "several accounts have a job with this id: say which, such as {} or {}",
                        last.account, other.account
                    ),
                ));
            }
        };
        rights.within_purse(&row.payer, &row.provider).map_err(|_| self.missing())?;
        Ok(row)
    }

    fn missing(&self) -> Fault {
        let provider = self.provider.escape_debug();
        Fault::Missing(format!("there is no such job of {provider} on record, or it is not yours to see").into())
    }
}

/// As the trail names it.
impl fmt::Display for JobAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.provider, self.id.escape_debug())
    }
}

/// Who is to have what was submitted: somebody who could ask about it.
pub(super) async fn heir(reading: &mut Reading, rights: &Rights, payer: &PayerRow, to: &str) -> Result<UserRow, Fault> {
    let found = names::user(reading, to).await;
    let Some(organization) = payer.organization else {
        rights.over_user(payer.user)?;
        let heir = found?;
        if heir.id != payer.user && !rights.is_admin() {
            return Err(Fault::forbidden("what somebody paid for themself only an administrator may give to another"));
        }
        return Ok(heir);
    };
    rights.in_organization(organization, Act::SeeEveryJob)?;
    let outsider = || {
        let to = to.escape_debug();
        Fault::invalid("to", format!("{to} is not in the organization that pays for it, and could not ask about it"))
    };
    let heir = found.map_err(|fault| match fault {
        Fault::Missing(_) => outsider(),
        other => other,
    })?;
    let member = reading.member(organization, heir.id).await?;
    member.map(|_| heir).ok_or_else(outsider)
}

/// A place in the list of jobs, as `next` has it.
struct Place(JobPlace);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.0.created.millis())?;
        self.0.key.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (millis, hex) = text.split_once('-').ok_or(())?;
        let mut key = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| ())?;
        }
        let created = Timestamp::from_millis(millis.parse().map_err(|_| ())?);
        Ok(Self(JobPlace { created, key: ThingKey::from_bytes(key) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written_and_nothing_else_is() {
        let place =
            JobPlace { created: Timestamp::from_millis(1_798_761_600_123), key: ThingKey::from_bytes([0xa7; 32]) };
        assert_eq!(Place(place).to_string().parse::<Place>().map(|Place(place)| place), Ok(place));
        for bad in ["", "1", "1-", "x-00", &format!("1-{}", "é".repeat(32)), &format!("1-{}", "+0".repeat(32))] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
