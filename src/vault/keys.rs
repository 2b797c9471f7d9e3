//! The keys of one store, opened: one for each purpose, and several for sealing while one replaces another.
//! Owns them in memory; they are replaced as a whole when the store's change.
//! Never used across purposes.

use super::{
    error::{Result, VaultError},
    keyring::Keyring,
    seal::{Binding, KeyBytes, SealKey, random_key},
    signing::SigningKeys,
};
use crate::store::{KeyRow, Purpose, Signer, SigningKeyRow, StoreError};
use aws_lc_rs::hmac;
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

pub struct Keys {
    sealing: BTreeMap<i64, SealKey>,
    minting: Arc<SealKey>,
    signing: Arc<SigningKeys>,
    audit: Arc<AuditKey>,
    master_version: i64,
}

/// Computes the links of the audit chain.
pub struct AuditKey(hmac::Key);

/// What a check value holds: not a secret, but only the right master key opens it.
const CHECK: &[u8; 32] = b"this is the right master key    ";

impl Keys {
    /// Opens every row, also those that are not needed yet: what is damaged is better known at the start.
    pub fn open(rows: &[KeyRow], signing: &[SigningKeyRow], keyring: &Keyring) -> Result<Self> {
        let newest = |purpose| rows.iter().rfind(|row| row.purpose == purpose).ok_or(VaultError::KeysMissing);
        let (check, audit, minted) = (newest(Purpose::Check)?, newest(Purpose::Audit)?, newest(Purpose::Minted)?);
        open_row(check, keyring)?.ok_or_else(|| VaultError::Mismatch(keyring.place().into()))?;
        let mut sealing = BTreeMap::new();
        for row in rows {
            let bytes = open_undamaged(row, keyring)?;
            if row.purpose == Purpose::Sealing {
                sealing.insert(row.id, SealKey::new(&bytes)?);
            }
        }
        let audit = Arc::new(AuditKey::new(&open_undamaged(audit, keyring)?));
        let minting = Arc::new(SealKey::new(&open_undamaged(minted, keyring)?)?);
        let signing = Arc::new(SigningKeys::open(signing, keyring)?);
        Ok(Self { sealing, minting, signing, audit, master_version: check.master_version })
    }

    /// The key that seals: the newest.
    pub fn current(&self) -> Result<(i64, &SealKey)> {
        self.sealing.last_key_value().map(|(id, key)| (*id, key)).ok_or(VaultError::KeysMissing)
    }

    pub fn sealing(&self, id: i64) -> Option<&SealKey> {
        self.sealing.get(&id)
    }

    /// The keys that only open, until nothing is sealed with them.
    pub fn outdated(&self) -> impl Iterator<Item = i64> {
        let current = self.sealing.last_key_value().map(|(id, _)| *id);
        self.sealing.keys().copied().filter(move |id| Some(*id) != current)
    }

    /// The key of short-lived tokens.
    pub fn minting(&self) -> Arc<SealKey> {
        Arc::clone(&self.minting)
    }

    pub fn signing(&self) -> Arc<SigningKeys> {
        Arc::clone(&self.signing)
    }

    pub fn audit(&self) -> Arc<AuditKey> {
        Arc::clone(&self.audit)
    }

    pub const fn master_version(&self) -> i64 {
        self.master_version
    }
}

/// The keys of a store that has none. The one for the audit trail is drawn first: it signs the others' making.
pub struct FirstKeys {
    audit: KeyBytes,
}

impl FirstKeys {
    pub fn draw() -> Result<Self> {
        Ok(Self { audit: random_key()? })
    }

    pub fn signer(&self) -> Arc<AuditKey> {
        Arc::new(AuditKey::new(&self.audit))
    }

    pub fn seal(&self, keyring: &Keyring) -> Result<Vec<KeyRow>> {
        let seal = |(id, purpose)| match purpose {
            Purpose::Check => seal_row(id, purpose, &KeyBytes::from(*CHECK), keyring),
            Purpose::Audit => seal_row(id, purpose, &self.audit, keyring),
            _ => seal_row(id, purpose, &random_key()?, keyring),
        };
        (1..).zip(Purpose::ALL).map(seal).collect()
    }
}

/// A new key for sealing, after all these.
pub fn next_sealing(rows: &[KeyRow], keyring: &Keyring) -> Result<KeyRow> {
    let id = rows.iter().map(|row| row.id).max().unwrap_or_default() + 1;
    seal_row(id, Purpose::Sealing, &random_key()?, keyring)
}

/// The same key, sealed under the newest master key.
pub fn under_newest(row: &KeyRow, keyring: &Keyring) -> Result<KeyRow> {
    seal_row(row.id, row.purpose, &open_undamaged(row, keyring)?, keyring)
}

fn seal_row(id: i64, purpose: Purpose, bytes: &KeyBytes, keyring: &Keyring) -> Result<KeyRow> {
    let master_version = keyring.newest();
    let master = SealKey::new(keyring.key(master_version)?)?;
    let sealed = master.seal(&binding(id, purpose, master_version), bytes.as_ref())?;
    Ok(KeyRow { id, purpose, master_version, sealed })
}

fn open_undamaged(row: &KeyRow, keyring: &Keyring) -> Result<KeyBytes> {
    let damaged = || StoreError::Corrupt(format!("key {} is not as it was sealed", row.id));
    Ok(open_row(row, keyring)?.ok_or_else(damaged)?)
}

fn open_row(row: &KeyRow, keyring: &Keyring) -> Result<Option<KeyBytes>> {
    let master = SealKey::new(keyring.key(row.master_version)?)?;
    Ok(master.open_key(&binding(row.id, row.purpose, row.master_version), &row.sealed))
}

fn binding(id: i64, purpose: Purpose, master_version: i64) -> Binding {
    Binding::new("key").with_number(id).with(purpose.as_str()).with_number(master_version)
}

impl AuditKey {
    fn new(bytes: &KeyBytes) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref()))
    }
}

impl Signer for AuditKey {
    fn mac(&self, link: &[u8]) -> String {
        let mut hex = String::with_capacity(64);
        for byte in hmac::sign(&self.0, link).as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}
