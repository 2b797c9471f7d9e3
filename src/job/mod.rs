//! Jobs as facts: submissions, the things that they bring into being at a provider, who may reach which, what was counted.
//! Owns nothing: the store keeps them, `jobs` writes them down, `proxy` asks before it forwards.
//! Never does I/O.

pub mod entry;
pub mod quota;
pub mod reach;

use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, ProcessId, ProjectId, SubmissionId, TokenId, UserId},
};
use aws_lc_rs::digest::{Context, SHA256};
use std::{fmt, str::FromStr};

/// Something that a provider keeps for somebody: a job, a session, an upload, by the provider's own id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Thing {
    /// The preset's word for it: `job`, `session`, `upload` …
    pub kind: Box<str>,
    pub id: Box<str>,
}

/// The kind that is counted; the others belong to it or prepare it.
pub const JOB: &str = "job";

/// A part of a job with an id of its own, as it stands on record: counted with the job, and named as one.
pub const PART: &str = "part";

/// A longer text is no id: what cannot be put on record cannot be given out.
pub const LONGEST_ID: usize = 4096;

/// A thing's place on record: the SHA-256 of its provider, kind and id, each with its length before it.
/// Ids may be as long as the provider likes, an index may not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThingKey([u8; 32]);

impl ThingKey {
    pub fn new(provider: &str, thing: &Thing) -> Self {
        Self::of(&[provider, &thing.kind, &thing.id])
    }

    /// The key that a client makes so that a repetition is known for one (`clientToken`), of this provider and account.
    pub fn of_repetition(provider: &str, account: &str, key: &str) -> Self {
        Self::of(&[provider, account, "repetition", key])
    }

    fn of(parts: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        Self(key)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ThingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThingKey({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// In whose name something is submitted, and what pays for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payer {
    pub user: UserId,
    pub token: TokenId,
    pub credential: CredentialId,
    pub version: u32,
    /// Whose members share the credential; `None` for a user's own.
    pub organization: Option<OrganizationId>,
    /// The project that the submission belongs to, of the organization or of the user.
    pub project: Option<ProjectId>,
    pub provider: Box<str>,
    /// Whom the provider sees.
    pub account: Box<str>,
}

/// What became of a submission.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = SubmissionState)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// On record, and perhaps on its way.
    Open,
    /// The provider took it, and what it made is on record.
    Bound,
    /// The provider said no.
    Refused,
    /// No byte of it left.
    NotSent,
    /// A byte had left, and nobody knows what came of it: a crash, a timeout, a connection that broke.
    Unknown,
}

impl State {
    /// Nobody knows yet, or ever, what came of it: it keeps what it holds.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Open | Self::Unknown)
    }

    /// It came, or may yet come, to something: nobody else may use its marks.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Unknown | Self::Bound)
    }
}

/// A submission, put on record before its first byte leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    pub id: SubmissionId,
    pub process: ProcessId,
    pub at: Timestamp,
    pub payer: Payer,
    /// The operation's name in the preset.
    pub operation: Box<str>,
    /// The client's own mark by which a repetition is known.
    pub repetition: Option<ThingKey>,
    /// Things whose ids the client makes: taken before anything is sent.
    pub makes: Box<[Made]>,
    /// What it asks for, as far as the request says; held against quotas.
    pub asks: Amounts,
    pub target: Option<Box<str>>,
}

/// A thing that came into being.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    pub thing: Thing,
    /// The thing that it belongs to.
    pub parent: Option<ThingKey>,
    pub figures: Figures,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Amounts {
    pub jobs: u64,
    pub shots: u64,
    /// QPU time, in microseconds.
    pub qpu_us: u64,
    /// Money, in millionths of the configured currency.
    pub micros: u64,
}

/// What an answer says of a thing; `None` is what it does not say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// In the provider's own words.
    pub status: Option<Box<str>>,
    pub ended: Option<Ended>,
    pub target: Option<Box<str>>,
    pub shots: Option<u64>,
    pub qpu_us: Option<u64>,
    pub micros: Option<u64>,
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    Completed,
    Failed,
    Cancelled,
}

/// A thing on record, as far as it matters to who may reach it and with what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub key: ThingKey,
    pub account: Box<str>,
    pub submission: SubmissionId,
    /// Whose it is; the first recorder, or who adopted it.
    pub owner: UserId,
    pub organization: Option<OrganizationId>,
    /// What made it, and what is asked about it with.
    pub credential: CredentialId,
    pub ended: Option<Ended>,
}

macro_rules! words {
    ($name:ident: $what:literal { $($variant:ident = $word:literal),* }) => {
        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    other => Err(format!(concat!("`{}` is no ", $what), other.escape_debug())),
                }
            }
        }
    };
}
use words;

words!(State: "state of a submission" {
    Open = "open", Bound = "bound", Refused = "refused", NotSent = "not_sent", Unknown = "unknown"
});
words!(Ended: "way in which a job ends" { Completed = "completed", Failed = "failed", Cancelled = "cancelled" });

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> Thing {
        Thing { kind: JOB.into(), id: id.into() }
    }

    #[test]
    fn a_key_tells_apart_what_joins_to_the_same_text() {
        let session = Thing { kind: "jo".into(), id: "b1".into() };
        assert_ne!(ThingKey::new("ionq", &job("1")), ThingKey::new("ionq", &session));
        assert_ne!(ThingKey::new("ionq", &job("a")), ThingKey::new("ionqj", &job("a")));
        assert_ne!(ThingKey::new("ionq", &job("A")), ThingKey::new("ionq", &job("a")));
        assert_eq!(ThingKey::new("ionq", &job("a/ü%2F")), ThingKey::new("ionq", &job("a/ü%2F")));
    }

    #[test]
    fn words_read_what_they_print() {
        for state in [State::Open, State::Bound, State::Refused, State::NotSent, State::Unknown] {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        assert!("Open".parse::<State>().is_err());
    }
}
