//! From what people write to rows: a user, an organization or a project by its name or its id.
//! Owns nothing.
//! Where there is nothing of that name, and where it is not the actor's to know, it says the same.

use super::{Fault, Rights};
use crate::{
    credential::Owner,
    id::{OrganizationId, UserId},
    identity::{Context, Name, UserName, role::Act},
    store::{ContextId, MemberRow, OrganizationRow, ProjectOf, Reading, UserRow},
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
        Some(project) if !member.role.permits(Act::UseEveryProject) => {
            Ok(reading.is_project_member(project, user).await?)
        }
        _ => Ok(true),
    }
}

/// Whose a context is, as this actor means it: `me` is their own, or that of the user whom they name and may look after.
pub async fn owner(
    reading: &mut Reading,
    rights: &Rights,
    context: &Context,
    whose: Option<&str>,
) -> Result<Owner, Fault> {
    let of = match (&context.organization, whose) {
        (Some(_), Some(_)) => {
            let text = format!("it goes with `me` and `me.<project>`, and `{context}` is an organization's");
            return Err(Fault::invalid("user", text));
        }
        (Some(name), None) => {
            let organization = organization(reading, name.as_str()).await?;
            rights.in_organization(organization.id, Act::UseCredentials)?;
            ProjectOf::Organization(organization.id)
        }
        (None, Some(text)) => {
            let user = user(reading, text).await?;
            rights.over_user(user.id)?;
            ProjectOf::User(user.id)
        }
        (None, None) => ProjectOf::User(rights.me()?),
    };
    let Some(project) = &context.project else {
        return Ok(match of {
            ProjectOf::User(id) => Owner::User(id),
            ProjectOf::Organization(id) => Owner::Organization(id),
        });
    };
    let found = reading.find_project(of, project).await?.ok_or_else(|| Fault::missing("project"))?;
    let owner = Owner::Project(found.id);
    // To a member, a project that they are not in is not there.
    if rights.knows(reading, owner).await?.is_none() {
        return Err(Fault::missing("project"));
    }
    Ok(owner)
}
