//! The first steps: what somebody new does, in its order, and what of it is done.
//! Owns nothing.
//! Never shown again once something has run.

use super::runs;
use crate::{
    admin::{
        api::Api,
        page::{
            frame::{Refused, Visitor},
            words::say,
        },
    },
    identity::role::Act,
    manage::{Of, Page, credentials::Which, jobs::JobsWanted, tokens::Token},
};

pub struct Step {
    pub done: bool,
    /// The first that is not done.
    pub next: bool,
    pub name: String,
    pub text: String,
    pub path: &'static str,
}

pub async fn of(api: &Api, visitor: &Visitor, tokens: &[Token]) -> Result<Vec<Step>, Refused> {
    let one = Page { after: None, limit: Some(1) };
    let of = Of { user: visitor.admin.then(|| "*".into()), organization: None };
    let jobs = api.management.jobs(&visitor.who, &of, JobsWanted::default(), &one).await?;
    let has_used = |token: &Token| runs(token) && token.last_used.is_some();
    // A page may be short: what comes after it is a job as well.
    if !jobs.items.is_empty() || jobs.next.is_some() || tokens.iter().any(has_used) {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    let mut step = |done, name, text, path| steps.push(Step { done, next: false, name, text, path });
    if visitor.admin {
        let made = !api.management.organizations(&visitor.who, &one).await?.items.is_empty();
        step(made, say!("step-organization"), say!("step-organization-text"), "/organizations");
    }
    let manages = |role: crate::identity::role::Role| role.permits(Act::ManageCredentials);
    if visitor.admin || visitor.me.organizations.iter().any(|organization| manages(organization.role)) {
        let entered = api.management.credentials(&visitor.who, &Which::default(), &one).await?;
        step(!entered.items.is_empty(), say!("step-credential"), say!("step-credential-text"), "/credentials");
    }
    step(tokens.iter().any(runs), say!("step-token"), say!("step-token-text"), "/tokens");
    step(false, say!("step-connect"), say!("step-connect-text"), "/connect");
    if let Some(next) = steps.iter_mut().find(|step| !step.done) {
        next.next = true;
    }
    Ok(steps)
}
