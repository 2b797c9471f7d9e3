//! What an identity provider's groups make somebody, at each sign-in.
//! Owns nothing: which memberships came from groups is written beside them in the store.
//! Never touches what was given by hand or declared, and never takes the last administrator away.
//!
//! An organization may lose its last owner: the provider says that they are none, and administrators can name another.
//! The last administrator stays one, because above them there is nobody.

use super::Fault;
use crate::{
    clock::Timestamp,
    config::{GroupGrant, GroupRole, OidcConfig},
    id::UserId,
    identity::{Name, role::Role},
    store::{Actor, AuditEntry, Origin, Tx, UserChange, UserRow},
};
use std::collections::BTreeMap;

struct Meant {
    roles: BTreeMap<Name, Role>,
    administrator: bool,
}

/// Makes, changes and takes away. Whether they are an administrator by a group afterwards.
pub async fn agree(
    (tx, now): (&mut Tx, Timestamp),
    config: &OidcConfig,
    (user, made_admin): (&UserRow, bool),
    groups: &[String],
) -> Result<bool, Fault> {
    let meant = meant(config, groups);
    take_away(tx, user, &meant.roles).await?;
    for (organization, role) in &meant.roles {
        give(tx, user, organization, *role).await?;
    }
    administer((tx, now), (user, made_admin), meant.administrator).await
}

/// What came from groups goes.
pub async fn forget((tx, now): (&mut Tx, Timestamp), (user, made_admin): (&UserRow, bool)) -> Result<bool, Fault> {
    take_away(tx, user, &BTreeMap::new()).await?;
    administer((tx, now), (user, made_admin), false).await
}

/// Of several roles in one organization the most powerful one counts.
fn meant(config: &OidcConfig, groups: &[String]) -> Meant {
    let mut meant = Meant { roles: BTreeMap::new(), administrator: false };
    for grant in groups.iter().filter_map(|group| config.groups.get(group)).flatten() {
        match grant {
            GroupGrant::Administrator => meant.administrator = true,
            GroupGrant::Member { organization, role } => {
                let Ok(organization) = organization.parse::<Name>() else { continue };
                let kept = meant.roles.entry(organization).or_insert(Role::Member);
                *kept = (*kept).max(role.into());
            }
        }
    }
    meant
}

async fn take_away(tx: &mut Tx, user: &UserRow, meant: &BTreeMap<Name, Role>) -> Result<(), Fault> {
    for row in tx.roles_by_identity(user.id).await?.into_iter().filter(|row| !meant.contains_key(&row.name)) {
        let is_last = row.role == Role::Owner && !tx.has_other_owner(row.organization, user.id).await?;
        tx.remove_member(row.organization, user.id).await?;
        let last = if is_last { ", its last owner" } else { "" };
        tx.record(by_group("member.removed", &row.name, format!("{}{last}", user.name)));
    }
    Ok(())
}

async fn give(tx: &mut Tx, user: &UserRow, organization: &Name, role: Role) -> Result<(), Fault> {
    let Some(found) = tx.find_organization(organization).await? else {
        tracing::warn!(event = "sign_in.unknown_organization", %organization, "`oidc.groups` names an organization that is not there");
        return Ok(());
    };
    let is_as_meant = match tx.member(found.id, user.id).await? {
        Some(member) => member.origin != Origin::Identity || member.role == role,
        None => false,
    };
    if !is_as_meant {
        tx.set_member(found.id, user.id, role, Origin::Identity).await?;
        tx.record(by_group("member.set", organization, format!("{} {role}", user.name)));
    }
    Ok(())
}

async fn administer(
    (tx, now): (&mut Tx, Timestamp),
    (user, made_admin): (&UserRow, bool),
    meant: bool,
) -> Result<bool, Fault> {
    match (meant, user.admin) {
        (true, true) => Ok(made_admin),
        (true, false) => {
            set_admin(tx, user.id, true).await?;
            tx.record(by_group("user.changed", &user.name, "an administrator".into()));
            Ok(true)
        }
        (false, true) if made_admin && !tx.has_other_administrator(user.id, now).await? => {
            tracing::warn!(event = "sign_in.last_administrator", user = %user.name, "the last administrator stays one, though no group makes them one any more");
            tx.record(by_group("user.kept", &user.name, "still an administrator, as the last one".into()));
            Ok(true)
        }
        (false, true) if made_admin => {
            set_admin(tx, user.id, false).await?;
            tx.record(by_group("user.changed", &user.name, "no administrator".into()));
            Ok(false)
        }
        (false, _) => Ok(false),
    }
}

async fn set_admin(tx: &mut Tx, user: UserId, admin: bool) -> Result<(), Fault> {
    Ok(tx.change_user(user, UserChange::Admin(admin)).await?)
}

fn by_group(action: &'static str, subject: impl std::fmt::Display, detail: String) -> AuditEntry {
    AuditEntry::new(&Actor::System, action, subject).detail(format!("{detail}, by the identity provider's groups"))
}

impl From<&GroupRole> for Role {
    fn from(role: &GroupRole) -> Self {
        match role {
            GroupRole::Owner => Self::Owner,
            GroupRole::Maintainer => Self::Maintainer,
            GroupRole::Member => Self::Member,
        }
    }
}
