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
    identity::UserName,
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
}

#[derive(Template)]
#[template(path = "choose.html")]
struct Choose<'p> {
    frame: Frame,
    is_setup: bool,
    name: &'p str,
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

pub async fn ask(visitor: Result<Visitor, Response>, Query(Next { next }): Query<Next>) -> Response {
    match visitor {
        Ok(_) => Redirect::to(own(&next)).into_response(),
        Err(_) => page(&SignIn { frame: Frame::open(), user: "", next: own(&next) }),
    }
}

/// Only a path of this page's own.
fn own(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_path { next } else { "/" }
}

pub async fn sign_in(State(api): State<Api>, peer: Option<Extension<Peer>>, fields: Fields) -> Response {
    let (user, next) = (fields.one("user"), own(fields.one("next")));
    let password = Secret::new(fields.raw("password"));
    match api.guard.hear(peer, api.management.sign_in(user, &password)).await {
        Ok(user) => enter(&api, user, next).await,
        Err(fault @ (Fault::WrongPassword | Fault::TooOften { .. })) => {
            let frame = Frame::open().alert(sentence(&fault));
            refused(&fault, page(&SignIn { frame, user, next }))
        }
        Err(fault) => broken(&fault),
    }
}

/// The form again, with the status that says why, and when it is heard.
fn refused(fault: &Fault, form: Response) -> Response {
    let status = match fault {
        Fault::WrongPassword => StatusCode::UNAUTHORIZED,
        Fault::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut answer = (status, form).into_response();
    if let Some(seconds) = fault.retry_after() {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// Another key than any before: nobody else can have put it there.
async fn enter(api: &Api, user: UserId, next: &str) -> Response {
    let key = match api.management.begin_session(user).await {
        Ok(key) => key,
        Err(fault) => return broken(&fault),
    };
    let mut answer = Redirect::to(next).into_response();
    if let Some(cookie) = session::keep(&key, api.guard.is_secure()) {
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
    page(&Choose { frame: Frame::open(), is_setup: true, name: "" })
}

pub async fn choose() -> Response {
    page(&Choose { frame: Frame::open(), is_setup: false, name: "" })
}

pub async fn set_up(api: State<Api>, peer: Option<Extension<Peer>>, link: Path<String>, fields: Fields) -> Response {
    redeem(api.0, peer, (link.0, true), fields).await
}

pub async fn chosen(api: State<Api>, peer: Option<Extension<Peer>>, link: Path<String>, fields: Fields) -> Response {
    redeem(api.0, peer, (link.0, false), fields).await
}

async fn redeem(api: Api, peer: Option<Extension<Peer>>, (link, is_setup): (String, bool), fields: Fields) -> Response {
    let name = fields.one("name");
    let again = |fault: &Fault| {
        let frame = Frame::open().alert(sentence(fault));
        refused(fault, page(&Choose { frame, is_setup, name }))
    };
    let user = match name.parse::<UserName>() {
        Ok(name) => Some(name),
        Err(_) if !is_setup => None,
        Err(error) => return again(&Fault::invalid("name", error.to_string())),
    };
    let (link, password) = (Shown(Secret::new(link)), Shown(Secret::new(fields.raw("password"))));
    match api.guard.hear(peer, api.management.redeem(Redeem { link, name: user, password })).await {
        Ok(user) => enter(&api, user, "/").await,
        Err(fault @ (Fault::Invalid { .. } | Fault::TooOften { .. })) => again(&fault),
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
