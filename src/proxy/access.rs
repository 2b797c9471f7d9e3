//! What attaches the credential that pays: ready at once, mostly; where the provider wants a login first, what the
//! credential was exchanged for.
//! Owns nothing; the exchanges are made once for all cores.
//! Never waits where what is to be attached is ready, and never sends a request: what is refused is `renew`'s.

use super::{
    Asked, Exchange,
    hot::{Attached, Hot},
    refusal::{self, Refusal},
};
use crate::{
    exchange::{Bargain, NoAccess},
    upstream::Waiting,
};
use std::{
    rc::Rc,
    time::{Duration, Instant},
};

/// Longer than an exchange is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

impl Exchange<'_> {
    pub(super) async fn access(&self, asked: &Asked<'_>, grant: Option<&Hot>) -> Result<Option<Rc<Attached>>, Refusal> {
        let Some(hot) = grant else { return Ok(None) };
        match hot.attached(self.arrived) {
            Some(attached) => Ok(Some(attached)),
            None => Box::pin(self.exchange(asked, hot)).await.map(Some),
        }
    }

    async fn exchange(&self, asked: &Asked<'_>, hot: &Hot) -> Result<Rc<Attached>, Refusal> {
        self.link.alarm.set(Instant::now() + PATIENCE, Waiting::Provider);
        let grant = &hot.grant;
        let endpoint = self.current.login_endpoint(asked, hot)?;
        let bargain = Bargain {
            provider: asked.provider,
            credential: grant.credential,
            version: grant.version,
            fields: &grant.fields,
            endpoint: &endpoint,
        };
        match self.core.shared.exchanges.access(&self.core.upstreams, bargain).await {
            Ok(access) => hot.attach(Some(access)).map_err(|error| refusal::unresolved(asked, &error)),
            Err(NoAccess::Unavailable) => Err(Refusal::store_unavailable()),
            Err(error) if error.is_refusal() => Err(refusal::login_refused(asked, grant, &error)),
            Err(error) => Err(refusal::login_failed(asked, &error)),
        }
    }
}
