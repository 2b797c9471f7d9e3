//! Answers that are read for the ledger, after they have passed: what they say of jobs on record.
//! Owns nothing; an answer is shared with its caller, not copied.
//! Never holds anybody up: it is read on the store's runtime, and an answer that says nothing new is not read at all.

use super::{Jobs, Seen};
use crate::{
    job::{Figures, Record, Thing, ThingKey, entry::Observation},
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

    /// What the answer says of each; nothing, if it cannot be read.
    fn observed(&self, answer: &Bytes) -> Vec<(ThingKey, Box<str>, Figures)> {
        let path = self.target.split('?').next().unwrap_or_default();
        let found = self.provider.classify(self.method.as_str(), path.as_bytes());
        let Ok(Some(found)) = found else { return Vec::new() };
        let Ok(document) = reading::answer(answer, found.operation) else { return Vec::new() };
        let sent = Sent::new(&found, &self.target, None);
        let used: Vec<Thing> = self.subjects.iter().map(|(thing, ..)| thing.clone()).collect();
        let observed = reading::observed(&sent, self.provider.preset(), &used, &document).into_iter();
        let of_subject = |(thing, mut figures): (Thing, Figures)| {
            let (_, seen, record) = self.subjects.iter().find(|(subject, ..)| *subject == thing)?;
            self.provider.price(&mut figures);
            Some((seen.key, record.account.clone(), figures))
        };
        observed.filter_map(of_subject).collect()
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
        self.runtime.spawn(async move { jobs.take_note(&study, &answer).await });
    }

    /// What was left out is news when it is said again.
    async fn take_note(&self, study: &Study, answer: &Bytes) {
        for (key, account, figures) in study.observed(answer) {
            if !self.observe(Observation { key, account, at: self.clock.now(), figures }).await {
                return;
            }
        }
        study.subjects.iter().for_each(|(_, seen, _)| seen.note(answer));
    }
}
