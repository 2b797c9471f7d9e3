//! `bellhop credential …`: what providers are paid with.
//! Owns nothing; secret fields are sealed as soon as they were read.
//! A credential is named as in URLs, `ionq@acme.optics`, or by its id.

mod change;
mod chosen;
mod list;
mod probe;
mod restrict;

use super::{
    Console, Failure,
    fields::FieldSources,
    local::{Local, entry},
    lookup::{self, Home},
    moment::Moment,
    version::Version,
};
use crate::{
    credential::{State, resolve::Personal, source::Place},
    id::CredentialId,
    identity::UserName,
    store::{Conflict, NewCredential, Origin, StoreError},
    vault::Label,
};
use change::{Delete, Rotate};
use chosen::{At, Chosen};
use clap::{Args, Subcommand};
use list::{List, Show};
use probe::Probe;
use restrict::{Restrict, Restrictions};
use std::collections::BTreeMap;

#[derive(Subcommand, Debug)]
pub enum CredentialCommand {
    /// Enter a provider's key
    #[command(after_help = "Examples:\n  \
        bellhop credential add ionq@acme.optics --label \"optics group\" --from-stdin api_key < key.txt\n  \
        bellhop credential add dwave@me --user ada --from-env token=DWAVE_API_TOKEN --plain region=eu-central-1\n  \
        bellhop credential add dwave@acme --source '{ file: { token: /run/secrets/dwave } }' --probe\n  \
        bellhop credential add dwave@acme --source '{ leap: { project: 1234 } }' --from-stdin bearer < oauth.txt\n\n\
        Without a source, secret fields are asked for on the terminal, with echo off.")]
    Add(Add),
    /// List credentials; secrets are never shown
    List(List),
    /// Show one, without its secrets
    Show(Show),
    /// Enter a new version; requests use it within a second, the id stays
    #[command(
        after_help = "Example:\n  bellhop credential rotate ionq@acme.optics --from-file api_key=/run/secrets/ionq"
    )]
    Rotate(Rotate),
    /// Ask the provider whether it takes a credential, and whose it is
    Probe(Probe),
    /// Switch a credential off: who would pay with it is refused, not moved to another purse
    Disable(Chosen),
    /// Switch a disabled credential on again
    Enable(Chosen),
    /// Say which projects and members of its organization may use it
    #[command(after_help = "Examples:\n  \
        bellhop credential restrict ionq@acme --projects optics\n  \
        bellhop credential restrict ionq@acme --members grace,alan\n  \
        bellhop credential restrict ionq@acme --lift")]
    Restrict(Restrict),
    /// Destroy a credential with all its versions
    Delete(Delete),
}

#[derive(Args, Debug)]
pub struct Add {
    /// `PROVIDER@CONTEXT`: `ionq@me`, `ionq@me.thesis`, `ionq@acme`, `ionq@acme.optics`
    #[arg(value_name = "PROVIDER@CONTEXT")]
    at: At,
    /// Whose `me` is
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// What people see of it
    #[arg(long, default_value = "")]
    label: String,
    /// When it ends: 30d, 2027-01-01
    #[arg(long, default_value = "never", value_name = "WHEN")]
    expires: Moment,
    #[command(flatten)]
    sources: FieldSources,
    #[command(flatten)]
    restrictions: Restrictions,
    /// Ask the provider first whether it takes it, and whose it is; what it refuses is not entered
    #[arg(long)]
    probe: bool,
}

impl CredentialCommand {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(local, console).await,
            Self::List(list) => list.run(local, console).await,
            Self::Show(show) => show.run(local, console).await,
            Self::Rotate(rotate) => rotate.run(local, console).await,
            Self::Probe(probe) => probe.run(local, console).await,
            Self::Disable(chosen) => chosen.switch(local, console, State::Disabled).await,
            Self::Enable(chosen) => chosen.switch(local, console, State::Active).await,
            Self::Restrict(restrict) => restrict.run(local, console).await,
            Self::Delete(delete) => delete.run(local, console).await,
        }
    }
}

impl Add {
    async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let provider = local.provider(&self.at.provider)?;
        if self.at.context.organization.is_none() && provider.personal() == Personal::Forbidden {
            return Err(Failure::failed(format!(
                "personal credentials are switched off for {}: `providers.{}.personal` in the configuration",
                provider.id(),
                provider.id()
            )));
        }
        let version = self.sources.version(provider, BTreeMap::new(), None, console)?;
        let unread = unread(local, &version);
        let finding =
            if self.probe { Some(probe::found(local, provider, &version).await?.unless_refused()?) } else { None };
        let mut tx = local.write().await?;
        let owner = lookup::owner(&mut tx, &self.at.context, self.user.as_ref()).await?;
        let id = CredentialId::new();
        let from = version.source.as_ref().map(|source| format!(", read from {source}")).unwrap_or_default();
        let label = Label { credential: id, owner, provider: provider.id(), version: 1 };
        let version = version.seal(&local.vault, label)?;
        let restriction = self.restrictions.read(&mut tx, owner).await?;
        let credential = NewCredential {
            id,
            owner,
            provider: provider.id().into(),
            label: self.label.as_str().into(),
            expires: self.expires.from(local.now()),
            restriction,
            version,
            origin: Origin::Hand,
        };
        match tx.insert_credentials(&[credential]).await {
            Err(StoreError::Conflict(Conflict::ActiveCredential)) => return Err(self.taken()),
            done => done?,
        }
        if let Some(finding) = &finding {
            tx.note_probe(id, 1, &finding.row(local)).await?;
        }
        tx.record(entry("credential.added", id).detail(format!("{}@{}{from}", provider.id(), self.subject())));
        tx.commit().await?;
        console.note(format_args!("added {}@{}, {id}", provider.id(), self.subject()));
        if let Some(why) = unread {
            console.note(why);
        }
        if let Some(finding) = finding {
            finding.tell(console);
        }
        Ok(())
    }

    fn taken(&self) -> Failure {
        let At { provider, context } = &self.at;
        Failure::failed(format!(
            "{} has an active credential for {provider}: `bellhop credential rotate {provider}@{context}{}` gives it a new \
             key, `disable` makes room for another",
            self.subject(),
            self.user.as_ref().map(|user| format!(" --user {user}")).unwrap_or_default()
        ))
    }

    fn subject(&self) -> String {
        Home { context: Some(self.at.context.clone()), user: self.user.clone() }.to_string()
    }
}

/// A source that the configuration says nothing of. The process that serves may have another one, so it is entered.
fn unread(local: &Local, version: &Version) -> Option<&'static str> {
    let is_vault = matches!(version.source.as_ref()?.place, Place::Vault { .. });
    (is_vault && local.config.sources.vault.is_none()).then_some(
        "note: `sources.vault` is not configured here, and until it is where Bellhop serves, nothing is paid with this",
    )
}
