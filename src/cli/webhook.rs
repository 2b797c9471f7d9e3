//! `bellhop webhook …`: where an organization, or the installation, is told of what happens.
//! Owns nothing.
//! Never shows a secret again: whoever lost one makes another.

use super::{
    Console, Failure,
    api::{Api, escaped},
    console::Form,
};
use crate::{
    hook::Kind,
    id::WebhookId,
    identity::Name,
    manage::webhooks::{ChangeWebhook, CreateWebhook, Delivery, SecretOfWebhook, Webhook, WebhookDetails},
    store::Delivered,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub enum WebhookCommand {
    /// Have somebody told; prints the secret that signs, once
    #[command(after_help = "Examples:\n  \
        bellhop webhook add https://hooks.example.org/bellhop --org acme\n  \
        bellhop webhook add https://hooks.example.org/bellhop --org acme --on credential.refused --on quota.near\n\n\
        Without --org it is the installation's: told of what belongs to no organization. Messages and signatures are \
        those of Standard Webhooks (standardwebhooks.com).")]
    Add(Add),
    /// List webhooks
    List(List),
    /// Show a webhook, and what it was told last
    Show(Show),
    /// Change where it is, of what it is told, or whether
    Change(Change),
    /// Make a new secret; for a day the one before it signs, too
    Rotate(Rotate),
    /// Send it an event now, and say what came of it
    Test(Test),
    /// Delete it, with what waits for it
    Delete(Delete),
}

#[derive(Args, Debug)]
pub struct Add {
    /// https
    url: String,
    /// Whose it is; without it, the installation's
    #[arg(long, value_name = "ORGANIZATION")]
    org: Option<Name>,
    /// Only such events; may be repeated. Without it, all
    #[arg(long, value_name = "EVENT")]
    on: Vec<Kind>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct List {
    /// Whose; without it, the installation's
    #[arg(long, value_name = "ORGANIZATION")]
    org: Option<Name>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Show {
    /// Of `bellhop webhook list`
    id: WebhookId,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Change {
    /// Of `bellhop webhook list`
    id: WebhookId,
    /// Where it is from now on: https
    #[arg(long)]
    url: Option<String>,
    /// Only such events from now on; may be repeated
    #[arg(long, value_name = "EVENT", conflicts_with = "on_all")]
    on: Vec<Kind>,
    /// All events from now on
    #[arg(long)]
    on_all: bool,
    /// Tell it again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Tell it nothing
    #[arg(long)]
    disable: bool,
}

#[derive(Args, Debug)]
pub struct Rotate {
    /// Of `bellhop webhook list`
    id: WebhookId,
    #[command(flatten)]
    form: Form,
}

#[derive(Args, Debug)]
pub struct Test {
    /// Of `bellhop webhook list`
    id: WebhookId,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// Of `bellhop webhook list`
    id: WebhookId,
}

impl WebhookCommand {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(api, console).await,
            Self::List(list) => list.run(api, console).await,
            Self::Show(show) => show.run(api, console).await,
            Self::Change(change) => change.run(api, console).await,
            Self::Rotate(rotate) => {
                let made = api.post(&format!("{}/secret", path(rotate.id)), &json!(null)).await?;
                tell_secret(made, rotate.form, console);
                Ok(())
            }
            Self::Test(test) => test.run(api, console).await,
            Self::Delete(delete) => {
                api.delete(&path(delete.id)).await?;
                console.note(format_args!("deleted {}", delete.id));
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let wanted = CreateWebhook { url: self.url, events: self.on };
        tell_secret(api.post(&of(self.org.as_ref()), &wanted).await?, self.form, console);
        Ok(())
    }
}

impl List {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let webhooks: Vec<Webhook> = api.every(&of(self.org.as_ref())).await?;
        console.table(self.form, &["id", "url", "events", "enabled", "created"], &webhooks);
        Ok(())
    }
}

impl Show {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let details: WebhookDetails = api.get(&path(self.id)).await?;
        if self.form.json {
            console.json(&details);
            return Ok(());
        }
        let WebhookDetails { webhook, deliveries } = details;
        console.sheet(
            self.form,
            &[
                ("id", json!(webhook.id)),
                ("organization", json!(webhook.organization)),
                ("url", json!(webhook.url)),
                ("events", json!(webhook.events)),
                ("enabled", json!(webhook.enabled)),
                ("created", json!(webhook.created)),
                ("previous_secret_until", json!(webhook.previous_secret_until)),
            ],
        );
        let lines: Vec<Value> = deliveries.iter().map(|delivery| json!(delivery)).collect();
        if !lines.is_empty() {
            console.say("\n");
            console.table(self.form, &["at", "event", "state", "attempts", "next", "status", "problem", "id"], &lines);
        }
        Ok(())
    }
}

impl Change {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let Self { id, url, on, on_all, enable, disable } = self;
        let events = if on_all || !on.is_empty() { Some(on) } else { None };
        let enabled = if enable || disable { Some(enable) } else { None };
        if url.is_none() && events.is_none() && enabled.is_none() {
            return Err(Failure::usage(
                "say what is to be different: `--url`, `--on`, `--on-all`, `--enable`, `--disable`",
            ));
        }
        let webhook: Webhook = api.patch(&path(id), &ChangeWebhook { url, events, enabled }).await?;
        console.note(format_args!("changed {}", webhook.id));
        Ok(())
    }
}

impl Test {
    async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let delivery: Delivery = api.post(&format!("{}/test", path(self.id)), &json!(null)).await?;
        let Delivery { id, state, status, problem, .. } = delivery;
        if state == Delivered::Delivered {
            console.note(format_args!("delivered {id}, answered with status {}", status.unwrap_or_default()));
            return Ok(());
        }
        let problem = problem.unwrap_or_else(|| "nothing came back".into());
        Err(Failure::failed(format!("it was not delivered: {}", super::console::shown(&problem))))
    }
}

fn tell_secret(made: SecretOfWebhook, form: Form, console: &mut Console<'_>) {
    let SecretOfWebhook { webhook, secret } = made;
    if form.json {
        console.json(&json!({ "id": webhook.id, "url": webhook.url, "secret": secret }));
    } else {
        console.say(format_args!("{}\n", secret.0.expose()));
    }
    console.note(format_args!("this signs what {} is told; it is not shown again", webhook.id));
    if let Some(until) = webhook.previous_secret_until {
        console.note(format_args!("the secret before it signs, too, until {until}"));
    }
}

fn of(organization: Option<&Name>) -> String {
    let organization = organization.map(|name| format!("/organizations/{}", escaped(name.as_str())));
    format!("{}/webhooks", organization.unwrap_or_default())
}

fn path(id: WebhookId) -> String {
    format!("/webhooks/{id}")
}
