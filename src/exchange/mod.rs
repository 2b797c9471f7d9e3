//! What stored credentials are exchanged for: access tokens, made once for everybody who needs one.
//! Owns the tokens of this process; each is one credential version's, is renewed before it ends, and is wiped when dropped.
//! Never makes two exchanges of one version at a time, and never lets one that fails hold up another.

mod perform;
mod spent;

pub use spent::Ledger;

use crate::{
    clock::{Clock, Timestamp},
    id::CredentialId,
    provider::{Fields, Provider},
    scheme::exchange::NotYielded,
    secret::Secret,
    upstream::{Endpoint, SendError, Upstreams},
};
use dashmap::DashMap;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use perform::Performance;
use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// After a failure nobody is asked again for so long: who refuses will refuse again, who is away may come back.
const REFUSED_FOR: Duration = Duration::from_secs(10);
const AWAY_FOR: Duration = Duration::from_secs(1);
/// A token that a provider refuses this soon after it was made is refused for another reason.
const TOO_NEW: Duration = Duration::from_secs(5);
/// What nobody has asked for in so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(2 * 3600);

/// What a credential version was exchanged for.
pub struct Access {
    token: Secret,
    made: Instant,
    since: Timestamp,
    /// From here on a new one is made, while this one still serves.
    renew: Instant,
    ends: Instant,
    refused: AtomicBool,
}

impl Access {
    fn new(token: Secret, life: Duration, since: Timestamp) -> Arc<Self> {
        let now = Instant::now();
        // What is on its way must arrive before the end.
        let margin = (life / 10).min(Duration::from_secs(30));
        Arc::new(Self {
            token,
            made: now,
            since,
            renew: now + life.mul_f64(0.75 + 0.1 * jitter()),
            ends: now + life.saturating_sub(margin),
            refused: AtomicBool::new(false),
        })
    }

    /// The token itself. Each call is a place to review, as with [`Secret::expose`].
    pub fn expose(&self) -> &str {
        self.token.expose()
    }

    /// Whether nothing need be done before it is used.
    pub fn is_fresh(&self, now: Instant) -> bool {
        now < self.renew && !self.refused.load(Ordering::Relaxed)
    }

    fn serves(&self, now: Instant) -> bool {
        now < self.ends && !self.refused.load(Ordering::Relaxed)
    }

    /// The provider refuses what it once gave out. Whether another one may be good.
    pub fn refuse(&self) -> bool {
        let old_enough = self.made.elapsed() > TOO_NEW;
        if old_enough {
            self.refused.store(true, Ordering::Relaxed);
        }
        old_enough
    }
}

/// From 0 to 1: a thousand replicas that began together do not renew together.
fn jitter() -> f64 {
    let bytes = uuid::Uuid::now_v7().into_bytes();
    f64::from(u16::from_le_bytes([bytes[14], bytes[15]])) / f64::from(u16::MAX)
}

/// Why there is no access token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoAccess {
    #[error(transparent)]
    NotYielded(#[from] NotYielded),
    #[error("the provider's login cannot be reached: {0}")]
    Away(Arc<SendError>),
    #[error("the provider's login did not answer in time")]
    Silent,
    #[error("the stored credential cannot be used for a login")]
    Unusable,
    #[error("its login gives a new secret each time, which has no place here: enter it as a credential first")]
    Unrecorded,
    #[error("the store cannot be asked")]
    Unavailable,
}

impl NoAccess {
    /// Whether the provider says that the stored credential is not good.
    pub const fn is_refusal(&self) -> bool {
        self.status().is_some()
    }

    /// With what status it says that.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::NotYielded(NotYielded::Refused(status)) => Some(*status),
            _ => None,
        }
    }

    const fn lasts(&self) -> Duration {
        if self.is_refusal() { REFUSED_FOR } else { AWAY_FOR }
    }
}

/// What is to be exchanged, and where.
pub struct Bargain<'b> {
    pub provider: &'b Arc<Provider>,
    pub credential: CredentialId,
    pub version: u32,
    pub fields: &'b Fields,
    /// Of the provider's login.
    pub endpoint: &'b Arc<Endpoint>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    credential: CredentialId,
    version: u32,
    /// A version whose value is read live has others in the course of time.
    value: [u8; 32],
}

/// What came of the exchanges at one provider.
#[derive(Default)]
pub struct Tally {
    pub made: AtomicU64,
    /// The provider said that the stored credential is not good.
    pub refused: AtomicU64,
    pub failed: AtomicU64,
}

impl Tally {
    fn note(&self, made: &Made) {
        let count = match made {
            Ok(_) => &self.made,
            Err(error) if error.is_refusal() => &self.refused,
            Err(_) => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

pub struct Exchanges {
    tallies: DashMap<Box<str>, Arc<Tally>>,
    places: DashMap<Key, Arc<Place>>,
    /// `None`: what spends its secret cannot be exchanged here.
    ledger: Option<Ledger>,
    clock: Clock,
}

type Made = Result<Arc<Access>, NoAccess>;
type Flight = Shared<BoxFuture<'static, Made>>;

/// Everything about one version's exchange.
#[derive(Default)]
struct Place(Mutex<State>);

struct State {
    access: Option<Arc<Access>>,
    flight: Option<Flight>,
    failed: Option<(Instant, NoAccess)>,
    asked: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self { access: None, flight: None, failed: None, asked: Instant::now() }
    }
}

impl Exchanges {
    pub fn new(ledger: Ledger, clock: Clock) -> Arc<Self> {
        Arc::new(Self { tallies: DashMap::new(), places: DashMap::new(), ledger: Some(ledger), clock })
    }

    /// For who keeps nothing.
    pub fn without_record(clock: Clock) -> Arc<Self> {
        Arc::new(Self { tallies: DashMap::new(), places: DashMap::new(), ledger: None, clock })
    }

    /// The version's access token; made now if there is none, and behind the caller's back when it is time to.
    /// Called on a runtime of local tasks; whoever waits may leave, the exchange goes on.
    pub async fn access(self: &Arc<Self>, upstreams: &Rc<Upstreams>, bargain: Bargain<'_>) -> Made {
        let Bargain { credential, version, fields, .. } = bargain;
        let key = Key { credential, version, value: fields.fingerprint() };
        let place = Arc::clone(&self.places.entry(key).or_default());
        let flight = {
            let (now, mut state) = (Instant::now(), place.lock());
            state.asked = now;
            let serving = state.access.clone().filter(|access| access.serves(now));
            match &serving {
                Some(access) if access.is_fresh(now) => return Ok(Arc::clone(access)),
                _ => {}
            }
            state.failed = state.failed.take().filter(|(until, _)| now < *until);
            let flight = match (&state.flight, &state.failed) {
                (Some(flight), _) => Some(flight.clone()),
                (None, Some((_, failure))) if serving.is_none() => return Err(failure.clone()),
                (None, Some(_)) => None,
                (None, None) => {
                    let flight =
                        self.depart(upstreams, &place, &bargain, state.access.as_ref().map(|access| access.since));
                    state.flight = Some(flight.clone());
                    Some(flight)
                }
            };
            match (serving, flight) {
                (Some(access), _) => return Ok(access),
                (None, Some(flight)) => flight,
                (None, None) => return Err(NoAccess::Unavailable),
            }
        };
        flight.await
    }

    /// By provider, of those at which there was one.
    pub fn tallies(&self) -> BTreeMap<Box<str>, Arc<Tally>> {
        self.tallies.iter().map(|entry| (entry.key().clone(), Arc::clone(entry.value()))).collect()
    }

    /// Forgets what nobody asks for any more; called now and then.
    pub fn sweep(&self) {
        self.places.retain(|_, place| {
            let state = place.lock();
            state.flight.is_some() || state.asked.elapsed() < FORGOTTEN
        });
    }

    fn depart(
        self: &Arc<Self>,
        upstreams: &Rc<Upstreams>,
        place: &Arc<Place>,
        bargain: &Bargain<'_>,
        than: Option<Timestamp>,
    ) -> Flight {
        let performance = Performance {
            provider: Arc::clone(bargain.provider),
            credential: bargain.credential,
            version: bargain.version,
            fields: bargain.fields.clone(),
            endpoint: Arc::clone(bargain.endpoint),
            than,
            upstreams: Rc::clone(upstreams),
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
        };
        let (arrived, arrival) = oneshot::channel();
        let landing = Landing(Arc::clone(place));
        let tally = Arc::clone(&self.tallies.entry(bargain.provider.id().into()).or_default());
        tokio::task::spawn_local(async move {
            let made = performance.run().await;
            tally.note(&made);
            landing.land(&made);
            let _ = arrived.send(made);
        });
        arrival.map(|made| made.unwrap_or(Err(NoAccess::Silent))).boxed().shared()
    }
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left a state that is whole: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees the place for another exchange, also when this one ended in no order.
struct Landing(Arc<Place>);

impl Landing {
    fn land(self, made: &Made) {
        let mut state = self.0.lock();
        match made {
            Ok(access) => {
                state.access = Some(Arc::clone(access));
                state.failed = None;
            }
            Err(failure) => state.failed = Some((Instant::now() + failure.lasts(), failure.clone())),
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.lock().flight = None;
    }
}
