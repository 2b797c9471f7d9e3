//! Random keys that Bellhop hands out for a while: a session's, in a cookie, and a link's.
//! 256 bits from the system's generator, in the URL's base64; the store has their SHA-256.
//! Never printed by accident.

use crate::secret::Secret;
use aws_lc_rs::{
    digest::{Context, SHA256, digest},
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::fmt;

const BYTES: usize = 32;

/// A new key, and the digest by which it is known.
pub fn generate() -> Result<(Secret, KeyDigest), Unspecified> {
    let mut bytes = zeroize::Zeroizing::new([0; BYTES]);
    SystemRandom::new().fill(&mut *bytes)?;
    let key = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes));
    let digest = KeyDigest::of(key.expose());
    Ok((key, digest))
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Of whatever somebody presents.
    pub fn of(key: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Of several things, each with its length before it, so that no two lists look alike.
    pub fn of_all(parts: &[&[u8]]) -> Self {
        let mut digest = Context::new(&SHA256);
        for part in parts {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.finish().as_ref());
        Self(bytes)
    }

    pub fn to_hex(self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}
