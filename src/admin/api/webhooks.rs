//! `/organizations/…/webhooks` and `/webhooks`: where somebody is told of what happens.
//! Owns nothing.
//! Never tells a secret but once, when it is made.

use super::{
    Api, Problem,
    extract::{At, IfMatch, Made, Sent, Signed, Tagged},
};
use crate::{
    id::WebhookId,
    manage::{
        Listed,
        webhooks::{ChangeWebhook, CreateWebhook, Delivery, Of, SecretOfWebhook, Webhook, WebhookDetails},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_of_organization, create_in_organization))
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(rotate))
        .routes(routes!(test))
}

/// List an organization's webhooks
///
/// For its owners and administrators.
#[utoipa::path(get, path = "/organizations/{organization}/webhooks", tag = "webhooks",
    operation_id = "list_webhooks_of_organization",
    params(("organization" = String, Path, description = "A name or an id.")), responses(
    (status = 200, body = Listed<Webhook>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list_of_organization(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
) -> Result<Json<Listed<Webhook>>, Problem> {
    Ok(Json(api.management.webhooks(&who, Of::Organization(&organization)).await?))
}

/// Have an organization told of what happens
///
/// Of its credentials, its quotas, and the tokens of its members. For its owners and administrators. Messages are signed
/// as Standard Webhooks has it, with the secret that the answer shows once.
#[utoipa::path(post, path = "/organizations/{organization}/webhooks", tag = "webhooks",
    operation_id = "create_webhook_of_organization",
    params(("organization" = String, Path, description = "A name or an id.")), request_body = CreateWebhook, responses(
    (status = 201, body = SecretOfWebhook),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create_in_organization(
    State(api): State<Api>,
    Signed(who): Signed,
    At(organization): At<String>,
    Sent(wanted): Sent<CreateWebhook>,
) -> Result<Made<SecretOfWebhook>, Problem> {
    Ok(Made(api.management.create_webhook(&who, Of::Organization(&organization), wanted).await?))
}

/// List the installation's webhooks
///
/// For administrators.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", operation_id = "list_webhooks", responses(
    (status = 200, body = Listed<Webhook>),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(api): State<Api>, Signed(who): Signed) -> Result<Json<Listed<Webhook>>, Problem> {
    Ok(Json(api.management.webhooks(&who, Of::Installation).await?))
}

/// Have administrators told of what happens to what belongs to no organization
///
/// People's own credentials, their quotas, and the tokens of those who are in no organization. For administrators.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", operation_id = "create_webhook", request_body = CreateWebhook,
    responses(
    (status = 201, body = SecretOfWebhook),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(api): State<Api>,
    Signed(who): Signed,
    Sent(wanted): Sent<CreateWebhook>,
) -> Result<Made<SecretOfWebhook>, Problem> {
    Ok(Made(api.management.create_webhook(&who, Of::Installation, wanted).await?))
}

/// Show a webhook, and what it was told last
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", operation_id = "show_webhook",
    params(("id" = WebhookId, Path)), responses(
    (status = 200, body = WebhookDetails, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<WebhookId>,
) -> Result<Tagged<WebhookDetails>, Problem> {
    let details = api.management.webhook(&who, id).await?;
    Ok(Tagged(details.webhook.tag(), details))
}

/// Change where a webhook is, of what it is told, or whether
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "webhooks", operation_id = "change_webhook",
    params(("id" = WebhookId, Path), IfMatch), request_body = ChangeWebhook, responses(
    (status = 200, body = Webhook, headers(("ETag" = String))),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn change(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<WebhookId>,
    IfMatch(read): IfMatch,
    Sent(change): Sent<ChangeWebhook>,
) -> Result<Tagged<Webhook>, Problem> {
    let webhook = api.management.change_webhook(&who, id, change, read.as_ref()).await?;
    Ok(Tagged(webhook.tag(), webhook))
}

/// Delete a webhook, with what waits for it
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", operation_id = "delete_webhook",
    params(("id" = WebhookId, Path), IfMatch), responses(
    (status = 204),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn delete(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<WebhookId>,
    IfMatch(read): IfMatch,
) -> Result<StatusCode, Problem> {
    api.management.delete_webhook(&who, id, read.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a new secret for a webhook
///
/// For a day its messages are signed with the one before it as well.
#[utoipa::path(post, path = "/webhooks/{id}/secret", tag = "webhooks", operation_id = "rotate_secret_of_webhook",
    params(("id" = WebhookId, Path)), responses(
    (status = 201, body = SecretOfWebhook),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn rotate(
    State(api): State<Api>,
    Signed(who): Signed,
    At(id): At<WebhookId>,
) -> Result<Made<SecretOfWebhook>, Problem> {
    Ok(Made(api.management.rotate_webhook(&who, id).await?))
}

/// Send a webhook an event `webhook.test` now, and tell what came of it
///
/// Once: it is not tried again.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks", operation_id = "test_webhook",
    params(("id" = WebhookId, Path)), responses(
    (status = 200, body = Delivery),
    (status = "default", body = Problem, content_type = "application/problem+json"),
))]
async fn test(State(api): State<Api>, Signed(who): Signed, At(id): At<WebhookId>) -> Result<Json<Delivery>, Problem> {
    Ok(Json(api.management.test_webhook(&who, id).await?))
}
