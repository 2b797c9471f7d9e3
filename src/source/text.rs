//! From the bytes that a source gave to the fields of a credential.
//! Owns nothing.
//! Never guesses: what is not one text, or an object of texts, is a problem.

use super::problem::Problem;
use crate::{secret::Secret, vault::SecretFields};
use serde_json::Value;

/// Larger than all fields of a credential together.
pub const LARGEST: usize = 64 * 1024;

/// One value: without the one line break that editors and `echo` end a file with.
pub fn value(bytes: &[u8]) -> Result<Secret, Problem> {
    if bytes.len() > LARGEST {
        return Err(Problem::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::NotText)?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        Err(Problem::Empty)
    } else if text.contains(['\n', '\r']) {
        Err(Problem::SeveralLines)
    } else if text.contains(char::is_control) {
        Err(Problem::NotText)
    } else {
        Ok(Secret::new(text))
    }
}

/// What a program printed: the one secret field's value, or a JSON object of fields.
pub fn printed(bytes: &[u8], sole: Option<&str>) -> Result<SecretFields, Problem> {
    if bytes.len() > LARGEST {
        return Err(Problem::TooLarge);
    }
    // No token begins like this.
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        let object = serde_json::from_slice(bytes).map_err(|_| Problem::NotJson)?;
        let fields = texts(&object)?;
        return if fields.is_empty() { Err(Problem::Empty) } else { Ok(fields) };
    }
    let value = value(bytes)?;
    let name = sole.ok_or(Problem::Which)?;
    Ok([(name.into(), value)].into())
}

/// An object of texts, or of numbers, which are taken as they are written.
pub fn texts(object: &Value) -> Result<SecretFields, Problem> {
    let members = object.as_object().ok_or(Problem::NotJson)?;
    members.iter().map(|(name, value)| Ok((name.as_str().into(), text(name, value)?))).collect()
}

pub fn text(name: &str, value: &Value) -> Result<Secret, Problem> {
    match value {
        Value::String(text) => Ok(Secret::new(text.as_str())),
        Value::Number(number) => Ok(Secret::new(number.to_string())),
        _ => Err(Problem::NotAText(name.chars().filter(|c| !c.is_control()).take(64).collect::<String>().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Option<String> {
        value(bytes).ok().map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_a_value() {
        for bytes in [&b"fake-canary"[..], b"fake-canary\n", b"fake-canary\r\n"] {
            assert_eq!(read(bytes).as_deref(), Some("fake-canary"));
        }
        for bytes in [&b""[..], b"\n", b"a\n\n", b"a\nb", b"a\0b", b"\xff\xfe", b"a\x1b[1m"] {
            assert_eq!(read(bytes), None, "{}", bytes.escape_ascii());
        }
        assert!(matches!(value(&vec![b'a'; LARGEST + 1]), Err(Problem::TooLarge)));
    }

    #[test]
    fn a_program_prints_a_value_or_an_object_of_them() {
        let one = printed(b"fake-canary\n", Some("token")).unwrap();
        assert_eq!(one["token"].expose(), "fake-canary");
        let both = printed(b" {\"id\": 7, \"token\": \"fake-canary\"}\n", None).unwrap();
        assert_eq!((both["id"].expose(), both["token"].expose()), ("7", "fake-canary"));
        assert!(matches!(printed(b"fake-canary\n", None), Err(Problem::Which)));
        assert!(matches!(printed(b"{\"token\": [1]}", None), Err(Problem::NotAText(_))));
        assert!(matches!(printed(b"{\"token\": ", Some("token")), Err(Problem::NotJson)));
        assert!(printed(b"<!DOCTYPE html>\n<p>sign in</p>\n", Some("token")).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_read_as_a_value_is_one_line_of_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(text) = read(&bytes) {
                prop_assert!(!text.is_empty() && !text.contains(char::is_control));
                prop_assert!(bytes.starts_with(text.as_bytes()) && bytes.len() - text.len() <= 2);
            }
        }

        #[test]
        fn whatever_a_program_prints_is_read_or_refused(text in r#"\{?("[a-z]{0,4}":?("[^"]{0,9}"|[0-9.e-]{0,9}|null|\[)?,?){0,4}\}?\n?"#) {
            if let Ok(fields) = printed(text.as_bytes(), Some("token")) {
                prop_assert!(!fields.is_empty());
            }
        }
    }
}
