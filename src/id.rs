//! Identifiers of stored things: UUID version 7 (RFC 9562), one type per noun, so that a user's id
//! cannot be passed where a credential's is wanted. Time-ordered, which keeps inserts at the end of an index.
//! Not secrets: knowing an id opens nothing.

use crate::spelled::spelled;
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Before and after every other, for ranges.
            pub const FIRST: Self = Self(Uuid::nil());
            pub const LAST: Self = Self(Uuid::max());

            /// A new id, later in order than every one made before it in this process.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        spelled! { $name: "uuid", "" }
    )*};
}

ids! {
    UserId,
    OrganizationId,
    /// A project of a user or of an organization.
    ProjectId,
    /// A personal access token's row; its digest is what authenticates.
    TokenId,
    /// A provider credential; lasts over its versions.
    CredentialId,
    /// A submission: one attempt of a caller's to have something run.
    SubmissionId,
    QuotaId,
    /// Somebody's being signed in at the page; what is in their cookie is another thing.
    SessionId,
    /// A link by which somebody joins an organization; what opens it is another thing.
    InvitationId,
    /// One run of `serve`.
    ProcessId,
    /// What waits for its place in the audit trail.
    NoteId,
    WebhookId,
    /// One message to one webhook, however often it is sent.
    DeliveryId,
}
