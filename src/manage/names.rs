//! From what people write to rows: a user, an organization or a project by its name or its id.
//! Owns nothing.
//! Where there is nothing of that name, and where it is not the actor's to know, it says the same.

use super::Fault;
use crate::{
    id::{OrganizationId, UserId},
    identity::{Context, Name, UserName, role},
    store::{ContextId, MemberRow, OrganizationRow, Reading, UserRow},
};

pub async fn user(reading: &mut Reading, text: &str) -> Result<UserRow, Fault> {
    if let Ok(id) = text.parse::<UserId>()
        && let Some(row) = reading.user(id).await?
    {
        return Ok(row);
    }
    match text.parse::<UserName>() {
        Ok(name) => reading.find_user(&name).await?.ok_or_else(|| Fault::missing("user")),
        Err(_) => Err(Fault::missing("user")),
    }
}

pub async fn organization(reading: &mut Reading, text: &str) -> Result<OrganizationRow, Fault> {
    if let Ok(id) = text.parse::<OrganizationId>()
        && let Some(row) = reading.organization(id).await?
    {
        return Ok(row);
    }
    match text.parse::<Name>() {
        Ok(name) => reading.find_organization(&name).await?.ok_or_else(|| Fault::missing("organization")),
        Err(_) => Err(Fault::missing("organization")),
    }
}

/// A member of this organization. Who is none and who is nobody are told apart by nothing.
pub async fn member(reading: &mut Reading, organization: &OrganizationRow, text: &str) -> Result<MemberRow, Fault> {
    let missing = || Fault::Missing(format!("there is no such member of {}", organization.name).into());
    let user = user(reading, text).await.map_err(|fault| match fault {
        Fault::Missing(_) => missing(),
        other => other,
    })?;
    reading.member(organization.id, user.id).await?.ok_or_else(missing)
}

/// A context as this user means it. Of an organization that they are not in they are not told whether there is one.
pub async fn context(
    reading: &mut Reading,
    user: &UserRow,
    context: &Context,
    field: &'static str,
) -> Result<ContextId, Fault> {
    match reading.context_id(user.id, context).await? {
        Some(id) if is_open_to(reading, user.id, id).await? => Ok(id),
        _ => Err(Fault::invalid(field, format!("there is no context `{context}` for {}", user.name))),
    }
}

async fn is_open_to(reading: &mut Reading, user: UserId, context: ContextId) -> Result<bool, Fault> {
    let (organization, project) = match context {
        ContextId::Me | ContextId::MyProject(_) => return Ok(true),
        ContextId::Organization(organization) => (organization, None),
        ContextId::Project(organization, project) => (organization, Some(project)),
    };
    let Some(member) = reading.member(organization, user).await? else { return Ok(false) };
    match project {
        Some(project) if !member.role.permits(role::Act::UseEveryProject) => {
            Ok(reading.is_project_member(project, user).await?)
        }
        _ => Ok(true),
    }
}
