//! The search at the end of every story: no token and no provider key where none may be.

use super::pat::{self, is_pat};
use base64::{Engine, prelude::BASE64_STANDARD};
use memchr::memmem;
use std::{collections::HashSet, fs, path::Path};

/// Every provider key of the stories ends like this.
const KEY: &str = "-canary";
/// As much of a digest as nobody meets by chance.
const DIGEST_PREFIX: usize = 12;

/// Searches one place for whole tokens and provider keys, as they are and in base64.
pub fn assert_no_secret(place: &str, bytes: &[u8]) {
    assert_no_token(place, bytes);
    for form in key_forms() {
        let found = memmem::find(bytes, form.as_bytes());
        assert!(found.is_none(), "{place} holds a provider's key: {}", around(bytes, found.unwrap_or(0)));
    }
}

/// Searches one place for whole tokens of callers, as a provider must never see them.
pub fn assert_no_token(place: &str, bytes: &[u8]) {
    for at in memmem::find_iter(bytes, b"bhp_") {
        let text = bytes.get(at..at + 40).unwrap_or_default();
        assert!(!is_pat(text), "{place} holds a personal access token: {}", around(bytes, at));
    }
}

/// Searches one place for the beginnings of this story's digests, too.
pub fn assert_no_trace(place: &str, bytes: &[u8]) {
    assert_no_secret(place, bytes);
    for digest in pat::digests() {
        let prefix = &digest[..DIGEST_PREFIX];
        for form in [prefix.to_owned(), prefix.to_uppercase()] {
            assert!(memmem::find(bytes, form.as_bytes()).is_none(), "{place} holds the beginning of a digest");
        }
    }
}

/// Answers without the tokens that they made, each of which may be told once, as the `value` of what was made.
pub fn but_for_new_tokens(answers: &[u8]) -> Vec<u8> {
    const BEFORE: [&[u8]; 2] = [b"\"value\":\"", b"<code id=\"value\">"];
    let (mut rest, mut told) = (answers.to_vec(), HashSet::new());
    let found = BEFORE.iter().flat_map(|before| memmem::find_iter(answers, before).map(|at| at + before.len()));
    for at in found {
        if let Some(token) = answers.get(at..at + 40).filter(|token| is_pat(token))
            && told.insert(token)
        {
            rest[at..at + 40].fill(b'x');
        }
    }
    rest
}

/// Searches what Bellhop keeps on disk: database, write-ahead log, spool.
pub fn assert_no_secret_in_folder(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            assert_no_secret_in_folder(&entry.path());
        } else if let Ok(bytes) = fs::read(entry.path()) {
            assert_no_secret(&entry.path().display().to_string(), &bytes);
        }
    }
}

/// The key's ending as it is, and in base64 at each of the three places where it can begin.
fn key_forms() -> Vec<String> {
    let in_base64 = |offset: usize| {
        let text = BASE64_STANDARD.encode(format!("{}{KEY}", "x".repeat(offset)));
        let first = [0, 2, 3][offset];
        let last = (offset + KEY.len()) * 8 / 6;
        text[first..last].to_owned()
    };
    [KEY.to_owned(), in_base64(0), in_base64(1), in_base64(2)].to_vec()
}

fn around(bytes: &[u8], at: usize) -> String {
    bytes[at.saturating_sub(80)..(at + 60).min(bytes.len())].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn is_found(text: String) -> bool {
        catch_unwind(|| assert_no_trace("a text", text.as_bytes())).is_err()
    }

    #[test]
    fn a_secret_is_found_in_each_of_its_forms() {
        let token = super::super::Pat::fake();
        let key = super::super::ADA_KEY;
        for secret in [token.to_string(), token.sha256(), token.sha256().to_uppercase(), key.to_owned()] {
            assert!(is_found(format!("before {secret} after")), "{secret}");
        }
        for before in ["", "a", "ab", "user:"] {
            assert!(is_found(BASE64_STANDARD.encode(format!("{before}{key} after"))), "{before}");
        }
        let made = format!("{{\"value\":\"{token}\"}}");
        assert!(!is_found(String::from_utf8(but_for_new_tokens(made.as_bytes())).unwrap()));
        assert!(is_found(String::from_utf8(but_for_new_tokens(made.repeat(2).as_bytes())).unwrap()));
        assert!(!is_found("a token looks like bhp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, and a canary sings".into()));
    }
}
