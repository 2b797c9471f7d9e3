//! A core's own copy of the grants that it uses all the time, in front of the shared directory.
//! Owns copies, so that no two cores touch one another's reference counts; an epoch says when they are stale.
//! Never looks anything up: what is not here is the directory's to find.

use crate::{
    directory::{Caller, Directory, Grant, GrantKey, Purse, Unresolvable},
    exchange::Access,
    identity::pat::PatDigest,
    limits::Cell as LimitCell,
    provider::{Provider, ServiceIndex},
    scheme::{Injection, echo::Echo},
    upstream::Endpoint,
};
use http::HeaderValue;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Instant,
};

/// Sets of [`WAYS`] places.
const SETS: usize = 2048;
const WAYS: usize = 2;

/// Everything about one caller at one provider, in one context, that a request needs.
pub struct Hot {
    key: GrantKey,
    epoch: u64,
    pub caller: Arc<Caller>,
    pub grant: Arc<Grant>,
    pub limits: Limits,
    pub receipt: HeaderValue,
    attached: RefCell<Option<Rc<Attached>>>,
    endpoint: RefCell<Option<(ServiceIndex, Arc<Endpoint>)>>,
}

/// What attaches a credential to a request, and finds its secrets in the answer.
pub struct Attached {
    pub injection: Injection,
    pub echo: Option<Rc<Echo>>,
    /// What the credential was exchanged for, where it is.
    pub access: Option<Arc<Access>>,
}

/// A caller's places under the limits on rates, each where there is such a limit.
#[derive(Clone, Default)]
pub struct CallerLimits {
    pub token: Option<Arc<LimitCell>>,
    pub user: Option<Arc<LimitCell>>,
}

/// With that of the credential that pays.
#[derive(Default)]
pub struct Limits {
    pub caller: CallerLimits,
    pub credential: Option<Arc<LimitCell>>,
}

impl Hot {
    pub fn new(
        key: HotKey<'_>,
        epoch: u64,
        caller: Arc<Caller>,
        grant: Arc<Grant>,
        limits: Limits,
    ) -> Result<Rc<Self>, Unresolvable> {
        let HotKey { digest, provider, purse } = key;
        let hot = Self {
            key: GrantKey::new(digest, provider, purse),
            epoch,
            receipt: grant.receipt(),
            attached: RefCell::default(),
            caller,
            grant,
            limits,
            endpoint: RefCell::default(),
        };
        hot.attach_if_ready()?;
        Ok(Rc::new(hot))
    }

    /// What needs no login first is prepared at once.
    fn attach_if_ready(&self) -> Result<(), Unresolvable> {
        if self.grant.provider.preset().exchange.is_none() {
            self.attach(None)?;
        }
        Ok(())
    }

    /// What is ready to be used: always, but for what has to be exchanged first and again.
    pub fn attached(&self, now: Instant) -> Option<Rc<Attached>> {
        let attached = self.attached.borrow();
        let ready = |attached: &&Rc<Attached>| attached.access.as_ref().is_none_or(|access| access.is_fresh(now));
        attached.as_ref().filter(ready).map(Rc::clone)
    }

    /// Prepares what attaches the credential from here on.
    pub fn attach(&self, access: Option<Arc<Access>>) -> Result<Rc<Attached>, Unresolvable> {
        let known = self.attached.borrow().clone();
        if let (Some(known), Some(access)) = (known, &access)
            && known.access.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, access))
        {
            return Ok(known);
        }
        let exchanged = access.as_deref().map(Access::expose);
        let injection = self.grant.injection(exchanged)?;
        let secrets = self.grant.fields.secrets().map(|(_, secret)| secret);
        let echo = Echo::new(secrets.chain(exchanged)).map(Rc::new);
        let attached = Rc::new(Attached { injection, echo, access });
        *self.attached.borrow_mut() = Some(Rc::clone(&attached));
        Ok(attached)
    }

    /// The same for one request more, with another value of its credential; nobody counts it twice.
    pub fn with(&self, grant: Arc<Grant>) -> Result<Rc<Self>, Unresolvable> {
        let hot = Self {
            key: self.key.clone(),
            epoch: self.epoch,
            receipt: grant.receipt(),
            attached: RefCell::default(),
            caller: Arc::clone(&self.caller),
            grant,
            limits: Limits::default(),
            endpoint: RefCell::default(),
        };
        hot.attach_if_ready()?;
        Ok(Rc::new(hot))
    }

    /// Where the last request to this service went.
    pub fn endpoint(&self, service: ServiceIndex) -> Option<Arc<Endpoint>> {
        let endpoint = self.endpoint.borrow();
        endpoint.as_ref().filter(|(s, _)| *s == service).map(|(_, endpoint)| Arc::clone(endpoint))
    }

    pub fn keep_endpoint(&self, service: ServiceIndex, endpoint: &Arc<Endpoint>) {
        *self.endpoint.borrow_mut() = Some((service, Arc::clone(endpoint)));
    }

    /// Whose this is.
    pub const fn digest(&self) -> PatDigest {
        self.key.digest()
    }

    fn is(&self, key: &HotKey<'_>) -> bool {
        self.key.is(key.digest, key.provider, key.purse)
    }
}

/// A [`GrantKey`], as a request has it.
#[derive(Clone, Copy)]
pub struct HotKey<'k> {
    pub digest: PatDigest,
    pub provider: &'k Arc<Provider>,
    pub purse: Option<&'k Purse>,
}

impl HotKey<'_> {
    fn set(&self) -> usize {
        // A caller who follows up on what several credentials made is not to displace their own grants with each other's.
        let made = matches!(self.purse, Some(Purse::Made(_)));
        (self.digest.low_bits() as usize ^ usize::from(self.provider.index()) ^ usize::from(made) << 10) % SETS * WAYS
    }
}

pub struct HotGrants {
    places: RefCell<Vec<Option<Rc<Hot>>>>,
    turned_away: Cell<u8>,
}

/// Of the newcomers to a set that is full, one in so many is let in.
///
/// Why not each: with many more callers than places, every one of them would displace somebody, and be displaced before
/// they come again. What is made for a request and forgotten after it stays in the processor's caches; what is kept
/// among thousands of others does not.
const LET_IN: u8 = 8;

impl Default for HotGrants {
    fn default() -> Self {
        Self { places: RefCell::new(vec![None; SETS * WAYS]), turned_away: Cell::default() }
    }
}

impl HotGrants {
    /// Good only if nothing was dropped from the directory since, and the directory itself is fresh.
    pub fn find(&self, key: &HotKey<'_>, directory: &Directory) -> Option<Rc<Hot>> {
        let mut places = self.places.borrow_mut();
        let set = &mut places[key.set()..][..WAYS];
        let at = set.iter().position(|hot| hot.as_ref().is_some_and(|hot| hot.is(key)))?;
        // The one used last comes first.
        set[..=at].rotate_right(1);
        let hot = set[0].as_ref()?;
        (hot.epoch == directory.epoch() && directory.is_fresh()).then(|| Rc::clone(hot))
    }

    /// In the place of what it was before, of what is out of date, or sometimes of the one used longest ago.
    pub fn keep(&self, key: &HotKey<'_>, hot: &Rc<Hot>) {
        let mut places = self.places.borrow_mut();
        let set = &mut places[key.set()..][..WAYS];
        let own = set.iter().position(|place| place.as_ref().is_some_and(|kept| kept.is(key)));
        let free = || set.iter().rposition(|place| place.as_ref().is_none_or(|kept| kept.epoch != hot.epoch));
        let Some(at) = own.or_else(free).or_else(|| self.lets_in().then_some(WAYS - 1)) else { return };
        set[..=at].rotate_right(1);
        set[0] = Some(Rc::clone(hot));
    }

    fn lets_in(&self) -> bool {
        self.turned_away.set((self.turned_away.get() + 1) % LET_IN);
        self.turned_away.get() == 0
    }
}
