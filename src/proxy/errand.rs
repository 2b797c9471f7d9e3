//! What a request is about: the things on record that it names, and with which credential that is to be asked.
//! Owns the request's body where it had to be read before it may go on.
//! Never sends anything, and reads no body that its operation does not need.

use super::{
    Asked, Exchange,
    admit::Admitted,
    refusal::{self, Refusal},
    relay::readable::{self, READABLE},
};
use crate::{
    directory::Purse,
    job::{Record, Thing, ThingKey, reach::reach},
    jobs::Seen,
    provider::reading::{self, Unreadable},
    upstream::{Outbound, Waiting},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use hyper::body::Incoming;
use serde_json::Value;
use std::sync::Arc;

/// What a request names and carries.
pub struct Errand {
    pub body: Carried,
    /// The request's document, where it was read.
    pub document: Option<Value>,
    pub named: Vec<Named>,
    /// It may name something that could not be read.
    pub unread: Option<&'static str>,
}

/// A thing that a request names.
pub struct Named {
    pub thing: Thing,
    pub seen: Arc<Seen>,
    /// The record of it that this caller may reach.
    pub reached: Option<Record>,
}

/// A request's body.
pub enum Carried {
    Streamed(Incoming),
    Read(Bytes),
}

impl Errand {
    const fn nothing(body: Incoming) -> Self {
        Self { body: Carried::Streamed(body), document: None, named: Vec::new(), unread: None }
    }

    pub fn reaches_all(&self) -> bool {
        self.named.iter().all(|named| named.reached.is_some())
    }
}

impl Exchange<'_> {
    pub(super) async fn errand(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Errand, Refusal> {
        let mut errand = Errand::nothing(body);
        let Some(found) = asked.operation.as_ref().filter(|found| found.operation.is_on_record()) else {
            return Ok(errand);
        };
        if found.operation.reads_body() {
            errand = Box::pin(self.read(asked, headers, errand)).await?;
        }
        match reading::used(found, asked.path(), asked.query(), errand.document.as_ref()) {
            Ok(things) if things.is_empty() => {}
            Ok(things) => errand.named = self.look_up(asked, admitted, things).await?,
            Err(Unreadable::Ambiguous) => {
                errand.unread = Some("an id in it could be read in two ways: send it encoded once");
            }
            Err(_) => errand.unread = errand.unread.or(Some("an id in it is neither a text nor a whole number")),
        }
        Ok(errand)
    }

    /// The whole body, and the document that it is. What cannot be read goes on as it is, for who may name anything.
    async fn read(&self, asked: &Asked<'_>, headers: &HeaderMap, errand: Errand) -> Result<Errand, Refusal> {
        let Carried::Streamed(body) = errand.body else { return Ok(errand) };
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > READABLE) {
            return Ok(Errand { unread: Some("its body is too large to be read"), ..Errand::nothing(body) });
        }
        let alarm = &self.link.alarm;
        let collected = readable::collect(body, READABLE, alarm, self.link.patience.body_idle, Waiting::Caller).await;
        let bytes = collected.map_err(|because| refusal::body_not_read(asked, because))?;
        let encoding = headers.get(header::CONTENT_ENCODING).map(http::HeaderValue::as_bytes);
        let document = reading::document(&bytes, encoding, READABLE);
        let unread = match &document {
            Err(because) if !bytes.is_empty() => Some(*because),
            _ => None,
        };
        Ok(Errand { body: Carried::Read(bytes), document: document.ok(), named: Vec::new(), unread })
    }

    async fn look_up(&self, asked: &Asked<'_>, admitted: &Admitted, things: Vec<Thing>) -> Result<Vec<Named>, Refusal> {
        let keys: Vec<ThingKey> = things.iter().map(|thing| ThingKey::new(asked.provider.id(), thing)).collect();
        let jobs = &self.core.shared.jobs;
        let seen = match jobs.recall(&keys) {
            Some(seen) => seen,
            None => Box::pin(jobs.find(&keys)).await.map_err(|_| Refusal::store_unavailable())?,
        };
        let standing = admitted.standing();
        let named = things.into_iter().zip(seen).map(|(thing, seen)| {
            let reachable = seen.records.iter().filter(|r| standing.is_some_and(|s| reach(s, r).is_some()));
            // One's own before another's, and the newest of several.
            let reached = reachable.max_by_key(|r| (standing.is_some_and(|s| s.user == r.owner), r.submission)).cloned();
            Named { thing, seen, reached }
        });
        Ok(named.collect())
    }

    /// The credential that made what the request is about, if all of it was made with one.
    pub(super) fn purse<'p>(&self, asked: &Asked<'p>, errand: &Errand) -> Result<Purse<'p>, Refusal> {
        let mut credentials = errand.named.iter().filter_map(|named| Some(named.reached.as_ref()?.credential));
        let Some(credential) = credentials.next() else { return Ok(Purse::Chosen(asked.route.context.as_ref())) };
        if credentials.all(|other| other == credential) {
            Ok(Purse::Made(credential))
        } else {
            Err(refusal::several_purses(asked))
        }
    }
}

impl Carried {
    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Streamed(body) => hyper::body::Body::is_end_stream(body),
            Self::Read(bytes) => bytes.is_empty(),
        }
    }
}
