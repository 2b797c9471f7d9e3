//! Where a webhook is, and of what it is told.
//! Owns nothing.
//! Never over what somebody else has changed meanwhile.

use super::{
    super::{
        form::Sent,
        frame::{Frame, Refused, Visitor, told},
        organizations::Of,
        page, to_mend,
        words::say,
    },
    Place, Wish, addressed, events_in, kinds, name,
};
use crate::{
    admin::api::Api,
    hook::Kind,
    manage::{
        Wanted,
        webhooks::{ChangeWebhook, Webhook},
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

#[derive(Template)]
#[template(path = "webhook/edit.html")]
struct Edit {
    frame: Frame,
    of: Option<Of>,
    path: String,
    name: String,
    kinds: [(Kind, String); 4],
    wish: Wish,
    tag: String,
}

pub async fn ask(State(api): State<Api>, visitor: Visitor, Path(place): Path<Place>) -> Result<Response, Refused> {
    let (of, details) = place.find(&api, &visitor).await?;
    let wish = Wish { url: details.webhook.url.clone(), events: details.webhook.events.clone() };
    form(&place, place.frame(&visitor), (of, &details.webhook), wish)
}

fn form(place: &Place, frame: Frame, (of, webhook): (Option<Of>, &Webhook), wish: Wish) -> Result<Response, Refused> {
    let (path, name, tag) = (place.path_of_one()?, name(&webhook.url), webhook.tag().as_str().to_owned());
    Ok(page(&Edit { frame, of, path, name, kinds: kinds(), wish, tag }))
}

pub async fn edit(
    State(api): State<Api>,
    Path(place): Path<Place>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let (of, details) = place.find(&api, &visitor).await?;
    let changed = match events_in(&fields) {
        Ok(events) => {
            let change = ChangeWebhook { url: Some(fields.one("url").into()), events: Some(events), enabled: None };
            let read = fields.some("tag").and_then(Wanted::parse);
            api.management.change_webhook(&visitor.who, details.webhook.id, change, read.as_ref()).await
        }
        Err(fault) => Err(fault),
    };
    match changed {
        Ok(_) => Ok(Redirect::to(&format!("{}?said=saved", place.path_of_one()?)).into_response()),
        Err(fault) => {
            let frame = place.frame(&visitor).alert(told(addressed(fault))?);
            let again = form(&place, frame, (of, &details.webhook), Wish::read(&fields))?;
            Ok(to_mend(again))
        }
    }
}
