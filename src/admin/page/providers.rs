//! Providers as they are set up here: for administrators.
//! Owns nothing.
//! Never changes one: that is the configuration's.

use super::{
    credentials::ALL,
    frame::{Frame, Refused, Visitor},
    page,
    words::say,
};
use crate::{
    admin::api::Api,
    manage::{
        Fault,
        providers::{Operated, Provider},
    },
    provider::Made,
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Template)]
#[template(path = "providers.html")]
struct Providers {
    frame: Frame,
    lines: Vec<Line>,
}

struct Line {
    provider: Provider,
    operated: Operated,
    /// What the operator changed, in words.
    changes: Vec<String>,
}

pub async fn list(State(api): State<Api>, visitor: Visitor) -> Result<Response, Refused> {
    if !visitor.admin {
        return Err(Fault::missing("page").into());
    }
    let all = api.management.providers(&visitor.who, &ALL).await?;
    let line = |mut provider: Provider| {
        let operated = provider.operated.take()?;
        Some(Line { changes: changes(&provider, &operated), provider, operated })
    };
    let lines = all.items.into_iter().filter_map(line).collect();
    Ok(page(&Providers { frame: Frame::of(&visitor, "/providers"), lines }))
}

fn changes(provider: &Provider, operated: &Operated) -> Vec<String> {
    let mut changes = Vec::new();
    match operated.preset {
        Made::Shipped => {}
        Made::Replaced => changes.push(say!("providers-replaced")),
        Made::Added => changes.push(say!("providers-added")),
    }
    if operated.addresses.iter().any(|address| address.replaced) {
        changes.push(say!("providers-upstream"));
    }
    if operated.allow_private {
        changes.push(say!("providers-private"));
    }
    if operated.ca_file {
        changes.push(say!("providers-ca"));
    }
    if !provider.personal {
        changes.push(say!("providers-personal"));
    }
    if operated.priced {
        changes.push(say!("providers-priced"));
    }
    changes
}
