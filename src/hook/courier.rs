//! One attempt to deliver one message, from its row to what came of it.
//! Owns nothing; the row is held for as long as an attempt may take.
//! Never follows a redirect, never reads a receiver's answer beyond its status, and never takes one on trust: its
//! certificate is verified, and its address is looked at before it is connected to.

use super::{Address, Secrets, sign::sign};
use crate::{
    clock::{Clock, Timestamp},
    config::WebhooksConfig,
    id::{DeliveryId, ProcessId},
    store::{Attempt, Delivered, DeliveryRow, Store, StoreError, WebhookRow},
    upstream::{
        BadCaFile, DialError, TlsTrust,
        once::{Api, NotTold, Question},
    },
    vault::Vault,
};
use http::{HeaderName, HeaderValue, Method, header};
use std::{sync::Arc, time::Duration};

/// From its name to its answer's head.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than an attempt: who holds a message for longer has died.
const HELD: Duration = Duration::from_secs(15);
/// Between attempts: about a day in all, as Standard Webhooks has it.
const WAITS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(8 * 3600),
];

/// Which receivers are believed, and may be reached.
pub struct Post {
    trust: TlsTrust,
    allow_private: bool,
}

impl Post {
    pub fn new(config: &WebhooksConfig) -> Result<Self, BadCaFile> {
        let trust = config.ca_file.as_deref().map_or_else(|| Ok(TlsTrust::public()), TlsTrust::of_file)?;
        Ok(Self { trust, allow_private: config.allow_private })
    }

    async fn send(&self, url: &str, headers: Vec<(HeaderName, HeaderValue)>, body: &str) -> Result<u16, String> {
        let Address { base, query } = Address::parse(url, self.allow_private).map_err(|error| error.to_string())?;
        let api = Api::foreign(&base, &self.trust, self.allow_private, PATIENCE).map_err(|error| error.to_string())?;
        let question = Question { method: Method::POST, target: query.into(), headers, body: body.as_bytes() };
        api.tell(question).await.map(|status| status.as_u16()).map_err(|error| match error {
            NotTold::Unreachable(DialError::Private) => {
                "its address is private, and the operator does not allow those".to_owned()
            }
            error => error.to_string(),
        })
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Delivered,
    /// It is tried again.
    Failed,
    GivenUp,
}

/// What it takes to deliver.
pub struct Courier {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub post: Arc<Post>,
}

impl Courier {
    /// Until when a message is held that is sent from now on.
    pub fn held(now: Timestamp) -> Timestamp {
        now.plus(HELD)
    }

    /// One attempt, unless another is making it.
    pub async fn deliver(&self, id: DeliveryId, holder: ProcessId) -> Result<Option<Told>, StoreError> {
        let now = self.clock.now();
        let Some(row) = self.store.claim_delivery(id, holder, (now, Self::held(now))).await? else { return Ok(None) };
        let wait = usize::try_from(row.attempts).ok().and_then(|attempts| WAITS.get(attempts.saturating_sub(1)));
        self.attempt(&row, holder, wait.copied()).await
    }

    /// One attempt at what the caller holds; `wait` is how long it is until the next one, if there is one.
    pub async fn attempt(
        &self,
        row: &DeliveryRow,
        holder: ProcessId,
        wait: Option<Duration>,
    ) -> Result<Option<Told>, StoreError> {
        let Some(webhook) = self.store.read().await?.webhook(row.webhook).await? else { return Ok(None) };
        let sent = self.send(&webhook, row).await;
        let at = self.clock.now();
        let (attempt, told) = match sent {
            Ok(status @ 200..=299) => (Attempt { at, status: Some(status), problem: None }, Told::Delivered),
            Ok(status) => (Attempt { at, status: Some(status), problem: Some(refused(status).into()) }, failed(wait)),
            Err(problem) => (Attempt { at, status: None, problem: Some(problem.into()) }, failed(wait)),
        };
        let (state, next) = match told {
            Told::Delivered => (Delivered::Delivered, at),
            Told::GivenUp => (Delivered::GivenUp, at),
            Told::Failed => (Delivered::Waiting, at.plus(wait.unwrap_or_default().mul_f64(0.9 + 0.2 * jitter(row.id)))),
        };
        if told == Told::GivenUp {
            tracing::warn!(
                event = "webhook.given_up",
                webhook = %webhook.id, delivery = %row.id, kind = &*row.kind, attempts = row.attempts,
                problem = attempt.problem.as_deref().unwrap_or_default(), "a message for a webhook was given up"
            );
        }
        self.store.end_attempt(row.id, holder, &attempt, (state, next)).await?;
        Ok(Some(told))
    }

    async fn send(&self, webhook: &WebhookRow, row: &DeliveryRow) -> Result<u16, String> {
        let unusable = || "its secret cannot be opened: rotate it".to_owned();
        let fields = self.vault.unseal_webhook(webhook).await.map_err(|error| {
            tracing::error!(event = "webhook.unusable", webhook = %webhook.id, %error, "a webhook's secret cannot be used");
            unusable()
        })?;
        let secrets = Secrets::of_fields(fields).ok_or_else(unusable)?;
        let (now, id) = (self.clock.now(), row.id.to_string());
        let previous = secrets.previous.as_ref().filter(|_| now < webhook.previous_until);
        let signature = sign([&secrets.current].into_iter().chain(previous), (&id, now.seconds()), &row.body);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| unusable());
        let headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("webhook-id"), value(&id)?),
            (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(now.seconds())),
            (HeaderName::from_static("webhook-signature"), value(&signature)?),
        ];
        self.post.send(&webhook.url, headers, &row.body).await
    }
}

const fn failed(wait: Option<Duration>) -> Told {
    if wait.is_some() { Told::Failed } else { Told::GivenUp }
}

fn refused(status: u16) -> String {
    match status {
        300..=399 => format!("it answers with a redirect ({status}), which is not followed"),
        _ => format!("it answers with status {status}"),
    }
}

/// From 0 to 1: what failed at once is not tried again at once.
fn jitter(id: DeliveryId) -> f64 {
    let text = id.to_string();
    let digits = text.get(text.len() - 4..).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    f64::from(digits.unwrap_or_default()) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_for_about_a_day_at_growing_intervals() {
        let all: Duration = WAITS.iter().sum();
        assert!((22..=26).contains(&(all.as_secs() / 3600)), "{all:?}");
        assert!(WAITS.is_sorted() && WAITS[0] <= Duration::from_secs(5));
        assert!(HELD > PATIENCE);
    }
}
