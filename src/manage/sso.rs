//! Signing in with the identity provider: the way there, and who it is that comes back.
//! Owns nothing: a sign-in under way is sealed into its browser's cookie, so that any replica can complete it, and the
//! store remembers it once it is complete, so that none does so twice.
//! Never takes an account over by its name, and never says to a person what the provider's answer said.

use super::{Fault, Management, groups};
use crate::{
    clock::Timestamp,
    config::FirstSignIn,
    id::UserId,
    identity::{UserName, key::KeyDigest},
    oidc::{Issuer, Pending, Person, Returned, Trouble},
    secret::Secret,
    store::{
        Actor, AuditEntry, Conflict, IdentityRow, LinkPurpose, LinkRow, NewUser, Origin, Reading, StoreError, Tx,
        UserChange, UserRow,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// Between setting out and coming back.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// What the cookie's seal is for.
const SEALED_AS: &str = "oidc sign-in";

/// Somebody who is being sent to the provider.
pub struct Departure {
    pub url: String,
    /// For this browser's cookie alone.
    pub cookie: Secret,
}

/// Somebody who has come back and is signed in.
pub struct Arrival {
    /// Of the session.
    pub key: Secret,
    /// Where they wanted to go.
    pub next: String,
    pub errand: Errand,
}

/// What somebody signs in for.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// To see a page.
    Page,
    /// To send the form that this browser keeps.
    Form,
}

#[derive(Serialize, Deserialize)]
struct Journey {
    pending: Pending,
    next: String,
    errand: Errand,
    /// A link that was handed to them, which ties an account to who they are at the provider.
    link: Option<String>,
    /// In milliseconds.
    ends: i64,
}

/// Who somebody of the provider's is here.
enum Known {
    Tied(UserRow),
    /// Will be tied: an administrator has handed them a link.
    Linked(UserRow),
    /// Will be made.
    New(UserName),
}

/// Why somebody whom the provider has signed in is not signed in here. As one reads it, after the provider's name.
#[derive(Debug)]
enum Refusal {
    Unknown { subject: String },
    NoName,
    NameTaken(UserName),
    Disabled,
    LinkGone,
    Another,
}

impl Management {
    /// What the identity provider is called, where there is one.
    pub fn identity_provider(&self) -> Option<String> {
        self.current().issuer.as_ref().map(|issuer| issuer.config.name.clone())
    }

    fn issuer(&self) -> Result<Arc<Issuer>, Fault> {
        self.current().issuer.clone().ok_or_else(|| Fault::Missing("no identity provider is set up here".into()))
    }

    /// Sends somebody to the provider. `link` is one that was handed to them.
    pub async fn set_out(&self, (next, errand): (&str, Errand), link: Option<&str>) -> Result<Departure, Fault> {
        let issuer = self.issuer()?;
        let (url, pending) = issuer.begin().await.map_err(|trouble| told(&issuer, &trouble))?;
        let ends = self.now().plus(PATIENCE).millis();
        let journey = Journey { pending, next: next.to_owned(), errand, link: link.map(str::to_owned), ends };
        let plain = serde_json::to_vec(&journey).map(zeroize::Zeroizing::new);
        let plain = plain.map_err(|error| Fault::Internal(Box::new(error)))?;
        let cookie = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(self.vault.mint(SEALED_AS, &plain)?));
        Ok(Departure { url, cookie })
    }

    /// Begins a session of whoever has come back with what this browser set out with.
    pub async fn come_back(&self, cookie: Option<&str>, returned: Returned) -> Result<Arrival, Fault> {
        let issuer = self.issuer()?;
        let journey = cookie.and_then(|cookie| self.journey(cookie)).ok_or_else(begun_elsewhere)?;
        let person = issuer.finish(&journey.pending, returned, self.now()).await;
        let person = person.map_err(|trouble| told(&issuer, &trouble))?;
        let mut tx = self.store.write(self.vault.signer(), self.now()).await?;
        match recognise(&mut tx, (&issuer, &person), journey.link.as_deref(), self.now()).await? {
            Ok(known) => {
                let key = self.let_in(tx, (&issuer, &person), known, &journey).await?;
                Ok(Arrival { key, next: journey.next, errand: journey.errand })
            }
            Err(refusal) => {
                let name = &issuer.config.name;
                let entry = AuditEntry::new(&Actor::System, "sign-in.refused", shown(&person.subject));
                tx.record(entry.detail(format!("with {name}: {}", refusal.reason())));
                tx.commit().await?;
                Err(Fault::forbidden(format!("{name} {refusal}")))
            }
        }
    }

    fn journey(&self, cookie: &str) -> Option<Journey> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let plain = self.vault.read_minted(SEALED_AS, &sealed)?;
        let journey: Journey = serde_json::from_slice(&plain).ok()?;
        (self.now().millis() < journey.ends).then_some(journey)
    }

    async fn let_in(
        &self,
        mut tx: Tx,
        (issuer, person): (&Issuer, &Person),
        known: Known,
        journey: &Journey,
    ) -> Result<Secret, Fault> {
        let (config, now) = (&issuer.config, self.now());
        let user = settle(&mut tx, (issuer, person), known).await?;
        let ends = Timestamp::from_millis(journey.ends);
        tx.spend_sign_in(&KeyDigest::of(&journey.pending.state), user.id, ends).await.map_err(|error| match error {
            StoreError::Conflict(Conflict::Exists) => begun_elsewhere(),
            other => other.into(),
        })?;
        let before = tx.identity(user.id).await?;
        let made_admin = before.as_ref().is_some_and(|row| row.admin);
        let admin = groups::agree((&mut tx, now), config, (&user, made_admin), &person.groups).await?;
        let created = before.as_ref().map_or(now, |row| row.created);
        let (issuer, subject) = (config.issuer.as_str().into(), person.subject.as_str().into());
        tx.put_identity(&IdentityRow { issuer, subject, user: user.id, admin, created, seen: Some(now) }).await?;
        tx.change_user(user.id, UserChange::SignInBy(now.plus(config.sign_in_every))).await?;
        let key = self.open_session(&mut tx, &user, format!("with {}", config.name)).await?;
        tx.commit().await?;
        Ok(key)
    }
}

/// Only reads: a refusal leaves everything as it was.
async fn recognise(
    reading: &mut Reading,
    (issuer, person): (&Issuer, &Person),
    link: Option<&str>,
    now: Timestamp,
) -> Result<Result<Known, Refusal>, Fault> {
    let tied = match reading.find_identity(issuer.config.issuer.as_str(), &person.subject).await? {
        Some(row) => reading.user(row.user).await?,
        None => None,
    };
    if let Some(link) = link {
        return linked(reading, tied, reading_link(link), now).await;
    }
    if let Some(user) = tied {
        return Ok(if user.disabled { Err(Refusal::Disabled) } else { Ok(Known::Tied(user)) });
    }
    if issuer.config.first_sign_in == FirstSignIn::Refuse {
        return Ok(Err(Refusal::Unknown { subject: shown(&person.subject) }));
    }
    let Some(name) = person.name.as_deref().and_then(|name| name.parse::<UserName>().ok()) else {
        return Ok(Err(Refusal::NoName));
    };
    // Whoever may choose their name at the provider could else choose whom to be here.
    match reading.find_user(&name).await? {
        Some(_) => Ok(Err(Refusal::NameTaken(name))),
        None => Ok(Ok(Known::New(name))),
    }
}

fn reading_link(link: &str) -> KeyDigest {
    KeyDigest::of(link.trim())
}

async fn linked(
    reading: &mut Reading,
    tied: Option<UserRow>,
    digest: KeyDigest,
    now: Timestamp,
) -> Result<Result<Known, Refusal>, Fault> {
    let is_open = |link: &LinkRow| link.purpose != LinkPurpose::Setup && now < link.ends;
    let link = reading.link(&digest).await?.filter(is_open);
    let user = match link.and_then(|link| link.user) {
        Some(user) => reading.user(user).await?.filter(|user| !user.disabled),
        None => None,
    };
    Ok(match (user, tied) {
        (None, _) => Err(Refusal::LinkGone),
        (Some(user), Some(tied)) if tied.id != user.id => Err(Refusal::Another),
        (Some(user), _) => Ok(Known::Linked(user)),
    })
}

/// Makes the account, or uses up the link.
async fn settle(tx: &mut Tx, (issuer, person): (&Issuer, &Person), known: Known) -> Result<UserRow, Fault> {
    let provider = &issuer.config.name;
    match known {
        Known::Tied(user) => Ok(user),
        Known::Linked(user) => {
            tx.drop_links(Some(user.id)).await?;
            tx.end_sessions(user.id, None).await?;
            let entry = AuditEntry::new(&Actor::User(user.id), "identity.set", &user.name);
            tx.record(entry.detail(format!("{} at {provider}, by a link", shown(&person.subject))));
            Ok(user)
        }
        Known::New(name) => {
            let id = UserId::new();
            let new = NewUser { id, name, admin: false, password_hash: None, origin: Origin::Hand };
            let entry = AuditEntry::new(&Actor::System, "user.added", &new.name);
            tx.record(entry.detail(format!("{} at {provider}, who signed in", shown(&person.subject))));
            tx.insert_users(&[new]).await?;
            tx.user(id).await?.ok_or(Fault::SignedOut)
        }
    }
}

fn begun_elsewhere() -> Fault {
    Fault::forbidden(
        "this sign-in was begun in another browser, was completed already, or took longer than 10 minutes: begin again",
    )
}

/// The trouble as people read it; what exactly it was is for the log.
fn told(issuer: &Issuer, trouble: &Trouble) -> Fault {
    let name = &issuer.config.name;
    tracing::warn!(event = "sign_in.failed", issuer = issuer.config.issuer.as_str(), error = %trouble, "nobody was signed in by the identity provider");
    match trouble {
        Trouble::Unreachable(_) => Fault::Unanswered(format!("{name} cannot be reached now: try again in a moment")),
        Trouble::Declined(_) => {
            Fault::forbidden(format!("{name} did not sign you in: begin again, or ask whoever runs it"))
        }
        Trouble::Foreign(_) => begun_elsewhere(),
        Trouble::NotBelieved(_) => Fault::forbidden(format!(
            "what {name} answered cannot be trusted, so nobody was signed in: an administrator finds the reason in Bellhop's log"
        )),
        Trouble::Unusable(_) => Fault::forbidden(format!(
            "{name} has said something about you that cannot be used: an administrator finds it in Bellhop's log"
        )),
    }
}

/// A subject is any text of the provider's.
fn shown(subject: &str) -> String {
    subject.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl Refusal {
    /// For the audit trail.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "no account is tied to this subject",
            Self::NoName => "its claim is no user name",
            Self::NameTaken(_) => "a user of its name is not tied to this subject",
            Self::Disabled => "the account is disabled",
            Self::LinkGone => "the link is gone",
            Self::Another => "the link is for another account",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { subject } => write!(
                f,
                "knows you, but no account here is tied to that: ask an administrator, and tell them that you are `{subject}` there"
            ),
            Self::NoName => f.write_str(
                "says no name by which you could have an account here: ask an administrator to make you one",
            ),
            Self::NameTaken(name) => write!(
                f,
                "says that you are {name}, and an account of this name is here already: if it is yours, ask an administrator for a link that ties it to you"
            ),
            Self::Disabled => f.write_str("knows you, but your account here is disabled"),
            Self::LinkGone => {
                f.write_str("knows you, but the link was used already, is over, or was never made: ask for another one")
            }
            Self::Another => {
                f.write_str("knows you as somebody who has another account here: the link stays for whom it was made")
            }
        }
    }
}
