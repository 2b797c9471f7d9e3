//! Short-lived tokens that Bellhop makes for SDKs which insist on a login: opaque, or a JWT that carries an opaque one.
//! Owns nothing: what a token says is sealed in itself, so that every replica can read it and none has to remember it.
//! Never outlives the token that it was made for, and says nothing of it to whoever holds it.
//!
//! Why a JWT's signature is not looked at here: SDKs verify it, some of them. What Bellhop goes by is the sealed part,
//! which nobody else can make; whatever else a JWT says decides nothing.

use crate::{
    clock::Timestamp,
    identity::{Context, pat::PatDigest},
    vault::Vault,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{borrow::Cow, sync::Arc};
use tokio::runtime::Handle;

/// How an opaque token begins. Like a personal one's it can be searched for.
pub const PREFIX: &str = "bhs_";
/// What a seal is made for: a seal of another kind opens as none of these.
const KIND: &str = "minted-token";
/// The member of a JWT's claims that carries the opaque token.
const CLAIM: &str = "bhs";
const DIGEST: usize = 32;
const TIME: usize = 8;
/// As in a URL.
const SEPARATOR: u8 = b'@';
/// No JWT of ours is longer, and longer ones are not decoded.
const LONGEST: usize = 8 * 1024;

/// Who a token was made for, where it is good, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Minted {
    /// Of the caller's own token, which must still be good.
    pub digest: PatDigest,
    pub provider: Box<str>,
    /// What the login's URL named, for an SDK that has no room for it elsewhere.
    pub context: Option<Context>,
    pub expires: Timestamp,
}

/// Makes tokens and reads them.
#[derive(Clone)]
pub struct Minter {
    vault: Arc<Vault>,
    /// The store's own.
    runtime: Handle,
}

/// There is no key to make a token with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no token can be made now")]
pub struct NotMinted;

impl Minter {
    pub const fn new(vault: Arc<Vault>, runtime: Handle) -> Self {
        Self { vault, runtime }
    }

    pub fn mint(&self, minted: &Minted) -> Result<String, NotMinted> {
        let mut plain = Vec::with_capacity(DIGEST + TIME + minted.provider.len());
        plain.extend(minted.digest.as_bytes());
        plain.extend(minted.expires.millis().to_be_bytes());
        plain.extend(minted.provider.as_bytes());
        if let Some(context) = &minted.context {
            plain.push(SEPARATOR);
            plain.extend(context.to_string().as_bytes());
        }
        let sealed = self.vault.mint(KIND, &plain).map_err(|_| NotMinted)?;
        let mut text = PREFIX.to_owned();
        BASE64_URL_SAFE_NO_PAD.encode_string(sealed, &mut text);
        Ok(text)
    }

    /// A JWT that carries a token, with these claims beside it. The first one needs a key that nothing has needed yet.
    pub async fn mint_jwt(&self, minted: &Minted, claims: &Value, now: Timestamp) -> Result<String, NotMinted> {
        let mut claims = claims.clone();
        claims[CLAIM] = self.mint(minted)?.into();
        self.ready(now).await?;
        self.vault.signing().sign(&claims, now).ok_or(NotMinted)
    }

    /// The public keys that JWTs are signed with.
    pub async fn keys(&self, now: Timestamp) -> Result<Value, NotMinted> {
        self.ready(now).await?;
        Ok(self.vault.signing().public())
    }

    async fn ready(&self, now: Timestamp) -> Result<(), NotMinted> {
        if !self.vault.signing().is_empty() {
            return Ok(());
        }
        let vault = Arc::clone(&self.vault);
        let kept = self.runtime.spawn(async move { vault.keep_signing_keys(now).await }).await;
        kept.map_err(|_| NotMinted)?.map_err(|error| {
            tracing::warn!(event = "signing_keys.none", %error, "there is no key to sign tokens with");
            NotMinted
        })
    }

    /// What a token says, if it is one of ours; whether it has ended is for the caller to see.
    pub fn read(&self, token: &[u8]) -> Option<Minted> {
        let opaque = match token.strip_prefix(PREFIX.as_bytes()) {
            Some(sealed) => Cow::Borrowed(sealed),
            None => Cow::Owned(carried(token)?.strip_prefix(PREFIX)?.as_bytes().to_vec()),
        };
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(opaque).ok()?;
        let plain = self.vault.read_minted(KIND, &sealed)?;
        let (digest, rest) = plain.split_first_chunk::<DIGEST>()?;
        let (expires, place) = rest.split_first_chunk::<TIME>()?;
        let place = std::str::from_utf8(place).ok()?;
        let (provider, context) = place.split_once(char::from(SEPARATOR)).map_or((place, None), |(p, c)| (p, Some(c)));
        Some(Minted {
            digest: PatDigest::from_bytes(*digest),
            provider: provider.into(),
            context: context.map(str::parse).transpose().ok()?,
            expires: Timestamp::from_millis(i64::from_be_bytes(*expires)),
        })
    }
}

/// The opaque token in a JWT's claims.
fn carried(jwt: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        bhs: String,
    }
    if jwt.len() > LONGEST {
        return None;
    }
    let mut parts = jwt.split(|b| *b == b'.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok().map(|Claims { bhs }| bhs)
}

/// What every JWT says, beside what a preset adds.
pub fn claims(issued: Timestamp, expires: Timestamp) -> Value {
    json!({ "iat": issued.seconds(), "nbf": issued.seconds(), "exp": expires.seconds() })
}

/// Whether bytes hold something that begins as an opaque token does and is as long as one must be.
pub fn holds_one(bytes: &[u8]) -> bool {
    const SHORTEST: usize = (DIGEST + TIME) * 4 / 3;
    memchr::memmem::find_iter(bytes, PREFIX).any(|at| {
        let body = &bytes[at + PREFIX.len()..];
        body.iter().take_while(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)).count() >= SHORTEST
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        store::{Address, Store},
        vault::MasterSource,
    };
    use proptest::prelude::*;

    async fn minter(folder: &std::path::Path) -> Minter {
        let store = Store::open(&Address::parse(None, folder).unwrap()).await.unwrap();
        let source = MasterSource::File(folder.join("master.key"));
        let vault = Vault::open(&store, source, Clock::system().now()).await.unwrap();
        Minter::new(Arc::new(vault), Handle::current())
    }

    fn minted() -> Minted {
        Minted {
            digest: PatDigest::from_hex(&"ab".repeat(32)).unwrap(),
            provider: "ibm".into(),
            context: Some("acme.optics".parse().unwrap()),
            expires: Timestamp::from_millis(1_800_000_000_000),
        }
    }

    #[tokio::test]
    async fn a_token_says_who_it_is_for_to_us_and_nothing_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let minter = minter(folder.path()).await;
        let opaque = minter.mint(&minted()).unwrap();
        assert_eq!(minter.read(opaque.as_bytes()), Some(minted()));
        let nowhere = Minted { context: None, ..minted() };
        assert_eq!(minter.read(minter.mint(&nowhere).unwrap().as_bytes()), Some(nowhere));
        assert!(holds_one(format!("a {opaque} b").as_bytes()));
        assert_ne!(minter.mint(&minted()).unwrap(), opaque, "two tokens cannot be told to be one person's");
        let now = Timestamp::from_millis(1_799_999_000_000);
        let jwt = minter.mint_jwt(&minted(), &claims(now, minted().expires), now).await.unwrap();
        assert_eq!(minter.read(jwt.as_bytes()), Some(minted()));
        let said = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
        assert!(!String::from_utf8(said).unwrap().contains(&"ab".repeat(8)));
        assert_eq!(minter.keys(now).await.unwrap()["keys"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_edited_token_or_another_stores_is_none() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other) = (minter(one.path()).await, minter(other.path()).await);
        let opaque = one.mint(&minted()).unwrap();
        assert_eq!(other.read(opaque.as_bytes()), None);
        for at in 0..opaque.len() {
            let mut edited = opaque.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            assert_ne!(one.read(&edited), Some(minted()), "byte {at}");
        }
        for foreign in ["", "bhs_", "a.b.c", "..", "bhs_!!", "eyJhbGciOiJub25lIn0.eyJiaHMiOiJ4In0."] {
            assert_eq!(one.read(foreign.as_bytes()), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn bytes_from_outside_carry_nothing_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (carried(&bytes), holds_one(&bytes));
        }
    }
}
