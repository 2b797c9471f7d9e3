//! Which credential a command means: `ionq@acme.optics`, or an id.
//! Owns nothing.
//! Where a name could mean several, the active one is meant; where none is active, it asks for an id.

use crate::{
    cli::{
        Failure,
        api::{Api, escaped},
        whose::owner,
    },
    credential::State,
    id::CredentialId,
    identity::{Context, UserName},
    manage::credentials::Credential,
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
    pub async fn find(&self, api: &Api) -> Result<Credential, Failure> {
        let At { provider, context } = match &self.which {
            Which::Id(id) => return api.get(&format!("/credentials/{id}")).await,
            Which::At(at) => at,
        };
        let of = owner(api, ("context", context), self.user.as_ref())?;
        let mut found: Vec<Credential> =
            api.every(&format!("/credentials?provider={}&{of}", escaped(provider))).await?;
        found.retain(|credential| credential.state != State::Retired);
        if let Some(active) = found.iter().position(|credential| credential.state == State::Active) {
            return Ok(found.swap_remove(active));
        }
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(Failure::failed(format!(
                "{context} has several credentials for {provider}, all disabled: choose one by its id, see `bellhop credential list`"
            ))),
            (None, _) => {
                super::served(api, provider).await?; // a name that is misspelt is no name to enter one under
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
