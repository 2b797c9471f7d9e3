//! Users: made, found, renamed, disabled, deleted, and the context that pays for them when nobody says which.
//! Owns nothing.
//! Never leaves the installation without an administrator, or an organization without its last owner.

use super::{
    Fault, Listed, Management, Page, Rights, Tag, Wanted, Who, holdings::Holdings, identities::Identity, names, signin,
    whoami::MyOrganization,
};
use crate::{
    clock::Timestamp,
    id::{CredentialId, UserId},
    identity::{Context, Name, UserName, role::Role},
    store::{NewUser, Origin, ProjectOf, Reading, RoleRow, Tx, UserChange, UserRow},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: UserId,
    pub name: UserName,
    /// May manage every user and organization of this installation.
    pub admin: bool,
    /// None of their tokens is accepted, and they cannot sign in.
    pub disabled: bool,
    /// What pays when neither the request nor its token says; null: chosen by the rule.
    pub active: Option<Context>,
    pub created: Timestamp,
}

/// A user with what is theirs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserDetails {
    #[serde(flatten)]
    pub user: User,
    /// With the role in each.
    pub organizations: Vec<MyOrganization>,
    /// Their own projects, and those of organizations that they are members of.
    pub projects: Vec<Context>,
    /// How many tokens they have, expired ones included.
    pub tokens: u64,
    /// Their own credentials and those of their own projects.
    pub credentials: Vec<HeldCredential>,
    /// Who they are at the identity provider; null: they sign in with a password alone.
    pub identity: Option<Identity>,
}

/// A credential by what it is for and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldCredential {
    pub id: CredentialId,
    pub provider: String,
    pub context: Context,
}

/// Which users.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsersWanted {
    /// Only the one of this name.
    pub name: Option<String>,
    /// Only those whose names have this in them, in whatever case.
    pub search: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    pub name: UserName,
    /// Whether they may manage everybody and everything; not, if it is left out.
    #[serde(default)]
    pub admin: bool,
}

/// What is to be different about a user; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeUser {
    /// Tokens, roles and credentials stay theirs under another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// True ends their sessions, and refuses all of their tokens until it is false again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// What pays when neither the request nor its token says.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetActive {
    /// Null: chosen by the rule. It has to be said.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub context: Option<Context>,
}

/// What would go with a user.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserConsequences {
    /// Tokens that would be revoked.
    pub tokens: u64,
    /// Their own projects.
    pub projects: u64,
    /// Their own credentials and those of their projects, which would be destroyed.
    pub credentials: u64,
    /// Jobs made with these credentials that have not ended: nobody could ask about them any more.
    pub open_jobs: u64,
    /// Sessions at the page that would end.
    pub sessions: u64,
    /// Organizations that they would leave.
    pub organizations: u64,
    /// Jobs of theirs that organizations pay for and that have not ended: they go on.
    pub shared_jobs: u64,
    /// Credentials of organizations whose present value they entered, and may know.
    pub entered: u64,
    /// Organizations that have no other owner who is not disabled. Each needs one before the user can be deleted.
    pub last_owner_of: Vec<Name>,
}

impl User {
    /// Of everything about them; what is theirs is not a part of it.
    pub fn tag(&self) -> Tag {
        Tag::of(self)
    }
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow { id, name, admin, disabled, active, created, .. } = row;
        Self { id, name, admin, disabled, active, created }
    }
}

impl Management {
    /// In the order of names.
    pub async fn users(&self, who: &Who, wanted: &UsersWanted, page: &Page) -> Result<Listed<User>, Fault> {
        let (limit, after) = (page.limit()?, page.after::<UserName>()?);
        let (mut reading, rights) = self.look(who).await?;
        over_everybody(&rights)?;
        let rows = match (wanted.name.as_deref().map(str::parse::<UserName>), wanted.search.as_deref()) {
            (Some(Ok(name)), _) => reading.find_user(&name).await?.into_iter().collect(),
            (Some(Err(_)), _) => Vec::new(),
            (None, Some(part)) if !part.is_empty() => reading.users_like(part, after.as_ref(), limit + 1).await?,
            (None, _) => reading.users(after.as_ref(), limit + 1).await?,
        };
        Ok(Listed::of(rows, limit, |row| row.name.to_string()).map(User::from))
    }

    pub async fn user(&self, who: &Who, user: &str) -> Result<UserDetails, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let row = find(&mut reading, &rights, user).await?;
        let roles = reading.roles(row.id).await?;
        let roles: Vec<RoleRow> =
            roles.into_iter().filter(|role| rights.sees(&Context::organization(role.name.clone()))).collect();
        let mut holdings = Holdings::of(&mut reading, ProjectOf::User(row.id), &Context::me()).await?;
        holdings.projects.extend(projects_of_member(&mut reading, row.id).await?);
        holdings.projects.retain(|project| rights.sees(project));
        holdings.credentials.retain(|(context, row)| rights.within(Some(context), Some(&row.provider)).is_ok());
        let held = |(context, row): (_, crate::store::CredentialRow)| HeldCredential {
            id: row.id,
            provider: row.provider.into(),
            context,
        };
        let identity = reading.identity(row.id).await?.map(|identity| Identity::of(identity, &row));
        Ok(UserDetails {
            identity,
            tokens: reading.count_tokens(row.id).await?,
            user: row.into(),
            organizations: roles.into_iter().map(MyOrganization::from).collect(),
            projects: holdings.projects,
            credentials: holdings.credentials.into_iter().map(held).collect(),
        })
    }

    pub async fn create_user(&self, who: &Who, wanted: CreateUser) -> Result<User, Fault> {
        let CreateUser { name, admin } = wanted;
        let (mut tx, rights) = self.act(who).await?;
        over_everybody(&rights)?;
        require_free(&mut tx, &name).await?;
        let id = UserId::new();
        let new = NewUser { id, name: name.clone(), admin, password_hash: None, origin: Origin::Hand };
        tx.insert_users(&[new]).await?;
        tx.record(rights.entry("user.added", &name).detail(if admin { "admin" } else { "" }));
        let row = tx.user(id).await?.ok_or_else(|| Fault::missing("user"))?;
        tx.commit().await?;
        Ok(row.into())
    }

    pub async fn change_user(
        &self,
        who: &Who,
        user: &str,
        change: ChangeUser,
        read: Option<&Wanted>,
    ) -> Result<User, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = find(&mut tx, &rights, user).await?;
        over_everybody(&rights)?;
        let before = User::from(row.clone());
        before.tag().check(read)?;
        let remains = change.admin.unwrap_or(row.admin) && !change.disabled.unwrap_or(row.disabled);
        if !remains {
            require_other_administrator((&mut tx, self.now()), &row).await?;
        }
        carry_out((&mut tx, &rights), &before, change).await?;
        let row = tx.user(row.id).await?.ok_or_else(|| Fault::missing("user"))?;
        tx.commit().await?;
        Ok(row.into())
    }

    pub async fn set_active(
        &self,
        who: &Who,
        user: &str,
        wanted: SetActive,
        read: Option<&Wanted>,
    ) -> Result<User, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = find(&mut tx, &rights, user).await?;
        User::from(row.clone()).tag().check(read)?;
        let (id, told) = match &wanted.context {
            Some(context) => {
                rights.within(Some(context), None)?;
                (Some(names::context(&mut tx, &row, context, "context").await?), context.to_string())
            }
            None => (None, "none".into()),
        };
        tx.change_user(row.id, UserChange::Active(id)).await?;
        tx.record(rights.entry("user.changed", &row.name).detail(format!("active context {told}")));
        let row = tx.user(row.id).await?.ok_or_else(|| Fault::missing("user"))?;
        tx.commit().await?;
        Ok(row.into())
    }

    pub async fn consequences_of_user(&self, who: &Who, user: &str) -> Result<UserConsequences, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let row = find(&mut reading, &rights, user).await?;
        rights.require_no_lists()?;
        let holdings = Holdings::of(&mut reading, ProjectOf::User(row.id), &Context::me()).await?;
        Ok(UserConsequences {
            tokens: reading.count_tokens(row.id).await?,
            projects: holdings.projects.len() as u64,
            credentials: holdings.credentials.len() as u64,
            open_jobs: holdings.open_jobs(&mut reading).await?,
            sessions: reading.sessions(row.id).await?.iter().filter(|row| signin::is_on(row, self.now())).count()
                as u64,
            organizations: reading.roles(row.id).await?.len() as u64,
            shared_jobs: reading.open_shared_jobs(row.id).await?,
            entered: reading.credentials_known_to(row.id, None).await?,
            last_owner_of: last_owner_of(&mut reading, row.id).await?,
        })
    }

    /// With their tokens, projects and credentials; what they did stays on record.
    pub async fn delete_user(&self, who: &Who, user: &str, read: Option<&Wanted>) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let row = find(&mut tx, &rights, user).await?;
        over_everybody(&rights)?;
        User::from(row.clone()).tag().check(read)?;
        require_other_administrator((&mut tx, self.now()), &row).await?;
        if let Some(organization) = last_owner_of(&mut tx, row.id).await?.first() {
            let text = format!("{} is the last owner of {organization}: give it another one first", row.name);
            return Err(Fault::conflict(text));
        }
        tx.delete_user(row.id, Origin::Hand).await?;
        tx.record(rights.entry("user.deleted", &row.name));
        tx.commit().await?;
        Ok(())
    }
}

/// The user of this name or id, if that is this actor's business.
pub(super) async fn find(reading: &mut Reading, rights: &Rights, user: &str) -> Result<UserRow, Fault> {
    let row = names::user(reading, user).await?;
    require_over(rights, row.id)?;
    Ok(row)
}

/// Users stand in no context: to a token with a list of them there is nobody but its own user.
pub(super) fn require_over(rights: &Rights, user: UserId) -> Result<(), Fault> {
    rights.over_user(user)?;
    if rights.standing().is_some_and(|standing| standing.user != user) {
        rights.require_no_lists().map_err(|_| Fault::missing("user"))?;
    }
    Ok(())
}

pub(super) fn over_everybody(rights: &Rights) -> Result<(), Fault> {
    rights.require_admin()?;
    rights.require_no_lists()
}

async fn carry_out((tx, rights): (&mut Tx, &Rights), before: &User, change: ChangeUser) -> Result<(), Fault> {
    let ChangeUser { name, admin, disabled } = change;
    let mut changes = Vec::new();
    if let Some(disabled) = disabled.filter(|disabled| *disabled != before.disabled) {
        let action = if disabled { "user.disabled" } else { "user.enabled" };
        changes.push((UserChange::Disabled(disabled), action, String::new()));
        if disabled {
            // Neither comes back to life with the account.
            tx.end_sessions(before.id, None).await?;
            tx.drop_links(Some(before.id)).await?;
        }
    }
    if let Some(admin) = admin.filter(|admin| *admin != before.admin) {
        let told = if admin { "an administrator" } else { "no administrator" };
        changes.push((UserChange::Admin(admin), "user.changed", told.into()));
    }
    if let Some(name) = name.filter(|name| *name != before.name) {
        require_free(tx, &name).await?;
        let told = format!("name {name}");
        changes.push((UserChange::Name(name), "user.changed", told));
    }
    for (change, action, told) in changes {
        tx.change_user(before.id, change).await?;
        tx.record(rights.entry(action, &before.name).detail(told));
    }
    Ok(())
}

async fn require_free(reading: &mut Reading, name: &UserName) -> Result<(), Fault> {
    match reading.find_user(name).await? {
        Some(_) => Err(Fault::conflict(format!("there is a user `{name}` already"))),
        None => Ok(()),
    }
}

/// Before this one is none any more.
async fn require_other_administrator((reading, now): (&mut Reading, Timestamp), row: &UserRow) -> Result<(), Fault> {
    if !row.admin || row.disabled || reading.has_other_administrator(row.id, now).await? {
        return Ok(());
    }
    let text = format!("{} is the last administrator who is not disabled: make somebody else one first", row.name);
    Err(Fault::conflict(text))
}

async fn last_owner_of(reading: &mut Reading, user: UserId) -> Result<Vec<Name>, Fault> {
    let mut names = Vec::new();
    for row in reading.roles(user).await?.into_iter().filter(|row| row.role == Role::Owner) {
        if !reading.has_other_owner(row.organization, user).await? {
            names.push(row.name);
        }
    }
    Ok(names)
}

/// Of the organizations' projects that list them.
async fn projects_of_member(reading: &mut Reading, user: UserId) -> Result<Vec<Context>, Fault> {
    let roles = reading.roles(user).await?;
    let names: HashMap<_, Name> = roles.into_iter().map(|role| (role.organization, role.name)).collect();
    let rows = reading.projects_with(user).await?.into_iter();
    let contexts = rows.filter_map(|row| match row.of {
        ProjectOf::Organization(id) => Some(Context::organization(names.get(&id)?.clone()).in_project(row.name)),
        ProjectOf::User(_) => None,
    });
    let mut contexts: Vec<Context> = contexts.collect();
    contexts.sort();
    Ok(contexts)
}

impl From<RoleRow> for MyOrganization {
    fn from(row: RoleRow) -> Self {
        Self { id: row.organization, name: row.name, role: row.role }
    }
}
