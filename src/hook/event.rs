//! What webhooks are told of, and in what words: `type`, `timestamp` and `data`.
//! Facts of the moment in which each is written down.
//! Never a secret, and nothing of a provider's answer but its status.

use super::Refused;
use crate::{
    clock::Timestamp,
    config::Millionths,
    credential::Owner,
    id::{OrganizationId, WebhookId},
    identity::{Context, Name, UserName},
    job::quota::Subject,
    store::{CredentialRow, Happened, ProjectOf, QuotaRow, Reading, StoreError, TokenRow},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{fmt, str::FromStr, time::Duration};
use utoipa::ToSchema;

/// What somebody can ask to be told of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub enum Kind {
    /// A provider has refused a stored credential; of one credential at most once an hour.
    #[serde(rename = "credential.refused")]
    CredentialRefused,
    /// A credential expires within 14 days, and then once more within 3.
    #[serde(rename = "credential.expiring")]
    CredentialExpiring,
    /// Of a quota four fifths are used or held; once in its period.
    #[serde(rename = "quota.near")]
    QuotaNear,
    /// A member's token that was used in the last 30 days expires within 7.
    #[serde(rename = "token.expiring")]
    TokenExpiring,
}

/// What an event of a test is called, which everybody is told who asks for one.
pub const TEST: &str = "webhook.test";

/// How a provider came to refuse a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// A caller's request was sent with it.
    Request,
    /// It was to be exchanged for an access token.
    Login,
    /// Somebody asked whether it is good.
    Probe,
}

/// Whose something is, by names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Home {
    /// `None`: nobody's but the installation's.
    pub organization: Option<(OrganizationId, Name)>,
    /// `None`: its owner is gone.
    pub context: Option<Context>,
    /// Whose `me` it is.
    pub user: Option<UserName>,
}

pub struct Event {
    organization: Option<OrganizationId>,
    kind: &'static str,
    mark: String,
    at: Timestamp,
    data: Value,
}

impl Home {
    pub async fn of(reading: &mut Reading, owner: Owner) -> Result<Self, StoreError> {
        let (of, project) = match owner {
            Owner::User(id) => (ProjectOf::User(id), None),
            Owner::Organization(id) => (ProjectOf::Organization(id), None),
            Owner::Project(id) => match reading.project(id).await? {
                Some(project) => (project.of, Some(project.name)),
                None => return Ok(Self::default()),
            },
        };
        let home = match of {
            ProjectOf::User(id) => {
                let user = reading.user(id).await?.map(|row| row.name);
                Self { organization: None, context: Some(Context::me()), user }
            }
            ProjectOf::Organization(id) => Self::of_organization(reading, id).await?,
        };
        let context = match project {
            Some(project) => home.context.clone().map(|context| context.in_project(project)),
            None => home.context.clone(),
        };
        Ok(Self { context, ..home })
    }

    pub async fn of_organization(reading: &mut Reading, id: OrganizationId) -> Result<Self, StoreError> {
        let name = reading.organization(id).await?.map(|row| row.name);
        let context = name.clone().map(Context::organization);
        Ok(Self { organization: name.map(|name| (id, name)), context, user: None })
    }

    fn id(&self) -> Option<OrganizationId> {
        self.organization.as_ref().map(|(id, _)| *id)
    }

    fn name(&self) -> Option<&Name> {
        self.organization.as_ref().map(|(_, name)| name)
    }
}

impl Event {
    pub fn refused(home: &Home, row: &CredentialRow, refused: &Refused) -> Self {
        let Refused { at, way, status } = *refused;
        // One for each hour of the clock, so that replicas that saw it at once tell of it once.
        let hour = at.millis().div_euclid(3_600_000);
        let mut data = credential(home, row);
        data["during"] = json!(way.to_string());
        data["status"] = json!(status);
        Self {
            organization: home.id(),
            kind: Kind::CredentialRefused.as_str(),
            mark: format!("{}/{}/{hour}", Kind::CredentialRefused, row.id),
            at,
            data,
        }
    }

    /// `within` is the nearer of the two spans in which it expires.
    pub fn credential_expiring(home: &Home, row: &CredentialRow, within: Duration, now: Timestamp) -> Self {
        let (mut data, days) = (credential(home, row), within.as_secs() / 86_400);
        data["expires"] = json!(row.expires);
        Self {
            organization: home.id(),
            kind: Kind::CredentialExpiring.as_str(),
            // Another expiry is another event.
            mark: format!("{}/{}/{}/{days}", Kind::CredentialExpiring, row.id, row.expires.millis()),
            at: now,
            data,
        }
    }

    pub fn quota_near(home: &Home, row: &QuotaRow, now: Timestamp) -> Self {
        let quota = &row.quota;
        let amount = |amount: u64| Millionths(amount.saturating_mul(1_000_000 / quota.measure.scale())).to_string();
        let credential = match quota.subject {
            Subject::Credential(id) => Some(id),
            _ => None,
        };
        let data = json!({
            "organization": home.name(), "context": home.context, "user": home.user, "credential": credential,
            "quota": quota.id, "provider": quota.provider, "measure": quota.measure, "limit": amount(quota.limit),
            "used": amount(row.used), "period": quota.period, "renews": row.renews,
        });
        let start = quota.period.start(now).millis();
        let (kind, mark) = (Kind::QuotaNear.as_str(), format!("{}/{}/{start}", Kind::QuotaNear, quota.id));
        Self { organization: home.id(), kind, mark, at: now, data }
    }

    /// For one organization that the token is good for; `None`: its user is in none.
    pub fn token_expiring(
        organization: Option<(OrganizationId, Name)>,
        (user, row): (&UserName, &TokenRow),
        now: Timestamp,
    ) -> Self {
        let (organization, name) = organization.unzip();
        let data = json!({
            "organization": name, "user": user, "token": row.id, "name": row.name, "expires": row.expires,
            "last_used": row.last_used,
        });
        let mark = format!("{}/{}/{}", Kind::TokenExpiring, row.id, row.expires.millis());
        Self { organization, kind: Kind::TokenExpiring.as_str(), mark, at: now, data }
    }

    pub fn test(webhook: WebhookId, organization: Option<(OrganizationId, Name)>, now: Timestamp) -> Self {
        let (organization, name) = organization.unzip();
        let data = json!({ "organization": name, "webhook": webhook });
        let mark = format!("{TEST}/{}", crate::id::DeliveryId::new());
        Self { organization, kind: TEST, mark, at: now, data }
    }

    pub fn happened(self) -> Happened {
        let Self { organization, kind, mark, at, data } = self;
        let body = json!({ "type": kind, "timestamp": at, "data": data }).to_string();
        Happened { organization, kind, mark, at, body }
    }
}

fn credential(home: &Home, row: &CredentialRow) -> Value {
    json!({
        "organization": home.name(), "context": home.context, "user": home.user, "provider": row.provider,
        "credential": row.id, "label": row.label, "version": row.version,
    })
}

impl Kind {
    pub const ALL: [Self; 4] =
        [Self::CredentialRefused, Self::CredentialExpiring, Self::QuotaNear, Self::TokenExpiring];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialRefused => "credential.refused",
            Self::CredentialExpiring => "credential.expiring",
            Self::QuotaNear => "quota.near",
            Self::TokenExpiring => "token.expiring",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("expected one of {known}")
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Login => "login",
            Self::Probe => "probe",
        })
    }
}
