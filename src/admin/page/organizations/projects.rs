//! The projects of an organization: the list, a new one, who is in one, its name, its end.
//! Owns nothing.
//! Never shows a member the projects that they are not in.

use super::{At, Of, PATH, segment};
use crate::{
    admin::{
        api::Api,
        page::{
            confirm::{Confirm, Weigh},
            form::Sent,
            frame::{Frame, Refused, Visitor, told},
            page, to_mend,
            words::say,
        },
    },
    identity::Context,
    manage::{
        Fault, Page,
        members::Member,
        projects::{self, ChangeProject, CreateProject, Project},
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
        .route("/organizations/{organization}/projects", get(list).post(make))
        .route("/organizations/{organization}/projects/{project}", get(show).post(rename))
        .route("/organizations/{organization}/projects/{project}/members", get(show).post(add))
        .route("/organizations/{organization}/projects/{project}/members/{user}/remove", get(ask_member).post(remove))
        .route("/organizations/{organization}/projects/{project}/delete", get(ask).post(delete))
}

#[derive(Template)]
#[template(path = "organization/projects.html")]
struct Projects {
    frame: Frame,
    of: Of,
    list: Vec<Project>,
    next: Option<String>,
    name: String,
}

#[derive(Template)]
#[template(path = "organization/project.html")]
struct One {
    frame: Frame,
    of: Of,
    project: Project,
    /// Whom a form can suggest.
    others: Vec<Member>,
    typed: Typed,
}

#[derive(Default)]
struct Typed {
    member: String,
    name: Option<String>,
}

/// As many as are named in a row of the list.
const FEW: usize = 5;
/// As many as a form suggests.
const MANY: u16 = 200;

impl Projects {
    /// Who is in it, in a line.
    fn members(&self, project: &Project) -> String {
        let names: Vec<&str> = project.members.iter().map(|member| member.name.as_str()).take(FEW).collect();
        let more = project.members.len().saturating_sub(FEW);
        match (names.is_empty(), more) {
            (true, _) => say!("projects-nobody"),
            (false, 0) => names.join(", "),
            (false, more) => say!("projects-members", names = names.join(", "), count = more),
        }
    }

    fn providers(&self, project: &Project) -> String {
        if project.credentials.is_empty() { say!("projects-no-providers") } else { project.credentials.join(", ") }
    }
}

fn purse(of: &Of) -> Context {
    Context::organization(of.organization.name.clone())
}

/// The project of this name that the visitor may know of.
async fn find(api: &Api, visitor: &Visitor, of: &Of, name: &str) -> Result<Project, Refused> {
    let whose = projects::Of { purse: &purse(of), user: None };
    let found = api.management.projects(&visitor.who, (whose, Some(name)), &Page::default()).await?;
    Ok(found.items.into_iter().next().ok_or_else(|| Fault::missing("project"))?)
}

async fn list(
    State(api): State<Api>,
    visitor: Visitor,
    Path(organization): Path<String>,
    Query(place): Query<Page>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render(&api, &visitor, &organization, (frame, place), String::new()).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    organization: &str,
    (frame, place): (Frame, Page),
    name: String,
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Projects).await?;
    let whose = projects::Of { purse: &purse(&of), user: None };
    let found = api.management.projects(&visitor.who, (whose, None), &place).await?;
    Ok(page(&Projects { frame, of, list: found.items, next: found.next, name }))
}

async fn make(
    State(api): State<Api>,
    Path(organization): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let name = fields.one("name");
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let made = match name.parse() {
        Ok(name) => {
            let whose = projects::Of { purse: &purse(&of), user: None };
            api.management.create_project(&visitor.who, whose, CreateProject { name }).await
        }
        Err(error) => Err(Fault::invalid("name", format!("{error}"))),
    };
    match made {
        Ok(made) => Ok(Redirect::to(&format!("{}/projects/{}?said=made", of.path(), made.name)).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = render(&api, &visitor, &organization, (frame, Page::default()), name.to_owned()).await?;
            Ok(to_mend(again))
        }
    }
}

async fn show(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, project)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render_one(&api, &visitor, (&organization, &project), (frame, Typed::default())).await
}

async fn render_one(
    api: &Api,
    visitor: &Visitor,
    (organization, project): (&str, &str),
    (frame, typed): (Frame, Typed),
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Projects).await?;
    let project = find(api, visitor, &of, project).await?;
    let mut others = Vec::new();
    if of.maintains {
        let many = Page { after: None, limit: Some(MANY) };
        others = api.management.members(&visitor.who, organization, &many).await?.items;
        others.retain(|member| project.members.iter().all(|of| of.id != member.id));
    }
    Ok(page(&One { frame, of, project, others, typed }))
}

async fn rename(
    State(api): State<Api>,
    Path((organization, project)): Path<(String, String)>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let found = find(&api, &visitor, &of, &project).await?;
    let wanted = fields.one("name");
    let renamed = match wanted.parse() {
        Ok(name) => {
            api.management.change_project(&visitor.who, found.id, ChangeProject { name: Some(name) }, None).await
        }
        Err(error) => Err(Fault::invalid("name", format!("{error}"))),
    };
    match renamed {
        Ok(renamed) => Ok(Redirect::to(&format!("{}/projects/{}?said=saved", of.path(), renamed.name)).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let typed = Typed { name: Some(wanted.to_owned()), ..Typed::default() };
            let again = render_one(&api, &visitor, (&organization, &project), (frame, typed)).await?;
            Ok(to_mend(again))
        }
    }
}

async fn add(
    State(api): State<Api>,
    Path((organization, project)): Path<(String, String)>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let found = find(&api, &visitor, &of, &project).await?;
    let member = fields.one("member");
    match api.management.add_project_member(&visitor.who, found.id, member).await {
        Ok(found) => Ok(Redirect::to(&format!("{}/projects/{}?said=saved", of.path(), found.name)).into_response()),
        Err(fault) => {
            let fault = match fault {
                Fault::Missing(text) => Fault::Conflict(text),
                other => other,
            };
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let typed = Typed { member: member.to_owned(), ..Typed::default() };
            let again = render_one(&api, &visitor, (&organization, &project), (frame, typed)).await?;
            Ok(to_mend(again))
        }
    }
}

async fn ask_member(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, project, user)): Path<(String, String, String)>,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let project = find(&api, &visitor, &of, &project).await?;
    let missing = || Fault::missing("member");
    let member = project.members.iter().find(|member| member.name.as_str() == user).ok_or_else(missing)?;
    if !of.maintains {
        return Err(Fault::missing("page").into());
    }
    let (name, context) = (member.name.to_string(), project.context.to_string());
    Ok(page(&Weigh {
        frame: Frame::of(&visitor, PATH),
        heading: say!("project-remove-heading", name = name, project = context),
        effects: vec![
            say!("project-remove-pays", name = name, project = context),
            say!("project-remove-jobs", name = name, organization = of.organization.name.to_string()),
        ],
        note: say!("project-remove-back"),
        act: say!("project-remove-go", name = name),
        back: format!("{}/projects/{}", of.path(), project.name),
        keep: say!("confirm-keep-member"),
        field: None,
    }))
}

async fn remove(
    State(api): State<Api>,
    Path((organization, project, user)): Path<(String, String, String)>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let project = find(&api, &visitor, &of, &project).await?;
    match api.management.remove_project_member(&visitor.who, project.id, &user).await {
        // Pressed twice, or gone in another tab.
        Ok(()) | Err(Fault::Missing(_)) => {
            Ok(Redirect::to(&format!("{}/projects/{}?said=removed", of.path(), project.name)).into_response())
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn ask(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, project)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let project = find(&api, &visitor, &of, &project).await?;
    let goes = api.management.consequences_of_project(&visitor.who, project.id).await?;
    let context = project.context.to_string();
    let mut effects = vec![
        say!("project-delete-credentials", count = goes.credentials),
        say!("project-delete-members", count = goes.members),
    ];
    if goes.pinned > 0 {
        effects.push(say!("project-delete-pinned", count = goes.pinned));
    }
    if goes.open_jobs > 0 {
        effects.push(say!("deletes-open-jobs", count = goes.open_jobs));
    }
    Ok(page(&Confirm {
        frame: Frame::of(&visitor, PATH),
        heading: say!("project-delete-heading", project = context),
        effects,
        act: say!("project-delete-go", project = context),
        back: format!("{}/projects/{}", of.path(), project.name),
    }))
}

async fn delete(
    State(api): State<Api>,
    Path((organization, project)): Path<(String, String)>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Projects).await?;
    let done = Redirect::to(&format!("{PATH}/{}/projects?said=removed", segment(&organization))).into_response();
    let whose = projects::Of { purse: &purse(&of), user: None };
    let found = api.management.projects(&visitor.who, (whose, Some(&project)), &Page::default()).await?;
    // Pressed twice, or gone in another tab.
    let Some(found) = found.items.into_iter().next() else { return Ok(done) };
    match api.management.delete_project(&visitor.who, found.id, None).await {
        Ok(()) | Err(Fault::Missing(_)) => Ok(done),
        Err(fault) => Err(fault.into()),
    }
}
