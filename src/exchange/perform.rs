//! One exchange, from the stored credential to an access token.
//! Owns copies of all that it needs: it goes on without whoever asked for it.
//! Never uses a token before what the provider gave for the next exchange is in the store.

use super::{
    Access, NoAccess,
    spent::{Held, Ledger, Spent},
};
use crate::{
    clock::{Clock, Timestamp},
    id::CredentialId,
    provider::{Fields, Provider, preset::exchange::Exchange},
    scheme::exchange::{NotYielded, Yielded, call, read},
    secret::Secret,
    upstream::{Alarm, Deadline, Driver, Endpoint, Outbound, Upstreams},
};
use http_body_util::{BodyExt, Limited};
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// How long a login may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long another replica's exchange is waited for.
const TURN: Duration = Duration::from_secs(25);
const PAUSE: Duration = Duration::from_millis(100);
/// A longer answer is no login's.
const READABLE: usize = 256 * 1024;

pub struct Performance {
    pub provider: Arc<Provider>,
    pub credential: CredentialId,
    pub version: u32,
    pub fields: Fields,
    pub endpoint: Arc<Endpoint>,
    /// When the token was made that is no longer good enough: what is on record must be newer.
    pub than: Option<Timestamp>,
    pub upstreams: Rc<Upstreams>,
    pub ledger: Option<Ledger>,
    pub clock: Clock,
}

impl Performance {
    pub async fn run(self) -> Result<Arc<Access>, NoAccess> {
        let Some(exchange) = &self.provider.preset().exchange else { return Err(NoAccess::Unusable) };
        if let Some(given) = exchange.given.as_deref().and_then(|name| self.fields.expose(name)) {
            return Ok(Access::new(Secret::new(given), Duration::from_secs(24 * 3600), self.clock.now()));
        }
        let made = match &exchange.rotation {
            None => self
                .exchange(exchange, None)
                .await
                .map(|yielded| Access::new(yielded.token, yielded.life, self.clock.now())),
            Some(_) => self.in_turn(exchange).await,
        };
        match &made {
            Ok(_) => tracing::debug!(provider = self.provider.id(), credential = %self.credential, "exchanged"),
            Err(error) => tracing::warn!(
                event = "exchange.failed",
                provider = self.provider.id(), credential = %self.credential, version = self.version, %error,
                "a stored credential could not be exchanged for an access token"
            ),
        }
        made
    }

    /// Each exchange spends the secret that it is made with: one replica makes it, and all have what came of it.
    async fn in_turn(&self, exchange: &Exchange) -> Result<Arc<Access>, NoAccess> {
        let ledger = self.ledger.as_ref().ok_or(NoAccess::Unrecorded)?;
        let until = Instant::now() + TURN;
        loop {
            match ledger.hold((self.credential, self.version), self.than).await? {
                Held::Access(Spent { access, life, .. }) => return Ok(Access::new(access, life, self.clock.now())),
                Held::Turn(turn, rotated) => {
                    let yielded = match self.exchange(exchange, rotated.as_ref()).await {
                        Ok(yielded) => yielded,
                        Err(error) => {
                            turn.give_up().await;
                            return Err(error);
                        }
                    };
                    // A provider that did not rotate it this time expects the same again.
                    let kept = rotated.or_else(|| self.first_secret(exchange)).ok_or(NoAccess::Unusable)?;
                    let Yielded { token, life, rotated: next } = yielded;
                    let spent = Spent { access: token.clone(), next: next.unwrap_or(kept), life };
                    turn.write(spent).await?;
                    return Ok(Access::new(token, life, self.clock.now()));
                }
                Held::Elsewhere if Instant::now() < until => sleep(PAUSE).await,
                Held::Elsewhere => return Err(NoAccess::Silent),
            }
        }
    }

    fn first_secret(&self, exchange: &Exchange) -> Option<Secret> {
        self.fields.expose(&exchange.rotation.as_ref()?.field).map(Secret::new)
    }

    async fn exchange(&self, exchange: &Exchange, rotated: Option<&Secret>) -> Result<Yielded, NoAccess> {
        let outgoing = call(exchange, &self.fields, rotated, &self.endpoint, Outbound::full);
        let outgoing = outgoing.map_err(|_| NoAccess::Unusable)?;
        let deadline = Deadline::new(Alarm::new(Instant::now() + PATIENCE), Driver::Exchange);
        let answer = async {
            let (answer, lease) =
                self.upstreams.send(outgoing, deadline).await.map_err(|e| NoAccess::Away(Arc::new(e)))?;
            let (parts, body) = answer.into_parts();
            let broken = |_| NotYielded::Invalid("it broke off or is too large");
            let body = Limited::new(body, READABLE).collect().await.map_err(broken)?.to_bytes();
            lease.give_back();
            Ok(read(exchange, parts.status, &parts.headers, &body, self.clock.now())?)
        };
        timeout(PATIENCE, answer).await.map_err(|_| NoAccess::Silent)?
    }
}
