//! What an answer says of things on record: what it made goes on record before it passes, what is another's is taken out
//! of a list, and what it says of states and figures is read afterwards.
//! Owns nothing.
//! Never passes an id on that is not on record, where its operation makes things.

use super::SILENCE;
use crate::{
    id::NoteId,
    identity::Standing,
    job::{
        Made, Record, Thing, ThingKey,
        entry::{Binding, Note},
        reach::reach,
    },
    jobs::{Seen, Study},
    provider::{
        Match,
        preset::operation::Kind,
        reading::{self, AnswerNeed},
    },
    proxy::{
        Asked, Exchange,
        errand::Named,
        hot::Hot,
        refusal::{self, Refusal},
        submit::made,
    },
    upstream::Waiting,
};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use std::{collections::HashSet, time::Instant};

/// Of the ids in one entry of the audit trail, so many characters.
const TOLD_IDS: usize = 1000;

impl Exchange<'_> {
    /// Children that an answer names of what the request is about: they belong to whom that belongs to.
    pub(super) async fn bind_children(
        &self,
        asked: &Asked<'_>,
        named: &[Named],
        answer: &Bytes,
    ) -> Result<(), Refusal> {
        let Some(found) = asked.operation.as_ref().filter(|found| makes_children(found)) else { return Ok(()) };
        let [Named { thing, seen, reached: Some(record) }] = named else { return Ok(()) };
        if !seen.is_news(answer) {
            return Ok(());
        }
        let unreadable = |because: reading::Unreadable| refusal::unreadable(asked, because.because());
        let document = reading::answer(answer, found.operation).map_err(unreadable)?;
        let sent = asked.sent(found, None);
        let used = std::slice::from_ref(thing);
        let created = reading::made(&sent, asked.provider.preset(), used, &document).map_err(unreadable)?;
        if created.is_empty() {
            return Ok(());
        }
        let made: Box<[Made]> = created.into_iter().map(|created| made(asked.provider, created)).collect();
        let (submission, at) = (record.submission, self.core.shared.clock.now());
        let binding = Binding { submission, at, provider: asked.provider.id().into(), made };
        let of_parent = |key| Record { key, ended: None, ..record.clone() };
        let bound = self.core.shared.jobs.bind(binding, of_parent).await;
        bound.map_err(|because| refusal::not_bound(asked, because))
    }

    /// A list without what is another's.
    pub(super) async fn filter(&self, asked: &Asked<'_>, hot: &Hot, answer: &Bytes) -> Result<Bytes, Refusal> {
        let unreadable = |because: &'static str| refusal::unreadable(asked, because);
        let Some(found) = &asked.operation else { return Err(unreadable("it is no list that Bellhop knows")) };
        let mut document: Value = serde_json::from_slice(answer).map_err(|_| unreadable("it is not JSON"))?;
        let mut listed = Vec::new();
        let first = reading::filter(found.operation, &mut document, |id| {
            listed.push(id.to_owned());
            true
        });
        let first = first.map_err(|because| unreadable(because.because()))?;
        let mine = self.own(asked, found, &hot.caller.holder.standing, &listed).await?;
        let second = reading::filter(found.operation, &mut document, |id| mine.contains(id));
        let removed = first + second.map_err(|because| unreadable(because.because()))?;
        if removed == 0 {
            return Ok(answer.clone());
        }
        reading::end(&asked.sent(found, None), &mut document);
        serde_json::to_vec(&document).map(Bytes::from).map_err(|_| unreadable("it cannot be written again"))
    }

    /// Which of these ids are on record as this caller's.
    async fn own<'i>(
        &self,
        asked: &Asked<'_>,
        found: &Match<'_>,
        standing: &Standing,
        ids: &'i [String],
    ) -> Result<HashSet<&'i str>, Refusal> {
        let kind = found.operation.lists.as_ref().map_or("", |listing| &listing.kind);
        let key = |id: &String| ThingKey::new(asked.provider.id(), &Thing { kind: kind.into(), id: (**id).into() });
        let keys: Vec<ThingKey> = ids.iter().map(key).collect();
        let seen = self.core.shared.jobs.find(&keys).await.map_err(|_| refusal::record_not_read())?;
        let is_theirs = |seen: &Seen| seen.records.iter().any(|record| reach(standing, record).is_some());
        Ok(ids.iter().zip(seen).filter(|(_, seen)| is_theirs(seen)).map(|(id, _)| id.as_str()).collect())
    }

    /// Who ended what is for the audit trail, and is in it, or in the spool, before anybody is told that it has ended.
    pub(super) async fn note_cancel(
        &self,
        asked: &Asked<'_>,
        hot: &Hot,
        named: &[Named],
        status: StatusCode,
    ) -> Result<(), Refusal> {
        let Some(found) = &asked.operation else { return Ok(()) };
        if named.is_empty() || !status.is_success() {
            return Ok(());
        }
        let things = named.iter().map(|named| format!("{} {}", named.thing.kind, named.thing.id.escape_debug()));
        let all = things.collect::<Vec<_>>().join(", ");
        let subject = format!("{}: {}", asked.provider.id(), all.chars().take(TOLD_IDS).collect::<String>());
        let note = Note {
            id: NoteId::new(),
            at: self.core.shared.clock.now(),
            user: hot.caller.holder.standing.user,
            action: "job.cancelled".into(),
            subject: subject.into(),
            detail: format!("{}, credential {}", found.operation.name, hot.grant.credential).into(),
        };
        self.link.alarm.set(Instant::now() + SILENCE, Waiting::Provider);
        self.core.shared.jobs.note(note).await.map_err(|_| refusal::cancel_not_noted(asked))
    }

    /// What is to be read of the answer once it has passed, if it can say anything that is counted.
    pub(super) fn study(&self, asked: &Asked<'_>, named: Vec<Named>) -> Option<Study> {
        let found = asked.operation.as_ref()?;
        if named.iter().all(|named| named.reached.is_none())
            || reading::needs_answer(found.operation) == AnswerNeed::Nothing
        {
            return None;
        }
        let subjects = named.into_iter().filter_map(|named| Some((named.thing, named.seen, named.reached?)));
        let study = Study {
            provider: asked.provider.clone(),
            method: asked.method.clone(),
            target: asked.route.target.into(),
            subjects: subjects.collect(),
        };
        // What a result says may come late; a state never changes again.
        let idle = study.subjects.is_empty() || (found.operation.kind == Kind::Poll && study.is_idle());
        (!idle).then_some(study)
    }
}

/// Whether the answer may name children of what is on record. Those of what is not belong to nobody that Bellhop knows.
pub fn names_parent(asked: &Asked<'_>, named: &[Named]) -> bool {
    matches!(named, [Named { reached: Some(_), .. }]) && asked.operation.as_ref().is_some_and(makes_children)
}

/// Whether the operation is about something made before, whose children the answer names.
fn makes_children(found: &Match<'_>) -> bool {
    found.operation.kind != Kind::Submit && reading::needs_answer(found.operation) == AnswerNeed::Ids
}
