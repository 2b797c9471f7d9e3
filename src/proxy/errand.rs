//! What a request is about: the things on record that it names, and with which credential that is to be asked.
//! Owns the request's body where it had to be read before it may go on.
//! Never sends anything, and reads no body that its operation does not need.

use super::{
    Asked, Exchange,
    admit::Admitted,
    grpc,
    refusal::{self, Refusal},
    relay::{Incomplete, READABLE, readable},
};
use crate::{
    directory::Purse,
    job::{Record, Thing, ThingKey, reach::reach},
    jobs::Seen,
    provider::{
        Match, Operation,
        preset::operation::{Format, Spelling},
        reading::{self, BodyNeed, Sent, Unreadable},
    },
    telemetry::metrics::Cache,
    upstream::Waiting,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use hyper::body::{Body, Incoming};
use serde_json::Value;
use smallvec::SmallVec;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What a request names and carries.
pub struct Errand {
    pub carried: Carried,
    /// The memory that its body takes up, until it has been sent.
    pub room: Option<Room>,
    /// What the operation reads of the request's body.
    pub document: Option<Value>,
    pub named: Vec<Named>,
    /// It may name something that could not be read.
    pub unread: Option<Unreadable>,
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
        Self { carried: Carried::Streamed(body), room: None, document: None, named: Vec::new(), unread: None }
    }

    pub fn take_body(&mut self) -> Carried {
        std::mem::replace(&mut self.carried, Carried::Read(Bytes::new()))
    }

    pub fn reaches_all(&self) -> bool {
        self.named.iter().all(|named| named.reached.is_some())
    }

    /// The credential that made what the request is about; an error where several did.
    fn made_by(&self) -> Result<Option<Purse>, SeveralPurses> {
        let mut credentials = self.named.iter().filter_map(|named| Some(named.reached.as_ref()?.credential));
        let Some(credential) = credentials.next() else { return Ok(None) };
        if credentials.all(|other| other == credential) {
            Ok(Some(Purse::Made(credential)))
        } else {
            Err(SeveralPurses)
        }
    }
}

struct SeveralPurses;

impl Asked<'_> {
    /// The request as far as it was read.
    pub fn sent<'s>(&'s self, found: &'s Match<'s>, document: Option<&'s Value>) -> Sent<'s> {
        Sent::new(found, self.route.target, document)
    }
}

impl Exchange<'_> {
    /// Reads what the request names, and looks that up.
    pub(super) async fn errand(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Errand, Refusal> {
        let mut errand = Errand::nothing(body);
        let need = asked.operation.as_ref().map_or(BodyNeed::Nothing, |found| reading::needs_body(found.operation));
        let signs = asked.provider.preset().signs().is_some();
        if need > BodyNeed::Nothing || signs {
            errand = Box::pin(self.read(asked, need, headers, errand)).await?;
        }
        let Some(found) = &asked.operation else { return Ok(errand) };
        if found.operation.uses.is_empty() {
            return Ok(errand);
        }
        match reading::used(&asked.sent(found, errand.document.as_ref())) {
            Ok(things) if things.is_empty() => {}
            Ok(things) => {
                errand.named = self.look_up(asked, admitted, things).await?;
                forget_names(found.operation, &mut errand.named);
            }
            Err(because) => errand.unread = Some(errand.unread.unwrap_or(because)),
        }
        Ok(errand)
    }

    /// The whole body, and what the operation reads of it. What cannot be read goes on for who may name anything.
    async fn read(
        &self,
        asked: &Asked<'_>,
        need: BodyNeed,
        headers: &HeaderMap,
        errand: Errand,
    ) -> Result<Errand, Refusal> {
        let Carried::Streamed(body) = errand.carried else { return Ok(errand) };
        let gates = need == BodyNeed::Gate;
        let signs = asked.provider.preset().signs().is_some();
        if body.size_hint().lower() > READABLE as u64 {
            // What is signed cannot go on unread.
            if signs {
                return Err(refusal::body_not_read(asked, Incomplete::TooLarge));
            }
            let unread = gates.then_some(Unreadable::TooLarge);
            return Ok(Errand { unread, ..Errand::nothing(body) });
        }
        // Without a length it may be anything; what most are is enough to begin with.
        let expected = if body.size_hint().exact().is_some() { body.size_hint().lower() } else { UNSTATED };
        let mut room = self.core.shared.room.take(expected).ok_or_else(Refusal::overloaded)?;
        let (alarm, idle) = (&self.link.alarm, self.link.patience.body_idle);
        let bytes = readable::collect(body, READABLE, alarm, idle, Waiting::Caller).await;
        let bytes = bytes.map_err(|because| refusal::body_not_read(asked, because))?.bytes;
        room.resize(bytes.len() as u64);
        let document = document(asked, need, headers, &bytes);
        let unread = document.as_ref().err().copied().filter(|_| gates);
        let document = document.ok().flatten();
        Ok(Errand { carried: Carried::Read(bytes), room: Some(room), document, named: Vec::new(), unread })
    }

    async fn look_up(&self, asked: &Asked<'_>, admitted: &Admitted, things: Vec<Thing>) -> Result<Vec<Named>, Refusal> {
        let keys: SmallVec<[ThingKey; 4]> =
            things.iter().map(|thing| ThingKey::new(asked.provider.id(), thing)).collect();
        let jobs = &self.core.shared.jobs;
        let recalled = jobs.recall(&keys);
        self.current.metrics.looked_up(Cache::Jobs, recalled.is_some());
        let seen = match recalled {
            Some(seen) => seen,
            None => Box::pin(jobs.find(&keys)).await.map_err(|_| refusal::record_not_read())?,
        };
        let standing = admitted.standing();
        let named = things.into_iter().zip(seen).map(|(thing, seen)| {
            let reachable = seen.records.iter().filter(|r| standing.is_some_and(|s| reach(s, r).is_some()));
            // One's own before another's, and the newest of several.
            let reached =
                reachable.max_by_key(|r| (standing.is_some_and(|s| s.user == r.owner), r.submission)).cloned();
            Named { thing, seen, reached }
        });
        Ok(named.collect())
    }

    /// With which credential the request is to be made, where what it is about says so.
    pub(super) fn purse(&self, asked: &Asked<'_>, errand: &Errand) -> Result<Option<Purse>, Refusal> {
        errand.made_by().map_err(|SeveralPurses| refusal::several_purses(asked))
    }
}

/// What the operation reads of a body that was collected.
fn document(
    asked: &Asked<'_>,
    need: BodyNeed,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Option<Value>, Unreadable> {
    let found = asked.operation.as_ref().filter(|_| need > BodyNeed::Nothing && !bytes.is_empty());
    let Some(Match { operation, .. }) = found else { return Ok(None) };
    if operation.format == Format::Grpc && !grpc::is_protobuf(headers) {
        return Err(Unreadable::NotAMessage);
    }
    let encoding = headers.get(reading::encoding_header(operation)).map(HeaderValue::as_bytes);
    reading::request(bytes.clone(), encoding, operation, READABLE).map(Some)
}

/// Of what may be an id or a name, what is not on record is a name.
fn forget_names(operation: &Operation, named: &mut Vec<Named>) {
    let may_be_name =
        |kind: &str| operation.uses.iter().any(|u| u.spelling == Spelling::AnySegment && *u.kind == *kind);
    named.retain(|named| !named.seen.records.is_empty() || !may_be_name(&named.thing.kind));
}

/// How much memory bodies that had to be read may take up, over all cores.
#[derive(Clone, Default)]
pub struct ReadingRoom(Arc<AtomicU64>);

/// Some of it; given back when dropped.
pub struct Room {
    of: ReadingRoom,
    bytes: u64,
}

/// So many of the largest at once, or very many of the usual size.
const READING_ROOM: u64 = 8 * READABLE as u64;
const UNSTATED: u64 = 1024 * 1024;

impl ReadingRoom {
    /// `None`: there is no more.
    pub fn take(&self, bytes: u64) -> Option<Room> {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { of: self.clone(), bytes };
        (before.saturating_add(bytes) <= READING_ROOM).then_some(room)
    }
}

impl Room {
    /// To what it turned out to be.
    fn resize(&mut self, bytes: u64) {
        self.of.0.fetch_add(bytes, Ordering::Relaxed);
        self.of.0.fetch_sub(std::mem::replace(&mut self.bytes, bytes), Ordering::Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Carried {
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Streamed(body) => body.is_end_stream(),
            Self::Read(bytes) => bytes.is_empty(),
        }
    }

    /// Whether nothing more of it is to come from the caller.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Streamed(body) => body.is_end_stream(),
            Self::Read(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_at_once_is_bounded_and_given_back() {
        let all = ReadingRoom::default();
        let mut most = all.take(READING_ROOM).unwrap();
        assert!(all.take(1).is_none());
        most.resize(READING_ROOM - 1);
        let last = all.take(1).unwrap();
        assert!(all.take(1).is_none());
        drop((most, last));
        assert_eq!(all.0.load(Ordering::Relaxed), 0);
    }
}
