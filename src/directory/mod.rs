//! The read side of the store for the data plane: who is calling, and what pays for them.
//! Owns the caches of callers and of their grants; `sync` says what to drop from them.
//! Never writes, never sees a plain token, and opens no seal itself: `scheme` does.
//!
//! Why an answer is never older than it may be: a look-up reads rows and the change log's head in one statement, and
//! is kept only if that head is not below the floor, which the follower raises *before* it evicts. Whatever was read
//! before a change is therefore either evicted or never kept.

mod flight;
mod grant;

pub use grant::{Grant, Unresolvable};

use crate::{
    clock::Clock,
    id::UserId,
    identity::{Context, TokenHolder, pat::PatDigest},
    limits::Cell,
    provider::Provider,
    store::{Change, Seq, Store, StoreError},
    vault::Vault,
};
use dashmap::DashMap;
use flight::Flights;
use std::{
    collections::HashSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
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

/// Somebody who presented a valid token, and what their requests were resolved to.
pub struct Caller {
    pub holder: TokenHolder,
    /// This token's place under the limit on tokens.
    pub limit: Cell,
    /// The user's, shared by all their tokens, where there is a limit on users.
    pub user_limit: Option<Arc<Cell>>,
    grants: RwLock<Vec<(GrantKey, Arc<Grant>)>>,
    used: AtomicI64,
}

/// What a grant depends on, beside the caller: the provider's id and the named context.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GrantKey {
    provider: Box<str>,
    context: Option<Context>,
}

pub struct Directory {
    reach: Reach,
    callers: DashMap<PatDigest, Arc<Caller>>,
    unknown: DashMap<PatDigest, ()>,
    caller_flights: Flights<PatDigest, Result<Found, Unavailable>>,
    grant_flights: Flights<(PatDigest, GrantKey), Resolved>,
    user_limits: Option<DashMap<UserId, Arc<Cell>>>,
    pulse: Arc<Pulse>,
    max_stale: Duration,
}

type Found = (Seq, Option<Arc<Caller>>);
type Resolved = Result<(Seq, Arc<Grant>), Unresolvable>;

/// What a look-up needs, and where it runs.
#[derive(Clone)]
pub struct Reach {
    pub store: Store,
    pub vault: Arc<Vault>,
    /// The store's own: no data-plane core waits for another core's reactor.
    pub runtime: Handle,
    pub clock: Clock,
}

/// How far the log has been followed, and when that was last known to be its end.
struct Pulse {
    started: Instant,
    floor: AtomicI64,
    epoch: AtomicU64,
    confirmed: AtomicU64,
    /// The store was asked and could not be reached, and has not been reached since.
    lost: AtomicBool,
}

impl Pulse {
    fn age(&self) -> Duration {
        let confirmed = Duration::from_millis(self.confirmed.load(Ordering::Acquire));
        self.started.elapsed().saturating_sub(confirmed)
    }
}

impl Directory {
    pub fn new(reach: Reach, max_stale: Duration, limits_users: bool) -> Self {
        let started = Instant::now();
        let pulse = Pulse {
            started,
            floor: AtomicI64::new(0),
            epoch: AtomicU64::new(1),
            confirmed: AtomicU64::new(0),
            lost: AtomicBool::new(false),
        };
        Self {
            reach,
            callers: DashMap::new(),
            unknown: DashMap::new(),
            caller_flights: Flights::default(),
            grant_flights: Flights::default(),
            user_limits: limits_users.then(DashMap::new),
            pulse: Arc::new(pulse),
            max_stale,
        }
    }

    /// Moves on whenever something was dropped: what was copied out of here before is to be asked for again.
    pub fn epoch(&self) -> u64 {
        self.pulse.epoch.load(Ordering::Acquire)
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

    pub fn len(&self) -> usize {
        self.callers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    /// Who presents this token, judged by nothing but the store. `None`: nobody.
    pub async fn caller(self: &Arc<Self>, digest: PatDigest) -> Result<Option<Arc<Caller>>, Unavailable> {
        let fresh = self.is_fresh();
        if (fresh || self.is_lost())
            && let Some(caller) = self.callers.get(&digest)
        {
            return Ok(Some(Arc::clone(&caller)));
        }
        if fresh && self.unknown.contains_key(&digest) {
            return Ok(None);
        }
        loop {
            match self.look_up(digest).await {
                // Joined a look-up that had begun before a change that is known by now.
                Ok((head, _)) if head < self.floor() => {}
                Ok((_, caller)) => return Ok(caller),
                Err(Unavailable) => {
                    self.lose_store();
                    return self.last_known(&digest).ok_or(Unavailable).map(Some);
                }
            }
        }
    }

    /// Whether the store was just found gone, so that who is known need not wait to hear it again.
    fn is_lost(&self) -> bool {
        self.pulse.lost.load(Ordering::Acquire) && self.pulse.age() < self.max_stale
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

    fn floor(&self) -> Seq {
        self.pulse.floor.load(Ordering::Acquire)
    }

    /// While the store cannot be reached at all, known callers go on for `max_stale`.
    fn last_known(&self, digest: &PatDigest) -> Option<Arc<Caller>> {
        let may = self.pulse.age() < self.max_stale;
        self.callers.get(digest).filter(|_| may).map(|caller| Arc::clone(&caller))
    }

    async fn look_up(self: &Arc<Self>, digest: PatDigest) -> Result<Found, Unavailable> {
        let this = Arc::clone(self);
        let look_up = async move {
            let snapshot = this.reach.store.holder(&digest).await.map_err(|error| unavailable(&error))?;
            Ok(this.keep(digest, snapshot.head, snapshot.value))
        };
        self.caller_flights.join(&self.reach.runtime, digest, look_up, Err(Unavailable)).await
    }

    fn keep(&self, digest: PatDigest, head: Seq, holder: Option<TokenHolder>) -> Found {
        let Some(holder) = holder else {
            self.callers.remove(&digest);
            if self.unknown.len() >= UNKNOWN {
                self.unknown.clear();
            }
            self.unknown.insert(digest, ());
            if head < self.floor() {
                self.unknown.remove(&digest);
            }
            return (head, None);
        };
        // A caller who is looked up again while the log cannot be followed keeps what they have used up.
        if let Some(known) = self.callers.get(&digest)
            && known.holder == holder
        {
            return (head, Some(Arc::clone(&known)));
        }
        let user_limit =
            self.user_limits.as_ref().map(|users| Arc::clone(&users.entry(holder.standing.user).or_default()));
        let caller = Arc::new(Caller {
            holder,
            limit: Cell::default(),
            user_limit,
            grants: RwLock::default(),
            used: AtomicI64::new(0),
        });
        self.callers.insert(digest, Arc::clone(&caller));
        if head < self.floor() {
            self.callers.remove_if(&digest, |_, kept| Arc::ptr_eq(kept, &caller));
        }
        (head, Some(caller))
    }

    /// What pays for this caller's requests to this provider, in this context.
    pub async fn grant(
        self: &Arc<Self>,
        digest: PatDigest,
        caller: &Arc<Caller>,
        provider: &Arc<Provider>,
        context: Option<&Context>,
    ) -> Result<Arc<Grant>, Unresolvable> {
        let key = GrantKey { provider: provider.id().into(), context: context.cloned() };
        if (self.is_fresh() || self.is_lost())
            && let Some(grant) = caller.grant(&key)
        {
            return Ok(grant);
        }
        loop {
            match self.resolve(digest, caller, provider, key.clone()).await {
                Ok((head, _)) if head < self.floor() => {}
                Ok((_, grant)) => return Ok(grant),
                Err(Unresolvable::Unavailable) if self.pulse.age() < self.max_stale => {
                    self.lose_store();
                    return caller.grant(&key).ok_or(Unresolvable::Unavailable);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn resolve(
        self: &Arc<Self>,
        digest: PatDigest,
        caller: &Arc<Caller>,
        provider: &Arc<Provider>,
        key: GrantKey,
    ) -> Resolved {
        let (reach, caller, provider, named) =
            (self.reach.clone(), Arc::clone(caller), Arc::clone(provider), key.clone());
        let look_up = async move {
            let (head, grant) = grant::look_up(&reach, &caller.holder, &provider, named.context.as_ref()).await?;
            let grant = Arc::new(grant);
            caller.keep(named, &grant);
            Ok((head, grant))
        };
        self.grant_flights.join(&self.reach.runtime, (digest, key), look_up, Err(Unresolvable::Unavailable)).await
    }

    /// The follower: everything up to `head` is known, and this is who it is about.
    pub fn follow(&self, head: Seq, changes: &[Change]) {
        if !changes.is_empty() {
            self.pulse.floor.fetch_max(head, Ordering::AcqRel);
            self.drop_changed(changes);
            self.pulse.epoch.fetch_add(1, Ordering::AcqRel);
        }
        self.confirm();
    }

    /// The log was lost, or went back: nothing that is cached can be trusted.
    pub fn start_over(&self, head: Seq) {
        self.pulse.floor.store(head, Ordering::Release);
        self.callers.clear();
        self.unknown.clear();
        self.pulse.epoch.fetch_add(1, Ordering::AcqRel);
        self.confirm();
    }

    /// What the presets say has changed: every grant is to be made again.
    pub fn forget_grants(&self) {
        self.callers.iter().for_each(|caller| caller.forget());
        self.pulse.epoch.fetch_add(1, Ordering::AcqRel);
    }

    fn confirm(&self) {
        let now = u64::try_from(self.pulse.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.pulse.confirmed.store(now.max(1), Ordering::Release);
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
                Change::Everything => self.callers.clear(),
            }
        }
        self.unknown.clear();
        if !users.is_empty() || !organizations.is_empty() {
            self.callers.retain(|_, caller| {
                let standing = &caller.holder.standing;
                !users.contains(&standing.user)
                    && !standing.memberships.iter().any(|m| organizations.contains(&m.organization))
            });
        }
    }

    /// Callers whose token was used since the last time this was asked, with the minute of it.
    pub fn take_used(&self) -> Vec<(crate::id::TokenId, crate::clock::Timestamp)> {
        let used = self.callers.iter().filter_map(|caller| {
            let at = caller.used.swap(0, Ordering::Relaxed);
            (at > 0).then(|| (caller.holder.token, crate::clock::Timestamp::from_millis(at)))
        });
        used.collect()
    }
}

impl Caller {
    fn grant(&self, key: &GrantKey) -> Option<Arc<Grant>> {
        let grants = self.grants.read().ok()?;
        grants.iter().find(|(k, _)| k == key).map(|(_, grant)| Arc::clone(grant))
    }

    fn keep(&self, key: GrantKey, grant: &Arc<Grant>) {
        if let Ok(mut grants) = self.grants.write() {
            grants.retain(|(k, _)| *k != key);
            grants.shrink_to_fit();
            grants.push((key, Arc::clone(grant)));
        }
    }

    fn forget(&self) {
        if let Ok(mut grants) = self.grants.write() {
            *grants = Vec::new();
        }
    }

    /// Notes that the token was used; writing is somebody else's.
    pub fn note_use(&self, now: crate::clock::Timestamp) {
        let minute = now.minute().millis();
        if self.used.load(Ordering::Relaxed) != minute {
            self.used.store(minute, Ordering::Relaxed);
        }
    }
}

fn unavailable(error: &StoreError) -> Unavailable {
    tracing::warn!(%error, "a caller could not be looked up");
    Unavailable
}
