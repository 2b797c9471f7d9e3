//! `bellhop vacuum`: gives the room that SQLite's file does not use back to the system.
//! Owns nothing.
//! Never holds up a submission for longer than a few pages take, unless it is told to write the file anew.

use super::{Console, Failure, console::Form, local::Local, progress::Length};
use crate::store::Room;
use clap::Args;
use serde_json::json;
use std::time::Duration;

#[derive(Args, Debug)]
#[command(
    after_help = "It may run beside `serve`. A file that an early Bellhop has made gives nothing back in steps: `--rebuild` writes\n\
    it anew once, and whoever writes waits until that is done; it needs as much room again meanwhile."
)]
pub struct Vacuum {
    /// Write the whole file anew, once, while nobody else can write
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    form: Form,
}

/// Pages at once, and how long others have their turn before the next.
const STEP: u32 = 256;
const PAUSE: Duration = Duration::from_millis(20);

impl Vacuum {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let Some(before) = local.store.room().await? else {
            return Err(Failure::usage("the store is on PostgreSQL, whose autovacuum does this"));
        };
        if self.rebuild {
            let progress = console.begin(self.form, "writing the file anew", Length::Unknown);
            progress.during(local.store.rebuild()).await?;
        } else if !before.in_steps && before.free > 0 {
            return Err(Failure::failed(format!(
                "{} of {} bytes are free, and this file gives nothing back in steps: run `bellhop vacuum --rebuild` once, when nobody \
                 submits",
                before.free * before.page_size,
                before.pages * before.page_size
            )));
        } else {
            self.in_steps(local, before, console).await?;
        }
        let after = local.store.room().await?.unwrap_or(before);
        let bytes = |room: Room| room.pages * room.page_size;
        if self.form.json {
            console
                .json(&json!({ "before": bytes(before), "after": bytes(after), "free": after.free * after.page_size }));
        } else {
            console.note(format_args!("the store's file was of {} bytes and is of {}", bytes(before), bytes(after)));
        }
        Ok(())
    }

    async fn in_steps(&self, local: &Local, before: Room, console: &mut Console<'_>) -> Result<(), Failure> {
        let progress = console.begin(self.form, "giving back", Length::Known(before.free));
        let mut left = before.free;
        while left > 0 {
            progress.during(local.store.give_back(STEP)).await?;
            let now = local.store.room().await?.map_or(0, |room| room.free);
            if now >= left {
                // Others free as much as is given back: enough.
                break;
            }
            progress.add(left - now);
            left = now;
            tokio::time::sleep(PAUSE).await;
        }
        local.store.fold_log().await?;
        Ok(())
    }
}
