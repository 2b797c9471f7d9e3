//! Open jobs that nobody asks about: Bellhop asks itself, slowly, so that their usage is settled and what waits for their
//! end need not wait for ever.
//! Owns a thread with connections of its own; only where the configuration says so.
//! Never asks more than a few times a second, and of several processes only one does.

use super::{Ground, Jobs, Study};
use crate::{
    ask::{Asker, job::ask},
    config::{Config, JobsConfig},
    credential,
    exchange::Exchanges,
    id::CredentialId,
    job::Record,
    presence::Duty,
    provider::{Catalog, preset::operation::Kind},
    store::{JobFilter, JobPlace, JobRow, Progress, StoreError, Whose},
    upstream::{TlsTrust, Upstreams},
};
use std::{io, rc::Rc, sync::Arc, thread, time::Duration};
use tokio::{task::LocalSet, time::sleep};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(250);
const PAGE: u32 = 200;
/// How often it is looked whose turn it is.
const TURN: Duration = Duration::from_secs(5);

/// What it takes to ask.
pub struct Follower {
    pub jobs: Arc<Jobs>,
    pub ground: Ground,
    pub exchanges: Arc<Exchanges>,
    pub catalog: Catalog,
    /// By the provider's index.
    pub trust: Vec<TlsTrust>,
    pub settings: JobsConfig,
}

impl Follower {
    /// Runs on a thread of its own until the process ends.
    pub fn start(self, config: &Config) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (timeouts, sizes) = (config.timeouts.clone(), config.sizes.clone());
        let work = move || {
            LocalSet::new().block_on(&runtime, async {
                let upstreams = Upstreams::new(timeouts, &sizes);
                loop {
                    if !self.is_ours() {
                        sleep(TURN.min(self.settings.follow_every)).await;
                        continue;
                    }
                    if let Err(error) = self.round(&upstreams).await {
                        tracing::warn!(event = "jobs.not_followed", %error, "open jobs could not be followed");
                    }
                    sleep(self.settings.follow_every).await;
                }
            });
        };
        thread::Builder::new().name("bellhop-follow".into()).spawn(work).map(drop)
    }

    /// Of several processes one asks.
    fn is_ours(&self) -> bool {
        self.ground.presence.holds(Duty::FollowJobs).is_some()
    }

    /// Asks once about each open job.
    async fn round(&self, upstreams: &Rc<Upstreams>) -> Result<(), StoreError> {
        let filter =
            JobFilter { of: Whose::Everybody, provider: None, credential: None, progress: Some(Progress::Open) };
        let mut after: Option<JobPlace> = None;
        loop {
            let mut reading = self.ground.store.read().await?;
            let page = reading.jobs(&filter, after, PAGE).await?;
            drop(reading);
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.place());
            for job in page {
                if !self.is_ours() {
                    return Ok(());
                }
                self.ask_about(upstreams, job).await?;
                sleep(PAUSE).await;
            }
        }
    }

    async fn ask_about(&self, upstreams: &Rc<Upstreams>, job: JobRow) -> Result<(), StoreError> {
        let Some(provider) = self.catalog.find(&job.provider) else { return Ok(()) };
        let Some(trust) = self.trust.get(usize::from(provider.index())) else { return Ok(()) };
        if !self.may_ask_with(job.payer.credential).await? {
            return Ok(());
        }
        let Some(version) = self.ground.store.sealed_now(job.payer.credential).await? else { return Ok(()) };
        let Ok(fields) = self.ground.directory.open(provider, &version).await else { return Ok(()) };
        let of = (version.credential, version.version);
        let asker =
            Asker { provider, of, fields: &fields, trust, exchanges: &self.exchanges, now: self.jobs.clock.now() };
        let answered = match ask(upstreams, asker, Kind::Poll, &job.thing).await {
            Ok(answered) if answered.status.is_success() => answered,
            Ok(answered) => {
                tracing::debug!(
                    provider = provider.id(),
                    status = answered.status.as_u16(),
                    "an open job was not told of"
                );
                return Ok(());
            }
            Err(error) => {
                tracing::debug!(provider = provider.id(), %error, "an open job could not be asked about");
                return Ok(());
            }
        };
        let record = Record {
            key: job.key,
            account: job.account,
            submission: job.submission,
            owner: job.payer.user,
            organization: job.payer.organization,
            credential: job.payer.credential,
            ended: None,
        };
        let Ok(seen) = self.jobs.find(&[job.key]).await else { return Ok(()) };
        let subjects = seen.into_iter().map(|seen| (job.thing.clone(), seen, record.clone())).collect();
        let study =
            Study { provider: Arc::clone(provider), method: answered.method, target: answered.target.into(), subjects };
        self.jobs.study(study, answered.body);
        Ok(())
    }

    /// What somebody has switched off, or let expire, is used for nobody's questions, and for none of Bellhop's own.
    async fn may_ask_with(&self, credential: CredentialId) -> Result<bool, StoreError> {
        let row = self.ground.store.read().await?.credential(credential).await?;
        let now = self.jobs.clock.now();
        Ok(row.is_some_and(|row| row.state != credential::State::Disabled && row.expires > now))
    }
}
