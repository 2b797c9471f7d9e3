//! Answers that are read for the ledger, after they have passed: what they say of jobs on record.
//! Owns nothing; an answer is shared with its caller, not copied.
//! Never holds anybody up: it is read on the store's runtime, and an answer that says nothing new is not read at all.

use super::{Jobs, Seen};
use crate::{
    job::{Record, Thing, ThingKey, entry::Observation},
    provider::{
        Provider,
        reading::{self, Sent},
    },
};
use bytes::Bytes;
use http::Method;
use std::sync::Arc;

/// A request about things on record, whose answer may say something of them.
pub struct Study {
    pub provider: Arc<Provider>,
    pub method: Method,
    /// Path and query, as they went upstream.
    pub target: Box<str>,
    pub subjects: Vec<(Thing, Arc<Seen>, Record)>,
}

impl Study {
    /// Whether nothing that is counted can be said any more.
    pub fn is_idle(&self) -> bool {
        self.subjects.iter().all(|(_, seen, _)| seen.is_settled())
    }

    /// One answer is about all of them: where it says the same to one, it says the same to each.
    fn is_news(&self, answer: &[u8]) -> bool {
        self.subjects.iter().any(|(_, seen, _)| seen.is_news(answer))
    }
}

impl Jobs {
    pub fn study(self: &Arc<Self>, study: Study, answer: Bytes) {
        if !study.is_news(&answer) {
            return;
        }
        let jobs = Arc::clone(self);
        self.runtime.spawn(async move { jobs.take_note(&study, &answer) });
    }

    fn take_note(&self, study: &Study, answer: &Bytes) {
        let (path, query) = study.target.split_once('?').map_or((&*study.target, None), |(p, q)| (p, Some(q)));
        let Ok(Some(found)) = study.provider.classify(study.method.as_str(), path.as_bytes()) else { return };
        let Ok(document) = reading::answer(answer, found.operation) else { return };
        let sent = Sent { found: &found, path, query, body: None };
        let used: Vec<Thing> = study.subjects.iter().map(|(thing, ..)| thing.clone()).collect();
        for (thing, mut figures) in reading::observed(&sent, study.provider.preset(), &used, &document) {
            let Some((_, seen, record)) = study.subjects.iter().find(|(subject, ..)| *subject == thing) else {
                continue;
            };
            study.provider.price(&mut figures);
            let key = ThingKey::new(study.provider.id(), &thing);
            self.observe(Observation { key, account: record.account.clone(), at: self.clock.now(), figures });
            seen.note(answer);
        }
    }
}
