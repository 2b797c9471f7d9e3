//! Everything durable: one SQL store, SQLite for one machine or PostgreSQL for many replicas, told the same statements.
//! Owns the connections and the schema; what callers keep is a cache, and [`Changes`] says what to drop from it.
//! Never decrypts, never judges who may do what, and never puts a value into an error.
//!
//! Why control writes take turns: a change, its audit entry and its change-log row commit together, and the log's
//! numbers must be in the order of commits, or a follower that has seen 12 would skip an 11 that commits later.
//! The numbers come from one row, locked last; data-plane writes (`touch`) never take it.

#[macro_use]
mod fragments;

mod address;
mod adoption;
mod answers;
mod audit;
mod bell;
mod census;
mod changes;
mod credentials;
mod deliveries;
mod dialect;
mod error;
mod exchanges;
mod figures;
mod file;
mod head;
mod holder;
mod identities;
mod insert;
mod invitations;
mod jobs;
mod keys;
mod leases;
mod leaving;
mod ledger;
mod listing;
mod migrations;
mod notes;
mod offers;
mod organizations;
mod plans;
mod probes;
mod processes;
mod projects;
mod quotas;
mod rates;
mod row;
mod sessions;
mod since;
mod sources;
mod statement;
mod tokens;
mod tx;
mod usage;
mod users;
mod webhooks;

pub use address::Address;
pub use answers::AnswerRow;
pub use audit::{Actor, AuditEntry, AuditFilter, AuditPlace, AuditRow, PrunedRow, Signer};
pub use bell::{Bell, Woken};
pub use census::Census;
pub use changes::{Change, Changes, Logged, Place, Watch};
pub use credentials::{
    CredentialChange, CredentialFilter, CredentialRow, NewCredential, NewVersion, PlainFields, Purses, Restriction,
};
pub use deliveries::{Attempt, Delivered, DeliveryRow, Happened};
pub use error::{Conflict, Result, StoreError};
pub use exchanges::ExchangeRow;
pub use figures::{Figures, Question};
pub use file::{Alone, LONGEST_LOG, Room};
pub use identities::IdentityRow;
pub use invitations::InvitationRow;
pub use keys::{KeyRow, Purpose, Reseal, SigningKeyRow};
pub use leases::{Fence, LeaseRow};
pub use listing::{JobFilter, JobPlace, JobRow, PayerRow, Progress, SubmissionFilter, SubmissionRow, Whose};
pub use migrations::{Contracted, Outlook, Pending, Running};
pub use offers::SealedVersion;
pub use organizations::{MemberRow, NewOrganization, OrganizationChange, OrganizationRow, RoleRow, Size};
pub use probes::{ProbeRow, Verdict};
pub use processes::{Beat, ProcessRow, Silent};
pub use projects::{NewProject, ProjectMemberRow, ProjectOf, ProjectRow};
pub use quotas::{QuotaRow, QuotasOf};
pub use rates::{RateAnswer, RateAsk};
pub use sessions::{LinkPurpose, LinkRow, SessionRow};
pub use since::{Comeback, InForce};
pub use sources::SourceState;
pub use tokens::{ContextId, NewToken, TokenLimits, TokenRow};
pub use tx::Tx;
pub use usage::{By, UsageFilter, UsageOn, UsageRow};
pub use users::{NewUser, UserChange, UserRow};
pub use webhooks::{Listener, WebhookRow};

use crate::clock::Timestamp;
use dialect::{Access, Dialect};
use sqlx::{Any, AnyConnection, AnyPool, Transaction, any::AnyPoolOptions};
use std::{sync::Arc, time::Duration};

/// The newest version of the schema that this program knows.
pub const SCHEMA: i64 = migrations::KNOWN;

/// A place in the change log: the number of the last change that was seen.
pub type Seq = i64;

/// A handle on the store; clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    /// On SQLite one connection, because SQLite has one writer; the wait is then in here, and fair.
    writers: AnyPool,
    readers: AnyPool,
    dialect: Dialect,
    figures: Arc<Figures>,
    /// On SQLite.
    file: Option<Arc<file::InUse>>,
}

/// What was read, and how far the change log was at that very moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot<T> {
    pub head: Seq,
    pub value: T,
}

/// Who made a row: `apply --prune` removes only what `apply` made, and a sign-in only what one has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    Hand,
    Apply,
    /// An identity provider, by the groups that it lists. Of memberships alone.
    Identity,
}

/// The store as it was at one moment. Ends when dropped.
#[derive(Debug)]
pub struct Reading {
    transaction: Transaction<'static, Any>,
    dialect: Dialect,
}

/// Who asks for a caller has somebody waiting; who writes can wait for another writer.
const READ_WAIT: Duration = Duration::from_secs(3);
const WRITE_WAIT: Duration = Duration::from_secs(10);
const SQLITE_READERS: u32 = 4;
const POSTGRES_READERS: u32 = 16;
const POSTGRES_WRITERS: u32 = 4;

impl Store {
    /// Connects, and brings the schema up to what this program knows; safe when several processes do so at once.
    /// A store that is newer is left as it is and refused.
    pub async fn open(address: &Address) -> Result<Self> {
        sqlx::any::install_default_drivers();
        address.prepare()?;
        let dialect = address.dialect();
        let (readers, writers) = match dialect {
            Dialect::Sqlite => (SQLITE_READERS, 1),
            Dialect::Postgres => (POSTGRES_READERS, POSTGRES_WRITERS),
        };
        let file = address.hold()?.map(Arc::new);
        migrations::run(address.options()?, dialect).await?;
        let readers = pool(address, Access::Read, readers)?;
        let writers = pool(address, Access::Write, writers)?;
        Ok(Self { writers, readers, dialect, file, figures: Arc::default() })
    }

    /// As it is, of whatever version, by who has it alone: for reading, without bringing anything up to date.
    pub fn look_at(address: &Address, _alone: &Alone) -> Result<Self> {
        let (readers, writers) = (pool(address, Access::Read, 1)?, pool(address, Access::Read, 1)?);
        Ok(Self { writers, readers, dialect: address.dialect(), file: None, figures: Arc::default() })
    }

    /// Begins a control write. It waits for its turn, and everything it reads stays as it is until it commits.
    pub async fn write(&self, signer: Arc<dyn Signer>, now: Timestamp) -> Result<Tx> {
        Tx::begin(self, signer, now).await
    }

    /// For a process that is about to write very much: memory for SQLite's pages, and fewer, larger checkpoints.
    /// Digests fall all over their index, and each page of it would be read and written again for every batch.
    pub async fn expect_bulk(&self) -> Result<()> {
        if let Some(words) = self.dialect.bulk() {
            sqlx::raw_sql(words).execute(&self.writers).await?;
        }
        Ok(())
    }

    /// The store at one moment, for reads that must agree with each other.
    pub async fn read(&self) -> Result<Reading> {
        let transaction = self.readers.begin_with(self.dialect.begin_read()).await?;
        Ok(Reading { transaction, dialect: self.dialect })
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<()> {
        self.head().await.map(drop)
    }

    /// Ends all connections; what is under way fails.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

impl Reading {
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Apply => "apply",
            Self::Identity => "identity",
        }
    }
}

impl std::str::FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "hand" => Ok(Self::Hand),
            "apply" => Ok(Self::Apply),
            "identity" => Ok(Self::Identity),
            _ => Err("no origin".into()),
        }
    }
}

/// Connects when it is needed; until then it is only a promise, and the migrations have shown that it can be kept.
fn pool(address: &Address, access: Access, most: u32) -> Result<AnyPool> {
    let dialect = address.dialect();
    let wait = match access {
        Access::Read => READ_WAIT,
        Access::Write => WRITE_WAIT,
    };
    let options = AnyPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(wait)
        .test_before_acquire(dialect == Dialect::Postgres)
        .before_acquire(move |connection, _| Box::pin(async move { Ok(dialect.is_settled(connection)) }))
        .after_connect(move |connection, _| Box::pin(dialect.greet(connection, access)));
    Ok(options.connect_lazy_with(address.options()?))
}

/// The name of what is deleted: of the form of every name, and made of an id, so that nothing else can have it.
fn tombstone(id: impl std::fmt::Display) -> String {
    format!("deleted-{}", id.to_string().replace('-', ""))
}
