//! Organizations: made, renamed, deleted, and whose jobs their members see.
//! Owns nothing.
//! Never lets on to who is no member that there is one of a name.

use super::{Fault, Listed, Management, Page, Rights, Tag, Wanted, Who, holdings::Holdings, names, users};
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::OrganizationId,
    identity::{
        Context, JobVisibility, Name,
        role::{Act, Role},
    },
    store::{NewOrganization, OrganizationChange, OrganizationRow, Origin, ProjectOf, Reading, Tx},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: Name,
    /// Your role in it; null: you are none of its members.
    pub role: Option<Role>,
    /// Whether members see only their own jobs, or everybody's.
    pub job_visibility: JobVisibility,
    /// How many members it has.
    pub members: u64,
    /// How many projects it has, whether you are in them or not.
    pub projects: u64,
    /// The providers that it has a credential of its own for.
    pub credentials: Vec<String>,
    pub created: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrganization {
    pub name: Name,
    /// The name or id of the user who owns it. Without one only administrators can add its members.
    pub owner: Option<String>,
    /// `own`, if it is left out.
    #[serde(default)]
    pub job_visibility: JobVisibility,
}

/// What is to be different about an organization; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeOrganization {
    /// Tokens that are pinned to it, or for it, stay so under another name; addresses that name it do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_visibility: Option<JobVisibility>,
}

/// What would go with an organization.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrganizationConsequences {
    /// Members who would lose it; they stay users.
    pub members: u64,
    pub projects: u64,
    /// Its own credentials and those of its projects, which would be destroyed.
    pub credentials: u64,
    /// Jobs made with these credentials that have not ended: nobody could ask about them any more.
    pub open_jobs: u64,
}

impl Organization {
    /// Of what can be changed about it.
    pub fn tag(&self) -> Tag {
        tag(self.id, &self.name, self.job_visibility)
    }
}

impl Management {
    /// One's own in the order of names; everybody's for administrators.
    pub async fn organizations(&self, who: &Who, page: &Page) -> Result<Listed<Organization>, Fault> {
        let (limit, after) = (page.limit()?, page.after::<Name>()?);
        let (mut reading, rights) = self.look(who).await?;
        let rows = if rights.is_admin() {
            reading.organizations_page(after.as_ref(), limit + 1).await?
        } else {
            own(&mut reading, &rights, after.as_ref(), limit as usize + 1).await?
        };
        let Listed { items, next } = Listed::of(rows, limit, |row| row.name.to_string());
        let mut organizations = Vec::new();
        for row in items.into_iter().filter(|row| rights.sees(&Context::organization(row.name.clone()))) {
            organizations.push(view(&mut reading, &rights, row).await?);
        }
        Ok(Listed { items: organizations, next })
    }

    pub async fn organization(&self, who: &Who, organization: &str) -> Result<Organization, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let row = find(&mut reading, &rights, organization).await?;
        view(&mut reading, &rights, row).await
    }

    pub async fn create_organization(&self, who: &Who, wanted: CreateOrganization) -> Result<Organization, Fault> {
        let CreateOrganization { name, owner, job_visibility } = wanted;
        let (mut tx, rights) = self.act(who).await?;
        rights.require_admin()?;
        rights.require_no_lists()?;
        require_free(&mut tx, &name).await?;
        let owner = match &owner {
            Some(owner) => Some(users::find(&mut tx, &rights, owner).await.map_err(|fault| match fault {
                Fault::Missing(_) => Fault::invalid("owner", "there is no such user"),
                other => other,
            })?),
            None => None,
        };
        let id = OrganizationId::new();
        let new = NewOrganization { id, name: name.clone(), job_visibility, origin: Origin::Hand };
        tx.insert_organizations(&[new]).await?;
        tx.record(rights.entry("organization.added", &name));
        if let Some(owner) = owner {
            tx.set_member(id, owner.id, Role::Owner, Origin::Hand).await?;
            tx.record(rights.entry("member.set", &name).detail(format!("{} owner", owner.name)));
        }
        let row = tx.organization(id).await?.ok_or_else(|| Fault::missing("organization"))?;
        let organization = view(&mut tx, &rights, row).await?;
        self.made(tx, &rights, organization).await
    }

    pub async fn change_organization(
        &self,
        who: &Who,
        organization: &str,
        change: ChangeOrganization,
        read: Option<&Wanted>,
    ) -> Result<Organization, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = find_to(Act::ManageMembers, (&mut tx, &rights), organization).await?;
        tag(row.id, &row.name, row.job_visibility).check(read)?;
        if let Some(visibility) = change.job_visibility.filter(|visibility| *visibility != row.job_visibility) {
            tx.change_organization(row.id, OrganizationChange::JobVisibility(visibility)).await?;
            let told = format!("job visibility {}", visibility.as_str());
            tx.record(rights.entry("organization.changed", &row.name).detail(told));
        }
        if let Some(name) = change.name.filter(|name| *name != row.name) {
            require_free(&mut tx, &name).await?;
            let told = format!("name {name}");
            tx.change_organization(row.id, OrganizationChange::Name(name)).await?;
            tx.record(rights.entry("organization.changed", &row.name).detail(told));
        }
        done(tx, &rights, row.id).await
    }

    pub async fn consequences_of_organization(
        &self,
        who: &Who,
        organization: &str,
    ) -> Result<OrganizationConsequences, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let row = find_to(Act::ManageMembers, (&mut reading, &rights), organization).await?;
        let holdings = holdings(&mut reading, &row).await?;
        holdings.within(&rights)?;
        Ok(OrganizationConsequences {
            members: reading.size_of_organization(row.id).await?.members,
            projects: holdings.projects.len() as u64,
            credentials: holdings.credentials.len() as u64,
            open_jobs: holdings.open_jobs(&mut reading).await?,
        })
    }

    /// With its projects and credentials. Its members stay users, and what they ran stays on record.
    pub async fn delete_organization(&self, who: &Who, organization: &str, read: Option<&Wanted>) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = find_to(Act::ManageMembers, (&mut tx, &rights), organization).await?;
        tag(row.id, &row.name, row.job_visibility).check(read)?;
        holdings(&mut tx, &row).await?.within(&rights)?;
        tx.delete_organization(row.id).await?;
        tx.record(rights.entry("organization.deleted", &row.name));
        tx.commit().await?;
        Ok(())
    }
}

/// The organization of this name or id, if the actor is one of its members, or an administrator, and their token is
/// for it.
pub(super) async fn find(reading: &mut Reading, rights: &Rights, text: &str) -> Result<OrganizationRow, Fault> {
    find_to(Act::UseCredentials, (reading, rights), text).await
}

/// As above, if the actor's role permits this.
pub(super) async fn find_to(
    act: Act,
    (reading, rights): (&mut Reading, &Rights),
    text: &str,
) -> Result<OrganizationRow, Fault> {
    let row = names::organization(reading, text).await?;
    if !rights.sees(&Context::organization(row.name.clone())) {
        return Err(Fault::missing("organization"));
    }
    rights.in_organization(row.id, act)?;
    Ok(row)
}

async fn own(
    reading: &mut Reading,
    rights: &Rights,
    after: Option<&Name>,
    limit: usize,
) -> Result<Vec<OrganizationRow>, Fault> {
    let memberships = rights.standing().map(|standing| &*standing.memberships).unwrap_or_default();
    let mut rows = Vec::new();
    for membership in
        memberships.iter().filter(|membership| after.is_none_or(|after| membership.name > *after)).take(limit)
    {
        rows.extend(reading.organization(membership.organization).await?);
    }
    Ok(rows)
}

async fn view(reading: &mut Reading, rights: &Rights, row: OrganizationRow) -> Result<Organization, Fault> {
    let size = reading.size_of_organization(row.id).await?;
    let credentials = reading.credentials_of(Owner::Organization(row.id)).await?;
    Ok(Organization {
        id: row.id,
        role: rights.membership(row.id).map(|membership| membership.role),
        name: row.name,
        job_visibility: row.job_visibility,
        members: size.members,
        projects: size.projects,
        credentials: credentials.into_iter().map(|credential| credential.provider.into()).collect(),
        created: row.created,
    })
}

/// What became of it, once everything is in the store.
async fn done(mut tx: Tx, rights: &Rights, id: OrganizationId) -> Result<Organization, Fault> {
    let row = tx.organization(id).await?.ok_or_else(|| Fault::missing("organization"))?;
    let organization = view(&mut tx, rights, row).await?;
    tx.commit().await?;
    Ok(organization)
}

fn tag(id: OrganizationId, name: &Name, visibility: JobVisibility) -> Tag {
    Tag::of(&(id, name, visibility))
}

async fn holdings(reading: &mut Reading, row: &OrganizationRow) -> Result<Holdings, Fault> {
    Holdings::of(reading, ProjectOf::Organization(row.id), &Context::organization(row.name.clone())).await
}

async fn require_free(reading: &mut Reading, name: &Name) -> Result<(), Fault> {
    match reading.find_organization(name).await? {
        Some(_) => Err(Fault::conflict(format!("there is an organization `{name}` already"))),
        None => Ok(()),
    }
}
