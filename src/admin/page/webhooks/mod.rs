//! Webhooks: the list, a new one, and the pages of one; an organization's and the installation's alike.
//! Owns nothing.
//! Never shows a secret but in the answer that made it.

mod change;
mod one;

use super::{
    credentials::Mark,
    form::{Fields, Sent},
    frame::{Frame, Refused, Visitor, told},
    organizations::{At, Of, PATH, segment},
    page, to_mend,
    words::say,
};
use crate::{
    admin::api::Api,
    hook::Kind,
    id::WebhookId,
    manage::{
        Fault,
        tokens::Shown,
        webhooks::{CreateWebhook, Delivery, Of as Whose, Webhook, WebhookDetails},
    },
    store::Delivered,
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use serde::Deserialize;

const INSTALLATION: &str = "/webhooks";

pub fn routes() -> Router<Api> {
    let of_organization = format!("{PATH}/{{organization}}/webhooks");
    [INSTALLATION, &of_organization].into_iter().fold(Router::new(), |router, path| {
        let at = |act: &str| format!("{path}/{{id}}{act}");
        router
            .route(path, get(list).post(make))
            .route(&at(""), get(one::show))
            .route(&at("/try"), get(one::to_show).post(one::try_it))
            .route(&at("/enable"), get(one::to_show).post(one::enable))
            .route(&at("/disable"), get(one::to_show).post(one::disable))
            .route(&at("/secret"), get(one::ask_to_rotate).post(one::rotate))
            .route(&at("/delete"), get(one::ask_to_delete).post(one::delete))
            .route(&at("/edit"), get(change::ask).post(change::edit))
    })
}

/// What an address of these pages says.
#[derive(Deserialize)]
struct Place {
    /// `None`: the installation's.
    organization: Option<String>,
    id: Option<String>,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Webhooks {
    frame: Frame,
    of: Option<Of>,
    path: String,
    lines: Vec<Line>,
    made: Option<Made>,
    kinds: [(Kind, String); 4],
    wish: Wish,
}

struct Line {
    webhook: Webhook,
    name: String,
    events: String,
    last: Option<(Mark, Delivery)>,
}

/// A secret, the one time that it is shown.
struct Made {
    heading: String,
    secret: Shown,
    /// Where its webhook is, from another page.
    next: Option<String>,
}

/// What stands in the form: also what was typed, where it could not be done.
#[derive(Default)]
struct Wish {
    url: String,
    events: Vec<Kind>,
}

impl Place {
    fn whose(&self) -> Whose<'_> {
        self.organization.as_deref().map_or(Whose::Installation, Whose::Organization)
    }

    async fn of(&self, api: &Api, visitor: &Visitor) -> Result<Option<Of>, Refused> {
        match &self.organization {
            Some(name) => Of::find(api, visitor, name, At::Webhooks).await.map(Some),
            None => Ok(None),
        }
    }

    fn frame(&self, visitor: &Visitor) -> Frame {
        Frame::of(visitor, if self.organization.is_some() { PATH } else { INSTALLATION })
    }

    /// Of the list.
    fn path(&self) -> String {
        match &self.organization {
            Some(name) => format!("{PATH}/{}/webhooks", segment(name)),
            None => INSTALLATION.to_owned(),
        }
    }

    fn id(&self) -> Result<WebhookId, Fault> {
        self.id.as_deref().and_then(|id| id.parse().ok()).ok_or_else(missing)
    }

    fn path_of_one(&self) -> Result<String, Fault> {
        Ok(format!("{}/{}", self.path(), self.id()?))
    }

    /// Only under the address of whose it is.
    async fn find(&self, api: &Api, visitor: &Visitor) -> Result<(Option<Of>, WebhookDetails), Refused> {
        let of = self.of(api, visitor).await?;
        let details = api.management.webhook(&visitor.who, self.id()?).await?;
        if details.webhook.organization.as_ref() == of.as_ref().map(|of| &of.organization.name) {
            Ok((of, details))
        } else {
            Err(missing().into())
        }
    }
}

fn missing() -> Fault {
    Fault::missing("webhook")
}

impl Wish {
    fn read(fields: &Fields) -> Self {
        let events = fields.many("events").filter_map(|event| event.parse().ok()).collect();
        Self { url: fields.one("url").into(), events }
    }
}

/// The events that were ticked.
fn events_in(fields: &Fields) -> Result<Vec<Kind>, Fault> {
    let unknown = |_| Fault::conflict(say!("webhooks-bad-event"));
    fields.many("events").map(|event| event.parse().map_err(unknown)).collect()
}

/// What is wrong with an address, in the words of its form.
fn addressed(fault: Fault) -> Fault {
    match fault {
        Fault::Invalid { field: "url", text } => Fault::conflict(say!("webhooks-bad-url", error = text)),
        other => other,
    }
}

impl Webhooks {
    fn title(&self) -> String {
        match &self.of {
            Some(of) => say!("webhooks-title", organization = of.organization.name.to_string()),
            None => say!("webhooks"),
        }
    }

    fn lead(&self) -> String {
        match &self.of {
            Some(of) => say!("webhooks-text", organization = of.organization.name.to_string()),
            None => say!("webhooks-text-installation"),
        }
    }
}

/// Its host and path: what stands behind them may be a secret, and is long.
fn name(url: &str) -> String {
    let url = url.strip_prefix("https://").unwrap_or(url);
    url.split_once('?').map_or_else(|| url.to_owned(), |(path, _)| format!("{path}?…"))
}

fn event(code: &str) -> String {
    say!("webhook-event", kind = code.replace('.', "-"), code = code)
}

fn events(webhook: &Webhook) -> String {
    if webhook.events.is_empty() {
        return say!("webhooks-everything");
    }
    webhook.events.iter().map(|kind| event(kind.as_str())).collect::<Vec<_>>().join(", ")
}

/// What there is to be told of, and when.
fn kinds() -> [(Kind, String); 4] {
    Kind::ALL.map(|kind| (kind, say!("webhook-event-when", kind = kind.as_str().replace('.', "-"))))
}

fn mark(delivery: &Delivery) -> Mark {
    let (kind, text) = match delivery.state {
        Delivered::Delivered => ("good", say!("webhook-delivered")),
        // The attempt that is under way counts, and has no problem yet.
        Delivered::Waiting if delivery.problem.is_none() => ("", say!("webhook-waiting")),
        Delivered::Waiting => ("warn", say!("webhook-again")),
        Delivered::GivenUp => ("bad", say!("webhook-given-up")),
    };
    Mark { kind, text }
}

async fn list(State(api): State<Api>, visitor: Visitor, Path(place): Path<Place>) -> Result<Response, Refused> {
    let frame = place.frame(&visitor);
    render(&api, &visitor, &place, frame, (Wish::default(), None)).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    place: &Place,
    frame: Frame,
    (wish, made): (Wish, Option<Made>),
) -> Result<Response, Refused> {
    let of = place.of(api, visitor).await?;
    let mut lines = Vec::new();
    for webhook in api.management.webhooks(&visitor.who, place.whose()).await?.items {
        let last = match api.management.webhook(&visitor.who, webhook.id).await {
            Ok(details) => details.deliveries.into_iter().next(),
            Err(Fault::Missing(_)) => continue,
            Err(fault) => return Err(fault.into()),
        };
        let last = last.map(|delivery| (mark(&delivery), delivery));
        lines.push(Line { name: name(&webhook.url), events: events(&webhook), webhook, last });
    }
    Ok(page(&Webhooks { frame, of, path: place.path(), lines, made, kinds: kinds(), wish }))
}

async fn make(
    State(api): State<Api>,
    Path(place): Path<Place>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let frame = place.frame(&visitor);
    let made = match events_in(&fields) {
        Ok(events) => {
            let wanted = CreateWebhook { url: fields.one("url").into(), events };
            api.management.create_webhook(&visitor.who, place.whose(), wanted).await
        }
        Err(fault) => Err(fault),
    };
    match made {
        Ok(made) => {
            let heading = say!("webhooks-made", name = name(&made.webhook.url));
            let next = Some(format!("{}/{}", place.path(), made.webhook.id));
            let made = Made { heading, secret: made.secret, next };
            render(&api, &visitor, &place, frame, (Wish::default(), Some(made))).await
        }
        Err(fault) => {
            let frame = frame.alert(told(addressed(fault))?);
            let again = render(&api, &visitor, &place, frame, (Wish::read(&fields), None)).await?;
            Ok(to_mend(again))
        }
    }
}
