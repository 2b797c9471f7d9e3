//! What is on record of exchanges that spend what they are made with: a refresh token is good once, and the next one
//! must be in the store before anybody goes on.
//! Owns nothing; the rows are the store's, sealed, and a lease in each says whose turn it is.
//! Never lets two replicas make one exchange, for as long as a lease lasts.

use super::NoAccess;
use crate::{
    clock::{Clock, Timestamp},
    id::CredentialId,
    scheme,
    secret::Secret,
    store::{Store, StoreError},
    vault::Vault,
};
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::oneshot, time::sleep};
use uuid::Uuid;

/// Longer than an exchange takes: who holds a turn for longer has died.
const TURN: Duration = Duration::from_secs(15);
/// What would end sooner is not worth handing on.
const WORTHWHILE: Duration = Duration::from_secs(5);
/// A store that is away when something has been spent is asked again for five minutes.
const ATTEMPTS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(500);

/// Where exchanges are on record.
#[derive(Clone)]
pub struct Ledger {
    pub store: Store,
    pub vault: Arc<Vault>,
    /// The store's own.
    pub runtime: Handle,
    pub clock: Clock,
}

/// What an exchange left behind.
pub struct Spent {
    pub access: Secret,
    /// What the next exchange is made with.
    pub next: Secret,
    /// How long the access token still lives.
    pub life: Duration,
}

/// Whose turn it is.
pub enum Held {
    /// Nobody's: another has just made the exchange.
    Access(Spent),
    /// Ours, with what the last one left.
    Turn(Turn, Option<Secret>),
    Elsewhere,
}

/// The right to make one exchange.
pub struct Turn {
    ledger: Ledger,
    of: (CredentialId, u32),
    holder: String,
    /// The last exchange before it.
    after: Timestamp,
}

impl Ledger {
    /// Takes the turn, unless what the last one made, before `than`, is still good.
    pub async fn hold(&self, of: (CredentialId, u32), than: Option<Timestamp>) -> Result<Held, NoAccess> {
        let this = self.clone();
        self.apart(async move { this.hold_here(of, than).await }).await
    }

    async fn hold_here(&self, of: (CredentialId, u32), than: Option<Timestamp>) -> Result<Held, NoAccess> {
        let (now, row) = (self.clock.now(), self.store.exchange(of.0, of.1).await?);
        let last = match &row {
            Some(row) if row.sealed.is_some() => {
                Some(scheme::exchange::unseal(&self.vault, row).await.map_err(|error| {
                    tracing::error!(event = "exchange.unusable", credential = %of.0, %error, "what an exchange left cannot be used");
                    NoAccess::Unusable
                })?)
            }
            _ => None,
        };
        if let (Some(row), Some((access, next))) = (&row, &last) {
            let life = Duration::from_millis(u64::try_from(row.ends.millis() - now.millis()).unwrap_or_default());
            let newer = than.is_none_or(|than| row.made > than);
            if newer && life > WORTHWHILE {
                return Ok(Held::Access(Spent { access: access.clone(), next: next.clone(), life }));
            }
        }
        let (holder, made) = (Uuid::now_v7().to_string(), row.map(|row| row.made));
        if !self.store.hold_exchange(of, &holder, made, TURN).await? {
            return Ok(Held::Elsewhere);
        }
        let after = made.unwrap_or(Timestamp::from_millis(0));
        Ok(Held::Turn(Turn { ledger: self.clone(), of, holder, after }, last.map(|(_, next)| next)))
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, NoAccess>> + Send + 'static,
    ) -> Result<T, NoAccess> {
        let (done, outcome) = oneshot::channel();
        self.runtime.spawn(async move {
            let _ = done.send(work.await);
        });
        outcome.await.unwrap_or(Err(NoAccess::Unavailable))
    }
}

impl Turn {
    /// Durable when this returns. A store that is away is waited for: what was spent cannot be had again.
    pub async fn write(self, spent: Spent) -> Result<(), NoAccess> {
        let ledger = self.ledger.clone();
        ledger.apart(self.write_here(spent)).await
    }

    async fn write_here(self, spent: Spent) -> Result<(), NoAccess> {
        let Self { ledger: Ledger { store, vault, clock, .. }, of, after, .. } = self;
        for _ in 0..ATTEMPTS {
            // Later than the last one, whatever a clock says that was set back.
            let made = clock.now().max(after.plus(Duration::from_millis(1)));
            let sealed =
                scheme::exchange::seal(&vault, of, (&spent.access, &spent.next), (made, made.plus(spent.life)));
            let row = sealed.map_err(|_| NoAccess::Unusable)?;
            match store.write_exchange(&row, after).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::error!(event = "exchange.lost", credential = %of.0, "an exchange was overtaken by another, and is lost");
                    return Err(NoAccess::Unavailable);
                }
                Err(error) => {
                    tracing::error!(event = "exchange.not_recorded", credential = %of.0, %error, "what an exchange gave for the next one is not on record yet");
                    sleep(PAUSE).await;
                }
            }
        }
        Err(NoAccess::Unavailable)
    }

    pub async fn give_up(self) {
        let Self { ledger, of, holder, .. } = self;
        let store = ledger.store.clone();
        let released = async move { Ok(store.release_exchange(of.0, of.1, &holder).await?) };
        if let Err(error) = ledger.apart(released).await {
            tracing::debug!(%error, "a turn was not given up; it ends by itself");
        }
    }
}

impl From<StoreError> for NoAccess {
    fn from(error: StoreError) -> Self {
        tracing::warn!(event = "exchange.store_unavailable", %error, "exchanges on record cannot be read or written");
        Self::Unavailable
    }
}
