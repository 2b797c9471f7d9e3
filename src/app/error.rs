//! Why Bellhop does not start, and whether its operator can do anything about it.
//! Owns nothing.
//! Never holds a value of a secret: what is wrong is named by its key or its file.

use super::{handover::NotTakenOver, sockets, tls};
use crate::{
    config::ConfigError,
    jobs::SpoolError,
    provider::{CatalogError, files::Unreadable},
    proxy::SettingsError,
    store::StoreError,
    sync::set_back::SetBack,
    upstream::BadCaFile,
    vault::VaultError,
};
use std::{io, net::SocketAddr};

/// Why Bellhop does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Preset(#[from] Unreadable),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("cannot listen at {address}: {error}{}", sockets::advice(error))]
    Listen { address: SocketAddr, error: io::Error },
    #[error(
        "a socket at {address} was passed to this process{}, and none of its listeners is there: configured are \
         {configured}. Make them agree", if name.is_empty() { String::new() } else { format!(" as `{name}`") }
    )]
    Passed { name: String, address: String, configured: String },
    #[error("the sockets that a service manager passed cannot be used: {0}")]
    Inherited(io::Error),
    #[error(transparent)]
    TakeOver(#[from] NotTakenOver),
    #[error("{0}")]
    SetBack(SetBack),
    #[error("{0}")]
    Sources(String),
    #[error("webhooks.ca_file: {0}")]
    Webhooks(#[from] BadCaFile),
    #[error("{0}")]
    Oidc(String),
    #[error("the process cannot start its threads: {0}")]
    Threads(io::Error),
}

impl AppError {
    /// Whether the operator has to put the configuration right, and trying again is no use.
    pub const fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_)
            | Self::Preset(_)
            | Self::Catalog(_)
            | Self::Settings(_)
            | Self::Tls(_)
            | Self::Passed { .. }
            | Self::Sources(_)
            | Self::SetBack(_)
            | Self::Webhooks(_)
            | Self::Oidc(_) => true,
            Self::Vault(error) => error.is_configuration(),
            Self::Store(error) => error.is_configuration(),
            Self::Spool(_) | Self::Listen { .. } | Self::Inherited(_) | Self::TakeOver(_) | Self::Threads(_) => false,
        }
    }
}
