//! Who within its organization may use a credential: `bellhop credential restrict`, and at `add`.
//! Owns nothing.
//! An empty list does not restrict.

use super::chosen::Chosen;
use crate::{
    cli::{Console, Failure, api::Api},
    identity::{Name, UserName},
    manage::credentials::{ChangeCredential, Credential},
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
    pub projects: Vec<Name>,
    /// The only members that may use it
    #[arg(long, value_delimiter = ',', value_name = "USER,…")]
    pub members: Vec<UserName>,
}

impl Restrict {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let told = self.restrictions.to_string();
        let Restrictions { projects, members } = self.restrictions;
        if !self.lift && projects.is_empty() && members.is_empty() {
            return Err(Failure::usage("expected --projects, --members or --lift"));
        }
        let credential = self.chosen.find(api).await?;
        let change =
            ChangeCredential { projects: Some(projects), members: Some(members), ..ChangeCredential::default() };
        let changed: Credential = api.patch(&format!("/credentials/{}", credential.id), &change).await?;
        console.note(format_args!("{} may be used by {told}", changed.id));
        Ok(())
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
