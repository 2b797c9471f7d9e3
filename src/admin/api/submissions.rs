//! `/submissions`: each attempt to have something run.
//! Owns nothing.
//! Never sends one again.

use super::{
    Api, Problem,
    extract::{Asked, At, Sent, Signed},
};
use crate::{
    id::SubmissionId,
    manage::{
        Listed, Of, Page,
        jobs::Job,
        submissions::{AdoptSubmission, Submission, SubmissionsWanted},
    },
};
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(adopt)).routes(routes!(refuse))
}

/// List submissions
///
/// Newest first. You see your own, those of organizations that you oversee (or that let every member see all), and
/// everybody's as an administrator. What your token is not for is left out: a page may be short and not the last.
#[utoipa::path(get, path = "/submissions", operation_id = "list_submissions", tag = "submissions", params(Of, SubmissionsWanted, Page), responses(
    (status = 200, body = Listed<Submission>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(of): Asked<Of>,
    Asked(wanted): Asked<SubmissionsWanted>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Submission>>, Problem> {
    Ok(Json(api.management.submissions(&who, &of, wanted, &page).await?))
}

/// Show a submission
#[utoipa::path(get, path = "/submissions/{id}", operation_id = "show_submission", tag = "submissions", params(("id" = SubmissionId, Path)),
    responses(
    (status = 200, body = Submission),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<SubmissionId>,
) -> Result<Json<Submission>, Problem> {
    Ok(Json(api.management.submission(&who, id).await?))
}

/// Say which job an unknown submission made
///
/// For who oversees the organization that pays for it, or for who paid for it themself.
#[utoipa::path(post, path = "/submissions/{id}/adopt", operation_id = "adopt_submission", tag = "submissions", params(("id" = SubmissionId, Path)),
    request_body = AdoptSubmission, responses(
    (status = 200, body = Job),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn adopt(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<SubmissionId>,
    Sent(wanted): Sent<AdoptSubmission>,
) -> Result<Json<Job>, Problem> {
    Ok(Json(api.management.adopt_submission(&who, id, wanted).await?))
}

/// Say that nothing came of an unknown submission
///
/// What it held of quotas is free again. For who oversees the organization that pays for it, or for who paid for it
/// themself.
#[utoipa::path(post, path = "/submissions/{id}/refuse", operation_id = "refuse_submission", tag = "submissions", params(("id" = SubmissionId, Path)),
    responses(
    (status = 200, body = Submission),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn refuse(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<SubmissionId>,
) -> Result<Json<Submission>, Problem> {
    Ok(Json(api.management.refuse_submission(&who, id).await?))
}
