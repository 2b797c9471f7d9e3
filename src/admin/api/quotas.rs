//! `/quotas`: how much of what somebody may use.
//! Owns nothing.
//! Never a warning only: a quota is a ceiling.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Sent, Signed, Tagged},
};
use crate::{
    id::QuotaId,
    manage::{
        Listed, Page,
        quotas::{Quota, SetQuota},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, set)).routes(routes!(show, remove))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfWhom {
    /// An organization's name or id: its own quotas, its members' shares, its projects' and its credentials', for
    /// those who oversee it. `me`: what binds you. `*`: all, for administrators. Without it, what binds you.
    of: Option<String>,
}

/// List quotas, and what of them is used or held
#[utoipa::path(get, path = "/quotas", operation_id = "list_quotas", tag = "quotas", params(OfWhom, Page), responses(
    (status = 200, body = Listed<Quota>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(whom): Asked<OfWhom>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Quota>>, Problem> {
    Ok(Json(api.management.quotas(&who, whom.of.as_deref(), &page).await?))
}

/// Set a quota, in the place of the same one
///
/// An organization's owners bind it, its members' shares, its projects and its credentials; administrators bind
/// anybody, and what they set an owner cannot change.
#[utoipa::path(put, path = "/quotas", operation_id = "set_quota", tag = "quotas", params(IfMatch), request_body = SetQuota, responses(
    (status = 200, body = Quota, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn set(
    State(api): State<Api>,
    Signed(who): Signed,
    IfMatch(read): IfMatch,
    Sent(wanted): Sent<SetQuota>,
) -> Result<Tagged<Quota>, Problem> {
    let quota = api.management.set_quota(&who, wanted, read.as_ref()).await?;
    Ok(Tagged(quota.tag(), quota))
}

/// Show a quota
#[utoipa::path(get, path = "/quotas/{id}", operation_id = "show_quota", tag = "quotas", params(("id" = QuotaId, Path)), responses(
    (status = 200, body = Quota, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(State(api): State<Api>, Signed(who): Signed, At(id): At<QuotaId>) -> Result<Tagged<Quota>, Problem> {
    let quota = api.management.quota(&who, id).await?;
    Ok(Tagged(quota.tag(), quota))
}

/// Remove a quota
#[utoipa::path(delete, path = "/quotas/{id}", operation_id = "remove_quota", tag = "quotas", params(("id" = QuotaId, Path), IfMatch), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn remove(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<QuotaId>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.remove_quota(&who, id, read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
