//! `/organizations/{organization}/members`: who is in an organization, and as what.
//! Owns nothing.
//! Never tells who is no member of anybody.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Sent, Signed, Tagged},
};
use crate::manage::{
    Listed, Page,
    members::{Member, MemberConsequences, MemberDetails, SetMember},
};
use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, set, remove)).routes(routes!(consequences))
}

/// List the members of an organization
///
/// For its members. Those who have been users longest come first.
#[utoipa::path(get, path = "/organizations/{organization}/members", tag = "organizations",
    operation_id = "list_members",
    params(("organization" = String, Path, description = "A name or an id."), Page), responses(
    (status = 200, body = Listed<Member>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Member>>, Problem> {
    Ok(Json(api.management.members(&who, &organization, &page).await?))
}

/// Show a member of an organization
///
/// For its members.
#[utoipa::path(get, path = "/organizations/{organization}/members/{user}", tag = "organizations",
    operation_id = "show_member",
    params(
        ("organization" = String, Path, description = "A name or an id."),
        ("user" = String, Path, description = "A name or an id."),
    ), responses(
    (status = 200, body = MemberDetails, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At((organization, user)): At<(String, String)>,
) -> Result<Tagged<MemberDetails>, Problem> {
    let details = api.management.member(&who, &organization, &user).await?;
    Ok(Tagged(details.member.tag(), details))
}

/// Add a member to an organization, or change a member's role
///
/// For its owners, who may add every user whose name they know. The last owner stays one.
#[utoipa::path(put, path = "/organizations/{organization}/members/{user}", tag = "organizations",
    operation_id = "set_member",
    params(
        ("organization" = String, Path, description = "A name or an id."),
        ("user" = String, Path, description = "A name or an id."),
        IfMatch,
    ), request_body = SetMember, responses(
    (status = 200, body = Member, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn set(
    State(api): State<Api>,
    Signed(who): Signed,
    At((organization, user)): At<(String, String)>,
    IfMatch(read): IfMatch,
    Sent(wanted): Sent<SetMember>,
) -> Result<Tagged<Member>, Problem> {
    let member = api.management.set_member(&who, (&organization, &user), wanted.role, read.as_ref()).await?;
    Ok(Tagged(member.tag(), member))
}

/// Remove a member from an organization and its projects
///
/// For its owners, and for members who leave. The last owner stays.
#[utoipa::path(delete, path = "/organizations/{organization}/members/{user}", tag = "organizations",
    operation_id = "remove_member",
    params(
        ("organization" = String, Path, description = "A name or an id."),
        ("user" = String, Path, description = "A name or an id."),
        IfMatch,
    ), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn remove(
    State(api): State<Api>,
    Signed(who): Signed,
    At((organization, user)): At<(String, String)>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.remove_member(&who, (&organization, &user), read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what a member would lose and leave behind
///
/// For the owners of the organization, and for members who leave.
#[utoipa::path(get, path = "/organizations/{organization}/members/{user}/consequences", tag = "organizations",
    operation_id = "show_consequences_of_member",
    params(
        ("organization" = String, Path, description = "A name or an id."),
        ("user" = String, Path, description = "A name or an id."),
    ), responses(
    (status = 200, body = MemberConsequences),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn consequences(
    State(api): State<Api>,
    Signed(who): Signed,
    At((organization, user)): At<(String, String)>,
) -> Result<Json<MemberConsequences>, Problem> {
    Ok(Json(api.management.consequences_of_member(&who, (&organization, &user)).await?))
}
