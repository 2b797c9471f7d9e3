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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        config::{MasterKeySource, SourcesConfig},
        directory::{Directory, Reach},
        id::{CredentialId, SubmissionId, UserId},
        job::JOB,
        jobs::Ground,
        presence::Presence,
        provider::Catalog,
        source::{Reader, Sources},
        store::{Address, Store},
        sync::Pace,
        vault::{MasterSource, Vault},
    };
    use std::{path::Path, time::Duration};
    use tokio::runtime::Handle;

    async fn jobs(data_dir: &Path) -> Arc<Jobs> {
        let (runtime, clock) = (Handle::current(), Clock::system());
        let store = Store::open(&Address::parse(None, data_dir).unwrap()).await.unwrap();
        let key = MasterSource::File(data_dir.join("master.key"));
        let vault = Arc::new(Vault::open(&store, key, clock.now()).await.unwrap());
        let reader = Reader::new(&SourcesConfig::default(), &MasterKeySource::DataDir, clock.clone()).unwrap();
        let sources = Sources::new(reader, runtime.clone());
        let reach = Reach { store: store.clone(), vault, sources, runtime: runtime.clone(), clock: clock.clone() };
        let directory = Arc::new(Directory::new(reach, Duration::ZERO));
        let presence = Arc::new(Presence::begin(store.clone(), clock.clone(), &Pace::default()).await.unwrap());
        Jobs::begin(Ground { store, runtime, clock, directory, presence }, data_dir).await.unwrap()
    }

    /// A poll of a job on record.
    fn study(jobs: &Jobs) -> Study {
        let provider = Arc::clone(Catalog::shipped().unwrap().find("ionq").unwrap());
        let thing = Thing { kind: JOB.into(), id: "job-1".into() };
        let record = Record {
            key: ThingKey::new("ionq", &thing),
            account: "an account".into(),
            submission: SubmissionId::new(),
            owner: UserId::new(),
            organization: None,
            credential: CredentialId::new(),
            ended: None,
        };
        let seen = jobs.known.keep(record.key, vec![record.clone()], jobs.known.moment());
        let subjects = vec![(thing, seen, record)];
        Study { provider, method: Method::GET, target: "/v0.4/jobs/job-1?verbose=1".into(), subjects }
    }

    #[tokio::test]
    async fn an_answer_that_says_nothing_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = jobs(folder.path()).await;
        for answer in [&b"{\"id\":\"job-1\"}"[..], b"no JSON"] {
            let (study, answer) = (study(&jobs), Bytes::from_static(answer));
            assert!(study.observed(&answer).is_empty() && study.is_news(&answer));
            jobs.take_note(&study, &answer).await;
            assert!(!study.is_news(&answer));
        }
    }

    #[tokio::test]
    async fn what_could_not_be_written_down_is_news_when_it_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = jobs(folder.path()).await;
        let (study, answer) = (study(&jobs), Bytes::from_static(b"{\"id\":\"job-1\",\"status\":\"completed\"}"));
        assert_eq!(study.observed(&answer).len(), 1);
        jobs.store.close().await;
        jobs.take_note(&study, &answer).await;
        assert!(study.is_news(&answer));
    }
}
