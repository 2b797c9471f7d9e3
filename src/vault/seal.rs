//! One seal: AES-256-GCM under a random nonce, bound to everything that says what the sealed thing is.
//! Owns nothing but the key it is given.
//! Never says why a seal did not open: edited, swapped and wrong key look alike.

use super::error::Result;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

pub const KEY_LEN: usize = 32;

/// The bytes of a key, wiped when dropped.
pub type KeyBytes = Zeroizing<[u8; KEY_LEN]>;

pub fn random_key() -> Result<KeyBytes> {
    let mut bytes = KeyBytes::default();
    SystemRandom::new().fill(bytes.as_mut())?;
    Ok(bytes)
}

pub struct SealKey(RandomizedNonceKey);

/// What a seal is bound to: each field with its length before it, so that no two lists look alike.
pub struct Binding(Vec<u8>);

impl SealKey {
    pub fn new(bytes: &KeyBytes) -> Result<Self> {
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, bytes.as_ref())?))
    }

    /// The nonce, then what is sealed, then the tag.
    pub fn seal(&self, binding: &Binding, plain: &[u8]) -> Result<Vec<u8>> {
        // Sealed in place, so that no copy of the plain bytes is left behind.
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend([0; NONCE_LEN]);
        sealed.extend(plain);
        let (head, body) = sealed.split_at_mut(NONCE_LEN);
        let (nonce, tag) = self.0.seal_in_place_separate_tag(Aad::from(&binding.0), body)?;
        head.copy_from_slice(nonce.as_ref());
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }

    /// `None` for whatever was not sealed by this key with this binding.
    pub fn open(&self, binding: &Binding, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let len = self.0.open_in_place(nonce, Aad::from(&binding.0), &mut body).ok()?.len();
        body.truncate(len);
        Some(body)
    }

    pub fn open_key(&self, binding: &Binding, sealed: &[u8]) -> Option<KeyBytes> {
        let plain = self.open(binding, sealed)?;
        let mut bytes = KeyBytes::default();
        (plain.len() == KEY_LEN).then(|| bytes.copy_from_slice(&plain))?;
        Some(bytes)
    }
}

impl Binding {
    /// `kind` is what sort of record this is; a seal of one kind opens as no other.
    pub fn new(kind: &str) -> Self {
        Self(Vec::with_capacity(192)).with(kind)
    }

    #[must_use]
    pub fn with(mut self, field: &str) -> Self {
        self.0.extend((field.len() as u64).to_be_bytes());
        self.0.extend(field.as_bytes());
        self
    }

    /// Nothing at all where there is no source: so it was before there were any.
    #[must_use]
    pub fn with_source(self, source: Option<&str>) -> Self {
        match source {
            None => self,
            Some(source) => self.with("source").with(source),
        }
    }

    #[must_use]
    pub fn with_number(self, number: i64) -> Self {
        self.with(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> Binding {
        Binding::new("credential").with("ab").with("c").with_number(1)
    }

    #[test]
    fn a_seal_opens_only_with_its_key_and_its_binding() {
        let (key, other) =
            (SealKey::new(&random_key().unwrap()).unwrap(), SealKey::new(&random_key().unwrap()).unwrap());
        let sealed = key.seal(&binding(), b"fake-seal-canary").unwrap();
        assert_eq!(key.open(&binding(), &sealed).unwrap().as_slice(), b"fake-seal-canary");
        assert!(other.open(&binding(), &sealed).is_none());
        assert!(key.open(&Binding::new("credential").with("a").with("bc").with_number(1), &sealed).is_none());
        assert!(key.open(&Binding::new("key").with("ab").with("c").with_number(1), &sealed).is_none());
    }

    #[test]
    fn a_seal_with_any_bit_changed_does_not_open() {
        let key = SealKey::new(&random_key().unwrap()).unwrap();
        let sealed = key.seal(&binding(), b"fake-seal-canary").unwrap();
        for at in 0..sealed.len() {
            let mut edited = sealed.clone();
            edited[at] ^= 1;
            assert!(key.open(&binding(), &edited).is_none(), "byte {at}");
            assert!(key.open(&binding(), &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn two_seals_of_the_same_differ_and_hide_it() {
        let key = SealKey::new(&random_key().unwrap()).unwrap();
        let (a, b) = (key.seal(&binding(), b"fake").unwrap(), key.seal(&binding(), b"fake").unwrap());
        assert_ne!(a, b);
        assert!(!a.windows(4).any(|w| w == b"fake"));
    }
}
