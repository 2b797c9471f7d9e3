//! Webhooks as rows: where somebody is told of what happens.
//! Owns the table `webhooks`; nobody keeps anything of it, so that there is nobody to announce a change to.
//! Never sees what signs: it comes sealed, and leaves sealed.

use super::{Conflict, Happened, Reading, Result, Store, Tx, row::Columns, statement::Statement};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, WebhookId},
};
use sqlx::{AnyConnection, any::AnyRow};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookRow {
    pub id: WebhookId,
    /// `None`: the installation's own.
    pub organization: Option<OrganizationId>,
    pub url: Box<str>,
    /// Of which kinds of events it is told; none is all.
    pub events: Vec<Box<str>>,
    pub enabled: bool,
    /// The key, and what it sealed.
    pub sealed: (i64, Vec<u8>),
    /// How long the secret before this one signs, too.
    pub previous_until: Timestamp,
    pub created: Timestamp,
}

/// Who is to be told of what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    pub id: WebhookId,
    pub organization: Option<OrganizationId>,
    pub events: Vec<Box<str>>,
}

const WEBHOOKS: &str =
    "SELECT id, organization_id, url, events, enabled, key_id, sealed, previous_until, created FROM webhooks WHERE ";
impl Reading {
    pub async fn webhook(&mut self, id: WebhookId) -> Result<Option<WebhookRow>> {
        let mut statement = Statement::new(self.dialect, WEBHOOKS);
        statement.text("id = ").value(id.to_string());
        statement.fetch(self.connection()).await?.first().map(WebhookRow::read).transpose()
    }

    /// Of an organization, or of the installation; oldest first.
    pub async fn webhooks(&mut self, of: Option<OrganizationId>) -> Result<Vec<WebhookRow>> {
        let mut statement = Statement::new(self.dialect, WEBHOOKS);
        match of {
            Some(organization) => statement.text("organization_id = ").value(organization.to_string()),
            None => statement.text("organization_id IS NULL"),
        };
        statement.text(" ORDER BY id");
        statement.fetch(self.connection()).await?.iter().map(WebhookRow::read).collect()
    }

    /// Those that are not switched off.
    pub async fn listeners(&mut self) -> Result<Vec<Listener>> {
        listeners(self.connection()).await
    }
}

impl Tx {
    pub async fn insert_webhook(&mut self, row: &WebhookRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO webhooks (id, organization_id, url, events, enabled, key_id, sealed, previous_until, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(row.id.to_string())
        .bind(row.organization.map(|id| id.to_string()))
        .bind(row.url.to_string())
        .bind(row.events.join(" "))
        .bind(i64::from(row.enabled))
        .bind(row.sealed.0)
        .bind(row.sealed.1.clone())
        .bind(row.previous_until.millis())
        .bind(row.created.millis())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Whose it is stays.
    pub async fn change_webhook(&mut self, row: &WebhookRow) -> Result<()> {
        let done = sqlx::query(
            "UPDATE webhooks SET url = $2, events = $3, enabled = $4, key_id = $5, sealed = $6, previous_until = $7 \
              WHERE id = $1",
        )
        .bind(row.id.to_string())
        .bind(row.url.to_string())
        .bind(row.events.join(" "))
        .bind(i64::from(row.enabled))
        .bind(row.sealed.0)
        .bind(row.sealed.1.clone())
        .bind(row.previous_until.millis())
        .execute(self.connection())
        .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    /// With all that it was told, and was to be.
    pub async fn delete_webhook(&mut self, id: WebhookId) -> Result<()> {
        let done = sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(id.to_string());
        let done = done.execute(self.connection()).await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }
}

impl Store {
    /// Sealed with another key than this one.
    pub async fn webhooks_sealed_otherwise(&self, key: i64) -> Result<Vec<WebhookRow>> {
        let mut statement = Statement::new(self.dialect, WEBHOOKS);
        statement.text("key_id <> ").value(key);
        let mut connection = self.readers.acquire().await?;
        statement.fetch(&mut connection).await?.iter().map(WebhookRow::read).collect()
    }

    /// The same, sealed with another key; left as it is if it was sealed anew in the meantime.
    pub async fn reseal_webhook(&self, row: &WebhookRow, (key, sealed): (i64, Vec<u8>)) -> Result<()> {
        sqlx::query("UPDATE webhooks SET key_id = $2, sealed = $3 WHERE id = $1 AND key_id = $4 AND sealed = $5")
            .bind(row.id.to_string())
            .bind(key)
            .bind(sealed)
            .bind(row.sealed.0)
            .bind(row.sealed.1.clone())
            .execute(&self.writers)
            .await?;
        Ok(())
    }
}

pub(super) async fn listeners(connection: &mut AnyConnection) -> Result<Vec<Listener>> {
    let rows = sqlx::query("SELECT id, organization_id, events FROM webhooks WHERE enabled = 1 ORDER BY id");
    let read = |row: &AnyRow| {
        Ok(Listener {
            id: row.parsed("id")?,
            organization: row.optional("organization_id")?,
            events: words(row.text("events")?),
        })
    };
    rows.fetch_all(connection).await?.iter().map(read).collect()
}

fn words(text: &str) -> Vec<Box<str>> {
    text.split_whitespace().map(Into::into).collect()
}

impl Listener {
    pub fn hears(&self, happened: &Happened) -> bool {
        let is_asked_for = self.events.is_empty() || self.events.iter().any(|kind| **kind == *happened.kind);
        self.organization == happened.organization && is_asked_for
    }
}

impl WebhookRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            organization: row.optional("organization_id")?,
            url: row.text("url")?.into(),
            events: words(row.text("events")?),
            enabled: row.truth("enabled")?,
            sealed: (row.number("key_id")?, row.bytes("sealed")?.to_vec()),
            previous_until: row.time("previous_until")?,
            created: row.time("created")?,
        })
    }
}
