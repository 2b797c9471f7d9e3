//! `/login`, `/links`, `/sessions`, `/password`, `/users/…/identity`: how people get in.
//! Owns nothing.
//! Never asks who has not signed in for anything but a password or a link.

use super::{
    Api, Peer, Problem,
    extract::{At, Made, Sent, Signed},
};
use crate::{
    id::SessionId,
    identity::Scope,
    manage::{
        Listed, Who,
        identities::{Identity, SetIdentity},
        signin::{ChangePassword, Link, Redeem, Session},
        tokens::{CreateToken, MadeToken, Shown},
    },
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What nobody has to have signed in for.
pub fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(redeem))
}

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(sessions, end_sessions))
        .routes(routes!(end_session))
        .routes(routes!(change_password))
        .routes(routes!(make_link))
        .routes(routes!(set_identity, remove_identity))
}

/// A name and a password, and what the token that they open is called.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub user: String,
    #[schema(value_type = String)]
    pub password: Shown,
    /// Of the machine that it is for. A token of the same name is replaced.
    #[schema(min_length = 1, max_length = 80)]
    pub token: String,
}

/// Get a token of scope `manage` with a password
///
/// For command lines and programs. It lasts for `tokens.default_expiry`; one of the same name is revoked.
#[utoipa::path(post, path = "/login", tag = "signing in", operation_id = "log_in", security(()), request_body = Login, responses(
    (status = 201, body = MadeToken),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn login(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    Sent(login): Sent<Login>,
) -> Result<Made<MadeToken>, Problem> {
    let user = api.guard.hear(peer, api.management.sign_in(&login.user, &login.password.0)).await?;
    let wanted = CreateToken { name: login.token, scopes: Some(vec![Scope::Manage]), ..CreateToken::default() };
    Ok(Made(api.management.replace_token(&Who::password(user), wanted).await?))
}

/// Choose a password with a link
///
/// A link works once. The one of a new installation also takes the first administrator's name.
#[utoipa::path(post, path = "/links/redeem", tag = "signing in", operation_id = "redeem_link", security(()), request_body = Redeem, responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn redeem(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    Sent(chosen): Sent<Redeem>,
) -> Result<StatusCode, Problem> {
    api.guard.hear(peer, api.management.redeem(chosen)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where you are signed in
#[utoipa::path(get, path = "/sessions", tag = "signing in", operation_id = "list_sessions", responses(
    (status = 200, body = Listed<Session>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn sessions(State(api): State<Api>, Signed(who): Signed) -> Result<Json<Listed<Session>>, Problem> {
    let items = api.management.sessions(&who).await?;
    Ok(Json(Listed { items, next: None }))
}

/// Sign out everywhere else
///
/// With a token, everywhere.
#[utoipa::path(delete, path = "/sessions", tag = "signing in", responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn end_sessions(State(api): State<Api>, Signed(who): Signed) -> Result<StatusCode, Problem> {
    api.management.end_other_sessions(&who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out somewhere
#[utoipa::path(delete, path = "/sessions/{id}", tag = "signing in", operation_id = "end_session", params(("id" = SessionId, Path)), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn end_session(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<SessionId>,
) -> Result<StatusCode, Problem> {
    api.management.end_session(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change your password
///
/// Ends your sessions elsewhere.
#[utoipa::path(put, path = "/password", tag = "signing in", operation_id = "change_password", request_body = ChangePassword, responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change_password(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(change): Sent<ChangePassword>,
) -> Result<StatusCode, Problem> {
    api.management.change_password(&who, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a link by which somebody chooses a password
///
/// For who has none yet, for a week; for who has forgotten theirs, for a day. Hand it over yourself: whoever opens it
/// first is them. An older one ends.
#[utoipa::path(post, path = "/users/{user}/link", tag = "signing in", operation_id = "create_link",
    params(("user" = String, Path, description = "Name or id")), responses(
    (status = 201, body = Link),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn make_link(State(api): State<Api>, Signed(who): Signed, At(user): At<String>) -> Result<Made<Link>, Problem> {
    Ok(Made(api.management.make_link(&who, &user).await?))
}

/// Tie a user to somebody of the identity provider
///
/// For administrators. In the place of whom it was tied to. From now on the user has to sign in with the provider at
/// least every `oidc.sign_in_every`, or their tokens and sessions rest until they do.
#[utoipa::path(put, path = "/users/{user}/identity", tag = "signing in",
    params(("user" = String, Path, description = "Name or id")), request_body = SetIdentity, responses(
    (status = 200, body = Identity),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn set_identity(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
    Sent(wanted): Sent<SetIdentity>,
) -> Result<Json<Identity>, Problem> {
    Ok(Json(api.management.set_identity(&who, &user, wanted).await?))
}

/// Untie a user from the identity provider
///
/// For administrators. What its groups gave goes; the user's tokens do not rest any more.
#[utoipa::path(delete, path = "/users/{user}/identity", tag = "signing in",
    params(("user" = String, Path, description = "Name or id")), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn remove_identity(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
) -> Result<StatusCode, Problem> {
    api.management.remove_identity(&who, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
