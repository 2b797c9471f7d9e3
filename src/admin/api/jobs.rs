//! `/jobs`: what was submitted, and what became of it.
//! Owns nothing.
//! Never takes a job's id for a part of the path: it stands there escaped, or nothing is found.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Sent, Signed, Tagged},
};
use crate::manage::{
    Listed, Of, Page,
    jobs::{AdoptJob, Cancelled, Job, JobAt, JobsWanted},
};
use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(cancel)).routes(routes!(adopt))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Named {
    /// As its preset is called.
    provider: String,
    /// The provider's own, percent-encoded as one segment: a `/` in it is `%2F`.
    id: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AtAccount {
    /// Of several accounts that have a job with this id.
    account: Option<String>,
}

fn at(Named { provider, id }: Named, account: AtAccount) -> JobAt {
    JobAt { provider, id, account: account.account }
}

/// List jobs
///
/// Newest first. You see your own, those of organizations that you oversee (or that let every member see all), and
/// everybody's as an administrator. What your token is not for is left out: a page may be short and not the last.
#[utoipa::path(get, path = "/jobs", operation_id = "list_jobs", tag = "jobs", params(Of, JobsWanted, Page), responses(
    (status = 200, body = Listed<Job>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(of): Asked<Of>,
    Asked(wanted): Asked<JobsWanted>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Job>>, Problem> {
    Ok(Json(api.management.jobs(&who, &of, wanted, &page).await?))
}

/// Show a job
#[utoipa::path(get, path = "/jobs/{provider}/{id}", operation_id = "show_job", tag = "jobs", params(Named, AtAccount), responses(
    (status = 200, body = Job, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(named): At<Named>,
    Asked(account): Asked<AtAccount>,
) -> Result<Tagged<Job>, Problem> {
    let job = api.management.job(&who, &at(named, account)).await?;
    Ok(Tagged(job.tag(), job))
}

/// Cancel a job
///
/// Asks the provider, with the credential that made the job, and tells what it says. A provider that says no is a
/// conflict; one that cannot be reached is a 502.
#[utoipa::path(post, path = "/jobs/{provider}/{id}/cancel", operation_id = "cancel_job", tag = "jobs", params(Named, AtAccount), responses(
    (status = 200, body = Cancelled),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn cancel(
    State(api): State<Api>,
    Signed(who): Signed,
    At(named): At<Named>,
    Asked(account): Asked<AtAccount>,
) -> Result<Json<Cancelled>, Problem> {
    Ok(Json(api.management.cancel_job(&who, at(named, account)).await?))
}

/// Give a job to another member
///
/// For who oversees the organization that pays for it. The ledger keeps who used it up.
#[utoipa::path(post, path = "/jobs/{provider}/{id}/adopt", operation_id = "adopt_job", tag = "jobs", params(Named, AtAccount, IfMatch),
    request_body = AdoptJob, responses(
    (status = 200, body = Job, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn adopt(
    State(api): State<Api>,
    Signed(who): Signed,
    At(named): At<Named>,
    Asked(account): Asked<AtAccount>,
    IfMatch(read): IfMatch,
    Sent(wanted): Sent<AdoptJob>,
) -> Result<Tagged<Job>, Problem> {
    let job = api.management.adopt_job(&who, &at(named, account), &wanted, read.as_ref()).await?;
    Ok(Tagged(job.tag(), job))
}
