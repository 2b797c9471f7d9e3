//! Which credential a command means: `ionq@acme.optics`, or an id.
//! Owns nothing.
//! Where a name could mean several, the active one is meant; where none is active, it asks for an id.

use crate::{
    cli::{Failure, local, lookup},
    credential::State,
    id::CredentialId,
    identity::{Context, UserName},
    provider::Catalog,
    store::{CredentialRow, Reading},
};
use clap::Args;
use std::str::FromStr;

/// Which credential: `PROVIDER@CONTEXT`, with `--user` where the context is somebody's own, or an id.
#[derive(Args, Debug)]
pub struct Chosen {
    /// `PROVIDER@CONTEXT`, or an id of `bellhop credential list`
    #[arg(value_name = "CREDENTIAL")]
    which: Which,
    /// Whose `me` is
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
}

#[derive(Clone, Debug)]
enum Which {
    Id(CredentialId),
    At(At),
}

/// A provider and whose credential for it.
#[derive(Clone, Debug)]
pub struct At {
    pub provider: String,
    pub context: Context,
}

impl Chosen {
    /// The active one, else the only one that there is.
    pub async fn find(&self, catalog: &Catalog, reading: &mut Reading) -> Result<CredentialRow, Failure> {
        let At { provider, context } = match &self.which {
            Which::Id(id) => {
                let found = reading.credential(*id).await?;
                return found.ok_or_else(|| {
                    Failure::failed(format!("there is no credential {id}: see `bellhop credential list`"))
                });
            }
            Which::At(at) => at,
        };
        let owner = lookup::owner(reading, context, self.user.as_ref()).await?;
        let mut rows = reading.credentials_of(owner).await?;
        rows.retain(|row| *row.provider == **provider && row.state != State::Retired);
        if let Some(active) = rows.iter().position(|row| row.state == State::Active) {
            return Ok(rows.swap_remove(active));
        }
        match (rows.pop(), rows.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(Failure::failed(format!(
                "{context} has several credentials for {provider}, all disabled: choose one by its id, see `bellhop credential list`"
            ))),
            (None, _) => {
                local::find(catalog, provider)?; // a name that is misspelt is no name to enter one under
                let whose = self.user.as_ref().map(|user| format!(" --user {user}")).unwrap_or_default();
                Err(Failure::failed(format!(
                    "{context} has no credential for {provider}: `bellhop credential add {provider}@{context}{whose}` \
                     enters one"
                )))
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected PROVIDER@CONTEXT, such as ionq@acme.optics")]
pub struct NotAt;

impl FromStr for At {
    type Err = NotAt;

    fn from_str(text: &str) -> Result<Self, NotAt> {
        let (provider, context) = text.split_once('@').ok_or(NotAt)?;
        let context = context.parse().map_err(|_| NotAt)?;
        if provider.is_empty() { Err(NotAt) } else { Ok(Self { provider: provider.to_owned(), context }) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected PROVIDER@CONTEXT, such as ionq@acme.optics, or an id of `bellhop credential list`")]
struct NotWhich;

impl FromStr for Which {
    type Err = NotWhich;

    fn from_str(text: &str) -> Result<Self, NotWhich> {
        let id = || text.parse().map(Self::Id);
        text.parse().map(Self::At).or_else(|_| id()).map_err(|_| NotWhich)
    }
}
