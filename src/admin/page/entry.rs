//! In and out: signing in, choosing a password with a link, signing out.
//! Owns nothing; the session's key goes straight into a cookie.
//! Never says whether it was the name or the password, and never leads to another host.

use super::{
    form::{Fields, Sent},
    frame::{Frame, Refused, Visitor, csrf, sentence},
    page, to_mend,
    words::say,
};
use crate::{
    admin::{
        api::{Api, Peer},
        session,
    },
    id::UserId,
    identity::UserName,
    manage::{Fault, forms::PATIENCE, signin::Redeem, tokens::Shown},
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
    /// What was typed into the form at `next` when the session ended.
    kept: &'p [(String, String)],
    /// What the identity provider is called.
    provider: Option<String>,
    /// Whether who signs in with it comes back to what is kept.
    resumes: bool,
}

/// The way back to a form that was sent without a session.
#[derive(Template)]
#[template(path = "resume.html")]
pub struct Resume<'p> {
    pub frame: Frame,
    pub path: &'p str,
    pub fields: Vec<(String, String)>,
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
    pub heading: String,
    pub text: String,
    pub back: &'p str,
    pub back_name: String,
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
        Err(_) => asked(&api, Frame::open(), ("", own(&next)), &[]),
    }
}

/// For a form that was sent after its session had ended.
pub fn ask_again(api: &Api, path: &str, kept: &[(String, String)]) -> Response {
    asked(api, Frame::open().alert(say!("sign-in-kept")), ("", path), kept)
}

/// Why nobody was signed in, and the way in again.
pub fn ask_after(api: &Api, fault: &Fault) -> Response {
    asked(api, Frame::open().alert(sentence(fault)), ("", "/"), &[])
}

fn asked(api: &Api, frame: Frame, (user, next): (&str, &str), kept: &[(String, String)]) -> Response {
    let provider = api.management.identity_provider();
    let form = provider.as_ref().filter(|_| !kept.is_empty()).and_then(|_| api.management.keep_form(next, kept));
    let mut answer = page(&SignIn { frame, user, next, kept, provider, resumes: form.is_some() });
    let cookie = form.and_then(|form| session::keep_form(&form, api.guard.is_secure(), PATIENCE));
    if let Some(cookie) = cookie {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

/// Only a path of this page's own.
pub fn own(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_path { next } else { "/" }
}

pub async fn sign_in(State(api): State<Api>, peer: Option<Extension<Peer>>, fields: Fields) -> Response {
    let (user, next) = (fields.one("user"), own(fields.one("next")));
    let password = Secret::new(fields.raw("secret-password"));
    let kept = fields.kept();
    match api.guard.hear(peer, api.management.sign_in(user, &password)).await {
        Ok(user) if kept.is_empty() => enter(&api, user, Redirect::to(next).into_response()).await,
        Ok(user) => resume(&api, user, next, kept).await,
        Err(fault @ (Fault::WrongPassword | Fault::TooOften { .. })) => {
            let frame = Frame::open().alert(sentence(&fault));
            refused(&fault, asked(&api, frame, (user, next), &kept))
        }
        Err(fault) => Refused::from(fault).into_response(),
    }
}

/// The form again, with the status that says why, and when it is heard.
pub fn refused(fault: &Fault, form: Response) -> Response {
    let status = match fault {
        Fault::WrongPassword => StatusCode::UNAUTHORIZED,
        Fault::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
        Fault::Forbidden(_) => StatusCode::FORBIDDEN,
        Fault::Missing(_) => StatusCode::NOT_FOUND,
        Fault::Unanswered(_) => StatusCode::BAD_GATEWAY,
        Fault::Unavailable(_) | Fault::Internal(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut answer = (status, form).into_response();
    if let Some(seconds) = fault.retry_after() {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// Another key than any before: nobody else can have put it there.
pub async fn enter(api: &Api, user: UserId, answer: Response) -> Response {
    match api.management.begin_session(user).await {
        Ok(key) => keep(api, &key, answer),
        Err(fault) => Refused::from(fault).into_response(),
    }
}

pub fn keep(api: &Api, key: &Secret, mut answer: Response) -> Response {
    if let Some(cookie) = session::keep(key, api.guard.is_secure()) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// Back to the form, which goes out again only when its sender says so.
async fn resume(api: &Api, user: UserId, path: &str, fields: Vec<(String, String)>) -> Response {
    match api.management.begin_session(user).await {
        Ok(key) => {
            let frame = Frame { csrf: csrf(key.expose()), ..Frame::open() };
            let mut answer = keep(api, &key, page(&Resume { frame, path, fields }));
            // Only on the way to the provider is there one.
            if api.management.identity_provider().is_some() {
                answer.headers_mut().append(header::SET_COOKIE, session::forget_form(api.guard.is_secure()));
            }
            answer
        }
        Err(fault) => Refused::from(fault).into_response(),
    }
}

pub async fn ask_out() -> Redirect {
    Redirect::to("/")
}

pub async fn sign_out(State(api): State<Api>, Sent { visitor, .. }: Sent) -> Response {
    if let Some(id) = visitor.who.session_id()
        && let Err(fault) = api.management.end_session(&visitor.who, id).await
    {
        return Refused::from(fault).into_response();
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
    let again = |text: String| page(&Choose { frame: Frame::open().alert(text), is_setup, name, provider: None });
    let user = match name.parse::<UserName>() {
        Ok(name) => Some(name),
        Err(_) if !is_setup => None,
        Err(error) => {
            let form = again(say!("setup-bad-name", error = error.to_string()));
            return to_mend(form);
        }
    };
    let (link, password) = (Shown(Secret::new(link)), Shown(Secret::new(fields.raw("secret-password"))));
    match api.guard.hear(peer, api.management.redeem(Redeem { link, name: user, password })).await {
        Ok(user) => enter(&api, user, Redirect::to("/").into_response()).await,
        Err(fault @ (Fault::Invalid { .. } | Fault::TooOften { .. })) => refused(&fault, again(sentence(&fault))),
        Err(fault) => Refused::from(fault).into_response(),
    }
}
