//! Asking a provider whether a credential is good, from the command line.
//! Owns the connections for as long as it asks.
//! Never asks anything but the preset's own harmless request.

use super::{
    Console, Failure,
    console::shown,
    local::{Local, trust},
};
use crate::{
    ask::{
        Asker,
        probe::{Finding, probe},
    },
    id::CredentialId,
    provider::{Fields, Provider},
    store::{ProbeRow, Verdict},
    upstream::Upstreams,
};
use std::sync::Arc;
use tokio::task::LocalSet;

/// What the provider says of these fields.
pub async fn ask(
    local: &Local,
    provider: &Arc<Provider>,
    of: (CredentialId, u32),
    fields: &Fields,
) -> Result<Finding, Failure> {
    let (trust, exchanges) = (trust(provider)?, local.exchanges());
    let asker = Asker { provider, of, fields, trust: &trust, exchanges: &exchanges, now: local.now() };
    let (timeouts, sizes) = (local.config.timeouts.clone(), local.config.sizes.clone());
    let asking = LocalSet::new();
    let found = asking.run_until(async { probe(&Upstreams::new(timeouts, &sizes), asker).await }).await;
    found.ok_or_else(|| Failure::failed(format!("the preset `{}` says no way to ask this", provider.id())))
}

impl Finding {
    pub fn row(&self, local: &Local) -> ProbeRow {
        ProbeRow { at: local.now(), verdict: self.verdict, account: self.account.clone() }
    }

    pub fn tell(&self, console: &mut Console<'_>) {
        let whose = self.account.as_deref().map(|account| format!(", of the account {}", shown(account)));
        console.note(format_args!("{}{}: {}", self.verdict, whose.unwrap_or_default(), shown(&self.because)));
    }

    /// Of a command that was asked for nothing but this.
    pub fn outcome(&self) -> Result<(), Failure> {
        match self.verdict {
            Verdict::Valid => Ok(()),
            Verdict::Refused => Err(Failure::failed("the provider refuses this credential")),
            Verdict::Unreachable => Err(Failure::failed("whether it is good could not be found out")),
        }
    }

    /// A key that the provider refuses pays for nothing.
    pub fn unless_refused(self) -> Result<Self, Failure> {
        match self.verdict {
            Verdict::Valid | Verdict::Unreachable => Ok(self),
            Verdict::Refused => Err(Failure::failed(format!(
                "the provider refuses it ({}): nothing was changed. Without --probe it is taken as it is",
                shown(&self.because)
            ))),
        }
    }
}
