//! Signing in with a password, what it opens, and the links by which passwords are chosen.
//! Owns the memory of failed attempts, by name; sessions and links are the store's.
//! Never tells an unknown user from a wrong password, by text or by time.

use super::{Fault, Management, Who, names, tokens::Shown};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    identity::{UserName, key, key::KeyDigest, password},
    secret::Secret,
    store::{Actor, AuditEntry, LinkPurpose, LinkRow, NewUser, Origin, SessionRow, Tx, UserChange, UserRow},
};
use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// Of a session: so long without a use, and so long in all.
const IDLE: Duration = Duration::from_secs(3600);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const INVITATION: Duration = Duration::from_secs(7 * 24 * 3600);
const RESET: Duration = Duration::from_secs(24 * 3600);

/// As many guesses are free; each further one waits twice as long as the one before.
const FREE: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// More names than this at once, and those that need not wait any more are forgotten.
const NAMES: usize = 10_000;
/// Each hash takes 19 MiB and a core.
const AT_ONCE: usize = 2;

pub struct Attempts {
    failed: DashMap<Box<str>, Failed>,
    seats: Semaphore,
}

#[derive(Clone, Copy)]
struct Failed {
    count: u32,
    until: Instant,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { failed: DashMap::new(), seats: Semaphore::new(AT_ONCE) }
    }
}

/// A new password, with the one before it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(value_type = String)]
    pub old: Shown,
    /// At least 15 characters.
    #[schema(value_type = String)]
    pub new: Shown,
}

/// A link that was just made. Whoever opens it first chooses the password.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Link {
    pub user: UserName,
    pub expires: Timestamp,
    /// What the page's address ends with; nobody can show it again.
    #[schema(value_type = String)]
    pub value: Shown,
}

/// What is chosen with a link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redeem {
    #[schema(value_type = String)]
    pub link: Shown,
    /// The first administrator's; only with the link of a new installation.
    pub name: Option<UserName>,
    /// At least 15 characters.
    #[schema(value_type = String)]
    pub password: Shown,
}

/// Somebody who is signed in at the page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub id: SessionId,
    pub created: Timestamp,
    /// To the minute.
    pub seen: Timestamp,
    /// When it ends at the latest.
    pub ends: Timestamp,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        let SessionRow { id, created, seen, ends, .. } = row;
        Self { id, created, seen, ends }
    }
}

/// Whether a session is neither over nor left alone for too long.
pub(super) fn is_on(row: &SessionRow, now: Timestamp) -> bool {
    now < row.ends && now < row.seen.plus(IDLE)
}

impl Attempts {
    fn may_try(&self, name: &str) -> Result<(), Fault> {
        let until = self.failed.get(name).map(|failed| failed.until);
        let wait = until.and_then(|until| until.checked_duration_since(Instant::now()));
        match wait.filter(|wait| !wait.is_zero()) {
            Some(wait) => Err(Fault::TooOften { what: "wrong passwords for this name", wait }),
            None => Ok(()),
        }
    }

    fn fail(&self, name: &str) {
        let now = Instant::now();
        if self.failed.len() >= NAMES {
            self.failed.retain(|_, failed| failed.until > now);
        }
        let mut failed = self.failed.entry(name.into()).or_insert(Failed { count: 0, until: now });
        failed.count = failed.count.saturating_add(1);
        let doublings = failed.count.saturating_sub(FREE).min(16);
        let wait = if doublings == 0 { Duration::ZERO } else { Duration::from_secs(1 << doublings) };
        failed.until = now + wait.min(LONGEST_WAIT);
    }

    fn succeed(&self, name: &str) {
        self.failed.remove(name);
    }
}

impl Management {
    /// The user of this name and password.
    pub async fn sign_in(&self, name: &str, password: &Secret) -> Result<UserId, Fault> {
        // Names that nobody can have are not worth remembering, but take as long.
        let name: Option<UserName> = name.parse().ok();
        let key = name.as_ref().map_or("", UserName::as_str);
        self.attempts.may_try(key)?;
        let mut reading = self.store.read().await?;
        let user = match &name {
            Some(name) => reading.find_user(name).await?.filter(|user| self.may_enter(user)),
            None => None,
        };
        let hash = match &user {
            Some(user) => reading.password_hash(user.id).await?,
            None => None,
        };
        drop(reading);
        let fits = self.fits(password.clone(), hash).await?;
        let Some(user) = user.filter(|_| fits) else {
            self.attempts.fail(key);
            return Err(Fault::WrongPassword);
        };
        self.attempts.succeed(key);
        Ok(user.id)
    }

    /// Takes the same time where there is nothing to compare with.
    async fn fits(&self, password: Secret, hash: Option<Secret>) -> Result<bool, Fault> {
        self.hashing(move || {
            let Some(hash) = hash else {
                let _ = password::hash(&password);
                return false;
            };
            password::fits(&password, &hash)
        })
        .await
    }

    pub(super) async fn hashed(&self, field: &'static str, password: &Secret) -> Result<Secret, Fault> {
        password::check(password).map_err(|expected| Fault::invalid(field, expected))?;
        let password = password.clone();
        let hashed = self.hashing(move || password::hash(&password)).await?;
        hashed.map_err(|error| Fault::Internal(Box::new(error)))
    }

    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let _seat = self.attempts.seats.acquire().await.map_err(|error| Fault::Internal(Box::new(error)))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Fault::Internal(Box::new(error)))
    }

    /// Begins a session: its key is for the person's cookie.
    pub async fn begin_session(&self, user: UserId) -> Result<Secret, Fault> {
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        let user = tx.user(user).await?.filter(|user| self.may_enter(user)).ok_or(Fault::SignedOut)?;
        let key = self.open_session(&mut tx, &user, String::new()).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Neither disabled nor at rest.
    fn may_enter(&self, user: &UserRow) -> bool {
        !user.disabled && self.now() < user.sign_in_by
    }

    pub(super) async fn open_session(&self, tx: &mut Tx, user: &UserRow, how: String) -> Result<Secret, Fault> {
        let (key, digest) = key::generate().map_err(|error| Fault::Internal(Box::new(error)))?;
        let now = self.now();
        let row = SessionRow { id: SessionId::new(), user: user.id, created: now, seen: now, ends: now.plus(LONGEST) };
        tx.insert_session(&digest, &row).await?;
        tx.record(AuditEntry::new(&Actor::User(user.id), "session.begun", &user.name).detail(how));
        Ok(key)
    }

    /// Whose session it is, if it is still one.
    pub async fn session(&self, key: &str) -> Result<Option<Who>, Fault> {
        let now = self.now();
        let found = self.store.session(&KeyDigest::of(key)).await?;
        let Some(row) = found.filter(|row| is_on(row, now)) else { return Ok(None) };
        if row.seen < now.minute() {
            self.store.see_session(row.id, now).await?;
        }
        Ok(Some(Who::session(row.user, row.id)))
    }

    /// One's own.
    pub async fn sessions(&self, who: &Who) -> Result<Vec<Session>, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let now = self.now();
        let rows = reading.sessions(rights.me()?).await?.into_iter();
        Ok(rows.filter(|row| is_on(row, now)).map(Session::from).collect())
    }

    pub async fn end_session(&self, who: &Who, id: SessionId) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let user = rights.me()?;
        tx.end_session(user, id).await.map_err(|_| Fault::missing("session"))?;
        tx.record(rights.entry("session.ended", id));
        Ok(tx.commit().await.map(drop)?)
    }

    /// One's own, but for the one that asks.
    pub async fn end_other_sessions(&self, who: &Who) -> Result<(), Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let user = rights.me()?;
        tx.end_sessions(user, who.session_id()).await?;
        tx.record(rights.entry("session.ended", "all").detail("but for the one that asked"));
        Ok(tx.commit().await.map(drop)?)
    }

    /// One's own. Whoever is signed in elsewhere has to sign in anew.
    pub async fn change_password(&self, who: &Who, change: ChangePassword) -> Result<(), Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let user = rights.me()?;
        let (name, old) = (reading.user(user).await?.ok_or(Fault::SignedOut)?.name, reading.password_hash(user).await?);
        drop(reading);
        self.attempts.may_try(name.as_str())?;
        if !self.fits(change.old.0, old).await? {
            self.attempts.fail(name.as_str());
            return Err(Fault::invalid("old", "this is not the password that you have"));
        }
        let hash = self.hashed("new", &change.new.0).await?;
        let (mut tx, rights) = self.act(who).await?;
        tx.change_user(user, UserChange::Password(Some(hash))).await?;
        tx.end_sessions(user, who.session_id()).await?;
        tx.drop_links(Some(user)).await?;
        tx.record(rights.entry("user.changed", name).detail("another password"));
        Ok(tx.commit().await.map(drop)?)
    }

    /// A link for somebody who has no password yet, or has forgotten it. Whoever has it is them: administrators only.
    /// A password knows no boundary, so a token that has one would leave it this way.
    pub async fn make_link(&self, who: &Who, user: &str) -> Result<Link, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        rights.require_admin()?;
        rights.require_no_boundary()?;
        let user = names::user(&mut tx, user).await?;
        let (purpose, life) =
            if user.has_password { (LinkPurpose::Reset, RESET) } else { (LinkPurpose::Invitation, INVITATION) };
        let (value, digest) = key::generate().map_err(|error| Fault::Internal(Box::new(error)))?;
        let link = LinkRow { purpose, user: Some(user.id), ends: self.now().plus(life) };
        tx.replace_link(&digest, &link).await?;
        tx.record(rights.entry("link.made", &user.name).detail(purpose.as_str()));
        tx.commit().await?;
        Ok(Link { user: user.name, expires: link.ends, value: Shown(value) })
    }

    /// The link for the first administrator, of a store that has never had a user. The one before it opens nothing.
    pub async fn make_setup_link(&self) -> Result<Option<Secret>, Fault> {
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        if tx.is_settled().await? {
            return Ok(None);
        }
        let (value, digest) = key::generate().map_err(|error| Fault::Internal(Box::new(error)))?;
        let link = LinkRow { purpose: LinkPurpose::Setup, user: None, ends: Timestamp::MAX };
        tx.replace_link(&digest, &link).await?;
        tx.record(AuditEntry::new(&Actor::System, "link.made", "the first administrator").detail("setup"));
        tx.commit().await?;
        Ok(Some(value))
    }

    /// Chooses a password with a link, once. Who it was for.
    pub async fn redeem(&self, redeem: Redeem) -> Result<UserId, Fault> {
        // Hashed first: nobody waits for it with the store's lock.
        let hash = self.hashed("password", &redeem.password.0).await?;
        let digest = KeyDigest::of(redeem.link.0.expose().trim());
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        let now = self.now();
        let gone =
            || Fault::Missing("this link was used already, is over, or was never made: ask for another one".into());
        let link = tx.link(&digest).await?.filter(|link| now < link.ends).ok_or_else(gone)?;
        let user = match link.user {
            Some(user) => {
                let name = tx.user(user).await?.filter(|user| !user.disabled).ok_or_else(gone)?.name;
                tx.change_user(user, UserChange::Password(Some(hash))).await?;
                tx.end_sessions(user, None).await?;
                tx.record(AuditEntry::new(&Actor::User(user), "user.changed", name).detail("password by a link"));
                user
            }
            None if tx.is_settled().await? => return Err(gone()),
            None => {
                let name =
                    redeem.name.ok_or_else(|| Fault::invalid("name", "expected the first administrator's name"))?;
                let user = UserId::new();
                let (password_hash, origin) = (Some(hash), Origin::Hand);
                tx.insert_users(&[NewUser { id: user, name: name.clone(), admin: true, password_hash, origin }])
                    .await?;
                tx.record(AuditEntry::new(&Actor::User(user), "user.added", name).detail("the first administrator"));
                user
            }
        };
        tx.drop_links(link.user).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Forgets sessions, links and invitations that are over.
    pub async fn sweep_sessions(&self) -> Result<(), Fault> {
        let now = self.now();
        Ok(self.store.forget_sessions((now.minus(IDLE), now)).await?)
    }
}
