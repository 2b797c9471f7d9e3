//! Who has signed in at the page, and the links by which people choose a password.
//! Owns the tables `sessions` and `links`.
//! Never holds what opens one: only its digest.

use super::{Change, Conflict, Reading, Result, Store, Tx, row::Columns};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    identity::key::KeyDigest,
};
use sqlx::any::AnyRow;
use std::{fmt, str::FromStr};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    pub id: SessionId,
    pub user: UserId,
    pub created: Timestamp,
    /// To the minute.
    pub seen: Timestamp,
    pub ends: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkPurpose {
    /// Makes the first administrator.
    Setup,
    /// A new user's first password.
    Invitation,
    /// Another password.
    Reset,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkRow {
    pub purpose: LinkPurpose,
    pub user: Option<UserId>,
    pub ends: Timestamp,
}

/// A session of user `u` ends at the latest when the user has to sign in again.
macro_rules! ends {
    () => {
        "CASE WHEN u.sign_in_by < s.ends THEN u.sign_in_by ELSE s.ends END AS ends"
    };
}

impl LinkPurpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }
}

impl fmt::Display for LinkPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LinkPurpose {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Setup, Self::Invitation, Self::Reset].into_iter().find(|purpose| purpose.as_str() == text).ok_or(())
    }
}

impl Store {
    /// Of somebody who is neither disabled nor gone. Whether it is over is for the caller to say.
    pub async fn session(&self, digest: &KeyDigest) -> Result<Option<SessionRow>> {
        let query = sqlx::query(concat!(
            "SELECT s.id, s.user_id, s.created, s.seen, ",
            ends!(),
            " FROM sessions s \
             JOIN users u ON u.id = s.user_id AND u.disabled = 0 AND u.deleted IS NULL WHERE s.digest = $1"
        ));
        let row = query.bind(digest.to_hex()).fetch_optional(&self.readers).await?;
        row.as_ref().map(SessionRow::read).transpose()
    }

    /// Notes that it was used; once a minute is enough.
    pub async fn see_session(&self, id: SessionId, now: Timestamp) -> Result<()> {
        let query = sqlx::query("UPDATE sessions SET seen = $2 WHERE id = $1 AND seen < $2");
        query.bind(id.to_string()).bind(now.minute().millis()).execute(&self.writers).await?;
        Ok(())
    }

    /// Forgets what is over anyway.
    pub async fn forget_sessions(&self, (seen_before, now): (Timestamp, Timestamp)) -> Result<()> {
        let query = sqlx::query("DELETE FROM sessions WHERE ends <= $2 OR seen < $1");
        query.bind(seen_before.millis()).bind(now.millis()).execute(&self.writers).await?;
        let query = sqlx::query("DELETE FROM links WHERE ends <= $1");
        query.bind(now.millis()).execute(&self.writers).await?;
        let query = sqlx::query("DELETE FROM invitations WHERE ends <= $1");
        query.bind(now.millis()).execute(&self.writers).await?;
        Ok(())
    }
}

impl Reading {
    /// A user's, the newest first.
    pub async fn sessions(&mut self, user: UserId) -> Result<Vec<SessionRow>> {
        let query = sqlx::query(concat!(
            "SELECT s.id, s.user_id, s.created, s.seen, ",
            ends!(),
            " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.user_id = $1 ORDER BY s.created DESC, s.id DESC"
        ));
        query.bind(user.to_string()).fetch_all(self.connection()).await?.iter().map(SessionRow::read).collect()
    }

    pub async fn link(&mut self, digest: &KeyDigest) -> Result<Option<LinkRow>> {
        let query = sqlx::query("SELECT purpose, user_id, ends FROM links WHERE digest = $1").bind(digest.to_hex());
        let row = query.fetch_optional(self.connection()).await?;
        row.map(|row| {
            Ok(LinkRow { purpose: row.parsed("purpose")?, user: row.optional("user_id")?, ends: row.time("ends")? })
        })
        .transpose()
    }

    /// Whether there has ever been a user here.
    pub async fn is_settled(&mut self) -> Result<bool> {
        Ok(sqlx::query("SELECT id FROM users LIMIT 1").fetch_optional(self.connection()).await?.is_some())
    }
}

impl Tx {
    pub async fn insert_session(&mut self, digest: &KeyDigest, row: &SessionRow) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO sessions (digest, id, user_id, created, seen, ends) VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let query = query.bind(digest.to_hex()).bind(row.id.to_string()).bind(row.user.to_string());
        let query = query.bind(row.created.millis()).bind(row.seen.minute().millis()).bind(row.ends.millis());
        query.execute(self.writing()).await?;
        self.announce(Change::User(row.user));
        Ok(())
    }

    pub async fn end_session(&mut self, user: UserId, id: SessionId) -> Result<()> {
        let query = sqlx::query("DELETE FROM sessions WHERE id = $1 AND user_id = $2");
        let done = query.bind(id.to_string()).bind(user.to_string()).execute(self.writing()).await?;
        self.announce(Change::User(user));
        if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::Missing.into()) }
    }

    /// All of a user's, but for one.
    pub async fn end_sessions(&mut self, user: UserId, but: Option<SessionId>) -> Result<()> {
        let query = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2");
        let but = but.unwrap_or(SessionId::FIRST);
        query.bind(user.to_string()).bind(but.to_string()).execute(self.writing()).await?;
        self.announce(Change::User(user));
        Ok(())
    }

    /// The only link of this user's from now on; of several, an old one would open the door that a new one closes.
    pub async fn replace_link(&mut self, digest: &KeyDigest, link: &LinkRow) -> Result<()> {
        self.drop_links(link.user).await?;
        let query =
            sqlx::query("INSERT INTO links (digest, purpose, user_id, created, ends) VALUES ($1, $2, $3, $4, $5)");
        let query =
            query.bind(digest.to_hex()).bind(link.purpose.as_str()).bind(link.user.map(|user| user.to_string()));
        query.bind(self.now.millis()).bind(link.ends.millis()).execute(self.writing()).await?;
        Ok(())
    }

    /// Those of this user, or the one for the first administrator.
    pub async fn drop_links(&mut self, user: Option<UserId>) -> Result<()> {
        if let Some(user) = user {
            let query = sqlx::query("DELETE FROM links WHERE user_id = $1").bind(user.to_string());
            query.execute(self.writing()).await?;
        } else {
            sqlx::query("DELETE FROM links WHERE user_id IS NULL").execute(self.writing()).await?;
        }
        // Nobody holds anything of nobody's; but what is written is announced.
        self.announce(Change::User(user.unwrap_or(UserId::FIRST)));
        Ok(())
    }
}

impl SessionRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            user: row.parsed("user_id")?,
            created: row.time("created")?,
            seen: row.time("seen")?,
            ends: row.time("ends")?,
        })
    }
}
