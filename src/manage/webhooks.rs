//! Webhooks: where an organization, or the installation for what belongs to none, is told of what happens.
//! Owns nothing; `hook` tells, and keeps on record what came of it.
//! Never shows a secret again, and never sends anything to where the operator does not let it.

use super::{Fault, Listed, Management, Rights, Tag, Wanted, Who, organizations, tokens::Shown};
use crate::{
    clock::Timestamp,
    hook::{Address, Courier, Event, Kind, Post, Secrets},
    id::{DeliveryId, OrganizationId, ProcessId, WebhookId},
    identity::{Context, Name, role::Act},
    store::{Delivered, DeliveryRow, Reading, WebhookRow},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    pub id: WebhookId,
    /// Whose it is; null: the installation's, which is told of what belongs to no organization.
    pub organization: Option<Name>,
    pub url: String,
    /// Of what it is told; of everything, if it names nothing.
    pub events: Vec<Kind>,
    /// Whether it is told anything.
    pub enabled: bool,
    pub created: Timestamp,
    /// How long the secret before this one signs, too; null: it does not.
    pub previous_secret_until: Option<Timestamp>,
}

/// A webhook, and what it was told last.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookDetails {
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The last 50, newest first.
    pub deliveries: Vec<Delivery>,
}

/// A message, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its `webhook-id`: the same for each attempt.
    pub id: DeliveryId,
    /// Of what it tells: `credential.refused` …, or `webhook.test`.
    pub event: String,
    pub at: Timestamp,
    pub state: Delivered,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent again; null: it is not.
    pub next: Option<Timestamp>,
    /// When it was last sent.
    pub tried: Option<Timestamp>,
    /// What the receiver answered with, if it did.
    pub status: Option<u16>,
    /// Why that was no success.
    pub problem: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// https, and no private address unless the operator allows those.
    pub url: String,
    /// Of everything, if it names nothing.
    #[serde(default)]
    pub events: Vec<Kind>,
}

/// What is to be different about a webhook; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeWebhook {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Kind>>,
    /// Switched off, it is told of nothing that happens meanwhile; what already waits for it goes on waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A webhook, and the secret that its messages are signed with: it is not shown again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SecretOfWebhook {
    pub webhook: Webhook,
    /// `whsec_` and base64, as Standard Webhooks has it.
    #[schema(value_type = String)]
    pub secret: Shown,
}

const MOST: usize = 10;
const DELIVERIES: u32 = 50;
/// Receivers have so long to learn of a new secret.
const BOTH: Duration = Duration::from_secs(86_400);

/// Whose webhooks: an organization's, by its name or id, or the installation's.
#[derive(Clone, Copy)]
pub enum Of<'o> {
    Organization(&'o str),
    Installation,
}

type Owned = Option<(OrganizationId, Name)>;

impl Webhook {
    /// Of what can be changed about it.
    pub fn tag(&self) -> Tag {
        Tag::of(&(self.id, &self.url, &self.events, self.enabled))
    }

    fn new(row: &WebhookRow, organization: Option<Name>, now: Timestamp) -> Self {
        Self {
            id: row.id,
            organization,
            url: row.url.to_string(),
            events: row.events.iter().filter_map(|kind| kind.parse().ok()).collect(),
            enabled: row.enabled,
            created: row.created,
            previous_secret_until: Some(row.previous_until).filter(|until| now < *until),
        }
    }
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        let (tried, status, problem) = match row.last {
            Some(last) => (Some(last.at), last.status, last.problem.map(Into::into)),
            None => (None, None, None),
        };
        Self {
            id: row.id,
            event: row.kind.into(),
            at: row.at,
            state: row.state,
            attempts: row.attempts,
            next: (row.state == Delivered::Waiting).then_some(row.next),
            tried,
            status,
            problem,
        }
    }
}

impl Management {
    /// All, oldest first: they are few.
    pub async fn webhooks(&self, who: &Who, of: Of<'_>) -> Result<Listed<Webhook>, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let owned = owned(&mut reading, &rights, of).await?;
        let (id, name) = owned.unzip();
        let rows = reading.webhooks(id).await?;
        let items = rows.iter().map(|row| Webhook::new(row, name.clone(), self.now())).collect();
        Ok(Listed { items, next: None })
    }

    pub async fn webhook(&self, who: &Who, id: WebhookId) -> Result<WebhookDetails, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (row, owned) = find(&mut reading, &rights, id).await?;
        let deliveries = reading.deliveries(id, DELIVERIES).await?;
        let webhook = Webhook::new(&row, owned.map(|(_, name)| name), self.now());
        Ok(WebhookDetails { webhook, deliveries: deliveries.into_iter().map(Delivery::from).collect() })
    }

    pub async fn create_webhook(&self, who: &Who, of: Of<'_>, wanted: CreateWebhook) -> Result<SecretOfWebhook, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let owned = owned(&mut tx, &rights, of).await?;
        let url = self.address(&wanted.url)?;
        let (organization, name) = owned.unzip();
        if tx.webhooks(organization).await?.len() >= MOST {
            return Err(Fault::conflict(format!("there are {MOST} webhooks here already: change or delete one")));
        }
        let (id, secrets) = (WebhookId::new(), drawn(Secrets::draw())?);
        let row = WebhookRow {
            id,
            organization,
            url: url.into(),
            events: words(wanted.events),
            enabled: true,
            sealed: self.vault.seal_webhook(id, &secrets.fields())?,
            previous_until: Timestamp::from_millis(0),
            created: self.now(),
        };
        tx.insert_webhook(&row).await?;
        tx.record(rights.entry("webhook.created", id).detail(told(&row, name.as_ref())));
        let webhook = Webhook::new(&row, name, self.now());
        self.made(tx, &rights, SecretOfWebhook { webhook, secret: Shown(secrets.current) }).await
    }

    pub async fn change_webhook(
        &self,
        who: &Who,
        id: WebhookId,
        change: ChangeWebhook,
        read: Option<&Wanted>,
    ) -> Result<Webhook, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (mut row, owned) = find(&mut tx, &rights, id).await?;
        let name = owned.map(|(_, name)| name);
        Webhook::new(&row, name.clone(), self.now()).tag().check(read)?;
        let ChangeWebhook { url, events, enabled } = change;
        if let Some(url) = url {
            row.url = self.address(&url)?.into();
        }
        if let Some(events) = events {
            row.events = words(events);
        }
        row.enabled = enabled.unwrap_or(row.enabled);
        tx.change_webhook(&row).await?;
        tx.record(rights.entry("webhook.changed", id).detail(told(&row, name.as_ref())));
        tx.commit().await?;
        Ok(Webhook::new(&row, name, self.now()))
    }

    /// With what it was to be told.
    pub async fn delete_webhook(&self, who: &Who, id: WebhookId, read: Option<&Wanted>) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (row, owned) = find(&mut tx, &rights, id).await?;
        let name = owned.map(|(_, name)| name);
        Webhook::new(&row, name.clone(), self.now()).tag().check(read)?;
        tx.delete_webhook(id).await?;
        tx.record(rights.entry("webhook.deleted", id).detail(told(&row, name.as_ref())));
        tx.commit().await?;
        Ok(())
    }

    /// Another secret; for a day the one before it signs, too. One before that does not any more.
    pub async fn rotate_webhook(&self, who: &Who, id: WebhookId) -> Result<SecretOfWebhook, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (mut row, owned) = find(&mut tx, &rights, id).await?;
        // One that cannot be opened any more is replaced all the same.
        let before = self.vault.unseal_webhook(&row).await.ok().and_then(Secrets::of_fields);
        let secrets = drawn(before.map_or_else(Secrets::draw, Secrets::rotated))?;
        row.sealed = self.vault.seal_webhook(id, &secrets.fields())?;
        row.previous_until = self.now().plus(BOTH);
        tx.change_webhook(&row).await?;
        tx.record(rights.entry("webhook.secret-rotated", id));
        let webhook = Webhook::new(&row, owned.map(|(_, name)| name), self.now());
        self.made(tx, &rights, SecretOfWebhook { webhook, secret: Shown(secrets.current) }).await
    }

    /// Sends an event now, once, also where it is switched off.
    pub async fn test_webhook(&self, who: &Who, id: WebhookId) -> Result<Delivery, Fault> {
        let internal = |error: &str| Fault::Internal(error.to_owned().into());
        let post = Post::new(&self.current().config.webhooks).map_err(|error| Fault::Internal(Box::new(error)))?;
        let (mut tx, rights) = self.act(who).await?;
        let (_, owned) = find(&mut tx, &rights, id).await?;
        let (now, holder) = (self.now(), ProcessId::new());
        let happened = Event::test(id, owned, now).happened();
        let delivery = tx.insert_delivery(id, &happened, (holder, Courier::held(now))).await?;
        let row = tx.delivery(delivery).await?.ok_or_else(|| internal("a message was not written down"))?;
        tx.record(rights.entry("webhook.tested", id));
        tx.commit().await?;
        let courier = Courier {
            store: self.store.clone(),
            vault: Arc::clone(&self.vault),
            clock: self.clock.clone(),
            post: Arc::new(post),
        };
        courier.attempt(&row, holder, None).await?;
        let row = self.store.read().await?.delivery(delivery).await?;
        row.map(Delivery::from).ok_or_else(|| Fault::missing("webhook"))
    }

    fn address(&self, url: &str) -> Result<String, Fault> {
        let allow_private = self.current().config.webhooks.allow_private;
        let address = Address::parse(url, allow_private).map_err(|error| Fault::invalid("url", error.to_string()))?;
        Ok(format!("{}{}", address.base, address.query))
    }
}

/// For its owners and administrators.
async fn owned(reading: &mut Reading, rights: &Rights, of: Of<'_>) -> Result<Owned, Fault> {
    let Of::Organization(organization) = of else {
        rights.require_admin()?;
        rights.within_all_of(None)?;
        return Ok(None);
    };
    let row = organizations::find_to(Act::ManageMembers, (&mut *reading, rights), organization).await?;
    rights.within_all_of(Some(&Context::organization(row.name.clone())))?;
    Ok(Some((row.id, row.name)))
}

/// To who is not in its organization it is not there.
async fn find(reading: &mut Reading, rights: &Rights, id: WebhookId) -> Result<(WebhookRow, Owned), Fault> {
    let missing = || Fault::missing("webhook");
    let row = reading.webhook(id).await?.ok_or_else(missing)?;
    let owned = match row.organization {
        Some(organization) => owned(reading, rights, Of::Organization(&organization.to_string())).await,
        None if rights.is_admin() => owned(reading, rights, Of::Installation).await,
        None => Err(missing()),
    };
    let owned = owned.map_err(|fault| match fault {
        Fault::Missing(_) => missing(),
        other => other,
    })?;
    Ok((row, owned))
}

/// Its host, and not its path: some receivers know whom they speak to by that alone.
fn told(row: &WebhookRow, organization: Option<&Name>) -> String {
    let host = Address::parse(&row.url, true).map(|address| address.base.origin.to_string()).unwrap_or_default();
    let whose = organization.map_or("the installation", Name::as_str);
    let state = if row.enabled { "" } else { ", switched off" };
    let events = if row.events.is_empty() { "everything".to_owned() } else { row.events.join(" ") };
    format!("{host} of {whose}: {events}{state}")
}

fn words(mut events: Vec<Kind>) -> Vec<Box<str>> {
    events.sort_unstable();
    events.dedup();
    events.into_iter().map(|kind| kind.as_str().into()).collect()
}

fn drawn(secrets: Option<Secrets>) -> Result<Secrets, Fault> {
    secrets.ok_or_else(|| Fault::Internal("the system's random generator failed".into()))
}
