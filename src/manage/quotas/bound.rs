//! Whom a quota binds: from what people write to its subject, back to what they call it, and who may bind it.
//! Owns nothing.
//! Never lets on to who may set none that there is such a user, organization or project.

use super::SetQuota;
use crate::{
    credential::Owner,
    id::{CredentialId, OrganizationId, UserId},
    identity::{Context, Name, UserName, role::Act},
    job::quota::{self, Subject},
    manage::{
        Fault, Rights,
        homes::{self, Home, Homes},
        names, users,
    },
    store::{ProjectOf, Reading},
};

impl SetQuota {
    pub(super) async fn subject(
        &self,
        reading: &mut Reading,
        rights: &Rights,
    ) -> Result<(Subject, Option<OrganizationId>), Fault> {
        if let Some(id) = self.credential {
            if self.user.is_some() || self.context.is_some() {
                return Err(Fault::invalid("credential", "expected neither `user` nor `context` beside it"));
            }
            let missing = || Fault::missing("credential");
            let row = reading.credential(id).await?.ok_or_else(missing)?;
            rights.knows(reading, row.owner).await?.ok_or_else(missing)?;
            return Ok((Subject::Credential(id), None));
        }
        let Some(context) = &self.context else {
            let expected = || Fault::invalid("user", "say whom it binds: `user`, `context` or `credential`");
            let user = self.user.as_ref().ok_or_else(expected)?;
            return Ok((Subject::User(users::find(reading, rights, user).await?.id), None));
        };
        let project = context.project.as_ref();
        match (&context.organization, &self.user) {
            (None, None) => Err(Fault::invalid("user", "expected whose `me` it is")),
            (None, Some(user)) => {
                let user = users::find(reading, rights, user).await?.id;
                match project {
                    Some(project) => in_project(reading, ProjectOf::User(user), project).await,
                    None => Ok((Subject::User(user), None)),
                }
            }
            (Some(name), user) => {
                let organization = names::organization(reading, name.as_str()).await?.id;
                // Whoever may not set its quotas learns nothing of what there is in it.
                rights.in_organization(organization, Act::ManageMembers)?;
                match (project, user) {
                    (Some(_), Some(_)) => {
                        Err(Fault::invalid("user", "a project of an organization is bound as a whole"))
                    }
                    (Some(project), None) => in_project(reading, ProjectOf::Organization(organization), project).await,
                    (None, Some(user)) => share(reading, rights, organization, user).await,
                    (None, None) => Ok((Subject::Organization(organization), None)),
                }
            }
        }
    }
}

async fn in_project(
    reading: &mut Reading,
    of: ProjectOf,
    name: &Name,
) -> Result<(Subject, Option<OrganizationId>), Fault> {
    let found = reading.find_project(of, name).await?.ok_or_else(|| Fault::missing("project"))?;
    Ok((Subject::Project(found.id), None))
}

/// A member's, of what the organization pays for; an administrator's word also binds who is to be one.
async fn share(
    reading: &mut Reading,
    rights: &Rights,
    organization: OrganizationId,
    user: &str,
) -> Result<(Subject, Option<OrganizationId>), Fault> {
    let user = names::user(reading, user).await?.id;
    if rights.is_admin() || reading.member(organization, user).await?.is_some() {
        Ok((Subject::User(user), Some(organization)))
    } else {
        Err(Fault::missing("user"))
    }
}

/// Owners bind what is their organization's; people are bound by the operator.
pub async fn may_set(
    reading: &mut Reading,
    rights: &Rights,
    subject: Subject,
    within: Option<OrganizationId>,
) -> Result<(), Fault> {
    if let Some(organization) = organization_of(reading, subject, within).await? {
        return rights.in_organization(organization, Act::ManageMembers);
    }
    match subject {
        Subject::User(user) => rights.over_user(user)?,
        Subject::Project(id) => rights.over_owner(reading, Owner::Project(id), Act::ManageMembers).await?,
        Subject::Credential(id) => {
            let row = reading.credential(id).await?.ok_or_else(|| Fault::missing("credential"))?;
            rights.over_owner(reading, row.owner, Act::ManageMembers).await?;
        }
        Subject::Organization(_) => {}
    }
    rights.require_admin()
}

/// The organization whose owners set it.
pub async fn organization_of(
    reading: &mut Reading,
    subject: Subject,
    within: Option<OrganizationId>,
) -> Result<Option<OrganizationId>, Fault> {
    let owner = match subject {
        Subject::User(_) => return Ok(within),
        Subject::Organization(id) => return Ok(Some(id)),
        Subject::Project(id) => Owner::Project(id),
        Subject::Credential(id) => match reading.credential(id).await? {
            Some(row) => row.owner,
            None => return Ok(None),
        },
    };
    homes::organization_of(reading, owner).await
}

/// Whom a quota binds, as people say it and as programs do.
#[derive(Default)]
pub struct Bound {
    pub binds: String,
    pub user: Option<UserName>,
    pub context: Option<Context>,
    pub credential: Option<CredentialId>,
}

pub async fn bound(reading: &mut Reading, quota: &quota::Quota) -> Result<Bound, Fault> {
    match quota.subject {
        Subject::User(id) => {
            let Bound { binds, user, .. } = bound_user(reading, id).await?;
            let Some(organization) = quota.within else { return Ok(Bound { binds, user, ..Bound::default() }) };
            let within = bound_owner(reading, Owner::Organization(organization)).await?;
            Ok(Bound { binds: format!("{binds} in {}", within.binds), user, ..within })
        }
        Subject::Organization(id) => bound_owner(reading, Owner::Organization(id)).await,
        Subject::Project(id) => bound_owner(reading, Owner::Project(id)).await,
        Subject::Credential(id) => {
            let Some(row) = reading.credential(id).await? else {
                return Ok(Bound {
                    binds: format!("the deleted credential {id}"),
                    credential: Some(id),
                    ..Bound::default()
                });
            };
            let of = bound_owner(reading, row.owner).await?;
            Ok(Bound { binds: format!("`{}` of {}", row.label, of.binds), credential: Some(id), ..of })
        }
    }
}

async fn bound_user(reading: &mut Reading, id: UserId) -> Result<Bound, Fault> {
    let user = reading.user(id).await?.map(|row| row.name);
    let binds = user.as_ref().map_or_else(|| "a deleted user".to_owned(), ToString::to_string);
    Ok(Bound { binds, user, ..Bound::default() })
}

async fn bound_owner(reading: &mut Reading, owner: Owner) -> Result<Bound, Fault> {
    let home = Homes::default().of(reading, owner).await?;
    let binds = home.to_string();
    let Home { context, user } = home;
    Ok(Bound { binds, user, context, credential: None })
}
