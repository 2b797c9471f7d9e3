//! The end of a provider token, and what hangs on it.
//! Owns nothing.
//! Never takes open jobs along unless that was asked for by itself.

use super::{
    super::{
        form::Sent,
        frame::{Frame, Refused, Visitor},
        page,
        words::say,
    },
    ALL, known, name, read_id,
    told::title,
};
use crate::{
    admin::api::Api,
    id::CredentialId,
    manage::{
        Fault,
        credentials::{Force, RemovedState},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "credential_delete.html")]
struct Delete {
    frame: Frame,
    id: CredentialId,
    title: String,
    effects: Vec<String>,
    open_jobs: u64,
    is_forced: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct How {
    force: String,
}

impl How {
    fn is_forced(&self) -> bool {
        self.force == "yes"
    }
}

/// What is lost with it.
pub struct Losses {
    pub open_jobs: u64,
    pinned: usize,
    people: usize,
    tokens: usize,
    /// Whether there are more of both than were counted.
    more: bool,
}

impl Losses {
    /// Of those who can spend it now.
    pub fn of_use(&self) -> Vec<String> {
        let more = if self.more { "yes" } else { "no" };
        let used = match (self.people, self.tokens) {
            (0, _) => say!("losses-nobody"),
            (people, tokens) => say!("losses-people", people = people, tokens = tokens, more = more),
        };
        let pinned = (self.pinned > 0).then(|| say!("losses-pinned", count = self.pinned));
        std::iter::once(used).chain(pinned).collect()
    }
}

pub async fn losses(api: &Api, visitor: &Visitor, id: CredentialId) -> Result<Losses, Fault> {
    let consequences = api.management.consequences(&visitor.who, id).await?;
    // Of a provider whose preset is gone, nobody spends anything.
    let (spenders, more) = match api.management.spenders(&visitor.who, id, &ALL).await {
        Ok(spenders) => (spenders.items, spenders.next.is_some()),
        Err(Fault::Conflict(_)) => (Vec::new(), false),
        Err(fault) => return Err(fault),
    };
    Ok(Losses {
        open_jobs: consequences.open_jobs,
        pinned: consequences.pinned.len(),
        people: spenders.len(),
        tokens: spenders.iter().map(|spender| spender.tokens.len()).sum(),
        more,
    })
}

pub async fn ask_to_delete(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(how): Query<How>,
) -> Result<Response, Refused> {
    let id = read_id(&id)?;
    let credential = api.management.credential(&visitor.who, id).await?;
    let losses = losses(&api, &visitor, id).await?;
    let providers = known(&api, &visitor.who).await?;
    let provider = name(&providers, &credential.provider);
    let is_forced = how.is_forced();
    let mut effects = losses.of_use();
    effects.push(match (losses.open_jobs, is_forced) {
        (0, _) => say!("delete-gone"),
        (count, false) => say!("delete-kept", count = count),
        (count, true) => say!("delete-forced", count = count, provider = provider),
    });
    Ok(page(&Delete {
        frame: Frame::of(&visitor, "/credentials"),
        id,
        title: title(&credential, provider),
        effects,
        open_jobs: losses.open_jobs,
        is_forced,
    }))
}

pub async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(how): Query<How>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let force = if how.is_forced() { Force::Yes } else { Force::No };
    let id = read_id(&id)?;
    match api.management.delete_credential(&visitor.who, id, force, None).await {
        Ok(removed) if removed.state == RemovedState::Retired => {
            Ok(Redirect::to(&format!("/credentials/{id}?said=saved")).into_response())
        }
        // Pressed twice, or gone in another tab: it is as it was wanted.
        Ok(_) | Err(Fault::Missing(_)) => Ok(Redirect::to("/credentials?said=removed").into_response()),
        Err(fault) => Err(fault.into()),
    }
}
