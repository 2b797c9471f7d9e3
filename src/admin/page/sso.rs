//! To the identity provider and back.
//! Owns nothing; what is under way is in a cookie that only Bellhop can read.
//! Never shows what the provider's answer said.
//!
//! The way there is a link and no form: a browser holds a form to pages of its own, and follows no redirect away from it.

use super::{
    entry::{Resume, ask_after, keep, own, refused},
    frame::{Frame, csrf},
    page,
};
use crate::{
    admin::{
        api::{Api, Peer},
        session,
    },
    manage::sso::{Arrival, Errand, PATIENCE},
    oidc::Returned,
};
use axum::{
    Extension,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, header};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    next: String,
    link: Option<String>,
    /// Whether it is from the page that has kept a form: in another window somebody signs in for something else.
    form: Option<String>,
}

pub async fn set_out(State(api): State<Api>, Query(wish): Query<Wish>) -> Response {
    let errand = if wish.form.is_some() { Errand::Form } else { Errand::Page };
    let departure = match api.management.set_out((own(&wish.next), errand), wish.link.as_deref()).await {
        Ok(departure) => departure,
        Err(fault) => return refused(&fault, ask_after(&api, &fault)),
    };
    let mut answer = Redirect::to(&departure.url).into_response();
    if let Some(cookie) = session::keep_journey(&departure.cookie, api.guard.is_secure(), PATIENCE) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

pub async fn come_back(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Response {
    let secure = api.guard.is_secure();
    let coming = api.management.come_back(session::read_journey(&headers, secure), returned);
    let mut answer = match api.guard.hear(peer, coming).await {
        Ok(arrival) => arrived(&api, &headers, &arrival),
        Err(fault) => refused(&fault, ask_after(&api, &fault)),
    };
    answer.headers_mut().append(header::SET_COOKIE, session::forget_journey(secure));
    answer
}

/// Another key than any before: nobody else can have put it there.
fn arrived(api: &Api, headers: &HeaderMap, arrival: &Arrival) -> Response {
    let secure = api.guard.is_secure();
    let form = Some(arrival.errand).filter(|errand| *errand == Errand::Form);
    let form = form.and_then(|_| api.management.kept_form(session::read_form(headers, secure)?));
    let answer = match form.filter(|form| form.path == arrival.next) {
        Some(form) => {
            let frame = Frame { csrf: csrf(arrival.key.expose()), ..Frame::open() };
            page(&Resume { frame, path: &arrival.next, fields: form.fields })
        }
        None => Redirect::to(&arrival.next).into_response(),
    };
    let mut answer = keep(api, &arrival.key, answer);
    answer.headers_mut().append(header::SET_COOKIE, session::forget_form(secure));
    answer
}
