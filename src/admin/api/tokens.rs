//! `/tokens`: personal access tokens.
//! Owns nothing.
//! Never tells a token's value but in the answer that made it.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Made, Sent, Signed, Tagged},
};
use crate::{
    id::TokenId,
    manage::{
        Listed, Page,
        tokens::{ChangeToken, CreateToken, MadeToken, RevokeValue, Token},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, revoke))
        .routes(routes!(revoke_value))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// A user's name or id; `*` is everybody, for administrators. Without it, you.
    user: Option<String>,
    /// Only the one of this name.
    name: Option<String>,
}

/// List tokens
#[utoipa::path(get, path = "/tokens", tag = "tokens", operation_id = "list_tokens", params(Whose, Page), responses(
    (status = 200, body = Listed<Token>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(whose): Asked<Whose>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<Token>>, Problem> {
    Ok(Json(api.management.tokens(&who, (whose.user.as_deref(), whose.name.as_deref()), &page).await?))
}

/// Make a token
///
/// Its value is in this answer and nowhere else.
#[utoipa::path(post, path = "/tokens", tag = "tokens",
    operation_id = "create_token", request_body = CreateToken, responses(
    (status = 201, body = MadeToken),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(wanted): Sent<CreateToken>,
) -> Result<Made<MadeToken>, Problem> {
    Ok(Made(api.management.create_token(&who, wanted).await?))
}

/// Show a token, without its value
#[utoipa::path(get, path = "/tokens/{id}", tag = "tokens",
    operation_id = "show_token", params(("id" = TokenId, Path)), responses(
    (status = 200, body = Token, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(State(api): State<Api>, Signed(who): Signed, At(id): At<TokenId>) -> Result<Tagged<Token>, Problem> {
    let token = api.management.token(&who, id).await?;
    Ok(Tagged(token.tag(), token))
}

/// Change what a token may do
#[utoipa::path(patch, path = "/tokens/{id}", tag = "tokens",
    operation_id = "change_token", params(("id" = TokenId, Path), IfMatch),
    request_body = ChangeToken, responses(
    (status = 200, body = Token, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<TokenId>,
    IfMatch(read): IfMatch,
    Sent(change): Sent<ChangeToken>,
) -> Result<Tagged<Token>, Problem> {
    let token = api.management.change_token(&who, id, change, read.as_ref()).await?;
    Ok(Tagged(token.tag(), token))
}

/// Revoke a token, for good
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    operation_id = "revoke_token", params(("id" = TokenId, Path), IfMatch), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<TokenId>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.revoke_token(&who, id, read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke a token by its value
///
/// For one that was found where it should not be: whoever has it may end it.
#[utoipa::path(post, path = "/tokens/revoke", tag = "tokens",
    operation_id = "revoke_token_by_value", request_body = RevokeValue, responses(
    (status = 200, body = Token),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke_value(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(found): Sent<RevokeValue>,
) -> Result<Json<Token>, Problem> {
    Ok(Json(api.management.revoke_value(&who, &found.value.0).await?))
}
