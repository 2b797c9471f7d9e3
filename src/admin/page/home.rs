//! Home: what pays, what one has.
//! Owns nothing.
//! Never of anybody else.

use super::{
    frame::{Frame, Refused, Visitor},
    page,
    words::say,
};
use crate::{
    admin::api::Api,
    manage::{Page, whoami::Me},
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    me: Me,
    tokens: String,
}

const MOST: u16 = 200;

pub async fn show(State(api): State<Api>, visitor: Visitor) -> Result<Response, Refused> {
    let first = Page { after: None, limit: Some(MOST) };
    let found = api.management.tokens(&visitor.who, (None, None), &first).await?;
    let valid = found.items.iter().filter(|token| !token.expired).count();
    let more = if found.next.is_some() { "yes" } else { "no" };
    let tokens = say!("home-tokens-count", count = valid, more = more);
    Ok(page(&Home { frame: Frame::of(&visitor, "/"), me: visitor.me, tokens }))
}
