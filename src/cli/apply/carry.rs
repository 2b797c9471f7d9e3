//! Carries a plan out: one transaction, in an order in which every step finds what it refers to.
//! Owns the write lock for no longer than the statements take.
//! Never carries out a plan that was made against another store than this one is now.

use super::plan::{Edit, Plan, Removal};
use crate::store::{Origin, StoreError, Tx};

pub enum Outcome {
    Done,
    /// Somebody has changed something since the plan was made.
    Overtaken,
}

pub async fn carry_out(mut tx: Tx, plan: &Plan) -> Result<Outcome, StoreError> {
    if tx.head().await? != plan.head {
        return Ok(Outcome::Overtaken);
    }
    remove(&mut tx, plan).await?;
    insert_people(&mut tx, plan).await?;
    for edit in &plan.edits {
        change(&mut tx, edit).await?;
    }
    tx.insert_tokens(&plan.tokens).await?;
    tx.insert_credentials(&plan.credentials).await?;
    plan.entries.iter().for_each(|entry| tx.record(entry.clone()));
    tx.commit().await?;
    Ok(Outcome::Done)
}

async fn remove(tx: &mut Tx, plan: &Plan) -> Result<(), StoreError> {
    let mut removals = plan.removals.clone();
    removals.sort();
    for removal in removals {
        match removal {
            Removal::ProjectMember(project, user) => tx.remove_project_member(project, user).await?,
            Removal::Member(organization, user) => tx.remove_member(organization, user).await?,
            Removal::Token(id) => tx.revoke_token(id, Origin::Apply).await?,
            Removal::Credential(id) => tx.delete_credential(id).await?,
            Removal::Project(id) => tx.delete_project(id).await?,
            Removal::Organization(id) => tx.delete_organization(id).await?,
            Removal::User(id) => tx.delete_user(id, Origin::Apply).await?,
        }
    }
    Ok(())
}

async fn insert_people(tx: &mut Tx, plan: &Plan) -> Result<(), StoreError> {
    tx.insert_organizations(&plan.organizations).await?;
    tx.insert_users(&plan.users).await?;
    tx.insert_projects(&plan.projects).await?;
    for (organization, user, role) in &plan.members {
        tx.set_member(*organization, *user, *role, Origin::Apply).await?;
    }
    for (project, user) in &plan.project_members {
        tx.add_project_member(*project, *user, Origin::Apply).await?;
    }
    Ok(())
}

async fn change(tx: &mut Tx, edit: &Edit) -> Result<(), StoreError> {
    match edit {
        Edit::User(id, change) => tx.change_user(*id, change.clone()).await,
        Edit::Organization(id, change) => tx.change_organization(*id, change.clone()).await,
        Edit::Token(id, limits) => tx.change_token(*id, limits).await,
        Edit::Version(id, version) => tx.add_version(*id, version).await,
        Edit::Credential(id, change) => tx.change_credential(*id, change.clone()).await,
        Edit::Restriction(id, restriction) => tx.restrict_credential(*id, restriction).await,
    }
}
