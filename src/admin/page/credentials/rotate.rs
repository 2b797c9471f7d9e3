//! Giving a provider token that there is a new value.
//! Owns what was typed while its form is shown again, but for secrets.
//! Never changes whose it is: another account's is another token.

use super::{
    super::{
        form::{Fields, Sent},
        frame::{Frame, Refused, Visitor, told},
        page, to_mend,
        words::say,
    },
    enter::ask_afterwards,
    fields::{Input, changed, choices, in_words, inputs_of},
    known, read_id,
    told::{end_of, home, title},
};
use crate::{
    admin::api::Api,
    manage::{
        Fault, Wanted,
        credentials::{Credential, Details, RotateCredential},
        providers::Provider,
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

#[derive(Template)]
#[template(path = "credential_rotate.html")]
struct Rotate {
    frame: Frame,
    credential: Credential,
    title: String,
    owner: String,
    provider: Provider,
    inputs: Vec<Input>,
    choices: Vec<String>,
    probe: bool,
    last_day: String,
    tag: String,
    open_jobs: u64,
}

/// One that is entered, its provider, and what is for those who manage it.
struct Managed {
    credential: Credential,
    provider: Provider,
    details: Details,
}

async fn managed(api: &Api, visitor: &Visitor, id: &str) -> Result<Managed, Refused> {
    let credential = api.management.credential(&visitor.who, read_id(id)?).await?;
    let details = credential.details.clone().ok_or_else(|| Fault::missing("credential"))?;
    if let Some(source) = &details.source {
        return Err(Fault::conflict(say!("rotate-sourced", source = source)).into());
    }
    let provider = known(api, &visitor.who).await?.remove(&credential.provider);
    Ok(Managed { provider: provider.ok_or_else(|| Fault::missing("provider"))?, credential, details })
}

pub async fn ask_to_rotate(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let managed = managed(&api, &visitor, &id).await?;
    let frame = Frame::of(&visitor, "/credentials");
    rotation(&api, &visitor, frame, (managed, None)).await
}

async fn rotation(
    api: &Api,
    visitor: &Visitor,
    frame: Frame,
    (managed, typed): (Managed, Option<&Fields>),
) -> Result<Response, Refused> {
    let Managed { credential, provider, details } = managed;
    let consequences = api.management.consequences(&visitor.who, credential.id).await?;
    Ok(page(&Rotate {
        frame,
        title: title(&credential, &provider.name),
        owner: home(&credential, &visitor.me),
        inputs: inputs_of(&provider, &details, typed),
        choices: choices(&provider),
        probe: typed.is_none_or(|typed| typed.has("probe", "yes")),
        last_day: typed.map(|typed| typed.one("expires").to_owned()).unwrap_or_default(),
        tag: credential.tag().as_str().to_owned(),
        open_jobs: consequences.open_jobs,
        provider,
        credential,
    }))
}

pub async fn rotate(
    State(api): State<Api>,
    Path(id): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let managed = managed(&api, &visitor, &id).await?;
    let (provider, id) = (&managed.provider, managed.credential.id);
    let probe = fields.has("probe", "yes");
    let expires = match fields.some("expires") {
        Some(day) => end_of(day).map(Some).ok_or_else(|| Fault::conflict(say!("credential-bad-day"))),
        None => Ok(None),
    };
    let rotated = match expires {
        Ok(expires) => {
            let wanted = RotateCredential {
                fields: changed(provider, &managed.details, &fields),
                source: None,
                expires,
                probe: probe && provider.probe_new,
            };
            let read = fields.some("tag").and_then(Wanted::parse);
            api.management.rotate_credential(&visitor.who, id, wanted, read.as_ref()).await
        }
        Err(fault) => Err(fault),
    };
    match rotated {
        Ok(_) => {
            ask_afterwards(&api, &visitor, provider, (id, probe)).await;
            Ok(Redirect::to(&format!("/credentials/{id}?said=entered")).into_response())
        }
        Err(fault) => {
            let frame = Frame::of(&visitor, "/credentials").alert(told(in_words(provider, fault))?);
            let again = rotation(&api, &visitor, frame, (managed, Some(&fields))).await?;
            Ok(to_mend(again))
        }
    }
}
