//! Invitations: links by which people join an organization with a role, each once.
//! Owns nothing; of a link only its digest is kept.
//! Never makes an administrator, never changes what somebody is already, and never outlasts its maker's right to invite.

use super::{Fault, Listed, Management, Page, Who, organizations, tokens::Shown};
use crate::{
    clock::Timestamp,
    id::{InvitationId, UserId},
    identity::{
        Name, UserName,
        key::{self, KeyDigest},
        role::{Act, Role},
    },
    secret::Secret,
    store::{Actor, AuditEntry, Conflict, InvitationRow, NewUser, OrganizationRow, Origin, Reading, StoreError, Tx},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// A link that nobody has used yet, without its value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: Name,
    /// What whoever uses it is then.
    pub role: Role,
    /// Who made it; null: somebody at the command line of the machine itself.
    pub by: Option<UserName>,
    /// It opens nothing: who made it may not invite any more.
    pub void: bool,
    pub created: Timestamp,
    pub expires: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    pub role: Role,
    /// In seven days, if it is left out; in thirty at most.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

/// An invitation that was just made: the only time that its value is told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeInvitation {
    #[serde(flatten)]
    pub invitation: Invitation,
    /// What the page's address ends with, after `/join/`; nobody can show it again.
    #[schema(value_type = String)]
    pub value: Shown,
}

/// A link that somebody holds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Presented {
    #[schema(value_type = String)]
    pub invitation: Shown,
}

/// Somebody new, who joins with a link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    #[schema(value_type = String)]
    pub invitation: Shown,
    /// Of an account that is not there yet.
    pub name: UserName,
    /// At least 15 characters.
    #[schema(value_type = String)]
    pub password: Shown,
}

/// What somebody has joined.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    /// The user's.
    pub id: UserId,
    pub name: UserName,
    pub organization: Name,
    pub role: Role,
}

impl Management {
    /// Those that are not over, oldest first.
    pub async fn invitations(&self, who: &Who, organization: &str, page: &Page) -> Result<Listed<Invitation>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let organization = organizations::find_to(Act::ManageMembers, (&mut reading, &rights), organization).await?;
        let rows = reading.invitations_page(organization.id, self.now(), (after, limit + 1)).await?;
        let Listed { items, next } = Listed::of(rows, limit, |row| row.id.to_string());
        let mut invitations = Vec::with_capacity(items.len());
        for row in items {
            invitations.push(view(&mut reading, &organization, row).await?);
        }
        Ok(Listed { items: invitations, next })
    }

    pub async fn create_invitation(
        &self,
        who: &Who,
        organization: &str,
        wanted: CreateInvitation,
    ) -> Result<MadeInvitation, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let organization = organizations::find_to(Act::ManageMembers, (&mut tx, &rights), organization).await?;
        rights.require_no_boundary()?;
        let now = self.now();
        let ends = wanted.expires.unwrap_or_else(|| now.plus(LIFE));
        if ends <= now || ends > now.plus(LONGEST) {
            return Err(Fault::invalid("expires", "expected a time in the next thirty days"));
        }
        let (value, digest) = key::generate().map_err(|error| Fault::Internal(Box::new(error)))?;
        let row = InvitationRow {
            id: InvitationId::new(),
            organization: organization.id,
            role: wanted.role,
            made_by: rights.standing().map(|standing| standing.user),
            created: now,
            ends,
        };
        tx.insert_invitation(&digest, &row).await?;
        let told = format!("{}, {}, until {ends}", row.id, row.role);
        tx.record(rights.entry("invitation.made", &organization.name).detail(told));
        let invitation = view(&mut tx, &organization, row).await?;
        self.made(tx, &rights, MadeInvitation { invitation, value: Shown(value) }).await
    }

    pub async fn revoke_invitation(&self, who: &Who, organization: &str, id: InvitationId) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let organization = organizations::find_to(Act::ManageMembers, (&mut tx, &rights), organization).await?;
        use_up(&mut tx, &organization, id, || Fault::missing("invitation")).await?;
        tx.record(rights.entry("invitation.revoked", &organization.name).detail(id.to_string()));
        Ok(tx.commit().await.map(drop)?)
    }

    /// What a link is for, to whoever has it.
    pub async fn presented_invitation(&self, value: &Secret) -> Result<Invitation, Fault> {
        let mut reading = self.store.read().await?;
        let (row, organization) = self.open(&mut reading, value).await?;
        view(&mut reading, &organization, row).await
    }

    /// Makes an account for somebody new, who is a member then.
    pub async fn join(&self, wanted: Join) -> Result<Joined, Fault> {
        let Join { invitation, name, password } = wanted;
        // A link that opens nothing costs no hash, and a hash is not waited for with the store's lock.
        let mut reading = self.store.read().await?;
        self.open(&mut reading, &invitation.0).await?;
        drop(reading);
        let hash = self.hashed("password", &password.0).await?;
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        let (row, organization) = self.open(&mut tx, &invitation.0).await?;
        if tx.find_user(&name).await?.is_some() {
            let text = format!("there is a user `{name}` already: choose another name, or sign in as {name} first");
            return Err(Fault::conflict(text));
        }
        let id = UserId::new();
        let (password_hash, origin) = (Some(hash), Origin::Hand);
        tx.insert_users(&[NewUser { id, name: name.clone(), admin: false, password_hash, origin }]).await?;
        tx.record(AuditEntry::new(&Actor::User(id), "user.added", &name).detail("by an invitation"));
        enrol(tx, (row, organization), (id, name)).await
    }

    /// Somebody who has an account joins with it.
    pub async fn accept_invitation(&self, who: &Who, value: &Secret) -> Result<Joined, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let me = rights.me()?;
        rights.require_no_lists()?;
        let (row, organization) = self.open(&mut tx, value).await?;
        if let Some(membership) = rights.membership(organization.id) {
            let text = format!(
                "you are in {} already, as {}; the invitation is still good for somebody else",
                organization.name, membership.role
            );
            return Err(Fault::conflict(text));
        }
        let name = tx.user(me).await?.ok_or(Fault::SignedOut)?.name;
        enrol(tx, (row, organization), (me, name)).await
    }

    /// The invitation of this link, if it opens anything now. What it would have been is told to nobody.
    async fn open(&self, reading: &mut Reading, value: &Secret) -> Result<(InvitationRow, OrganizationRow), Fault> {
        let found = reading.invitation(&KeyDigest::of(value.expose().trim())).await?;
        let row = found.filter(|row| self.now() < row.ends).ok_or_else(gone)?;
        if is_void(reading, &row).await? {
            return Err(gone());
        }
        let organization = reading.organization(row.organization).await?.ok_or_else(gone)?;
        Ok((row, organization))
    }
}

fn gone() -> Fault {
    Fault::Missing("this invitation was used already, is over, or was never made: ask for another one".into())
}

/// Makes a member of them, and the link worth nothing.
async fn enrol(
    mut tx: Tx,
    (row, organization): (InvitationRow, OrganizationRow),
    (id, name): (UserId, UserName),
) -> Result<Joined, Fault> {
    use_up(&mut tx, &organization, row.id, gone).await?;
    tx.set_member(organization.id, id, row.role, Origin::Hand).await?;
    let by = maker(&mut tx, &row).await?.map_or_else(|| "the command line".to_owned(), |name| name.to_string());
    let told = format!("{name} {}, invited by {by}, {}", row.role, row.id);
    tx.record(AuditEntry::new(&Actor::User(id), "member.joined", &organization.name).detail(told));
    tx.commit().await?;
    Ok(Joined { id, name, organization: organization.name, role: row.role })
}

async fn use_up(
    tx: &mut Tx,
    organization: &OrganizationRow,
    id: InvitationId,
    missing: impl FnOnce() -> Fault,
) -> Result<(), Fault> {
    tx.drop_invitation(organization.id, id).await.map_err(|error| match error {
        StoreError::Conflict(Conflict::Missing) => missing(),
        other => other.into(),
    })
}

/// Whether who made it may not invite any more: they left, were given a lesser role, were disabled.
async fn is_void(reading: &mut Reading, row: &InvitationRow) -> Result<bool, Fault> {
    let Some(maker) = row.made_by else { return Ok(false) };
    let Some(standing) = reading.standing(maker).await? else { return Ok(true) };
    let mut roles = standing.memberships.iter().filter(|membership| membership.organization == row.organization);
    Ok(!standing.admin && !roles.any(|membership| membership.role.permits(Act::ManageMembers)))
}

async fn maker(reading: &mut Reading, row: &InvitationRow) -> Result<Option<UserName>, Fault> {
    match row.made_by {
        Some(user) => Ok(reading.user(user).await?.map(|row| row.name)),
        None => Ok(None),
    }
}

async fn view(reading: &mut Reading, organization: &OrganizationRow, row: InvitationRow) -> Result<Invitation, Fault> {
    Ok(Invitation {
        by: maker(reading, &row).await?,
        void: is_void(reading, &row).await?,
        id: row.id,
        organization: organization.name.clone(),
        role: row.role,
        created: row.created,
        expires: row.ends,
    })
}
