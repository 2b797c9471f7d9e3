//! Who is at the management API: a personal access token of scope `manage`, or a session of the page.
//! Owns the count of failed look-ups, by network.
//! Never says why a token is not valid.

use super::{Api, Problem};
use crate::{
    admin::session,
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
pub struct Guard {
    failed: FailedLookups,
    /// Whether browsers come over TLS.
    secure: bool,
}

impl Guard {
    pub fn new(failed_lookups: Rate, secure: bool) -> Self {
        Self { failed: FailedLookups::new(failed_lookups), secure }
    }

    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Somebody of this network has shown what opens nothing. What they are told, where that was once too often.
    pub fn count(&self, peer: Option<Peer>) -> Result<(), Box<Response>> {
        let counted = peer.map_or(Ok(()), |Peer(address)| self.failed.count(address));
        counted.map_err(|wait| Box::new(throttled(wait)))
    }
}

/// The command line is in this process, and says itself who it is; everybody else shows a token or a session's cookie.
pub async fn sign_in(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Who>().is_none() {
        let peer = request.extensions().get::<Peer>().copied();
        let headers = request.headers();
        let found = match (bearer(headers), session::read(headers, api.guard.is_secure())) {
            (Some(digest), _) => holder(&api, digest, peer).await,
            (None, Some(_)) if !session::is_of_page(request.method(), headers) => Err(Box::new(foreign())),
            (None, Some(key)) => person(&api, key.to_owned()).await,
            (None, None) => Err(Box::new(Problem::unknown_token().into_response())),
        };
        match found {
            Ok(who) => drop(request.extensions_mut().insert(who)),
            Err(refusal) => return *refusal,
        }
    }
    next.run(request).await
}

async fn holder(api: &Api, digest: PatDigest, peer: Option<Peer>) -> Result<Who, Box<Response>> {
    let refuse = |problem: Problem| Box::new(problem.into_response());
    let known = api.management.store.holder(&digest).await.map_err(|error| refuse(Fault::from(error).into()))?.value;
    let now = api.management.now();
    let Some(holder) = known.filter(|holder| now < holder.expires) else {
        api.guard.count(peer)?;
        return Err(refuse(Problem::unknown_token()));
    };
    allow(&holder, peer).map_err(refuse)?;
    Ok(Who::holder(&holder))
}

async fn person(api: &Api, key: String) -> Result<Who, Box<Response>> {
    let found = api.management.session(&key).await;
    let found = found.map_err(|fault| Box::new(Problem::from(fault).into_response()))?;
    found.ok_or_else(|| Box::new(Problem::unknown_token().into_response()))
}

fn foreign() -> Response {
    let text = "with a session, changes are taken from Bellhop's own page alone: programs use a token";
    Problem::new(StatusCode::FORBIDDEN, "not-allowed", text).into_response()
}

fn allow(holder: &TokenHolder, peer: Option<Peer>) -> Result<(), Problem> {
    let not_allowed = |text: &str| Err(Problem::new(StatusCode::FORBIDDEN, "not-allowed", text));
    let networks = holder.boundary.as_deref().map(|boundary| &*boundary.networks).unwrap_or_default();
    if !networks.is_empty() && !peer.is_some_and(|Peer(peer)| networks.iter().any(|network| network.contains(&peer))) {
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
