//! Where a contract test runs: a new SQLite file, or a new database of the PostgreSQL server that
//! `BELLHOP_TEST_POSTGRES` names. Without that variable the second half says that it was skipped, and why.

use bellhop::{
    clock::Timestamp,
    secret::Secret,
    store::{Actor, Address, AuditEntry, Signer, Store, Tx},
};
use sqlx::Connection;
use std::{path::Path, sync::Arc};

pub const NOW: Timestamp = Timestamp::from_millis(1_793_000_000_000);

pub struct Place {
    pub store: Store,
    pub address: Address,
    _folder: Option<tempfile::TempDir>,
    database: Option<(String, String)>,
}

/// Chains by a sum that anybody could compute: the store does not care.
pub struct Sum;

impl Signer for Sum {
    fn mac(&self, link: &[u8]) -> String {
        format!("{:08x}", crc32fast::hash(link))
    }
}

impl Place {
    pub async fn sqlite() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = sqlite_in(folder.path());
        Some(Self { store: Store::open(&address).await.unwrap(), address, _folder: Some(folder), database: None })
    }

    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("BELLHOP_TEST_POSTGRES") else {
            println!("skipped: BELLHOP_TEST_POSTGRES names no PostgreSQL server");
            return None;
        };
        let name = format!("bellhop_test_{}", uuid::Uuid::now_v7().simple());
        run(&server, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        let address = Address::Postgres(Secret::new(format!("{base}/{name}")));
        let store = Store::open(&address).await.unwrap();
        Some(Self { store, address, _folder: None, database: Some((server, name)) })
    }

    /// Begins a write that has its audit entry already.
    pub async fn write(&self) -> Tx {
        let mut tx = self.store.write(Arc::new(Sum), NOW).await.unwrap();
        tx.record(AuditEntry::new(&Actor::System, "test.made", "it"));
        tx
    }

    /// As somebody does who can write to the database.
    pub async fn tamper(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.address {
            Address::Sqlite(path) => {
                let mut connection = sqlx::SqliteConnection::connect(&url_of(path)).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Address::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(url.expose()).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    pub async fn remove(self) {
        self.store.close().await;
        if let Some((server, name)) = self.database {
            run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

pub fn sqlite_in(folder: &Path) -> Address {
    Address::parse(None, &folder.join("a folder? 100% #new")).unwrap()
}

pub fn url_of(path: &Path) -> String {
    let escaped: String = path
        .to_str()
        .unwrap()
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"/._-".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    format!("sqlite://{escaped}")
}

async fn run(server: &str, sql: &str) {
    let mut connection = sqlx::postgres::PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// One test on each database.
#[macro_export]
macro_rules! on_both {
    ($(#[$doc:meta])* async fn $name:ident($place:ident: &Place) $body:block) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn holds($place: &Place) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                let place = Place::sqlite().await.unwrap();
                holds(&place).await;
                place.remove().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                let Some(place) = Place::postgres().await else { return };
                holds(&place).await;
                place.remove().await;
            }
        }
    };
}

/// One measurement on each database, only when asked for.
#[macro_export]
macro_rules! on_both_ignored {
    (async fn $name:ident($place:ident: &Place) $body:block) => {
        mod $name {
            use super::*;

            async fn measure($place: &Place) $body

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "measures, asserts no time, takes minutes: see the head of speed.rs for how to run it"]
            async fn on_sqlite() {
                let place = Place::sqlite().await.unwrap();
                measure(&place).await;
                place.remove().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "measures, asserts no time, takes minutes: see the head of speed.rs for how to run it"]
            async fn on_postgres() {
                let Some(place) = Place::postgres().await else { return };
                measure(&place).await;
                place.remove().await;
            }
        }
    };
}
