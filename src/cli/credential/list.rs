//! `bellhop credential list` and `show`.
//! Owns nothing.
//! Never shows a secret field, only that it is set.

use super::chosen::Chosen;
use crate::{
    cli::{
        Console, Failure,
        console::Form,
        local::Local,
        lookup::{self, Home, Names},
    },
    clock::Timestamp,
    credential::{State, source::Source},
    id::CredentialId,
    identity::{Context, UserName},
    store::{CredentialRow, Reading, SourceState, Verdict},
};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Args, Debug)]
pub struct List {
    /// Only for this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only of this owner: `me` with --user, `acme`, `acme.optics`
    #[arg(long, value_name = "CONTEXT")]
    of: Option<Context>,
    /// Whose `me` is
    #[arg(long, value_name = "USER", requires = "of")]
    user: Option<UserName>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct CredentialLine {
    provider: Box<str>,
    context: Option<Context>,
    user: Option<UserName>,
    label: Box<str>,
    id: CredentialId,
    version: u32,
    state: &'static str,
    expires: Timestamp,
    restricted_to_projects: Vec<String>,
    restricted_to_members: Vec<String>,
    secret_fields: Vec<Box<str>>,
    plain_fields: BTreeMap<Box<str>, Box<str>>,
    /// Where its value is read from; none: it was entered.
    source: Option<String>,
    /// What the provider last said of it.
    probe: Option<Verdict>,
    probed: Option<Timestamp>,
    account: Option<Box<str>>,
    created: Timestamp,
}

impl CredentialLine {
    async fn read(
        row: CredentialRow,
        names: &mut Names,
        reading: &mut Reading,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let Home { context, user } = names.home(reading, row.owner).await?;
        let (mut projects, mut members) = (Vec::new(), Vec::new());
        for id in &row.restriction.projects {
            let project = names.project(reading, *id).await?;
            projects
                .push(project.map_or_else(|| format!("a deleted project, {id}"), |project| project.name.to_string()));
        }
        for id in &row.restriction.members {
            let member = names.user(reading, *id).await?;
            members.push(member.map_or_else(|| format!("a deleted user, {id}"), |name| name.to_string()));
        }
        let expired = row.state == State::Active && row.expires <= now;
        Ok(Self {
            provider: row.provider,
            context,
            user,
            label: row.label,
            id: row.id,
            version: row.version,
            state: if expired { "expired" } else { row.state.as_str() },
            expires: row.expires,
            restricted_to_projects: projects,
            restricted_to_members: members,
            secret_fields: row.secret_fields,
            plain_fields: row.plain_fields,
            source: row.source.as_deref().map(in_words),
            probe: row.probe.as_ref().map(|probe| probe.verdict),
            probed: row.probe.as_ref().map(|probe| probe.at),
            account: row.probe.and_then(|probe| probe.account),
            created: row.created,
        })
    }
}

impl List {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let rows = match &self.of {
            Some(context) => {
                let owner = lookup::owner(&mut reading, context, self.user.as_ref()).await?;
                reading.credentials_of(owner).await?
            }
            None => all(&mut reading).await?,
        };
        let (mut names, mut lines) = (Names::default(), Vec::new());
        for row in rows {
            if self.provider.as_ref().is_none_or(|provider| **provider == *row.provider) {
                lines.push(CredentialLine::read(row, &mut names, &mut reading, local.now()).await?);
            }
        }
        lines.sort_by(|a, b| (&a.provider, &a.context, &a.user, a.id).cmp(&(&b.provider, &b.context, &b.user, b.id)));
        console.table(
            self.form,
            &["provider", "context", "user", "label", "version", "state", "source", "probe", "expires", "id"],
            &lines,
        );
        if lines.is_empty() {
            console.note("none: `bellhop credential add PROVIDER@CONTEXT` enters one");
        }
        Ok(())
    }
}

async fn all(reading: &mut Reading) -> Result<Vec<CredentialRow>, Failure> {
    const PAGE: u32 = 1_000;
    let (mut rows, mut after): (Vec<CredentialRow>, Option<CredentialId>) = (Vec::new(), None);
    loop {
        let page = reading.credentials(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.id);
        rows.extend(page);
    }
}

impl Show {
    pub async fn run(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut reading = local.read().await?;
        let row = self.chosen.find(&local.catalog, &mut reading).await?;
        let sources = if row.source.is_some() {
            reading.source_states(row.id, row.version).await?.into_iter().map(in_a_process).collect()
        } else {
            Vec::new()
        };
        let line = CredentialLine::read(row, &mut Names::default(), &mut reading, local.now()).await?;
        console.sheet(
            self.form,
            &[
                ("provider", json!(line.provider)),
                ("context", json!(line.context)),
                ("user", json!(line.user)),
                ("label", json!(line.label)),
                ("id", json!(line.id)),
                ("version", json!(line.version)),
                ("state", json!(line.state)),
                ("expires", json!(line.expires)),
                ("restricted_to_projects", json!(line.restricted_to_projects)),
                ("restricted_to_members", json!(line.restricted_to_members)),
                ("secret_fields", json!(line.secret_fields)),
                ("plain_fields", json!(line.plain_fields)),
                ("source", json!(line.source)),
                ("source_states", json!(sources)),
                ("probe", json!(line.probe)),
                ("probed", json!(line.probed)),
                ("account", json!(line.account)),
                ("created", json!(line.created)),
            ],
        );
        Ok(())
    }
}

/// One that is not understood is not shown: it may have been written by anybody.
fn in_words(source: &str) -> String {
    source.parse().map_or_else(|_| "not understood".into(), |source: Source| source.to_string())
}

/// How one running process finds it.
fn in_a_process(state: SourceState) -> serde_json::Value {
    let SourceState { process, read, failing, .. } = state;
    let (since, problem) = failing.map_or((None, None), |(since, problem)| (Some(since), Some(problem)));
    let word = if since.is_some() { "failing" } else { "ok" };
    json!({ "process": process.to_string(), "state": word, "read": read, "failing_since": since, "problem": problem })
}
