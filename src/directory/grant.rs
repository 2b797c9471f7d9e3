//! A grant: the outcome of resolving. This caller, this provider, this version of this credential, and why.
//! Owns the prepared credential and the receipt that tells the caller which one it was.
//! Made once for many requests; what may expire is checked by the clock at each of them.

use super::{Reach, Unavailable};
use crate::{
    clock::Timestamp,
    credential::resolve::{Question, Selection, Unresolved, Why, resolve},
    id::CredentialId,
    identity::{Context, TokenHolder},
    provider::Provider,
    scheme::Injection,
    store::{Seq, StoreError},
};
use http::HeaderValue;
use std::fmt::Write;

pub struct Grant {
    pub credential: CredentialId,
    pub version: u32,
    /// Whose it is, as the caller names them.
    pub home: Context,
    pub context: Context,
    pub label: Box<str>,
    pub why: Why,
    pub expires: Timestamp,
    /// The value of `Bellhop-Credential`.
    pub receipt: HeaderValue,
    pub injection: Injection,
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

/// Reads the offers, applies the rule, and prepares what was chosen.
pub async fn look_up(
    reach: &Reach,
    holder: &TokenHolder,
    provider: &Provider,
    named: Option<&Context>,
) -> Result<(Seq, Grant), Unresolvable> {
    let offers = reach.store.offers(holder.standing.user, provider.id()).await?;
    let question = Question {
        standing: &holder.standing,
        boundary: holder.boundary.as_deref(),
        named,
        personal: provider.personal(),
        now: reach.clock.now(),
    };
    let selection = resolve(question, &offers.value)?;
    let injection = open(reach, provider, &selection).await?;
    Ok((offers.head, Grant::new(selection, injection)))
}

async fn open(reach: &Reach, provider: &Provider, selection: &Selection<'_>) -> Result<Injection, Unresolvable> {
    let offer = selection.offer;
    let unusable = |because| Unresolvable::Unusable { home: offer.home.clone(), label: offer.label.clone(), because };
    // Rotated or deleted since the offers were read: the caller asks again and finds what is there now.
    let version = reach.store.sealed(offer.credential, offer.version).await?.ok_or(Unresolvable::Unavailable)?;
    Injection::open(&reach.vault, provider, &version).await.map_err(|error| {
        tracing::error!(credential = %offer.credential, version = offer.version, %error, "a stored credential cannot be used");
        unusable("its stored form cannot be read; enter it again")
    })
}

impl Grant {
    fn new(selection: Selection<'_>, injection: Injection) -> Self {
        let offer = selection.offer;
        Self {
            credential: offer.credential,
            version: offer.version,
            home: offer.home.clone(),
            receipt: receipt(&selection),
            context: selection.context,
            label: offer.label.clone(),
            why: selection.why,
            expires: offer.expires,
            injection,
        }
    }
}

/// An RFC 9651 dictionary. The label is a String where it is ASCII, else a Display String (§3.3.8).
fn receipt(selection: &Selection<'_>) -> HeaderValue {
    let offer = selection.offer;
    let mut text = format!("owner=\"{}\", id=\"{}\", label=", offer.home, offer.credential);
    write_label(&mut text, &offer.label);
    let _ = write!(text, ", why={}", selection.why);
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("why=unknown"))
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
    use super::write_label;

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
