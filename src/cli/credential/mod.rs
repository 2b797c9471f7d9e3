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
    api::{Api, escaped},
    fields::FieldSources,
    moment::Moment,
    whose::require_owner,
};
use crate::{
    clock::Clock,
    identity::UserName,
    manage::{
        credentials::{CreateCredential, EnteredCredential, Switch},
        providers::ProviderDetails,
    },
};
use change::{Delete, Rotate};
use chosen::{At, Chosen};
use clap::{Args, Subcommand};
use list::{List, Show};
use probe::Probe;
use restrict::{Restrict, Restrictions};

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
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Show(show) => show.run(api, console).await,
            Self::Rotate(rotate) => rotate.run(api, console).await,
            Self::Probe(probe) => probe.run(api, console).await,
            Self::Disable(chosen) => chosen.switch(api, console, Switch::Disabled).await,
            Self::Enable(chosen) => chosen.switch(api, console, Switch::Active).await,
            Self::Restrict(restrict) => restrict.run(api, console).await,
            Self::Delete(delete) => delete.run(api, console).await,
        }
    }
}

impl Add {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let At { provider, context } = self.at;
        let served = served(api, &provider).await?;
        let (fields, source) = self.sources.wanted(&served.provider, &[], console)?;
        require_owner(api, &context, self.user.as_ref())?;
        let whose = self.user.as_ref().map(|user| format!(" of {user}")).unwrap_or_default();
        let subject = format!("{provider}@{context}{whose}");
        let Restrictions { projects, members } = self.restrictions;
        let wanted = CreateCredential {
            context,
            user: self.user.map(|user| user.to_string()),
            provider,
            label: self.label,
            fields,
            source,
            expires: Some(self.expires.from(Clock::system().now())),
            projects,
            members,
            probe: self.probe,
        };
        let EnteredCredential { credential, finding, warning, .. } = api.post("/credentials", &wanted).await?;
        console.note(format_args!("added {subject}, {}", credential.id));
        if let Some(warning) = warning {
            console.note(format_args!("note: {warning}"));
        }
        if let Some(finding) = finding {
            finding.tell(console);
        }
        Ok(())
    }
}

/// What a credential of this provider consists of.
async fn served(api: &Api, provider: &str) -> Result<ProviderDetails, Failure> {
    api.get(&format!("/providers/{}", escaped(provider))).await
}
