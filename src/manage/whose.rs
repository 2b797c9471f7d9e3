//! Whose jobs, submissions or usage a question is about, and how much of that its actor may see.
//! Owns nothing.
//! Never lets on that there is a user or an organization that is none of the actor's business.

use super::{Fault, Rights, names};
use crate::{
    id::{OrganizationId, UserId},
    identity::Context,
    job::reach::{self, reach_of},
    store::{PayerRow, Reading, Whose},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Whose.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// A user's name or id; `*` is everybody. Without it, you; with an organization, everybody in it of whom you may
    /// know.
    pub user: Option<String>,
    /// Only what this organization pays for, by its name or its id.
    pub organization: Option<String>,
}

impl Of {
    /// `None`: nobody of whom this actor may know.
    pub(super) async fn find(&self, reading: &mut Reading, rights: &Rights) -> Result<Option<Whose>, Fault> {
        let user = self.user.as_deref();
        if let Some(organization) = &self.organization {
            let organization = names::organization(reading, organization).await?.id;
            return in_organization(reading, rights, user, organization).await;
        }
        Ok(Some(match user {
            Some("*") => {
                rights.require_admin()?;
                Whose::Everybody
            }
            Some(name) => {
                let user = names::user(reading, name).await?.id;
                rights.over_user(user)?;
                Whose::User(user)
            }
            // At the command line there is no oneself.
            None => rights.standing().map_or(Whose::Everybody, |standing| Whose::User(standing.user)),
        }))
    }
}

async fn in_organization(
    reading: &mut Reading,
    rights: &Rights,
    user: Option<&str>,
    organization: OrganizationId,
) -> Result<Option<Whose>, Fault> {
    let membership = rights.membership(organization);
    if membership.is_none() && !rights.is_admin() {
        return Err(Fault::missing("organization"));
    }
    let sees_all = rights.is_admin() || membership.is_some_and(reach::oversees);
    let Some(name) = user.filter(|name| *name != "*") else {
        return Ok(Some(if sees_all {
            Whose::Organization(organization)
        } else {
            Whose::Member(rights.me()?, organization)
        }));
    };
    let found = names::user(reading, name).await.map(|user| user.id);
    match found {
        Ok(user) if sees_all || rights.me().is_ok_and(|me| me == user) => Ok(Some(Whose::Member(user, organization))),
        Ok(_) => Err(Fault::missing("user")),
        // Whoever left is not among the members any more, and their jobs are: an overseer learns of a name only by them.
        Err(Fault::Missing(_)) if sees_all && !rights.is_admin() => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl Rights {
    /// Whether what this user did, and this organization or they themself paid for, is the actor's to see.
    pub(super) fn reaches(&self, owner: UserId, organization: Option<OrganizationId>) -> bool {
        let reached = |standing| reach_of(standing, owner, organization).is_some();
        self.is_admin() || self.standing().is_some_and(reached)
    }

    /// Whether it is, and the actor's token is for such as well.
    pub(super) fn sees_paid(&self, payer: &PayerRow, provider: &str) -> bool {
        self.reaches(payer.user, payer.organization) && self.within_purse(payer, provider).is_ok()
    }

    /// As [`within`](Rights::within): another's own purse is no context of this actor's.
    pub(super) fn within_purse(&self, payer: &PayerRow, provider: &str) -> Result<(), Fault> {
        let is_anothers = payer.organization.is_none() && self.standing().is_some_and(|s| s.user != payer.user);
        match context(payer).filter(|_| !is_anothers) {
            Some(context) => self.within(Some(&context), Some(provider)),
            None if self.bounds().is_some_and(|bounds| !bounds.boundary.contexts.is_empty()) => {
                Err(Fault::missing("thing"))
            }
            None => self.within(None, Some(provider)),
        }
    }
}

/// The purse that paid, by the names that it has now.
pub fn context(payer: &PayerRow) -> Option<Context> {
    let purse = match (payer.organization, &payer.organization_name) {
        (None, _) => Context::me(),
        (Some(_), name) => Context::organization(name.clone()?),
    };
    Some(match &payer.project_name {
        Some(project) => purse.in_project(project.clone()),
        None => purse,
    })
}
