//! `/projects`: parts of an organization, or of one person, with credentials of their own.
//! Owns nothing.
//! Never tells of a project to who is not in it and could not be.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Made, Sent, Signed, Tagged},
};
use crate::{
    id::ProjectId,
    identity::Context,
    manage::{
        Listed, Page,
        projects::{ChangeProject, CreateProject, Of, Project, ProjectConsequences},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(consequences))
        .routes(routes!(add_member, remove_member))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// `me` or an organization.
    of: Context,
    /// Whose `me` is: a name or an id. You, if it is left out.
    user: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only the one of this name.
    name: Option<String>,
}

impl Whose {
    fn of(&self) -> Of<'_> {
        Of { purse: &self.of, user: self.user.as_deref() }
    }
}

/// List projects
///
/// Your own, or an organization's: those that you are in, and all of them for its maintainers and owners.
#[utoipa::path(get, path = "/projects", tag = "projects",
    operation_id = "list_projects", params(Whose, Which, Page), responses(
    (status = 200, body = Listed<Project>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(whose): Asked<Whose>,
    Asked(which): Asked<Which>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Project>>, Problem> {
    Ok(Json(api.management.projects(&who, (whose.of(), which.name.as_deref()), &page).await?))
}

/// Make a project
///
/// For yourself, or for an organization by its maintainers and owners.
#[utoipa::path(post, path = "/projects", tag = "projects",
    operation_id = "create_project", params(Whose), request_body = CreateProject, responses(
    (status = 201, body = Project),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(whose): Asked<Whose>,
    Sent(wanted): Sent<CreateProject>,
) -> Result<Made<Project>, Problem> {
    Ok(Made(api.management.create_project(&who, whose.of(), wanted).await?))
}

/// Show a project
#[utoipa::path(get, path = "/projects/{id}", tag = "projects",
    operation_id = "show_project", params(("id" = ProjectId, Path)), responses(
    (status = 200, body = Project, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(State(api): State<Api>, Signed(who): Signed, At(id): At<ProjectId>) -> Result<Tagged<Project>, Problem> {
    let project = api.management.project(&who, id).await?;
    Ok(Tagged(project.tag(), project))
}

/// Rename a project
///
/// For its user, or the maintainers and owners of its organization.
#[utoipa::path(patch, path = "/projects/{id}", tag = "projects",
    operation_id = "change_project", params(("id" = ProjectId, Path), IfMatch),
    request_body = ChangeProject, responses(
    (status = 200, body = Project, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<ProjectId>,
    IfMatch(read): IfMatch,
    Sent(change): Sent<ChangeProject>,
) -> Result<Tagged<Project>, Problem> {
    let project = api.management.change_project(&who, id, change, read.as_ref()).await?;
    Ok(Tagged(project.tag(), project))
}

/// Delete a project, with its credentials
///
/// For its user, or the maintainers and owners of its organization.
#[utoipa::path(delete, path = "/projects/{id}", tag = "projects",
    operation_id = "delete_project", params(("id" = ProjectId, Path), IfMatch), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn delete(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<ProjectId>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.delete_project(&who, id, read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what would go with a project
///
/// For its user, or the maintainers and owners of its organization.
#[utoipa::path(get, path = "/projects/{id}/consequences", tag = "projects",
    operation_id = "show_consequences_of_project", params(("id" = ProjectId, Path)), responses(
    (status = 200, body = ProjectConsequences),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn consequences(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<ProjectId>,
) -> Result<Json<ProjectConsequences>, Problem> {
    Ok(Json(api.management.consequences_of_project(&who, id).await?))
}

/// Let a member of the organization use a project's credentials
///
/// For the maintainers and owners of its organization. Who is in it already stays so.
#[utoipa::path(put, path = "/projects/{id}/members/{user}", tag = "projects", operation_id = "add_project_member",
    params(
        ("id" = ProjectId, Path),
        ("user" = String, Path, description = "A name or an id."),
    ), responses(
    (status = 200, body = Project, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn add_member(
    State(api): State<Api>,
    Signed(who): Signed,
    At((id, user)): At<(ProjectId, String)>,
) -> Result<Tagged<Project>, Problem> {
    let project = api.management.add_project_member(&who, id, &user).await?;
    Ok(Tagged(project.tag(), project))
}

/// Take a member out of a project
///
/// For the maintainers and owners of its organization.
#[utoipa::path(delete, path = "/projects/{id}/members/{user}", tag = "projects", operation_id = "remove_project_member",
    params(
        ("id" = ProjectId, Path),
        ("user" = String, Path, description = "A name or an id."),
    ), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn remove_member(
    State(api): State<Api>,
    Signed(who): Signed,
    At((id, user)): At<(ProjectId, String)>,
) -> Result<StatusCode, Problem> {
    api.management.remove_project_member(&who, id, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
