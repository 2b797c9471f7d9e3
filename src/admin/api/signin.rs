//! Who is at the management API: a personal access token of scope `manage`, or a session of the page.
//! Owns the count of what opened nothing, by network.
//! Never says why a token is not valid.

use super::{Api, Problem};
use crate::{
    admin::session,
    config::Rate,
    identity::{Boundary, TokenHolder, pat::PatDigest},
    limits::FailedLookups,
    manage::{Fault, Who},
};
use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
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

    /// Tries a password, a link, or the identity provider's word. A network over its limit is not heard, as each try costs a
    /// hash or a question to the provider; only what opens nothing counts.
    pub async fn hear<T>(
        &self,
        peer: Option<Extension<Peer>>,
        attempt: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let peer = peer.map(|Extension(peer)| peer);
        peer.map_or(Ok(()), |Peer(address)| self.failed.check(address)).map_err(too_often)?;
        let outcome = attempt.await;
        // Whoever tries one name after the other with an invitation learns who is here.
        let is_guess =
            matches!(outcome, Err(Fault::WrongPassword | Fault::Missing(_) | Fault::Forbidden(_) | Fault::Conflict(_)));
        if is_guess {
            self.count(peer)?;
        }
        outcome
    }

    /// Somebody of this network has shown what opens nothing: what they are told, where that was once too often.
    fn count(&self, peer: Option<Peer>) -> Result<(), Fault> {
        peer.map_or(Ok(()), |Peer(address)| self.failed.count(address)).map_err(too_often)
    }
}

const fn too_often(wait: Duration) -> Fault {
    Fault::TooOften { what: "failed attempts from your network", wait }
}

/// The command line is in this process, and says itself who it is; everybody else shows a token or a session's cookie.
pub async fn sign_in(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Who>().is_none() {
        let peer = request.extensions().get::<Peer>().copied();
        let headers = request.headers();
        let found = match (bearer(headers), session::read(headers, api.guard.is_secure())) {
            (Some(digest), _) => holder(&api, digest, peer).await,
            (None, Some(_)) if !session::is_of_page(request.method(), headers) => Err(foreign()),
            (None, Some(key)) => person(&api, key.to_owned()).await,
            (None, None) => Err(Problem::unknown_token()),
        };
        match found {
            Ok(who) => drop(request.extensions_mut().insert(who)),
            Err(problem) => return problem.into_response(),
        }
    }
    next.run(request).await
}

async fn holder(api: &Api, digest: PatDigest, peer: Option<Peer>) -> Result<Who, Problem> {
    let known = api.management.store.holder(&digest).await.map_err(Fault::from)?.value;
    let now = api.management.now();
    let Some(holder) = known.filter(|holder| now < holder.expires) else {
        api.guard.count(peer)?;
        return Err(Problem::unknown_token());
    };
    allow(&holder, peer)?;
    Ok(Who::holder(&holder))
}

async fn person(api: &Api, key: String) -> Result<Who, Problem> {
    api.management.session(&key).await?.ok_or_else(Problem::unknown_token)
}

fn foreign() -> Problem {
    let text = "with a session, changes are taken from Bellhop's own page alone: programs use a token";
    Problem::new(StatusCode::FORBIDDEN, "not-allowed", text)
}

fn allow(holder: &TokenHolder, peer: Option<Peer>) -> Result<(), Problem> {
    let not_allowed = |text: &str| Err(Problem::new(StatusCode::FORBIDDEN, "not-allowed", text));
    let boundary = holder.boundary.as_deref();
    let is_inside = |boundary: &Boundary| peer.is_some_and(|Peer(address)| boundary.allows_address(address));
    if !boundary.is_none_or(is_inside) {
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
