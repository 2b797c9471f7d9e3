//! What stands around every page: who is signed in, where they are, and what has just happened.
//! Owns the way from a cookie to somebody.
//! Never a page of somebody's to who is not signed in.

use super::assets;
use crate::{
    admin::{api::Api, session},
    clock::Timestamp,
    identity::key::KeyDigest,
    manage::{Fault, Who, whoami::Me},
};
use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};

/// Somebody who is signed in.
pub struct Visitor {
    pub who: Who,
    pub me: Me,
    pub admin: bool,
    /// Only this session's pages know it: its forms bring it back.
    pub csrf: String,
}

pub struct Frame {
    pub visitor: Option<Shown>,
    pub csrf: String,
    /// Of the page that is current in the list of pages.
    pub path: &'static str,
    /// What has just gone wrong.
    pub alert: Option<String>,
}

/// Who is named in the corner.
pub struct Shown {
    pub name: String,
    pub admin: bool,
}

pub struct Place {
    pub path: &'static str,
    pub name: &'static str,
}

const PAGES: [Place; 2] =
    [Place { path: "/", name: "Home" }, Place { path: "/tokens", name: "Personal access tokens" }];

impl Frame {
    /// Around what anybody may see.
    pub fn open() -> Self {
        Self { visitor: None, csrf: String::new(), path: "", alert: None }
    }

    pub fn of(visitor: &Visitor, path: &'static str) -> Self {
        let shown = Shown { name: visitor.me.name.to_string(), admin: visitor.admin };
        Self { visitor: Some(shown), csrf: visitor.csrf.clone(), path, alert: None }
    }

    #[must_use]
    pub fn alert(self, text: impl Into<String>) -> Self {
        Self { alert: Some(text.into()), ..self }
    }

    pub const fn pages(&self) -> &'static [Place] {
        &PAGES
    }

    pub fn style(&self) -> &str {
        &assets::STYLE.path
    }

    pub fn script(&self) -> &str {
        &assets::SCRIPT.path
    }

    pub fn icon(&self) -> &str {
        &assets::ICON.path
    }

    /// A time as people read it; the page's script says it in the reader's own zone.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    pub fn day(&self, time: &Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(time.millis()) {
            Ok(time) => time.strftime("%-d %b %Y").to_string(),
            Err(_) => "never".into(),
        }
    }
}

impl FromRequestParts<Api> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let sign_in = || {
            let next = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            Redirect::to(&format!("/sign-in?next={next}")).into_response()
        };
        let key = session::read(&parts.headers, api.guard.is_secure()).ok_or_else(sign_in)?.to_owned();
        let who = api.management.session(&key).await.map_err(|fault| broken(&fault))?.ok_or_else(sign_in)?;
        if !session::is_of_page(&parts.method, &parts.headers) {
            return Err(http::StatusCode::FORBIDDEN.into_response());
        }
        let found = api.management.whoami(&who).await.map_err(|fault| broken(&fault))?;
        let me = found.user.ok_or_else(sign_in)?;
        Ok(Self { who, me, admin: found.admin, csrf: csrf(&key) })
    }
}

/// Follows from the session's key, which no other page can read; and says nothing of it.
fn csrf(key: &str) -> String {
    KeyDigest::of(&format!("form of {key}")).to_hex()
}

/// A page that cannot be made now.
pub fn broken(fault: &Fault) -> Response {
    let (status, text) = match fault {
        Fault::Missing(_) => (http::StatusCode::NOT_FOUND, fault.to_string()),
        Fault::Forbidden(_) => (http::StatusCode::FORBIDDEN, fault.to_string()),
        Fault::SignedOut => return Redirect::to("/sign-in").into_response(),
        _ => {
            tracing::error!(error = %fault, "a page cannot be made");
            (http::StatusCode::SERVICE_UNAVAILABLE, "This cannot be shown now. Try again in a moment.".into())
        }
    };
    let message =
        super::entry::Message { frame: Frame::open(), heading: "Not here", text, back: "/", back_name: "Home" };
    (status, super::page(&message)).into_response()
}
