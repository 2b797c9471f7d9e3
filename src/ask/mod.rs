//! What Bellhop asks a provider by itself: how a job stands ([`job`]), and whether a credential is good ([`probe`]).
//! Owns nothing; a question goes the way that every request goes, with the credential attached last.
//! Never follows a redirect, and never tells a secret that the provider sends back.

pub mod job;
pub mod probe;

use crate::{
    clock::Timestamp,
    exchange::{Access, Bargain, Exchanges, NoAccess},
    id::CredentialId,
    provider::{
        Fields, Provider,
        preset::sigv4::{REGION, SigV4},
    },
    scheme::{Head, Injection, echo::Echo, sigv4::Verified},
    upstream::{Alarm, Deadline, Driver, Endpoint, Outbound, SendError, TlsTrust, Upstreams},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Limited};
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// Whom, and with what.
#[derive(Clone, Copy)]
pub struct Asker<'q> {
    pub provider: &'q Arc<Provider>,
    /// The credential and its version.
    pub of: (CredentialId, u32),
    pub fields: &'q Fields,
    pub trust: &'q TlsTrust,
    pub exchanges: &'q Arc<Exchanges>,
    /// Where requests are signed, they are signed for a time.
    pub now: Timestamp,
}

pub struct Answered {
    /// What was asked for, as if a caller had.
    pub method: Method,
    pub target: String,
    pub status: StatusCode,
    /// Masked.
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("the preset has no way to ask this")]
    NoWay,
    #[error("the stored credential cannot be used")]
    Credential,
    #[error(transparent)]
    NoAccess(#[from] NoAccess),
    #[error("the provider's address is not usable")]
    Address,
    #[error(transparent)]
    NotSent(#[from] SendError),
    #[error("the answer broke off or is too large")]
    Broken,
}

/// What is asked.
struct Question {
    method: Method,
    /// Path and query, as if a caller asked for them.
    target: String,
    /// JSON, or nothing.
    body: Bytes,
}

/// Longer is no status.
const READABLE: usize = 1024 * 1024;

/// Sends one question, on the runtime of these connections, and waits so long for all of the answer.
async fn send(
    upstreams: &Rc<Upstreams>,
    asker: Asker<'_>,
    Question { method, target, body }: Question,
    patience: Duration,
) -> Result<Answered, Unanswered> {
    let Asker { provider, fields, trust, .. } = asker;
    let path = target.split_once('?').map_or(&*target, |(path, _)| path);
    let service = provider.service(path.as_bytes());
    let signed = provider.preset().signs().map(|signing| signed(signing, asker, (&target, &body)));
    let signed = signed.map(|signed| signed.ok_or(Unanswered::NoWay)).transpose()?;
    let region = |name: &str| signed.as_ref().filter(|_| name == REGION).map(|signed| &*signed.region);
    let origin = provider.origin(service, |name| region(name).or_else(|| fields.plain(name)));
    let origin = origin.map_err(|_| Unanswered::Address)?;
    let endpoint = Endpoint::speaking(provider.wire(service), origin, trust, provider.allows_private());
    let endpoint = endpoint.map_err(|_| Unanswered::Address)?;
    let path = PathAndQuery::try_from(provider.upstream_target(service, &target)).map_err(|_| Unanswered::NoWay)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bellhop"));
    if !matches!(method, Method::GET | Method::HEAD) {
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let head = Head { method: method.clone(), target: path, headers, signed };
    let access = access(upstreams, asker).await?;
    let exchanged = access.as_deref().map(Access::expose);
    let injection = Injection::new(provider.preset(), fields, exchanged).map_err(|_| Unanswered::Credential)?;
    let outgoing =
        injection.authorize(head, Outbound::full(body), (&endpoint, service)).map_err(|_| Unanswered::Credential)?;
    let until = Instant::now() + patience;
    let (answer, lease) = upstreams.send(outgoing, Deadline::new(Alarm::new(until), Driver::Exchange)).await?;
    let (parts, body) = answer.into_parts();
    let left = until.saturating_duration_since(Instant::now());
    let collected = tokio::time::timeout(left, Limited::new(body, READABLE).collect()).await;
    let mut body = collected.map_err(|_| Unanswered::Broken)?.map_err(|_| Unanswered::Broken)?.to_bytes();
    // Kept, it would wait for a second question to an endpoint that was made for this one.
    drop(lease);
    if let Some(echo) = Echo::new(fields.secrets().map(|(_, secret)| secret).chain(exchanged)) {
        echo.mask(&mut body);
    }
    Ok(Answered { method, target, status: parts.status, body })
}

/// For which service and region the question is to be signed, where it is.
fn signed(signing: &SigV4, asker: Asker<'_>, asked: (&str, &[u8])) -> Option<Verified> {
    let allowed = signing.region.as_deref().and_then(|field| asker.fields.plain(field));
    Verified::unasked(signing, asked, allowed, asker.now)
}

/// What the credential is exchanged for, where the provider wants a login first.
async fn access(upstreams: &Rc<Upstreams>, asker: Asker<'_>) -> Result<Option<Arc<Access>>, Unanswered> {
    let Asker { provider, of: (credential, version), fields, trust, exchanges, .. } = asker;
    let Some(exchange) = &provider.preset().exchange else { return Ok(None) };
    let origin = provider.origin(exchange.service, |name| fields.plain(name)).map_err(|_| Unanswered::Address)?;
    let endpoint = Endpoint::new(origin, trust, provider.allows_private()).map_err(|_| Unanswered::Address)?;
    let bargain = Bargain { provider, credential, version, fields, endpoint: &endpoint };
    Ok(Some(exchanges.access(upstreams, bargain).await?))
}
