//! `/credentials`: what providers are paid with.
//! Owns nothing.
//! Never tells a secret field: values go in and do not come out.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Made, Sent, Signed, Tagged},
};
use crate::{
    id::CredentialId,
    manage::{
        Listed, Page,
        credentials::{
            ChangeCredential, Consequences, CreateCredential, Credential, EnteredCredential, Force, Probed, Removed,
            RotateCredential, Spender, Which,
        },
    },
};
use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(rotate))
        .routes(routes!(probe))
        .routes(routes!(spenders))
        .routes(routes!(consequences))
}

/// List credentials that you may use or manage
///
/// Your own, those of your organizations, and of their projects those that you are in or manage. Who does not manage one
/// sees no `details` of it.
#[utoipa::path(get, path = "/credentials", operation_id = "list_credentials", tag = "credentials", params(Which, Page), responses(
    (status = 200, body = Listed<Credential>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(which): Asked<Which>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Credential>>, Problem> {
    Ok(Json(api.management.credentials(&who, &which, &page).await?))
}

/// Enter a credential
///
/// Your own by yourself, unless the operator forbids those; an organization's and its projects' by its maintainers. Its
/// secret fields are sealed and never told again. An owner has one active credential for a provider.
#[utoipa::path(post, path = "/credentials", operation_id = "create_credential", tag = "credentials", request_body = CreateCredential, responses(
    (status = 201, body = EnteredCredential),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(wanted): Sent<CreateCredential>,
) -> Result<Made<EnteredCredential>, Problem> {
    Ok(Made(api.management.create_credential(&who, wanted).await?))
}

/// Show a credential, without its secrets
#[utoipa::path(get, path = "/credentials/{id}", operation_id = "show_credential", tag = "credentials", params(("id" = CredentialId, Path)), responses(
    (status = 200, body = Credential, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<CredentialId>,
) -> Result<Tagged<Credential>, Problem> {
    let credential = api.management.credential(&who, id).await?;
    Ok(Tagged(credential.tag(), credential))
}

/// Change a credential's label, end, state, or who may use it
#[utoipa::path(patch, path = "/credentials/{id}", operation_id = "change_credential", tag = "credentials", params(("id" = CredentialId, Path), IfMatch),
    request_body = ChangeCredential, responses(
    (status = 200, body = Credential, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<CredentialId>,
    IfMatch(read): IfMatch,
    Sent(change): Sent<ChangeCredential>,
) -> Result<Tagged<Credential>, Problem> {
    let credential = api.management.change_credential(&who, id, change, read.as_ref()).await?;
    Ok(Tagged(credential.tag(), credential))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Deletion {
    /// Destroy it although jobs that it made are open: nobody can ask about them any more.
    #[serde(default)]
    force: bool,
}

/// Delete a credential with all its versions
///
/// While jobs that it made are open it retires instead: it pays for nothing new, serves questions about them, and goes
/// when they have ended.
#[utoipa::path(delete, path = "/credentials/{id}", operation_id = "delete_credential", tag = "credentials",
    params(("id" = CredentialId, Path), Deletion, IfMatch), responses(
    (status = 200, body = Removed),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn delete(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<CredentialId>,
    Asked(Deletion { force }): Asked<Deletion>,
    IfMatch(read): IfMatch,
) -> Result<Json<Removed>, Problem> {
    let force = if force { Force::Yes } else { Force::No };
    Ok(Json(api.management.delete_credential(&who, id, force, read.as_ref()).await?))
}

/// Enter a new version of a credential
///
/// Requests use it within a second, questions about open jobs too; the id stays.
#[utoipa::path(post, path = "/credentials/{id}/versions", operation_id = "rotate_credential", tag = "credentials", params(("id" = CredentialId, Path), IfMatch),
    request_body = RotateCredential, responses(
    (status = 201, body = EnteredCredential),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn rotate(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<CredentialId>,
    IfMatch(read): IfMatch,
    Sent(wanted): Sent<RotateCredential>,
) -> Result<Made<EnteredCredential>, Problem> {
    Ok(Made(api.management.rotate_credential(&who, id, wanted, read.as_ref()).await?))
}

/// Ask the provider whether it takes a credential, and whose it is
///
/// What is found stays with the version. A live source is read for it once.
#[utoipa::path(post, path = "/credentials/{id}/probe", operation_id = "probe_credential", tag = "credentials", params(("id" = CredentialId, Path)),
    responses(
    (status = 200, body = Probed),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn probe(State(api): State<Api>, Signed(who): Signed, At(id): At<CredentialId>) -> Result<Json<Probed>, Problem> {
    Ok(Json(api.management.probe_credential(&who, id).await?))
}

/// List who can spend a credential now, and with which of their tokens
///
/// In no order that means anything; a page may be short with another one after it.
#[utoipa::path(get, path = "/credentials/{id}/spenders", operation_id = "list_spenders", tag = "credentials",
    params(("id" = CredentialId, Path), Page), responses(
    (status = 200, body = Listed<Spender>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn spenders(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<CredentialId>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Spender>>, Problem> {
    Ok(Json(api.management.spenders(&who, id, &page).await?))
}

/// Say what would be lost with a credential
#[utoipa::path(get, path = "/credentials/{id}/consequences", operation_id = "show_consequences_of_credential", tag = "credentials",
    params(("id" = CredentialId, Path)), responses(
    (status = 200, body = Consequences),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn consequences(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<CredentialId>,
) -> Result<Json<Consequences>, Problem> {
    Ok(Json(api.management.consequences(&who, id).await?))
}
