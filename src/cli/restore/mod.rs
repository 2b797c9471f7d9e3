//! `bellhop restore FILE`: a backup in the place of the store, with a choice made of what ended since it was made.
//! Owns the store's file alone while it runs, and a draft beside it until everything is decided.
//! Never lets a revoked token work again without having been told to, and never throws the store away that was there.

mod report;
mod settle;

use super::{
    Console, Failure,
    backup::{self, Draft, seal, seal::Seal, side, sync_folder},
    console::{Form, counted},
    local::entry,
    progress::Length,
};
use crate::{
    app,
    clock::{Clock, Timestamp},
    config::{Config, Sources},
    jobs::spooled,
    store::{Address, Alone, Change, SCHEMA, Store, StoreError},
    sync::checkpoint::CheckpointFile,
    vault::Vault,
};
use clap::{Args, ValueEnum};
use report::Report;
use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop restore FILE                               what it would bring back, and change nothing\n  \
    bellhop restore FILE --replace --revoked keep      what ended since the backup stays ended\n  \
    bellhop restore FILE --revoked all                 on a new machine: all tokens are made anew\n  \
    bellhop restore --settle --revoked all             after PostgreSQL was set back by its own tools\n\n\
    `--revoked` has to be said, as tokens that were revoked, people who were disabled and passwords that were changed since\n\
    the backup would otherwise open doors again:\n  \
    keep      what the present store knows to have ended since then stays so\n  \
    restore   everything as in the backup\n  \
    all       all tokens are revoked\n\
    Sessions and links end in any case.")]
pub struct Restore {
    /// What `bellhop backup` has made
    #[arg(value_name = "FILE", required_unless_present = "settle", conflicts_with = "settle")]
    file: Option<PathBuf>,
    /// Put it in the place of the store that is there, which is kept beside it
    #[arg(long)]
    replace: bool,
    /// What becomes of what ended since
    #[arg(long, value_enum)]
    revoked: Option<Revoked>,
    /// No file: the store was set back by other means; make the choice, and let `serve` start again
    #[arg(long, conflicts_with = "replace")]
    settle: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Revoked {
    Keep,
    Restore,
    All,
}

impl Restore {
    pub async fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let config = sources.load()?.config;
        let Some(file) = &self.file else { return settle::run(config, self.revoked, console).await };
        let address = app::address(&config)?;
        let Address::Sqlite(path) = &address else {
            return Err(Failure::usage(
                "the store is on PostgreSQL: set it back by its own tools, and then run `bellhop restore --settle`",
            ));
        };
        let seal = Seal::of(file)?;
        if seal.schema > SCHEMA {
            return Err(StoreError::Newer { found: seal.schema, known: SCHEMA }.into());
        }
        make_folder(path)?;
        let Some(alone) = address.hold_alone().await? else {
            return Err(Failure::failed(format!(
                "{} is in use: end `bellhop serve` and every other command on it first",
                path.display()
            )));
        };
        let place = Place { config: &config, address: &address, path, alone };
        self.put(&place, file, &seal, console).await
    }

    async fn put(&self, place: &Place<'_>, file: &Path, seal: &Seal, console: &mut Console<'_>) -> Result<(), Failure> {
        let (draft, to) = Draft::at(side(place.path, ".restoring"))?;
        let progress = console.begin(Form { json: false }, "reading the backup", Length::Unknown);
        progress.during(seal::open(file.into(), seal.clone(), to)).await?;
        // An older one is brought up to this program's schema.
        let store = progress.during(Store::open(&Address::Sqlite(draft.path.clone()))).await?;
        let opened = progress.during(opened(&store, place.config, seal, file)).await;
        drop(progress);
        let done = match opened {
            Ok(vault) => self.decide(place, (file, seal), (&store, &vault), console).await,
            Err(failure) => Err(failure),
        };
        store.close().await;
        drop(store);
        let report = done?;
        let aside = place.exchange(&draft).await?;
        report.tell_done(aside.as_deref(), console);
        Ok(())
    }

    /// Says what would come back, and does with it what was chosen; nothing, if nothing was.
    async fn decide(
        &self,
        place: &Place<'_>,
        (file, seal): (&Path, &Seal),
        (store, vault): (&Store, &Vault),
        console: &mut Console<'_>,
    ) -> Result<Report, Failure> {
        let report = Report::of(place, seal, store).await?;
        report.tell(console);
        let chosen = self.chosen(&report, place.path)?;
        let now = Clock::system().now();
        let mut tx = store.write(vault.signer(), now).await?;
        let became = match chosen {
            Revoked::Keep => {
                tx.keep_ended(report.comeback()).await?;
                "what ended since stays so".to_owned()
            }
            Revoked::Restore => "everything as in the backup".to_owned(),
            Revoked::All => format!("{} revoked", counted(tx.revoke_all_tokens().await?, "token")),
        };
        let ended = tx.end_everything_open().await?;
        tx.forget_all_processes().await?;
        tx.leap().await?;
        tx.announce(Change::Everything);
        let detail = format!(
            "made {}, audit trail up to number {}; {became}; {} ended; {}",
            seal.made,
            seal.audit,
            counted(ended, "session or link"),
            report.lost(),
        );
        tx.record(entry(RESTORED, file.display()).detail(detail));
        tx.commit().await?;
        Ok(report)
    }

    fn chosen(&self, report: &Report, path: &Path) -> Result<Revoked, Failure> {
        if report.is_replacing() && !self.replace {
            let path = path.display();
            return Err(Failure::usage(format!(
                "nothing was changed: there is a store at {path}; `--replace` puts the backup in its place and keeps it beside"
            )));
        }
        match (self.revoked, report.obstacle()) {
            (None, None) => Err(Failure::usage(
                "nothing was changed: say what becomes of what ended since the backup: `--revoked keep`, `--revoked restore` or \
                 `--revoked all`",
            )),
            (None, Some(_)) => Err(Failure::usage(
                "nothing was changed: nothing here knows what ended since the backup. Say `--revoked all`, and all tokens are made \
                 anew, or `--revoked restore`, and all work that did then",
            )),
            (Some(Revoked::Keep), Some(obstacle)) => Err(Failure::failed(format!(
                "nothing was changed: `--revoked keep` is not possible, as {obstacle}; choose `--revoked all` or `--revoked restore`"
            ))),
            (Some(chosen), _) => Ok(chosen),
        }
    }
}

/// The action of the audit trail that tells of it.
const RESTORED: &str = crate::sync::set_back::RESTORED;

/// Whether the keys are this store's, the line its own, and all of it whole.
async fn opened(store: &Store, config: &Config, seal: &Seal, file: &Path) -> Result<Vault, Failure> {
    let vault = Vault::open(store, app::master_source(config), Clock::system().now()).await?;
    if !seal.is_signed_by(&*vault.signer()) {
        return Err(Failure::failed(format!("{} does not bear this store's mark: it was edited", file.display())));
    }
    backup::whole(store, &vault).await?;
    Ok(vault)
}

/// Where the store is, or is to be.
pub struct Place<'p> {
    config: &'p Config,
    address: &'p Address,
    path: &'p Path,
    alone: Alone,
}

impl Place<'_> {
    /// The draft becomes the store; where the one before it is now, if there was one.
    async fn exchange(&self, draft: &Draft) -> Result<Option<PathBuf>, Failure> {
        let Some(_draft) = Address::Sqlite(draft.path.clone()).hold_alone().await? else {
            return Err(Failure::failed(format!("{} is used by somebody else", draft.path.display())));
        };
        let stamp = self.stamp(Clock::system().now());
        let aside = self.path.exists().then(|| side(self.path, &format!(".replaced-{stamp}")));
        let put = || {
            if let Some(aside) = &aside {
                fs::hard_link(self.path, aside)?;
                // A damaged one keeps its log, which SQLite would take for the other's.
                for end in ["-wal", "-shm"].into_iter().filter(|end| side(self.path, end).exists()) {
                    fs::rename(side(self.path, end), side(aside, end))?;
                }
            }
            fs::rename(&draft.path, self.path)?;
            sync_folder(self.path)
        };
        put().map_err(|error| backup::failed(self.path, &error))?;
        let put_aside = CheckpointFile::of(&self.config.data_dir).put_aside(&stamp);
        put_aside.map_err(|error| backup::failed(&self.config.data_dir, &error))?;
        Ok(aside)
    }

    /// The second, and a number where there was another in it.
    fn stamp(&self, now: Timestamp) -> String {
        let second: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let numbered = (1..).map(|number| if number == 1 { second.clone() } else { format!("{second}-{number}") });
        let mut free = numbered.filter(|stamp| !side(self.path, &format!(".replaced-{stamp}")).exists());
        free.next().unwrap_or(second.clone())
    }

    fn spooled(&self) -> usize {
        spooled(&self.config.data_dir).map_or(0, |entries| entries.len())
    }
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| backup::failed(folder, &error))
}
