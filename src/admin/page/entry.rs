//! In and out: signing in, choosing a password with a link, signing out.
//! Owns nothing; the session's key goes straight into a cookie.
//! Never says whether it was the name or the password, and never leads to another host.

use super::{
    form::{Fields, Sent},
    frame::{Frame, Visitor, broken},
    page,
};
use crate::{
    admin::{
        api::{Api, Peer},
        session,
    },
    id::UserId,
    manage::{Fault, signin::Redeem, tokens::Shown},
    secret::Secret,
};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'p> {
    frame: Frame,
    user: &'p str,
    next: &'p str,
    /// What the identity provider is called.
    provider: Option<String>,
}

#[derive(Template)]
#[template(path = "choose.html")]
struct Choose<'p> {
    frame: Frame,
    is_setup: bool,
    name: &'p str,
    /// The identity provider, which a link can tie an account to, and the link.
    provider: Option<(String, &'p str)>,
}

#[derive(Template)]
#[template(path = "message.html")]
pub struct Message<'p> {
    pub frame: Frame,
    pub heading: &'p str,
    pub text: String,
    pub back: &'p str,
    pub back_name: &'p str,
}

#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

pub async fn ask(
    State(api): State<Api>,
    visitor: Result<Visitor, Response>,
    Query(Next { next }): Query<Next>,
) -> Response {
    match visitor {
        Ok(_) => Redirect::to(own(&next)).into_response(),
        Err(_) => asked(&api, Frame::open(), "", own(&next)),
    }
}

fn asked(api: &Api, frame: Frame, user: &str, next: &str) -> Response {
    page(&SignIn { frame, user, next, provider: api.management.identity_provider() })
}

/// The way in again, and why nobody was signed in.
pub fn refused(api: &Api, status: StatusCode, fault: &Fault) -> Response {
    (status, asked(api, Frame::open().alert(sentence(fault)), "", "/")).into_response()
}

/// Only a path of this page's own.
pub fn own(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_path { next } else { "/" }
}

pub async fn sign_in(State(api): State<Api>, peer: Option<Extension<Peer>>, fields: Fields) -> Response {
    let (user, next) = (fields.one("user"), own(fields.one("next")));
    let password = Secret::new(fields.raw("password"));
    match api.management.sign_in(user, &password).await {
        Ok(user) => enter(&api, user, next).await,
        Err(fault @ (Fault::WrongPassword | Fault::TooOften(_))) => {
            if let Err(refusal) = api.guard.count(peer.map(|Extension(peer)| peer)) {
                return *refusal;
            }
            let frame = Frame::open().alert(sentence(&fault));
            (StatusCode::UNAUTHORIZED, asked(&api, frame, user, next)).into_response()
        }
        Err(fault) => broken(&fault),
    }
}

/// Another key than any before: nobody else can have put it there.
async fn enter(api: &Api, user: UserId, next: &str) -> Response {
    let key = match api.management.begin_session(user).await {
        Ok(key) => key,
        Err(fault) => return broken(&fault),
    };
    entered(api, &key, next)
}

pub fn entered(api: &Api, key: &Secret, next: &str) -> Response {
    let mut answer = Redirect::to(next).into_response();
    if let Some(cookie) = session::keep(key, api.guard.is_secure()) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

pub async fn ask_out() -> Redirect {
    Redirect::to("/")
}

pub async fn sign_out(State(api): State<Api>, Sent { visitor, .. }: Sent) -> Response {
    if let Some(id) = visitor.who.session_id()
        && let Err(fault) = api.management.end_session(&visitor.who, id).await
    {
        return broken(&fault);
    }
    let mut answer = Redirect::to("/sign-in").into_response();
    answer.headers_mut().insert(header::SET_COOKIE, session::forget(api.guard.is_secure()));
    answer
}

pub async fn setup() -> Response {
    page(&Choose { frame: Frame::open(), is_setup: true, name: "", provider: None })
}

pub async fn choose(State(api): State<Api>, Path(link): Path<String>) -> Response {
    let provider = api.management.identity_provider().map(|provider| (provider, &*link));
    page(&Choose { frame: Frame::open(), is_setup: false, name: "", provider })
}

pub async fn set_up(api: State<Api>, peer: Option<Extension<Peer>>, link: Path<String>, fields: Fields) -> Response {
    redeem(api.0, peer, (link.0, true), fields).await
}

pub async fn chosen(api: State<Api>, peer: Option<Extension<Peer>>, link: Path<String>, fields: Fields) -> Response {
    redeem(api.0, peer, (link.0, false), fields).await
}

async fn redeem(api: Api, peer: Option<Extension<Peer>>, (link, is_setup): (String, bool), fields: Fields) -> Response {
    let name = fields.one("name");
    let again = |text: String| {
        let frame = Frame::open().alert(text);
        (StatusCode::UNPROCESSABLE_ENTITY, page(&Choose { frame, is_setup, name, provider: None })).into_response()
    };
    let user = match name.parse() {
        Ok(name) => Some(name),
        Err(_) if !is_setup => None,
        Err(error) => return again(format!("Name: {error}.")),
    };
    let (link, password) = (Shown(Secret::new(link)), Shown(Secret::new(fields.raw("password"))));
    match api.management.redeem(Redeem { link, name: user, password }).await {
        Ok(user) => enter(&api, user, "/").await,
        Err(fault @ Fault::Invalid { .. }) => again(sentence(&fault)),
        Err(fault @ Fault::Missing(_)) => match api.guard.count(peer.map(|Extension(peer)| peer)) {
            Ok(()) => broken(&fault),
            Err(refusal) => *refusal,
        },
        Err(fault) => broken(&fault),
    }
}

/// A fault as a person reads it.
pub fn sentence(fault: &Fault) -> String {
    let text = fault.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
