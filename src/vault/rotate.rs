//! Replaces the master key and the key that seals, while everything goes on.
//! Owns nothing: how far it is can be read from the store, so that it goes on wherever it was killed.
//! Never leaves a version without a key that opens it: the schema forbids it.
//!
//! Why in this order: the new master key is in the file, and in that of every machine that serves, before anything is
//! sealed under it; the store's keys change
//! over in one transaction; then version after version is sealed anew, while both keys open; and the old key goes
//! last, refused by the schema for as long as any version needs it.

use super::{
    Vault, VaultError,
    error::Result,
    from_json,
    keyring::Keyring,
    keys::{next_sealing, under_newest},
    signing, to_json,
};
use crate::{
    clock::Timestamp,
    id::CredentialId,
    store::{Actor, AuditEntry, Conflict, ExchangeRow, Reseal, SealedVersion, StoreError},
};

/// A rotation under way.
pub struct Rotation<'v> {
    vault: &'v Vault,
    /// What was sealed anew last.
    after: Option<(CredentialId, u32)>,
    done: Rotated,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Rotated {
    /// The version of the master key that is in use now.
    pub master_version: i64,
    /// Credential versions that were sealed anew.
    pub resealed: u64,
    /// Whether this went on with a rotation that had been cut short, rather than begin one.
    pub resumed: bool,
}

/// Small enough that nobody waits for the write lock for long.
const BATCH: u32 = 500;

impl Vault {
    /// From beginning to end; or from where one was cut short to its end.
    pub async fn rotate(&self, actor: &Actor, now: Timestamp) -> Result<Rotated> {
        self.rotate_telling(actor, now, |_| {}).await
    }

    /// Likewise; tells after each batch how many versions more were sealed anew.
    pub async fn rotate_telling(&self, actor: &Actor, now: Timestamp, tell: impl Fn(u64)) -> Result<Rotated> {
        let mut rotation = self.rotation(actor, now).await?;
        loop {
            let mut before = rotation.done.resealed;
            while rotation.step(BATCH).await? {
                tell(rotation.done.resealed - before);
                before = rotation.done.resealed;
            }
            if rotation.retire(actor, now).await? {
                return Ok(rotation.done);
            }
        }
    }

    /// Puts a new version of the master key where the others are, unless one is there that is not in use yet, or a
    /// rotation is to be gone on with. Nothing is sealed under it before all who serve have it. Its mark.
    pub async fn prepare(&self, actor: &Actor, now: Timestamp) -> Result<String> {
        self.reload().await?;
        let mut tx = self.store.write(self.signer(), now).await?;
        let rows = tx.keys().await?;
        let in_use = rows.iter().map(|row| row.master_version).max().ok_or(VaultError::KeysMissing)?;
        let keyring = self.source.read_existing()?;
        if keyring.newest() > in_use || self.keys.load().outdated().next().is_some() {
            return Ok(keyring.mark());
        }
        let keyring = self.source.add_version(&keyring)?;
        tx.record(AuditEntry::new(actor, "keys.prepared", keyring.newest()));
        tx.commit().await?;
        Ok(keyring.mark())
    }

    /// Changes the keys over, unless that has happened and only the sealing is left.
    pub async fn rotation(&self, actor: &Actor, now: Timestamp) -> Result<Rotation<'_>> {
        self.reload().await?;
        let resumed = self.keys.load().outdated().next().is_some();
        if !resumed {
            self.change_over(actor, now).await?;
            self.reload().await?;
        }
        let master_version = self.keys.load().master_version();
        Ok(Rotation { vault: self, after: None, done: Rotated { master_version, resealed: 0, resumed } })
    }

    /// Under the write lock from before the file is read: two who rotate at once would otherwise write two files,
    /// and one of them would be sealed under a key that is gone.
    async fn change_over(&self, actor: &Actor, now: Timestamp) -> Result<()> {
        let mut tx = self.store.write(self.signer(), now).await?;
        let rows = tx.keys().await?;
        let in_use = rows.iter().map(|row| row.master_version).max().ok_or(VaultError::KeysMissing)?;
        let keyring = self.keyring_beyond(in_use)?;
        for row in &rows {
            tx.replace_key(&under_newest(row, &keyring)?).await?;
        }
        for row in tx.signing_keys().await? {
            tx.put_signing_key(&signing::under_newest(&row, &keyring)?).await?;
        }
        tx.insert_key(&next_sealing(&rows, &keyring)?).await?;
        tx.record(AuditEntry::new(actor, "keys.rotating", keyring.newest()));
        tx.commit().await?;
        Ok(())
    }

    /// One that was killed between the file and the store has left a newer version in the file: that one is used.
    /// So is one that an operator has put into the environment.
    fn keyring_beyond(&self, in_use: i64) -> Result<Keyring> {
        let keyring = self.source.read_existing()?;
        if keyring.newest() > in_use { Ok(keyring) } else { self.source.add_version(&keyring) }
    }
}

impl Rotation<'_> {
    /// Seals at most so many versions anew. Whether there were any.
    pub async fn step(&mut self, limit: u32) -> Result<bool> {
        let current = self.vault.keys.load().current()?.0;
        let versions = self.vault.store.sealed_otherwise(current, self.after, limit).await?;
        let Some(last) = versions.last() else {
            return Ok(self.reseal_exchanges(current).await? || self.reseal_webhooks(current).await?);
        };
        let after = Some((last.credential, last.version));
        let resealed = versions.iter().map(|version| self.reseal(version)).collect::<Result<Vec<_>>>()?;
        self.vault.store.reseal(&resealed).await?;
        self.after = after;
        self.done.resealed += resealed.len() as u64;
        Ok(true)
    }

    /// What versions were exchanged for is little, and its own to write again. Whether there was any.
    async fn reseal_exchanges(&self, current: i64) -> Result<bool> {
        let rows = self.vault.store.exchanges_sealed_otherwise(current).await?;
        for row in &rows {
            let secrets = self.vault.unseal_exchange(row).await?;
            let sealed = Some(self.vault.seal_exchange((row.credential, row.version), &secrets)?);
            self.vault.store.reseal_exchange(&ExchangeRow { sealed, ..row.clone() }).await?;
        }
        Ok(!rows.is_empty())
    }

    /// So is what signs for webhooks. Whether there was any.
    async fn reseal_webhooks(&self, current: i64) -> Result<bool> {
        let rows = self.vault.store.webhooks_sealed_otherwise(current).await?;
        for row in &rows {
            let secrets = self.vault.unseal_webhook(row).await?;
            self.vault.store.reseal_webhook(row, self.vault.seal_webhook(row.id, &secrets)?).await?;
        }
        Ok(!rows.is_empty())
    }

    /// Takes away the keys that nothing is sealed with any more. `false` if somebody has sealed with one since.
    pub async fn retire(&mut self, actor: &Actor, now: Timestamp) -> Result<bool> {
        let outdated: Vec<i64> = self.vault.keys.load().outdated().collect();
        let mut tx = self.vault.store.write(self.vault.signer(), now).await?;
        for key in outdated {
            match tx.delete_key(key).await {
                Err(StoreError::Conflict(Conflict::Missing)) => {
                    self.after = None;
                    return Ok(false);
                }
                done => done?,
            }
        }
        tx.record(AuditEntry::new(actor, "keys.rotated", self.done.master_version));
        tx.commit().await?;
        self.vault.reload().await?;
        Ok(true)
    }

    fn reseal(&self, version: &SealedVersion) -> Result<Reseal> {
        let keys = self.vault.keys.load();
        let old = keys.sealing(version.key).ok_or(VaultError::UnknownKey(version.key))?;
        let fields = from_json(version, old)?;
        let (to_key, new) = keys.current()?;
        let sealed = new.seal(&version.binding(to_key), &to_json(&fields))?;
        let SealedVersion { credential, version, key: from_key, .. } = *version;
        Ok(Reseal { credential, version, from_key, to_key, sealed })
    }
}
