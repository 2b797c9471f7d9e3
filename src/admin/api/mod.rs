//! The management API: what `manage` does, over HTTP. One file for each noun, and the document that is made of them.
//! Owns the shape of requests and answers; who may do what is `manage`'s.
//! Never answers who has not signed in, but for its document, and never anything but JSON where nobody asked for more.

pub mod audit;
mod contexts;
mod credentials;
mod explain;
mod extract;
mod invitations;
mod jobs;
mod members;
mod once;
mod organizations;
mod people;
mod problem;
mod projects;
mod providers;
mod quotas;
mod signin;
mod submissions;
mod tokens;
mod usage;
mod users;
mod webhooks;
mod whoami;

pub use people::Login;
pub use problem::Problem;
pub use signin::{Guard, Peer};

use crate::manage::Management;
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use std::sync::Arc;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

/// What every handler works on.
#[derive(Clone)]
pub struct Api {
    pub management: Arc<Management>,
    pub guard: Arc<Guard>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bellhop",
        description = "The management API of Bellhop. Sign in with a personal access token of scope `manage`.\n\n\
            Everything is JSON, and a few things are also what their `Accept` asks for. Lists come in pages: `next` of one is `after` of the next. A refusal is a problem of \
            RFC 9457, whose `code` is for programs. Single things have an `ETag`; a change with `If-Match` is made only \
            to what was read."
    ),
    modifiers(&SignIn)
)]
struct About;

struct SignIn;

impl Modify for SignIn {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
    }
}

/// The whole API, with the document at its own place.
pub fn router(api: Api) -> Router {
    let (signed_in, _) = signed_in().split_for_parts();
    let (open, _) = open().split_for_parts();
    let text = document().to_json().unwrap_or_default();
    let document = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text) });
    signed_in
        .route_layer(middleware::from_fn_with_state(api.clone(), once::once))
        .route_layer(middleware::from_fn_with_state(api.clone(), signin::sign_in))
        .merge(open)
        .method_not_allowed_fallback(no_such_method)
        .with_state(api)
        .route("/api/v1/openapi.json", document)
        .route("/api/{*rest}", any(nowhere))
        .layer(middleware::from_fn(harden))
}

/// The OpenAPI document, made from the handlers.
pub fn document() -> Document {
    let mut document =
        OpenApiRouter::<Api>::with_openapi(About::openapi()).merge(signed_in()).merge(open()).into_openapi();
    once::describe(&mut document);
    extract::describe_tags(&mut document);
    document
}

fn signed_in() -> OpenApiRouter<Api> {
    let nouns = OpenApiRouter::new()
        .merge(whoami::routes())
        .merge(people::routes())
        .merge(contexts::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(organizations::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(projects::routes())
        .merge(credentials::routes())
        .merge(providers::routes())
        .merge(explain::routes())
        .merge(jobs::routes())
        .merge(submissions::routes())
        .merge(usage::routes())
        .merge(quotas::routes())
        .merge(audit::routes())
        .merge(webhooks::routes());
    OpenApiRouter::new().nest("/api/v1", nouns)
}

fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().nest("/api/v1", people::open().merge(invitations::open()))
}

async fn no_such_method() -> Problem {
    let text = "this endpoint has no such method: see /api/v1/openapi.json";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "bad-request", text)
}

async fn nowhere() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such endpoint: see /api/v1/openapi.json")
}

async fn harden(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    answer
}
