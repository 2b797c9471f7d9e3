//! Why an act was not done, named for what its actor can do about it.
//! Owns nothing.
//! Its texts are for people, and hold no secret and nothing of another's business.

use crate::{
    store::{Conflict, StoreError},
    vault::VaultError,
};
use std::{borrow::Cow, time::Duration};

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not there, or not this actor's to know of: nobody can tell which.
    #[error("{0}")]
    Missing(Cow<'static, str>),
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// What was sent has the right shape and says something that cannot be.
    #[error("{field}: {text}")]
    Invalid { field: &'static str, text: String },
    #[error("it was changed since it was read: read it again")]
    Changed,
    #[error("there is no such user, or the password is another")]
    WrongPassword,
    #[error("too many {what}: try again in {}", in_words(*.wait))]
    TooOften { what: &'static str, wait: Duration },
    #[error("this account is disabled or gone")]
    SignedOut,
    #[error("the store cannot be reached: try again")]
    Unavailable(#[source] StoreError),
    /// A provider was asked, and does not answer.
    #[error("{0}")]
    Unanswered(String),
    #[error("something went wrong here, and its cause is in the log")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Fault {
    pub fn missing(what: &str) -> Self {
        Self::Missing(format!("there is no such {what}, or it is not yours to see").into())
    }

    pub fn forbidden(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(text.into())
    }

    pub fn conflict(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict(text.into())
    }

    pub fn invalid(field: &'static str, text: impl Into<String>) -> Self {
        Self::Invalid { field, text: text.into() }
    }

    /// How many seconds from now it is worth trying again.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooOften { wait, .. } => Some(seconds(*wait)),
            Self::Unavailable(_) => Some(1),
            _ => None,
        }
    }

    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "not-found",
            Self::Forbidden(_) => "not-allowed",
            Self::Conflict(_) => "conflict",
            Self::Invalid { .. } => "invalid",
            Self::Changed => "changed",
            Self::WrongPassword => "wrong-password",
            Self::TooOften { .. } => "throttled",
            Self::SignedOut => "unknown-token",
            Self::Unavailable(_) => "store-unavailable",
            Self::Unanswered(_) => "upstream-unreachable",
            Self::Internal(_) => "internal",
        }
    }
}

/// Rounded up: who comes back then is heard.
const fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + (wait.subsec_nanos() > 0) as u64
}

fn in_words(wait: Duration) -> String {
    match seconds(wait) {
        seconds @ ..=120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict(Conflict::Raced | Conflict::KeyReplaced) => {
                Self::Unavailable(error)
            }
            StoreError::Conflict(Conflict::Missing) => Self::missing("thing"),
            StoreError::Conflict(conflict) => Self::Conflict(conflict.to_string().into()),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => error.into(),
            other => Self::Internal(Box::new(other)),
        }
    }
}
