//! Credentials: matched by owner and provider, sealed here and now, in a new version where the fields are others.
//! Owns nothing beyond the plan; what is opened to compare is dropped at once.
//! Never switches on a credential that somebody has switched off.

use super::{
    Edit, Planner, Result,
    people::{PlannedOrganization, PlannedProject, PlannedUser},
};
use crate::{
    cli::apply::{ApplyError, declared},
    credential::{Owner, State},
    id::{CredentialId, UserId},
    store::{
        CredentialChange, CredentialRow, NewCredential, NewVersion, Origin, ProjectOf, Restriction, SealedVersion,
    },
    vault::{Label, VaultError},
};
use std::collections::HashMap;

/// How many users one statement asks about.
const CHUNK: usize = 1_000;

/// Whose credential is compared, by its id and in words.
#[derive(Clone, Copy)]
struct Purse<'p> {
    owner: Owner,
    context: &'p str,
    /// Whose it is, or whose project's.
    of: ProjectOf,
}

type Found = (CredentialRow, SealedVersion);

impl Planner<'_> {
    pub(super) async fn credentials_of_users(&mut self, users: &[PlannedUser<'_>]) -> Result<()> {
        let mut found = self.sealed_of_users(users).await?;
        for user in users {
            let (owner, of) = (Owner::User(user.id), ProjectOf::User(user.id));
            let purse = Purse { owner, context: user.declared.name.as_str(), of };
            self.credentials(purse, &user.declared.credentials, found.remove(&user.id).unwrap_or_default()).await?;
            for project in &user.projects {
                self.credentials_of_project(purse, project).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn credentials_of_organizations(
        &mut self,
        organizations: &[PlannedOrganization<'_>],
    ) -> Result<()> {
        for organization in organizations {
            let (owner, of) = (Owner::Organization(organization.id), ProjectOf::Organization(organization.id));
            let purse = Purse { owner, context: organization.declared.name.as_str(), of };
            let found = if organization.is_new { Vec::new() } else { self.sealed_of(owner).await? };
            self.credentials(purse, &organization.declared.credentials, found).await?;
            for project in &organization.projects {
                self.credentials_of_project(purse, project).await?;
            }
        }
        Ok(())
    }

    async fn credentials_of_project(&mut self, purse: Purse<'_>, project: &PlannedProject<'_>) -> Result<()> {
        let owner = Owner::Project(project.id);
        let context = format!("{}.{}", purse.context, project.declared.name);
        let found = if project.is_new { Vec::new() } else { self.sealed_of(owner).await? };
        self.credentials(Purse { owner, context: &context, ..purse }, &project.declared.credentials, found).await
    }

    async fn credentials(
        &mut self,
        purse: Purse<'_>,
        declared: &[declared::Credential],
        mut found: Vec<Found>,
    ) -> Result<()> {
        // What is kept for its open jobs only is nobody's to declare.
        found.retain(|(row, _)| row.state != State::Retired);
        // The active one, else the newest of those that are switched off.
        found.sort_by_key(|(row, _)| (row.state == State::Disabled, std::cmp::Reverse(row.id)));
        for credential in declared {
            match found.iter().find(|(row, _)| row.provider == credential.provider) {
                Some((row, sealed)) => self.known_credential(purse, credential, row, sealed).await?,
                None => self.new_credential(purse, credential).await?,
            }
        }
        Ok(())
    }

    async fn new_credential(&mut self, purse: Purse<'_>, credential: &declared::Credential) -> Result<()> {
        let id = CredentialId::new();
        let new = NewCredential {
            id,
            owner: purse.owner,
            provider: credential.provider.clone(),
            label: credential.label.clone(),
            expires: credential.expires,
            restriction: self.restriction(purse, credential).await?,
            version: self.sealed(purse, id, 1, credential)?,
            origin: Origin::Apply,
        };
        self.plan.credentials.push(new);
        let subject = format!("{}@{}", credential.provider, purse.context);
        self.note_of(purse.of.user(), "credential.added", subject, "added".into());
        Ok(())
    }

    async fn known_credential(
        &mut self,
        purse: Purse<'_>,
        credential: &declared::Credential,
        row: &CredentialRow,
        sealed: &SealedVersion,
    ) -> Result<()> {
        let subject = format!("{}@{}", credential.provider, purse.context);
        if self.has_other_fields(credential, sealed).await? {
            let version = self.sealed(purse, row.id, row.version + 1, credential)?;
            self.note("credential.rotated", &subject, format!("version {}", version.version));
            self.plan.edits.push(Edit::Version(row.id, version));
        }
        if row.label != credential.label {
            self.plan.edits.push(Edit::Credential(row.id, CredentialChange::Label(credential.label.clone())));
            self.note("credential.changed", &subject, "another label");
        }
        if row.expires != credential.expires {
            self.plan.edits.push(Edit::Credential(row.id, CredentialChange::Expires(credential.expires)));
            self.note("credential.changed", &subject, format!("expires {}", credential.expires));
        }
        let restriction = self.restriction(purse, credential).await?;
        if row.restriction != restriction {
            self.plan.edits.push(Edit::Restriction(row.id, restriction));
            self.note("credential.restricted", &subject, "granted to others");
        }
        Ok(())
    }

    /// One that does not open, because somebody has tampered with it, is replaced like any other.
    async fn has_other_fields(&self, credential: &declared::Credential, sealed: &SealedVersion) -> Result<bool> {
        match self.on.vault.unseal(sealed).await {
            Ok(secret) => Ok(!credential.version.equals(sealed.source.as_deref(), &secret, &sealed.plain_fields)),
            Err(VaultError::Refused { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn sealed(
        &self,
        purse: Purse<'_>,
        id: CredentialId,
        version: u32,
        credential: &declared::Credential,
    ) -> Result<NewVersion> {
        let label = Label { credential: id, owner: purse.owner, provider: &credential.provider, version };
        credential.version.seal(self.on.vault, label).map_err(ApplyError::Vault)
    }

    async fn restriction(&mut self, purse: Purse<'_>, credential: &declared::Credential) -> Result<Restriction> {
        let mut restriction = Restriction::default();
        for project in &credential.projects {
            match self.project_id(purse.of, &project.name).await? {
                Some(id) => restriction.projects.push(id),
                None => return self.mistake(project.at, format!("expected a project of {}", purse.context)),
            }
        }
        for member in &credential.members {
            restriction.members.push(self.user_id(member)?);
        }
        restriction.projects.sort();
        restriction.members.sort();
        Ok(restriction)
    }

    async fn sealed_of_users(&mut self, users: &[PlannedUser<'_>]) -> Result<HashMap<UserId, Vec<Found>>> {
        let asked = |user: &&PlannedUser<'_>| !user.is_new && !user.declared.credentials.is_empty();
        let known: Vec<UserId> = users.iter().filter(asked).map(|user| user.id).collect();
        let mut found: HashMap<UserId, Vec<Found>> = HashMap::new();
        for chunk in known.chunks(CHUNK) {
            for (row, sealed) in self.reading.sealed_of_users(chunk).await? {
                if let Owner::User(user) = row.owner {
                    found.entry(user).or_default().push((row, sealed));
                }
            }
        }
        Ok(found)
    }

    async fn sealed_of(&mut self, owner: Owner) -> Result<Vec<Found>> {
        Ok(self.reading.sealed_of(owner).await?)
    }
}
