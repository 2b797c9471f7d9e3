//! Personal access tokens, made by the written rule and not by Bellhop's own code.

use aws_lc_rs::{digest, rand};
use std::{cell::RefCell, fmt};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

thread_local! {
    // A story runs on a thread of its own: these are the tokens of this story.
    static DIGESTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, PartialEq, Eq)]
pub struct Pat(String);

impl Pat {
    /// A new token of the right form.
    pub fn fake() -> Self {
        let mut random = [0_u8; 30];
        rand::fill(&mut random).unwrap();
        let digits = random.iter().map(|b| char::from(DIGITS[usize::from(*b) % 62]));
        Self::with_checksum(&digits.collect::<String>())
    }

    /// A token of these 30 characters, with the checksum that belongs to them.
    pub fn with_checksum(digits: &str) -> Self {
        let body = format!("bhp_{digits}");
        let token = Self(format!("{body}{}", checksum(body.as_bytes())));
        DIGESTS.with_borrow_mut(|digests| digests.push(token.sha256()));
        token
    }

    /// A token that Bellhop printed.
    pub fn printed(text: &str) -> Self {
        assert!(is_pat(text.as_bytes()), "not a token of the written form: {text}");
        let token = Self(text.to_owned());
        DIGESTS.with_borrow_mut(|digests| digests.push(token.sha256()));
        token
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn sha256(&self) -> String {
        digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl fmt::Display for Pat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digests of all tokens of this story.
pub fn digests() -> Vec<String> {
    DIGESTS.with_borrow(Clone::clone)
}

/// Whether these 40 bytes are a token: the form of one, and its checksum.
pub fn is_pat(text: &[u8]) -> bool {
    text.len() == 40 && text.starts_with(b"bhp_") && text[4..].iter().all(u8::is_ascii_alphanumeric) && {
        let (body, check) = text.split_at(34);
        checksum(body).as_bytes() == check
    }
}

fn checksum(body: &[u8]) -> String {
    let crc = crc32fast::hash(body);
    let digit = |place: u32| char::from(DIGITS[(crc / 62_u32.pow(place) % 62) as usize]);
    (0..6).rev().map(digit).collect()
}
