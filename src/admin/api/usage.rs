//! `GET /usage`.
//! Owns nothing.
//! Never a formula in what a spreadsheet will read.

use super::{
    Api, Problem,
    extract::{Accept, Asked, Signed},
};
use crate::manage::{
    Of,
    usage::{Usage, UsageWanted},
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(usage))
}

/// Who used how much of what
///
/// Your own; of an organization all of it if you oversee it, else your share; everybody's for administrators. By the
/// day (UTC) on which jobs were submitted. In one piece: there are as many lines as there are groups.
#[utoipa::path(get, path = "/usage", operation_id = "show_usage", tag = "usage", params(Of, UsageWanted), responses(
    (status = 200, content((Usage = "application/json"), (String = "text/csv"))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn usage(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(of): Asked<Of>,
    Asked(wanted): Asked<UsageWanted>,
    accept: Accept,
) -> Result<Response, Problem> {
    let usage = api.management.usage(&who, &of, wanted).await?;
    if accept.names("text/csv") {
        return Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], usage.csv()).into_response());
    }
    Ok(Json(usage).into_response())
}
