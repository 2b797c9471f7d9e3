//! Who somebody is to Bellhop: their name and their roles.
//! Owns nothing.
//! Never tells of anybody else.

use super::{Fault, Management, Who};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, UserId},
    identity::{Context, Name, Scope, UserName, role::Role},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// Null at the command line of the machine itself.
    pub user: Option<Me>,
    /// Whether everything of this installation may be managed.
    pub admin: bool,
    /// The token that was presented; null in a session.
    pub token: Option<PresentedToken>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub id: UserId,
    pub name: UserName,
    /// What pays when neither the request nor its token says; null: chosen by the rule.
    pub active: Option<Context>,
    pub organizations: Vec<MyOrganization>,
    /// From then on your tokens and sessions rest, until you sign in with your identity provider again; null: never.
    pub sign_in_by: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MyOrganization {
    pub id: OrganizationId,
    pub name: Name,
    pub role: Role,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PresentedToken {
    pub scopes: Vec<Scope>,
    pub expires: Timestamp,
}

impl Management {
    pub async fn whoami(&self, who: &Who) -> Result<WhoAmI, Fault> {
        let (_, rights) = self.look(who).await?;
        let token =
            rights.bounds().map(|bounds| PresentedToken { scopes: bounds.scopes.list(), expires: bounds.expires });
        let Some(standing) = rights.standing() else { return Ok(WhoAmI { user: None, admin: true, token }) };
        let organizations = standing.memberships.iter().map(|membership| MyOrganization {
            id: membership.organization,
            name: membership.name.clone(),
            role: membership.role,
        });
        let me = Me {
            id: standing.user,
            name: standing.name.clone(),
            active: standing.active.as_deref().cloned(),
            organizations: organizations.collect(),
            sign_in_by: Some(standing.sign_in_by).filter(|time| *time != Timestamp::MAX),
        };
        Ok(WhoAmI { user: Some(me), admin: standing.admin, token })
    }
}
