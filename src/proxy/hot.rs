//! A core's own copy of the grants that it uses all the time, in front of the shared directory.
//! Owns copies, so that no two cores touch one another's reference counts; an epoch says when they are stale.
//! Never looks anything up: what is not here is the directory's to find.

use crate::{
    directory::{Caller, Directory, Grant},
    identity::{Context, pat::PatDigest},
    limits::Cell as LimitCell,
    provider::ServiceIndex,
    scheme::{Injection, echo::Echo},
    upstream::Endpoint,
};
use http::HeaderValue;
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// Sets of [`WAYS`] places; a grant that falls on a full set takes the place of the one used longest ago.
const SETS: usize = 2048;
const WAYS: usize = 2;

/// Everything about one caller at one provider, in one context, that a request needs.
pub struct Hot {
    digest: PatDigest,
    provider: u16,
    named: Option<Context>,
    epoch: u64,
    pub caller: Arc<Caller>,
    pub grant: Arc<Grant>,
    pub credential_limit: Option<Arc<LimitCell>>,
    pub injection: Injection,
    pub receipt: HeaderValue,
    pub echo: Option<Rc<Echo>>,
    endpoint: RefCell<Option<(ServiceIndex, Arc<Endpoint>)>>,
}

impl Hot {
    pub fn new(
        key: HotKey<'_>,
        epoch: u64,
        caller: Arc<Caller>,
        grant: Arc<Grant>,
        limit: Option<Arc<LimitCell>>,
    ) -> Rc<Self> {
        let injection = grant.injection.copy();
        let echo = injection.echo().map(Rc::new);
        let receipt = HeaderValue::from_bytes(grant.receipt.as_bytes()).unwrap_or_else(|_| grant.receipt.clone());
        let HotKey { digest, provider, named } = key;
        let named = named.cloned();
        let endpoint = RefCell::default();
        Rc::new(Self {
            digest,
            provider,
            named,
            epoch,
            caller,
            grant,
            credential_limit: limit,
            injection,
            receipt,
            echo,
            endpoint,
        })
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
        self.digest
    }

    fn is(&self, key: &HotKey<'_>) -> bool {
        self.digest == key.digest && self.provider == key.provider && self.named.as_ref() == key.named
    }
}

/// The whole identity of a hot grant.
#[derive(Clone, Copy)]
pub struct HotKey<'k> {
    pub digest: PatDigest,
    pub provider: u16,
    pub named: Option<&'k Context>,
}

impl HotKey<'_> {
    fn set(&self) -> usize {
        (self.digest.low_bits() as usize ^ usize::from(self.provider)) % SETS * WAYS
    }
}

pub struct HotGrants(RefCell<Vec<Option<Rc<Hot>>>>);

impl Default for HotGrants {
    fn default() -> Self {
        Self(RefCell::new(vec![None; SETS * WAYS]))
    }
}

impl HotGrants {
    /// Good only if nothing was dropped from the directory since, and the directory itself is fresh.
    pub fn find(&self, key: &HotKey<'_>, directory: &Directory) -> Option<Rc<Hot>> {
        let mut places = self.0.borrow_mut();
        let set = &mut places[key.set()..][..WAYS];
        let at = set.iter().position(|hot| hot.as_ref().is_some_and(|hot| hot.is(key)))?;
        // The one used last comes first.
        set[..=at].rotate_right(1);
        let hot = set[0].as_ref()?;
        (hot.epoch == directory.epoch() && directory.is_fresh()).then(|| Rc::clone(hot))
    }

    pub fn keep(&self, key: &HotKey<'_>, hot: &Rc<Hot>) {
        let mut places = self.0.borrow_mut();
        let set = &mut places[key.set()..][..WAYS];
        let at = set.iter().position(|hot| hot.as_ref().is_some_and(|hot| hot.is(key))).unwrap_or(WAYS - 1);
        set[..=at].rotate_right(1);
        set[0] = Some(Rc::clone(hot));
    }
}
