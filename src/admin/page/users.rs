//! Users, for administrators: the list, a new one, a link to choose a password with, and what may be done about one.
//! Owns nothing.
//! Never shows a link but in the answer that made it; to who is no administrator there is no such page.

use super::{
    address,
    confirm::{Confirm, Weigh},
    form::Sent,
    frame::{Frame, Refused, Visitor, told},
    organizations::{role, segment},
    page, to_mend,
    words::say,
};
use crate::{
    admin::api::Api,
    identity::role::Role,
    manage::{
        Fault, Page,
        signin::Link,
        users::{ChangeUser, CreateUser, User, UserConsequences, UserDetails, UsersWanted},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::{FromRequestParts, Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, request::Parts};
use serde::Deserialize;

const PATH: &str = "/users";

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/users", get(list).post(make))
        .route("/users/{user}", get(show).post(rename))
        .route("/users/{user}/link", get(ask_link).post(link))
        .route("/users/{user}/disable", get(ask_disable).post(disable))
        .route("/users/{user}/enable", get(ask_enable).post(enable))
        .route("/users/{user}/admin", get(ask_admin).post(set_admin))
        .route("/users/{user}/delete", get(ask_delete).post(delete))
}

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Frame,
    list: Vec<User>,
    next: Option<String>,
    search: String,
    name: String,
    admin: bool,
}

#[derive(Template)]
#[template(path = "user.html")]
struct One {
    frame: Frame,
    user: UserDetails,
    made: Option<Made>,
    name: Option<String>,
    is_me: bool,
}

/// A link that was just made.
struct Made {
    link: String,
    expires: crate::clock::Timestamp,
}

impl One {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    fn named(&self, of: &Role) -> String {
        role(*of)
    }

    fn path(&self) -> String {
        path(self.user.user.name.as_str())
    }
}

/// Somebody who is an administrator.
struct Administrator(Visitor);

impl FromRequestParts<Api> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        require_admin(Visitor::from_request_parts(parts, api).await?).map_err(IntoResponse::into_response).map(Self)
    }
}

fn require_admin(visitor: Visitor) -> Result<Visitor, Refused> {
    if visitor.admin { Ok(visitor) } else { Err(Fault::missing("page").into()) }
}

fn path(user: &str) -> String {
    format!("{PATH}/{}", segment(user))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    search: String,
    after: Option<String>,
}

async fn list(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Query(Asked { search, after }): Query<Asked>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render(&api, &visitor, (frame, search.trim().to_owned(), after), (String::new(), false)).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    (frame, search, after): (Frame, String, Option<String>),
    (name, admin): (String, bool),
) -> Result<Response, Refused> {
    let wanted = UsersWanted { name: None, search: Some(search.clone()) };
    let found = api.management.users(&visitor.who, &wanted, &Page { after, limit: None }).await?;
    Ok(page(&Users { frame, list: found.items, next: found.next, search, name, admin }))
}

async fn make(State(api): State<Api>, headers: HeaderMap, Sent { visitor, fields }: Sent) -> Result<Response, Refused> {
    let visitor = require_admin(visitor)?;
    let (name, admin) = (fields.one("name"), fields.has("admin", "yes"));
    let made = match name.parse() {
        Ok(name) => api.management.create_user(&visitor.who, CreateUser { name, admin }).await,
        Err(error) => Err(Fault::invalid("name", format!("{error}"))),
    };
    match made {
        Ok(user) => with_link(&api, &visitor, &headers, user.name.as_str()).await,
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = render(&api, &visitor, (frame, String::new(), None), (name.to_owned(), admin)).await?;
            Ok(to_mend(again))
        }
    }
}

/// Their page, with a new link on it.
async fn with_link(api: &Api, visitor: &Visitor, headers: &HeaderMap, user: &str) -> Result<Response, Refused> {
    let Link { value, expires, .. } = api.management.make_link(&visitor.who, user).await?;
    let link = address::of(api, headers, &format!("/choose/{}", value.0.expose()));
    render_one(api, visitor, user, (Frame::of(visitor, PATH), Some(Made { link, expires }), None)).await
}

async fn show(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Path(user): Path<String>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render_one(&api, &visitor, &user, (frame, None, None)).await
}

async fn render_one(
    api: &Api,
    visitor: &Visitor,
    user: &str,
    (frame, made, name): (Frame, Option<Made>, Option<String>),
) -> Result<Response, Refused> {
    let user = api.management.user(&visitor.who, user).await?;
    let is_me = user.user.id == visitor.me.id;
    Ok(page(&One { frame, user, made, name, is_me }))
}

/// The same page with what went wrong.
async fn again(api: &Api, visitor: &Visitor, user: &str, fault: Fault) -> Result<Response, Refused> {
    let frame = Frame::of(visitor, PATH).alert(told(fault)?);
    let again = render_one(api, visitor, user, (frame, None, None)).await?;
    Ok(to_mend(again))
}

async fn rename(
    State(api): State<Api>,
    Path(user): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let visitor = require_admin(visitor)?;
    let wanted = fields.one("name");
    let renamed = match wanted.parse() {
        Ok(name) => {
            let change = ChangeUser { name: Some(name), ..ChangeUser::default() };
            api.management.change_user(&visitor.who, &user, change, None).await
        }
        Err(error) => Err(Fault::invalid("name", format!("{error}"))),
    };
    match renamed {
        Ok(renamed) => Ok(Redirect::to(&format!("{}?said=saved", path(renamed.name.as_str()))).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = render_one(&api, &visitor, &user, (frame, None, Some(wanted.to_owned()))).await?;
            Ok(to_mend(again))
        }
    }
}

/// What is asked about: a name that is there, as it is written.
async fn find(api: &Api, visitor: &Visitor, user: &str) -> Result<UserDetails, Refused> {
    Ok(api.management.user(&visitor.who, user).await?)
}

async fn ask_link(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Path(user): Path<String>,
) -> Result<Response, Refused> {
    let name = find(&api, &visitor, &user).await?.user.name.to_string();
    Ok(page(&Weigh {
        frame: Frame::of(&visitor, PATH),
        heading: say!("user-link-heading", name = name),
        effects: vec![say!("user-link-choose", name = name), say!("user-link-older"), say!("user-link-hand-note")],
        note: say!("user-link-note"),
        act: say!("user-link-go"),
        back: path(&name),
        keep: say!("user-keep"),
        field: None,
    }))
}

async fn link(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(user): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let visitor = require_admin(visitor)?;
    with_link(&api, &visitor, &headers, &user).await
}

async fn ask_disable(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Path(user): Path<String>,
) -> Result<Response, Refused> {
    let name = find(&api, &visitor, &user).await?.user.name.to_string();
    let goes = api.management.consequences_of_user(&visitor.who, &user).await?;
    let mut effects =
        vec![say!("user-disable-tokens", count = goes.tokens), say!("user-disable-sessions", count = goes.sessions)];
    effects.extend(jobs_that_go_on(&goes));
    if goes.open_jobs > 0 {
        effects.push(say!("user-disable-own-jobs", count = goes.open_jobs));
    }
    effects.extend(owners(&goes));
    effects.extend(known(&goes));
    effects.push(say!("user-disable-stays", count = goes.organizations));
    Ok(page(&Weigh {
        frame: Frame::of(&visitor, PATH),
        heading: say!("user-disable-heading", name = name),
        effects,
        note: say!("user-disable-back", name = name),
        act: say!("user-disable-go", name = name),
        back: path(&name),
        keep: say!("user-keep"),
        field: None,
    }))
}

fn jobs_that_go_on(goes: &UserConsequences) -> Option<String> {
    (goes.shared_jobs > 0).then(|| say!("user-shared-jobs", count = goes.shared_jobs))
}

fn known(goes: &UserConsequences) -> Option<String> {
    (goes.entered > 0).then(|| say!("user-entered", count = goes.entered))
}

fn owners(goes: &UserConsequences) -> Option<String> {
    let names: Vec<&str> = goes.last_owner_of.iter().map(crate::identity::Name::as_str).collect();
    (!names.is_empty()).then(|| say!("user-last-owner", count = names.len(), names = names.join(", ")))
}

async fn disable(
    State(api): State<Api>,
    Path(user): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let change = ChangeUser { disabled: Some(true), ..ChangeUser::default() };
    let is_me = visitor.me.name.as_str() == user;
    let done = if is_me { "/sign-in".to_owned() } else { format!("{}?said=saved", path(&user)) };
    carry_out(&api, require_admin(visitor)?, &user, (change, done)).await
}

async fn carry_out(
    api: &Api,
    visitor: Visitor,
    user: &str,
    (change, done): (ChangeUser, String),
) -> Result<Response, Refused> {
    match api.management.change_user(&visitor.who, user, change, None).await {
        Ok(_) => Ok(Redirect::to(&done).into_response()),
        Err(fault) => again(api, &visitor, user, fault).await,
    }
}

async fn ask_enable(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Path(user): Path<String>,
) -> Result<Response, Refused> {
    let user = find(&api, &visitor, &user).await?;
    let name = user.user.name.to_string();
    Ok(page(&Weigh {
        frame: Frame::of(&visitor, PATH),
        heading: say!("user-enable-heading", name = name),
        effects: vec![say!("user-enable-tokens", count = user.tokens), say!("user-enable-sign-in")],
        note: say!("user-enable-note"),
        act: say!("user-enable-go", name = name),
        back: path(&name),
        keep: say!("user-keep"),
        field: None,
    }))
}

async fn enable(
    State(api): State<Api>,
    Path(user): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let change = ChangeUser { disabled: Some(false), ..ChangeUser::default() };
    let done = format!("{}?said=saved", path(&user));
    carry_out(&api, require_admin(visitor)?, &user, (change, done)).await
}

/// To the other than what they are.
async fn ask_admin(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Path(user): Path<String>,
) -> Result<Response, Refused> {
    let user = find(&api, &visitor, &user).await?.user;
    let name = user.name.to_string();
    let (heading, effect, act) = if user.admin {
        (say!("user-demote-heading", name = name), say!("user-demote-effect"), say!("user-demote-go"))
    } else {
        (say!("user-promote-heading", name = name), say!("user-promote-effect"), say!("user-promote-go"))
    };
    let (frame, back, keep) = (Frame::of(&visitor, PATH), path(&name), say!("user-keep"));
    let (effects, note) = (vec![effect], say!("user-admin-note"));
    let field = Some(("admin", if user.admin { "no" } else { "yes" }));
    Ok(page(&Weigh { frame, heading, effects, note, act, back, keep, field }))
}

async fn set_admin(
    State(api): State<Api>,
    Path(user): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    // What the page that was confirmed said, and not the other of what is there by now.
    let change = ChangeUser { admin: Some(fields.one("admin") == "yes"), ..ChangeUser::default() };
    let is_me = visitor.me.name.as_str() == user;
    let done = if is_me { "/".to_owned() } else { format!("{}?said=saved", path(&user)) };
    carry_out(&api, require_admin(visitor)?, &user, (change, done)).await
}

async fn ask_delete(
    State(api): State<Api>,
    Administrator(visitor): Administrator,
    Path(user): Path<String>,
) -> Result<Response, Refused> {
    let name = find(&api, &visitor, &user).await?.user.name.to_string();
    let goes = api.management.consequences_of_user(&visitor.who, &user).await?;
    let mut effects: Vec<String> = owners(&goes).into_iter().collect();
    effects.push(say!("user-delete-tokens", count = goes.tokens));
    effects.push(say!("user-delete-holdings", credentials = goes.credentials, projects = goes.projects));
    if goes.open_jobs > 0 {
        effects.push(say!("user-delete-own-jobs", count = goes.open_jobs));
    }
    effects.push(say!("user-delete-organizations", count = goes.organizations));
    effects.extend(jobs_that_go_on(&goes));
    effects.extend(known(&goes));
    effects.push(say!("user-delete-stays"));
    Ok(page(&Confirm {
        frame: Frame::of(&visitor, PATH),
        heading: say!("user-delete-heading", name = name),
        effects,
        act: say!("user-delete-go", name = name),
        back: path(&name),
    }))
}

async fn delete(
    State(api): State<Api>,
    Path(user): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let visitor = require_admin(visitor)?;
    let is_me = visitor.me.name.as_str() == user;
    let done = if is_me { "/sign-in".to_owned() } else { format!("{PATH}?said=removed") };
    match api.management.delete_user(&visitor.who, &user, None).await {
        // Pressed twice, or gone in another tab.
        Ok(()) | Err(Fault::Missing(_)) => Ok(Redirect::to(&done).into_response()),
        Err(fault) => again(&api, &visitor, &user, fault).await,
    }
}
