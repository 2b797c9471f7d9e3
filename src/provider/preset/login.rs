//! Logins: calls that an SDK makes to its provider's identity service before it does anything, and that Bellhop answers
//! itself.
//! Facts of a preset: where the caller's token is, and what the SDK wants to hear.
//! Never holds a token.

use super::{
    document::{Document, Placeholder},
    known::Known,
    mistake::{Checked, mistake, parsed},
    operation::Kind,
    parse::{check_span, token},
    raw::{RawLogin, RawOperation},
};
use crate::provider::pointer::Pointer;
use serde_json::Value;
use std::{str::FromStr, time::Duration};

/// What a call to an identity service is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// A token of Bellhop's own for the caller's.
    Token(Box<TokenLogin>),
    /// The same for everybody: where tokens are to be had.
    Document(Document),
    /// The public keys that tokens are signed with: a JWK Set (RFC 7517 §5).
    Keys,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenLogin {
    pub token: TokenPlace,
    pub mint: Mint,
    pub lifetime: Duration,
    /// What a JWT says beside what every one says.
    pub claims: Option<Document>,
    pub answer: Option<Document>,
    /// The new token, by these names.
    pub cookies: Box<[Box<str>]>,
}

/// Where a login has the caller's token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenPlace {
    /// A field of a form (`application/x-www-form-urlencoded`).
    Form(Box<str>),
    /// In a JSON body.
    Body(Pointer),
    Cookie(Box<str>),
    /// Where every other request has it.
    Slot,
}

impl TokenLogin {
    /// Whether a new token goes out: otherwise none is made.
    pub fn gives_token(&self) -> bool {
        !self.cookies.is_empty() || self.answers(|placeholder| placeholder == Placeholder::Token)
    }

    /// Whether it tells of the credential that would pay.
    pub fn tells_of_credential(&self) -> bool {
        self.answers(|placeholder| matches!(placeholder, Placeholder::Plain(_)))
    }

    fn answers(&self, wanted: impl Fn(Placeholder<'_>) -> bool) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.has(wanted))
    }
}

/// What a token that Bellhop makes looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mint {
    #[default]
    Opaque,
    /// RFC 7519, signed with RS256.
    Jwt,
}

const LIFETIME: Duration = Duration::from_secs(3600);
/// What has ended is only then gone everywhere; keys stay published for as long.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);

impl FromStr for TokenPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected `form <name>`, `body <pointer>`, `cookie <name>` or `slot`";
        match text.split_once(' ') {
            None if text == "slot" => Ok(Self::Slot),
            Some(("form", name)) if !name.is_empty() => Ok(Self::Form(name.into())),
            Some(("body", pointer)) => Pointer::parse(pointer).map(Self::Body).map_err(|_| EXPECTED),
            Some(("cookie", name)) => token(name).map(Self::Cookie).map_err(|_| EXPECTED),
            _ => Err(EXPECTED),
        }
    }
}

/// An operation of kind `login` says what it is answered with, and no other does.
pub fn check(raw: &RawOperation, known: &Known<'_>) -> Checked<Option<Login>> {
    match (raw.kind.value, &raw.login, &raw.publishes) {
        (Kind::Login, Some(login), None) => Ok(Some(Login::Token(Box::new(check_token(login, known)?)))),
        (Kind::Login, None, Some(published)) => match &published.value {
            Value::String(word) if word == "jwks" => Ok(Some(Login::Keys)),
            Value::Object(_) => {
                Document::check(published, of_everybody).map(|document| Some(Login::Document(document)))
            }
            _ => mistake(published, "expected `jwks` or a document"),
        },
        (Kind::Login, ..) => mistake(&raw.kind, "an operation of kind `login` has either `login` or `publishes`"),
        (_, None, None) => Ok(None),
        _ => mistake(&raw.kind, "expected the kind `login`, as Bellhop answers this itself"),
    }
}

fn check_token(raw: &RawLogin, known: &Known<'_>) -> Checked<TokenLogin> {
    let lifetime = raw.lifetime.as_ref().map(check_span).transpose()?.unwrap_or(LIFETIME);
    if let Some(text) = raw.lifetime.as_ref().filter(|_| lifetime > LONGEST_LIFETIME) {
        return mistake(text, "expected at most 24h");
    }
    if let Some(claims) = raw.claims.as_ref().filter(|_| raw.mint != Mint::Jwt) {
        return mistake(claims, "only a `jwt` has claims");
    }
    let claims = raw.claims.as_ref().map(|claims| Document::check(claims, of_caller));
    let told = |placeholder: Placeholder<'_>| match placeholder {
        Placeholder::Plain(name) => known.is_always_plain(name),
        other => is_token(other) || of_caller(other),
    };
    Ok(TokenLogin {
        token: parsed(&raw.token, str::parse)?,
        mint: raw.mint,
        lifetime,
        claims: claims.transpose()?,
        answer: raw.answer.as_ref().map(|answer| Document::check(answer, told)).transpose()?,
        cookies: raw.cookies.iter().map(|name| parsed(name, token)).collect::<Checked<_>>()?,
    })
}

/// A token within a token would be known to whoever sees the claims.
const fn of_caller(placeholder: Placeholder<'_>) -> bool {
    !is_token(placeholder) && !matches!(placeholder, Placeholder::Plain(_) | Placeholder::Uuid)
}

const fn is_token(placeholder: Placeholder<'_>) -> bool {
    matches!(placeholder, Placeholder::Token | Placeholder::Presented)
}

const fn of_everybody(placeholder: Placeholder<'_>) -> bool {
    matches!(placeholder, Placeholder::Base | Placeholder::Root)
}
