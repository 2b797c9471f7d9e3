//! The members of an organization: the list, one more, another role, the end of a membership.
//! Owns nothing.
//! Never lists users: whom an owner adds, they know by name.

use super::{At, Of, PATH, role, role_in, roles, segment};
use crate::{
    admin::{
        api::Api,
        page::{
            confirm::Weigh,
            form::Sent,
            frame::{Frame, Refused, Visitor, told},
            page, to_mend,
            words::say,
        },
    },
    identity::role::Role,
    manage::{
        Fault, Page,
        members::{Member, MemberConsequences, MemberDetails},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/organizations/{organization}/members", get(list).post(add))
        .route("/organizations/{organization}/members/{user}", get(show).post(change))
        .route("/organizations/{organization}/members/{user}/remove", get(ask).post(remove))
}

#[derive(Template)]
#[template(path = "organization/members.html")]
struct Members {
    frame: Frame,
    of: Of,
    list: Vec<Member>,
    next: Option<String>,
    roles: [(Role, String); 3],
    name: String,
    role: Role,
}

#[derive(Template)]
#[template(path = "organization/member.html")]
struct One {
    frame: Frame,
    of: Of,
    member: MemberDetails,
    roles: [(Role, String); 3],
}

impl Members {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    fn named(&self, of: &Role) -> String {
        role(*of)
    }
}

async fn list(
    State(api): State<Api>,
    visitor: Visitor,
    Path(organization): Path<String>,
    Query(place): Query<Page>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render(&api, &visitor, &organization, (frame, place), (String::new(), Role::Member)).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    organization: &str,
    (frame, place): (Frame, Page),
    (name, role): (String, Role),
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Members).await?;
    let found = api.management.members(&visitor.who, organization, &place).await?;
    Ok(page(&Members { frame, of, list: found.items, next: found.next, roles: roles(), name, role }))
}

async fn add(
    State(api): State<Api>,
    Path(organization): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let name = fields.one("name");
    let added = match role_in(&fields) {
        Ok(role) => add_new(&api, &visitor, (&organization, name), role).await,
        Err(fault) => Err(fault),
    };
    match added {
        Ok(()) => Ok(Redirect::to(&format!("{PATH}/{organization}/members?said=added")).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(named(fault, name))?);
            let typed = (name.to_owned(), fields.one("role").parse().unwrap_or(Role::Member));
            let again = render(&api, &visitor, &organization, (frame, Page::default()), typed).await?;
            Ok(to_mend(again))
        }
    }
}

/// A form that adds changes nobody's role.
async fn add_new(api: &Api, visitor: &Visitor, (organization, name): (&str, &str), role: Role) -> Result<(), Fault> {
    match api.management.member(&visitor.who, organization, name).await {
        Ok(found) => {
            let member = found.member;
            Err(Fault::conflict(say!("members-is-in", name = member.name.to_string(), role = super::role(member.role))))
        }
        Err(Fault::Missing(_)) => {
            api.management.set_member(&visitor.who, (organization, name), role, None).await.map(drop)
        }
        Err(fault) => Err(fault),
    }
}

/// Nobody of a name is something that the form can say, with the name still in it.
fn named(fault: Fault, name: &str) -> Fault {
    match fault {
        Fault::Missing(_) => Fault::conflict(say!("members-nobody", name = name.to_owned())),
        other => other,
    }
}

async fn show(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, user)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render_one(&api, &visitor, (&organization, &user), frame).await
}

async fn render_one(
    api: &Api,
    visitor: &Visitor,
    (organization, user): (&str, &str),
    frame: Frame,
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Members).await?;
    let member = api.management.member(&visitor.who, organization, user).await?;
    Ok(page(&One { frame, of, member, roles: roles() }))
}

async fn change(
    State(api): State<Api>,
    Path((organization, user)): Path<(String, String)>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let who = &visitor.who;
    let changed = match role_in(&fields) {
        // Who has been removed meanwhile is not added again by a form that changes.
        Ok(role) => match api.management.member(who, &organization, &user).await {
            Ok(_) => api.management.set_member(who, (&organization, &user), role, None).await,
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    match changed {
        Ok(_) => Ok(Redirect::to(&format!("{PATH}/{organization}/members?said=saved")).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = render_one(&api, &visitor, (&organization, &user), frame).await?;
            Ok(to_mend(again))
        }
    }
}

async fn ask(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, user)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    weigh(&api, &visitor, (&organization, &user), frame).await
}

async fn weigh(
    api: &Api,
    visitor: &Visitor,
    (organization, user): (&str, &str),
    frame: Frame,
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Members).await?;
    let member = api.management.member(&visitor.who, organization, user).await?.member;
    let goes = api.management.consequences_of_member(&visitor.who, (organization, user)).await?;
    let (is_me, organization) = (member.id == visitor.me.id, of.organization.name.to_string());
    let name = member.name.to_string();
    Ok(page(&Weigh {
        frame,
        heading: if is_me {
            say!("leave-heading", organization = organization)
        } else {
            say!("remove-heading", name = name, organization = organization)
        },
        effects: effects(&goes, is_me, (&name, &organization)),
        note: if is_me { say!("leave-back") } else { say!("remove-back", name = name) },
        act: if is_me { say!("leave-go", organization = organization) } else { say!("remove-go", name = name) },
        back: if is_me { of.path() } else { format!("{}/members", of.path()) },
        keep: say!("confirm-keep-member"),
        field: None,
    }))
}

/// What becomes of what, in the order in which it matters.
fn effects(goes: &MemberConsequences, is_me: bool, (name, organization): (&str, &str)) -> Vec<String> {
    let who = if is_me { "me" } else { "they" };
    let mut effects = Vec::new();
    if goes.last_owner {
        effects.push(say!("leaves-last-owner", organization = organization));
    }
    effects.push(say!("leaves-pays-no-more", who = who, organization = organization, count = goes.projects));
    if goes.pinned > 0 {
        effects.push(say!("leaves-pinned", who = who, organization = organization, count = goes.pinned));
    }
    if goes.open_jobs > 0 {
        effects.push(say!("leaves-jobs", who = who, organization = organization, count = goes.open_jobs));
    }
    if goes.unknown > 0 {
        effects.push(say!("leaves-unknown", who = who, count = goes.unknown));
    }
    if goes.entered > 0 {
        effects.push(say!("leaves-entered", who = who, organization = organization, count = goes.entered));
    }
    effects.push(if is_me { say!("leave-keeps") } else { say!("remove-keeps", name = name) });
    effects
}

async fn remove(
    State(api): State<Api>,
    Path((organization, user)): Path<(String, String)>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let is_me = visitor.me.name.as_str() == user;
    let done = if is_me {
        format!("{PATH}?said=left")
    } else {
        format!("{PATH}/{}/members?said=removed", segment(&organization))
    };
    match api.management.remove_member(&visitor.who, (&organization, &user), None).await {
        // Pressed twice, or gone in another tab: it is as it was wanted.
        Ok(()) | Err(Fault::Missing(_)) => Ok(Redirect::to(&done).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = weigh(&api, &visitor, (&organization, &user), frame).await?;
            Ok(to_mend(again))
        }
    }
}
