//! What handlers read of a request, each refused as a problem where it is not as the document says.
//! Owns nothing.
//! Never reads a body of another type than JSON, or of more than 64 KiB.

use super::{Api, Problem};
use crate::manage::{Tag, Wanted, Who};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{
    IntoParams,
    openapi::{
        OpenApi as Document, RefOr, Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

/// Who has signed in.
pub struct Signed(pub Who);

impl FromRequestParts<Api> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        parts.extensions.get::<Who>().cloned().map(Self).ok_or_else(Problem::unknown_token)
    }
}

const LARGEST: usize = 64 * 1024;

/// A body of `application/json`.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let text = "expected a body of `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad-request", text));
        }
        let body = whole(request.into_body()).await?;
        // Fields in a list, without their names, would be taken as well.
        if !body.trim_ascii_start().starts_with(b"{") {
            let text = "the body is not as expected: expected an object";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-request", text));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "bad-request", format!("the body is not as expected: {error}"))
        })
    }
}

pub async fn whole(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, LARGEST).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "bad-request", "expected a whole body of at most 64 KiB")
    })
}

/// The query.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, api).await;
        query.map(|Query(query)| Self(query)).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad-request",
                format!("the query is not as expected: {}", error.body_text()),
            )
        })
    }
}

/// What stands in the path. What cannot be an id is nothing that is there.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, api).await;
        path.map(|Path(path)| Self(path)).map_err(|_| crate::manage::Fault::missing("thing").into())
    }
}

/// `Accept`: whether another form than JSON is asked for.
pub struct Accept(String);

impl Accept {
    pub fn names(&self, kind: &str) -> bool {
        let kinds = self.0.split(',').filter_map(|range| range.split(';').next());
        kinds.map(str::trim).any(|range| range.eq_ignore_ascii_case(kind))
    }
}

impl FromRequestParts<Api> for Accept {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let values = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        Ok(Self(values.collect::<Vec<_>>().join(",")))
    }
}

/// `If-Match`: what a change was made for.
pub struct IfMatch(pub Option<Wanted>);

impl FromRequestParts<Api> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let header = parts.headers.get(header::IF_MATCH).map(|value| value.to_str());
        match header {
            None => Ok(Self(None)),
            Some(Ok(text)) => Ok(Self(Wanted::parse(text))),
            Some(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "bad-request", "If-Match is no list of tags")),
        }
    }
}

/// What the document says of it, wherever a handler takes it.
impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` of what was read: only that is changed, and if it is something else by now, it is refused \
                     (412, `changed`). Also several, with commas between them, or `*` for whatever is there.";
        let parameter = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some(about));
        vec![parameter.build()]
    }
}

/// Says what an `ETag` is wherever an answer has one: handlers only say that they have.
pub fn describe_tags(document: &mut Document) {
    let paths = document.paths.paths.values_mut();
    let operations = paths.flat_map(|path| [&mut path.get, &mut path.put, &mut path.post, &mut path.patch]).flatten();
    let answers = operations.flat_map(|operation| operation.responses.responses.values_mut());
    for answer in answers {
        let RefOr::T(answer) = answer else { continue };
        if let Some(RefOr::T(tag)) = answer.headers.get_mut("ETag") {
            tag.description = Some("Changes whenever what was read does; for `If-Match`.".into());
        }
    }
}

/// One thing, with its tag.
pub struct Tagged<T>(pub Tag, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut answer = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0.as_str())) {
            answer.headers_mut().insert(header::ETAG, tag);
        }
        answer
    }
}

/// What was just made: 201.
pub struct Made<T>(pub T);

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}
