//! Home: what pays, what one has.
//! Owns nothing.
//! Never of anybody else.

use super::{
    frame::{Frame, Visitor, broken},
    page,
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

pub async fn show(State(api): State<Api>, visitor: Visitor) -> Response {
    let first = Page { after: None, limit: Some(MOST) };
    let found = match api.management.tokens(&visitor.who, (None, None), &first).await {
        Ok(found) => found,
        Err(fault) => return broken(&fault),
    };
    let valid = found.items.iter().filter(|token| !token.expired).count();
    let tokens = format!("{valid}{}", if found.next.is_some() { " and more" } else { "" });
    page(&Home { frame: Frame::of(&visitor, "/"), me: visitor.me, tokens })
}
