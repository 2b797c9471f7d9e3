//! Values that must never be printed: a `Secret` has no `Display`, and its `Debug` says only that it is there.
//! Owns nothing but the bytes, which are wiped when dropped.
//! Never compared by `==` outside of this file, never serialised.

use std::fmt;
use zeroize::Zeroizing;

/// A text that must not reach a log, an answer or an error. Wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Each call is a place to review: what it returns must end in a seal,
    /// a digest, or an upstream request.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", Some(Secret::new("fake-canary-0001"))), "Some(Secret(…))");
    }
}
