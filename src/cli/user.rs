//! `bellhop user …`: the people who hold tokens.
//! Owns nothing.
//! Deleting somebody destroys what is theirs, so it first says what that is.

use super::{
    Console, Failure,
    console::{Form, counted},
    local::{Local, entry},
    lookup::{self, Names},
};
use crate::{
    id::UserId,
    identity::{Context, UserName},
    store::{NewUser, Origin, ProjectOf, Reading, UserChange, UserRow},
};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

#[derive(Subcommand, Debug)]
pub enum UserCommand {
    /// Add a user
    #[command(after_help = "Example:\n  bellhop user add ada && bellhop token create ada laptop")]
    Add(Add),
    /// List users, in the order of their names
    List(List),
    /// Show a user with their organizations, projects, tokens and credentials
    Show(Show),
    /// Choose the context that pays when a request names none
    #[command(after_help = "Examples:\n  bellhop user active ada acme.optics\n  bellhop user active ada --clear")]
    Active(Active),
    /// Refuse all of a user's tokens, until they are enabled again
    Disable(Named),
    /// Accept a disabled user's tokens again
    Enable(Named),
    /// Delete a user, with their tokens, projects and credentials
    Delete(Delete),
}

#[derive(Args, Debug)]
pub struct Add {
    /// 1 to 120 of A-Z, a-z, 0-9 and . _ @ + -
    name: UserName,
    /// May manage every user and organization of this installation
    #[arg(long)]
    admin: bool,
}

#[derive(Args, Debug)]
pub struct List {
    /// Begin after this name
    #[arg(long, value_name = "NAME")]
    after: Option<UserName>,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    limit: u32,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Show {
    name: UserName,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Named {
    name: UserName,
}

#[derive(Args, Debug)]
pub struct Active {
    name: UserName,
    #[arg(required_unless_present = "clear")]
    context: Option<Context>,
    /// None: the automatic choice
    #[arg(long, conflicts_with = "context")]
    clear: bool,
}

#[derive(Args, Debug)]
pub struct Delete {
    name: UserName,
    /// Do it, instead of only saying what would go
    #[arg(long)]
    yes: bool,
}

impl UserCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Show(show) => show.run(local, console).await,
            Self::Active(active) => active.run(local, console).await,
            Self::Disable(named) => named.switch(local, console, true).await,
            Self::Enable(named) => named.switch(local, console, false).await,
            Self::Delete(delete) => delete.run(local, console).await,
        }
    }
}

impl Add {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { name, admin } = self;
        let mut tx = local.write().await?;
        if tx.find_user(&name).await?.is_some() {
            return Err(Failure::failed(format!("there is a user `{name}` already")));
        }
        let user = NewUser { id: UserId::new(), name: name.clone(), admin, password_hash: None, origin: Origin::Hand };
        tx.insert_users(&[user]).await?;
        tx.record(entry("user.added", &name).detail(if admin { "admin" } else { "" }));
        tx.commit().await?;
        console.note(format_args!("added {name}; `bellhop token create {name} NAME` makes them a token"));
        Ok(())
    }
}

#[derive(Serialize)]
struct UserLine {
    name: UserName,
    id: UserId,
    admin: bool,
    state: &'static str,
    active: Option<Context>,
    created: crate::clock::Timestamp,
}

impl From<UserRow> for UserLine {
    fn from(row: UserRow) -> Self {
        let UserRow { id, name, admin, disabled, active, created, .. } = row;
        Self { name, id, admin, state: if disabled { "disabled" } else { "active" }, active, created }
    }
}

impl List {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let rows = local.read().await?.users(self.after.as_ref(), self.limit).await?;
        let more = rows.last().filter(|_| rows.len() as u64 == u64::from(self.limit)).map(|row| row.name.clone());
        let lines: Vec<UserLine> = rows.into_iter().map(UserLine::from).collect();
        console.table(self.form, &["name", "admin", "state", "active", "created"], &lines);
        match more {
            Some(last) => console.note(format_args!("there may be more: add `--after {last}`")),
            None if lines.is_empty() && self.after.is_none() => {
                console.note("nobody yet: `bellhop user add NAME` adds the first");
            }
            None => {}
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let user = lookup::user(&mut reading, &self.name).await?;
        let standing = reading.standing(user.id).await?;
        let roles: Vec<String> =
            standing.iter().flat_map(|s| &s.memberships).map(|m| format!("{} ({})", m.name, m.role)).collect();
        let projects = contexts_of_projects(&mut reading, &user).await?;
        let tokens: Vec<String> = reading.tokens(user.id).await?.into_iter().map(|token| token.name.into()).collect();
        let credentials = credentials_below(&mut reading, &user).await?;
        let UserLine { name, id, admin, state, active, created } = user.into();
        console.sheet(
            self.form,
            &[
                ("name", json!(name)),
                ("id", json!(id)),
                ("admin", json!(admin)),
                ("state", json!(state)),
                ("created", json!(created)),
                ("active_context", json!(active)),
                ("organizations", json!(roles)),
                ("projects", json!(projects)),
                ("tokens", json!(tokens)),
                ("credentials", json!(credentials)),
            ],
        );
        Ok(())
    }
}

/// Their own projects, and those of organizations that list them.
async fn contexts_of_projects(reading: &mut Reading, user: &UserRow) -> Result<Vec<String>, Failure> {
    let own = reading.projects(ProjectOf::User(user.id)).await?;
    let own = own.into_iter().map(|project| format!("me.{}", project.name));
    let standing = reading.standing(user.id).await?;
    let listed = standing
        .iter()
        .flat_map(|s| &s.memberships)
        .flat_map(|m| m.projects.iter().map(|p| format!("{}.{}", m.name, p.name)));
    Ok(own.chain(listed).collect())
}

/// Their own credentials and those of their projects, as `ionq@me.thesis`.
async fn credentials_below(reading: &mut Reading, user: &UserRow) -> Result<Vec<String>, Failure> {
    use crate::credential::Owner;
    let mut owners = vec![Owner::User(user.id)];
    owners.extend(
        reading.projects(ProjectOf::User(user.id)).await?.into_iter().map(|project| Owner::Project(project.id)),
    );
    let (mut names, mut credentials) = (Names::default(), Vec::new());
    for owner in owners {
        let home = names.home(reading, owner).await?.context;
        for row in reading.credentials_of(owner).await? {
            credentials.push(format!(
                "{}@{}",
                row.provider,
                home.as_ref().map_or_else(String::new, ToString::to_string)
            ));
        }
    }
    Ok(credentials)
}

impl Active {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let user = lookup::user(&mut tx, &self.name).await?;
        let (id, told) = match &self.context {
            Some(context) => (Some(lookup::context(&mut tx, &user, context).await?), context.to_string()),
            None => (None, "none".into()),
        };
        tx.change_user(user.id, UserChange::Active(id)).await?;
        tx.record(entry("user.changed", &self.name).detail(format!("active context {told}")));
        tx.commit().await?;
        console.note(format_args!("{}'s active context: {told}", self.name));
        Ok(())
    }
}

impl Named {
    async fn switch(self, local: &Local, console: &mut Console<'_>, disabled: bool) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let user = lookup::user(&mut tx, &self.name).await?;
        let (action, told) = if disabled { ("user.disabled", "disabled") } else { ("user.enabled", "enabled") };
        if user.disabled == disabled {
            console.note(format_args!("{} is {told} already", self.name));
            return Ok(());
        }
        tx.change_user(user.id, UserChange::Disabled(disabled)).await?;
        tx.record(entry(action, &self.name));
        tx.commit().await?;
        console.note(format_args!("{told} {}", self.name));
        Ok(())
    }
}

impl Delete {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let user = lookup::user(&mut tx, &self.name).await?;
        let tokens = counted(tx.tokens(user.id).await?.len(), "token");
        let credentials = counted(credentials_below(&mut tx, &user).await?.len(), "credential");
        if !self.yes {
            return Err(Failure::failed(format!(
                "this would revoke {tokens} and destroy {credentials} of {}: add `--yes` to do it",
                self.name
            )));
        }
        tx.delete_user(user.id, Origin::Hand).await?;
        tx.record(entry("user.deleted", &self.name));
        tx.commit().await?;
        console.note(format_args!("deleted {}, {tokens} and {credentials}", self.name));
        Ok(())
    }
}
