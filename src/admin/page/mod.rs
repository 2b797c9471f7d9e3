//! The page: what people see of Bellhop in a browser. Rendered here, complete without a script.
//! Owns its looks; what may be seen and done is `manage`'s, as for the API.
//! Never loads anything from elsewhere, and never changes anything by following a link.

mod account;
mod address;
mod assets;
mod audit;
mod chart;
mod confirm;
mod connect;
mod credentials;
mod entry;
mod explain;
mod figures;
mod form;
mod frame;
mod health;
mod home;
mod jobs;
mod join;
mod link;
mod organizations;
mod providers;
mod reference;
mod sso;
mod tokens;
mod usage;
mod users;
mod webhooks;
mod whose;
mod words;

use super::{Admin, api::Api};
use axum::{
    Extension, Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

/// Nothing but what comes from here, and no script but the one file.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub fn router(api: Api, admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/api/v1/docs", get(reference::show))
        .route("/sign-in", get(entry::ask).post(entry::sign_in))
        .route("/sign-in/oidc", get(sso::set_out))
        .route(crate::oidc::RETURN, get(sso::come_back))
        .route("/sign-out", get(entry::ask_out).post(entry::sign_out))
        .route("/setup/{link}", get(entry::setup).post(entry::set_up))
        .route("/choose/{link}", get(entry::choose).post(entry::chosen))
        .route("/tokens", get(tokens::list).post(tokens::make))
        .route("/tokens/{id}/revoke", get(tokens::ask).post(tokens::revoke))
        .route("/connect", get(connect::show))
        .route("/explain", get(explain::show))
        .route("/providers", get(providers::list))
        .route("/health", get(health::show))
        .merge(credentials())
        .merge(organizations::routes())
        .merge(join::routes())
        .merge(users::routes())
        .merge(webhooks::routes())
        .merge(account::routes())
        .route("/jobs", get(jobs::list))
        .route("/jobs/{provider}/{id}", get(jobs::show))
        .route("/jobs/{provider}/{id}/cancel", get(jobs::ask_cancel).post(jobs::cancel))
        .route("/jobs/{provider}/{id}/adopt", get(jobs::ask_adopt).post(jobs::adopt))
        .route("/submissions/{id}", get(jobs::show_lost).post(jobs::adopt_lost))
        .route("/submissions/{id}/refuse", get(jobs::ask_lost).post(jobs::refuse_lost))
        .route("/usage", get(usage::show))
        .route("/usage.csv", get(usage::csv))
        .route("/audit", get(audit::list))
        .route("/audit.ndjson", get(audit::lines))
        .route("/audit/verify", get(audit::ask_verify).post(audit::verify))
        .layer(Extension(admin))
        .with_state(api)
        .layer(middleware::from_fn(harden))
        .merge(assets::router())
}

fn credentials() -> Router<Api> {
    use credentials as page;
    Router::new()
        .route("/credentials", get(page::list))
        .route("/credentials/new", get(page::choose).post(page::enter))
        .route("/credentials/{id}", get(page::show))
        .route("/credentials/{id}/rotate", get(page::ask_to_rotate).post(page::rotate))
        .route("/credentials/{id}/edit", get(page::ask_to_edit).post(page::edit))
        .route("/credentials/{id}/probe", get(page::to_show).post(page::probe))
        .route("/credentials/{id}/enable", get(page::to_show).post(page::enable))
        .route("/credentials/{id}/disable", get(page::ask_to_disable).post(page::disable))
        .route("/credentials/{id}/delete", get(page::ask_to_delete).post(page::delete))
}

async fn harden(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

/// A template as a whole page.
fn page(template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(event = "page.failed", %error, "a page cannot be rendered");
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A form once more, with what was typed and with why it could not be done.
fn to_mend(form: Response) -> Response {
    (http::StatusCode::UNPROCESSABLE_ENTITY, form).into_response()
}
