//! The steps that decide whether a request may go on: who is calling, what they may do, and what pays.
//! Owns nothing; what these steps return is the evidence that the next ones ask for.
//! Never tells a caller more about a token than that it is not valid.

use super::{
    Asked, Exchange,
    authenticate::{self, Presented},
    hot::{CallerLimits, Hot, HotKey, Limits},
    refusal::{self, Refusal},
    relay::Answer,
    route::{self, Route},
    whoami,
};
use crate::{
    clock::Timestamp,
    directory::{Caller, Purse, Unavailable},
    identity::{Scopes, Standing, TokenHolder, pat::PatDigest},
    limits::{Cell, Verdict},
    provider::{Provider, preset::operation::Kind},
    scheme::minted::{Minted, Minter},
    telemetry::metrics::{Cache, Limit},
};
use http::{HeaderMap, Method, Response};
use std::{rc::Rc, sync::Arc, time::Duration};

/// Somebody whose token is known and has not expired.
pub struct Known {
    pub caller: Arc<Caller>,
    limits: CallerLimits,
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

impl Admitted {
    /// Who it is, where somebody presented a token.
    pub(super) fn standing(&self) -> Option<&Standing> {
        self.0.caller().map(|(caller, _)| &caller.holder.standing)
    }
}

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
        let read = |token: &[u8]| self.minter().read(token);
        let presented = authenticate::presented(headers, route.target, &settings.every_slot, &read)?;
        if *method == Method::GET && matches!(route.path, "/" | "/whoami") {
            let known = self.known(&presented).await?;
            return Ok(AtRoot::Answered(Box::new(whoami::answer(self, &known, route.purse.as_ref()).await?)));
        }
        let id = match presented {
            Presented::Nothing => settings.root.clone(),
            Presented::Minted(minted) => Some(minted.provider),
            _ => self.known(&presented).await?.only_provider(),
        };
        let provider = id.and_then(|id| settings.catalog.find(&id));
        provider.map(AtRoot::Provider).ok_or_else(|| route::no_provider(&settings.catalog, route.target))
    }

    /// The token that the request carries. One that Bellhop made stands for the one that it was made for, at its
    /// provider and until it ends, in the context that its login named.
    pub(super) fn presented(
        &self,
        provider: &Provider,
        route: &mut Route<'_, '_>,
        headers: &HeaderMap,
    ) -> Result<Presented, Refusal> {
        let read = |token: &[u8]| self.minter().read(token);
        match authenticate::presented(headers, route.target, provider.slots(), &read)? {
            Presented::Minted(minted) if *minted.provider != *provider.id() => Ok(Presented::Malformed),
            // Not counted among what is guessed: an SDK comes once more with each token that has ended.
            Presented::Minted(minted) if minted.expires <= self.now() => Ok(Presented::Ended),
            Presented::Minted(minted) => {
                route.purse = route.purse.take().or(minted.context.map(Purse::Named));
                Ok(Presented::Token(minted.digest))
            }
            other => Ok(other),
        }
    }

    pub(super) async fn authenticate(&self, asked: &Asked<'_>, presented: Presented) -> Result<Who, Refusal> {
        if let Presented::Token(digest) = presented
            && let Some(hot) = self.find_hot(&asked.key(digest, asked.route.purse.as_ref()))
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

    pub(super) fn minter(&self) -> &'e Minter {
        &self.core.shared.minter
    }

    pub(super) fn now(&self) -> Timestamp {
        self.core.shared.clock.now()
    }

    /// A valid token's holder. Every way of not being valid looks the same.
    pub(super) async fn known(&self, presented: &Presented) -> Result<Known, Refusal> {
        let digest = match presented {
            Presented::Nothing => return Err(Refusal::missing_token()),
            Presented::Malformed => return Err(self.failed_lookup()),
            Presented::Ended => return Err(Refusal::unknown_token()),
            Presented::Token(digest) | Presented::Minted(Minted { digest, .. }) => *digest,
        };
        let now = self.core.shared.clock.now();
        match self.directory().caller(digest).await {
            Ok(Some(caller)) if caller.holder.expires > now => {
                let limits = self.core.shared.caller_limits(&caller.holder);
                Ok(Known { caller, limits, now })
            }
            Ok(_) => Err(self.failed_lookup()),
            Err(Unavailable) => Err(Refusal::store_unavailable()),
        }
    }

    fn failed_lookup(&self) -> Refusal {
        match self.core.shared.failed.count(self.address) {
            Ok(()) => Refusal::unknown_token(),
            Err(wait) => {
                let who = "your network, which sent many tokens that are not valid";
                self.throttled(Limit::FailedLookups, who, wait)
            }
        }
    }

    /// Scopes, providers, networks, blocked operations, and rates.
    pub(super) async fn admit(&self, asked: &Asked<'_>, who: Who) -> Result<Admitted, Refusal> {
        let Some((caller, now)) = who.caller() else { return Ok(Admitted(who)) };
        let holder = &caller.holder;
        self.within_boundary(asked, holder)?;
        if matches!(asked.kind(), Some(Kind::Blocked | Kind::Login)) {
            return Err(refusal::blocked(asked));
        }
        if !allowed_by(holder.scopes, asked) {
            return Err(refusal::scope_not_allowed(asked, holder.scopes));
        }
        if let Some(limits) = who.limits() {
            self.take_from(limits).await?;
        }
        caller.note_use(now);
        Ok(Admitted(who))
    }

    /// Providers and networks that the token may be used for and from.
    pub(super) fn within_boundary(&self, asked: &Asked<'_>, holder: &TokenHolder) -> Result<(), Refusal> {
        match &holder.boundary {
            Some(boundary) if !boundary.allows_provider(asked.provider.id()) => {
                Err(refusal::provider_not_allowed(asked, &boundary.providers))
            }
            Some(boundary) if !boundary.allows_address(self.address) => Err(refusal::network_not_allowed(asked)),
            _ => Ok(()),
        }
    }

    pub(super) async fn take_from(&self, limits: &CallerLimits) -> Result<(), Refusal> {
        self.take(limits.token.as_ref(), Limit::Token, "this token").await?;
        self.take(limits.user.as_ref(), Limit::User, "this user").await
    }

    /// Waits only where nobody but the store can know, and not for long.
    async fn take(&self, cell: Option<&Arc<Cell>>, limit: Limit, of: &'static str) -> Result<(), Refusal> {
        let Some(cell) = cell else { return Ok(()) };
        let rates = &self.core.shared.rates;
        let taken = match rates.take(cell, self.arrived) {
            Verdict::Passes => return Ok(()),
            Verdict::Over(wait) => Err(wait),
            Verdict::Unknown => Box::pin(rates.wait(cell)).await,
        };
        taken.map_err(|wait| self.throttled(limit, of, wait))
    }

    /// The credential that pays: the one that `made` what the request is about, else the one that the rule selects.
    /// `None` only where none is needed.
    pub(super) async fn resolve(
        &self,
        asked: &Asked<'_>,
        Admitted(who): Admitted,
        made: Option<&Purse>,
    ) -> Result<Option<Rc<Hot>>, Refusal> {
        if asked.kind() == Some(Kind::Open) {
            return Ok(None);
        }
        let purse = made.or(asked.route.purse.as_ref());
        let hot = match (who, made) {
            (Who::Nobody, _) => return Err(Refusal::missing_token()),
            (Who::Hot(hot, _), None) => hot,
            (Who::Hot(hot, now), Some(_)) => self.another(asked, &hot, purse, now).await?,
            (Who::Known(known), _) => Box::pin(self.grant(asked, known, purse)).await?,
        };
        self.take(hot.limits.credential.as_ref(), Limit::Credential, "the provider token that pays").await?;
        Ok(Some(hot))
    }

    /// The same caller's grant from another purse.
    async fn another(
        &self,
        asked: &Asked<'_>,
        hot: &Hot,
        purse: Option<&Purse>,
        now: Timestamp,
    ) -> Result<Rc<Hot>, Refusal> {
        let other = self.find_hot(&asked.key(hot.digest(), purse));
        if let Some(other) = other.filter(|other| other.grant.expires > now) {
            return Ok(other);
        }
        let known = Known { caller: Arc::clone(&hot.caller), limits: hot.limits.caller.clone(), now };
        Box::pin(self.grant(asked, known, purse)).await
    }

    pub(super) async fn grant(
        &self,
        asked: &Asked<'_>,
        known: Known,
        purse: Option<&Purse>,
    ) -> Result<Rc<Hot>, Refusal> {
        let Known { caller, limits, now } = known;
        // Read before the look-up: what changes during it makes the copy stale at once.
        let epoch = self.directory().epoch();
        let found = self.directory().grant(&caller, asked.provider, purse).await;
        let grant = found.map_err(|error| refusal::unresolved(asked, &error))?;
        if grant.expires <= now {
            return Err(refusal::expired(asked, &grant));
        }
        let limits = Limits { caller: limits, credential: self.core.shared.credential_limit(grant.credential) };
        let key = asked.key(caller.digest, purse);
        let hot = Hot::new(key, epoch, caller, grant, limits);
        let hot = hot.map_err(|error| refusal::unresolved(asked, &error))?;
        self.core.hot.keep(&key, &hot);
        Ok(hot)
    }

    fn find_hot(&self, key: &HotKey<'_>) -> Option<Rc<Hot>> {
        let found = self.core.hot.find(key, self.directory());
        self.current.metrics.looked_up(Cache::Hot, found.is_some());
        found
    }

    fn throttled(&self, limit: Limit, who: &'static str, wait: Duration) -> Refusal {
        self.current.metrics.throttled[limit as usize].add(1);
        Refusal::throttled(who, wait)
    }

    pub(super) fn directory(&self) -> &'e Arc<crate::directory::Directory> {
        &self.core.shared.directory
    }
}

impl Asked<'_> {
    fn key<'k>(&'k self, digest: PatDigest, purse: Option<&'k Purse>) -> HotKey<'k> {
        HotKey { digest, provider: self.provider, purse }
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

    fn limits(&self) -> Option<&CallerLimits> {
        match self {
            Self::Nobody => None,
            Self::Hot(hot, _) => Some(&hot.limits.caller),
            Self::Known(known) => Some(&known.limits),
        }
    }
}

impl Known {
    pub const fn limits(&self) -> &CallerLimits {
        &self.limits
    }

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
