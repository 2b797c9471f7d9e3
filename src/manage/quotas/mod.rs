//! Quotas: how much of what somebody may use in a day or a month.
//! Owns nothing; a submission that a quota leaves no room for is refused before anything is sent.
//! Never lets an organization lift what the operator set, and never a person what binds themself.

mod bound;

use super::{Fault, Listed, Management, Page, Rights, Tag, Who, names, page::Wanted};
use crate::{
    clock::Timestamp,
    config::Millionths,
    id::{CredentialId, QuotaId},
    identity::{Context, UserName, role::Act},
    job::quota::{self, Authority, Measure, Period},
    store::{QuotaRow, QuotasOf, Reading},
};
use bound::{Bound, bound, may_set, organization_of};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A quota, and how it stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    pub id: QuotaId,
    /// Whom it binds, in words.
    pub binds: String,
    /// This user; with an organization as its context, their share of what that pays for.
    pub user: Option<UserName>,
    /// This organization, or this project of an organization or of the user.
    pub context: Option<Context>,
    /// What this credential pays for.
    pub credential: Option<CredentialId>,
    /// Only at this provider.
    pub provider: Option<String>,
    pub measure: Measure,
    pub limit: Millionths,
    /// Used or held since the period began.
    pub used: Millionths,
    /// In UTC.
    pub period: Period,
    pub renews: Timestamp,
    /// What is held for each job whose request does not say how much it will take.
    pub hold: Millionths,
    /// Who set it, for those who are told of it.
    pub set_by: String,
    /// Whether the operator set it: owners of the organization cannot change it then.
    pub operator: bool,
}

/// A quota, in the place of the one for the same subject, provider, measure and period, if there is one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetQuota {
    /// Whom it binds: a user, by name or id; with an organization as `context`, their share of what that pays for.
    #[serde(default)]
    pub user: Option<String>,
    /// An organization, `acme.optics`, or with `user` `me.thesis`.
    #[serde(default)]
    pub context: Option<Context>,
    /// A credential, and nothing else.
    #[serde(default)]
    pub credential: Option<CredentialId>,
    #[serde(default)]
    pub provider: Option<String>,
    pub measure: Measure,
    pub period: Period,
    /// Whole jobs or shots, seconds, or money in the currency of the configured prices.
    pub limit: Millionths,
    /// A hundredth of the limit, if it is left out.
    #[serde(default)]
    pub hold: Option<Millionths>,
    /// Who sets it, for those who are told of it: for administrators, who may be many.
    #[serde(default)]
    pub set_by: Option<String>,
}

impl Quota {
    /// What is used of it is no change of it.
    pub fn tag(&self) -> Tag {
        Tag::of(&(self.id, self.limit, self.hold, &self.set_by, self.operator))
    }
}

impl Management {
    /// By `of`: an organization's, for those who oversee it; what binds oneself for `me`, and for who names none;
    /// all for an administrator who asks for `*`.
    pub async fn quotas(&self, who: &Who, of: Option<&str>, page: &Page) -> Result<Listed<Quota>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let of = match of {
            Some("*") => {
                rights.require_admin()?;
                QuotasOf::Everybody
            }
            None if rights.standing().is_none() => QuotasOf::Everybody,
            None | Some("me") => QuotasOf::Binding(rights.me()?),
            Some(name) => {
                let organization = names::organization(&mut reading, name).await?.id;
                rights.in_organization(organization, Act::SeeEveryJob)?;
                QuotasOf::Organization(organization)
            }
        };
        let rows = reading.quotas_page(of, self.now(), after, limit + 1).await?;
        let Listed { items, next } = Listed::of(rows, limit, |row| row.quota.id.to_string());
        let mut quotas = Vec::with_capacity(items.len());
        for row in items {
            let quota = described(&mut reading, row).await?;
            if quota.is_within(&rights).is_ok() {
                quotas.push(quota);
            }
        }
        Ok(Listed { items: quotas, next })
    }

    pub async fn quota(&self, who: &Who, id: QuotaId) -> Result<Quota, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        self.find_quota(&mut reading, &rights, id).await.map(|(_, quota)| quota)
    }

    pub async fn set_quota(&self, who: &Who, wanted: SetQuota, read: Option<&Wanted>) -> Result<Quota, Fault> {
        if let Some(provider) = &wanted.provider {
            self.current().provider(provider)?;
        }
        let limit = amount(wanted.measure, wanted.limit, "limit")?;
        let hold = wanted.hold.map_or_else(|| Ok(limit.div_ceil(100)), |hold| amount(wanted.measure, hold, "hold"))?;
        let (mut tx, rights) = self.act(who).await?;
        let (subject, within) = wanted.subject(&mut tx, &rights).await?;
        may_set(&mut tx, &rights, subject, within).await?;
        let quota = quota::Quota {
            id: QuotaId::new(),
            subject,
            within,
            provider: wanted.provider.as_deref().map(Into::into),
            measure: wanted.measure,
            period: wanted.period,
            limit,
            hold,
            set_by: set_by(&rights, wanted.set_by)?.into(),
        };
        let same = |row: &QuotaRow| {
            let it = &row.quota;
            (it.within, &it.provider, it.measure, it.period)
                == (quota.within, &quota.provider, quota.measure, quota.period)
        };
        let before = tx.quotas(QuotasOf::Subject(subject), self.now()).await?.into_iter().find(same);
        match before {
            Some(row) => {
                may_change(&rights, &row)?;
                described(&mut tx, row).await?.tag().check(read)?;
            }
            None if read.is_some() => return Err(Fault::Changed),
            None => {}
        }
        let authority = if rights.is_admin() { Authority::Operator } else { Authority::Owner };
        let id = tx.set_quota(&quota, authority).await?;
        let detail = format!("{} {} a {}", millionths(quota.measure, limit), quota.measure, quota.period);
        tx.record(rights.entry("quota.set", id).detail(detail));
        let row = tx.quota(id, QuotasOf::Everybody, self.now()).await?.ok_or_else(|| Fault::missing("quota"))?;
        let quota = described(&mut tx, row).await?;
        quota.is_within(&rights)?;
        tx.commit().await?;
        Ok(quota)
    }

    pub async fn remove_quota(&self, who: &Who, id: QuotaId, read: Option<&Wanted>) -> Result<Quota, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (row, quota) = self.find_quota(&mut tx, &rights, id).await?;
        may_set(&mut tx, &rights, row.quota.subject, row.quota.within).await?;
        may_change(&rights, &row)?;
        quota.tag().check(read)?;
        tx.remove_quota(id).await?;
        tx.record(rights.entry("quota.removed", id).detail(format!("{} a {}", quota.measure, quota.period)));
        tx.commit().await?;
        Ok(quota)
    }

    /// One that this actor may know of: theirs to oversee, or one that binds them.
    async fn find_quota(
        &self,
        reading: &mut Reading,
        rights: &Rights,
        id: QuotaId,
    ) -> Result<(QuotaRow, Quota), Fault> {
        let missing = || Fault::missing("quota");
        let row = reading.quota(id, QuotasOf::Everybody, self.now()).await?.ok_or_else(missing)?;
        let organization = organization_of(reading, row.quota.subject, row.quota.within).await?;
        let oversees = organization.is_some_and(|id| rights.in_organization(id, Act::SeeEveryJob).is_ok());
        if !rights.is_admin() && !oversees {
            reading.quota(id, QuotasOf::Binding(rights.me()?), self.now()).await?.ok_or_else(missing)?;
        }
        let quota = described(reading, row.clone()).await?;
        quota.is_within(rights).map_err(|_| missing())?;
        Ok((row, quota))
    }
}

impl Quota {
    /// Of a quota over all providers a token that is for some of them knows nothing; nor a token with lists of another
    /// user's, whose contexts have the same names.
    fn is_within(&self, rights: &Rights) -> Result<(), Fault> {
        let is_shared = self.context.as_ref().is_some_and(|context| context.organization.is_some());
        if !is_shared && self.user.as_ref() != rights.standing().map(|standing| &standing.name) {
            rights.require_no_lists()?;
        }
        match &self.provider {
            Some(provider) => rights.within(self.context.as_ref(), Some(provider)),
            None => rights.within_all_of(self.context.as_ref()),
        }
    }
}

fn may_change(rights: &Rights, row: &QuotaRow) -> Result<(), Fault> {
    if row.authority == Authority::Owner || rights.is_admin() {
        return Ok(());
    }
    Err(Fault::forbidden(format!(
        "{} set this quota, as an administrator of this installation: only such may change it",
        row.quota.set_by
    )))
}

fn set_by(rights: &Rights, wanted: Option<String>) -> Result<String, Fault> {
    let own = || rights.standing().map_or_else(|| "the operator".to_owned(), |standing| standing.name.to_string());
    match wanted {
        None => Ok(own()),
        Some(name) if name == own() => Ok(name),
        Some(_) if !rights.is_admin() => {
            Err(Fault::invalid("set_by", "only an administrator may say that somebody else set it"))
        }
        Some(name) if (1..=80).contains(&name.chars().count()) && !name.contains(char::is_control) => Ok(name),
        Some(_) => Err(Fault::invalid("set_by", "expected 1 to 80 characters, without control characters")),
    }
}

/// In the smallest unit; half a job cannot be had.
fn amount(measure: Measure, Millionths(millionths): Millionths, field: &'static str) -> Result<u64, Fault> {
    let unit = 1_000_000 / measure.scale();
    if millionths.is_multiple_of(unit) {
        Ok(millionths / unit)
    } else {
        Err(Fault::invalid(field, format!("expected a whole number of {measure}")))
    }
}

fn millionths(measure: Measure, amount: u64) -> Millionths {
    Millionths(amount.saturating_mul(1_000_000 / measure.scale()))
}

async fn described(reading: &mut Reading, row: QuotaRow) -> Result<Quota, Fault> {
    let Bound { binds, user, context, credential } = bound(reading, &row.quota).await?;
    let QuotaRow { quota, used, renews, authority, .. } = row;
    Ok(Quota {
        id: quota.id,
        binds,
        user,
        context,
        credential,
        provider: quota.provider.map(Into::into),
        measure: quota.measure,
        limit: millionths(quota.measure, quota.limit),
        used: millionths(quota.measure, used),
        period: quota.period,
        renews,
        hold: millionths(quota.measure, quota.hold),
        set_by: quota.set_by.into(),
        operator: authority == Authority::Operator,
    })
}
