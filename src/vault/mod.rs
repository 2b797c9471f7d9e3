//! Seals and opens the secret fields of credentials, and keeps the keys that do it: a master key outside of the store
//! seals the store's own keys, one for each purpose.
//! Owns the opened keys in memory, read again when the store's change.
//! Never lets an opened field out but as a [`Secret`], and never uses a row that is not as it was sealed.

mod error;
mod keyring;
mod keys;
mod rotate;
mod seal;
mod signing;

pub use error::VaultError;
pub use keyring::MasterSource;
pub use keys::AuditKey;
pub use rotate::{Rotated, Rotation};
pub use signing::SigningKeys;

use crate::{
    clock::Timestamp,
    credential::Owner,
    id::{CredentialId, WebhookId},
    secret::Secret,
    store::{Actor, AuditEntry, ExchangeRow, KeyRow, NewVersion, PlainFields, SealedVersion, Store, WebhookRow},
};
use arc_swap::ArcSwap;
use error::Result;
use keys::{FirstKeys, Keys};
use seal::{Binding, SealKey};
use signing::Due;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use zeroize::Zeroizing;

/// The secret fields of a credential, by name.
pub type SecretFields = BTreeMap<Box<str>, Secret>;

pub struct Vault {
    keys: ArcSwap<Keys>,
    store: Store,
    source: MasterSource,
    /// Where the master key is, if it was made just now.
    made: Option<String>,
    /// Whether the store's keys could not be opened when they were read last; those from before are still in use.
    behind: AtomicBool,
}

/// What a seal is bound to, but for the key.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    pub credential: CredentialId,
    pub owner: Owner,
    pub provider: &'a str,
    /// From 1.
    pub version: u32,
}

impl Vault {
    /// Opens the store's keys with the master key; an empty store gets keys, and if need be a master key, first.
    /// A master key that is missing or not the right one is refused, and the store is as it was.
    pub async fn open(store: &Store, source: MasterSource, now: Timestamp) -> Result<Self> {
        let mut rows = store.read().await?.keys().await?;
        let mut made = None;
        if rows.is_empty() {
            (rows, made) = found(store, &source, now).await?;
        }
        let signing = store.read().await?.signing_keys().await?;
        let keys = ArcSwap::from_pointee(Keys::open(&rows, &signing, &source.read_existing()?)?);
        Ok(Self { keys, store: store.clone(), source, made, behind: AtomicBool::new(false) })
    }

    /// Where the master key is, if it was made when this was opened: whoever did that has to be told to keep a copy.
    pub fn made(&self) -> Option<&str> {
        self.made.as_deref()
    }

    /// Seals with the current key.
    pub fn seal(&self, label: Label<'_>, secret: &SecretFields, plain_fields: PlainFields) -> Result<NewVersion> {
        self.seal_with(label, None, secret, plain_fields)
    }

    /// Seals what it takes to read a source, bound to the source: with another one it does not open.
    pub fn seal_sourced(
        &self,
        label: Label<'_>,
        source: &str,
        secret: &SecretFields,
        plain_fields: PlainFields,
    ) -> Result<NewVersion> {
        self.seal_with(label, Some(source), secret, plain_fields)
    }

    fn seal_with(
        &self,
        label: Label<'_>,
        source: Option<&str>,
        secret: &SecretFields,
        plain_fields: PlainFields,
    ) -> Result<NewVersion> {
        let keys = self.keys.load();
        let (key, seal_key) = keys.current()?;
        let sealed = seal_key.seal(&label.binding(key).with_source(source), &to_json(secret))?;
        let secret_fields = secret.keys().cloned().collect();
        let source = source.map(Into::into);
        Ok(NewVersion { version: label.version, key, sealed, secret_fields, plain_fields, source })
    }

    /// Opens one version. A key that is not known yet is looked for in the store: it may just have been rotated.
    pub async fn unseal(&self, version: &SealedVersion) -> Result<SecretFields> {
        if self.keys.load().sealing(version.key).is_none() {
            self.reload().await?;
        }
        let keys = self.keys.load();
        let key = keys.sealing(version.key).ok_or(VaultError::UnknownKey(version.key))?;
        from_json(version, key)
    }

    /// Seals what a version was exchanged for, with the current key: its id and the seal.
    pub fn seal_exchange(&self, of: (CredentialId, u32), secrets: &SecretFields) -> Result<(i64, Vec<u8>)> {
        let keys = self.keys.load();
        let (key, seal_key) = keys.current()?;
        Ok((key, seal_key.seal(&exchange_binding(of, key), &to_json(secrets))?))
    }

    pub async fn unseal_exchange(&self, row: &ExchangeRow) -> Result<SecretFields> {
        let refused = || VaultError::Refused { credential: row.credential, version: row.version };
        let (key, sealed) = row.sealed.as_ref().ok_or_else(refused)?;
        if self.keys.load().sealing(*key).is_none() {
            self.reload().await?;
        }
        let keys = self.keys.load();
        let seal_key = keys.sealing(*key).ok_or(VaultError::UnknownKey(*key))?;
        let json = seal_key.open(&exchange_binding((row.credential, row.version), *key), sealed).ok_or_else(refused)?;
        serde_json::from_slice(&json).map_err(|_| refused())
    }

    /// Seals what signs for a webhook, with the current key: its id and the seal.
    pub fn seal_webhook(&self, of: WebhookId, secrets: &SecretFields) -> Result<(i64, Vec<u8>)> {
        let keys = self.keys.load();
        let (key, seal_key) = keys.current()?;
        Ok((key, seal_key.seal(&webhook_binding(of, key), &to_json(secrets))?))
    }

    pub async fn unseal_webhook(&self, row: &WebhookRow) -> Result<SecretFields> {
        let (key, sealed) = &row.sealed;
        if self.keys.load().sealing(*key).is_none() {
            self.reload().await?;
        }
        let keys = self.keys.load();
        let seal_key = keys.sealing(*key).ok_or(VaultError::UnknownKey(*key))?;
        let json = seal_key.open(&webhook_binding(row.id, *key), sealed);
        let json = json.ok_or(VaultError::RefusedWebhook(row.id))?;
        serde_json::from_slice(&json).map_err(|_| VaultError::RefusedWebhook(row.id))
    }

    /// Reads the keys again: what a change of [`Keys`](crate::store::Change::Keys) asks for.
    pub async fn reload(&self) -> Result<()> {
        let mut reading = self.store.read().await?;
        let (rows, signing) = (reading.keys().await?, reading.signing_keys().await?);
        drop(reading);
        let opened = self.source.read_existing().and_then(|keyring| Keys::open(&rows, &signing, &keyring));
        self.behind.store(opened.is_err(), Ordering::Release);
        self.keys.store(Arc::new(opened?));
        Ok(())
    }

    /// Whether what was sealed since a rotation does not open here: it goes on with the keys from before.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    /// Which newest version of the master key is at hand: its number and a mark of it, which gives nothing of it away.
    pub fn master_mark(&self) -> Result<String> {
        Ok(self.source.read_existing()?.mark())
    }

    /// What signs the audit trail of this store: each control write asks for it.
    pub fn signer(&self) -> Arc<AuditKey> {
        self.keys.load().audit()
    }

    /// Seals a short-lived token; the same key opens it, on every replica.
    pub fn mint(&self, what: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.keys.load().minting().seal(&Binding::new(what), plain)
    }

    /// `None` for whatever was not minted here, or as something else.
    pub fn read_minted(&self, what: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.keys.load().minting().open(&Binding::new(what), sealed)
    }

    /// The keys that sign tokens; none before the first is needed.
    pub fn signing(&self) -> Arc<SigningKeys> {
        self.keys.load().signing()
    }

    /// Makes the key that is missing or due, and takes away what has been replaced for long enough.
    pub async fn keep_signing_keys(&self, now: Timestamp) -> Result<()> {
        if self.signing().due(now) == Due::default() {
            return Ok(());
        }
        let mut tx = self.store.write(self.signer(), now).await?;
        let rows = tx.signing_keys().await?;
        let keyring = self.source.read_existing()?;
        // Another replica may have been faster.
        let due = SigningKeys::open(&rows, &keyring)?.due(now);
        for id in &due.outdated {
            tx.delete_signing_key(*id).await?;
            tx.record(AuditEntry::new(&Actor::System, "signing-key.deleted", id));
        }
        if due.makes_one {
            let row = signing::draw(rows.last().map_or(1, |row| row.id + 1), &keyring, now)?;
            tx.put_signing_key(&row).await?;
            tx.record(AuditEntry::new(&Actor::System, "signing-key.made", row.id));
        }
        tx.commit().await?;
        self.reload().await
    }

    /// The version of the master key in use, and the ids of the keys that seal: the current one, then those that
    /// only open.
    pub fn versions(&self) -> Result<(i64, Vec<i64>)> {
        let keys = self.keys.load();
        let (current, _) = keys.current()?;
        Ok((keys.master_version(), std::iter::once(current).chain(keys.outdated()).collect()))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

/// Gives an empty store its keys, once, whoever comes first. The master key is made under the write lock too:
/// who is too late must not leave one behind that opens nothing.
async fn found(store: &Store, source: &MasterSource, now: Timestamp) -> Result<(Vec<KeyRow>, Option<String>)> {
    let first = FirstKeys::draw()?;
    let mut tx = store.write(first.signer(), now).await?;
    let rows = tx.keys().await?;
    if !rows.is_empty() {
        return Ok((rows, None));
    }
    if !tx.is_empty().await? {
        return Err(VaultError::KeysMissing);
    }
    let made = source.read()?.is_none().then(|| source.place());
    let keyring = source.read_or_create()?;
    let rows = first.seal(&keyring)?;
    for row in &rows {
        tx.insert_key(row).await?;
    }
    tx.record(AuditEntry::new(&Actor::System, "keys.made", keyring.newest()));
    tx.commit().await?;
    if let Some(place) = &made {
        tracing::info!(
            event = "master_key.made",
            place,
            "made the master key; keep a copy of it apart from the store's backups"
        );
    }
    Ok((rows, made))
}

impl Label<'_> {
    fn binding(&self, key: i64) -> Binding {
        let owner = match self.owner {
            Owner::User(id) => format!("user:{id}"),
            Owner::Organization(id) => format!("organization:{id}"),
            Owner::Project(id) => format!("project:{id}"),
        };
        Binding::new("credential")
            .with(&self.credential.to_string())
            .with(&owner)
            .with(self.provider)
            .with_number(i64::from(self.version))
            .with_number(key)
    }
}

fn exchange_binding((credential, version): (CredentialId, u32), key: i64) -> Binding {
    Binding::new("exchange").with(&credential.to_string()).with_number(i64::from(version)).with_number(key)
}

fn webhook_binding(of: WebhookId, key: i64) -> Binding {
    Binding::new("webhook").with(&of.to_string()).with_number(key)
}

impl SealedVersion {
    fn binding(&self, key: i64) -> Binding {
        let Self { credential, owner, ref provider, version, ref source, .. } = *self;
        Label { credential, owner, provider, version }.binding(key).with_source(source.as_deref())
    }
}

/// With room for all of it from the start: a buffer that grows leaves its old bytes behind.
fn to_json(fields: &SecretFields) -> Zeroizing<Vec<u8>> {
    let longest = |text: &str| 6 * text.len() + 8;
    let room = fields.iter().map(|(name, value)| longest(name) + longest(value.expose())).sum::<usize>() + 2;
    let mut json = Zeroizing::new(Vec::with_capacity(room));
    let exposed: BTreeMap<&str, &str> = fields.iter().map(|(name, value)| (&**name, value.expose())).collect();
    // A map of texts into memory: nothing in it can fail.
    let _ = serde_json::to_writer(&mut *json, &exposed);
    json
}

fn from_json(version: &SealedVersion, key: &SealKey) -> Result<SecretFields> {
    let refused = || VaultError::Refused { credential: version.credential, version: version.version };
    let json = key.open(&version.binding(version.key), &version.sealed).ok_or_else(refused)?;
    serde_json::from_slice(&json).map_err(|_| refused())
}
