//! `/organizations`: organizations and what may be changed about them.
//! Owns nothing.
//! Never tells who is no member that there is one of a name.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Made, Sent, Signed, Tagged},
};
use crate::manage::{
    Listed, Page,
    organizations::{ChangeOrganization, CreateOrganization, Organization, OrganizationConsequences},
};
use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(consequences))
}

/// List organizations
///
/// Your own in the order of their names; everybody's for administrators.
#[utoipa::path(get, path = "/organizations", tag = "organizations",
    operation_id = "list_organizations", params(Page), responses(
    (status = 200, body = Listed<Organization>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Organization>>, Problem> {
    Ok(Json(api.management.organizations(&who, &page).await?))
}

/// Make an organization
///
/// For administrators.
#[utoipa::path(post, path = "/organizations", tag = "organizations",
    operation_id = "create_organization", request_body = CreateOrganization, responses(
    (status = 201, body = Organization),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(wanted): Sent<CreateOrganization>,
) -> Result<Made<Organization>, Problem> {
    Ok(Made(api.management.create_organization(&who, wanted).await?))
}

/// Show an organization
///
/// For its members.
#[utoipa::path(get, path = "/organizations/{organization}", tag = "organizations", operation_id = "show_organization",
    params(("organization" = String, Path, description = "A name or an id.")), responses(
    (status = 200, body = Organization, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
) -> Result<Tagged<Organization>, Problem> {
    let organization = api.management.organization(&who, &organization).await?;
    Ok(Tagged(organization.tag(), organization))
}

/// Rename an organization, or choose whose jobs its members see
///
/// For its owners.
#[utoipa::path(patch, path = "/organizations/{organization}", tag = "organizations",
    operation_id = "change_organization",
    params(("organization" = String, Path, description = "A name or an id."), IfMatch), request_body = ChangeOrganization,
    responses(
    (status = 200, body = Organization, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
    IfMatch(read): IfMatch,
    Sent(change): Sent<ChangeOrganization>,
) -> Result<Tagged<Organization>, Problem> {
    let organization = api.management.change_organization(&who, &organization, change, read.as_ref()).await?;
    Ok(Tagged(organization.tag(), organization))
}

/// Delete an organization, with what `consequences` says
///
/// For its owners and administrators.
#[utoipa::path(delete, path = "/organizations/{organization}", tag = "organizations",
    operation_id = "delete_organization",
    params(("organization" = String, Path, description = "A name or an id."), IfMatch), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn delete(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.delete_organization(&who, &organization, read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what would go with an organization
///
/// For its owners and administrators.
#[utoipa::path(get, path = "/organizations/{organization}/consequences", tag = "organizations",
    operation_id = "show_consequences_of_organization",
    params(("organization" = String, Path, description = "A name or an id.")), responses(
    (status = 200, body = OrganizationConsequences),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn consequences(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
) -> Result<Json<OrganizationConsequences>, Problem> {
    Ok(Json(api.management.consequences_of_organization(&who, &organization).await?))
}
