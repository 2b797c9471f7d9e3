//! What a message is signed with, as Standard Webhooks has it: HMAC-SHA256 over its id, its time and its body.
//! Owns nothing; the secrets are sealed in the store, and wiped here when they are dropped.
//! Never one secret for two webhooks.

use crate::{secret::Secret, vault::SecretFields};
use aws_lc_rs::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";
/// Standard Webhooks asks for 24 to 64.
const LENGTH: usize = 32;
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

/// The secret, and the one before it.
pub struct Secrets {
    pub current: Secret,
    pub previous: Option<Secret>,
}

impl Secrets {
    /// `None`: the system's random generator failed.
    pub fn draw() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        SystemRandom::new().fill(bytes.as_mut()).ok()?;
        let text = Zeroizing::new(BASE64_STANDARD.encode(bytes.as_ref()));
        Some(Self { current: Secret::new(format!("{PREFIX}{}", &*text)), previous: None })
    }

    /// A new one, beside which this one goes on.
    pub fn rotated(self) -> Option<Self> {
        Some(Self { previous: Some(self.current), ..Self::draw()? })
    }

    pub fn fields(&self) -> SecretFields {
        let previous = self.previous.iter().map(|secret| (PREVIOUS.into(), secret.clone()));
        [(CURRENT.into(), self.current.clone())].into_iter().chain(previous).collect()
    }

    pub fn of_fields(mut fields: SecretFields) -> Option<Self> {
        Some(Self { current: fields.remove(CURRENT)?, previous: fields.remove(PREVIOUS) })
    }
}

/// The value of `webhook-signature`: one for each secret, the first of which is the newest.
pub fn sign<'s>(secrets: impl IntoIterator<Item = &'s Secret>, (id, seconds): (&str, i64), body: &str) -> String {
    let signed = format!("{id}.{seconds}.{body}");
    let signatures = secrets.into_iter().filter_map(|secret| {
        let key = Zeroizing::new(BASE64_STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.as_ref())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference libraries of Standard Webhooks.
    #[test]
    fn a_message_is_signed_as_the_reference_signs_it() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign([&secret], ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330), "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_was_replaced_signs_beside_the_new_one() {
        let first = Secrets::draw().unwrap();
        assert!(first.current.expose().starts_with(PREFIX) && first.previous.is_none());
        let old = sign([&first.current], ("id", 1), "{}");
        let both = Secrets::of_fields(first.rotated().unwrap().fields()).unwrap();
        let signed = sign([&both.current].into_iter().chain(&both.previous), ("id", 1), "{}");
        let (new, after) = signed.split_once(' ').unwrap();
        assert!(after == old && new != old, "{signed}");
    }
}
