//! `POST /explain`.
//! Owns nothing.
//! Never sends anything to a provider.

use super::{
    Api, Problem,
    extract::{Sent, Signed},
};
use crate::manage::explain::{Explain, Explanation};
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// Say which credential a request would be paid with, and why each other one lost
///
/// Nothing is sent. Of yourself; of anybody for administrators, and for who has the token itself.
#[utoipa::path(post, path = "/explain", operation_id = "explain_request", tag = "credentials", request_body = Explain, responses(
    (status = 200, body = Explanation),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn explain(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(wanted): Sent<Explain>,
) -> Result<Json<Explanation>, Problem> {
    Ok(Json(api.management.explain(&who, wanted).await?))
}
