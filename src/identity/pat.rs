//! Personal access tokens: how one is made, recognised and digested.
//! A plain token exists only between the request's head and its digest, and once when it is made.
//! Nothing here is stored but the digest; a wrong checksum is known without asking anybody.

use crate::secret::Secret;
use aws_lc_rs::{digest, rand::SecureRandom};
use std::fmt;

pub const PREFIX: &str = "bhp_";
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;
/// `bhp_`, 30 random characters, 6 of checksum.
pub const LENGTH: usize = PREFIX.len() + RANDOM + CHECKSUM;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token whose form and checksum are right; whether anybody knows it is another question.
pub struct PlainPat(Secret);

/// SHA-256 of the whole token: what is stored, cached and compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatDigest([u8; 32]);

impl PlainPat {
    /// 178 bits from the system's random generator, by rejection so that every character is equally likely.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        let mut block = [0_u8; 64];
        while text.len() < PREFIX.len() + RANDOM {
            random.fill(&mut block)?;
            // 248 is the largest multiple of 62 that fits in a byte.
            let digits = block.iter().filter(|b| **b < 248).map(|b| char::from(DIGITS[usize::from(b % 62)]));
            let missing = PREFIX.len() + RANDOM - text.len();
            text.extend(digits.take(missing));
        }
        let check = checksum(text.as_bytes());
        text.extend(check.iter().map(|b| char::from(*b)));
        Ok(Self(Secret::new(text)))
    }

    /// Exactly 40 characters of the right form with the right checksum; anything else is `None`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if !is_well_formed(text) {
            return None;
        }
        String::from_utf8(text.to_vec()).ok().map(|text| Self(Secret::new(text)))
    }

    pub fn digest(&self) -> PatDigest {
        PatDigest::of(self.0.expose().as_bytes())
    }

    /// The token itself, for the one time that it is shown and for finding it in a request.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What a list of tokens shows of it.
    pub fn hint(&self) -> &str {
        self.0.expose().get(..8).unwrap_or_default()
    }
}

impl fmt::Debug for PlainPat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPat(…)")
    }
}

impl PatDigest {
    /// The digest of a token whose form and checksum are right, without keeping the token.
    pub fn of_token(text: &[u8]) -> Option<Self> {
        is_well_formed(text).then(|| Self::of(text))
    }

    fn of(token: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token).as_ref());
        Self(bytes)
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// For choosing a slot in a table; equality is decided by all 256 bits.
    pub const fn low_bits(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// 64 lower- or upper-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
        }
        Some(Self(bytes))
    }

    pub fn to_hex(self) -> String {
        self.0.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(b"0123456789abcdef"[usize::from(d)])).collect()
    }
}

fn is_well_formed(text: &[u8]) -> bool {
    let Some((body, check)) = text.split_at_checked(PREFIX.len() + RANDOM) else { return false };
    let digits = body.strip_prefix(PREFIX.as_bytes());
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_alphanumeric)) && check == checksum(body)
}

/// Not even a part of a digest belongs in a log.
impl fmt::Debug for PatDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatDigest(…)")
    }
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// CRC-32 (IEEE) in base 62, most significant digit first, padded with `0`.
fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(body);
    let mut text = [b'0'; CHECKSUM];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use proptest::prelude::*;

    // Its checksum was worked out with another implementation of CRC-32.
    const KNOWN: &str = "bhp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA431V14";

    #[test]
    fn a_new_token_is_recognised_and_no_two_are_alike() {
        let (a, b) =
            (PlainPat::generate(&SystemRandom::new()).unwrap(), PlainPat::generate(&SystemRandom::new()).unwrap());
        assert_eq!(a.expose().len(), 40);
        assert_eq!(PlainPat::parse(a.expose().as_bytes()).map(|p| p.digest()), Some(a.digest()));
        assert_ne!(a.digest(), b.digest());
    }

    #[test]
    fn the_checksum_is_crc_32_in_base_62() {
        assert!(PlainPat::parse(KNOWN.as_bytes()).is_some());
        assert_eq!(&checksum(b"123456789"), b"3jZRME"); // CRC-32's check value, 0xCBF43926
    }

    #[test]
    fn a_digest_survives_hex() {
        let digest = PatDigest::of(b"fake");
        assert_eq!(PatDigest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(PatDigest::from_hex("zz"), None);
        assert_eq!(format!("{digest:?}"), "PatDigest(…)");
    }

    proptest! {
        #[test]
        fn one_changed_character_is_never_accepted(at in 0_usize..40, with in any::<u8>()) {
            let good = PlainPat::generate(&SystemRandom::new()).unwrap();
            let mut text = good.expose().as_bytes().to_vec();
            prop_assume!(text[at] != with);
            text[at] = with;
            prop_assert!(PlainPat::parse(&text).is_none());
        }

        #[test]
        fn bytes_from_outside_never_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(PlainPat::parse(&text).is_none());
        }
    }
}
