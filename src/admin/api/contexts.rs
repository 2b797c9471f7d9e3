//! `GET /contexts`.
//! Owns nothing.
//! Never tells of anybody but who asks.

use super::{
    Api, Problem,
    extract::{Asked, Signed},
};
use crate::manage::{Listed, Page, contexts::NamedContext};
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the contexts that you can name
///
/// `me` first, then organizations by name, each before its projects.
#[utoipa::path(get, path = "/contexts", tag = "me", operation_id = "list_contexts", params(Page), responses(
    (status = 200, body = Listed<NamedContext>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<NamedContext>>, Problem> {
    Ok(Json(api.management.contexts(&who, &page).await?))
}
