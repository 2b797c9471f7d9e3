//! What can go wrong with keys and seals, named for what the caller can do about it.
//! Owns nothing.
//! Never holds a key or what was sealed.

use crate::{
    id::{CredentialId, WebhookId},
    store::StoreError,
};
use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the master key {0} is missing, but the store is sealed with one: put it back, from a backup if need be")]
    Missing(String),
    #[error("the master key {place} cannot be read: {error}")]
    Unreadable { place: String, error: io::Error },
    #[error("the master key {} can be read by others (mode {mode:03o}): run `chmod 600 {}`", path.display(), path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "the master key {place} is malformed at line {line}: expected `VERSION:KEY`, a number and 32 bytes in base64"
    )]
    Malformed { place: String, line: usize },
    #[error(
        "the master key {0} is not the one that this store is sealed with: put that one back, from a backup if need be"
    )]
    Mismatch(String),
    #[error(
        "the master key {place} has no version {version}, which this store is sealed with since a rotation elsewhere: copy the \
         master key of the machine where it was rotated to this place"
    )]
    VersionMissing { place: String, version: i64 },
    #[error("the store has entries but no keys: it is damaged, or of somebody else's making")]
    KeysMissing,
    #[error("the master key {0} is in the environment: add a line with a new version there, then rotate")]
    CannotAdd(String),
    /// The row was edited, swapped or damaged.
    #[error(
        "version {version} of credential {credential} is not as it was sealed, and is not used: enter the credential again"
    )]
    Refused { credential: CredentialId, version: u32 },
    #[error("the secret of webhook {0} is not as it was sealed, and is not used: rotate it")]
    RefusedWebhook(WebhookId),
    #[error("it is sealed with key {0}, which the store does not have")]
    UnknownKey(i64),
    #[error("the system's random generator failed")]
    Random,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl VaultError {
    /// Whether the store is in order, and another process could use it.
    pub const fn is_of_this_process(&self) -> bool {
        matches!(
            self,
            Self::Missing(_)
                | Self::Unreadable { .. }
                | Self::Exposed { .. }
                | Self::Malformed { .. }
                | Self::Mismatch(_)
                | Self::VersionMissing { .. }
                | Self::Random
                | Self::Store(StoreError::Unavailable(_))
        )
    }

    /// Whether the operator has to put the configuration or the key right, and trying again is no use.
    pub const fn is_configuration(&self) -> bool {
        !matches!(
            self,
            Self::Refused { .. }
                | Self::RefusedWebhook(_)
                | Self::UnknownKey(_)
                | Self::Random
                | Self::Store(StoreError::Unavailable(_))
        )
    }
}

impl From<aws_lc_rs::error::Unspecified> for VaultError {
    /// Where sealing or drawing a key fails, there was no randomness; opening maps its own failures.
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Random
    }
}

pub type Result<T, E = VaultError> = std::result::Result<T, E>;
