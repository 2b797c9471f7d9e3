//! `/audit`: the trail of what was done, and whether it is what was written.
//! Owns nothing.
//! Never holds more of an export than a page, and never ends one in the middle as if that were its end.

use super::{
    Api, Problem,
    extract::{Accept, Asked, Sent, Signed},
};
use crate::manage::{
    Fault, Listed, Management, Page, Who,
    audit::{AuditWanted, CheckCheckpoints, Checked, Entry, Verified},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify, check))
}

/// List what was done
///
/// Newest first. Administrators see everything, everybody else what they did themselves (`actor=me`): an entry's
/// subject is a text, from which it cannot be told for certain whose business it is. As `application/x-ndjson` it is
/// everything that fits, from `after` on, a line for each.
#[utoipa::path(get, path = "/audit", operation_id = "search_audit", tag = "audit", params(AuditWanted, Page), responses(
    (status = 200, content((Listed<Entry> = "application/json"), (Entry = "application/x-ndjson"))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(wanted): Asked<AuditWanted>,
    Asked(page): Asked<Page>,
    accept: Accept,
) -> Result<Response, Problem> {
    if accept.names("application/x-ndjson") {
        return Ok(export(api.management, who, wanted, page.after).await?);
    }
    Ok(Json(api.management.audit(&who, &wanted, &page).await?).into_response())
}

const AT_ONCE: u16 = 200;

/// Page by page, each with the rights that its asker has by then.
pub async fn export(
    management: Arc<Management>,
    who: Who,
    wanted: AuditWanted,
    after: Option<String>,
) -> Result<Response, Fault> {
    let first = management.audit(&who, &wanted, &Page { after, limit: Some(AT_ONCE) }).await?;
    let lines = stream::try_unfold(Some(first), move |page: Option<Listed<Entry>>| {
        let (management, who, wanted) = (Arc::clone(&management), who.clone(), wanted.clone());
        async move {
            let Some(Listed { items, next }) = page else { return Ok::<_, Fault>(None) };
            let next = match next {
                None => None,
                after => Some(management.audit(&who, &wanted, &Page { after, limit: Some(AT_ONCE) }).await?),
            };
            Ok(Some((written(&items), next)))
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

fn written(entries: &[Entry]) -> String {
    let lines = entries.iter().filter_map(|entry| serde_json::to_string(entry).ok());
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// Verify the trail
///
/// All of it, link by link, and against the checkpoints in the data folder of who answers: it finds an edit, a
/// deletion, a change of order and an end that was cut off, and names the entry. For administrators. It takes some
/// seconds for each million entries.
#[utoipa::path(get, path = "/audit/verify", operation_id = "verify_audit", tag = "audit", responses(
    (status = 200, body = Verified),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn verify(State(api): State<Api>, Signed(who): Signed) -> Result<Json<Verified>, Problem> {
    Ok(Json(api.management.verify_audit(&who).await?))
}

/// Hold the trail against checkpoints that were kept elsewhere
///
/// Each is an `audit checkpoint` of a collected log, or a line of a copy of `audit-checkpoints`. For administrators.
#[utoipa::path(post, path = "/audit/verify", operation_id = "check_checkpoints", tag = "audit", request_body = CheckCheckpoints, responses(
    (status = 200, body = Checked),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn check(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(sent): Sent<CheckCheckpoints>,
) -> Result<Json<Checked>, Problem> {
    Ok(Json(api.management.check_checkpoints(&who, &sent).await?))
}
