//! `bellhop migrate`: what the store's schema lacks, and, when it is asked for, what old programs would miss taken away.
//! Owns nothing.
//! Never changes anything with `--dry-run`, and never takes away what a running process needs.

use super::{
    Console, Failure,
    console::{Form, counted},
    local::{Local, entry},
};
use crate::{
    app,
    config::Sources,
    store::{Contracted, Outlook, Pending, Running, Store, StoreError},
};
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop migrate --dry-run          what is pending, and who holds it back\n  \
    bellhop migrate                    what adds to the schema; whoever opens the store does that too\n  \
    bellhop migrate --contract         also what old programs would miss, once none of them runs\n\n\
    Exit codes: 0 done, or nothing to do; 1 held back by a running process, or failed; 78 the store is newer than this \
    program.")]
pub struct Migrate {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Also take away what programs of an earlier version need, if none of them runs any more
    #[arg(long)]
    contract: bool,
    #[command(flatten)]
    form: Form,
}

impl Migrate {
    pub async fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let config = sources.load()?.config;
        let address = app::address(&config)?;
        let outlook = Store::outlook(&address).await?;
        if outlook.found > outlook.known {
            return Err(StoreError::Newer { found: outlook.found, known: outlook.known }.into());
        }
        if self.dry_run {
            tell(&outlook, self.form, console);
            return Ok(());
        }
        let local = Local::open(config).await?;
        let mut contracted = Contracted::default();
        if self.contract {
            contracted = Store::contract(&address).await?;
            record(&local, &contracted.taken).await?;
        }
        let left = Store::outlook(&address).await?;
        local.store.close().await;
        let of_kind = |contracts: bool| {
            let wanted = move |step: &&Pending| (step.kind == "contract") == contracts;
            outlook.pending.iter().filter(wanted).map(|step| step.name)
        };
        let taken: Vec<&str> = of_kind(false).chain(contracted.taken.iter().copied()).collect();
        if self.form.json {
            console.json(&json!({
                "version": left.found, "knows": left.known, "taken": taken, "pending": left.pending,
                "processes": left.processes,
            }));
        } else {
            for name in &taken {
                console.note(format_args!("taken: {name}"));
            }
        }
        if contracted.held.is_empty() {
            let more = if left.pending.is_empty() { "" } else { "; `--contract` takes what is left" };
            console.note(format_args!("the store's schema is of version {}{more}", left.found));
            return Ok(());
        }
        Err(held_back(&contracted))
    }
}

fn tell(outlook: &Outlook, form: Form, console: &mut Console<'_>) {
    let Outlook { found, known, pending, processes, .. } = outlook;
    if form.json {
        return console.json(&json!({ "version": found, "knows": known, "pending": pending, "processes": processes }));
    }
    match (found, pending.len()) {
        (0, _) => console.note(format_args!("there is no store yet; what opens it first makes it, of version {known}")),
        (_, 0) => console.note(format_args!("the store's schema is of version {found}: nothing is pending")),
        (_, count) => {
            let steps = counted(count, "step");
            console.note(format_args!("the store's schema is of version {found}: {steps} pending"));
            console.table(form, &["version", "kind", "name", "held_by"], pending);
        }
    }
    if pending.iter().any(|step| !step.held_by.is_empty()) {
        console.table(form, &["id", "version", "knows", "seen"], processes);
    }
}

/// What was done to the schema for good is in the trail.
async fn record(local: &Local, taken: &[&str]) -> Result<(), Failure> {
    if taken.is_empty() {
        return Ok(());
    }
    let mut tx = local.write().await?;
    for name in taken {
        tx.record(entry("schema.contracted", name));
    }
    tx.commit().await?;
    Ok(())
}

fn held_back(contracted: &Contracted) -> Failure {
    let steps: Vec<&str> = contracted.held.iter().map(|step| step.name).collect();
    let holds = |process: &&Running| contracted.held.iter().any(|step| step.held_by.contains(&process.id));
    let processes: Vec<String> = contracted.processes.iter().filter(holds).map(named).collect();
    Failure::failed(format!(
        "{} held back: these processes do not know {}: {}. End them, or bring them up to this version, and run it again",
        steps.join(", "),
        if steps.len() == 1 { "it" } else { "them" },
        processes.join("; "),
    ))
}

fn named(process: &Running) -> String {
    let Running { id, version, knows, seen, .. } = process;
    let version = version.as_deref().unwrap_or("of an earlier version");
    let knows = knows.map_or_else(String::new, |knows| format!(", knows the schema up to {knows}"));
    format!("{id} (Bellhop {version}{knows}, seen {seen})")
}
