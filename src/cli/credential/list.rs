//! `bellhop credential list` and `show`.
//! Owns nothing.
//! Never shows a secret field, only that it is set.

use super::chosen::Chosen;
use crate::{
    cli::{
        Console, Failure,
        api::{Api, escaped},
        console::Form,
        whose::owner,
    },
    clock::Timestamp,
    credential::State,
    id::CredentialId,
    identity::{Context, UserName},
    manage::credentials::{Credential, Details, SourceReading},
    store::Verdict,
};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
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

/// As programs read it; what is for those who manage a credential is empty for others.
#[derive(Serialize)]
struct CredentialLine {
    provider: String,
    context: Option<Context>,
    user: Option<UserName>,
    label: String,
    id: CredentialId,
    version: u32,
    state: &'static str,
    expires: Timestamp,
    restricted_to_projects: Vec<String>,
    restricted_to_members: Vec<String>,
    secret_fields: Vec<String>,
    plain_fields: BTreeMap<Box<str>, Box<str>>,
    /// Where its value is read from; none: it was entered.
    source: Option<String>,
    #[serde(skip)]
    readings: Vec<SourceReading>,
    /// What the provider last said of it.
    probe: Option<Verdict>,
    probed: Option<Timestamp>,
    account: Option<String>,
    /// When its newest job went on record.
    last_job: Option<Timestamp>,
    created: Timestamp,
}

impl From<Credential> for CredentialLine {
    fn from(credential: Credential) -> Self {
        let state = match credential.state {
            State::Active if credential.expired => "expired",
            state => state.as_str(),
        };
        let Details { projects, members, secret_fields, plain_fields, source, readings, account, last_job } =
            credential.details.unwrap_or_default();
        Self {
            provider: credential.provider,
            context: credential.context,
            user: credential.user,
            label: credential.label,
            id: credential.id,
            version: credential.version,
            state,
            expires: credential.expires,
            restricted_to_projects: projects,
            restricted_to_members: members,
            secret_fields,
            plain_fields,
            source,
            readings,
            probe: credential.probe,
            probed: credential.probed,
            account,
            last_job,
            created: credential.created,
        }
    }
}

impl List {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let provider = self.provider.map(|provider| format!("provider={}", escaped(&provider)));
        let owner = self.of.map(|context| owner(api, ("context", &context), self.user.as_ref())).transpose()?;
        let query: Vec<String> = provider.into_iter().chain(owner).collect();
        let credentials: Vec<Credential> = api.every(&format!("/credentials?{}", query.join("&"))).await?;
        let mut lines: Vec<CredentialLine> = credentials.into_iter().map(CredentialLine::from).collect();
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

impl Show {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let line = CredentialLine::from(self.chosen.find(api).await?);
        let sources: Vec<Value> = line.readings.iter().map(in_a_process).collect();
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
                ("last_job", json!(line.last_job)),
                ("created", json!(line.created)),
            ],
        );
        Ok(())
    }
}

/// How one running process finds it.
fn in_a_process(reading: &SourceReading) -> Value {
    let SourceReading { process, read, failing_since, problem } = reading;
    let word = if failing_since.is_some() { "failing" } else { "ok" };
    json!({ "process": process, "state": word, "read": read, "failing_since": failing_since, "problem": problem })
}
