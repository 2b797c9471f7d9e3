//! What becomes of a credential without a new version: its label, its end, its state, who may use it; and its deletion.
//! Owns nothing.
//! Never lets a credential go that open jobs still need, unless that is forced.

use super::{Credential, check_label};
use crate::{
    clock::Timestamp,
    credential::{Owner, State},
    id::CredentialId,
    identity::{Name, UserName},
    manage::{
        Fault, Management, Rights, Wanted, Who,
        homes::{Homes, organization_of},
    },
    store::{Conflict, CredentialChange, CredentialRow, ProjectOf, Reading, Restriction, StoreError, Tx},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be different about a credential; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeCredential {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 120)]
    pub label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Who would pay with a disabled one is refused, not moved to another purse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Switch>,
    /// The only projects of its organization that may use it; empty: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<Name>>,
    /// The only members that may use it; empty: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<UserName>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = CredentialSwitch)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    Active,
    Disabled,
}

/// What became of a credential that was to be deleted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RemovedCredential)]
pub struct Removed {
    pub id: CredentialId,
    pub state: RemovedState,
    /// How many jobs that it made were open.
    pub open_jobs: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RemovedCredentialState)]
#[serde(rename_all = "lowercase")]
pub enum RemovedState {
    /// Destroyed, with all its versions.
    Deleted,
    /// It pays for nothing new, serves questions about its open jobs, and goes when they have ended.
    Retired,
}

impl From<Switch> for State {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Active => Self::Active,
            Switch::Disabled => Self::Disabled,
        }
    }
}

impl Management {
    pub async fn change_credential(
        &self,
        who: &Who,
        id: CredentialId,
        change: ChangeCredential,
        read: Option<&Wanted>,
    ) -> Result<Credential, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (row, _) = self.managed(&mut tx, &rights, id).await?;
        self.check_tag((&mut tx, &rights), &row, read).await?;
        if row.state == State::Retired {
            return Err(Fault::conflict("it is retired: it stays as it is until its open jobs have ended"));
        }
        if let Some(label) = change.label {
            check_label(&label)?;
            tx.change_credential(id, CredentialChange::Label(label.into())).await?;
            tx.record(rights.entry("credential.changed", id).detail("label"));
        }
        if let Some(expires) = change.expires {
            tx.change_credential(id, CredentialChange::Expires(expires)).await?;
            tx.record(rights.entry("credential.changed", id).detail(format!("expires {expires}")));
        }
        if let Some(state) = change.state.map(State::from).filter(|state| *state != row.state) {
            switch(&mut tx, &rights, id, state).await?;
        }
        if change.projects.is_some() || change.members.is_some() {
            restrict(&mut tx, &rights, &row, (change.projects, change.members)).await?;
        }
        let row = tx.credential(id).await?.ok_or_else(|| Fault::missing("credential"))?;
        let view = self.seen((&mut tx, &rights), &mut Homes::default(), row).await?;
        tx.commit().await?;
        view.ok_or_else(|| Fault::missing("credential"))
    }

    pub async fn delete_credential(
        &self,
        who: &Who,
        id: CredentialId,
        force: Force,
        read: Option<&Wanted>,
    ) -> Result<Removed, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (row, _) = self.managed(&mut tx, &rights, id).await?;
        self.check_tag((&mut tx, &rights), &row, read).await?;
        let open_jobs = tx.open_jobs(id).await?;
        let state = if open_jobs > 0 && force == Force::No {
            if row.state != State::Retired {
                tx.retire_credential(id).await?;
                tx.record(rights.entry("credential.retired", id).detail(format!("{open_jobs} open jobs")));
            }
            RemovedState::Retired
        } else {
            tx.delete_credential(id).await?;
            tx.record(rights.entry("credential.deleted", id).detail(row.provider.to_string()));
            RemovedState::Deleted
        };
        tx.commit().await?;
        Ok(Removed { id, state, open_jobs })
    }

    /// Whether a change may go on that was made for what was read.
    pub(super) async fn check_tag(
        &self,
        (reading, rights): (&mut Reading, &Rights),
        row: &CredentialRow,
        read: Option<&Wanted>,
    ) -> Result<(), Fault> {
        if read.is_none() {
            return Ok(());
        }
        let view = self.seen((reading, rights), &mut Homes::default(), row.clone()).await?;
        view.ok_or_else(|| Fault::missing("credential"))?.tag().check(read)
    }
}

/// Whether a credential goes although jobs still need it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Force {
    No,
    Yes,
}

async fn switch(tx: &mut Tx, rights: &Rights, id: CredentialId, state: State) -> Result<(), Fault> {
    match tx.change_credential(id, CredentialChange::State(state)).await {
        Err(StoreError::Conflict(Conflict::ActiveCredential)) => {
            let text = "its owner has another active one for this provider: disable that one first";
            return Err(Fault::conflict(text));
        }
        done => done?,
    }
    let action = if state == State::Active { "credential.enabled" } else { "credential.disabled" };
    tx.record(rights.entry(action, id));
    Ok(())
}

/// What one of the two lists does not say stays.
async fn restrict(
    tx: &mut Tx,
    rights: &Rights,
    row: &CredentialRow,
    (projects, members): (Option<Vec<Name>>, Option<Vec<UserName>>),
) -> Result<(), Fault> {
    let told = in_words(projects.as_deref(), members.as_deref());
    let mut new =
        restriction(tx, row.owner, projects.as_deref().unwrap_or_default(), members.as_deref().unwrap_or_default())
            .await?;
    if projects.is_none() {
        new.projects.clone_from(&row.restriction.projects);
    }
    if members.is_none() {
        new.members.clone_from(&row.restriction.members);
    }
    tx.restrict_credential(row.id, &new).await?;
    tx.record(rights.entry("credential.restricted", row.id).detail(told));
    Ok(())
}

fn in_words(projects: Option<&[Name]>, members: Option<&[UserName]>) -> String {
    fn list<T: ToString>(what: &str, names: &[T]) -> String {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        if names.is_empty() { format!("all {what}") } else { format!("{what} {}", names.join(", ")) }
    }
    let lists = [projects.map(|names| list("projects", names)), members.map(|names| list("members", names))];
    lists.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A project's own credential is not granted to other projects, and nobody shares somebody's own.
pub async fn restriction(
    reading: &mut Reading,
    owner: Owner,
    projects: &[Name],
    members: &[UserName],
) -> Result<Restriction, Fault> {
    let mut restriction = Restriction::default();
    if projects.is_empty() && members.is_empty() {
        return Ok(restriction);
    }
    if !projects.is_empty() && !matches!(owner, Owner::Organization(_)) {
        return Err(Fault::invalid("projects", "only an organization's own credential is granted to projects"));
    }
    let Some(organization) = organization_of(reading, owner).await? else {
        return Err(Fault::invalid("members", "a personal credential is its owner's alone"));
    };
    for name in projects {
        let found = reading.find_project(ProjectOf::Organization(organization), name).await?;
        let missing = || Fault::invalid("projects", format!("its organization has no project `{name}`"));
        restriction.projects.push(found.ok_or_else(missing)?.id);
    }
    restriction.projects.sort();
    restriction.projects.dedup();
    for name in members {
        let found = match reading.find_user(name).await? {
            Some(user) => reading.member(organization, user.id).await?,
            None => None,
        };
        let missing = || Fault::invalid("members", format!("{name} is not a member of its organization"));
        restriction.members.push(found.ok_or_else(missing)?.user);
    }
    restriction.members.sort();
    restriction.members.dedup();
    Ok(restriction)
}
