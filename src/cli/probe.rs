//! What a provider says of a credential, as commands tell it.
//! Owns nothing.
//! Never tells more than a verdict, an account and why.

use super::{Console, Failure, console::shown};
use crate::{manage::credentials::Found, store::Verdict};

impl Found {
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
}
