//! Which contexts somebody can name, and by what right.
//! Owns nothing.
//! Never tells of a context that would be refused if it were named.

use super::{Fault, Listed, Management, Page, Who};
use crate::{
    identity::{Context, Membership, Name, Standing, role::Act},
    store::{ProjectOf, Reading},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NamedContext {
    pub context: Context,
    /// It pays when neither the request nor its token says.
    pub active: bool,
    pub by: NamedBy,
}

/// Why somebody can name a context.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamedBy {
    /// It is their own.
    Own,
    /// They are a member of the organization or the project.
    Member,
    /// Maintainers and owners can name every project of their organization.
    Role,
}

impl Management {
    /// `me` first, then by name: each purse before its projects.
    pub async fn contexts(&self, who: &Who, page: &Page) -> Result<Listed<NamedContext>, Fault> {
        let (limit, after) = (page.limit()?, page.after::<Context>()?);
        let (mut reading, rights) = self.look(who).await?;
        rights.me()?;
        let Some(standing) = rights.standing() else { return Ok(Listed { items: Vec::new(), next: None }) };
        let purses = std::iter::once(None).chain(standing.memberships.iter().map(Some));
        let mut contexts: Vec<(Context, NamedBy)> = Vec::new();
        for membership in purses {
            let room = (limit as usize + 1).saturating_sub(contexts.len());
            if room == 0 {
                break;
            }
            let name = membership.map(|membership| &membership.name);
            // `None` is `me`, and comes first here as it does there.
            let place = match &after {
                Some(after) if name < after.organization.as_ref() => continue,
                Some(after) if name == after.organization.as_ref() => {
                    after.project.as_ref().map_or(Place::Purse, Place::Project)
                }
                _ => Place::Nowhere,
            };
            contexts.extend(of_purse(&mut reading, (standing, membership), place, room).await?);
        }
        let listed = Listed::of(contexts, limit, |(context, _)| context.to_string());
        let Listed { items, next } = listed;
        let items = items.into_iter().filter(|(context, _)| rights.sees(context)).map(|(context, by)| NamedContext {
            active: standing.active.as_deref() == Some(&context),
            context,
            by,
        });
        Ok(Listed { items: items.collect(), next })
    }
}

/// What of a purse was told last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place<'n> {
    Nowhere,
    Purse,
    Project(&'n Name),
}

/// What comes after that place: the purse itself, and its projects.
async fn of_purse(
    reading: &mut Reading,
    (standing, membership): (&Standing, Option<&Membership>),
    place: Place<'_>,
    room: usize,
) -> Result<Vec<(Context, NamedBy)>, Fault> {
    let purse = membership.map_or_else(Context::me, |membership| Context::organization(membership.name.clone()));
    let after = match place {
        Place::Project(name) => Some(name),
        Place::Nowhere | Place::Purse => None,
    };
    let limit = u32::try_from(room).unwrap_or(u32::MAX);
    let is_listed = |name: &Name| {
        let projects = membership.map(|membership| &membership.projects);
        projects.into_iter().flatten().any(|project| project.name == *name)
    };
    let projects: Vec<(Name, NamedBy)> = match membership {
        None => {
            let rows = reading.projects_page(ProjectOf::User(standing.user), after, limit).await?;
            rows.into_iter().map(|row| (row.name, NamedBy::Own)).collect()
        }
        Some(membership) if membership.role.permits(Act::UseEveryProject) => {
            let of = ProjectOf::Organization(membership.organization);
            let rows = reading.projects_page(of, after, limit).await?;
            let by = |name: &Name| if is_listed(name) { NamedBy::Member } else { NamedBy::Role };
            rows.into_iter().map(|row| (row.name.clone(), by(&row.name))).collect()
        }
        Some(membership) => {
            let later = membership.projects.iter().filter(|project| after.is_none_or(|after| project.name > *after));
            later.take(room).map(|project| (project.name.clone(), NamedBy::Member)).collect()
        }
    };
    let own = if membership.is_none() { NamedBy::Own } else { NamedBy::Member };
    let itself = (place == Place::Nowhere).then(|| (purse.clone(), own));
    let projects = projects.into_iter().map(|(name, by)| (purse.clone().in_project(name), by));
    Ok(itself.into_iter().chain(projects).collect())
}
