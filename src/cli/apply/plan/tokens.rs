//! Tokens: matched by name, made where there is none, replaced where the file has another digest.
//! Owns the values of the tokens it makes until they are shown.
//! Never brings back a token that a person has revoked.

use super::{Edit, Planner, Removal, Result, people::PlannedUser};
use crate::{
    cli::apply::{ApplyError, MadeToken, Run, declared},
    clock::Timestamp,
    id::{TokenId, UserId},
    identity::{
        Boundary, Context,
        pat::{PatDigest, PlainPat},
    },
    secret::Secret,
    store::{NewToken, Origin, TokenLimits, TokenRow},
    vault::VaultError,
};
use aws_lc_rs::rand::SystemRandom;
use std::collections::{HashMap, HashSet};

/// How many users or digests one statement asks about.
const CHUNK: usize = 1_000;

impl Planner<'_> {
    pub(super) async fn tokens(&mut self, users: &[PlannedUser<'_>]) -> Result<()> {
        let rows = self.token_rows(users).await?;
        let revoked = self.revoked(users).await?;
        for user in users {
            for token in &user.declared.tokens {
                let row = rows.get(&(user.id, token.name.clone()));
                match token.digest {
                    Some(digest) if row.is_none_or(|row| row.digest != digest) && revoked.contains(&digest) => {
                        let words = format!(
                            "token {}/{}: was revoked by hand and stays so; give it another sha256, or take it out of the file",
                            user.declared.name, token.name
                        );
                        self.plan.remarks.push(words);
                    }
                    _ => self.token(user, token, row).await?,
                }
            }
        }
        Ok(())
    }

    async fn token(&mut self, user: &PlannedUser<'_>, token: &declared::Token, row: Option<&TokenRow>) -> Result<()> {
        let subject = format!("{}/{}", user.declared.name, token.name);
        match row {
            Some(row) if token.digest.is_none_or(|digest| digest == row.digest) => {
                if differs(token, row) {
                    let limits = self.limits(user, token, row.expires).await?;
                    self.plan.edits.push(Edit::Token(row.id, limits));
                    self.note("token.changed", subject, "other limits");
                }
            }
            Some(row) => {
                self.plan.removals.push(Removal::Token(row.id));
                let expires = self.new_token(user, token).await?;
                self.note("token.replaced", subject, format!("replaced, expires {expires}"));
            }
            None => {
                let expires = self.new_token(user, token).await?;
                self.note_of(Some(user.id), "token.created", subject, format!("created, expires {expires}"));
            }
        }
        Ok(())
    }

    async fn new_token(&mut self, user: &PlannedUser<'_>, token: &declared::Token) -> Result<Timestamp> {
        let default = self.now.plus(self.on.lifetimes.default_expiry);
        let limits = self.limits(user, token, default).await?;
        let (digest, hint) = match token.digest {
            Some(digest) => (digest, None),
            None => self.make(user, token)?,
        };
        let (expires, name) = (limits.expires, token.name.clone());
        let new = NewToken { id: TokenId::new(), user: user.id, name, digest, hint, limits, origin: Origin::Apply };
        self.plan.tokens.push(new);
        Ok(expires)
    }

    fn make(&mut self, user: &PlannedUser<'_>, token: &declared::Token) -> Result<(PatDigest, Option<Box<str>>)> {
        let made = PlainPat::generate(&SystemRandom::new()).map_err(|_| ApplyError::Vault(VaultError::Random))?;
        if self.options.run == Run::Real {
            let (user, token) = (user.declared.name.as_str().into(), token.name.clone());
            self.plan.made.push(MadeToken { user, token, value: Secret::new(made.expose()) });
        }
        Ok((made.digest(), Some(made.hint().into())))
    }

    async fn limits(
        &mut self,
        user: &PlannedUser<'_>,
        token: &declared::Token,
        otherwise: Timestamp,
    ) -> Result<TokenLimits> {
        let pin = match &token.pin {
            Some(pin) => Some(self.context_id(user, pin).await?),
            None => None,
        };
        let mut contexts = Vec::with_capacity(token.contexts.len());
        for context in &token.contexts {
            contexts.push(self.context_id(user, context).await?);
        }
        let (providers, networks) = (token.providers.clone(), token.networks.clone());
        let expires = token.expires.unwrap_or(otherwise);
        Ok(TokenLimits { scopes: token.scopes, expires, pin, contexts, providers, networks })
    }

    async fn token_rows(&mut self, users: &[PlannedUser<'_>]) -> Result<HashMap<(UserId, Box<str>), TokenRow>> {
        let known: Vec<UserId> = users.iter().filter(|user| !user.is_new).map(|user| user.id).collect();
        let mut rows = HashMap::new();
        for chunk in known.chunks(CHUNK) {
            let found = self.reading.tokens_of(chunk).await?;
            rows.extend(found.into_iter().map(|row| ((row.user, row.name.clone()), row)));
        }
        Ok(rows)
    }

    async fn revoked(&mut self, users: &[PlannedUser<'_>]) -> Result<HashSet<PatDigest>> {
        let digests: Vec<PatDigest> = users.iter().flat_map(|u| &u.declared.tokens).filter_map(|t| t.digest).collect();
        let mut revoked = HashSet::new();
        for chunk in digests.chunks(CHUNK) {
            revoked.extend(self.reading.revoked_by_hand(chunk).await?);
        }
        Ok(revoked)
    }
}

/// By the names of contexts: whoever renames an organization renames it in the file too.
fn differs(token: &declared::Token, row: &TokenRow) -> bool {
    let mut contexts: Vec<Context> = token.contexts.iter().map(|context| context.name.clone()).collect();
    contexts.sort();
    let pin = token.pin.as_ref().map(|pin| pin.name.clone());
    let boundary = Boundary { pin, contexts, providers: token.providers.clone(), networks: token.networks.clone() };
    token.scopes != row.scopes
        || token.expires.is_some_and(|expires| expires != row.expires)
        || boundary != row.boundary
}
