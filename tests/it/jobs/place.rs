//! Where the record of jobs is kept: each story is told on both databases.

use crate::support::{Site, postgres::Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

pub enum Place {
    Sqlite,
    Postgres(Postgres),
}

/// Nothing can be written for as long as this lasts; on PostgreSQL nothing can be read either.
pub enum Outage<'p> {
    /// Somebody else writes and does not come to an end, as a backup that hangs.
    Locked(SqliteConnection),
    Cut(&'p Postgres),
}

impl Place {
    /// `None` where there is no server to test with.
    pub async fn postgres() -> Option<Self> {
        Postgres::fresh().await.map(Self::Postgres)
    }

    pub fn hold(&self, site: Site) -> Site {
        match self {
            Self::Sqlite => site,
            Self::Postgres(postgres) => site.set("store.url", postgres.url()),
        }
    }

    /// What is in the audit trail of such actions, by what they were done to.
    pub async fn audited(&self, site: &Site, action: &str) -> Vec<String> {
        const SUBJECTS: &str = "SELECT subject FROM audit WHERE action = $1 ORDER BY seq";
        match self {
            Self::Sqlite => sqlx::query_scalar(SUBJECTS).bind(action).fetch_all(&mut beside(site).await).await.unwrap(),
            Self::Postgres(postgres) => {
                let mut connection = PgConnection::connect(&postgres.direct_url()).await.unwrap();
                sqlx::query_scalar(SUBJECTS).bind(action).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// By somebody who writes to the database as they like.
    pub async fn execute(&self, site: &Site, statements: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        match self {
            Self::Sqlite => {
                statements.execute(&mut beside(site).await).await.unwrap();
            }
            Self::Postgres(postgres) => {
                let mut connection = PgConnection::connect(&postgres.direct_url()).await.unwrap();
                statements.execute(&mut connection).await.unwrap();
            }
        }
    }

    pub async fn number(&self, site: &Site, question: &'static str) -> i64 {
        match self {
            Self::Sqlite => sqlx::query_scalar(question).fetch_one(&mut beside(site).await).await.unwrap(),
            Self::Postgres(postgres) => {
                let mut connection = PgConnection::connect(&postgres.direct_url()).await.unwrap();
                sqlx::query_scalar(question).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    pub async fn fail(&self, site: &Site) -> Outage<'_> {
        match self {
            Self::Sqlite => {
                let mut connection = beside(site).await;
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Outage::Locked(connection)
            }
            Self::Postgres(postgres) => {
                postgres.cut();
                Outage::Cut(postgres)
            }
        }
    }

    pub async fn remove(self) {
        if let Self::Postgres(postgres) = self {
            postgres.drop_database().await;
        }
    }
}

/// Another one who uses the file.
async fn beside(site: &Site) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", site.data().join("bellhop.db").display())).await.unwrap()
}

impl Outage<'_> {
    pub async fn end(self) {
        match self {
            Self::Locked(connection) => connection.close().await.unwrap(),
            Self::Cut(postgres) => postgres.restore(),
        }
    }
}

/// One story on each database, as two tests.
macro_rules! on_both {
    (async fn $name:ident($place:ident: &Place) $body:block) => {
        mod $name {
            use super::*;

            async fn story($place: &Place) $body

            #[tokio::test]
            async fn on_sqlite() {
                story(&Place::Sqlite).await;
            }

            // The line to the database must go on while a Bellhop is waited for.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(place) = Place::postgres().await else { return };
                story(&place).await;
                place.remove().await;
            }
        }
    };
}
pub(crate) use on_both;
