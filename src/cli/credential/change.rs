//! `bellhop credential rotate`, `disable`, `enable` and `delete`.
//! Owns the secrets that were given until they are sent.
//! Never changes an id: receipts and audit entries name it.

use super::{chosen::Chosen, served};
use crate::{
    cli::{
        Console, Failure,
        api::Api,
        console::{counted, shown},
        fields::FieldSources,
        moment::Moment,
    },
    clock::Clock,
    credential::State,
    manage::credentials::{
        ChangeCredential, Consequences, Credential, EnteredCredential, Removed, RemovedState, RotateCredential, Switch,
    },
};
use clap::Args;

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
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let credential = self.chosen.find(api).await?;
        let served = served(api, &credential.provider).await?;
        // Of several secrets only the one that changed need be given; what a source gives is not kept.
        let set = match credential.details {
            Some(details) if details.source.is_none() && !self.sources.is_empty() => details.secret_fields,
            _ => Vec::new(),
        };
        let (fields, source) = self.sources.wanted(&served.provider, &set, console)?;
        let expires = self.expires.map(|moment| moment.from(Clock::system().now()));
        let wanted = RotateCredential { fields, source, expires, probe: self.probe };
        let path = format!("/credentials/{}/versions", credential.id);
        let EnteredCredential { credential, finding, open_jobs, warning } = api.post(&path, &wanted).await?;
        console.note(format_args!("{} is at version {} now", credential.id, credential.version));
        if let Some(finding) = finding {
            finding.tell(console);
        }
        if let Some(warning) = warning {
            console.note(format_args!("note: {warning}"));
        }
        if credential.state == State::Disabled {
            console.note(format_args!("it is disabled still: `bellhop credential enable {}`", credential.id));
        }
        if expires.is_none() && credential.expired {
            console.note("it has expired, and a new version does not change that: give --expires as well");
        }
        if open_jobs > 0 {
            console.note(format_args!(
                "{} that it made {} open: questions about {} go out with the new version, which has to be of the same account",
                counted(usize::try_from(open_jobs).unwrap_or(usize::MAX), "job"),
                if open_jobs == 1 { "is" } else { "are" },
                if open_jobs == 1 { "it" } else { "them" },
            ));
        }
        Ok(())
    }
}

impl Chosen {
    pub async fn switch(self, api: &Api, console: &mut Console<'_>, state: Switch) -> Result<(), Failure> {
        let credential = self.find(api).await?;
        let wanted = State::from(state);
        if credential.state == wanted {
            console.note(format_args!("{} is {wanted} already", credential.id));
            return Ok(());
        }
        let change = ChangeCredential { state: Some(state), ..ChangeCredential::default() };
        let changed: Credential = api.patch(&format!("/credentials/{}", credential.id), &change).await?;
        console.note(format_args!("{} is {} now", changed.id, changed.state));
        Ok(())
    }
}

impl Delete {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Credential { id, label, version, .. } = self.chosen.find(api).await?;
        if !self.yes {
            let lost: Consequences = api.get(&format!("/credentials/{id}/consequences")).await?;
            return Err(Failure::failed(format!(
                "this would destroy `{}` ({id}, version {version}) for good, and whoever pays with it is refused{}: add \
                 `--yes` to do it",
                shown(&label),
                still(lost.open_jobs)
            )));
        }
        let path = format!("/credentials/{id}?force={}", self.force);
        let removed: Removed = api.remove(&path).await?;
        match removed.state {
            RemovedState::Deleted => console.note(format_args!("deleted {id}")),
            RemovedState::Retired => console.note(format_args!(
                "{id} pays for nothing new from now on{}. It serves questions about them and goes when they have ended; \
                 `--yes --force` destroys it at once",
                still(removed.open_jobs)
            )),
        }
        Ok(())
    }
}

fn still(open_jobs: u64) -> String {
    match open_jobs {
        0 => String::new(),
        1 => "; 1 open job still needs this token".into(),
        many => format!("; {many} open jobs still need this token"),
    }
}
