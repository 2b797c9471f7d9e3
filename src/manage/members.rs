//! Members of organizations and their roles.
//! Owns nothing.
//! Never takes the last owner away, and never lists users to an owner: whom they add, they know by name.

use super::{Fault, Listed, Management, Page, Rights, Tag, Wanted, Who, names, organizations};
use crate::{
    id::UserId,
    identity::{
        UserName,
        role::{Act, Role},
    },
    store::{MemberRow, OrganizationRow, Origin, Reading},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The user's.
    pub id: UserId,
    pub name: UserName,
    pub role: Role,
}

/// A member, and what they would leave behind.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MemberDetails {
    #[serde(flatten)]
    pub member: Member,
    /// Jobs of theirs that the organization pays for and that have not ended; null where it is not yours to see.
    pub open_jobs: Option<u64>,
}

/// What a member would lose and leave behind.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MemberConsequences {
    /// Projects that they are in.
    pub projects: u64,
    /// Tokens that are pinned to the organization or a project of it: their requests would be refused.
    pub pinned: u64,
    /// Jobs of theirs that the organization pays for and that have not ended: they go on.
    pub open_jobs: u64,
    /// Submissions of theirs of which nobody knows what came: they go on holding their share of quotas.
    pub unknown: u64,
    /// Credentials of the organization whose present value they entered, and may know.
    pub entered: u64,
    /// Nobody else owns it who is not disabled: they cannot leave before somebody does.
    pub last_owner: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMember {
    pub role: Role,
}

impl Member {
    pub fn tag(&self) -> Tag {
        Tag::of(self)
    }
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self { id: row.user, name: row.name, role: row.role }
    }
}

impl Management {
    /// Those who have been users longest first.
    pub async fn members(&self, who: &Who, organization: &str, page: &Page) -> Result<Listed<Member>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let organization = organizations::find(&mut reading, &rights, organization).await?;
        let rows = reading.members_page(organization.id, after, limit + 1).await?;
        Ok(Listed::of(rows, limit, |row| row.user.to_string()).map(Member::from))
    }

    pub async fn member(&self, who: &Who, organization: &str, user: &str) -> Result<MemberDetails, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let organization = organizations::find(&mut reading, &rights, organization).await?;
        let member: Member = names::member(&mut reading, &organization, user).await?.into();
        let mine = rights.over_user(member.id).is_ok();
        let open_jobs = if mine || rights.in_organization(organization.id, Act::SeeEveryJob).is_ok() {
            Some(reading.open_jobs_of_member(member.id, organization.id).await?)
        } else {
            None
        };
        Ok(MemberDetails { member, open_jobs })
    }

    /// For whoever may remove them, and for themselves.
    pub async fn consequences_of_member(
        &self,
        who: &Who,
        (organization, user): (&str, &str),
    ) -> Result<MemberConsequences, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let organization = organizations::find(&mut reading, &rights, organization).await?;
        let member = removable(&mut reading, &rights, (&organization, user)).await?;
        let (user, id) = (member.user, organization.id);
        let other = member.role != Role::Owner || reading.has_other_owner(id, user).await?;
        Ok(MemberConsequences {
            projects: reading.projects_within(user, id).await?,
            pinned: reading.tokens_pinned_within(user, id, self.now()).await?,
            open_jobs: reading.open_jobs_of_member(user, id).await?,
            unknown: reading.unknown_submissions(user, id).await?,
            entered: reading.credentials_known_to(user, Some(id)).await?,
            last_owner: !other,
        })
    }

    /// Adds a member, or gives one another role.
    pub async fn set_member(
        &self,
        who: &Who,
        (organization, user): (&str, &str),
        role: Role,
        read: Option<&Wanted>,
    ) -> Result<Member, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let organization = organizations::find_to(Act::ManageMembers, (&mut tx, &rights), organization).await?;
        let user = names::user(&mut tx, user).await?;
        let before = tx.member(organization.id, user.id).await?;
        match (before, read) {
            (Some(before), read) => {
                Member::from(before.clone()).tag().check(read)?;
                if role != Role::Owner {
                    require_other_owner(&mut tx, &organization, &before).await?;
                }
            }
            (None, Some(_)) => return Err(Fault::Changed),
            (None, None) => {}
        }
        tx.set_member(organization.id, user.id, role, Origin::Hand).await?;
        tx.record(rights.entry("member.set", &organization.name).detail(format!("{} {role}", user.name)));
        tx.commit().await?;
        Ok(Member { id: user.id, name: user.name, role })
    }

    /// Also from the organization's projects. Whoever is a member may leave.
    pub async fn remove_member(
        &self,
        who: &Who,
        (organization, user): (&str, &str),
        read: Option<&Wanted>,
    ) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let organization = organizations::find(&mut tx, &rights, organization).await?;
        let member = removable(&mut tx, &rights, (&organization, user)).await?;
        Member::from(member.clone()).tag().check(read)?;
        require_other_owner(&mut tx, &organization, &member).await?;
        tx.remove_member(organization.id, member.user).await?;
        tx.record(rights.entry("member.removed", &organization.name).detail(member.name.to_string()));
        tx.commit().await?;
        Ok(())
    }
}

/// The member of this name, whom this actor may remove, or who they are. Only whoever may remove others is told whether
/// there is such a member.
async fn removable(
    reading: &mut Reading,
    rights: &Rights,
    (organization, user): (&OrganizationRow, &str),
) -> Result<MemberRow, Fault> {
    let member = names::member(reading, organization, user).await;
    let is_me = |member: &MemberRow| rights.standing().is_some_and(|standing| standing.user == member.user);
    if !member.as_ref().is_ok_and(is_me) {
        rights.in_organization(organization.id, Act::ManageMembers)?;
    }
    member
}

/// Before this one is none any more.
async fn require_other_owner(
    reading: &mut Reading,
    organization: &OrganizationRow,
    member: &MemberRow,
) -> Result<(), Fault> {
    if member.role != Role::Owner || reading.has_other_owner(organization.id, member.user).await? {
        return Ok(());
    }
    Err(Fault::conflict(format!("{} is the last owner of {}: make another one first", member.name, organization.name)))
}
