//! `bellhop org …`: organizations, whose credentials their members share.
//! Owns nothing.
//! Never leaves an organization without an owner by itself, but says when it has none.

use super::{
    Console, Failure,
    console::{Form, counted},
    local::{Local, entry},
    lookup,
};
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::OrganizationId,
    identity::{JobVisibility, Name, UserName, role::Role},
    store::{Conflict, NewOrganization, OrganizationChange, Origin, ProjectOf, StoreError},
};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

#[derive(Subcommand, Debug)]
pub enum OrganizationCommand {
    /// Add an organization
    #[command(after_help = "Example:\n  bellhop org add acme --owner ada")]
    Add(Add),
    /// List organizations
    List(List),
    /// Show an organization with its members, projects and credentials
    Show(Show),
    /// Members and their roles
    #[command(subcommand)]
    Member(MemberCommand),
    /// Choose whether members see each other's jobs
    Visibility(Visibility),
    /// Delete an organization, with its projects and credentials
    Delete(Delete),
}

#[derive(Subcommand, Debug)]
pub enum MemberCommand {
    /// Add a member, or change a member's role
    #[command(after_help = "Example:\n  bellhop org member set acme grace maintainer")]
    Set(SetMember),
    /// Remove a member, also from the organization's projects
    Remove(RemoveMember),
}

#[derive(Args, Debug)]
pub struct Add {
    /// 1 to 40 of a-z, 0-9 and single -
    name: Name,
    /// The user who owns it
    #[arg(long, value_name = "USER")]
    owner: Option<UserName>,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Show {
    name: Name,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct SetMember {
    organization: Name,
    user: UserName,
    /// owner, maintainer or member
    role: Role,
}

#[derive(Args, Debug)]
pub struct RemoveMember {
    organization: Name,
    user: UserName,
}

#[derive(Args, Debug)]
pub struct Visibility {
    organization: Name,
    /// own: members see their own jobs; all: everybody's
    visibility: JobVisibility,
}

#[derive(Args, Debug)]
pub struct Delete {
    name: Name,
    /// Do it, instead of only saying what would go
    #[arg(long)]
    yes: bool,
}

impl OrganizationCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Show(show) => show.run(local, console).await,
            Self::Member(MemberCommand::Set(set)) => set.run(local, console).await,
            Self::Member(MemberCommand::Remove(remove)) => remove.run(local, console).await,
            Self::Visibility(visibility) => visibility.run(local, console).await,
            Self::Delete(delete) => delete.run(local, console).await,
        }
    }
}

impl Add {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { name, owner } = self;
        let mut tx = local.write().await?;
        if tx.find_organization(&name).await?.is_some() {
            return Err(Failure::failed(format!("there is an organization `{name}` already")));
        }
        let owner = match &owner {
            Some(owner) => Some(lookup::user(&mut tx, owner).await?),
            None => None,
        };
        let id = OrganizationId::new();
        let job_visibility = JobVisibility::default();
        tx.insert_organizations(&[NewOrganization { id, name: name.clone(), job_visibility, origin: Origin::Hand }])
            .await?;
        tx.record(entry("organization.added", &name));
        if let Some(owner) = &owner {
            tx.set_member(id, owner.id, Role::Owner, Origin::Hand).await?;
            tx.record(entry("member.set", &name).detail(format!("{} owner", owner.name)));
        }
        tx.commit().await?;
        console.note(match owner {
            Some(owner) => format!("added {name}, owned by {}", owner.name),
            None => format!("added {name}; `bellhop org member set {name} USER owner` gives it an owner"),
        });
        Ok(())
    }
}

#[derive(Serialize)]
struct OrganizationLine {
    name: Name,
    id: OrganizationId,
    members: usize,
    projects: usize,
    credentials: usize,
    job_visibility: JobVisibility,
    created: Timestamp,
}

impl List {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let mut lines = Vec::new();
        for row in reading.organizations().await? {
            lines.push(OrganizationLine {
                members: reading.members(row.id).await?.len(),
                projects: reading.projects(ProjectOf::Organization(row.id)).await?.len(),
                credentials: reading.credentials_of(Owner::Organization(row.id)).await?.len(),
                name: row.name,
                id: row.id,
                job_visibility: row.job_visibility,
                created: row.created,
            });
        }
        console.table(self.form, &["name", "members", "projects", "credentials", "job_visibility", "created"], &lines);
        if lines.is_empty() {
            console.note("none yet: `bellhop org add NAME --owner USER` adds the first");
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = lookup::organization(&mut reading, &self.name).await?;
        let members = reading.members(row.id).await?;
        let members: Vec<String> = members.iter().map(|member| format!("{} ({})", member.name, member.role)).collect();
        let mut credentials = Vec::new();
        for credential in reading.credentials_of(Owner::Organization(row.id)).await? {
            credentials.push(format!("{}@{}", credential.provider, row.name));
        }
        let mut projects = Vec::new();
        for project in reading.projects(ProjectOf::Organization(row.id)).await? {
            let context = format!("{}.{}", row.name, project.name);
            for credential in reading.credentials_of(Owner::Project(project.id)).await? {
                credentials.push(format!("{}@{context}", credential.provider));
            }
            projects.push(context);
        }
        console.sheet(
            self.form,
            &[
                ("name", json!(row.name)),
                ("id", json!(row.id)),
                ("created", json!(row.created)),
                ("job_visibility", json!(row.job_visibility)),
                ("members", json!(members)),
                ("projects", json!(projects)),
                ("credentials", json!(credentials)),
            ],
        );
        Ok(())
    }
}

impl SetMember {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { organization, user, role } = self;
        let mut tx = local.write().await?;
        let row = lookup::organization(&mut tx, &organization).await?;
        let member = lookup::user(&mut tx, &user).await?;
        tx.set_member(row.id, member.id, role, Origin::Hand).await?;
        tx.record(entry("member.set", &organization).detail(format!("{user} {role}")));
        let unowned = !tx.members(row.id).await?.iter().any(|member| member.role == Role::Owner);
        tx.commit().await?;
        console
            .note(format_args!("{user} is {} {role} of {organization}", if role == Role::Owner { "an" } else { "a" }));
        warn_unowned(console, &organization, unowned);
        Ok(())
    }
}

impl RemoveMember {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { organization, user } = self;
        let mut tx = local.write().await?;
        let row = lookup::organization(&mut tx, &organization).await?;
        let member = lookup::user(&mut tx, &user).await?;
        match tx.remove_member(row.id, member.id).await {
            Err(StoreError::Conflict(Conflict::Missing)) => {
                return Err(Failure::failed(format!("{user} is not a member of {organization}")));
            }
            done => done?,
        }
        tx.record(entry("member.removed", &organization).detail(user.to_string()));
        let open = tx.open_jobs_of_member(member.id, row.id).await?;
        let unowned = !tx.members(row.id).await?.iter().any(|member| member.role == Role::Owner);
        tx.commit().await?;
        console.note(format_args!("{user} is no longer in {organization}"));
        if open > 0 {
            console.note(format_args!(
                "{} of theirs {} still open: `bellhop job list --open --user {user} --org {organization}`, and `bellhop \
                 job adopt` gives them to somebody else",
                counted(usize::try_from(open).unwrap_or(usize::MAX), "job"),
                if open == 1 { "is" } else { "are" },
            ));
        }
        warn_unowned(console, &organization, unowned);
        Ok(())
    }
}

fn warn_unowned(console: &mut Console<'_>, organization: &Name, unowned: bool) {
    if unowned {
        console
            .note(format_args!("{organization} has no owner now: `bellhop org member set {organization} USER owner`"));
    }
}

impl Visibility {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { organization, visibility } = self;
        let mut tx = local.write().await?;
        let row = lookup::organization(&mut tx, &organization).await?;
        tx.change_organization(row.id, OrganizationChange::JobVisibility(visibility)).await?;
        tx.record(
            entry("organization.changed", &organization).detail(format!("job visibility {}", visibility.as_str())),
        );
        tx.commit().await?;
        console.note(format_args!("members of {organization} see {} jobs", visibility.as_str()));
        Ok(())
    }
}

impl Delete {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let row = lookup::organization(&mut tx, &self.name).await?;
        let projects = tx.projects(ProjectOf::Organization(row.id)).await?;
        let mut credentials = tx.credentials_of(Owner::Organization(row.id)).await?.len();
        for project in &projects {
            credentials += tx.credentials_of(Owner::Project(project.id)).await?.len();
        }
        let what = format!(
            "{} and {} of {}",
            counted(projects.len(), "project"),
            counted(credentials, "credential"),
            self.name
        );
        if !self.yes {
            let members = counted(tx.members(row.id).await?.len(), "member");
            return Err(Failure::failed(format!(
                "this would destroy {what}, which serve {members}: add `--yes` to do it"
            )));
        }
        tx.delete_organization(row.id).await?;
        tx.record(entry("organization.deleted", &self.name));
        tx.commit().await?;
        console.note(format_args!("deleted {}, with {what}", self.name));
        Ok(())
    }
}
