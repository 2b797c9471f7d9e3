//! `/organizations/{organization}/invitations`, `/invitations`: links by which people join an organization.
//! Owns nothing.
//! Never tells a link that is over from one that never was.

use super::{
    Api, Peer, Problem,
    extract::{Asked, At, Made, Sent, Signed},
};
use crate::{
    id::InvitationId,
    manage::{
        Listed, Page,
        invitations::{CreateInvitation, Invitation, Join, Joined, MadeInvitation, Presented},
    },
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What nobody has to have signed in for.
pub fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(join))
}

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(accept))
}

/// List the invitations to an organization that nobody has used
///
/// For its owners.
#[utoipa::path(get, path = "/organizations/{organization}/invitations", tag = "organizations",
    operation_id = "list_invitations",
    params(("organization" = String, Path, description = "A name or an id."), Page), responses(
    (status = 200, body = Listed<Invitation>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Invitation>>, Problem> {
    Ok(Json(api.management.invitations(&who, &organization, &page).await?))
}

/// Make a link by which somebody joins an organization
///
/// For its owners. It works once, and only while who made it may invite. Hand it over yourself: somebody new chooses a
/// name and a password with it, and whoever has an account signs in first.
#[utoipa::path(post, path = "/organizations/{organization}/invitations", tag = "organizations",
    operation_id = "create_invitation",
    params(("organization" = String, Path, description = "A name or an id.")), request_body = CreateInvitation,
    responses(
    (status = 201, body = MadeInvitation),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
    Sent(wanted): Sent<CreateInvitation>,
) -> Result<Made<MadeInvitation>, Problem> {
    Ok(Made(api.management.create_invitation(&who, &organization, wanted).await?))
}

/// Revoke an invitation
///
/// For the owners of the organization. Who has used it already stays a member.
#[utoipa::path(delete, path = "/organizations/{organization}/invitations/{id}", tag = "organizations",
    operation_id = "revoke_invitation",
    params(
        ("organization" = String, Path, description = "A name or an id."),
        ("id" = InvitationId, Path),
    ), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(
    State(api): State<Api>,
    Signed(who): Signed,
    At((organization, id)): At<(String, InvitationId)>,
) -> Result<StatusCode, Problem> {
    api.management.revoke_invitation(&who, &organization, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what an invitation is for
#[utoipa::path(post, path = "/invitations/show", tag = "signing in", operation_id = "show_invitation", security(()),
    request_body = Presented, responses(
    (status = 200, body = Invitation),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    Sent(presented): Sent<Presented>,
) -> Result<Json<Invitation>, Problem> {
    let found = api.management.presented_invitation(&presented.invitation.0);
    Ok(Json(api.guard.hear(peer, found).await?))
}

/// Join an organization with a new account
///
/// Makes the account of this name, which nobody has yet.
#[utoipa::path(post, path = "/invitations/join", tag = "signing in", operation_id = "join_with_invitation",
    security(()), request_body = Join, responses(
    (status = 201, body = Joined),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn join(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    Sent(wanted): Sent<Join>,
) -> Result<Made<Joined>, Problem> {
    Ok(Made(api.guard.hear(peer, api.management.join(wanted)).await?))
}

/// Join an organization with the account that you have
#[utoipa::path(post, path = "/invitations/accept", tag = "organizations", operation_id = "accept_invitation",
    request_body = Presented, responses(
    (status = 200, body = Joined),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn accept(
    State(api): State<Api>,
    Signed(who): Signed,
    peer: Option<Extension<Peer>>,
    Sent(presented): Sent<Presented>,
) -> Result<Json<Joined>, Problem> {
    let joined = api.management.accept_invitation(&who, &presented.invitation.0);
    Ok(Json(api.guard.hear(peer, joined).await?))
}
