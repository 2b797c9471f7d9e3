//! A question about one job, asked by Bellhop itself: how it stands, or that it be cancelled.
//! Owns nothing; it goes the way that every request goes, by the preset's own operation and with the credential attached.
//! Never made up: a preset without such an operation is not asked.

use crate::{
    job::{JOB, Thing},
    provider::{
        Fields, Operation, Provider,
        preset::operation::{Kind, Place},
    },
    scheme::{Head, Injection},
    upstream::{Alarm, Deadline, Driver, Endpoint, Outbound, SendError, TlsTrust, Upstreams},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Limited};
use std::{
    rc::Rc,
    time::{Duration, Instant},
};

/// What is asked of whom, and with what.
pub struct Question<'q> {
    pub provider: &'q Provider,
    pub fields: &'q Fields,
    pub trust: &'q TlsTrust,
    pub kind: Kind,
    pub job: &'q Thing,
}

pub struct Answered {
    /// What was asked for, as if a caller had.
    pub method: Method,
    pub target: String,
    pub status: StatusCode,
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("the preset has no way to ask this about one job")]
    NoWay,
    #[error("the stored credential cannot be used")]
    Credential,
    #[error("the provider's address is not usable")]
    Address,
    #[error(transparent)]
    NotSent(#[from] SendError),
    #[error("the answer broke off or is too large")]
    Broken,
}

/// Longer is no status.
const READABLE: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks, on the runtime of these connections.
pub async fn ask(upstreams: &Rc<Upstreams>, question: Question<'_>) -> Result<Answered, Unanswered> {
    let Question { provider, fields, trust, kind, job } = question;
    let (method, target) = request(provider, kind, job).ok_or(Unanswered::NoWay)?;
    let service = provider.service(target.as_bytes());
    let origin = provider.origin(service, |name| fields.plain(name)).map_err(|_| Unanswered::Address)?;
    let endpoint = Endpoint::speaking(provider.wire(service), origin, trust, provider.allows_private());
    let endpoint = endpoint.map_err(|_| Unanswered::Address)?;
    let path = PathAndQuery::try_from(target.as_str()).map_err(|_| Unanswered::NoWay)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bellhop"));
    if method != Method::GET {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let head = Head { method: method.clone(), target: path, headers };
    let injection = Injection::new(provider.preset(), fields).map_err(|_| Unanswered::Credential)?;
    let outgoing = injection.authorize(head, Outbound::Empty, &endpoint).map_err(|_| Unanswered::Credential)?;
    let deadline = Deadline::new(Alarm::new(Instant::now() + PATIENCE), Driver::Exchange);
    let (answer, lease) = upstreams.send(outgoing, deadline).await?;
    let (parts, body) = answer.into_parts();
    let collected = tokio::time::timeout(PATIENCE, Limited::new(body, READABLE).collect()).await;
    let body = collected.map_err(|_| Unanswered::Broken)?.map_err(|_| Unanswered::Broken)?.to_bytes();
    lease.give_back();
    Ok(Answered { method, target, status: parts.status, body })
}

/// The operation of this kind that is about exactly one job, which stands in its path, and nothing else.
fn request(provider: &Provider, kind: Kind, job: &Thing) -> Option<(Method, String)> {
    let operations = provider.preset().operations.iter().filter(|operation| operation.kind == kind);
    let mut found = operations.filter_map(|operation| Some((operation, of_one_job(operation, job)?)));
    let telling = |(operation, _): &(&Operation, _)| !operation.reads.status.is_empty();
    let first = found.next()?;
    if telling(&first) { Some(first.1) } else { found.find(telling).or(Some(first)).map(|(_, request)| request) }
}

fn of_one_job(operation: &Operation, job: &Thing) -> Option<(Method, String)> {
    let [only] = &*operation.uses else { return None };
    let Place::Path(name) = &only.id else { return None };
    if *only.kind != *JOB {
        return None;
    }
    operation.patterns.iter().find_map(|pattern| {
        let (method, target) = pattern.fill(|capture| (*capture == **name).then_some(&*job.id))?;
        Some((Method::from_bytes(method.as_bytes()).ok()?, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    #[test]
    fn the_shipped_presets_say_how_to_ask_about_a_job() {
        let catalog = Catalog::shipped().unwrap();
        let job = Thing { kind: JOB.into(), id: "a/b 1".into() };
        let asked = |id: &str, kind| request(catalog.find(id).unwrap(), kind, &job).map(|(m, t)| format!("{m} {t}"));
        assert_eq!(asked("ionq", Kind::Poll).as_deref(), Some("GET /v0.4/jobs/a%2Fb%201"));
        assert_eq!(asked("ionq", Kind::Cancel).as_deref(), Some("PUT /v0.4/jobs/a%2Fb%201/status/cancel"));
        assert_eq!(asked("dwave", Kind::Poll).as_deref(), Some("GET /sapi/v2/problems/a%2Fb%201"));
        assert_eq!(asked("dwave", Kind::Cancel).as_deref(), Some("DELETE /sapi/v2/problems/a%2Fb%201"));
    }
}
