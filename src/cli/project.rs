//! `bellhop project …`: parts of an organization, or of one person, with credentials of their own.
//! Owns nothing.
//! A project is named as everywhere: `acme.optics`, or `me.thesis` with `--user`.

use super::{
    Console, Failure,
    api::{Api, escaped},
    console::{Form, counted},
    user::asked_about_no_more,
    whose::{owner, require_owner},
};
use crate::{
    clock::Timestamp,
    id::ProjectId,
    identity::{Context, Name, UserName},
    manage::{
        Listed,
        organizations::Organization,
        projects::{CreateProject, Project, ProjectConsequences},
    },
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
    /// Whose `me` is; yours, if BELLHOP_URL is set
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
    /// Whose `me` is; yours, if BELLHOP_URL is set
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// Do it, instead of only saying what would go
    #[arg(long)]
    yes: bool,
}

impl ProjectCommand {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Member(MemberCommand::Add(member)) => member.add(api, console).await,
            Self::Member(MemberCommand::Remove(member)) => member.remove(api, console).await,
            Self::Delete(delete) => delete.run(api, console).await,
        }
    }
}

impl Add {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { project: context, user } = self;
        let Some(name) = context.project.clone() else {
            return Err(Failure::usage(format!("`{context}` names no project: write `{context}.<project>`")));
        };
        let path = path_of(api, &context, user.as_ref())?;
        let Project { context, .. } = api.post(&path, &CreateProject { name }).await?;
        console.note(format_args!("added {context}"));
        Ok(())
    }
}

#[derive(Serialize)]
struct ProjectLine {
    project: Context,
    id: ProjectId,
    members: Vec<UserName>,
    credentials: Vec<String>,
    created: Timestamp,
}

impl From<Project> for ProjectLine {
    fn from(project: Project) -> Self {
        let Project { id, context, members, credentials, created, .. } = project;
        let members = members.into_iter().map(|member| member.name).collect();
        Self { project: context, id, members, credentials, created }
    }
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let paths = match (self.organization, &self.user) {
            (_, Some(user)) => vec![path_of(api, &Context::me(), Some(user))?],
            (Some(name), None) => vec![path_of(api, &Context::organization(name), None)?],
            (None, None) => {
                let all: Vec<Organization> = api.every("/organizations").await?;
                let path = |of: Organization| path_of(api, &Context::organization(of.name), None);
                all.into_iter().map(path).collect::<Result<_, _>>()?
            }
        };
        let mut projects: Vec<Project> = Vec::new();
        for path in paths {
            projects.append(&mut api.every(&path).await?);
        }
        let lines: Vec<ProjectLine> = projects.into_iter().map(ProjectLine::from).collect();
        console.table(self.form, &["project", "members", "credentials", "created"], &lines);
        if lines.is_empty() {
            console.note("none yet: `bellhop project add <organization>.<project>` adds one");
        }
        Ok(())
    }
}

impl Member {
    async fn add(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { project: context, user } = self;
        let project = shared(api, &context).await?;
        api.put::<Project>(&member(&project, &user), &()).await?;
        console.note(format_args!("{user} is in {context}"));
        Ok(())
    }

    async fn remove(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { project: context, user } = self;
        let project = shared(api, &context).await?;
        api.delete(&member(&project, &user)).await?;
        console.note(format_args!("{user} is no longer in {context}"));
        Ok(())
    }
}

impl Delete {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let project = find(api, &self.project, self.user.as_ref()).await?;
        let path = format!("/projects/{}", project.id);
        let goes: ProjectConsequences = api.get(&format!("{path}/consequences")).await?;
        let credentials = counted(goes.credentials, "credential");
        if !self.yes {
            let members = match goes.members {
                0 => String::new(),
                members => format!(", which serve {}", counted(members, "member")),
            };
            let pinned = match goes.pinned {
                0 => String::new(),
                pinned => format!(", and requests of {} pinned to it would be refused", counted(pinned, "token")),
            };
            let jobs = asked_about_no_more(goes.open_jobs);
            return Err(Failure::failed(format!(
                "this would destroy {credentials} of {}{members}{pinned}{jobs}: add `--yes` to do it",
                self.project
            )));
        }
        api.delete(&path).await?;
        console.note(format_args!("deleted {} and {credentials}", self.project));
        if goes.pinned > 0 {
            console.note(format_args!(
                "{} pinned to it pay with nothing now: their requests are refused",
                counted(goes.pinned, "token")
            ));
        }
        Ok(())
    }
}

/// The projects of the same purse as this context.
fn path_of(api: &Api, context: &Context, user: Option<&UserName>) -> Result<String, Failure> {
    require_owner(api, context, user)?; // which names the whole context, as it was written
    let purse = Context { project: None, ..context.clone() };
    Ok(format!("/projects?{}", owner(api, ("of", &purse), user)?))
}

/// One that can have members.
async fn shared(api: &Api, context: &Context) -> Result<Project, Failure> {
    if context.organization.is_none() {
        let text =
            format!("`{context}` is somebody's own, and has no other members: make it a project of an organization");
        return Err(Failure::usage(text));
    }
    find(api, context, None).await
}

async fn find(api: &Api, context: &Context, whose: Option<&UserName>) -> Result<Project, Failure> {
    let Some(name) = &context.project else {
        return Err(Failure::usage(format!(
            "`{context}` names no project: write `<organization>.<project>` or `me.<project>`"
        )));
    };
    let path = format!("{}&name={}", path_of(api, context, whose)?, escaped(name.as_str()));
    let found: Listed<Project> = api.get(&path).await?;
    let missing = || Failure::failed(format!("there is no project `{context}`: see `bellhop project list`"));
    found.items.into_iter().next().ok_or_else(missing)
}

fn member(project: &Project, user: &UserName) -> String {
    format!("/projects/{}/members/{}", project.id, escaped(user.as_str()))
}
