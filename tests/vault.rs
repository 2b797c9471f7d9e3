//! What the vault promises: what it sealed comes back as it was or not at all, through every rotation and every accident.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, also in what helps it, and says what it skips"
)]

use bellhop::{
    clock::Timestamp,
    credential::Owner,
    id::{CredentialId, UserId},
    secret::Secret,
    store::{
        Actor, Address, AuditEntry, NewCredential, NewUser, NewVersion, Origin, PlainFields, Restriction, Signer, Store,
    },
    vault::{Label, MasterSource, SecretFields, Vault, VaultError},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::Path;

const NOW: Timestamp = Timestamp::from_millis(1_793_000_000_000);
const CANARY: &str = "fake-vault-\u{1F511}-\"canary\"";

struct House {
    folder: tempfile::TempDir,
    store: Store,
    vault: Vault,
    owner: UserId,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, vault) = open(folder.path()).await;
        let owner = UserId::new();
        let mut tx = store.write(vault.signer(), NOW).await.unwrap();
        let user = NewUser {
            id: owner,
            name: "ada".parse().unwrap(),
            admin: false,
            password_hash: None,
            origin: Origin::Hand,
        };
        tx.insert_users(&[user]).await.unwrap();
        tx.record(AuditEntry::new(&Actor::System, "user.made", "ada"));
        tx.commit().await.unwrap();
        Self { folder, store, vault, owner }
    }

    async fn add(&self, provider: &str) -> CredentialId {
        let label = self.label(provider);
        let version = self.vault.seal(label, &secret(), PlainFields::new()).unwrap();
        self.insert(label, version).await
    }

    /// One whose value is read from there.
    async fn add_sourced(&self, source: &str) -> CredentialId {
        let label = self.label("ionq");
        let version = self.vault.seal_sourced(label, source, &secret(), PlainFields::new()).unwrap();
        self.insert(label, version).await
    }

    fn label<'p>(&self, provider: &'p str) -> Label<'p> {
        Label { credential: CredentialId::new(), owner: Owner::User(self.owner), provider, version: 1 }
    }

    async fn insert(&self, label: Label<'_>, version: NewVersion) -> CredentialId {
        let Label { credential: id, owner, provider, .. } = label;
        let credential = NewCredential {
            id,
            owner,
            provider: provider.into(),
            label: provider.into(),
            expires: Timestamp::MAX,
            restriction: Restriction::default(),
            version,
            origin: Origin::Hand,
        };
        let mut tx = self.store.write(self.vault.signer(), NOW).await.unwrap();
        tx.insert_credentials(&[credential]).await.unwrap();
        tx.record(AuditEntry::new(&Actor::System, "credential.made", id));
        tx.commit().await.unwrap();
        id
    }

    async fn several(&self, count: usize) -> Vec<CredentialId> {
        let mut ids = Vec::new();
        for n in 0..count {
            ids.push(self.add(&format!("provider-{n}")).await);
        }
        ids
    }

    async fn sql(&self, statement: &'static str) {
        let path = self.folder.path().join("bellhop.db");
        let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
        assert!(sqlx::raw_sql(statement).execute(&mut connection).await.unwrap().rows_affected() > 0);
    }
}

async fn open(folder: &Path) -> (Store, Vault) {
    let store = Store::open(&Address::parse(None, folder).unwrap()).await.unwrap();
    let vault = Vault::open(&store, source(folder), NOW).await.unwrap();
    (store, vault)
}

fn source(folder: &Path) -> MasterSource {
    MasterSource::File(folder.join("master.key"))
}

fn secret() -> SecretFields {
    [("api_key".into(), Secret::new(CANARY)), ("other".into(), Secret::new(""))].into()
}

async fn opens(store: &Store, vault: &Vault, id: CredentialId) -> Result<bool, VaultError> {
    let sealed = store.sealed(id, 1).await.unwrap().unwrap();
    let fields = vault.unseal(&sealed).await?;
    Ok(fields["api_key"].expose() == CANARY && fields.len() == 2)
}

#[tokio::test]
async fn what_is_sealed_opens_also_after_a_restart_and_is_nowhere_in_the_file() {
    let house = House::new().await;
    let id = house.add("ionq").await;
    assert!(opens(&house.store, &house.vault, id).await.unwrap());
    house.store.close().await;
    let (store, vault) = open(house.folder.path()).await;
    assert!(opens(&store, &vault, id).await.unwrap());
    for file in std::fs::read_dir(house.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(10).any(|w| w == b"fake-vault"));
    }
}

#[tokio::test]
async fn an_edited_or_swapped_row_is_refused_and_named() {
    for edit in [
        "UPDATE credential_versions SET sealed = zeroblob(length(sealed))",
        "UPDATE credential_versions SET sealed = x''",
        "UPDATE credentials SET provider = provider || 'x'",
        "UPDATE credential_versions SET sealed = (SELECT max(sealed) FROM credential_versions)",
    ] {
        let house = House::new().await;
        let (a, b) = (house.add("ionq").await, house.add("iqm").await);
        house.sql(edit).await;
        let refused = [opens(&house.store, &house.vault, a).await, opens(&house.store, &house.vault, b).await];
        let named = |id, result: &Result<bool, VaultError>| matches!(result, Err(VaultError::Refused { credential, version: 1 }) if *credential == id);
        assert!(named(a, &refused[0]) || named(b, &refused[1]), "{edit}: {refused:?}");
        assert!(!format!("{refused:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_source_that_was_edited_added_or_taken_away_is_refused() {
    for (source, edit) in [
        (Some("{\"env\":{\"api_key\":\"A\"}}"), "UPDATE credential_versions SET source = replace(source, 'A', 'B')"),
        (Some("{\"env\":{\"api_key\":\"A\"}}"), "UPDATE credential_versions SET source = NULL"),
        (None, "UPDATE credential_versions SET source = '{\"file\":{\"api_key\":\"/etc/shadow\"}}'"),
    ] {
        let house = House::new().await;
        let id = match source {
            Some(source) => house.add_sourced(source).await,
            None => house.add("ionq").await,
        };
        assert!(opens(&house.store, &house.vault, id).await.unwrap());
        house.sql(edit).await;
        let refused = opens(&house.store, &house.vault, id).await;
        assert!(
            matches!(refused, Err(VaultError::Refused { credential, .. }) if credential == id),
            "{edit}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn rotation_seals_what_has_a_source_anew_with_it() {
    let house = House::new().await;
    let id = house.add_sourced("{\"leap\":{\"project\":\"7\"}}").await;
    house.vault.rotate(&Actor::CommandLine, NOW).await.unwrap();
    assert!(opens(&house.store, &house.vault, id).await.unwrap());
}

#[tokio::test]
async fn a_missing_or_wrong_master_key_is_refused_and_the_store_stays_as_it_was() {
    let house = House::new().await;
    let id = house.add("ionq").await;
    let key = house.folder.path().join("master.key");
    let right = std::fs::read(&key).unwrap();
    let before = house.store.head().await.unwrap();
    std::fs::remove_file(&key).unwrap();
    let missing = Vault::open(&house.store, source(house.folder.path()), NOW).await.unwrap_err();
    assert!(matches!(missing, VaultError::Missing(_)) && missing.is_configuration(), "{missing}");
    assert!(!key.exists(), "none is made for a store that has one");
    let other = tempfile::tempdir().unwrap();
    open(other.path()).await;
    let wrong = Vault::open(&house.store, source(other.path()), NOW).await.unwrap_err();
    assert!(matches!(wrong, VaultError::Mismatch(_)) && wrong.is_configuration(), "{wrong}");
    let nowhere = MasterSource::Environment("BELLHOP_TEST_NO_SUCH_VARIABLE".into());
    let unset = Vault::open(&house.store, nowhere, NOW).await.unwrap_err();
    assert!(matches!(unset, VaultError::Missing(_)), "{unset}");
    assert_eq!(house.store.head().await.unwrap(), before);
    std::fs::write(&key, right).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let vault = Vault::open(&house.store, source(house.folder.path()), NOW).await.unwrap();
    assert!(opens(&house.store, &vault, id).await.unwrap());
}

#[tokio::test]
async fn a_damaged_key_row_is_told_apart_from_a_wrong_master_key() {
    let house = House::new().await;
    house.sql("UPDATE keys SET sealed = zeroblob(60) WHERE purpose = 'sessions'").await;
    let damaged = Vault::open(&house.store, source(house.folder.path()), NOW).await.unwrap_err();
    assert!(matches!(damaged, VaultError::Store(_)), "{damaged}");
    house.sql("DELETE FROM keys").await;
    let gone = Vault::open(&house.store, source(house.folder.path()), NOW).await.unwrap_err();
    assert!(matches!(gone, VaultError::KeysMissing), "no new keys for a store with a past: {gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_find_an_empty_store_at_once_agree_on_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let openings: Vec<_> = (0..6)
        .map(|_| {
            let folder = folder.path().to_owned();
            tokio::spawn(async move { open(&folder).await })
        })
        .collect();
    let mut signatures = Vec::new();
    for opening in openings {
        let (_, vault) = opening.await.unwrap();
        signatures.push(vault.signer().mac(b"one text"));
    }
    signatures.dedup();
    assert_eq!(signatures.len(), 1);
}

#[tokio::test]
async fn rotation_replaces_the_keys_and_nothing_else() {
    let house = House::new().await;
    let ids = house.several(5).await;
    let (before, signer) = (house.vault.versions().unwrap(), house.vault.signer().mac(b"x"));
    let running = Vault::open(&house.store, source(house.folder.path()), NOW).await.unwrap();
    let rotated = house.vault.rotate(&Actor::CommandLine, NOW).await.unwrap();
    assert_eq!((rotated.master_version, rotated.resealed, rotated.resumed), (2, 5, false));
    let after = house.vault.versions().unwrap();
    assert!(after.0 == before.0 + 1 && after.1.len() == 1 && after.1 != before.1);
    assert_eq!(house.vault.signer().mac(b"x"), signer, "the audit chain goes on");
    for id in &ids {
        assert!(opens(&house.store, &house.vault, *id).await.unwrap());
        assert!(opens(&house.store, &running, *id).await.unwrap(), "a running process reads the new keys by itself");
    }
    let again = house.vault.rotate(&Actor::CommandLine, NOW).await.unwrap();
    assert_eq!((again.master_version, again.resealed), (3, 5));
}

#[tokio::test]
async fn rotation_goes_on_wherever_it_was_killed() {
    for killed_after in 0..=4 {
        let house = House::new().await;
        let ids = house.several(4).await;
        {
            let mut rotation = house.vault.rotation(&Actor::CommandLine, NOW).await.unwrap();
            for _ in 0..killed_after {
                assert!(rotation.step(1).await.unwrap());
            }
        }
        let (store, vault) = open(house.folder.path()).await;
        for id in &ids {
            assert!(opens(&store, &vault, *id).await.unwrap(), "in between, everything opens");
        }
        let late = house.add("while-it-lay").await;
        let rotated = vault.rotate(&Actor::CommandLine, NOW).await.unwrap();
        assert!(rotated.resumed && rotated.master_version == 2);
        assert_eq!(rotated.resealed, 4 - killed_after);
        assert_eq!(vault.versions().unwrap().1.len(), 1);
        for id in ids.iter().chain([&late]) {
            assert!(opens(&store, &vault, *id).await.unwrap());
        }
    }
}

#[tokio::test]
async fn rotation_that_was_killed_between_the_file_and_the_store_uses_the_key_it_left() {
    let house = House::new().await;
    let id = house.add("ionq").await;
    let key = house.folder.path().join("master.key");
    let old = std::fs::read_to_string(&key).unwrap();
    house.vault.rotate(&Actor::CommandLine, NOW).await.unwrap();
    let left = std::fs::read_to_string(&key).unwrap();
    assert!(left.starts_with(&old), "older versions stay, for older backups");
    let (_, again) = open(house.folder.path()).await;
    std::fs::write(&key, format!("{left}3:{}\n", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")).unwrap();
    assert_eq!(again.rotate(&Actor::CommandLine, NOW).await.unwrap().master_version, 3);
    assert!(std::fs::read_to_string(&key).unwrap().contains("3:QUFB"), "no fourth was made");
    assert!(opens(&house.store, &again, id).await.unwrap());
}

#[tokio::test]
async fn what_was_sealed_with_the_old_key_at_the_last_moment_is_found_too() {
    let house = House::new().await;
    house.several(2).await;
    let slow = Vault::open(&house.store, source(house.folder.path()), NOW).await.unwrap();
    let mut rotation = house.vault.rotation(&Actor::CommandLine, NOW).await.unwrap();
    while rotation.step(10).await.unwrap() {}
    let late =
        House { folder: tempfile::tempdir().unwrap(), store: house.store.clone(), vault: slow, owner: house.owner };
    let id = late.add("late").await;
    assert!(!rotation.retire(&Actor::CommandLine, NOW).await.unwrap(), "the old key is needed still");
    while rotation.step(10).await.unwrap() {}
    assert!(rotation.retire(&Actor::CommandLine, NOW).await.unwrap());
    assert!(opens(&house.store, &house.vault, id).await.unwrap());
}
