//! What happens without anybody's doing: time goes by, and quotas fill up.
//! Owns when each was looked at last.
//! Never looks where nobody listens, and of several processes only one does.

use super::{Event, Home, Hooks, KEPT, Kind};
use crate::{
    clock::Timestamp,
    credential::Owner,
    identity::Name,
    job::quota::Subject,
    presence::Duty,
    store::{Happened, Listener, QuotaRow, Reading, StoreError, TokenRow},
};
use std::time::{Duration, Instant};

const DAY: Duration = Duration::from_secs(86_400);
/// How long before a credential's end it is told of: the second time, and the first.
const CREDENTIAL: [Duration; 2] = [DAY.saturating_mul(3), DAY.saturating_mul(14)];
const TOKEN: Duration = DAY.saturating_mul(7);
/// A token that nobody has used for so long is missed by nobody.
const LATELY: Duration = DAY.saturating_mul(30);
const PAGE: u32 = 500;

/// Quotas fill up while somebody waits; what ends in days need not be looked at all the time.
const QUOTAS: Duration = Duration::from_secs(2);
const ENDS: Duration = Duration::from_secs(600);
const FORGET: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub struct Watch {
    quotas: Option<Instant>,
    ends: Option<Instant>,
    forgotten: Option<Instant>,
    /// Who listened when ends were looked at last: who is new is told at once.
    listeners: Vec<Listener>,
}

impl Watch {
    pub async fn turn(&mut self, hooks: &Hooks) -> Result<(), StoreError> {
        if !is_due(self.quotas, QUOTAS) || hooks.presence.holds(Duty::Watch).is_none() {
            return Ok(());
        }
        let now = hooks.clock.now();
        if is_due(self.forgotten, FORGET) {
            hooks.store.forget_deliveries(now.minus(KEPT)).await?;
            self.forgotten = Some(Instant::now());
        }
        let listeners = hooks.store.read().await?.listeners().await?;
        let hears = |kind: Kind| {
            let hears = |listener: &Listener| {
                listener.events.is_empty() || listener.events.iter().any(|k| **k == *kind.as_str())
            };
            listeners.iter().any(hears)
        };
        let are_new = self.listeners != listeners;
        if hears(Kind::QuotaNear) {
            hooks.look_at_quotas(&listeners, now).await?;
        }
        self.quotas = Some(Instant::now());
        if is_due(self.ends, ENDS) || are_new {
            if hears(Kind::CredentialExpiring) {
                hooks.look_at_credentials(&listeners, now).await?;
            }
            if hears(Kind::TokenExpiring) {
                hooks.look_at_tokens(&listeners, now).await?;
            }
            self.ends = Some(Instant::now());
            self.listeners = listeners;
        }
        Ok(())
    }
}

fn is_due(last: Option<Instant>, every: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= every)
}

impl Hooks {
    async fn look_at_quotas(&self, listeners: &[Listener], now: Timestamp) -> Result<(), StoreError> {
        let mut reading = self.store.read().await?;
        let mut happened = Vec::new();
        for row in reading.quotas_near(now).await? {
            let home = home_of_quota(&mut reading, &row).await?;
            happened.push(Event::quota_near(&home, &row, now).happened());
        }
        self.tell_news(reading, listeners, happened).await
    }

    async fn look_at_credentials(&self, listeners: &[Listener], now: Timestamp) -> Result<(), StoreError> {
        let [soon, late] = CREDENTIAL;
        let mut after = None;
        loop {
            let mut reading = self.store.read().await?;
            let page = reading.credentials_ending((now, now.plus(late)), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut happened = Vec::new();
            for row in &page {
                let within = if row.expires <= now.plus(soon) { soon } else { late };
                let home = Home::of(&mut reading, row.owner).await?;
                happened.push(Event::credential_expiring(&home, row, within, now).happened());
            }
            self.tell_news(reading, listeners, happened).await?;
        }
    }

    async fn look_at_tokens(&self, listeners: &[Listener], now: Timestamp) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let mut reading = self.store.read().await?;
            let page = reading.tokens_ending((now, now.plus(TOKEN)), now.minus(LATELY), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut happened = Vec::new();
            for row in &page {
                happened.append(&mut of_token(&mut reading, row, now).await?);
            }
            self.tell_news(reading, listeners, happened).await?;
        }
    }

    /// Writes only where somebody has not been told: mostly everybody has.
    async fn tell_news(
        &self,
        mut reading: Reading,
        listeners: &[Listener],
        mut happened: Vec<Happened>,
    ) -> Result<(), StoreError> {
        happened.retain(|happened| listeners.iter().any(|listener| listener.hears(happened)));
        let marks: Vec<&str> = happened.iter().map(|happened| &*happened.mark).collect();
        let told = reading.told(&marks).await?;
        drop(reading);
        happened.retain(|happened| {
            let mut hearing = listeners.iter().filter(|listener| listener.hears(happened));
            hearing.any(|listener| !told.contains(&(listener.id, (&*happened.mark).into())))
        });
        if happened.is_empty() { Ok(()) } else { self.store.tell(&happened).await.map(drop) }
    }
}

async fn home_of_quota(reading: &mut Reading, row: &QuotaRow) -> Result<Home, StoreError> {
    let quota = &row.quota;
    let owner = match quota.subject {
        Subject::User(user) => {
            let home = Home::of(reading, Owner::User(user)).await?;
            let Some(organization) = quota.within else { return Ok(home) };
            let within = Home::of_organization(reading, organization).await?;
            return Ok(Home { user: home.user, ..within });
        }
        Subject::Organization(id) => Owner::Organization(id),
        Subject::Project(id) => Owner::Project(id),
        Subject::Credential(id) => match reading.credential(id).await? {
            Some(credential) => credential.owner,
            None => return Ok(Home::default()),
        },
    };
    Home::of(reading, owner).await
}

/// One for each organization of its user's that it is good for; else it is the installation's business.
async fn of_token(reading: &mut Reading, row: &TokenRow, now: Timestamp) -> Result<Vec<Happened>, StoreError> {
    let Some(user) = reading.user(row.user).await?.filter(|user| !user.disabled) else { return Ok(Vec::new()) };
    let is_good_for = |name: &Name| {
        let contexts = &row.boundary.contexts;
        contexts.is_empty() || contexts.iter().any(|context| context.organization.as_ref() == Some(name))
    };
    let mut good_for = Vec::new();
    for role in reading.roles(row.user).await?.into_iter().filter(|role| is_good_for(&role.name)) {
        good_for.push(Some((role.organization, role.name)));
    }
    if good_for.is_empty() {
        good_for.push(None);
    }
    let event = |organization| Event::token_expiring(organization, (&user.name, row), now).happened();
    Ok(good_for.into_iter().map(event).collect())
}
