//! `bellhop audit …`: who did what, and whether the trail is what was written.
//! Owns nothing.
//! Never changes an entry: nothing can.

use super::{
    Console, Failure,
    api::{Api, asked},
    console::{Form, counted},
    moment::Moment,
    progress::Length,
};
use crate::{
    clock::Clock,
    manage::{
        Listed,
        audit::{CheckCheckpoints, Checked, Entry, Finding, Verified},
    },
    sync::checkpoint::Checkpoint,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

#[derive(Subcommand, Debug)]
pub enum AuditCommand {
    /// List what was done, newest first
    #[command(after_help = "Examples:\n  \
        bellhop audit list --action token. --from 7d\n  \
        bellhop audit list --actor me")]
    List(List),
    /// Print all of it, newest first, as JSON: a line for each entry
    Export(Which),
    /// Say whether the trail is what was written: nothing edited, deleted, moved or cut off
    #[command(after_help = "Examples:\n  \
        bellhop audit verify\n  \
        bellhop audit verify --anchor copy-of-audit-checkpoints\n  \
        bellhop audit verify --anchor collected.log       its `audit checkpoint` lines (log.format: json)\n\n\
        Exit code 1 if anything is found.")]
    Verify(Verify),
}

#[derive(Args, Debug)]
pub struct Which {
    /// Only what this one did: `me`, a user, `system`, `command-line`
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only such acts: `token.revoked`, or as they begin: `token.`
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to this
    #[arg(long)]
    subject: Option<String>,
    /// From this time on: 2026-10-01, or 7d for so long ago
    #[arg(long, value_name = "WHEN")]
    from: Option<Moment>,
    /// Up to before this time
    #[arg(long, value_name = "WHEN")]
    to: Option<Moment>,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// At most so many
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: u32,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Verify {
    /// Checkpoints that were kept elsewhere: a copy of `audit-checkpoints`, or a log in JSON
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    #[command(flatten)]
    form: Form,
}

impl AuditCommand {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(api, console).await,
            Self::Export(which) => which.export(api, console).await,
            Self::Verify(verify) => verify.run(api, console).await,
        }
    }
}

impl Which {
    fn path(self) -> String {
        let now = Clock::system().now();
        let moment = |moment: Option<Moment>| moment.map(|moment| moment.day(now).to_string());
        let query = [
            ("actor", self.actor),
            ("action", self.action),
            ("subject", self.subject),
            ("from", moment(self.from)),
            ("to", moment(self.to)),
        ];
        asked("/audit", &query)
    }

    async fn export(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let (path, mut after) = (self.path(), None);
        let progress = console.screen.begin_beside_results("entries", Length::Counted);
        loop {
            let Listed { items, next }: Listed<Entry> = progress.during(api.page(&path, after, 200)).await?;
            progress.add(items.len() as u64);
            for entry in items {
                console.say(format_args!("{}\n", json!(entry)));
            }
            match next {
                None => return Ok(()),
                next => after = next,
            }
        }
    }
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let entries: Vec<Entry> = api.first(&self.which.path(), self.limit as usize).await?;
        let lines: Vec<Value> = entries.into_iter().map(line).collect();
        console.table(self.form, &["at", "actor", "action", "subject", "detail", "seq"], &lines);
        Ok(())
    }
}

/// People know each other by name.
fn line(entry: Entry) -> Value {
    let mut line = json!(entry);
    if let Some(user) = &entry.user {
        line["actor"] = json!(user);
    }
    line
}

impl Verify {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut anchors = Vec::new();
        for path in &self.anchor {
            anchors.append(&mut checkpoints(path)?);
        }
        let progress = console.begin(self.form, "verifying", Length::Unknown);
        let Verified { entries, last, pruned, checkpoints, mut findings, .. } =
            progress.during(api.get("/audit/verify")).await?;
        let held = checkpoints + anchors.len() as u64;
        for checkpoints in anchors.chunks(200) {
            let sent = CheckCheckpoints { checkpoints: checkpoints.to_vec() };
            let checked: Checked = progress.during(api.post("/audit/verify", &sent)).await?;
            findings.extend(checked.findings);
        }
        drop(progress);
        // Two copies of one checkpoint tell the same.
        let mut told: Vec<Finding> = Vec::new();
        for finding in findings {
            if !told.contains(&finding) {
                told.push(finding);
            }
        }
        if self.form.json {
            console.json(&json!({
                "intact": told.is_empty(), "entries": entries, "last": last, "pruned": pruned, "checkpoints": held, "findings": told
            }));
        } else if !told.is_empty() {
            console.table(self.form, &["kind", "entry", "text"], &told);
        }
        let held = counted(held as usize, "checkpoint");
        if told.is_empty() {
            let from = pruned.map_or_else(String::new, |pruned| {
                format!("from number {} (what was before that was older than `audit.keep`) ", pruned + 1)
            });
            console.note(format_args!("intact: {entries} entries, {from}up to number {last}, held against {held}"));
            return Ok(());
        }
        Err(Failure::failed(format!("the audit trail is not what was written: {}", counted(told.len(), "finding"))))
    }
}

/// What of a file is a checkpoint: every line of a copy, some lines of a log.
fn checkpoints(path: &PathBuf) -> Result<Vec<Checkpoint>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let found: Vec<Checkpoint> = text.lines().filter_map(checkpoint).collect();
    if found.is_empty() {
        return Err(Failure::failed(format!("{}: there is no checkpoint in it", path.display())));
    }
    Ok(found)
}

fn checkpoint(line: &str) -> Option<Checkpoint> {
    let line: Value = serde_json::from_str(line).ok()?;
    let [at, seq, mac, signature] = ["at", "seq", "mac", "signature"].map(|field| line.get(field).cloned());
    serde_json::from_value(json!({ "at": at?, "seq": seq?, "mac": mac?, "signature": signature? })).ok()
}
