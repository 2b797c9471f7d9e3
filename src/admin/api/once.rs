//! `Idempotency-Key`: a POST that makes something may be sent again, and is answered as it was at first.
//! Owns nothing.
//! Never stands before what is not signed in: a key is its user's own.

use super::{Api, Problem, extract};
use crate::{
    identity::key::KeyDigest,
    manage::{Once, Who},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utoipa::openapi::{
    OpenApi as Document, RefOr, Required,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

const NAME: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

pub async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let found = (key(&parts.headers), parts.extensions.get::<Who>().cloned());
    match found {
        (Ok(Some(key)), Some(who)) if parts.method == Method::POST => {
            let answered = ask(&api, (parts, body), (key, who), next).await;
            answered.unwrap_or_else(Problem::into_response)
        }
        (Err(problem), _) if parts.method == Method::POST => problem.into_response(),
        _ => next.run(Request::from_parts(parts, body)).await,
    }
}

async fn ask(
    api: &Api,
    (mut parts, body): (Parts, Body),
    (key, who): (KeyDigest, Who),
    next: Next,
) -> Result<Response, Problem> {
    let body = extract::whole(body).await?;
    let who = who.clone().asks_once(Once { key, request: of_request(&parts, &who, &body) });
    let _turn = api.management.begin(&who)?;
    if let Some(first) = api.management.told(&who).await? {
        return Ok(again(&first));
    }
    parts.extensions.insert(who.clone());
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if answer.status() != StatusCode::CONFLICT {
        return Ok(answer);
    }
    // Another replica may have been faster.
    let first = api.management.told(&who).await?;
    Ok(first.map_or(answer, |first| again(&first)))
}

/// As `extract::Made` says it.
fn again(first: &[u8]) -> Response {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], first.to_vec()).into_response()
}

/// The text as it is sent: whether it is in quotes, as the draft has it, or not.
fn key(headers: &HeaderMap) -> Result<Option<KeyDigest>, Problem> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=LONGEST).contains(&text.len()));
    let text = text.filter(|_| values.next().is_none()).ok_or_else(|| {
        let text = format!("expected one `Idempotency-Key` of 1 to {LONGEST} visible characters");
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", text)
    })?;
    Ok(Some(KeyDigest::of(text)))
}

/// All that could make another thing of it; also the token that it came with, whose limits may be others.
fn of_request(parts: &Parts, who: &Who, body: &[u8]) -> KeyDigest {
    let token = who.token().map(|token| token.to_string()).unwrap_or_default();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let tag = parts.headers.get(header::IF_MATCH).map_or(&[][..], |tag| tag.as_bytes());
    KeyDigest::of_all(&[parts.method.as_str().as_bytes(), target.as_bytes(), token.as_bytes(), tag, body])
}

/// Says so of every operation that it is for.
pub fn describe(document: &mut Document) {
    for path in document.paths.paths.values_mut() {
        for operation in path.post.iter_mut().filter(|operation| makes(operation)) {
            let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(LONGEST));
            let about = "Any text of yours, best a random one: the same request with the same key is answered again for a \
                         day, and makes nothing more. With another request it is refused (422), as it is while the first \
                         one is under way (409).";
            let parameter = ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .schema(Some(text.pattern(Some("^[!-~]([ -~]*[!-~])?$"))))
                .description(Some(about));
            operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
        }
    }
}

/// What makes something answers 201; who has not signed in has no keys.
fn makes(operation: &Operation) -> bool {
    operation.responses.responses.contains_key("201") && operation.security.is_none()
}
