//! Keys that sign tokens for SDKs which verify them: RSA of 2048 bits, RS256 (RFC 7518 §3.3).
//! Owns the opened key pairs; a new one is published for a while before it signs, and an old one stays published for
//! as long as anything that it signed may live.
//! Never signs what it is given but as a JWT of its own making.

use super::{
    error::{Result, VaultError},
    keyring::Keyring,
    seal::{Binding, SealKey},
};
use crate::{
    clock::Timestamp,
    store::{SigningKeyRow, StoreError},
};
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::Duration;

/// Who verifies may have fetched the keys this long ago.
const PUBLISHED_BEFORE: Duration = Duration::from_secs(2 * 3600);
/// A key signs for about so long.
const TERM: Duration = Duration::from_secs(30 * 24 * 3600);
/// What was signed at the end of a key's term has ended by then.
const PUBLISHED_AFTER: Duration = Duration::from_secs(26 * 3600);

/// In the order of their ids.
pub struct SigningKeys(Vec<SigningKey>);

struct SigningKey {
    id: i64,
    created: Timestamp,
    pair: KeyPair,
}

/// What is to be done about the keys of a store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Due {
    pub makes_one: bool,
    pub outdated: Vec<i64>,
}

impl SigningKeys {
    pub fn open(rows: &[SigningKeyRow], keyring: &Keyring) -> Result<Self> {
        rows.iter().map(|row| SigningKey::open(row, keyring)).collect::<Result<_>>().map(Self)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The public keys as a JWK Set (RFC 7517 §5), also those that do not sign yet.
    pub fn public(&self) -> Value {
        json!({ "keys": self.0.iter().map(SigningKey::public).collect::<Vec<_>>() })
    }

    /// A JWT (RFC 7519) with these claims. `None` without a key.
    pub fn sign(&self, claims: &Value, now: Timestamp) -> Option<String> {
        let key = self.current(now)?;
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.kid() });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwt = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), jwt.as_bytes(), &mut signature).ok()?;
        jwt.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&signature, &mut jwt);
        Some(jwt)
    }

    /// The newest that has been published for long enough; the first of a store signs at once.
    fn current(&self, now: Timestamp) -> Option<&SigningKey> {
        self.0.iter().rev().find(|key| key.created.plus(PUBLISHED_BEFORE) <= now).or(self.0.first())
    }

    pub fn due(&self, now: Timestamp) -> Due {
        let Some(newest) = self.0.last() else { return Due { makes_one: true, outdated: Vec::new() } };
        let successors = self.0.iter().skip(1);
        let replaced =
            |(_, next): &(&SigningKey, &SigningKey)| next.created.plus(PUBLISHED_BEFORE).plus(PUBLISHED_AFTER) <= now;
        Due {
            makes_one: newest.created.plus(TERM) <= now,
            outdated: self.0.iter().zip(successors).filter(replaced).map(|(key, _)| key.id).collect(),
        }
    }
}

impl SigningKey {
    fn open(row: &SigningKeyRow, keyring: &Keyring) -> Result<Self> {
        let damaged =
            || VaultError::Store(StoreError::Corrupt(format!("signing key {} is not as it was sealed", row.id)));
        let master = SealKey::new(keyring.key(row.master_version)?)?;
        let der = master.open(&binding(row.id, row.master_version), &row.sealed).ok_or_else(damaged)?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|_| damaged())?;
        Ok(Self { id: row.id, created: row.created, pair })
    }

    fn kid(&self) -> String {
        format!("bellhop-{}", self.id)
    }

    fn public(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let public = self.pair.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid(),
            "n": encode(n.big_endian_without_leading_zero()), "e": encode(e.big_endian_without_leading_zero()),
        })
    }
}

/// A new key, sealed.
pub fn draw(id: i64, keyring: &Keyring, now: Timestamp) -> Result<SigningKeyRow> {
    let der = KeyPair::generate(KeySize::Rsa2048)?.as_der()?;
    seal(id, now, der.as_ref(), keyring)
}

/// The same key, sealed under the newest master key.
pub fn under_newest(row: &SigningKeyRow, keyring: &Keyring) -> Result<SigningKeyRow> {
    let der = SigningKey::open(row, keyring)?.pair.as_der()?;
    seal(row.id, row.created, der.as_ref(), keyring)
}

fn seal(id: i64, created: Timestamp, der: &[u8], keyring: &Keyring) -> Result<SigningKeyRow> {
    let master_version = keyring.newest();
    let sealed = SealKey::new(keyring.key(master_version)?)?.seal(&binding(id, master_version), der)?;
    Ok(SigningKeyRow { id, master_version, sealed, created })
}

fn binding(id: i64, master_version: i64) -> Binding {
    Binding::new("signing-key").with_number(id).with_number(master_version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MasterSource;
    use aws_lc_rs::{rsa::PublicKeyComponents, signature::RSA_PKCS1_2048_8192_SHA256};

    const HOUR: Duration = Duration::from_secs(3600);

    fn keyring() -> (tempfile::TempDir, Keyring) {
        let folder = tempfile::tempdir().unwrap();
        let keyring = MasterSource::File(folder.path().join("master.key")).read_or_create().unwrap();
        (folder, keyring)
    }

    fn decoded(part: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
    }

    /// As a client does it: the key is found by its id in the set.
    fn verifies(jwt: &str, set: &Value) -> bool {
        let [header, claims, signature] = jwt.split('.').collect::<Vec<_>>()[..] else { panic!("{jwt}") };
        let kid = serde_json::from_slice::<Value>(&decoded(header)).unwrap()["kid"].clone();
        let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid);
        key.is_some_and(|key| {
            let part = |name: &str| decoded(key[name].as_str().unwrap());
            let public = PublicKeyComponents { n: part("n"), e: part("e") };
            let message = format!("{header}.{claims}");
            public.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decoded(signature)).is_ok()
        })
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_an_old_one_as_long_as_what_it_signed() {
        let (_folder, keyring) = keyring();
        let start = Timestamp::from_millis(0);
        let mut rows = vec![draw(1, &keyring, start).unwrap()];
        let mut fetched = SigningKeys::open(&rows, &keyring).unwrap().public();
        let (mut now, mut made) = (start, 1);
        // Who verifies has fetched the keys up to an hour ago, and what was signed a day ago is still good.
        let mut earlier: Vec<(Timestamp, String)> = Vec::new();
        for hour in 0..24 * 70 {
            let keys = SigningKeys::open(&rows, &keyring).unwrap();
            let jwt = keys.sign(&json!({ "hour": hour }), now).unwrap();
            assert!(verifies(&jwt, &fetched), "signed with a key that was not published an hour before");
            earlier.retain(|(signed, _)| signed.plus(24 * HOUR) > now);
            if hour % 24 == 0 {
                assert!(earlier.iter().all(|(_, jwt)| verifies(jwt, &keys.public())), "a key went too early");
            }
            earlier.push((now, jwt));
            fetched = keys.public();
            let due = keys.due(now);
            rows.retain(|row| !due.outdated.contains(&row.id));
            if due.makes_one {
                made += 1;
                rows.push(draw(made, &keyring, now).unwrap());
            }
            now = now.plus(HOUR);
        }
        assert!(made >= 3 && rows.len() <= 2, "{made} were made and {} are left", rows.len());
    }

    #[test]
    fn a_key_survives_its_rotation_and_no_edit() {
        let (folder, keyring) = keyring();
        let row = draw(1, &keyring, Timestamp::from_millis(0)).unwrap();
        let grown = MasterSource::File(folder.path().join("master.key")).add_version(&keyring).unwrap();
        let moved = under_newest(&row, &grown).unwrap();
        assert_eq!(moved.master_version, 2);
        let public = |row: &SigningKeyRow| SigningKeys::open(std::slice::from_ref(row), &grown).unwrap().public();
        assert_eq!(public(&row), public(&moved));
        let edited = SigningKeyRow { id: 2, ..moved };
        assert!(SigningKeys::open(&[edited], &grown).is_err());
    }
}
