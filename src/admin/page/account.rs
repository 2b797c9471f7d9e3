//! Your account: what pays, the password, where you are signed in, your organizations.
//! Owns nothing.
//! Never of anybody else.

use super::{
    form::Sent,
    frame::{Frame, Refused, Visitor, told},
    organizations::role,
    page, to_mend,
    words::say,
};
use crate::{
    admin::api::Api,
    id::SessionId,
    identity::role::Role,
    manage::{
        Fault, Page,
        contexts::NamedContext,
        signin::{ChangePassword, Session},
        tokens::Shown,
        users::SetActive,
        whoami::Me,
    },
    secret::Secret,
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

const PATH: &str = "/account";

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/account", get(show))
        .route("/account/active", get(show).post(set_active))
        .route("/account/password", get(show).post(change_password))
        .route("/account/sessions/end", get(show).post(end_others))
        .route("/account/sessions/{id}/end", get(show).post(end))
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    me: Me,
    contexts: Vec<NamedContext>,
    /// That is none of the contexts any more: whoever leaves an organization keeps it until they choose another.
    stale: Option<String>,
    sessions: Vec<Session>,
    session: Option<SessionId>,
}

const MANY: u16 = 200;

impl Account {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    fn named(&self, of: &Role) -> String {
        role(*of)
    }

    fn is_this(&self, session: &Session) -> bool {
        self.session == Some(session.id)
    }

    fn others(&self) -> usize {
        self.sessions.iter().filter(|session| !self.is_this(session)).count()
    }
}

async fn show(State(api): State<Api>, visitor: Visitor) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render(&api, visitor, frame).await
}

async fn render(api: &Api, visitor: Visitor, frame: Frame) -> Result<Response, Refused> {
    let many = Page { after: None, limit: Some(MANY) };
    let contexts = api.management.contexts(&visitor.who, &many).await?.items;
    let sessions = api.management.sessions(&visitor.who).await?;
    let session = visitor.who.session_id();
    let is_named = contexts.iter().any(|named| named.active);
    let stale = visitor.me.active.as_ref().filter(|_| !is_named).map(ToString::to_string);
    Ok(page(&Account { frame, me: visitor.me, contexts, stale, sessions, session }))
}

async fn done(api: &Api, visitor: Visitor, outcome: Result<(), Fault>, said: &str) -> Result<Response, Refused> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("{PATH}?said={said}")).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = render(api, visitor, frame).await?;
            Ok(to_mend(again))
        }
    }
}

async fn set_active(State(api): State<Api>, Sent { visitor, fields }: Sent) -> Result<Response, Refused> {
    let context = fields.some("context").map(|text| {
        text.parse().map_err(|error: crate::identity::NotAContext| Fault::invalid("context", error.to_string()))
    });
    let set = match context.transpose() {
        Ok(context) => {
            let me = visitor.me.id.to_string();
            api.management.set_active(&visitor.who, &me, SetActive { context }, None).await.map(drop)
        }
        Err(fault) => Err(fault),
    };
    done(&api, visitor, set, "saved").await
}

async fn change_password(State(api): State<Api>, Sent { visitor, fields }: Sent) -> Result<Response, Refused> {
    let secret = |name| Shown(Secret::new(fields.raw(name)));
    let change = ChangePassword { old: secret("secret-old"), new: secret("secret-new") };
    let changed = api.management.change_password(&visitor.who, change).await.map_err(|fault| match fault {
        Fault::Invalid { field: "old", .. } => Fault::conflict(say!("account-wrong-password")),
        Fault::Invalid { field: "new", text } => Fault::conflict(say!("account-bad-password", text = text)),
        other => other,
    });
    done(&api, visitor, changed, "password").await
}

async fn end(
    State(api): State<Api>,
    Path(id): Path<SessionId>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let ended = match api.management.end_session(&visitor.who, id).await {
        // It had ended already.
        Err(Fault::Missing(_)) => Ok(()),
        other => other,
    };
    done(&api, visitor, ended, "saved").await
}

async fn end_others(State(api): State<Api>, Sent { visitor, .. }: Sent) -> Result<Response, Refused> {
    let ended = api.management.end_other_sessions(&visitor.who).await;
    done(&api, visitor, ended, "saved").await
}
