//! `bellhop credential …`: what providers are paid with.
//! Owns nothing; secret fields are sealed as soon as they were read.
//! A credential is named as in URLs, `ionq@acme.optics`, or by its id.

use super::{
    Console, Failure,
    console::{Form, shown},
    fields::FieldSources,
    local::{Local, entry},
    lookup::{self, Home, Names},
    moment::Moment,
};
use crate::{
    clock::Timestamp,
    credential::{Owner, State, resolve::Personal},
    id::CredentialId,
    identity::{Context, Name, UserName},
    provider::{Fields, Provider},
    secret::Secret,
    store::{
        Conflict, CredentialChange, CredentialRow, NewCredential, NewVersion, Origin, ProjectOf, Reading, Restriction,
        StoreError, Tx,
    },
    vault::{Label, SecretFields},
};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use std::{collections::BTreeMap, str::FromStr};

#[derive(Subcommand, Debug)]
pub enum CredentialCommand {
    /// Enter a provider's key
    #[command(after_help = "Examples:\n  \
        bellhop credential add ionq@acme.optics --label \"optics group\" --from-stdin api_key < key.txt\n  \
        bellhop credential add dwave@me --user ada --from-env token=DWAVE_API_TOKEN --plain region=eu-central-1\n\n\
        Without a source, secret fields are asked for on the terminal, with echo off.")]
    Add(Add),
    /// List credentials; secrets are never shown
    List(List),
    /// Show one, without its secrets
    Show(Show),
    /// Enter a new version; requests use it within a second, the id stays
    #[command(
        after_help = "Example:\n  bellhop credential rotate ionq@acme.optics --from-file api_key=/run/secrets/ionq"
    )]
    Rotate(Rotate),
    /// Switch a credential off: who would pay with it is refused, not moved to another purse
    Disable(Chosen),
    /// Switch a disabled credential on again
    Enable(Chosen),
    /// Say which projects and members of its organization may use it
    #[command(after_help = "Examples:\n  \
        bellhop credential restrict ionq@acme --projects optics\n  \
        bellhop credential restrict ionq@acme --members grace,alan\n  \
        bellhop credential restrict ionq@acme --lift")]
    Restrict(Restrict),
    /// Destroy a credential with all its versions
    Delete(Delete),
}

/// Which credential: `PROVIDER@CONTEXT`, with `--user` where the context is somebody's own, or an id.
#[derive(Args, Debug)]
pub struct Chosen {
    /// `PROVIDER@CONTEXT`, or an id of `bellhop credential list`
    #[arg(value_name = "CREDENTIAL")]
    which: Which,
    /// Whose `me` is
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
}

#[derive(Clone, Debug)]
enum Which {
    Id(CredentialId),
    At(At),
}

/// A provider and whose credential for it.
#[derive(Clone, Debug)]
struct At {
    provider: String,
    context: Context,
}

#[derive(Args, Debug)]
pub struct Add {
    /// `PROVIDER@CONTEXT`: `ionq@me`, `ionq@me.thesis`, `ionq@acme`, `ionq@acme.optics`
    #[arg(value_name = "PROVIDER@CONTEXT")]
    at: At,
    /// Whose `me` is
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// What people see of it
    #[arg(long, default_value = "")]
    label: String,
    /// When it ends: 30d, 2027-01-01
    #[arg(long, default_value = "never", value_name = "WHEN")]
    expires: Moment,
    #[command(flatten)]
    sources: FieldSources,
    #[command(flatten)]
    restrictions: Restrictions,
}

#[derive(Args, Debug)]
pub struct List {
    /// Only for this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only of this owner: `me` with --user, `acme`, `acme.optics`
    #[arg(long, value_name = "CONTEXT")]
    of: Option<Context>,
    /// Whose `me` is
    #[arg(long, value_name = "USER", requires = "of")]
    user: Option<UserName>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Rotate {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    sources: FieldSources,
    /// When the new version ends; without it, as before
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
}

#[derive(Args, Debug)]
pub struct Restrict {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    restrictions: Restrictions,
    /// Let everybody in the organization use it
    #[arg(long, conflicts_with_all = ["projects", "members"])]
    lift: bool,
}

#[derive(Args, Debug)]
struct Restrictions {
    /// The only projects of its organization that may use it
    #[arg(long, value_delimiter = ',', value_name = "PROJECT,…")]
    projects: Vec<Name>,
    /// The only members that may use it
    #[arg(long, value_delimiter = ',', value_name = "USER,…")]
    members: Vec<UserName>,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    chosen: Chosen,
    /// Do it, instead of only saying what would go
    #[arg(long)]
    yes: bool,
}

impl CredentialCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Show(show) => show.run(local, console).await,
            Self::Rotate(rotate) => rotate.run(local, console).await,
            Self::Disable(chosen) => chosen.switch(local, console, State::Disabled).await,
            Self::Enable(chosen) => chosen.switch(local, console, State::Active).await,
            Self::Restrict(restrict) => restrict.run(local, console).await,
            Self::Delete(delete) => delete.run(local, console).await,
        }
    }
}

impl Add {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let provider = local.provider(&self.at.provider)?;
        if self.at.context.organization.is_none() && provider.personal() == Personal::Forbidden {
            return Err(Failure::failed(format!(
                "personal credentials are switched off for {}: `providers.{}.personal` in the configuration",
                provider.id(),
                provider.id()
            )));
        }
        let fields = self.sources.read(provider, BTreeMap::new(), console)?;
        let mut tx = local.write().await?;
        let owner = lookup::owner(&mut tx, &self.at.context, self.user.as_ref()).await?;
        let id = CredentialId::new();
        let version = seal(local, Label { credential: id, owner, provider: provider.id(), version: 1 }, &fields)?;
        let restriction = self.restrictions.read(&mut tx, owner).await?;
        let credential = NewCredential {
            id,
            owner,
            provider: provider.id().into(),
            label: self.label.as_str().into(),
            expires: self.expires.from(local.now()),
            restriction,
            version,
            origin: Origin::Hand,
        };
        match tx.insert_credentials(&[credential]).await {
            Err(StoreError::Conflict(Conflict::ActiveCredential)) => return Err(self.taken()),
            done => done?,
        }
        tx.record(entry("credential.added", id).detail(format!("{}@{}", provider.id(), self.subject())));
        tx.commit().await?;
        console.note(format_args!("added {}@{}, {id}", provider.id(), self.subject()));
        Ok(())
    }

    fn taken(&self) -> Failure {
        let At { provider, context } = &self.at;
        Failure::failed(format!(
            "{} has an active credential for {provider}: `bellhop credential rotate {provider}@{context}` gives it a new key, \
             `disable` makes room for another",
            self.subject()
        ))
    }

    fn subject(&self) -> String {
        Home { context: Some(self.at.context.clone()), user: self.user.clone() }.to_string()
    }
}

fn seal(local: &Local, label: Label<'_>, fields: &Fields) -> Result<NewVersion, Failure> {
    let secret: SecretFields = fields.secrets().map(|(name, value)| (name.into(), value.clone())).collect();
    let plain = fields.plains().map(|(name, value)| (name.into(), value.into())).collect();
    Ok(local.vault.seal(label, &secret, plain)?)
}

#[derive(Serialize)]
struct CredentialLine {
    provider: Box<str>,
    context: Option<Context>,
    user: Option<UserName>,
    label: Box<str>,
    id: CredentialId,
    version: u32,
    state: &'static str,
    expires: Timestamp,
    restricted_to_projects: Vec<String>,
    restricted_to_members: Vec<String>,
    secret_fields: Vec<Box<str>>,
    plain_fields: BTreeMap<Box<str>, Box<str>>,
    created: Timestamp,
}

impl CredentialLine {
    async fn read(
        row: CredentialRow,
        names: &mut Names,
        reading: &mut Reading,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let Home { context, user } = names.home(reading, row.owner).await?;
        let (mut projects, mut members) = (Vec::new(), Vec::new());
        for id in &row.restriction.projects {
            let project = names.project(reading, *id).await?;
            projects
                .push(project.map_or_else(|| format!("a deleted project, {id}"), |project| project.name.to_string()));
        }
        for id in &row.restriction.members {
            let member = names.user(reading, *id).await?;
            members.push(member.map_or_else(|| format!("a deleted user, {id}"), |name| name.to_string()));
        }
        let expired = row.state == State::Active && row.expires <= now;
        Ok(Self {
            provider: row.provider,
            context,
            user,
            label: row.label,
            id: row.id,
            version: row.version,
            state: if expired { "expired" } else { row.state.as_str() },
            expires: row.expires,
            restricted_to_projects: projects,
            restricted_to_members: members,
            secret_fields: row.secret_fields,
            plain_fields: row.plain_fields,
            created: row.created,
        })
    }
}

impl List {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let rows = match &self.of {
            Some(context) => {
                let owner = lookup::owner(&mut reading, context, self.user.as_ref()).await?;
                reading.credentials_of(owner).await?
            }
            None => all(&mut reading).await?,
        };
        let (mut names, mut lines) = (Names::default(), Vec::new());
        for row in rows {
            if self.provider.as_ref().is_none_or(|provider| **provider == *row.provider) {
                lines.push(CredentialLine::read(row, &mut names, &mut reading, local.now()).await?);
            }
        }
        lines.sort_by(|a, b| (&a.provider, &a.context, &a.user, a.id).cmp(&(&b.provider, &b.context, &b.user, b.id)));
        console.table(
            self.form,
            &["provider", "context", "user", "label", "version", "state", "expires", "id"],
            &lines,
        );
        if lines.is_empty() {
            console.note("none: `bellhop credential add PROVIDER@CONTEXT` enters one");
        }
        Ok(())
    }
}

async fn all(reading: &mut Reading) -> Result<Vec<CredentialRow>, Failure> {
    const PAGE: u32 = 1_000;
    let (mut rows, mut after): (Vec<CredentialRow>, Option<CredentialId>) = (Vec::new(), None);
    loop {
        let page = reading.credentials(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.id);
        rows.extend(page);
    }
}

impl Show {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = self.chosen.find(&mut reading).await?;
        let line = CredentialLine::read(row, &mut Names::default(), &mut reading, local.now()).await?;
        console.sheet(
            self.form,
            &[
                ("provider", json!(line.provider)),
                ("context", json!(line.context)),
                ("user", json!(line.user)),
                ("label", json!(line.label)),
                ("id", json!(line.id)),
                ("version", json!(line.version)),
                ("state", json!(line.state)),
                ("expires", json!(line.expires)),
                ("restricted_to_projects", json!(line.restricted_to_projects)),
                ("restricted_to_members", json!(line.restricted_to_members)),
                ("secret_fields", json!(line.secret_fields)),
                ("plain_fields", json!(line.plain_fields)),
                ("created", json!(line.created)),
            ],
        );
        Ok(())
    }
}

impl Rotate {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = self.chosen.find(&mut reading).await?;
        drop(reading);
        let provider = local.provider(&row.provider)?;
        let kept = if self.sources.is_empty() { plain_fields(&row) } else { current_fields(local, &row).await? };
        let fields = self.sources.read(provider, kept, console)?;
        same_account(provider, &row, &fields)?;
        let label = Label { credential: row.id, owner: row.owner, provider: provider.id(), version: row.version + 1 };
        let version = seal(local, label, &fields)?;
        let mut tx = local.write().await?;
        match tx.add_version(row.id, &version).await {
            Err(StoreError::Conflict(Conflict::Missing)) => {
                return Err(Failure::failed(
                    "somebody else has just rotated or deleted it: look at it again, then repeat",
                ));
            }
            done => done?,
        }
        if let Some(expires) = self.expires {
            tx.change_credential(row.id, CredentialChange::Expires(expires.from(local.now()))).await?;
        }
        tx.record(entry("credential.rotated", row.id).detail(format!("version {}", version.version)));
        tx.commit().await?;
        console.note(format_args!("{} is at version {} now", row.id, version.version));
        Ok(())
    }
}

fn plain_fields(row: &CredentialRow) -> BTreeMap<String, Secret> {
    row.plain_fields.iter().map(|(name, value)| (name.to_string(), Secret::new(&**value))).collect()
}

/// With its secrets, so that of several only the one that changed need be given.
async fn current_fields(local: &Local, row: &CredentialRow) -> Result<BTreeMap<String, Secret>, Failure> {
    let mut fields = plain_fields(row);
    if let Some(sealed) = local.store.sealed(row.id, row.version).await? {
        let secrets = local.vault.unseal(&sealed).await?;
        fields.extend(secrets.into_iter().map(|(name, value)| (name.into(), value)));
    }
    Ok(fields)
}

/// Jobs of one account cannot be asked about with a key of another, so that is a new credential.
fn same_account(provider: &Provider, row: &CredentialRow, fields: &Fields) -> Result<(), Failure> {
    let Some(account) = &provider.preset().account else { return Ok(()) };
    if row.plain_fields.get(account).map(|value| &**value) == fields.plain(account) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "`{account}` is another account: a new version must be of the same one. Disable this credential and add another"
    )))
}

impl Chosen {
    /// The active one, else the only one that there is.
    async fn find(&self, reading: &mut Reading) -> Result<CredentialRow, Failure> {
        let At { provider, context } = match &self.which {
            Which::Id(id) => {
                let found = reading.credential(*id).await?;
                return found.ok_or_else(|| {
                    Failure::failed(format!("there is no credential {id}: see `bellhop credential list`"))
                });
            }
            Which::At(at) => at,
        };
        let owner = lookup::owner(reading, context, self.user.as_ref()).await?;
        let mut rows = reading.credentials_of(owner).await?;
        rows.retain(|row| *row.provider == **provider);
        if let Some(active) = rows.iter().position(|row| row.state == State::Active) {
            return Ok(rows.swap_remove(active));
        }
        match (rows.pop(), rows.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(Failure::failed(format!(
                "{context} has several credentials for {provider}, all disabled: choose one by its id, see `bellhop credential list`"
            ))),
            (None, _) => Err(Failure::failed(format!(
                "{context} has no credential for {provider}: `bellhop credential add {provider}@{context}` enters one"
            ))),
        }
    }

    async fn switch(self, local: &Local, console: &mut Console<'_>, state: State) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let row = self.find(&mut tx).await?;
        if row.state == state {
            console.note(format_args!("{} is {state} already", row.id));
            return Ok(());
        }
        match tx.change_credential(row.id, CredentialChange::State(state)).await {
            Err(StoreError::Conflict(Conflict::ActiveCredential)) => {
                return Err(Failure::failed(
                    "its owner has another active one for this provider: disable that one first",
                ));
            }
            done => done?,
        }
        let action = if state == State::Active { "credential.enabled" } else { "credential.disabled" };
        tx.record(entry(action, row.id));
        tx.commit().await?;
        console.note(format_args!("{} is {state} now", row.id));
        Ok(())
    }
}

impl Restrict {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        if !self.lift && self.restrictions.projects.is_empty() && self.restrictions.members.is_empty() {
            return Err(Failure::usage("expected --projects, --members or --lift"));
        }
        let mut tx = local.write().await?;
        let row = self.chosen.find(&mut tx).await?;
        let restriction = self.restrictions.read(&mut tx, row.owner).await?;
        tx.restrict_credential(row.id, &restriction).await?;
        let told = self.restrictions.to_string();
        tx.record(entry("credential.restricted", row.id).detail(told.clone()));
        tx.commit().await?;
        console.note(format_args!("{} may be used by {told}", row.id));
        Ok(())
    }
}

impl Restrictions {
    async fn read(&self, tx: &mut Tx, owner: Owner) -> Result<Restriction, Failure> {
        let mut restriction = Restriction::default();
        if self.projects.is_empty() && self.members.is_empty() {
            return Ok(restriction);
        }
        let organization = match owner {
            Owner::Organization(id) => Some(id),
            Owner::Project(id) if self.projects.is_empty() => match tx.project(id).await?.map(|project| project.of) {
                Some(ProjectOf::Organization(id)) => Some(id),
                _ => None,
            },
            _ => None,
        };
        let Some(organization) = organization else {
            return Err(Failure::usage(
                "--projects goes with an organization's own credential, --members with any of an organization",
            ));
        };
        for name in &self.projects {
            let found = tx.find_project(ProjectOf::Organization(organization), name).await?;
            let project = found.ok_or_else(|| Failure::failed(format!("its organization has no project `{name}`")))?;
            restriction.projects.push(project.id);
        }
        let members = tx.members(organization).await?;
        for name in &self.members {
            let found = members.iter().find(|member| member.name == *name);
            let member = found.ok_or_else(|| Failure::failed(format!("{name} is not a member of its organization")))?;
            restriction.members.push(member.user);
        }
        Ok(restriction)
    }
}

impl std::fmt::Display for Restrictions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |names: Vec<String>| names.join(", ");
        match (self.projects.is_empty(), self.members.is_empty()) {
            (true, true) => f.write_str("everybody in its organization"),
            (false, true) => write!(f, "projects {}", list(self.projects.iter().map(ToString::to_string).collect())),
            (true, false) => write!(f, "members {}", list(self.members.iter().map(ToString::to_string).collect())),
            (false, false) => write!(
                f,
                "members {} in projects {}",
                list(self.members.iter().map(ToString::to_string).collect()),
                list(self.projects.iter().map(ToString::to_string).collect())
            ),
        }
    }
}

impl Delete {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let row = self.chosen.find(&mut tx).await?;
        if !self.yes {
            return Err(Failure::failed(format!(
                "this would destroy `{}` ({}, version {}) for good, and whoever pays with it is refused: add `--yes` to do it",
                shown(&row.label),
                row.id,
                row.version
            )));
        }
        tx.delete_credential(row.id).await?;
        tx.record(entry("credential.deleted", row.id).detail(row.provider.to_string()));
        tx.commit().await?;
        console.note(format_args!("deleted {}", row.id));
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected PROVIDER@CONTEXT, such as ionq@acme.optics")]
struct NotAt;

impl FromStr for At {
    type Err = NotAt;

    fn from_str(text: &str) -> Result<Self, NotAt> {
        let (provider, context) = text.split_once('@').ok_or(NotAt)?;
        let context = context.parse().map_err(|_| NotAt)?;
        if provider.is_empty() { Err(NotAt) } else { Ok(Self { provider: provider.to_owned(), context }) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected PROVIDER@CONTEXT, such as ionq@acme.optics, or an id of `bellhop credential list`")]
struct NotWhich;

impl FromStr for Which {
    type Err = NotWhich;

    fn from_str(text: &str) -> Result<Self, NotWhich> {
        let id = || text.parse().map(Self::Id);
        text.parse().map(Self::At).or_else(|_| id()).map_err(|_| NotWhich)
    }
}
