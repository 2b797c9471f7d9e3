//! `bellhop project …`: parts of an organization, or of one person, with credentials of their own.
//! Owns nothing.
//! A project is named as everywhere: `acme.optics`, or `me.thesis` with `--user`.

use super::{
    Console, Failure,
    console::{Form, counted},
    local::{Local, entry},
    lookup,
};
use crate::{
    clock::Timestamp,
    credential::Owner,
    id::ProjectId,
    identity::{Context, Name, UserName},
    store::{Conflict, NewProject, Origin, ProjectOf, Reading, StoreError},
};
use clap::{Args, Subcommand};
use serde::Serialize;

#[derive(Subcommand, Debug)]
pub enum ProjectCommand {
    /// Add a project
    #[command(after_help = "Examples:\n  bellhop project add acme.optics\n  bellhop project add me.thesis --user ada")]
    Add(Add),
    /// List the projects of an organization, of a user, or of all organizations
    List(List),
    /// Members of an organization's project
    #[command(subcommand)]
    Member(MemberCommand),
    /// Delete a project, with its credentials
    Delete(Delete),
}

#[derive(Subcommand, Debug)]
pub enum MemberCommand {
    /// Let a member of the organization use the project's credentials
    #[command(after_help = "Example:\n  bellhop project member add acme.optics alan")]
    Add(Member),
    /// Take a member out of the project
    Remove(Member),
}

#[derive(Args, Debug)]
pub struct Add {
    /// `<organization>.<project>`, or `me.<project>` with --user
    project: Context,
    /// Whose `me` is
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
}

#[derive(Args, Debug)]
pub struct List {
    #[arg(conflicts_with = "user")]
    organization: Option<Name>,
    /// Their own projects
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Member {
    /// `<organization>.<project>`
    project: Context,
    user: UserName,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// `<organization>.<project>`, or `me.<project>` with --user
    project: Context,
    /// Whose `me` is
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// Do it, instead of only saying what would go
    #[arg(long)]
    yes: bool,
}

impl ProjectCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Member(MemberCommand::Add(member)) => member.add(local, console).await,
            Self::Member(MemberCommand::Remove(member)) => member.remove(local, console).await,
            Self::Delete(delete) => delete.run(local, console).await,
        }
    }
}

impl Add {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { project: context, user } = self;
        let Some(name) = context.project.clone() else {
            return Err(Failure::usage(format!("`{context}` names no project: write `{context}.<project>`")));
        };
        let mut tx = local.write().await?;
        let of = lookup::purse(&mut tx, &context, user.as_ref()).await?;
        if tx.find_project(of, &name).await?.is_some() {
            return Err(Failure::failed(format!("there is a project `{context}` already")));
        }
        tx.insert_projects(&[NewProject { id: ProjectId::new(), of, name, origin: Origin::Hand }]).await?;
        tx.record(entry("project.added", subject(&context, user.as_ref())));
        tx.commit().await?;
        console.note(format_args!("added {context}"));
        Ok(())
    }
}

#[derive(Serialize)]
struct ProjectLine {
    project: String,
    id: ProjectId,
    members: Vec<UserName>,
    credentials: Vec<Box<str>>,
    created: Timestamp,
}

impl List {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let purses: Vec<(String, ProjectOf)> = match (&self.organization, &self.user) {
            (_, Some(user)) => vec![("me".into(), ProjectOf::User(lookup::user(&mut reading, user).await?.id))],
            (Some(name), None) => {
                vec![(name.to_string(), ProjectOf::Organization(lookup::organization(&mut reading, name).await?.id))]
            }
            (None, None) => {
                let rows = reading.organizations().await?;
                rows.into_iter().map(|row| (row.name.to_string(), ProjectOf::Organization(row.id))).collect()
            }
        };
        let mut lines = Vec::new();
        for (purse, of) in purses {
            lines.extend(projects_of(&mut reading, &purse, of).await?);
        }
        console.table(self.form, &["project", "members", "credentials", "created"], &lines);
        if lines.is_empty() {
            console.note("none yet: `bellhop project add <organization>.<project>` adds one");
        }
        Ok(())
    }
}

async fn projects_of(reading: &mut Reading, purse: &str, of: ProjectOf) -> Result<Vec<ProjectLine>, Failure> {
    let mut lines = Vec::new();
    for row in reading.projects(of).await? {
        let members = reading.project_members(row.id).await?.into_iter().map(|member| member.name).collect();
        let credentials = reading.credentials_of(Owner::Project(row.id)).await?;
        lines.push(ProjectLine {
            project: format!("{purse}.{}", row.name),
            id: row.id,
            members,
            credentials: credentials.into_iter().map(|credential| credential.provider).collect(),
            created: row.created,
        });
    }
    Ok(lines)
}

impl Member {
    async fn add(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { project: context, user } = self;
        let mut tx = local.write().await?;
        let project = lookup::project(&mut tx, &context, None).await?;
        let member = lookup::user(&mut tx, &user).await?;
        match tx.add_project_member(project.id, member.id, Origin::Hand).await {
            Err(StoreError::Conflict(Conflict::Missing)) => {
                let organization = context.organization.map(|name| name.to_string()).unwrap_or_default();
                return Err(Failure::failed(format!(
                    "{user} is not a member of {organization}: `bellhop org member set {organization} {user} member` first"
                )));
            }
            done => done?,
        }
        tx.record(entry("project.member-added", &context).detail(user.to_string()));
        tx.commit().await?;
        console.note(format_args!("{user} is in {context}"));
        Ok(())
    }

    async fn remove(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { project: context, user } = self;
        let mut tx = local.write().await?;
        let project = lookup::project(&mut tx, &context, None).await?;
        let member = lookup::user(&mut tx, &user).await?;
        match tx.remove_project_member(project.id, member.id).await {
            Err(StoreError::Conflict(Conflict::Missing)) => {
                return Err(Failure::failed(format!("{user} is not in {context}")));
            }
            done => done?,
        }
        tx.record(entry("project.member-removed", &context).detail(user.to_string()));
        tx.commit().await?;
        console.note(format_args!("{user} is no longer in {context}"));
        Ok(())
    }
}

impl Delete {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let project = lookup::project(&mut tx, &self.project, self.user.as_ref()).await?;
        let credentials = counted(tx.credentials_of(Owner::Project(project.id)).await?.len(), "credential");
        if !self.yes {
            return Err(Failure::failed(format!(
                "this would destroy {credentials} of {}: add `--yes` to do it",
                self.project
            )));
        }
        tx.delete_project(project.id).await?;
        tx.record(entry("project.deleted", subject(&self.project, self.user.as_ref())));
        tx.commit().await?;
        console.note(format_args!("deleted {} and {credentials}", self.project));
        Ok(())
    }
}

/// `me.thesis` says nothing without whose it is.
fn subject(context: &Context, user: Option<&UserName>) -> String {
    user.map_or_else(|| context.to_string(), |user| format!("{context} of {user}"))
}
