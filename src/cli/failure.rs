//! How a command fails, and with which exit code.
//! Owns nothing.
//! Its texts are for the person at the terminal: what is wrong and what to do, without any secret.

use super::apply::ApplyError;
use crate::{app::AppError, config::ConfigError, store::StoreError, vault::VaultError};

pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
/// `EX_CONFIG` of sysexits.
pub const CONFIGURATION: u8 = 78;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    /// A Bellhop elsewhere does not take the token.
    #[error("{0}")]
    SignedOut(String),
    /// A program could not be started; and the exit code that says so.
    #[error("{0}")]
    Program(String, u8),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Program(_, code) => *code,
            Self::App(error) if error.is_configuration() => CONFIGURATION,
            Self::Vault(error) | Self::Apply(ApplyError::Vault(error)) if error.is_configuration() => CONFIGURATION,
            Self::Store(error) | Self::Apply(ApplyError::Store(error)) if error.is_configuration() => CONFIGURATION,
            Self::Config(_) | Self::Apply(ApplyError::Misplaced(_)) => CONFIGURATION,
            Self::Failed(_) | Self::SignedOut(_) | Self::Apply(_) | Self::App(_) | Self::Vault(_) | Self::Store(_) => {
                FAILED
            }
        }
    }
}
