//! Who within its organization may use a credential: `bellhop credential restrict`, and at `add`.
//! Owns nothing.
//! An empty list does not restrict.

use super::chosen::Chosen;
use crate::{
    cli::{
        Console, Failure,
        local::{Local, entry},
    },
    credential::Owner,
    id::OrganizationId,
    identity::{Name, UserName},
    store::{ProjectOf, Reading, Restriction},
};
use clap::Args;
use std::fmt;

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
pub struct Restrictions {
    /// The only projects of its organization that may use it
    #[arg(long, value_delimiter = ',', value_name = "PROJECT,…")]
    projects: Vec<Name>,
    /// The only members that may use it
    #[arg(long, value_delimiter = ',', value_name = "USER,…")]
    members: Vec<UserName>,
}

impl Restrict {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        if !self.lift && self.restrictions.is_empty() {
            return Err(Failure::usage("expected --projects, --members or --lift"));
        }
        let mut tx = local.write().await?;
        let row = self.chosen.find(&local.catalog, &mut tx).await?;
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
    pub async fn read(&self, reading: &mut Reading, owner: Owner) -> Result<Restriction, Failure> {
        let mut restriction = Restriction::default();
        if self.is_empty() {
            return Ok(restriction);
        }
        let organization = self.organization(reading, owner).await?;
        for name in &self.projects {
            let found = reading.find_project(ProjectOf::Organization(organization), name).await?;
            let project = found.ok_or_else(|| Failure::failed(format!("its organization has no project `{name}`")))?;
            restriction.projects.push(project.id);
        }
        let members = reading.members(organization).await?;
        for name in &self.members {
            let found = members.iter().find(|member| member.name == *name);
            let member = found.ok_or_else(|| Failure::failed(format!("{name} is not a member of its organization")))?;
            restriction.members.push(member.user);
        }
        Ok(restriction)
    }

    const fn is_empty(&self) -> bool {
        self.projects.is_empty() && self.members.is_empty()
    }

    /// A project's own credential is not granted to other projects, and nobody shares somebody's own.
    async fn organization(&self, reading: &mut Reading, owner: Owner) -> Result<OrganizationId, Failure> {
        let of = match owner {
            Owner::Organization(id) => Some(ProjectOf::Organization(id)),
            Owner::Project(id) if self.projects.is_empty() => reading.project(id).await?.map(|project| project.of),
            Owner::Project(_) | Owner::User(_) => None,
        };
        match of {
            Some(ProjectOf::Organization(id)) => Ok(id),
            _ => Err(Failure::usage(
                "--projects goes with an organization's own credential, --members with any of an organization",
            )),
        }
    }
}

impl fmt::Display for Restrictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let projects = self.projects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (&*members, &*projects) {
            ("", "") => f.write_str("everybody in its organization"),
            ("", projects) => write!(f, "projects {projects}"),
            (members, "") => write!(f, "members {members}"),
            (members, projects) => write!(f, "members {members} in projects {projects}"),
        }
    }
}
