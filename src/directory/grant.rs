//! A grant: the outcome of resolving. This caller, this provider, this version of this credential, and why.
//! Owns the opened fields of the credential, in the least memory; each core prepares from it what it uses all the time.
//! Made once for many requests; what may expire is checked by the clock at each of them.

use super::{Reach, Unavailable};
use crate::{
    clock::Timestamp,
    credential::resolve::{Question, Selection, Unresolved, Why, resolve},
    id::CredentialId,
    identity::{Context, TokenHolder, pat::PatDigest},
    provider::{Fields, Provider},
    scheme::{self, Injection},
    store::{Seq, StoreError},
};
use http::HeaderValue;
use std::{
    fmt::Write,
    hash::{Hash, Hasher},
    sync::Arc,
};

pub struct Grant {
    pub provider: Arc<Provider>,
    pub credential: CredentialId,
    pub version: u32,
    pub why: Why,
    pub label: Box<str>,
    pub expires: Timestamp,
    pub fields: Fields,
    /// What the request named. Boxed because most name nothing.
    named: Option<Box<Context>>,
    /// `None`: the caller's own. Boxed because that is what most are paid with.
    purse: Option<Box<Purse>>,
}

/// Whose credential it is, as the caller names them, and the context that the request runs in.
struct Purse {
    home: Context,
    context: Context,
}

static ME: Context = Context::me();

/// The whole identity of a grant: the caller's token, the provider, and the context that was named.
///
/// Why the provider is compared by its place in memory: its index and its id may be another's after a reload, and a
/// request that began before it must not leave behind what one that begins after it would find.
#[derive(Clone)]
pub struct GrantKey {
    digest: PatDigest,
    provider: Arc<Provider>,
    named: Option<Context>,
}

impl GrantKey {
    pub fn new(digest: PatDigest, provider: &Arc<Provider>, named: Option<&Context>) -> Self {
        Self { digest, provider: Arc::clone(provider), named: named.cloned() }
    }

    pub const fn digest(&self) -> PatDigest {
        self.digest
    }

    /// Whether this is the key of what is described.
    pub fn is(&self, digest: PatDigest, provider: &Arc<Provider>, named: Option<&Context>) -> bool {
        self.digest == digest && Arc::ptr_eq(&self.provider, provider) && self.named.as_ref() == named
    }
}

impl PartialEq for GrantKey {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.digest, &other.provider, other.named.as_ref())
    }
}

impl Eq for GrantKey {}

impl Hash for GrantKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.digest, self.provider.index(), &self.named).hash(state);
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum Unresolvable {
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error("the store cannot be asked")]
    Unavailable,
    /// The stored version cannot be opened or no longer fits its preset.
    #[error("the stored credential cannot be used: {because}")]
    Unusable { home: Context, label: Box<str>, because: &'static str },
}

impl From<Unavailable> for Unresolvable {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<StoreError> for Unresolvable {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a credential could not be looked up");
        Self::Unavailable
    }
}

/// Reads the offers, applies the rule, and opens what was chosen.
pub async fn look_up(reach: &Reach, holder: &TokenHolder, key: GrantKey) -> Result<(Seq, Grant), Unresolvable> {
    let offers = reach.store.offers(holder.standing.user, key.provider.id()).await?;
    let question = Question {
        standing: &holder.standing,
        boundary: holder.boundary.as_deref(),
        named: key.named.as_ref(),
        personal: key.provider.personal(),
        now: reach.clock.now(),
    };
    let selection = resolve(question, &offers.value)?;
    let fields = open(reach, &key.provider, &selection).await?;
    Ok((offers.head, Grant::new(key, selection, fields)))
}

async fn open(reach: &Reach, provider: &Provider, selection: &Selection<'_>) -> Result<Fields, Unresolvable> {
    let offer = selection.offer;
    // Rotated or deleted since the offers were read: the caller asks again and finds what is there now.
    let version = reach.store.sealed(offer.credential, offer.version).await?.ok_or(Unresolvable::Unavailable)?;
    scheme::open(&reach.vault, provider, &version).await.map_err(|error| {
        tracing::error!(credential = %offer.credential, version = offer.version, %error, "a stored credential cannot be used");
        unusable(&offer.home, &offer.label)
    })
}

fn unusable(home: &Context, label: &str) -> Unresolvable {
    let because = "its stored form cannot be read; enter it again";
    Unresolvable::Unusable { home: home.clone(), label: label.into(), because }
}

impl Grant {
    fn new(key: GrantKey, selection: Selection<'_>, fields: Fields) -> Self {
        let Selection { offer, context, why } = selection;
        let own = offer.home == ME && context == ME;
        Self {
            provider: key.provider,
            credential: offer.credential,
            version: offer.version,
            why,
            label: offer.label.clone(),
            expires: offer.expires,
            fields,
            named: key.named.map(Box::new),
            purse: (!own).then(|| Box::new(Purse { home: offer.home.clone(), context })),
        }
    }

    /// Whose it is, as the caller names them.
    pub fn home(&self) -> &Context {
        self.purse.as_deref().map_or(&ME, |purse| &purse.home)
    }

    pub fn context(&self) -> &Context {
        self.purse.as_deref().map_or(&ME, |purse| &purse.context)
    }

    pub(super) fn named(&self) -> Option<&Context> {
        self.named.as_deref()
    }

    pub(super) fn is_for(&self, provider: &Arc<Provider>, named: Option<&Context>) -> bool {
        Arc::ptr_eq(&self.provider, provider) && self.named() == named
    }

    /// What attaches the credential. It was tried when the grant was made.
    pub fn injection(&self) -> Result<Injection, Unresolvable> {
        Injection::new(self.provider.preset(), &self.fields).map_err(|_| unusable(self.home(), &self.label))
    }

    /// The value of `Bellhop-Credential`: an RFC 9651 dictionary. The label is a String where it is ASCII, else a
    /// Display String (§3.3.8).
    pub fn receipt(&self) -> HeaderValue {
        let mut text = String::with_capacity(256);
        let _ = write!(text, "owner=\"{}\", id=\"{}\", label=", self.home(), self.credential);
        write_label(&mut text, &self.label);
        let _ = write!(text, ", why={}", self.why);
        // Copied, as a core keeps thousands of them and no more than their bytes.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("why=unknown"))
    }
}

fn write_label(text: &mut String, label: &str) {
    if label.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        text.push('"');
        label.chars().for_each(|c| {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        });
    } else {
        text.push_str("%\"");
        for byte in label.bytes() {
            match byte {
                b'%' | b'"' | 0..=0x1f | 0x7f.. => {
                    let _ = write!(text, "%{byte:02x}");
                }
                plain => text.push(char::from(plain)),
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{GrantKey, write_label};
    use crate::{identity::pat::PatDigest, provider::Catalog};

    #[test]
    fn what_was_granted_before_a_reload_is_not_found_after_it() {
        let (before, after) = (Catalog::shipped().unwrap(), Catalog::shipped().unwrap());
        let digest = PatDigest::from_hex(&"0".repeat(64)).unwrap();
        let key = |catalog: &Catalog| GrantKey::new(digest, catalog.at(0).unwrap(), None);
        assert!(key(&before) == key(&before));
        assert!(key(&before) != key(&after));
        assert!(!key(&before).is(digest, after.at(0).unwrap(), None));
        assert!(!key(&before).is(digest, before.at(0).unwrap(), Some(&super::ME)));
    }

    fn written(label: &str) -> String {
        let mut text = String::new();
        write_label(&mut text, label);
        text
    }

    #[test]
    fn a_label_is_a_string_or_a_display_string() {
        assert_eq!(written("shared"), "\"shared\"");
        assert_eq!(written("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\"");
        assert_eq!(written("schlüssel%"), "%\"schl%c3%bcssel%25\"");
        assert_eq!(written(""), "\"\"");
        assert_eq!(written("line\nbreak"), "%\"line%0abreak\"");
    }
}
