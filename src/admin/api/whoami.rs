//! `GET /whoami`.
//! Owns nothing.
//! Never tells of anybody but who asks.

use super::{Api, Problem, extract::Signed};
use crate::manage::whoami::WhoAmI;
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(whoami))
}

/// Who you are
#[utoipa::path(get, path = "/whoami", tag = "me", operation_id = "show_me", responses(
    (status = 200, body = WhoAmI),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn whoami(State(api): State<Api>, Signed(who): Signed) -> Result<Json<WhoAmI>, Problem> {
    Ok(Json(api.management.whoami(&who).await?))
}
