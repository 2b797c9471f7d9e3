//! The audit trail: who changed what, read and verified.
//! Owns nothing, and cannot change an entry.
//! Never tells anybody but administrators of what others did: an entry's subject is a text, and whose business it is
//! cannot be told from it for certain.

mod verify;

pub use verify::{Checked, Finding, FindingKind, Verified, walk_trail};

use super::{Fault, Listed, Management, Page, Rights, Who, homes::Homes, names};
use crate::{
    clock::Timestamp,
    identity::UserName,
    store::{Actor, AuditFilter, AuditPlace, AuditRow, Reading},
    sync::checkpoint::Checkpoint,
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// In the order in which it was written down.
    pub seq: i64,
    pub at: Timestamp,
    /// `system`, `command-line`, or `user:` and an id.
    pub actor: String,
    /// That user's name.
    pub user: Option<UserName>,
    /// A noun and a past participle: `token.revoked`.
    pub action: String,
    /// The name or the id of what it was done to.
    pub subject: String,
    pub detail: String,
    /// Its link of the chain.
    pub mac: String,
}

/// Which entries.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditWanted {
    /// Who did it: `me`, a user's name or id, `system`, `command-line`. Without it, everybody: for administrators.
    pub actor: Option<String>,
    /// What was done, or how that begins: `token.revoked`, `token.`
    pub action: Option<String>,
    /// Exactly what it was done to.
    pub subject: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Up to before this time.
    pub to: Option<Timestamp>,
}

/// Checkpoints that were kept elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCheckpoints {
    #[schema(max_items = 200)]
    pub checkpoints: Vec<Checkpoint>,
}

impl Management {
    /// Newest first.
    pub async fn audit(&self, who: &Who, wanted: &AuditWanted, page: &Page) -> Result<Listed<Entry>, Fault> {
        let (limit, after) = (page.limit()?, page.after::<Place>()?);
        let (mut reading, rights) = self.look(who).await?;
        // What an entry is about cannot be held against a boundary.
        rights.within_all_of(None)?;
        let AuditWanted { actor, action, subject, from, to } = wanted.clone();
        let actor = match actor {
            Some(actor) => Some(somebody(&mut reading, &rights, &actor).await?),
            None if rights.is_admin() => None,
            None => return Err(only_own()),
        };
        let action = action.map(Into::into);
        let filter = AuditFilter { actor, action, subject: subject.map(Into::into), from, to };
        let rows = reading.audit(&filter, after.map(|Place(place)| place), limit + 1).await?;
        let Listed { items, next } = Listed::of(rows, limit, |row| format!("{}-{}", row.at.millis(), row.seq));
        let (mut homes, mut entries) = (Homes::default(), Vec::with_capacity(items.len()));
        for row in items {
            entries.push(entry(&mut reading, &mut homes, row).await?);
        }
        Ok(Listed { items: entries, next })
    }
}

fn only_own() -> Fault {
    Fault::forbidden("only an administrator may see what others did; `actor=me` is what you did")
}

async fn somebody(reading: &mut Reading, rights: &Rights, actor: &str) -> Result<Actor, Fault> {
    let (actor, is_me) = match actor {
        "me" => (Actor::User(rights.me()?), true),
        "system" => (Actor::System, false),
        "command-line" => (Actor::CommandLine, false),
        name => {
            let user = names::user(reading, name.strip_prefix("user:").unwrap_or(name)).await;
            let me = rights.me().ok();
            match user {
                Ok(user) => (Actor::User(user.id), me == Some(user.id)),
                // Who may not see it learns nothing of who there is.
                Err(_) if !rights.is_admin() => return Err(only_own()),
                Err(fault) => return Err(fault),
            }
        }
    };
    if is_me || rights.is_admin() { Ok(actor) } else { Err(only_own()) }
}

async fn entry(reading: &mut Reading, homes: &mut Homes, row: AuditRow) -> Result<Entry, Fault> {
    let user = match row.actor.strip_prefix("user:").and_then(|id| id.parse().ok()) {
        Some(id) => homes.user(reading, id).await?,
        None => None,
    };
    let AuditRow { seq, at, actor, action, subject, detail, mac } = row;
    Ok(Entry { seq, at, actor, user, action, subject, detail, mac })
}

struct Place(AuditPlace);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, seq) = text.split_once('-').ok_or(())?;
        let at = Timestamp::from_millis(at.parse().map_err(|_| ())?);
        Ok(Self(AuditPlace { at, seq: seq.parse().map_err(|_| ())? }))
    }
}
