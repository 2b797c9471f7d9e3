//! Personal access tokens as rows, found by digest or by name, and what limits them.
//! Owns the tables `tokens` and `token_contexts`.
//! Never sees a token itself, and never judges an expiry: it says when.

use super::{
    Change, Conflict, Origin, Reading, Result, Store, Tx, insert::Insert, row::Columns, row::corrupt, row::parse,
};
use crate::{
    clock::Timestamp,
    id::{OrganizationId, ProjectId, TokenId, UserId},
    identity::{Boundary, Context, Scopes, pat::PatDigest},
};
use ipnet::IpNet;
use sqlx::{AssertSqlSafe, any::AnyRow};
use std::collections::{BTreeMap, HashSet};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRow {
    pub id: TokenId,
    pub user: UserId,
    pub name: Box<str>,
    pub digest: PatDigest,
    /// Its first characters; unknown where only a digest was given.
    pub hint: Option<Box<str>>,
    pub scopes: Scopes,
    pub expires: Timestamp,
    pub boundary: Boundary,
    pub origin: Origin,
    pub created: Timestamp,
    /// To the minute.
    pub last_used: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct NewToken {
    pub id: TokenId,
    pub user: UserId,
    pub name: Box<str>,
    pub digest: PatDigest,
    pub hint: Option<Box<str>>,
    pub limits: TokenLimits,
    pub origin: Origin,
}

/// What a token may do, for how long.
#[derive(Clone, Debug)]
pub struct TokenLimits {
    pub scopes: Scopes,
    pub expires: Timestamp,
    pub pin: Option<ContextId>,
    pub contexts: Vec<ContextId>,
    pub providers: Vec<Box<str>>,
    pub networks: Vec<IpNet>,
}

/// A context by what lasts: a pin to `acme` means the organization, whatever it is called later, and never another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ContextId {
    Me,
    MyProject(ProjectId),
    Organization(OrganizationId),
    Project(OrganizationId, ProjectId),
}

macro_rules! select_tokens {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.user_id, t.name, t.digest, t.hint, t.scopes, t.providers, t.networks, t.expires, t.origin, \
                    t.created, t.last_used, ",
            token_contexts!(),
            " FROM tokens t WHERE t.revoked IS NULL AND ",
            $rest
        )
    };
}

impl Store {
    /// Notes when tokens were last used, to the minute. Not a control change: it takes no number and wakes nobody.
    /// One statement for a minute, as there may be very many tokens; in the order of ids is cheaper still.
    pub async fn touch(&self, used: &[(TokenId, Timestamp)]) -> Result<()> {
        let mut minutes: BTreeMap<i64, Vec<TokenId>> = BTreeMap::new();
        for (token, at) in used {
            minutes.entry(at.minute().millis()).or_default().push(*token);
        }
        let mut transaction = self.writers.begin_with(self.dialect.begin_write()).await?;
        for (minute, tokens) in minutes {
            let ids = self.dialect.list(tokens.len());
            let sql = format!(
                "UPDATE tokens SET last_used = {minute} WHERE (last_used IS NULL OR last_used < {minute}) AND id IN {ids}"
            );
            // Safe: the text is made of this program's own words, numbers and parameters.
            let update = sqlx::query(AssertSqlSafe(sql)).persistent(false);
            let update = tokens.iter().fold(update, |update, token| update.bind(token.to_string()));
            update.execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

impl Reading {
    /// In the order of names; revoked ones are not listed.
    pub async fn tokens(&mut self, user: UserId) -> Result<Vec<TokenRow>> {
        let query = sqlx::query(select_tokens!("t.user_id = $1 ORDER BY t.name")).bind(user.to_string());
        query.fetch_all(self.connection()).await?.iter().map(TokenRow::read).collect()
    }

    /// How many; revoked ones do not count.
    pub async fn count_tokens(&mut self, user: UserId) -> Result<u64> {
        let query = sqlx::query("SELECT COUNT(*) AS tokens FROM tokens WHERE user_id = $1 AND revoked IS NULL");
        query.bind(user.to_string()).fetch_one(self.connection()).await?.amount("tokens")
    }

    /// Those of all these users, in no order.
    pub async fn tokens_of(&mut self, users: &[UserId]) -> Result<Vec<TokenRow>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{}{}", select_tokens!("t.user_id IN "), self.dialect.list(users.len()));
        // Safe: the text is made of this program's own words and parameters.
        let query = users.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, user| query.bind(user.to_string()));
        query.fetch_all(self.connection()).await?.iter().map(TokenRow::read).collect()
    }

    /// In the order in which they were made: everybody's, or one user's.
    pub async fn tokens_page(
        &mut self,
        of: Option<UserId>,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<TokenRow>> {
        let after = after.unwrap_or(TokenId::FIRST).to_string();
        let query = match of {
            Some(user) => sqlx::query(select_tokens!("t.user_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"))
                .bind(user.to_string()),
            None => sqlx::query(select_tokens!("t.id > $1 ORDER BY t.id LIMIT $2")),
        };
        let query = query.bind(after).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(TokenRow::read).collect()
    }

    /// Those that expire after one time and up to another and were used since a third, at most `limit`, oldest first.
    pub async fn tokens_ending(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        used_since: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<TokenRow>> {
        let sql = select_tokens!(
            "t.expires > $1 AND t.expires <= $2 AND t.last_used >= $3 AND t.id > $4 ORDER BY t.id LIMIT $5"
        );
        let query = sqlx::query(sql).bind(from.millis()).bind(to.millis()).bind(used_since.millis());
        let query = query.bind(after.unwrap_or(TokenId::FIRST).to_string()).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(TokenRow::read).collect()
    }

    /// At most `limit` tokens that are pinned to this context, whoever's they are, oldest first.
    pub async fn tokens_pinned_to(&mut self, context: ContextId, limit: u32) -> Result<Vec<TokenRow>> {
        let (organization, project) = context.columns();
        let rows = match (organization, project) {
            // `me` is each user's own: ask for the user's tokens.
            (None, None) => return Ok(Vec::new()),
            (_, Some(project)) => {
                let sql = select_tokens!(
                    "t.id IN (SELECT c.token_id FROM token_contexts c WHERE c.purpose = 'pin' AND c.project_id = $1) \
                     ORDER BY t.id LIMIT $2"
                );
                sqlx::query(sql).bind(project).bind(i64::from(limit)).fetch_all(self.connection()).await?
            }
            (Some(organization), None) => {
                let sql = select_tokens!(
                    "t.id IN (SELECT c.token_id FROM token_contexts c WHERE c.purpose = 'pin' AND c.organization_id = $1 \
                     AND c.project_id IS NULL) ORDER BY t.id LIMIT $2"
                );
                sqlx::query(sql).bind(organization).bind(i64::from(limit)).fetch_all(self.connection()).await?
            }
        };
        rows.iter().map(TokenRow::read).collect()
    }

    pub async fn token(&mut self, id: TokenId) -> Result<Option<TokenRow>> {
        let query = sqlx::query(select_tokens!("t.id = $1")).bind(id.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(TokenRow::read).transpose()
    }

    pub async fn find_token(&mut self, user: UserId, name: &str) -> Result<Option<TokenRow>> {
        let query = sqlx::query(select_tokens!("t.user_id = $1 AND t.name = $2")).bind(user.to_string()).bind(name);
        query.fetch_optional(self.connection()).await?.as_ref().map(TokenRow::read).transpose()
    }

    pub async fn token_by_digest(&mut self, digest: &PatDigest) -> Result<Option<TokenRow>> {
        let query = sqlx::query(select_tokens!("t.digest = $1")).bind(digest.to_hex());
        query.fetch_optional(self.connection()).await?.as_ref().map(TokenRow::read).transpose()
    }

    /// Those of these digests that somebody has revoked by hand: no file may bring them back.
    pub async fn revoked_by_hand(&mut self, digests: &[PatDigest]) -> Result<HashSet<PatDigest>> {
        if digests.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = format!(
            "SELECT digest FROM tokens WHERE revoked IS NOT NULL AND revoked_by = 'hand' AND digest IN {}",
            self.dialect.list(digests.len())
        );
        // Safe: the text is made of this program's own words and parameters.
        let query = digests.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, digest| query.bind(digest.to_hex()));
        let rows = query.fetch_all(self.connection()).await?;
        rows.iter().map(read_digest).collect()
    }

    /// What this user means by this context; `None` if there is no such organization or project.
    pub async fn context_id(&mut self, user: UserId, context: &Context) -> Result<Option<ContextId>> {
        let row = match (&context.organization, &context.project) {
            (None, None) => return Ok(Some(ContextId::Me)),
            (None, Some(project)) => {
                let query = sqlx::query(
                    "SELECT id AS project FROM projects WHERE user_id = $1 AND name = $2 AND deleted IS NULL",
                );
                let row = query.bind(user.to_string()).bind(project.as_str()).fetch_optional(self.connection()).await?;
                return row.map(|row| Ok(ContextId::MyProject(row.parsed("project")?))).transpose();
            }
            (Some(organization), None) => {
                let query = sqlx::query(
                    "SELECT id AS organization, NULL AS project FROM organizations WHERE name = $1 AND deleted IS NULL",
                );
                query.bind(organization.as_str()).fetch_optional(self.connection()).await?
            }
            (Some(organization), Some(project)) => {
                let query = sqlx::query(
                    "SELECT o.id AS organization, p.id AS project FROM organizations o \
                     JOIN projects p ON p.organization_id = o.id WHERE o.name = $1 AND p.name = $2 AND p.deleted IS NULL",
                );
                let query = query.bind(organization.as_str()).bind(project.as_str());
                query.fetch_optional(self.connection()).await?
            }
        };
        row.map(|row| {
            let organization = row.parsed("organization")?;
            Ok(match row.optional("project")? {
                Some(project) => ContextId::Project(organization, project),
                None => ContextId::Organization(organization),
            })
        })
        .transpose()
    }
}

impl Tx {
    pub async fn insert_tokens(&mut self, tokens: &[NewToken]) -> Result<()> {
        let columns = &[
            "id",
            "user_id",
            "name",
            "digest",
            "hint",
            "scopes",
            "providers",
            "networks",
            "expires",
            "origin",
            "created",
        ];
        let mut insert = Insert::new(self.dialect(), "tokens", columns);
        for token in tokens {
            let limits = &token.limits;
            let insert = insert.row().bind(token.id.to_string()).bind(token.user.to_string()).bind(&*token.name);
            let insert = insert.bind(token.digest.to_hex()).bind(token.hint.as_deref()).bind(limits.scopes.to_string());
            let insert = insert.bind(limits.providers.join(" ")).bind(words(&limits.networks));
            insert.bind(limits.expires.millis()).bind(token.origin.as_str()).bind(self.now.millis());
            self.announce(Change::Token(token.digest));
        }
        insert.execute(self.writing()).await?;
        self.insert_contexts(tokens.iter().map(|token| (token.id, &token.limits))).await
    }

    pub async fn change_token(&mut self, id: TokenId, limits: &TokenLimits) -> Result<()> {
        let row = sqlx::query(
            "UPDATE tokens SET scopes = $2, providers = $3, networks = $4, expires = $5 \
             WHERE id = $1 AND revoked IS NULL RETURNING digest",
        )
        .bind(id.to_string())
        .bind(limits.scopes.to_string())
        .bind(limits.providers.join(" "))
        .bind(words(&limits.networks))
        .bind(limits.expires.millis())
        .fetch_optional(self.writing())
        .await?;
        self.announce_token(row.as_ref())?;
        sqlx::query("DELETE FROM token_contexts WHERE token_id = $1")
            .bind(id.to_string())
            .execute(self.writing())
            .await?;
        self.insert_contexts([(id, limits)].into_iter()).await
    }

    /// For good. Its name is free again, and its digest opens nothing.
    pub async fn revoke_token(&mut self, id: TokenId, by: Origin) -> Result<()> {
        let sql = "UPDATE tokens SET revoked = $2, revoked_by = $3 WHERE id = $1 AND revoked IS NULL RETURNING digest";
        let row = sqlx::query(sql)
            .bind(id.to_string())
            .bind(self.now.millis())
            .bind(by.as_str())
            .fetch_optional(self.writing())
            .await?;
        self.announce_token(row.as_ref())
    }

    fn announce_token(&mut self, row: Option<&AnyRow>) -> Result<()> {
        self.announce(Change::Token(read_digest(row.ok_or(Conflict::Missing)?)?));
        Ok(())
    }

    async fn insert_contexts(&mut self, tokens: impl Iterator<Item = (TokenId, &TokenLimits)>) -> Result<()> {
        let columns = &["token_id", "purpose", "organization_id", "project_id"];
        let mut insert = Insert::new(self.dialect(), "token_contexts", columns);
        for (id, limits) in tokens {
            let pin = limits.pin.iter().map(|context| ("pin", context));
            for (purpose, context) in pin.chain(limits.contexts.iter().map(|context| ("allow", context))) {
                let (organization, project) = context.columns();
                insert.row().bind(id.to_string()).bind(purpose).bind(organization).bind(project);
            }
        }
        insert.execute(self.writing()).await
    }
}

impl ContextId {
    pub(super) fn columns(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Me => (None, None),
            Self::MyProject(project) => (None, Some(project.to_string())),
            Self::Organization(organization) => (Some(organization.to_string()), None),
            Self::Project(organization, project) => (Some(organization.to_string()), Some(project.to_string())),
        }
    }
}

impl TokenRow {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            user: row.parsed("user_id")?,
            name: row.text("name")?.into(),
            digest: read_digest(row)?,
            hint: row.optional_text("hint")?.map(Into::into),
            scopes: read_scopes(row)?,
            expires: row.time("expires")?,
            boundary: read_boundary(row)?,
            origin: row.parsed("origin")?,
            created: row.time("created")?,
            last_used: row.optional_time("last_used")?,
        })
    }
}

fn read_digest(row: &AnyRow) -> Result<PatDigest> {
    PatDigest::from_hex(row.text("digest")?).ok_or_else(|| corrupt("digest"))
}

pub(super) fn read_scopes(row: &AnyRow) -> Result<Scopes> {
    Scopes::parse(row.text("scopes")?).ok_or_else(|| corrupt("scopes"))
}

pub(super) fn read_boundary(row: &AnyRow) -> Result<Boundary> {
    let mut boundary = Boundary {
        pin: None,
        contexts: Vec::new(),
        providers: row.text("providers")?.split_whitespace().map(Into::into).collect(),
        networks: row.words("networks")?,
    };
    for word in row.words::<String>("contexts")? {
        match word.split_once(':') {
            Some(("pin", context)) => boundary.pin = Some(parse(context, "contexts")?),
            Some(("allow", context)) => boundary.contexts.push(parse(context, "contexts")?),
            _ => return Err(corrupt("contexts")),
        }
    }
    boundary.contexts.sort();
    Ok(boundary)
}

fn words<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
