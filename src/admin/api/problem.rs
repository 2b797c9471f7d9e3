//! A refusal of the management API: RFC 9457, with a stable code for programs.
//! Owns nothing.
//! Never says more of a mistake of ours than that there was one: the log has its cause.

use crate::manage::Fault;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:bellhop:refusal:` and the code.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    pub title: Box<str>,
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: Box<str>,
    /// For programs: `invalid`, `not-found`, `not-allowed`, `conflict`, `changed` …
    pub code: Box<str>,
    /// What is wrong with the request, where it is one thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
    /// `Retry-After`, in seconds.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<Box<str>>) -> Self {
        Self {
            kind: format!("urn:bellhop:refusal:{code}").into(),
            title: status.canonical_reason().unwrap_or_default().into(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.into(),
            field: None,
            retry_after: None,
        }
    }

    /// The one text for whatever is no valid token.
    pub fn unknown_token() -> Self {
        let text = "sign in with a personal access token of scope `manage`: `Authorization: Bearer bhp_…`";
        Self::new(StatusCode::UNAUTHORIZED, "unknown-token", text)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let status = match &fault {
            Fault::Missing(_) => StatusCode::NOT_FOUND,
            Fault::Forbidden(_) => StatusCode::FORBIDDEN,
            Fault::Conflict(_) => StatusCode::CONFLICT,
            Fault::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Reused => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::UnderWay => StatusCode::CONFLICT,
            Fault::Changed => StatusCode::PRECONDITION_FAILED,
            Fault::WrongPassword => StatusCode::UNAUTHORIZED,
            Fault::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Fault::SignedOut => return Self::unknown_token(),
            Fault::Unavailable(cause) => {
                tracing::warn!(event = "api.store_unavailable", error = %cause, "the store cannot be asked by the management API");
                StatusCode::SERVICE_UNAVAILABLE
            }
            Fault::Unanswered(_) => StatusCode::BAD_GATEWAY,
            Fault::Internal(cause) => {
                tracing::error!(event = "api.failed", error = %cause, "the management API failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let mut problem = Self::new(status, fault.code(), fault.to_string());
        problem.retry_after = fault.retry_after();
        if let Fault::Invalid { field, .. } = fault {
            problem.field = Some(field.into());
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_vec(&self).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut answer = (status, kind, text).into_response();
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}
