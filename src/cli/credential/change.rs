//! `bellhop credential rotate`, `disable`, `enable` and `delete`.
//! Owns nothing; what a rotation keeps of the current version is opened for as long as the new one is sealed.
//! Never changes an id: receipts and audit entries name it.

use super::{chosen::Chosen, probe, unread};
use crate::{
    ask::probe::Finding,
    cli::{
        Console, Failure,
        console::{counted, shown},
        fields::FieldSources,
        local::{Local, entry},
        moment::Moment,
        version::Version,
    },
    credential::State,
    provider::Provider,
    secret::Secret,
    store::{Conflict, CredentialChange, CredentialRow, StoreError},
    vault::Label,
};
use clap::Args;
use std::collections::BTreeMap;

#[derive(Args, Debug)]
pub struct Rotate {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    sources: FieldSources,
    /// When the new version ends; without it, as before
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
    /// Ask the provider first whether it takes the new version, and whose it is; what it refuses is not entered
    #[arg(long)]
    probe: bool,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    chosen: Chosen,
    /// Do it, instead of only saying what would go
    #[arg(long)]
    yes: bool,
    /// Destroy it although jobs that it made are still open: nobody can ask about them any more
    #[arg(long, requires = "yes")]
    force: bool,
}

impl Rotate {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = self.chosen.find(&local.catalog, &mut reading).await?;
        drop(reading);
        let provider = local.provider(&row.provider)?;
        let before = row.source.as_deref().and_then(|text| text.parse().ok());
        // What a source gives is not kept as if it had been entered.
        let entered = row.source.is_none() && !self.sources.is_empty();
        let kept = if entered { current_fields(local, &row).await? } else { plain_fields(&row) };
        let version = self.sources.version(provider, kept, before, console)?;
        let unread = unread(local, &version);
        same_account(provider, &row, &version)?;
        let finding =
            if self.probe { Some(probe::found(local, provider, &version).await?.unless_refused()?) } else { None };
        let label = Label { credential: row.id, owner: row.owner, provider: provider.id(), version: row.version + 1 };
        let version = version.seal(&local.vault, label)?;
        let mut tx = local.write().await?;
        if let Some(finding) = &finding {
            same_probed_account(tx.probed_account(row.id).await?.as_deref(), finding)?;
        }
        let open = tx.open_jobs(row.id).await?;
        match tx.add_version(row.id, &version).await {
            Err(StoreError::Conflict(Conflict::Missing)) => {
                return Err(Failure::failed(
                    "somebody else has just rotated or deleted it: look at it again, then repeat",
                ));
            }
            done => done?,
        }
        if let Some(finding) = &finding {
            tx.note_probe(row.id, version.version, &finding.row(local)).await?;
        }
        if let Some(expires) = self.expires {
            tx.change_credential(row.id, CredentialChange::Expires(expires.from(local.now()))).await?;
        }
        tx.record(entry("credential.rotated", row.id).detail(format!("version {}", version.version)));
        tx.commit().await?;
        console.note(format_args!("{} is at version {} now", row.id, version.version));
        if let Some(finding) = finding {
            finding.tell(console);
        }
        if let Some(why) = unread {
            console.note(why);
        }
        if row.state == State::Disabled {
            console.note(format_args!("it is disabled still: `bellhop credential enable {}`", row.id));
        }
        if self.expires.is_none() && row.expires <= local.now() {
            console.note("it has expired, and a new version does not change that: give --expires as well");
        }
        if open > 0 {
            console.note(format_args!(
                "{} that it made {} open: questions about {} go out with the new version, which has to be of the same account",
                counted(open, "job"),
                if open == 1 { "is" } else { "are" },
                if open == 1 { "it" } else { "them" },
            ));
        }
        Ok(())
    }
}

fn plain_fields(row: &CredentialRow) -> BTreeMap<String, Secret> {
    row.plain_fields.iter().map(|(name, value)| (name.to_string(), Secret::new(&**value))).collect()
}

/// With its secrets, so that of several only the one that changed need be given.
async fn current_fields(local: &Local, row: &CredentialRow) -> Result<BTreeMap<String, Secret>, Failure> {
    let mut fields = plain_fields(row);
    if let Some(sealed) = local.store.sealed(row.id, row.version).await? {
        let secrets = local.vault.unseal(&sealed).await?;
        fields.extend(secrets.into_iter().map(|(name, value)| (name.into(), value)));
    }
    Ok(fields)
}

/// Jobs of one account cannot be asked about with a key of another, so that is a new credential.
fn same_account(provider: &Provider, row: &CredentialRow, version: &Version) -> Result<(), Failure> {
    let Some(account) = &provider.preset().account else { return Ok(()) };
    if row.plain_fields.get(account).map(|value| &**value) == account_of(provider, account, version) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "`{account}` is another account: a new version must be of the same one. Disable this credential and add another"
    )))
}

fn account_of<'v>(provider: &'v Provider, field: &str, version: &'v Version) -> Option<&'v str> {
    let default = || provider.preset().field(field).and_then(|spec| spec.default.as_deref());
    version.plain.get(field).map(|value| &**value).or_else(default)
}

/// What the provider itself says of both.
fn same_probed_account(before: Option<&str>, finding: &Finding) -> Result<(), Failure> {
    let (Some(before), Some(now)) = (before, finding.account.as_deref()) else { return Ok(()) };
    if before == now {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "it is of another account, {}, and this credential is of {}: a new version must be of the same one. Disable this \
         credential and add another with `bellhop credential add`",
        shown(now),
        shown(before)
    )))
}

impl Chosen {
    pub async fn switch(self, local: &Local, console: &mut Console<'_>, state: State) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let row = self.find(&local.catalog, &mut tx).await?;
        if row.state == state {
            console.note(format_args!("{} is {state} already", row.id));
            return Ok(());
        }
        match tx.change_credential(row.id, CredentialChange::State(state)).await {
            Err(StoreError::Conflict(Conflict::ActiveCredential)) => {
                return Err(Failure::failed(
                    "its owner has another active one for this provider: disable that one first",
                ));
            }
            done => done?,
        }
        let action = if state == State::Active { "credential.enabled" } else { "credential.disabled" };
        tx.record(entry(action, row.id));
        tx.commit().await?;
        console.note(format_args!("{} is {state} now", row.id));
        Ok(())
    }
}

impl Delete {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut tx = local.write().await?;
        let row = self.chosen.find(&local.catalog, &mut tx).await?;
        let open = tx.open_jobs(row.id).await?;
        let still = match open {
            0 => String::new(),
            1 => "; 1 open job still needs this token".into(),
            many => format!("; {many} open jobs still need this token"),
        };
        if !self.yes {
            return Err(Failure::failed(format!(
                "this would destroy `{}` ({}, version {}) for good, and whoever pays with it is refused{still}: add \
                 `--yes` to do it",
                shown(&row.label),
                row.id,
                row.version
            )));
        }
        if open > 0 && !self.force {
            tx.retire_credential(row.id).await?;
            tx.record(entry("credential.retired", row.id).detail(format!("{open} open jobs")));
            tx.commit().await?;
            console.note(format_args!(
                "{} pays for nothing new from now on{still}. It serves questions about them and goes when they have ended; \
                 `--yes --force` destroys it at once",
                row.id
            ));
            return Ok(());
        }
        tx.delete_credential(row.id).await?;
        tx.record(entry("credential.deleted", row.id).detail(row.provider.to_string()));
        tx.commit().await?;
        console.note(format_args!("deleted {}", row.id));
        Ok(())
    }
}
