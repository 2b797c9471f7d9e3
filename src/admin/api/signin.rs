//! Who is at the management API: a personal access token of scope `manage`.
//! Owns the count of failed look-ups, by network.
//! Never says why a token is not valid.

use super::{Api, Problem};
use crate::{
    config::Rate,
    identity::{TokenHolder, pat::PatDigest},
    limits::FailedLookups,
    manage::{Fault, Who},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{net::IpAddr, time::Duration};

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What stands before the API.
pub struct Guard(FailedLookups);

impl Guard {
    pub fn new(failed_lookups: Rate) -> Self {
        Self(FailedLookups::new(failed_lookups))
    }
}

/// The command line is in this process, and says itself who it is; everybody else shows a token.
pub async fn sign_in(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Who>().is_none() {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
        let presented = bearer(request.headers());
        match find(&api, presented, peer).await {
            Ok(who) => drop(request.extensions_mut().insert(who)),
            Err(refusal) => return *refusal,
        }
    }
    next.run(request).await
}

async fn find(api: &Api, presented: Option<PatDigest>, peer: Option<IpAddr>) -> Result<Who, Box<Response>> {
    let refuse = |problem: Problem| Box::new(problem.into_response());
    let Some(digest) = presented else { return Err(refuse(Problem::unknown_token())) };
    let known = api.management.store.holder(&digest).await.map_err(|error| refuse(Fault::from(error).into()))?.value;
    let now = api.management.now();
    match known.filter(|holder| now < holder.expires) {
        Some(holder) => {
            allow(&holder, peer).map_err(refuse)?;
            Ok(Who::holder(&holder))
        }
        None => Err(match peer.map(|peer| api.guard.0.count(peer)) {
            Some(Err(wait)) => Box::new(throttled(wait)),
            _ => refuse(Problem::unknown_token()),
        }),
    }
}

fn allow(holder: &TokenHolder, peer: Option<IpAddr>) -> Result<(), Problem> {
    let not_allowed = |text: &str| Err(Problem::new(StatusCode::FORBIDDEN, "not-allowed", text));
    let networks = holder.boundary.as_deref().map(|boundary| &*boundary.networks).unwrap_or_default();
    if !networks.is_empty() && !peer.is_some_and(|peer| networks.iter().any(|network| network.contains(&peer))) {
        return not_allowed("this token may not be used from your network");
    }
    if !holder.scopes.manage {
        return not_allowed("this token has not the scope `manage`: make one that has it");
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<PatDigest> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    PatDigest::of_token(token)
}

fn throttled(wait: Duration) -> Response {
    let text = "too many unknown tokens came from your network: try again later";
    let mut answer = Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", text).into_response();
    let seconds = HeaderValue::from(wait.as_secs().clamp(1, 60));
    answer.headers_mut().insert(header::RETRY_AFTER, seconds);
    answer
}
