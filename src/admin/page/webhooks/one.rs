//! One webhook: what it is, what it was told, and what can be done with it.
//! Owns nothing.
//! Never makes another secret, and never deletes it, before it was asked whether to.

use super::{
    super::{
        confirm::Confirm,
        form::Sent,
        frame::{Frame, Refused, Visitor},
        organizations::Of,
        page,
        words::say,
    },
    Made, Mark, Place, event, events, mark, missing, name,
};
use crate::{
    admin::api::Api,
    manage::{
        Fault,
        webhooks::{ChangeWebhook, Delivery, Webhook},
    },
    store::Delivered,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

#[derive(Template)]
#[template(path = "webhook/one.html")]
struct One {
    frame: Frame,
    of: Option<Of>,
    list: String,
    path: String,
    name: String,
    events: String,
    webhook: Webhook,
    deliveries: Vec<Delivery>,
    made: Option<Made>,
}

impl One {
    fn mark(&self, delivery: &Delivery) -> Mark {
        mark(delivery)
    }

    fn event(&self, delivery: &Delivery) -> String {
        event(&delivery.event)
    }
}

pub async fn show(State(api): State<Api>, visitor: Visitor, Path(place): Path<Place>) -> Result<Response, Refused> {
    let frame = place.frame(&visitor);
    render(&api, &visitor, &place, frame, None).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    place: &Place,
    frame: Frame,
    made: Option<Made>,
) -> Result<Response, Refused> {
    let (of, details) = place.find(api, visitor).await?;
    let (webhook, deliveries) = (details.webhook, details.deliveries);
    Ok(page(&One {
        frame,
        of,
        list: place.path(),
        path: place.path_of_one()?,
        name: name(&webhook.url),
        events: events(&webhook),
        webhook,
        deliveries,
        made,
    }))
}

/// For who comes to an address that takes a form alone.
pub async fn to_show(Path(place): Path<Place>) -> Result<Response, Refused> {
    Ok(Redirect::to(&place.path_of_one()?).into_response())
}

pub async fn try_it(
    State(api): State<Api>,
    Path(place): Path<Place>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    place.find(&api, &visitor).await?;
    let told = api.management.test_webhook(&visitor.who, place.id()?).await?;
    if told.state == Delivered::Delivered {
        return Ok(Redirect::to(&format!("{}?said=tried", place.path_of_one()?)).into_response());
    }
    let problem = told.problem.unwrap_or_else(|| say!("webhook-waiting"));
    let frame = place.frame(&visitor).alert(say!("webhook-failed", problem = problem));
    render(&api, &visitor, &place, frame, None).await
}

pub async fn enable(api: State<Api>, place: Path<Place>, sent: Sent) -> Result<Response, Refused> {
    switch(&api, &place, true, &sent.visitor).await
}

pub async fn disable(api: State<Api>, place: Path<Place>, sent: Sent) -> Result<Response, Refused> {
    switch(&api, &place, false, &sent.visitor).await
}

async fn switch(api: &Api, place: &Place, enabled: bool, visitor: &Visitor) -> Result<Response, Refused> {
    place.find(api, visitor).await?;
    let change = ChangeWebhook { enabled: Some(enabled), ..ChangeWebhook::default() };
    api.management.change_webhook(&visitor.who, place.id()?, change, None).await?;
    Ok(Redirect::to(&format!("{}?said=saved", place.path_of_one()?)).into_response())
}

pub async fn ask_to_rotate(
    State(api): State<Api>,
    visitor: Visitor,
    Path(place): Path<Place>,
) -> Result<Response, Refused> {
    let (_, details) = place.find(&api, &visitor).await?;
    let mut effects = vec![say!("webhook-rotate-new"), say!("webhook-rotate-both")];
    if details.webhook.previous_secret_until.is_some() {
        effects.push(say!("webhook-rotate-third"));
    }
    Ok(page(&Confirm {
        frame: place.frame(&visitor),
        heading: say!("webhook-rotate-heading", name = name(&details.webhook.url)),
        effects,
        act: say!("webhook-rotate-go"),
        back: place.path_of_one()?,
    }))
}

pub async fn rotate(
    State(api): State<Api>,
    Path(place): Path<Place>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    place.find(&api, &visitor).await?;
    let made = api.management.rotate_webhook(&visitor.who, place.id()?).await?;
    let heading = say!("webhooks-secret-made", name = name(&made.webhook.url));
    let made = Made { heading, secret: made.secret, next: None };
    let frame = place.frame(&visitor);
    render(&api, &visitor, &place, frame, Some(made)).await
}

pub async fn ask_to_delete(
    State(api): State<Api>,
    visitor: Visitor,
    Path(place): Path<Place>,
) -> Result<Response, Refused> {
    let (_, details) = place.find(&api, &visitor).await?;
    let webhook = &details.webhook;
    let waiting = details.deliveries.iter().filter(|delivery| delivery.state == Delivered::Waiting).count();
    let all = api.management.webhooks(&visitor.who, place.whose()).await?.items;
    let is_alone = webhook.enabled && !all.iter().any(|other| other.enabled && other.id != webhook.id);
    let mut effects = vec![say!("webhook-delete-effect")];
    if waiting > 0 {
        effects.push(say!("webhook-delete-waiting", count = waiting));
    }
    if is_alone {
        effects.push(say!("webhook-delete-alone"));
    }
    Ok(page(&Confirm {
        frame: place.frame(&visitor),
        heading: say!("webhook-delete-heading", name = name(&webhook.url)),
        effects,
        act: say!("webhook-delete-go"),
        back: place.path_of_one()?,
    }))
}

pub async fn delete(
    State(api): State<Api>,
    Path(place): Path<Place>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let (of, id) = (place.of(&api, &visitor).await?, place.id()?);
    let owner = of.map(|of| of.organization.name);
    let deleted = match api.management.webhook(&visitor.who, id).await {
        Ok(details) if details.webhook.organization == owner => {
            api.management.delete_webhook(&visitor.who, id, None).await
        }
        Ok(_) => Err(missing()),
        Err(fault) => Err(fault),
    };
    match deleted {
        // Pressed twice, or gone in another tab: it is as it was wanted.
        Ok(()) | Err(Fault::Missing(_)) => Ok(Redirect::to(&format!("{}?said=removed", place.path())).into_response()),
        Err(fault) => Err(fault.into()),
    }
}
