//! Personal access tokens: made, shown once, limited, revoked.
//! Owns nothing; of a token that was made only its digest is kept.
//! Never makes one that can do more than its user, or than the token that it was made with.

mod limits;

use super::{Fault, Listed, Management, Page, Patch, Rights, Tag, Who, homes::Homes, page::Wanted, users};
use crate::{
    clock::Timestamp,
    id::TokenId,
    identity::{Boundary, Context, Scope, Scopes, UserName, pat::PlainPat},
    secret::Secret,
    store::{NewToken, Origin, Reading, TokenRow, UserRow},
};
use aws_lc_rs::rand::SystemRandom;
use ipnet::IpNet;
use limits::networks;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A personal access token, without its value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Token {
    pub id: TokenId,
    pub user: UserName,
    pub name: String,
    /// Its first characters; null where only a digest was given.
    pub hint: Option<String>,
    pub scopes: Vec<Scope>,
    /// The pinned context: what pays when a request names none.
    pub context: Option<Context>,
    /// The only contexts that it may use; empty: any of its user's.
    pub contexts: Vec<Context>,
    /// The only providers; empty: any.
    pub providers: Vec<String>,
    /// The only networks that it may be used from; empty: any.
    #[schema(value_type = Vec<String>)]
    pub networks: Vec<IpNet>,
    pub created: Timestamp,
    pub expires: Timestamp,
    pub expired: bool,
    /// To the minute.
    pub last_used: Option<Timestamp>,
}

/// What a new token may do. Everything but its name may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreateToken {
    /// Whose; one's own, if it is left out.
    pub user: Option<String>,
    /// What it is for: a machine, a program.
    #[schema(min_length = 1, max_length = 80)]
    pub name: String,
    /// When it ends; `tokens.default_expiry` from now, if it is left out.
    pub expires: Option<Timestamp>,
    pub context: Option<Context>,
    pub contexts: Vec<Context>,
    pub providers: Vec<String>,
    /// `run`, if it is left out.
    pub scopes: Option<Vec<Scope>>,
    /// Networks such as 10.0.0.0/8, or addresses.
    pub networks: Vec<String>,
}

/// A token that was just made: the only time that its value is told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    #[serde(flatten)]
    pub token: Token,
    /// Nobody can show it again.
    #[schema(value_type = String)]
    pub value: Shown,
}

/// A secret on its way to the one person who may see it, once.
#[derive(Debug)]
pub struct Shown(pub Secret);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// What is to be different about a token; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeToken {
    pub expires: Option<Timestamp>,
    /// Null takes the pin away.
    #[serde(skip_serializing_if = "Patch::keeps")]
    #[schema(value_type = Option<Context>)]
    pub context: Patch<Context>,
    pub contexts: Option<Vec<Context>>,
    pub providers: Option<Vec<String>>,
    pub scopes: Option<Vec<Scope>>,
    pub networks: Option<Vec<String>>,
}

/// A token that somebody found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeValue {
    #[schema(value_type = String)]
    pub value: Shown,
}

impl Token {
    /// When it was last used is no change of it.
    pub fn tag(&self) -> Tag {
        Tag::of(&Self { last_used: None, expired: false, ..self.clone() })
    }

    fn new(user: UserName, row: TokenRow, now: Timestamp) -> Self {
        let Boundary { pin, contexts, providers, networks } = row.boundary;
        Self {
            id: row.id,
            user,
            name: row.name.into(),
            hint: row.hint.map(Into::into),
            scopes: row.scopes.list(),
            context: pin,
            contexts,
            providers: providers.into_iter().map(Into::into).collect(),
            networks,
            created: row.created,
            expires: row.expires,
            expired: row.expires <= now,
            last_used: row.last_used,
        }
    }
}

impl Management {
    /// A user's, one's own if none is named; everybody's for an administrator who asks for `*`.
    pub async fn tokens(
        &self,
        who: &Who,
        (of, name): (Option<&str>, Option<&str>),
        page: &Page,
    ) -> Result<Listed<Token>, Fault> {
        let (limit, after) = (page.limit()?, page.after()?);
        let (mut reading, rights) = self.look(who).await?;
        let of = match of {
            Some("*") => {
                users::over_everybody(&rights)?;
                None
            }
            // At the command line there is no oneself.
            None if rights.standing().is_none() => None,
            of => Some(whose(&mut reading, &rights, of).await?.id),
        };
        let rows = match (of, name) {
            (Some(user), Some(name)) => reading.find_token(user, name).await?.into_iter().collect(),
            (None, Some(_)) => return Err(Fault::invalid("name", "expected the user whose token it is, too")),
            (of, None) => reading.tokens_page(of, after, limit + 1).await?,
        };
        let Listed { items, next } = Listed::of(rows, limit, |row| row.id.to_string());
        let (mut homes, mut tokens) = (Homes::default(), Vec::with_capacity(items.len()));
        for row in items {
            if let Some(user) = homes.user(&mut reading, row.user).await? {
                tokens.push(Token::new(user, row, self.now()));
            }
        }
        Ok(Listed { items: tokens, next })
    }

    pub async fn token(&self, who: &Who, id: TokenId) -> Result<Token, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (user, row) = find(&mut reading, &rights, id).await?;
        Ok(Token::new(user.name, row, self.now()))
    }

    pub async fn create_token(&self, who: &Who, wanted: CreateToken) -> Result<MadeToken, Fault> {
        self.make_token(who, wanted, Namesake::Refuses).await
    }

    /// In the place of the one that has this name.
    pub async fn replace_token(&self, who: &Who, wanted: CreateToken) -> Result<MadeToken, Fault> {
        self.make_token(who, wanted, Namesake::Goes).await
    }

    async fn make_token(&self, who: &Who, wanted: CreateToken, namesake: Namesake) -> Result<MadeToken, Fault> {
        check_name(&wanted.name)?;
        let value = PlainPat::generate(&SystemRandom::new()).map_err(|error| Fault::Internal(Box::new(error)))?;
        let (mut tx, rights) = self.act(who).await?;
        let user = whose(&mut tx, &rights, wanted.user.as_deref()).await?;
        if let Some(old) = tx.find_token(user.id, &wanted.name).await? {
            let subject = format!("{}/{}", user.name, wanted.name);
            match namesake {
                Namesake::Goes => {
                    tx.revoke_token(old.id, Origin::Hand).await?;
                    tx.record(rights.entry("token.revoked", subject).detail("replaced"));
                }
                Namesake::Refuses => {
                    return Err(Fault::conflict(format!(
                        "{} has a token `{}` already: choose another name, or revoke that one first",
                        user.name, wanted.name
                    )));
                }
            }
        }
        let (now, usual) = (self.now(), self.current().config.tokens.default_expiry);
        let usual = now.plus(usual);
        let expires = wanted.expires.unwrap_or(rights.bounds().map_or(usual, |bounds| usual.min(bounds.expires)));
        let scopes = Scopes::of(wanted.scopes.as_deref().unwrap_or(&[Scope::Run]));
        let boundary = Boundary {
            pin: wanted.context,
            contexts: wanted.contexts,
            providers: wanted.providers.into_iter().map(Into::into).collect(),
            networks: networks(&wanted.networks)?,
        };
        let limits = self.limits((&mut tx, &rights), &user, (scopes, expires, boundary)).await?;
        let (id, name) = (TokenId::new(), wanted.name.as_str().into());
        let (digest, hint) = (value.digest(), Some(value.hint().into()));
        tx.insert_tokens(&[NewToken { id, user: user.id, name, digest, hint, limits, origin: Origin::Hand }]).await?;
        tx.record(rights.entry("token.created", format_args!("{}/{}", user.name, wanted.name)));
        let row = tx.token(id).await?.ok_or_else(|| Fault::missing("token"))?;
        tx.commit().await?;
        let value = Shown(Secret::new(value.expose()));
        Ok(MadeToken { token: Token::new(user.name, row, now), value })
    }

    pub async fn change_token(
        &self,
        who: &Who,
        id: TokenId,
        change: ChangeToken,
        read: Option<&Wanted>,
    ) -> Result<Token, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (user, row) = find(&mut tx, &rights, id).await?;
        let name = row.name.clone();
        Token::new(user.name.clone(), row.clone(), self.now()).tag().check(read)?;
        let scopes = change.scopes.map_or(Some(row.scopes), |scopes| Scopes::of(&scopes));
        let boundary = Boundary {
            pin: change.context.after(row.boundary.pin),
            contexts: change.contexts.unwrap_or(row.boundary.contexts),
            providers: match change.providers {
                Some(providers) => providers.into_iter().map(Into::into).collect(),
                None => row.boundary.providers,
            },
            networks: match change.networks {
                Some(list) => networks(&list)?,
                None => row.boundary.networks,
            },
        };
        let expires = change.expires.unwrap_or(row.expires);
        let limits = self.limits((&mut tx, &rights), &user, (scopes, expires, boundary)).await?;
        tx.change_token(id, &limits).await?;
        tx.record(rights.entry("token.changed", format_args!("{}/{name}", user.name)));
        let row = tx.token(id).await?.ok_or_else(|| Fault::missing("token"))?;
        tx.commit().await?;
        Ok(Token::new(user.name, row, self.now()))
    }

    /// For good.
    pub async fn revoke_token(&self, who: &Who, id: TokenId, read: Option<&Wanted>) -> Result<Token, Fault> {
        let (mut tx, rights) = self.act(who).await?;
        let (user, row) = find(&mut tx, &rights, id).await?;
        let token = Token::new(user.name, row, self.now());
        token.tag().check(read)?;
        tx.revoke_token(id, Origin::Hand).await?;
        tx.record(rights.entry("token.revoked", format_args!("{}/{}", token.user, token.name)));
        tx.commit().await?;
        Ok(token)
    }

    /// Whoever has found a token may end it: having it, they could do worse.
    pub async fn revoke_value(&self, who: &Who, found: &Secret) -> Result<Token, Fault> {
        let malformed = || Fault::invalid("value", "expected a token: bhp_ and 36 characters");
        let digest = PlainPat::parse(found.expose().trim().as_bytes()).ok_or_else(malformed)?.digest();
        let (mut tx, rights) = self.act(who).await?;
        let row = tx.token_by_digest(&digest).await?.ok_or_else(|| Fault::missing("token"))?;
        let user = tx.user(row.user).await?.ok_or_else(|| Fault::missing("user"))?;
        let token = Token::new(user.name, row, self.now());
        tx.revoke_token(token.id, Origin::Hand).await?;
        tx.record(rights.entry("token.revoked", format_args!("{}/{}", token.user, token.name)).detail("by its value"));
        tx.commit().await?;
        Ok(token)
    }
}

/// What becomes of a token whose name is wanted again.
#[derive(Clone, Copy)]
enum Namesake {
    Refuses,
    Goes,
}

/// The user whom it is about, if that is this actor's business.
async fn whose(reading: &mut Reading, rights: &Rights, named: Option<&str>) -> Result<UserRow, Fault> {
    match named {
        Some(text) => users::find(reading, rights, text).await,
        None => reading.user(rights.me()?).await?.ok_or_else(|| Fault::missing("user")),
    }
}

async fn find(reading: &mut Reading, rights: &Rights, id: TokenId) -> Result<(UserRow, TokenRow), Fault> {
    let missing = || Fault::missing("token");
    let row = reading.token(id).await?.ok_or_else(missing)?;
    users::require_over(rights, row.user).map_err(|_| missing())?;
    let user = reading.user(row.user).await?.ok_or_else(missing)?;
    Ok((user, row))
}

fn check_name(name: &str) -> Result<(), Fault> {
    if (1..=80).contains(&name.chars().count()) && !name.contains(char::is_control) && name.trim() == name {
        Ok(())
    } else {
        Err(Fault::invalid("name", "expected 1 to 80 characters, without control characters or space around them"))
    }
}
