//! What stands around every page: who is signed in, where they are, and what has just happened.
//! Owns the way from a cookie to somebody.
//! Never a page of somebody's to who is not signed in.

use super::{assets, entry::Message, page, words::say};
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
use http::{HeaderMap, StatusCode, Uri};

/// Somebody who is signed in.
pub struct Visitor {
    pub who: Who,
    pub me: Me,
    pub admin: bool,
    /// Only this session's pages know it: its forms bring it back.
    pub csrf: String,
    /// What an act before this page has done.
    notice: Option<String>,
}

pub struct Frame {
    pub visitor: Option<Shown>,
    pub csrf: String,
    /// Of the page that is current in the list of pages.
    pub path: &'static str,
    /// What has just been done.
    pub notice: Option<String>,
    /// What has just gone wrong.
    pub alert: Option<String>,
}

/// Who is named in the corner.
pub struct Shown {
    pub name: String,
    pub admin: bool,
}

/// Pages under one heading.
pub struct Section {
    pub name: Option<String>,
    pub places: Vec<Place>,
}

pub struct Place {
    pub path: &'static str,
    pub name: String,
    pub icon: &'static str,
}

fn place(path: &'static str, icon: &'static str, name: String) -> Place {
    Place { path, name, icon }
}

impl Frame {
    /// Around what anybody may see.
    pub fn open() -> Self {
        Self { visitor: None, csrf: String::new(), path: "", notice: None, alert: None }
    }

    pub fn of(visitor: &Visitor, path: &'static str) -> Self {
        let shown = Shown { name: visitor.me.name.to_string(), admin: visitor.admin };
        let notice = visitor.notice.clone();
        Self { visitor: Some(shown), csrf: visitor.csrf.clone(), path, notice, alert: None }
    }

    #[must_use]
    pub fn alert(self, text: impl Into<String>) -> Self {
        Self { alert: Some(text.into()), notice: None, ..self }
    }

    pub fn sections(&self) -> Vec<Section> {
        let mut sections = vec![
            Section { name: None, places: vec![place("/", "home", say!("page-home"))] },
            Section {
                name: Some(say!("section-run")),
                places: vec![
                    place("/connect", "plug", say!("page-connect")),
                    place("/jobs", "jobs", say!("page-jobs")),
                    place("/usage", "chart", say!("page-usage")),
                ],
            },
            Section {
                name: Some(say!("section-access")),
                places: vec![
                    place("/tokens", "key", say!("page-tokens")),
                    place("/credentials", "vault", say!("page-credentials")),
                    place("/explain", "question", say!("page-explain")),
                ],
            },
            Section {
                name: Some(say!("section-people")),
                places: vec![
                    place("/organizations", "building", say!("page-organizations")),
                    place("/audit", "log", say!("page-audit")),
                ],
            },
        ];
        if self.visitor.as_ref().is_some_and(|visitor| visitor.admin) {
            sections.push(Section {
                name: Some(say!("section-installation")),
                places: vec![
                    place("/users", "people", say!("page-users")),
                    place("/providers", "cloud", say!("page-providers")),
                    place("/webhooks", "bell", say!("webhooks")),
                    place("/health", "pulse", say!("page-health")),
                ],
            });
        }
        sections.push(Section { name: None, places: vec![place("/api/v1/docs", "code", say!("page-reference"))] });
        sections
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
}

/// A day as people read it; the page's script says it in the reader's own zone.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
pub fn day(time: &Timestamp) -> String {
    written(*time, "%-d %b %Y")
}

/// To the minute, likewise.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
pub fn minute(time: &Timestamp) -> String {
    written(*time, "%-d %b %Y, %H:%M UTC")
}

fn written(time: Timestamp, form: &str) -> String {
    match jiff::Timestamp::from_millisecond(time.millis()) {
        Ok(time) => time.strftime(form).to_string(),
        Err(_) => say!("never"),
    }
}

/// What stands above the page to which an act has led, by the word in its address.
fn notice(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    let (_, word) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "said")?;
    Some(match &*word {
        "made" => say!("said-made"),
        "added" => say!("said-added"),
        "saved" => say!("said-saved"),
        "removed" => say!("said-removed"),
        "password" => say!("said-password"),
        "left" => say!("said-left"),
        "joined" => say!("said-joined"),
        "cancelled" => say!("said-cancelled"),
        "adopted" => say!("said-adopted"),
        "settled" => say!("said-settled"),
        "tried" => say!("said-tried"),
        _ => return None,
    })
}

impl Visitor {
    /// `None`: nobody is signed in here.
    pub async fn read(api: &Api, headers: &HeaderMap, uri: &Uri) -> Result<Option<Self>, Refused> {
        let Some(key) = session::read(headers, api.guard.is_secure()) else { return Ok(None) };
        let Some(who) = api.management.session(key).await? else { return Ok(None) };
        let found = api.management.whoami(&who).await?;
        let of = |me| Self { who, me, admin: found.admin, csrf: csrf(key), notice: notice(uri) };
        Ok(found.user.map(of))
    }
}

impl FromRequestParts<Api> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        match Self::read(api, &parts.headers, &parts.uri).await {
            Ok(Some(visitor)) => Ok(visitor),
            Ok(None) => {
                let next = parts.uri.path_and_query().map_or("/", |target| target.as_str());
                Err(to_sign_in(next))
            }
            Err(refused) => Err(refused.into_response()),
        }
    }
}

pub fn to_sign_in(next: &str) -> Response {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    Redirect::to(&format!("/sign-in?next={next}")).into_response()
}

/// Follows from the session's key, which no other page can read; and says nothing of it.
pub fn csrf(key: &str) -> String {
    KeyDigest::of(&format!("form of {key}")).to_hex()
}

/// A page that cannot be made.
pub struct Refused(Fault);

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = match &self.0 {
            Fault::Missing(_) => (StatusCode::NOT_FOUND, sentence(&self.0)),
            Fault::Forbidden(_) => (StatusCode::FORBIDDEN, sentence(&self.0)),
            Fault::Conflict(_) => (StatusCode::CONFLICT, sentence(&self.0)),
            Fault::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, sentence(&self.0)),
            Fault::TooOften { .. } => (StatusCode::TOO_MANY_REQUESTS, sentence(&self.0)),
            Fault::SignedOut => return Redirect::to("/sign-in").into_response(),
            fault => {
                tracing::error!(event = "page.failed", error = %fault, "a page cannot be made");
                (StatusCode::SERVICE_UNAVAILABLE, say!("broken-now"))
            }
        };
        let heading = say!("broken-heading");
        (status, page(&Message { frame: Frame::open(), heading, text, back: "/", back_name: say!("broken-home") }))
            .into_response()
    }
}

/// What went wrong as its form can show it, with everything that was typed; what no form can mend is a page of its own.
pub fn told(fault: Fault) -> Result<String, Refused> {
    match fault {
        Fault::Missing(_) | Fault::SignedOut | Fault::Unavailable(_) | Fault::Internal(_) => Err(Refused(fault)),
        fault => Ok(sentence(&fault)),
    }
}

/// A fault as a person reads it.
pub fn sentence(fault: &Fault) -> String {
    let text = fault.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
