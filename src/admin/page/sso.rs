//! To the identity provider and back.
//! Owns nothing; what is under way is in a cookie that only Bellhop can read.
//! Never shows what the provider's answer said.
//!
//! The way there is a link and no form: a browser holds a form to pages of its own, and follows no redirect away from it.

use super::entry::{entered, own, refused};
use crate::{
    admin::{
        api::{Api, Peer},
        session,
    },
    manage::{Fault, sso::PATIENCE},
    oidc::Returned,
};
use axum::{
    Extension,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Wish {
    next: String,
    link: Option<String>,
}

pub async fn set_out(State(api): State<Api>, Query(wish): Query<Wish>) -> Response {
    let departure = match api.management.set_out(own(&wish.next), wish.link.as_deref()).await {
        Ok(departure) => departure,
        Err(fault) => return refused(&api, status(&fault), &fault),
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
    let arrival = api.management.come_back(session::read_journey(&headers, secure), returned).await;
    let mut answer = match arrival {
        // Another key than any before: nobody else can have put it there.
        Ok(arrival) => entered(&api, &arrival.key, &arrival.next),
        Err(fault) => match counted(&api, peer, &fault) {
            Ok(()) => refused(&api, status(&fault), &fault),
            Err(refusal) => *refusal,
        },
    };
    answer.headers_mut().append(header::SET_COOKIE, session::forget_journey(secure));
    answer
}

/// What opens nothing counts against the network that it comes from: each costs a question to the provider.
fn counted(api: &Api, peer: Option<Extension<Peer>>, fault: &Fault) -> Result<(), Box<Response>> {
    match fault {
        Fault::Forbidden(_) => api.guard.count(peer.map(|Extension(peer)| peer)),
        _ => Ok(()),
    }
}

const fn status(fault: &Fault) -> StatusCode {
    match fault {
        Fault::Forbidden(_) => StatusCode::FORBIDDEN,
        Fault::Missing(_) => StatusCode::NOT_FOUND,
        Fault::Unanswered(_) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
