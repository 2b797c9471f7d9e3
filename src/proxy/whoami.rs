//! `GET /` and `GET /whoami`: who the caller is, and what each provider would be paid with.
//! Owns nothing; it asks the directory as a request to each provider would.
//! Never sends anything to a provider, and shows of a credential only what a receipt shows.

use super::{Exchange, admit::Known, refusal::Refusal, relay::Answer};
use crate::{
    directory::{Grant, Purse, Unresolvable},
    identity::TokenHolder,
};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

pub async fn answer(
    exchange: &Exchange<'_>,
    known: &Known,
    purse: Option<&Purse>,
) -> Result<Response<Answer>, Refusal> {
    let holder = &known.caller.holder;
    let mut providers = serde_json::Map::new();
    for provider in exchange.current.settings.catalog.iter() {
        if holder.boundary.as_ref().is_some_and(|b| !b.allows_provider(provider.id())) {
            continue;
        }
        let found = exchange.directory().grant(&known.caller, provider, purse).await;
        let paid = match found {
            Ok(grant) => would_pay(&grant),
            Err(Unresolvable::Unavailable) => return Err(Refusal::store_unavailable()),
            Err(error) => json!({ "credential": null, "because": error.to_string() }),
        };
        providers.insert(provider.id().into(), paid);
    }
    let mut body = who(holder);
    body["providers"] = providers.into();
    let mut response = Response::new(Answer::full(Bytes::from(format!("{body:#}\n"))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn who(holder: &TokenHolder) -> Value {
    let (standing, boundary) = (&holder.standing, holder.boundary.clone().unwrap_or_default());
    let organizations = standing.memberships.iter().map(|m| {
        let projects: Vec<&str> = m.projects.iter().map(|p| p.name.as_str()).collect();
        json!({ "name": m.name, "role": m.role, "projects": projects })
    });
    json!({
        "user": standing.name,
        "active": standing.active,
        "organizations": organizations.collect::<Vec<_>>(),
        "token": {
            "name": holder.token_name,
            "scopes": holder.scopes.to_string(),
            "expires": holder.expires,
            "context": boundary.pin,
            "contexts": boundary.contexts,
            "providers": boundary.providers,
        },
    })
}

fn would_pay(grant: &Grant) -> Value {
    json!({
        "credential": grant.credential,
        "owner": grant.home(),
        "label": grant.label,
        "context": grant.context(),
        "why": grant.why,
    })
}
