//! `bellhop user …`: the people who hold tokens.
//! Owns nothing.
//! Deleting somebody destroys what is theirs, so it first says what that is.

use super::{
    Console, Failure,
    api::{Api, escaped},
    console::{Form, counted},
};
use crate::{
    clock::Timestamp,
    id::UserId,
    identity::{Context, UserName},
    manage::{
        Listed,
        identities::{Identity, SetIdentity},
        tokens::Token,
        users::{ChangeUser, CreateUser, SetActive, User, UserConsequences, UserDetails},
    },
};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

/// The largest page that the API has.
const PAGE: u32 = 200;

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
    /// Tie a user to somebody of the identity provider, by the subject that it knows them by
    #[command(after_help = "Examples:\n  bellhop user identity ada 5f1cb2a0-7d0e\n  bellhop user identity ada --clear")]
    Identity(Identify),
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
pub struct Identify {
    name: UserName,
    /// `sub` of the provider's tokens
    #[arg(required_unless_present = "clear")]
    subject: Option<String>,
    /// Untie: what its groups gave goes, and the tokens do not rest any more
    #[arg(long, conflicts_with = "subject")]
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
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Show(show) => show.run(api, console).await,
            Self::Active(active) => active.run(api, console).await,
            Self::Identity(identify) => identify.run(api, console).await,
            Self::Disable(named) => named.switch(api, console, true).await,
            Self::Enable(named) => named.switch(api, console, false).await,
            Self::Delete(delete) => delete.run(api, console).await,
        }
    }
}

impl Add {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { name, admin } = self;
        let User { name, .. } = api.post("/users", &CreateUser { name, admin }).await?;
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
    created: Timestamp,
}

impl From<User> for UserLine {
    fn from(user: User) -> Self {
        let User { id, name, admin, disabled, active, created } = user;
        Self { name, id, admin, state: if disabled { "disabled" } else { "active" }, active, created }
    }
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let (mut users, mut after) = (Vec::new(), self.after.as_ref().map(ToString::to_string));
        let mut left = self.limit;
        while left > 0 {
            let limit = left.min(PAGE);
            let place = after.map_or_else(String::new, |name| format!("&after={}", escaped(&name)));
            let page: Listed<User> = api.get(&format!("/users?limit={limit}{place}")).await?;
            left -= limit;
            users.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let lines: Vec<UserLine> = users.into_iter().map(UserLine::from).collect();
        console.table(self.form, &["name", "admin", "state", "active", "created"], &lines);
        match after {
            Some(last) if left == 0 => console.note(format_args!("there are more: add `--after {last}`")),
            None if lines.is_empty() && self.after.is_none() => {
                console.note("nobody yet: `bellhop user add NAME` adds the first");
            }
            _ => {}
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let details: UserDetails = api.get(&path(&self.name)).await?;
        let tokens: Vec<Token> = api.every(&format!("/tokens?user={}", escaped(self.name.as_str()))).await?;
        let mut tokens: Vec<String> = tokens.into_iter().map(|token| token.name).collect();
        tokens.sort();
        let roles = details.organizations.iter().map(|of| format!("{} ({})", of.name, of.role));
        let credentials = details.credentials.iter().map(|held| format!("{}@{}", held.provider, held.context));
        let (roles, credentials): (Vec<String>, Vec<String>) = (roles.collect(), credentials.collect());
        let UserLine { name, id, admin, state, active, created } = details.user.into();
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
                ("projects", json!(details.projects)),
                ("tokens", json!(tokens)),
                ("credentials", json!(credentials)),
                ("identity", json!(details.identity.as_ref().map(|identity| &identity.subject))),
                ("sign_in_by", json!(details.identity.as_ref().map(|identity| identity.sign_in_by))),
            ],
        );
        Ok(())
    }
}

impl Active {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let wanted = SetActive { context: self.context };
        let user: User = api.put(&format!("{}/active", path(&self.name)), &wanted).await?;
        let told = user.active.map_or_else(|| "none".into(), |context| context.to_string());
        console.note(format_args!("{}'s active context: {told}", self.name));
        Ok(())
    }
}

impl Identify {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { name, subject, .. } = self;
        let at = format!("{}/identity", path(&name));
        let Some(subject) = subject else {
            api.delete(&at).await?;
            console.note(format_args!("untied {name}"));
            return Ok(());
        };
        let tied: Identity = api.put(&at, &SetIdentity { subject }).await?;
        let (issuer, by) = (super::console::shown(&tied.issuer), tied.sign_in_by);
        console.note(format_args!("tied {name} to {issuer}; they have to sign in with it by {by}"));
        Ok(())
    }
}

impl Named {
    async fn switch(self, api: &Api, console: &mut Console<'_>, disabled: bool) -> Result<(), Failure> {
        let told = if disabled { "disabled" } else { "enabled" };
        let UserDetails { user, .. } = api.get(&path(&self.name)).await?;
        if user.disabled == disabled {
            console.note(format_args!("{} is {told} already", self.name));
            return Ok(());
        }
        let change = ChangeUser { disabled: Some(disabled), ..ChangeUser::default() };
        api.patch::<User>(&path(&self.name), &change).await?;
        console.note(format_args!("{told} {}", self.name));
        Ok(())
    }
}

impl Delete {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let goes: UserConsequences = api.get(&format!("{}/consequences", path(&self.name))).await?;
        let (tokens, credentials) = (counted(goes.tokens, "token"), counted(goes.credentials, "credential"));
        if !self.yes {
            let jobs = asked_about_no_more(goes.open_jobs);
            return Err(Failure::failed(format!(
                "this would revoke {tokens} and destroy {credentials} of {}{jobs}: add `--yes` to do it",
                self.name
            )));
        }
        api.delete(&path(&self.name)).await?;
        console.note(format_args!("deleted {}, {tokens} and {credentials}", self.name));
        Ok(())
    }
}

/// What the end of credentials means for the jobs that they made.
pub fn asked_about_no_more(open_jobs: u64) -> String {
    match open_jobs {
        0 => String::new(),
        open => format!(", and nobody could ask about {} that they made any more", counted(open, "open job")),
    }
}

fn path(name: &UserName) -> String {
    format!("/users/{}", escaped(name.as_str()))
}
