//! The steps that decide whether a request may go on: who is calling, what they may do, and what pays.
//! Owns nothing; what these steps return is the evidence that the next ones ask for.
//! Never tells a caller more about a token than that it is not valid.

use super::{
    Asked, Exchange,
    authenticate::{self, Presented},
    hot::{Hot, HotKey},
    refusal::{self, Refusal},
    relay::Answer,
    route::{self, Route},
    whoami,
};
use crate::{
    clock::Timestamp,
    directory::{Caller, Unavailable},
    identity::{Scopes, pat::PatDigest},
    provider::{Provider, preset::operation::Kind},
};
use http::{HeaderMap, Method, Response};
use std::{rc::Rc, sync::Arc, time::Duration};

/// Somebody whose token is known and has not expired.
pub struct Known {
    pub digest: PatDigest,
    pub caller: Arc<Caller>,
    now: Timestamp,
}

/// Who is calling, as the steps after authentication know it.
pub enum Who {
    /// Nobody presented a token, and the operation needs none.
    Nobody,
    /// A caller whose grant this core has at hand.
    Hot(Rc<Hot>, Timestamp),
    Known(Known),
}

/// Somebody who may do what they ask.
pub struct Admitted(Who);

/// What a request that begins with no provider came to.
pub enum AtRoot<'s> {
    Provider(&'s Arc<Provider>),
    Answered(Box<Response<Answer>>),
}

impl<'e> Exchange<'e> {
    /// Bellhop's own paths, or the one provider that the token is for.
    pub(super) async fn at_root(
        &self,
        method: &Method,
        route: &Route<'_, '_>,
        headers: &HeaderMap,
    ) -> Result<AtRoot<'e>, Refusal> {
        let settings = &self.current.settings;
        let presented = authenticate::presented(headers, route.target, &settings.every_slot)?;
        if *method == Method::GET && matches!(route.path, "/" | "/whoami") {
            let known = self.known(&presented).await?;
            return Ok(AtRoot::Answered(Box::new(whoami::answer(self, &known, route.context.as_ref()).await?)));
        }
        let id = match presented {
            Presented::Nothing => settings.root.clone(),
            _ => self.known(&presented).await?.only_provider(),
        };
        let provider = id.and_then(|id| settings.catalog.find(&id));
        provider.map(AtRoot::Provider).ok_or_else(|| route::no_provider(&settings.catalog, route.target))
    }

    pub(super) async fn authenticate(&self, asked: &Asked<'_>, headers: &HeaderMap) -> Result<Who, Refusal> {
        let presented = authenticate::presented(headers, asked.route.target, asked.provider.slots())?;
        if let Presented::Token(digest) = presented
            && let Some(hot) = self.core.hot.find(&asked.key(digest), self.directory())
        {
            let now = self.core.shared.clock.now();
            if hot.caller.holder.expires > now && hot.grant.expires > now {
                return Ok(Who::Hot(hot, now));
            }
        }
        match (&presented, asked.kind()) {
            (Presented::Nothing, Some(Kind::Open)) => Ok(Who::Nobody),
            _ => Box::pin(self.known(&presented)).await.map(Who::Known),
        }
    }

    /// A valid token's holder. Every way of not being valid looks the same.
    async fn known(&self, presented: &Presented) -> Result<Known, Refusal> {
        let digest = match presented {
            Presented::Nothing => return Err(Refusal::missing_token()),
            Presented::Malformed => return Err(self.failed_lookup()),
            Presented::Token(digest) => *digest,
        };
        let now = self.core.shared.clock.now();
        match self.directory().caller(digest).await {
            Ok(Some(caller)) if caller.holder.expires > now => Ok(Known { digest, caller, now }),
            Ok(_) => Err(self.failed_lookup()),
            Err(Unavailable) => Err(Refusal::store_unavailable()),
        }
    }

    fn failed_lookup(&self) -> Refusal {
        match self.core.shared.failed.count(self.address) {
            Ok(()) => Refusal::unknown_token(),
            Err(wait) => Refusal::throttled("your network, which sent many tokens that are not valid", wait),
        }
    }

    /// Scopes, providers, networks, blocked operations, and rates.
    pub(super) fn admit(&self, asked: &Asked<'_>, who: Who) -> Result<Admitted, Refusal> {
        let Some((caller, now)) = who.caller() else { return Ok(Admitted(who)) };
        let holder = &caller.holder;
        if let Some(boundary) = &holder.boundary {
            if !boundary.allows_provider(asked.provider.id()) {
                return Err(refusal::provider_not_allowed(asked, &boundary.providers));
            }
            if !boundary.allows_address(self.address) {
                return Err(refusal::network_not_allowed(asked));
            }
        }
        if matches!(asked.kind(), Some(Kind::Blocked | Kind::Login)) {
            return Err(refusal::blocked(asked));
        }
        if !allowed_by(holder.scopes, asked) {
            return Err(refusal::scope_not_allowed(asked, holder.scopes));
        }
        self.take_from_limits(caller)?;
        caller.note_use(now);
        Ok(Admitted(who))
    }

    fn take_from_limits(&self, caller: &Caller) -> Result<(), Refusal> {
        let limits = &self.current.settings.limits;
        let since_start = self.arrived.saturating_duration_since(self.core.shared.started);
        if let Some(rate) = limits.per_token {
            caller.limit.take(rate, since_start).map_err(|wait| Refusal::throttled("this token", wait))?;
        }
        if let (Some(rate), Some(cell)) = (limits.per_user, &caller.user_limit) {
            cell.take(rate, since_start).map_err(|wait| Refusal::throttled("this user", wait))?;
        }
        Ok(())
    }

    /// The credential that pays. `None` only where none is needed.
    pub(super) async fn resolve(&self, asked: &Asked<'_>, Admitted(who): Admitted) -> Result<Option<Rc<Hot>>, Refusal> {
        if asked.kind() == Some(Kind::Open) {
            return Ok(None);
        }
        let hot = match who {
            Who::Nobody => return Err(Refusal::missing_token()),
            Who::Hot(hot, _) => hot,
            Who::Known(known) => Box::pin(self.grant(asked, known)).await?,
        };
        if let (Some(rate), Some(cell)) = (self.current.settings.limits.per_credential, &hot.credential_limit) {
            let since_start: Duration = self.arrived.saturating_duration_since(self.core.shared.started);
            cell.take(rate, since_start).map_err(|wait| Refusal::throttled("the provider token that pays", wait))?;
        }
        Ok(Some(hot))
    }

    async fn grant(&self, asked: &Asked<'_>, known: Known) -> Result<Rc<Hot>, Refusal> {
        let Known { digest, caller, now } = known;
        // Read before the look-up: what changes during it makes the copy stale at once.
        let epoch = self.directory().epoch();
        let named = asked.route.context.as_ref();
        let found = self.directory().grant(digest, &caller, asked.provider, named).await;
        let grant = found.map_err(|error| refusal::unresolved(asked, &error))?;
        if grant.expires <= now {
            return Err(refusal::expired(asked, &grant));
        }
        let limit = self.core.shared.credential_limit(grant.credential);
        let key = asked.key(digest);
        let hot = Hot::new(key, epoch, caller, grant, limit);
        self.core.hot.keep(&key, &hot);
        Ok(hot)
    }

    pub(super) fn directory(&self) -> &'e Arc<crate::directory::Directory> {
        &self.core.shared.directory
    }
}

impl Asked<'_> {
    fn key(&self, digest: PatDigest) -> HotKey<'_> {
        HotKey { digest, provider: self.provider.index(), named: self.route.context.as_ref() }
    }
}

impl Who {
    fn caller(&self) -> Option<(&Caller, Timestamp)> {
        match self {
            Self::Nobody => None,
            Self::Hot(hot, now) => Some((&hot.caller, *now)),
            Self::Known(known) => Some((&known.caller, known.now)),
        }
    }
}

impl Known {
    fn only_provider(&self) -> Option<Box<str>> {
        match &*self.caller.holder.boundary.as_ref()?.providers {
            [only] => Some(only.clone()),
            _ => None,
        }
    }
}

/// `run` is everything on the data plane; `read` is what changes nothing, where the preset does not say: GET and HEAD.
fn allowed_by(scopes: Scopes, asked: &Asked<'_>) -> bool {
    let reads = match asked.kind() {
        Some(kind) => kind.only_reads() || kind == Kind::Open,
        None => *asked.method == Method::GET || *asked.method == Method::HEAD,
    };
    scopes.run || (scopes.read && reads)
}
