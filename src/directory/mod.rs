//! The read side of the store for the data plane: who is calling, and what pays for them.
//! Owns the caches of callers and of their grants; `sync` says what to drop from them.
//! Never writes, never sees a plain token, and opens no seal itself: `scheme` does.
//!
//! Why an answer is never older than it may be: a look-up reads rows and the change log's head in one statement, and
//! is kept only if that head is not below the floor, which the follower raises *before* it evicts (`order`). Whatever was
//! read before a change is therefore either evicted or never kept.
//!
//! Why a lost log evicts nobody: it may have been lost because the store is failing, and who is known goes on while it is
//! gone. What was kept before is asked for again as long as there is somebody to ask.

mod caller;
mod flight;
mod grant;
mod order;

pub use caller::Caller;
pub use grant::{Grant, GrantKey, NotOpened, Purse, Renewed, Unresolvable};

use crate::{
    clock::{Clock, Timestamp},
    id::{CredentialId, TokenId},
    identity::{TokenHolder, pat::PatDigest},
    provider::{Fields, Provider},
    source::{self, Key, Sources},
    store::{Change, SealedVersion, Seq, Store, StoreError},
    vault::Vault,
};
use caller::Callers;
use dashmap::DashMap;
use flight::Flights;
use order::{Departure, Order};
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{self, AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

/// While the log's head was confirmed this recently, what is cached is as good as the store.
pub const FRESH: Duration = Duration::from_secs(3);
/// Tokens that nobody knows, remembered until something changes; more than this, and all are forgotten.
const UNKNOWN: usize = 4096;
/// A store that was lost is asked this often whether it is back, and waited for no longer than that.
const PROBE: Duration = Duration::from_millis(500);
const PROBE_WAIT: Duration = Duration::from_secs(5);

/// The store cannot be asked, and nothing that is known may be used instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the store cannot be asked")]
pub struct Unavailable;

pub struct Directory {
    reach: Reach,
    callers: Callers,
    unknown: DashMap<PatDigest, ()>,
    caller_flights: Flights<PatDigest, Result<Found, Unavailable>>,
    grant_flights: Flights<GrantKey, Resolved>,
    pulse: Arc<Pulse>,
    max_stale: Duration,
    tally: Tally,
}

/// How often what was asked for was there, and how often the store had to be asked.
#[derive(Default)]
pub struct Tally {
    pub callers: Looked,
    pub grants: Looked,
}

#[derive(Default)]
pub struct Looked {
    pub hits: AtomicU64,
    pub misses: AtomicU64,
}

impl Looked {
    fn note(&self, is_hit: bool) {
        let count = if is_hit { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

type Found = Read<Option<Arc<Caller>>>;
type Resolved = Result<Read<Arc<Grant>>, Unresolvable>;

/// What was read, and at which place of which telling of the log.
#[derive(Clone)]
struct Read<T> {
    departure: Departure,
    head: Seq,
    value: T,
}

/// What a look-up needs, and where it runs.
#[derive(Clone)]
pub struct Reach {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub sources: Arc<Sources>,
    /// The store's own: no data-plane core waits for another core's reactor.
    pub runtime: Handle,
    pub clock: Clock,
}

/// How far the log has been followed, and when that was last known to be its end.
struct Pulse {
    started: Instant,
    order: Order,
    records: AtomicU64,
    confirmed: AtomicU64,
    /// When that was for the telling of the log before this one.
    confirmed_before: AtomicU64,
    /// The store was asked and could not be reached, and has not been reached since.
    lost: AtomicBool,
}

impl Pulse {
    fn since(started: Instant) -> Self {
        Self {
            started,
            order: Order::new(),
            records: AtomicU64::new(1),
            confirmed: AtomicU64::new(0),
            confirmed_before: AtomicU64::new(0),
            lost: AtomicBool::new(false),
        }
    }

    fn confirm(&self, asked: Instant) {
        let at = asked.saturating_duration_since(self.started).as_millis();
        self.confirmed.fetch_max(u64::try_from(at).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    fn age(&self) -> Duration {
        self.passed(&self.confirmed)
    }

    fn passed(&self, moment: &AtomicU64) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(moment.load(Ordering::Acquire)))
    }

    /// How old what was kept in this era may be; older ones are not remembered.
    fn age_of(&self, era: u32) -> Option<Duration> {
        match self.order.era() {
            now if now == era => Some(self.age()),
            now if now == era + 1 => Some(self.passed(&self.confirmed_before)),
            _ => None,
        }
    }
}

impl Directory {
    pub fn new(reach: Reach, max_stale: Duration) -> Self {
        Self {
            reach,
            callers: Callers::default(),
            unknown: DashMap::new(),
            caller_flights: Flights::default(),
            grant_flights: Flights::default(),
            pulse: Arc::new(Pulse::since(Instant::now())),
            max_stale,
            tally: Tally::default(),
        }
    }

    /// Moves on whenever something was dropped: what was copied out of here before is to be asked for again.
    pub fn epoch(&self) -> u64 {
        self.pulse.order.epoch()
    }

    /// Moves on whenever jobs on record may have changed hands.
    pub fn records_epoch(&self) -> u64 {
        self.pulse.records.load(Ordering::Acquire)
    }

    /// Whether the end of the log was confirmed so recently that the caches may answer.
    pub fn is_fresh(&self) -> bool {
        self.pulse.age() <= FRESH
    }

    /// How long ago the end of the log was confirmed.
    pub fn staleness(&self) -> Duration {
        self.pulse.age()
    }

    pub fn max_stale(&self) -> Duration {
        self.max_stale
    }

    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn len(&self) -> usize {
        self.callers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.callers.len() == 0
    }

    /// Who presents this token, judged by nothing but the store. `None`: nobody.
    pub async fn caller(self: &Arc<Self>, digest: PatDigest) -> Result<Option<Arc<Caller>>, Unavailable> {
        let fresh = self.is_fresh();
        if let Some(caller) = self.callers.find(&digest)
            && (fresh && caller.era() == self.pulse.order.era() || self.is_lost() && self.may_serve(caller.era()))
        {
            self.tally.callers.note(true);
            return Ok(Some(caller));
        }
        let is_unknown = fresh && self.unknown.contains_key(&digest);
        self.tally.callers.note(is_unknown);
        if is_unknown {
            return Ok(None);
        }
        loop {
            match self.look_up(digest).await {
                Ok(found) if self.holds(&found) => return Ok(found.value),
                // Joined a look-up that had begun before a change that is known by now.
                Ok(_) => {}
                Err(Unavailable) => {
                    self.lose_store();
                    return self.last_known(&digest).ok_or(Unavailable).map(Some);
                }
            }
        }
    }

    fn holds<T>(&self, read: &Read<T>) -> bool {
        self.pulse.order.holds(read.departure, read.head)
    }

    /// Whether the store was just found gone, so that who is known need not wait to hear it again.
    fn is_lost(&self) -> bool {
        self.pulse.lost.load(Ordering::Acquire)
    }

    /// While the store cannot be reached at all, what is known may be used for `max_stale`.
    fn may_serve(&self, era: u32) -> bool {
        self.pulse.age_of(era).is_some_and(|age| age < self.max_stale)
    }

    /// The store cannot be reached. Until it can, one asks for it, and everybody who is known goes on at once: a store
    /// that hangs would otherwise cost each of their requests the whole wait for an answer.
    pub fn lose_store(self: &Arc<Self>) {
        if self.pulse.lost.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = Arc::clone(self);
        self.reach.runtime.spawn(async move {
            while !matches!(timeout(PROBE_WAIT, this.reach.store.ping()).await, Ok(Ok(()))) {
                sleep(PROBE).await;
            }
            this.pulse.lost.store(false, Ordering::Release);
        });
    }

    fn last_known(&self, digest: &PatDigest) -> Option<Arc<Caller>> {
        self.callers.find(digest).filter(|caller| self.may_serve(caller.era()))
    }

    async fn look_up(self: &Arc<Self>, digest: PatDigest) -> Result<Found, Unavailable> {
        let this = Arc::clone(self);
        let look_up = async move {
            let departure = this.pulse.order.depart();
            let snapshot = this.reach.store.holder(&digest).await.map_err(|error| unavailable(&error))?;
            let value = this.keep(digest, (departure, snapshot.head), snapshot.value);
            Ok(Read { departure, head: snapshot.head, value })
        };
        self.caller_flights.join(&self.reach.runtime, digest, look_up, Err(Unavailable)).await
    }

    fn keep(
        &self,
        digest: PatDigest,
        (departure, head): (Departure, Seq),
        holder: Option<TokenHolder>,
    ) -> Option<Arc<Caller>> {
        let order = &self.pulse.order;
        let Some(holder) = holder else {
            self.callers.remove(&digest);
            if self.unknown.len() >= UNKNOWN {
                self.unknown.clear();
            }
            let place = self.unknown.entry(digest);
            if order.holds(departure, head) {
                drop(place.insert(()));
            }
            return None;
        };
        // A caller who is looked up again, while the log cannot be followed or after it was lost, keeps what they have
        // used up.
        if let Some(known) = self.callers.find(&digest)
            && known.holder == holder
        {
            known.confirm(departure.era);
            return Some(known);
        }
        let caller = Caller::new(digest, holder, departure.era);
        self.callers.keep(&caller, || order.holds(departure, head));
        Some(caller)
    }

    /// What pays for this caller's requests to this provider.
    pub async fn grant(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        provider: &Arc<Provider>,
        purse: Option<&Purse>,
    ) -> Result<Arc<Grant>, Unresolvable> {
        let current = self.pulse.order.era();
        if let Some((grant, era)) = caller.grant(provider, purse)
            && (self.is_fresh() && era == current || self.is_lost() && self.may_serve(era))
        {
            self.tally.grants.note(true);
            return Ok(grant);
        }
        self.tally.grants.note(false);
        let key = GrantKey::new(caller.digest, provider, purse);
        loop {
            match self.resolve(caller, key.clone()).await {
                Ok(read) if self.holds(&read) => return Ok(read.value),
                Ok(_) => {}
                Err(Unresolvable::Unavailable) => {
                    self.lose_store();
                    let known = caller.grant(provider, purse).filter(|(_, era)| self.may_serve(*era));
                    return known.map(|(grant, _)| grant).ok_or(Unresolvable::Unavailable);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn resolve(self: &Arc<Self>, caller: &Arc<Caller>, key: GrantKey) -> Resolved {
        let (reach, caller, asked) = (self.reach.clone(), Arc::clone(caller), key.clone());
        let pulse = Arc::clone(&self.pulse);
        let look_up = async move {
            let departure = pulse.order.depart();
            let (head, grant, drawn) = grant::look_up(&reach, &caller.holder, asked).await?;
            let grant = Arc::new(grant);
            caller.keep(&grant, departure.era);
            // Its source changed before it was kept, when nobody could drop it.
            if drawn.is_some_and(|drawn| !reach.sources.is_last(&drawn)) {
                caller.forget_credential(grant.credential);
            }
            Ok(Read { departure, head, value: grant })
        };
        self.grant_flights.join(&self.reach.runtime, key, look_up, Err(Unresolvable::Unavailable)).await
    }

    /// What pays now in the place of a grant that the provider has refused: the same credential, with the value that
    /// its source has by now.
    pub async fn renew(&self, grant: &Arc<Grant>) -> Renewed {
        if !grant.is_renewable() {
            return Renewed::Same;
        }
        let key = Key { credential: grant.credential, version: grant.version };
        match self.reach.sources.renew(key, &grant.fields).await {
            source::Renewed::Same => Renewed::Same,
            source::Renewed::Changed(fields) => Renewed::Changed(Arc::new(grant.with(fields))),
        }
    }

    /// The fields of a stored version, entered or as their source gives them now.
    pub async fn open(&self, provider: &Arc<Provider>, version: &SealedVersion) -> Result<Fields, NotOpened> {
        grant::open_version(&self.reach, provider, version).await.map(|(fields, _)| fields)
    }

    /// The value of this credential is another: what was made of the old one is dropped, and nothing else.
    pub fn forget_credential(&self, credential: CredentialId) {
        self.callers.forget_credential(credential);
        self.pulse.order.moved();
    }

    /// The follower: everything up to `head` is known, and this is who it is about.
    pub fn follow(&self, head: Seq, changes: &[Change]) {
        self.pulse.order.advance(head, || self.drop_changed(changes));
    }

    /// The follower: the log was read to its end by a question that was asked then. Of what was written since, and while
    /// the store took its time, nobody here knows.
    pub fn confirm(&self, asked: Instant) {
        self.pulse.confirm(asked);
    }

    /// The log was lost, or is another: what is cached is asked for again before it is used, for as long as there is a
    /// store to ask.
    pub fn start_over(&self, head: Seq) {
        self.pulse.confirmed_before.store(self.pulse.confirmed.load(Ordering::Acquire), Ordering::Release);
        self.pulse.order.start_over(head);
        self.unknown.clear();
        self.pulse.records.fetch_add(1, Ordering::AcqRel);
    }

    /// What the presets say has changed: every grant is to be made again.
    pub fn forget_grants(&self) {
        self.callers.forget_grants();
        self.pulse.order.moved();
    }

    fn drop_changed(&self, changes: &[Change]) {
        let (mut users, mut organizations) = (HashSet::new(), HashSet::new());
        for change in changes {
            match change {
                Change::User(user) => drop(users.insert(*user)),
                Change::Organization(organization) => drop(organizations.insert(*organization)),
                Change::Token(digest) => {
                    self.callers.remove(digest);
                }
                Change::Keys => {}
                Change::Records => drop(self.pulse.records.fetch_add(1, Ordering::AcqRel)),
                Change::Everything => {
                    self.callers.clear();
                    self.pulse.records.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
        self.unknown.clear();
        if !users.is_empty() || !organizations.is_empty() {
            self.callers.retain(|caller| {
                let standing = &caller.holder.standing;
                !users.contains(&standing.user)
                    && !standing.memberships.iter().any(|m| organizations.contains(&m.organization))
            });
        }
    }

    /// Callers whose token was used since the last time this was asked, with the minute of it.
    pub fn take_used(&self) -> Vec<(TokenId, Timestamp)> {
        self.callers.take_used()
    }
}

fn unavailable(error: &StoreError) -> Unavailable {
    tracing::warn!(event = "caller.not_looked_up", %error, "a caller could not be looked up");
    Unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_slow_store_says_is_as_old_as_the_question() {
        let before = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let pulse = Pulse::since(before(60));
        pulse.confirm(before(10));
        assert!(pulse.age() > FRESH);
        pulse.confirm(before(1));
        assert!(pulse.age() < FRESH);
        pulse.confirm(before(10));
        assert!(pulse.age() < FRESH, "what is known is not forgotten");
    }
}
