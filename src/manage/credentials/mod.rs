//! Provider credentials: listed, shown, entered, rotated, restricted, switched off, deleted; and who can spend them.
//! Owns nothing; secret fields are sealed as soon as they have been checked.
//! Never shows a secret field, and to who only uses a credential nothing of whose account it is.
//!
//! Why plain fields, sources and restrictions are for who manages a credential: an account id, a workspace or a path of
//! this server's says how the organization stands with the provider and how this machine is set up, and takes part in
//! what support desks ask for. To run jobs, a label and a state are enough.

mod change;
mod effects;
mod enter;
mod probe;
mod version;

pub use change::{ChangeCredential, Force, Removed, RemovedState, Switch};
pub use effects::{Consequences, PinnedToken, Spender};
pub use enter::{CreateCredential, EnteredCredential, Given, RotateCredential};
pub use probe::{Found, Probed};
pub use version::{Version, source};

use super::{
    Fault, Knows, Listed, Management, Page, Rights, Tag, Who,
    homes::{Home, Homes},
    names,
};
use crate::{
    clock::Timestamp,
    credential::{State, source::Source},
    id::CredentialId,
    identity::{Context, UserName, role::Act},
    provider::Provider,
    store::{CredentialFilter, CredentialRow, Purses, Reading, SourceState, Verdict},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// A provider's credential, without its secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    pub id: CredentialId,
    pub provider: String,
    /// Whose it is; null: its owner is gone.
    pub context: Option<Context>,
    /// Whose `me` the context is; null: an organization's.
    pub user: Option<UserName>,
    pub label: String,
    pub state: State,
    pub expires: Timestamp,
    pub expired: bool,
    /// The current one, from 1.
    pub version: u32,
    /// What the provider last said of this version; null: it was not asked.
    pub probe: Option<Verdict>,
    pub probed: Option<Timestamp>,
    /// Whether a running process cannot read the source of its value.
    pub source_failing: bool,
    pub created: Timestamp,
    /// For those who manage it; null for those who only use it.
    pub details: Option<Details>,
}

/// What is for those who manage a credential.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CredentialDetails)]
pub struct Details {
    /// The only projects of its organization that may use it; empty: any.
    pub projects: Vec<String>,
    /// The only members that may use it; empty: any.
    pub members: Vec<String>,
    /// The names of the secret fields that are set.
    pub secret_fields: Vec<String>,
    #[schema(value_type = BTreeMap<String, String>)]
    pub plain_fields: BTreeMap<Box<str>, Box<str>>,
    /// Where its value is read from, in words; null: it was entered.
    pub source: Option<String>,
    /// How each running process finds the source.
    pub readings: Vec<SourceReading>,
    /// Whom the provider sees, as far as it said.
    pub account: Option<String>,
    /// When its newest job went on record; null: it has made none.
    pub last_job: Option<Timestamp>,
}

/// How one running process finds the source of a credential.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceReading {
    pub process: String,
    /// When it was last read with success.
    pub read: Option<Timestamp>,
    pub failing_since: Option<Timestamp>,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// Which credentials are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only of exactly this owner: `me`, `me.<project>`, `<organization>` or `<organization>.<project>`.
    pub context: Option<Context>,
    /// Whose `me` the context is; without it, yours.
    pub user: Option<String>,
    /// Only for this provider.
    pub provider: Option<String>,
    /// Only those in this state; one that has expired is still as it was switched.
    pub state: Option<State>,
    /// Only active ones that fail: expired, refused by their provider when it was last asked, or of a source that cannot
    /// be read.
    #[serde(default)]
    pub failing: bool,
}

impl Credential {
    /// What the provider says, and how the source is, is no change of it.
    pub fn tag(&self) -> Tag {
        let details = self.details.clone().map(|details| Details {
            readings: Vec::new(),
            account: None,
            last_job: None,
            ..details
        });
        Tag::of(&Self { expired: false, probe: None, probed: None, source_failing: false, details, ..self.clone() })
    }
}

impl Management {
    /// What one may use or manage, oldest first.
    pub async fn credentials(&self, who: &Who, which: &Which, page: &Page) -> Result<Listed<Credential>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let owner = match (&which.context, which.user.as_deref()) {
            (Some(context), user) => Some(names::owner(&mut reading, &rights, context, user).await?),
            (None, Some(_)) => return Err(Fault::invalid("user", "expected a context of theirs, too: `me` or `me.…`")),
            (None, None) => None,
        };
        let filter = CredentialFilter {
            among: purses(&rights),
            owner,
            provider: which.provider.as_deref().map(Into::into),
            state: which.state,
            failing: which.failing.then(|| self.now()),
        };
        let rows = reading.credentials_page(&filter, after, limit + 1).await?;
        let Listed { items, next } = Listed::of(rows, limit, |row| row.id.to_string());
        let (mut homes, mut listed) = (Homes::default(), Vec::new());
        for row in items {
            listed.extend(self.seen((&mut reading, &rights), &mut homes, row).await?);
        }
        Ok(Listed { items: listed, next })
    }

    pub async fn credential(&self, who: &Who, id: CredentialId) -> Result<Credential, Fault> {
        let missing = || Fault::missing("credential");
        let (mut reading, rights) = self.look(who).await?;
        let row = reading.credential(id).await?.ok_or_else(missing)?;
        self.seen((&mut reading, &rights), &mut Homes::default(), row).await?.ok_or_else(missing)
    }

    /// As this actor sees it; `None`: there is nothing for them to know of.
    async fn seen(
        &self,
        (reading, rights): (&mut Reading, &Rights),
        homes: &mut Homes,
        row: CredentialRow,
    ) -> Result<Option<Credential>, Fault> {
        let Some(knows) = rights.knows(reading, row.owner).await? else { return Ok(None) };
        let home = homes.of(reading, row.owner).await?;
        let (mut projects, mut granted) = (Vec::new(), Vec::new());
        for id in &row.restriction.projects {
            match homes.project(reading, *id).await? {
                Some(project) => {
                    granted.extend(home.context.clone().map(|context| context.in_project(project.name.clone())));
                    projects.push(project.name.to_string());
                }
                None => projects.push(format!("a deleted project, {id}")),
            }
        }
        let is_open = |context: &Context| rights.within(Some(context), Some(&row.provider)).is_ok();
        if home.within(rights, &row.provider).is_err() && !granted.iter().any(is_open) {
            return Ok(None);
        }
        let readings = match &row.source {
            Some(_) => reading.source_states(row.id, row.version).await?.into_iter().map(SourceReading::from).collect(),
            None => Vec::new(),
        };
        let mut view = Credential::new(&row, home, self.now());
        view.source_failing = readings.iter().any(|reading| reading.failing_since.is_some());
        if knows == Knows::All {
            let mut members = Vec::new();
            for id in &row.restriction.members {
                let name = homes.user(reading, *id).await?;
                members.push(name.map_or_else(|| format!("a deleted user, {id}"), |name| name.to_string()));
            }
            let last_job = reading.last_job(row.id).await?;
            view.details = Some(Details { last_job, ..Details::new(row, (projects, members), readings) });
        }
        Ok(Some(view))
    }

    /// One that this actor manages, and whose it is.
    async fn managed(
        &self,
        reading: &mut Reading,
        rights: &Rights,
        id: CredentialId,
    ) -> Result<(CredentialRow, Home), Fault> {
        let missing = || Fault::missing("credential");
        let row = reading.credential(id).await?.ok_or_else(missing)?;
        let knows = rights.knows(reading, row.owner).await?.ok_or_else(missing)?;
        let home = Homes::default().of(reading, row.owner).await?;
        home.within(rights, &row.provider)?;
        if knows == Knows::Outside {
            return Err(Fault::forbidden(format!("only who manages the credentials of {home} may do it")));
        }
        Ok((row, home))
    }

    /// The provider of a credential that is on record.
    fn served(&self, row: &CredentialRow) -> Result<Arc<Provider>, Fault> {
        let found = self.current().catalog.find(&row.provider).cloned();
        found.ok_or_else(|| Fault::conflict(format!("there is no provider `{}` any more", row.provider)))
    }
}

/// `None`: everybody's.
fn purses(rights: &Rights) -> Option<Purses> {
    let standing = rights.standing().filter(|_| !rights.is_admin())?;
    let memberships = || standing.memberships.iter();
    let whole = memberships().filter(|membership| membership.role.permits(Act::ManageCredentials));
    Some(Purses {
        user: standing.user,
        organizations: memberships().map(|membership| membership.organization).collect(),
        whole: whole.map(|membership| membership.organization).collect(),
        projects: memberships().flat_map(|membership| &membership.projects).map(|project| project.id).collect(),
    })
}

impl Credential {
    fn new(row: &CredentialRow, home: Home, now: Timestamp) -> Self {
        Self {
            id: row.id,
            provider: row.provider.to_string(),
            context: home.context,
            user: home.user,
            label: row.label.to_string(),
            state: row.state,
            expires: row.expires,
            expired: row.expires <= now,
            version: row.version,
            probe: row.probe.as_ref().map(|probe| probe.verdict),
            probed: row.probe.as_ref().map(|probe| probe.at),
            source_failing: false,
            created: row.created,
            details: None,
        }
    }
}

impl Details {
    fn new(row: CredentialRow, (projects, members): (Vec<String>, Vec<String>), readings: Vec<SourceReading>) -> Self {
        Self {
            projects,
            members,
            secret_fields: row.secret_fields.into_iter().map(Into::into).collect(),
            plain_fields: row.plain_fields,
            source: row.source.as_deref().map(in_words),
            readings,
            account: row.probe.and_then(|probe| probe.account).map(Into::into),
            last_job: None,
        }
    }
}

impl From<SourceState> for SourceReading {
    fn from(state: SourceState) -> Self {
        let (failing_since, problem) = state.failing.map(|(since, problem)| (since, problem.into())).unzip();
        Self { process: state.process.to_string(), read: state.read, failing_since, problem }
    }
}

/// One that is not understood is not shown: it may have been written by anybody.
fn in_words(source: &str) -> String {
    source.parse().map_or_else(|_| "not understood".into(), |source: Source| source.to_string())
}

/// What people see of it.
fn check_label(label: &str) -> Result<(), Fault> {
    if label.len() <= 120 && !label.contains(char::is_control) {
        Ok(())
    } else {
        Err(Fault::invalid("label", "expected at most 120 bytes of text on one line"))
    }
}
