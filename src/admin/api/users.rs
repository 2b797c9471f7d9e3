//! `/users`: everybody who holds tokens.
//! Owns nothing.
//! Never lists users to anybody but administrators.

use super::{
    Api, Problem,
    extract::{Asked, At, IfMatch, Made, Sent, Signed, Tagged},
};
use crate::manage::{
    Listed, Page,
    users::{ChangeUser, CreateUser, SetActive, User, UserConsequences, UserDetails, UsersWanted},
};
use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(consequences))
        .routes(routes!(set_active))
}

/// List users
///
/// In the order of their names. For administrators.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "list_users", params(UsersWanted, Page), responses(
    (status = 200, body = Listed<User>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(api): State<Api>,
    Signed(who): Signed,
    Asked(wanted): Asked<UsersWanted>,
    Asked(page): Asked<Page>,
) -> Result<Json<Listed<User>>, Problem> {
    Ok(Json(api.management.users(&who, &wanted, &page).await?))
}

/// Make a user
///
/// For administrators. A token for them is made at `/tokens`.
#[utoipa::path(post, path = "/users", tag = "users", operation_id = "create_user", request_body = CreateUser, responses(
    (status = 201, body = User),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(wanted): Sent<CreateUser>,
) -> Result<Made<User>, Problem> {
    Ok(Made(api.management.create_user(&who, wanted).await?))
}

/// Show a user, with what is theirs
///
/// For oneself and administrators.
#[utoipa::path(get, path = "/users/{user}", tag = "users", operation_id = "show_user",
    params(("user" = String, Path, description = "A name or an id.")), responses(
    (status = 200, body = UserDetails, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
) -> Result<Tagged<UserDetails>, Problem> {
    let details = api.management.user(&who, &user).await?;
    Ok(Tagged(details.user.tag(), details))
}

/// Rename a user, disable them, or make them an administrator
///
/// For administrators. The last one who is not disabled stays one.
#[utoipa::path(patch, path = "/users/{user}", tag = "users", operation_id = "change_user",
    params(("user" = String, Path, description = "A name or an id."), IfMatch), request_body = ChangeUser, responses(
    (status = 200, body = User, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
    IfMatch(read): IfMatch,
    Sent(change): Sent<ChangeUser>,
) -> Result<Tagged<User>, Problem> {
    let user = api.management.change_user(&who, &user, change, read.as_ref()).await?;
    Ok(Tagged(user.tag(), user))
}

/// Delete a user, with what `consequences` says
///
/// For administrators. Neither the last administrator nor the last owner of an organization is deleted.
#[utoipa::path(delete, path = "/users/{user}", tag = "users", operation_id = "delete_user",
    params(("user" = String, Path, description = "A name or an id."), IfMatch), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn delete(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.delete_user(&who, &user, read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what would go with a user
///
/// For oneself and administrators.
#[utoipa::path(get, path = "/users/{user}/consequences", tag = "users", operation_id = "show_consequences_of_user",
    params(("user" = String, Path, description = "A name or an id.")), responses(
    (status = 200, body = UserConsequences),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn consequences(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
) -> Result<Json<UserConsequences>, Problem> {
    Ok(Json(api.management.consequences_of_user(&who, &user).await?))
}

/// Choose the context that pays when neither a request nor its token says
///
/// For oneself and administrators.
#[utoipa::path(put, path = "/users/{user}/active", tag = "users", operation_id = "set_active_context",
    params(("user" = String, Path, description = "A name or an id."), IfMatch), request_body = SetActive, responses(
    (status = 200, body = User, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn set_active(
    State(api): State<Api>,
    Signed(who): Signed,
    At(user): At<String>,
    IfMatch(read): IfMatch,
    Sent(wanted): Sent<SetActive>,
) -> Result<Tagged<User>, Problem> {
    let user = api.management.set_active(&who, &user, wanted, read.as_ref()).await?;
    Ok(Tagged(user.tag(), user))
}
