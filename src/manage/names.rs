//! From what people write to rows: a user, an organization or a project by its name or its id.
//! Owns nothing.
//! Where there is nothing of that name, and where it is not the actor's to know, it says the same.

use super::Fault;
use crate::{
    id::{OrganizationId, UserId},
    identity::{Context, Name, UserName},
    store::{ContextId, OrganizationRow, Reading, UserRow},
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

/// A context as this user means it.
pub async fn context(
    reading: &mut Reading,
    user: &UserRow,
    context: &Context,
    field: &'static str,
) -> Result<ContextId, Fault> {
    let found = reading.context_id(user.id, context).await?;
    found.ok_or_else(|| Fault::invalid(field, format!("there is no context `{context}` for {}", user.name)))
}
