//! `bellhop backup FILE`: the whole of a SQLite store as it is at one moment, while others go on using it.
//! Owns a draft beside the file until all of it is written, synced and read again.
//! Never writes over anything, and never puts the master key into it.
//!
//! Why the spool goes in: what a provider has answered and the store could not take stands in the spool, and its caller has
//! seen the answer. It is read before the copy is made and entered into the copy, so that nothing falls between the two.

pub mod seal;

use super::{
    Console, Failure,
    console::{Form, counted},
    local::{Local, entry},
    progress::Length,
};
use crate::{
    app,
    config::{Config, Sources},
    job::entry::{Entered, Entry},
    jobs::spooled,
    manage::audit::walk_trail,
    store::{Address, Store},
    vault::{MasterSource, Vault},
};
use clap::Args;
use seal::Seal;
use serde_json::json;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop backup /var/backups/bellhop-$(date +%F).backup\n\n\
    It may run beside `serve`. The file holds everything that the store does, and what stands in the spool; it does not hold\n\
    the master key, without which it opens nothing: keep a copy of that apart from it, nor the configuration. `bellhop restore`\n\
    puts it back. A store on PostgreSQL is backed up by PostgreSQL's own tools.")]
pub struct Backup {
    /// Must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    form: Form,
}

impl Backup {
    pub async fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let config = sources.load()?.config;
        let Address::Sqlite(path) = app::address(&config)? else {
            return Err(Failure::usage(
                "the store is on PostgreSQL: back it up with pg_dump or by continuous archiving; `bellhop restore --settle` \
                 comes after such a backup was put back",
            ));
        };
        if !path.exists() {
            return Err(Failure::failed(format!("there is no store to back up in {}", path.display())));
        }
        if self.file.exists() {
            return Err(Failure::failed(format!("{} is there already: nothing is written over", self.file.display())));
        }
        let local = Local::open(config).await?;
        let made = self.make(&local, console).await;
        local.store.close().await;
        self.tell(&local.config, &made?, console);
        Ok(())
    }

    async fn make(&self, local: &Local, console: &mut Console<'_>) -> Result<Made, Failure> {
        let mut tx = local.write().await?;
        tx.record(entry("backup.made", self.file.display()));
        tx.commit().await?;
        let spool = spooled(&local.config.data_dir).map_err(|error| Failure::failed(error.to_string()))?;
        let draft = Draft::beside(&self.file)?;
        self.copy(local, &draft, console).await?;
        let progress = console.begin(self.form, "verifying", Length::Unknown);
        let checked = progress.during(checked(&draft.path, &local.config, &spool)).await?;
        let seal = progress.during(seal::close(&draft.path, &checked)).await?;
        drop(progress);
        draft.become_the(&self.file)?;
        Ok(Made { seal, lost: checked.lost, spooled: spool.len() })
    }

    async fn copy(&self, local: &Local, draft: &Draft, console: &mut Console<'_>) -> Result<(), Failure> {
        let room = local.store.room().await?;
        let expected = room.map_or(0, |room| (room.pages - room.free.min(room.pages)) * room.page_size);
        let progress = console.begin(self.form, "copying", Length::Known(expected));
        let mut told = 0;
        let mut copying = std::pin::pin!(local.store.copy_into(&draft.path));
        loop {
            tokio::select! {
                copied = &mut copying => return Ok(copied?),
                () = tokio::time::sleep(Duration::from_millis(100)) => {
                    let there = fs::metadata(&draft.path).map_or(0, |metadata| metadata.len());
                    progress.add(there.saturating_sub(told));
                    told = there.max(told);
                }
            }
        }
    }

    fn tell(&self, config: &Config, made: &Made, console: &mut Console<'_>) {
        let Made { seal, lost, spooled } = made;
        if self.form.json {
            return console.json(&json!({
                "file": self.file, "made": seal.made, "schema": seal.schema, "audit": seal.audit, "bytes": seal.size,
                "sha256": seal.sha256, "spooled": spooled,
            }));
        }
        let file = self.file.display();
        console.note(format_args!(
            "backed up to {file}: {} bytes, schema version {}, audit trail up to number {}; read again and found whole",
            seal.size, seal.schema, seal.audit
        ));
        if *spooled > 0 {
            let answers = counted(*spooled, "entry").replace("entrys", "entries");
            console.note(format_args!("{answers} of the spool, which the store does not have yet, went in"));
        }
        if *lost > 0 {
            console.note(format_args!("{} of the spool tell of what is not on record", counted(*lost, "line")));
        }
        let key = match app::master_source(config) {
            MasterSource::File(path) => format!("{}", path.display()),
            MasterSource::Environment(name) => format!("the variable {name}"),
        };
        console.note(format_args!(
            "the master key is not in it: keep a copy of {key} elsewhere, or the backup opens nothing"
        ));
    }
}

struct Made {
    seal: Seal,
    /// Of the spool, what found no place.
    lost: usize,
    spooled: usize,
}

/// A store that was found whole.
pub struct Checked {
    pub audit: i64,
    pub signer: std::sync::Arc<crate::vault::AuditKey>,
    pub lost: usize,
}

/// Enters what the spool has, and reads all of it: pages, keys, seals, the audit trail. In the end it is one file.
async fn checked(path: &Path, config: &Config, spool: &[Entry]) -> Result<Checked, Failure> {
    let address = Address::Sqlite(path.into());
    let store = Store::open(&address).await?;
    let checked = check(&store, config, spool).await;
    store.close().await;
    drop(store);
    let checked = checked?;
    let alone = address.hold_alone().await?;
    let _ = fs::remove_file(side(path, ".lock"));
    match alone {
        Some(_) => Ok(checked),
        None => Err(Failure::failed("somebody else has opened the backup while it was made")),
    }
}

async fn check(store: &Store, config: &Config, spool: &[Entry]) -> Result<Checked, Failure> {
    let mut lost = 0;
    for entries in spool.chunks(200) {
        let entered = store.enter(entries).await?;
        lost += entered.iter().filter(|entered| matches!(entered, Entered::Missing)).count();
    }
    let vault = Vault::open(store, app::master_source(config), crate::clock::Clock::system().now()).await?;
    whole(store, &vault).await?;
    let (audit, _) = store.read().await?.audit_end().await?;
    Ok(Checked { audit, signer: vault.signer(), lost })
}

/// Every page, every seal, every link of the audit trail.
pub async fn whole(store: &Store, vault: &Vault) -> Result<(), Failure> {
    let damage = store.damage().await?;
    if !damage.is_empty() {
        return Err(Failure::failed(format!("the copy is damaged: {}", damage.join("; "))));
    }
    let (mut after, mut unread) = (None, 0);
    loop {
        // No key has this id: it is all of them.
        let versions = store.sealed_otherwise(0, after, 500).await?;
        let Some(last) = versions.last() else { break };
        after = Some((last.credential, last.version));
        for version in &versions {
            unread += u32::from(vault.unseal(version).await.is_err());
        }
    }
    if unread > 0 {
        let versions = counted(unread, "version");
        return Err(Failure::failed(format!("{versions} of credentials are not as they were sealed")));
    }
    let walked = walk_trail(store, &*vault.signer()).await?;
    match walked.findings.first() {
        None => Ok(()),
        Some(finding) => Err(Failure::failed(format!(
            "the audit trail is not what was written ({}, {} in all): see `bellhop audit verify`",
            finding.text,
            counted(walked.findings.len(), "finding")
        ))),
    }
}

/// A file that is made beside the one that it is to be, and is gone if it does not become it.
pub struct Draft {
    pub path: PathBuf,
}

impl Draft {
    fn beside(file: &Path) -> Result<Self, Failure> {
        let draft = Self { path: side(file, &format!(".{}.draft", uuid::Uuid::now_v7().simple())) };
        draft.create()?;
        Ok(draft)
    }

    /// In place of what an earlier attempt has left there.
    pub fn at(path: PathBuf) -> Result<(Self, File), Failure> {
        let draft = Self { path };
        draft.clear();
        let file = draft.create()?;
        Ok((draft, file))
    }

    fn create(&self) -> Result<File, Failure> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path);
        made.map_err(|error| failed(&self.path, &error))
    }

    /// Never over another, and whole or not at all, also after a power failure.
    fn become_the(self, file: &Path) -> Result<(), Failure> {
        fs::hard_link(&self.path, file)
            .and_then(|()| fs::remove_file(&self.path))
            .and_then(|()| sync_folder(file))
            .map_err(|error| failed(file, &error))
    }

    fn clear(&self) {
        for end in ["", "-wal", "-shm", "-journal", ".lock"] {
            let _ = fs::remove_file(side(&self.path, end));
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.clear();
    }
}

pub fn side(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

pub fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

pub fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}
