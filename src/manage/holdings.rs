//! What belongs to a user or an organization, their projects included: what goes when they go.
//! Owns nothing.
//! Never lets a token take what it is not for.

use super::{Fault, Rights};
use crate::{
    credential::Owner,
    identity::Context,
    store::{CredentialRow, ProjectOf, ProjectRow, Reading},
};

pub struct Holdings {
    pub projects: Vec<Context>,
    pub credentials: Vec<(Context, CredentialRow)>,
}

impl Holdings {
    /// `purse` is what the owner's context is called.
    pub async fn of(reading: &mut Reading, of: ProjectOf, purse: &Context) -> Result<Self, Fault> {
        let owner = match of {
            ProjectOf::User(user) => Owner::User(user),
            ProjectOf::Organization(organization) => Owner::Organization(organization),
        };
        let mut holdings = Self { projects: Vec::new(), credentials: Vec::new() };
        holdings.add(reading, owner, purse.clone()).await?;
        for project in reading.projects(of).await? {
            holdings.add_project(reading, project, purse).await?;
        }
        Ok(holdings)
    }

    pub async fn of_project(reading: &mut Reading, project: ProjectRow, purse: &Context) -> Result<Self, Fault> {
        let mut holdings = Self { projects: Vec::new(), credentials: Vec::new() };
        holdings.add_project(reading, project, purse).await?;
        Ok(holdings)
    }

    /// Jobs that have not ended, and that nobody can ask about without these credentials.
    pub async fn open_jobs(&self, reading: &mut Reading) -> Result<u64, Fault> {
        let mut open = 0;
        for (_, credential) in &self.credentials {
            open += reading.open_jobs(credential.id).await?;
        }
        Ok(open)
    }

    /// Whether the token that the actor came with is for all of it.
    pub fn within(&self, rights: &Rights) -> Result<(), Fault> {
        for project in &self.projects {
            rights.within(Some(project), None)?;
        }
        for (context, credential) in &self.credentials {
            rights.within(Some(context), Some(&credential.provider))?;
        }
        Ok(())
    }

    async fn add_project(&mut self, reading: &mut Reading, row: ProjectRow, purse: &Context) -> Result<(), Fault> {
        let context = purse.clone().in_project(row.name);
        self.projects.push(context.clone());
        self.add(reading, Owner::Project(row.id), context).await
    }

    async fn add(&mut self, reading: &mut Reading, owner: Owner, context: Context) -> Result<(), Fault> {
        let rows = reading.credentials_of(owner).await?;
        self.credentials.extend(rows.into_iter().map(|row| (context.clone(), row)));
        Ok(())
    }
}
