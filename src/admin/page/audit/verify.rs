//! Whether the trail is what was written, for administrators.
//! Owns nothing.
//! Never by following a link: it reads the whole of it.

use crate::{
    admin::{
        api::Api,
        page::{
            form::Sent,
            frame::{Frame, Refused, Visitor},
            page,
            words::say,
        },
    },
    manage::{Fault, audit::Verified},
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Template)]
#[template(path = "verify.html")]
struct Verify {
    frame: Frame,
    found: Option<Verified>,
}

pub async fn ask(visitor: Visitor) -> Result<Response, Refused> {
    if !visitor.admin {
        return Err(Fault::forbidden(say!("verify-not-yours")).into());
    }
    Ok(page(&Verify { frame: Frame::of(&visitor, "/audit"), found: None }))
}

pub async fn verify(State(api): State<Api>, Sent { visitor, .. }: Sent) -> Result<Response, Refused> {
    let found = api.management.verify_audit(&visitor.who).await?;
    Ok(page(&Verify { frame: Frame::of(&visitor, "/audit"), found: Some(found) }))
}
