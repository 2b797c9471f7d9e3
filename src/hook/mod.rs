//! Webhooks: who asked to be told of something is told of it, signed, as often as it takes.
//! Owns the task that tells, what the data plane saw refused since the last look, and the trust in receivers.
//! Never holds up a request: what happens is written down beside it, and sent from what is written down.
//!
//! Why an outbox: a message stands in the store from the moment of what it tells of, so that neither a crash nor a
//! receiver that is away loses it. A process that sends one holds its row; one that dies lets go of it, and another
//! sends it again, under the same `webhook-id`. At least once, that is, and hardly ever twice.

mod address;
mod courier;
mod event;
mod sign;
mod watch;

pub use address::{Address, NotAnAddress};
pub use courier::{Courier, Post, Told};
pub use event::{Event, Home, Kind, Way};
pub use sign::{Secrets, sign};

use crate::{
    clock::{Clock, Timestamp},
    id::{CredentialId, DeliveryId, WebhookId},
    presence::Presence,
    store::{Store, StoreError},
    vault::Vault,
};
use arc_swap::ArcSwap;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval},
};
use watch::Watch;

const STEP: Duration = Duration::from_secs(1);
/// Receivers that are told at once. One webhook is told one thing after the other.
const AT_ONCE: usize = 16;
/// After that nobody asks what became of a message, and nothing is told again that has its mark.
const KEPT: Duration = Duration::from_secs(40 * 86_400);
/// Of one credential's refusals one is told in this time.
const HOUR: Duration = Duration::from_secs(3600);
/// Credentials that are refused within one step; of more, the rest is told when it is refused again.
const MOST_REFUSED: usize = 10_000;

/// What stored credentials the data plane saw refused.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<CredentialId, Refused>>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    pub at: Timestamp,
    pub way: Way,
    /// What the provider answered with.
    pub status: Option<u16>,
}

impl Refusals {
    /// Takes no longer than to write it down in memory: somebody waits for their answer.
    pub fn add(&self, credential: CredentialId, refused: Refused) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_REFUSED {
            waiting.entry(credential).or_insert(refused);
        }
    }

    fn take(&self) -> HashMap<CredentialId, Refused> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What became of attempts of this process.
#[derive(Default)]
pub struct Tally {
    pub delivered: AtomicU64,
    pub failed: AtomicU64,
    pub given_up: AtomicU64,
}

/// What tells.
pub struct Hooks {
    store: Store,
    vault: Arc<Vault>,
    clock: Clock,
    presence: Arc<Presence>,
    post: ArcSwap<Post>,
    refusals: Arc<Refusals>,
    pub tally: Tally,
}

impl Hooks {
    pub fn new((store, vault, clock): (Store, Arc<Vault>, Clock), presence: Arc<Presence>, post: Post) -> Arc<Self> {
        let (refusals, tally) = Default::default();
        Arc::new(Self { store, vault, clock, presence, post: ArcSwap::from_pointee(post), refusals, tally })
    }

    /// For the data plane.
    pub fn refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.refusals)
    }

    pub fn reload(&self, post: Post) {
        self.post.store(Arc::new(post));
    }

    /// For as long as the process runs.
    pub async fn keep(self: Arc<Self>) {
        let (mut watch, mut sending, mut told) = (Watch::default(), Sending::default(), HashMap::new());
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = steps.tick() => {
                    log(self.tell_of_refusals(&mut told).await, "refusals of credentials could not be written down");
                    log(watch.turn(&self).await, "what webhooks are told of could not be looked for");
                }
                Some(ended) = sending.tasks.join_next() => {
                    // A store that takes nothing is not asked all the time.
                    if !sending.end(ended) {
                        continue;
                    }
                }
            }
            log(self.send(&mut sending).await, "messages for webhooks could not be read");
        }
    }

    /// Begins with as many messages as may be under way.
    async fn send(self: &Arc<Self>, sending: &mut Sending) -> Result<(), StoreError> {
        if sending.tasks.len() >= AT_ONCE {
            return Ok(());
        }
        for (webhook, delivery) in self.store.due_deliveries(self.clock.now()).await? {
            if sending.tasks.len() < AT_ONCE && sending.busy.insert(webhook) {
                let this = Arc::clone(self);
                sending.tasks.spawn(async move { (webhook, this.deliver(delivery).await) });
            }
        }
        Ok(())
    }

    /// Whether what came of it is on record, if anything did.
    async fn deliver(&self, delivery: DeliveryId) -> bool {
        match self.courier().deliver(delivery, self.presence.process()).await {
            Ok(told) => {
                let counter = told.map(|told| match told {
                    Told::Delivered => &self.tally.delivered,
                    Told::Failed => &self.tally.failed,
                    Told::GivenUp => &self.tally.given_up,
                });
                counter.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
                true
            }
            Err(error) => {
                tracing::warn!(event = "webhook.not_recorded", %error, %delivery, "what came of a message for a webhook is not on record");
                false
            }
        }
    }

    fn courier(&self) -> Courier {
        Courier {
            store: self.store.clone(),
            vault: Arc::clone(&self.vault),
            clock: self.clock.clone(),
            post: self.post.load_full(),
        }
    }

    /// What cannot be written down now is tried again; it is not told twice, as it has the same mark.
    async fn tell_of_refusals(&self, told: &mut HashMap<CredentialId, Timestamp>) -> Result<(), StoreError> {
        let now = self.clock.now();
        told.retain(|_, at| at.plus(HOUR) > now);
        let mut refused = self.refusals.take();
        refused.retain(|credential, _| !told.contains_key(credential));
        if refused.is_empty() {
            return Ok(());
        }
        match self.write_down(&refused).await {
            Ok(heard) => {
                told.extend(heard.into_iter().map(|credential| (credential, now)));
                Ok(())
            }
            Err(error) => {
                for (credential, refused) in refused {
                    self.refusals.add(credential, refused);
                }
                Err(error)
            }
        }
    }

    /// Those of which somebody hears: who begins to listen need not wait until the hour is over.
    async fn write_down(&self, refused: &HashMap<CredentialId, Refused>) -> Result<Vec<CredentialId>, StoreError> {
        let mut reading = self.store.read().await?;
        let listeners = reading.listeners().await?;
        let (mut heard, mut happened) = (Vec::new(), Vec::new());
        if listeners.is_empty() {
            return Ok(heard);
        }
        for (credential, refused) in refused {
            let Some(row) = reading.credential(*credential).await? else { continue };
            let home = Home::of(&mut reading, row.owner).await?;
            let event = Event::refused(&home, &row, refused).happened();
            if listeners.iter().any(|listener| listener.hears(&event)) {
                heard.push(*credential);
                happened.push(event);
            }
        }
        drop(reading);
        if !happened.is_empty() {
            self.store.tell(&happened).await?;
        }
        Ok(heard)
    }
}

/// What is under way.
#[derive(Default)]
struct Sending {
    tasks: JoinSet<(WebhookId, bool)>,
    /// Who is being told something.
    busy: HashSet<WebhookId>,
}

impl Sending {
    /// Whether it ended as it should.
    fn end(&mut self, ended: Result<(WebhookId, bool), JoinError>) -> bool {
        match ended {
            Ok((webhook, is_on_record)) => {
                self.busy.remove(&webhook);
                is_on_record
            }
            Err(error) => {
                tracing::error!(event = "webhook.broke_off", %error, "a message for a webhook broke off");
                // Whose it was is not known; what others send is held by its rows.
                self.busy.clear();
                false
            }
        }
    }
}

fn log(outcome: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "{what}");
    }
}
