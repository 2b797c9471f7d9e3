//! `/providers`: what a credential of each consists of, and what can be asked of it.
//! Owns nothing.
//! Never tells where an operator's configuration sends requests.

use super::{
    Api, Problem,
    extract::{Asked, At, Signed},
};
use crate::manage::{
    Listed, Page,
    providers::{Provider, ProviderDetails},
};
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// List providers
#[utoipa::path(get, path = "/providers", operation_id = "list_providers", tag = "providers", params(Page), responses(
    (status = 200, body = Listed<Provider>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Provider>>, Problem> {
    Ok(Json(api.management.providers(&who, &page).await?))
}

/// Show a provider, with its operations and the contexts that you can have pay there
#[utoipa::path(get, path = "/providers/{id}", operation_id = "show_provider", tag = "providers", params(("id" = String, Path)), responses(
    (status = 200, body = ProviderDetails),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<String>,
) -> Result<Json<ProviderDetails>, Problem> {
    Ok(Json(api.management.provider(&who, &id).await?))
}
