//! `bellhop org …`: organizations, whose credentials their members share.
//! Owns nothing.
//! Never destroys anything without having said what it is.

use super::{
    Console, Failure,
    api::{Api, escaped},
    console::{Form, counted},
    moment::Moment,
    user::asked_about_no_more,
};
use crate::{
    clock::{Clock, Timestamp},
    id::{InvitationId, OrganizationId},
    identity::{Context, JobVisibility, Name, UserName, role::Role},
    manage::{
        invitations::{CreateInvitation, Invitation, MadeInvitation},
        members::{self, Member, MemberConsequences},
        organizations::{ChangeOrganization, CreateOrganization, Organization, OrganizationConsequences},
        projects::Project,
    },
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
    /// Make a link by which somebody joins an organization, once
    #[command(after_help = "Example:\n  bellhop org invite acme --role maintainer --expires 3d")]
    Invite(Invite),
    /// Invitations that nobody has used
    #[command(subcommand)]
    Invitation(InvitationCommand),
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

#[derive(Subcommand, Debug)]
pub enum InvitationCommand {
    /// List them
    List(ListInvitations),
    /// Revoke one: its link opens nothing any more
    Revoke(RevokeInvitation),
}

#[derive(Args, Debug)]
pub struct Invite {
    organization: Name,
    /// owner, maintainer or member
    #[arg(long, default_value = "member")]
    role: Role,
    /// When it ends: 3d, 2027-01-01; without it, in a week
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct ListInvitations {
    organization: Name,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct RevokeInvitation {
    organization: Name,
    /// An id of `bellhop org invitation list`
    id: InvitationId,
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
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Show(show) => show.run(api, console).await,
            Self::Member(MemberCommand::Set(set)) => set.run(api, console).await,
            Self::Member(MemberCommand::Remove(remove)) => remove.run(api, console).await,
            Self::Invite(invite) => invite.run(api, console).await,
            Self::Invitation(InvitationCommand::List(list)) => list.run(api, console).await,
            Self::Invitation(InvitationCommand::Revoke(revoke)) => revoke.run(api, console).await,
            Self::Visibility(visibility) => visibility.run(api, console).await,
            Self::Delete(delete) => delete.run(api, console).await,
        }
    }
}

impl Add {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { name, owner } = self;
        let wanted = CreateOrganization {
            name,
            owner: owner.as_ref().map(ToString::to_string),
            job_visibility: JobVisibility::default(),
        };
        let Organization { name, .. } = api.post("/organizations", &wanted).await?;
        console.note(match owner {
            Some(owner) => format!("added {name}, owned by {owner}"),
            None => format!("added {name}; `bellhop org member set {name} USER owner` gives it an owner"),
        });
        Ok(())
    }
}

#[derive(Serialize)]
struct OrganizationLine {
    name: Name,
    id: OrganizationId,
    members: u64,
    projects: u64,
    credentials: usize,
    job_visibility: JobVisibility,
    created: Timestamp,
}

impl From<Organization> for OrganizationLine {
    fn from(organization: Organization) -> Self {
        let Organization { id, name, job_visibility, members, projects, credentials, created, .. } = organization;
        Self { name, id, members, projects, credentials: credentials.len(), job_visibility, created }
    }
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let organizations: Vec<Organization> = api.every("/organizations").await?;
        let lines: Vec<OrganizationLine> = organizations.into_iter().map(OrganizationLine::from).collect();
        console.table(self.form, &["name", "members", "projects", "credentials", "job_visibility", "created"], &lines);
        if lines.is_empty() {
            console.note("none yet: `bellhop org add NAME --owner USER` adds the first");
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let organization: Organization = api.get(&path(&self.name)).await?;
        let mut members: Vec<Member> = api.every(&format!("{}/members", path(&self.name))).await?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let members: Vec<String> = members.iter().map(|member| format!("{} ({})", member.name, member.role)).collect();
        let projects: Vec<Project> = api.every(&format!("/projects?of={}", escaped(self.name.as_str()))).await?;
        let own = organization.credentials.iter().map(|provider| format!("{provider}@{}", self.name));
        let theirs = projects
            .iter()
            .flat_map(|project| project.credentials.iter().map(|provider| format!("{provider}@{}", project.context)));
        let credentials: Vec<String> = own.chain(theirs).collect();
        let projects: Vec<&Context> = projects.iter().map(|project| &project.context).collect();
        console.sheet(
            self.form,
            &[
                ("name", json!(organization.name)),
                ("id", json!(organization.id)),
                ("created", json!(organization.created)),
                ("job_visibility", json!(organization.job_visibility)),
                ("members", json!(members)),
                ("projects", json!(projects)),
                ("credentials", json!(credentials)),
            ],
        );
        Ok(())
    }
}

impl SetMember {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { organization, user, role } = self;
        let Member { name, role, .. } = api.put(&member(&organization, &user), &members::SetMember { role }).await?;
        console
            .note(format_args!("{name} is {} {role} of {organization}", if role == Role::Owner { "an" } else { "a" }));
        Ok(())
    }
}

impl RemoveMember {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { organization, user } = self;
        let leaves: MemberConsequences = api.get(&format!("{}/consequences", member(&organization, &user))).await?;
        api.delete(&member(&organization, &user)).await?;
        console.note(format_args!("{user} is no longer in {organization}"));
        if leaves.entered > 0 {
            console.note(format_args!(
                "they entered {} of {organization} and may know what is in them: rotate them at their providers",
                counted(leaves.entered, "credential")
            ));
        }
        if leaves.pinned > 0 {
            console.note(format_args!(
                "{} of theirs pinned to {organization} pay with nothing now: their requests are refused",
                counted(leaves.pinned, "token")
            ));
        }
        let open = leaves.open_jobs;
        if open > 0 {
            console.note(format_args!(
                "{} of theirs {} still open: `bellhop job list --open --user {user} --org {organization}`, and `bellhop \
                 job adopt` gives them to somebody else",
                counted(open, "job"),
                if open == 1 { "is" } else { "are" },
            ));
        }
        Ok(())
    }
}

impl Invite {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let expires = self.expires.map(|moment| moment.from(Clock::system().now()));
        let wanted = CreateInvitation { role: self.role, expires };
        let made: MadeInvitation = api.post(&invitations(&self.organization), &wanted).await?;
        let MadeInvitation { invitation, value } = made;
        let link = api.address(&format!("/join/{}", value.0.expose()));
        if self.form.json {
            let Invitation { id, organization, role, expires, .. } = invitation;
            console.json(
                &json!({ "id": id, "organization": organization, "role": role, "expires": expires, "link": link }),
            );
            return Ok(());
        }
        console.say(format_args!("{link}\n"));
        console.note(format_args!(
            "whoever opens it first joins {} as {} {}, until {}; it is not shown again",
            invitation.organization,
            if invitation.role == Role::Owner { "an" } else { "a" },
            invitation.role,
            invitation.expires
        ));
        Ok(())
    }
}

impl ListInvitations {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let lines: Vec<Invitation> = api.every(&invitations(&self.organization)).await?;
        console.table(self.form, &["id", "role", "by", "void", "created", "expires"], &lines);
        if lines.is_empty() {
            console.note(format_args!("none: `bellhop org invite {}` makes one", self.organization));
        }
        Ok(())
    }
}

impl RevokeInvitation {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        api.delete(&format!("{}/{}", invitations(&self.organization), self.id)).await?;
        console.note("its link opens nothing any more");
        Ok(())
    }
}

impl Visibility {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { organization, visibility } = self;
        let change = ChangeOrganization { job_visibility: Some(visibility), ..ChangeOrganization::default() };
        api.patch::<Organization>(&path(&organization), &change).await?;
        console.note(format_args!("members of {organization} see {} jobs", visibility.as_str()));
        Ok(())
    }
}

impl Delete {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let goes: OrganizationConsequences = api.get(&format!("{}/consequences", path(&self.name))).await?;
        let (projects, credentials) = (counted(goes.projects, "project"), counted(goes.credentials, "credential"));
        let what = format!("{projects} and {credentials} of {}", self.name);
        if !self.yes {
            let members = counted(goes.members, "member");
            let jobs = asked_about_no_more(goes.open_jobs);
            return Err(Failure::failed(format!(
                "this would destroy {what}, which serve {members}{jobs}: add `--yes` to do it"
            )));
        }
        api.delete(&path(&self.name)).await?;
        console.note(format_args!("deleted {}, with {what}", self.name));
        Ok(())
    }
}

fn path(organization: &Name) -> String {
    format!("/organizations/{}", escaped(organization.as_str()))
}

fn invitations(organization: &Name) -> String {
    format!("{}/invitations", path(organization))
}

fn member(organization: &Name, user: &UserName) -> String {
    format!("{}/members/{}", path(organization), escaped(user.as_str()))
}
