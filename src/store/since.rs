//! What may be used by one store's account and no longer by another's: what would come back if the older one were put in
//! the newer one's place.
//! Owns nothing.
//! Never carries anything into a store but an end: what was made since is not made again.

use super::{Reading, Result, Tx, row::Columns};
use crate::{clock::Timestamp, secret::Secret};
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// By id, with names for people.
#[derive(Debug, Default)]
pub struct InForce {
    tokens: BTreeMap<String, String>,
    users: BTreeMap<String, Account>,
    members: BTreeMap<(String, String), (Rank, String)>,
    project_members: BTreeMap<(String, String), String>,
    /// With the version that is in use.
    credentials: BTreeMap<String, (i64, String)>,
    webhooks: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Account {
    name: String,
    admin: bool,
    password: Option<Secret>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    Member,
    Maintainer,
    Owner,
}

/// Names of what would come back. The ids stay inside.
#[derive(Debug)]
pub struct Comeback {
    /// Revoked since, or whoever's they were is gone.
    pub tokens: Vec<Item>,
    /// Disabled or deleted since.
    pub users: Vec<Item>,
    pub administrators: Vec<Item>,
    /// Changed since: the old ones would open the page again.
    pub passwords: Vec<Item>,
    /// Removed since, or given a lesser role.
    pub members: Vec<Item>,
    pub project_members: Vec<Item>,
    /// Disabled or deleted since.
    pub credentials: Vec<Item>,
    /// Given a new value since: the old one would pay.
    pub rotated: Vec<Item>,
    pub webhooks: Vec<Item>,
}

#[derive(Debug)]
pub struct Item {
    name: String,
    id: String,
    /// Of what it is a member.
    of: String,
    /// What it is to be.
    now: Now,
}

#[derive(Debug)]
enum Now {
    Ended,
    Role(Rank),
    Password(Option<Secret>),
}

impl Reading {
    /// Of the whole store.
    pub async fn in_force(&mut self) -> Result<InForce> {
        let mut found = InForce::default();
        let tokens = "SELECT t.id, t.name, u.name AS owner FROM tokens t JOIN users u ON u.id = t.user_id \
                      WHERE t.revoked IS NULL";
        for row in self.all(tokens).await? {
            found.tokens.insert(row.text("id")?.into(), pair(&row, "owner", "name")?);
        }
        let users = "SELECT id, name, admin, password_hash FROM users WHERE disabled = 0 AND deleted IS NULL";
        for row in self.all(users).await? {
            let password = row.optional_text("password_hash")?.map(Secret::new);
            let account = Account { name: row.text("name")?.into(), admin: row.truth("admin")?, password };
            found.users.insert(row.text("id")?.into(), account);
        }
        let members = "SELECT m.user_id, m.organization_id, m.role, u.name AS who, o.name AS place FROM memberships m \
                       JOIN users u ON u.id = m.user_id JOIN organizations o ON o.id = m.organization_id";
        for row in self.all(members).await? {
            let key = (row.text("user_id")?.into(), row.text("organization_id")?.into());
            found.members.insert(key, (Rank::read(&row)?, pair(&row, "place", "who")?));
        }
        let members = "SELECT m.user_id, m.project_id, u.name AS who, p.name AS place FROM project_members m \
                       JOIN users u ON u.id = m.user_id JOIN projects p ON p.id = m.project_id";
        for row in self.all(members).await? {
            let key = (row.text("user_id")?.into(), row.text("project_id")?.into());
            found.project_members.insert(key, pair(&row, "place", "who")?);
        }
        let credentials = "SELECT id, version, provider, label FROM credentials WHERE state = 'active'";
        for row in self.all(credentials).await? {
            let name = pair(&row, "provider", "label")?;
            found.credentials.insert(row.text("id")?.into(), (row.number("version")?, name));
        }
        for row in self.all("SELECT id, url FROM webhooks WHERE enabled = 1").await? {
            found.webhooks.insert(row.text("id")?.into(), row.text("url")?.into());
        }
        Ok(found)
    }

    /// Jobs that went on record after that, by provider.
    pub async fn jobs_since(&mut self, time: Timestamp) -> Result<BTreeMap<String, u64>> {
        let rows = sqlx::query(
            "SELECT provider, COUNT(*) AS jobs FROM things WHERE kind = 'job' AND created > $1 GROUP BY provider",
        )
        .bind(time.millis())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| Ok((row.text("provider")?.into(), row.amount("jobs")?))).collect()
    }

    /// What was done after that entry of the audit trail, by kind of act.
    pub async fn acts_since(&mut self, seq: i64) -> Result<BTreeMap<String, u64>> {
        let rows = sqlx::query("SELECT action, COUNT(*) AS acts FROM audit WHERE seq > $1 GROUP BY action")
            .bind(seq)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(|row| Ok((row.text("action")?.into(), row.amount("acts")?))).collect()
    }

    async fn all(&mut self, sql: &'static str) -> Result<Vec<AnyRow>> {
        Ok(sqlx::query(sql).fetch_all(self.connection()).await?)
    }
}

fn pair(row: &AnyRow, first: &str, second: &str) -> Result<String> {
    Ok(format!("{}/{}", row.text(first)?, row.text(second)?))
}

impl Comeback {
    pub const NONE: Self = Self {
        tokens: Vec::new(),
        users: Vec::new(),
        administrators: Vec::new(),
        passwords: Vec::new(),
        members: Vec::new(),
        project_members: Vec::new(),
        credentials: Vec::new(),
        rotated: Vec::new(),
        webhooks: Vec::new(),
    };

    /// What is in force by `old` and not by `new`.
    pub fn between(old: InForce, new: &InForce) -> Self {
        let mut back = Self::NONE;
        let gone = old.tokens.into_iter().filter(|(id, _)| !new.tokens.contains_key(id));
        back.tokens = gone.map(|(id, name)| Item::ended(id, name)).collect();
        for (id, Account { name, admin, password }) in old.users {
            let Some(now) = new.users.get(&id) else {
                back.users.push(Item::ended(id, name));
                continue;
            };
            if admin && !now.admin {
                back.administrators.push(Item::ended(id.clone(), name.clone()));
            }
            if exposed(password.as_ref()) != exposed(now.password.as_ref()) {
                let now = Now::Password(now.password.clone());
                back.passwords.push(Item { now, ..Item::ended(id, name) });
            }
        }
        for ((user, organization), (rank, name)) in old.members {
            let now = match new.members.get(&(user.clone(), organization.clone())) {
                None => Now::Ended,
                Some((now, _)) if *now < rank => Now::Role(*now),
                Some(_) => continue,
            };
            back.members.push(Item { id: user, of: organization, name, now });
        }
        for ((user, project), name) in old.project_members {
            if !new.project_members.contains_key(&(user.clone(), project.clone())) {
                back.project_members.push(Item { of: project, ..Item::ended(user, name) });
            }
        }
        for (id, (version, name)) in old.credentials {
            match new.credentials.get(&id) {
                None => back.credentials.push(Item::ended(id, name)),
                Some((now, _)) if *now > version => back.rotated.push(Item::ended(id, name)),
                Some(_) => {}
            }
        }
        let gone = old.webhooks.into_iter().filter(|(id, _)| !new.webhooks.contains_key(id));
        back.webhooks = gone.map(|(id, url)| Item::ended(id, url)).collect();
        back
    }

    /// Each kind, in words, with what it is about.
    pub fn kinds(&self) -> [(&'static str, &[Item]); 9] {
        [
            ("tokens that were revoked", &self.tokens),
            ("people who were disabled or deleted", &self.users),
            ("people who are administrators no longer", &self.administrators),
            ("passwords that were changed", &self.passwords),
            ("memberships that ended or became lesser", &self.members),
            ("memberships of projects that ended", &self.project_members),
            ("credentials that were disabled or deleted", &self.credentials),
            ("credentials that were given a new value", &self.rotated),
            ("webhooks that were disabled or deleted", &self.webhooks),
        ]
    }
}

impl Tx {
    /// Ends in this store what ended in the other. A credential whose new value is not here is disabled: the old one was
    /// replaced for a reason.
    pub async fn keep_ended(&mut self, back: &Comeback) -> Result<()> {
        for item in &back.tokens {
            self.revoke(&item.id).await?;
        }
        for item in &back.users {
            self.set("UPDATE users SET disabled = 1 WHERE id = $1", &item.id).await?;
        }
        for item in &back.administrators {
            self.set("UPDATE users SET admin = 0 WHERE id = $1", &item.id).await?;
        }
        for item in &back.passwords {
            let Now::Password(password) = &item.now else { continue };
            let query = sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1").bind(item.id.clone());
            query.bind(password.as_ref().map(|hash| hash.expose().to_owned())).execute(self.writing()).await?;
        }
        for item in &back.project_members {
            let query = sqlx::query("DELETE FROM project_members WHERE user_id = $1 AND project_id = $2");
            query.bind(item.id.clone()).bind(item.of.clone()).execute(self.writing()).await?;
        }
        for item in &back.members {
            let query = if let Now::Role(rank) = &item.now {
                let sql = "UPDATE memberships SET role = $3 WHERE user_id = $1 AND organization_id = $2";
                sqlx::query(sql).bind(item.id.clone()).bind(item.of.clone()).bind(rank.as_str())
            } else {
                let sql = "DELETE FROM memberships WHERE user_id = $1 AND organization_id = $2";
                sqlx::query(sql).bind(item.id.clone()).bind(item.of.clone())
            };
            query.execute(self.writing()).await?;
        }
        for item in back.credentials.iter().chain(&back.rotated) {
            self.set("UPDATE credentials SET state = 'disabled' WHERE id = $1 AND state = 'active'", &item.id).await?;
        }
        for item in &back.webhooks {
            self.set("UPDATE webhooks SET enabled = 0 WHERE id = $1", &item.id).await?;
        }
        Ok(())
    }

    /// Every token there is; how many.
    pub async fn revoke_all_tokens(&mut self) -> Result<u64> {
        let query = sqlx::query("UPDATE tokens SET revoked = $1, revoked_by = 'hand' WHERE revoked IS NULL");
        Ok(query.bind(self.now.millis()).execute(self.writing()).await?.rows_affected())
    }

    /// Nobody is signed in any more, and no link opens anything; how many sessions and links that were.
    pub async fn end_everything_open(&mut self) -> Result<u64> {
        let mut ended = 0;
        for sql in ["DELETE FROM sessions", "DELETE FROM links WHERE user_id IS NOT NULL", "DELETE FROM invitations"] {
            ended += sqlx::query(sql).execute(self.writing()).await?.rows_affected();
        }
        Ok(ended)
    }

    /// Of a copy, by whose side nobody runs: what its processes had open is of unknown fate.
    pub async fn forget_all_processes(&mut self) -> Result<()> {
        sqlx::query("DELETE FROM processes").execute(self.writing()).await?;
        Ok(())
    }

    /// Leaves a gap in the change log that nobody who followed another history can take for its continuation: the numbers
    /// go on beyond any that were ever given.
    pub async fn leap(&mut self) -> Result<()> {
        const FAR: i64 = 1 << 40;
        sqlx::query("UPDATE head SET seq = seq + $1").bind(FAR).execute(self.writing()).await?;
        Ok(())
    }

    async fn revoke(&mut self, id: &str) -> Result<()> {
        let sql = "UPDATE tokens SET revoked = $2, revoked_by = 'hand' WHERE id = $1 AND revoked IS NULL";
        sqlx::query(sql).bind(id.to_owned()).bind(self.now.millis()).execute(self.writing()).await?;
        Ok(())
    }

    async fn set(&mut self, sql: &'static str, id: &str) -> Result<()> {
        sqlx::query(sql).bind(id.to_owned()).execute(self.writing()).await?;
        Ok(())
    }
}

fn exposed(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::expose)
}

impl Item {
    const fn ended(id: String, name: String) -> Self {
        Self { id, of: String::new(), name, now: Now::Ended }
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Rank {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(match row.text("role")? {
            "owner" => Self::Owner,
            "maintainer" => Self::Maintainer,
            _ => Self::Member,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Maintainer => "maintainer",
            Self::Member => "member",
        }
    }
}
