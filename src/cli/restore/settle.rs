//! `bellhop restore --settle`: the choice, where a store was set back by other tools than Bellhop's.
//! Owns nothing.
//! Never while somebody serves from the store.

use super::{Console, Failure, RESTORED, Revoked, counted};
use crate::{
    app,
    cli::local::{Local, entry},
    config::Config,
    store::{Change, Outlook, Store},
    sync::set_back::SetBack,
};

pub async fn run(config: Config, revoked: Option<Revoked>, console: &mut Console<'_>) -> Result<(), Failure> {
    let address = app::address(&config)?;
    let Outlook { processes, .. } = Store::outlook(&address).await?;
    if let Some(process) = processes.first() {
        return Err(Failure::failed(format!(
            "{} serve from this store, such as {}: end them first. One that ended with the old database is forgotten a minute \
             after it was seen last ({})",
            counted(processes.len(), "process").replace("processs", "processes"),
            process.id,
            process.seen
        )));
    }
    let local = Local::open(config).await?;
    let found = SetBack::find(&local.store, &*local.vault.signer(), &local.config.data_dir).await;
    match found.map_err(Failure::failed)? {
        Some(found) => console.note(&found),
        None => {
            console.note("by the checkpoints of this machine the store was not set back; other machines may know more");
        }
    }
    let done = settle(&local, revoked, console).await;
    local.store.close().await;
    done
}

async fn settle(local: &Local, revoked: Option<Revoked>, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut tx = local.write().await?;
    let became = match revoked {
        None => {
            return Err(Failure::usage(
                "nothing was changed: say what becomes of tokens that may have been revoked since: `--revoked all`, and all are made \
                 anew, or `--revoked restore`, and all work that did then",
            ));
        }
        Some(Revoked::Keep) => {
            return Err(Failure::usage(
                "nothing was changed: what ended since then was known to the database that is gone; choose `--revoked all` or \
                 `--revoked restore`",
            ));
        }
        Some(Revoked::Restore) => "everything as it was then".to_owned(),
        Some(Revoked::All) => format!("{} revoked", counted(tx.revoke_all_tokens().await?, "token")),
    };
    let ended = tx.end_everything_open().await?;
    tx.leap().await?;
    tx.announce(Change::Everything);
    let detail = format!("set back by other means; {became}; {} ended", counted(ended, "session or link"));
    tx.record(entry(RESTORED, "the store").detail(detail.clone()));
    tx.commit().await?;
    console.note(format_args!("{detail}; `bellhop serve` can start"));
    Ok(())
}
