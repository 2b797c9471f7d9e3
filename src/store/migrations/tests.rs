use super::{outlook::contract, *};
use crate::store::Address;
use std::path::Path;

/// A database of its own.
struct Place {
    dialect: Dialect,
    options: AnyConnectOptions,
    _folder: tempfile::TempDir,
    /// The server and the database's name there.
    server: Option<(String, String)>,
}

impl Place {
    fn sqlite() -> Self {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse(None, folder.path()).unwrap();
        address.prepare().unwrap();
        Self { dialect: Dialect::Sqlite, options: address.options().unwrap(), _folder: folder, server: None }
    }

    /// `None` where there is no server to test with.
    async fn postgres() -> Option<Self> {
        sqlx::any::install_default_drivers();
        let Ok(server) = std::env::var("BELLHOP_TEST_POSTGRES") else {
            println!("skipped: BELLHOP_TEST_POSTGRES names no PostgreSQL server");
            return None;
        };
        let name = format!("bellhop_test_{}", uuid::Uuid::now_v7().simple());
        execute_at(&server, format!("CREATE DATABASE {name}")).await;
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let (dialect, options, server) = (Dialect::Postgres, url.parse().unwrap(), Some((server, name)));
        Some(Self { dialect, options, _folder: tempfile::tempdir().unwrap(), server })
    }

    async fn connect(&self) -> AnyConnection {
        connect(&self.options, self.dialect).await.unwrap()
    }

    /// As a program does that knows these steps.
    async fn open(&self, list: &'static [Migration]) -> Result<()> {
        expand(&mut self.connect().await, self.dialect, list).await
    }

    async fn contract(&self, list: &'static [Migration]) -> Contracted {
        contract(&mut self.connect().await, self.dialect, list).await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connect().await).await.unwrap();
    }

    async fn taken(&self) -> Vec<i64> {
        taken(&mut self.connect().await, self.dialect).await.unwrap().into_iter().collect()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }

    async fn remove(self) {
        if let Some((server, name)) = self.server {
            execute_at(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn execute_at(server: &str, sql: String) {
    let mut connection = AnyConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

macro_rules! on_both {
    ($(async fn $name:ident($place:ident: &Place) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn holds($place: &Place) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                holds(&Place::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                let Some(place) = Place::postgres().await else { return };
                holds(&place).await;
                place.remove().await;
            }
        }
    )*};
}

/// This program's steps, and then these.
fn and_then(more: &[Migration]) -> &'static [Migration] {
    Box::leak([MIGRATIONS, more].concat().into())
}

const fn step(kind: Kind, sql: &'static str) -> Migration {
    Migration { name: "of_a_test", kind, sql }
}

const WIDER: Migration = step(Kind::Expand, "ALTER TABLE notes ADD COLUMN colour TEXT; CREATE TABLE wider (id BIGINT)");
const INDEX: Migration = step(Kind::Index, "CREATE INDEX notes_by_action ON notes (action)");
const NARROWER: Migration = step(Kind::Contract, "DROP TABLE spent_sign_ins");

fn now() -> i64 {
    Clock::system().now().millis()
}

on_both! {
    async fn what_expands_is_taken_by_whoever_opens_and_what_contracts_is_not(place: &Place) {
        place.open(MIGRATIONS).await.unwrap();
        place.execute(&format!("INSERT INTO processes (id, seen, knows) VALUES ('old', {}, {KNOWN})", now())).await;
        let list = and_then(&[WIDER, NARROWER, INDEX]);

        place.open(list).await.unwrap();

        assert_eq!(place.taken().await, (1..=KNOWN + 3).filter(|n| *n != KNOWN + 2).collect::<Vec<_>>());
        assert!(place.contract(list).await.taken.is_empty());
        place.execute("SELECT digest FROM spent_sign_ins").await;
        assert!(matches!(place.open(MIGRATIONS).await, Err(StoreError::Newer { .. })));
    }

    async fn a_contraction_waits_for_each_process_that_does_not_know_it(place: &Place) {
        let list = and_then(&[NARROWER]);
        place.open(MIGRATIONS).await.unwrap();
        for (id, knows) in [("silent", "NULL".into()), ("old", KNOWN.to_string()), ("new", (KNOWN + 1).to_string())] {
            place.execute(&format!("INSERT INTO processes (id, seen, knows) VALUES ('{id}', {}, {knows})", now())).await;
        }
        let long_ago = now() - 61_000;
        place.execute(&format!("INSERT INTO processes (id, seen) VALUES ('dead', {long_ago})")).await;

        let held = place.contract(list).await;
        assert_eq!(held.held[0].held_by, ["old", "silent"]);
        assert!(held.taken.is_empty());
        place.execute("SELECT digest FROM spent_sign_ins").await;

        place.execute("DELETE FROM processes WHERE id IN ('old', 'silent')").await;
        let done = place.contract(list).await;
        assert_eq!((done.taken, done.held), (vec![NARROWER.name], Vec::new()));
        assert_eq!(place.taken().await.last(), Some(&(KNOWN + 1)));
    }

    async fn many_who_open_at_once_take_each_step_once(place: &Place) {
        place.open(MIGRATIONS).await.unwrap();
        let list = and_then(&[WIDER, INDEX]);
        let opened = (0..6).map(|_| place.open(list));
        for opened in futures_util::future::join_all(opened).await {
            opened.unwrap();
        }
        assert_eq!(place.taken().await, (1..=KNOWN + 2).collect::<Vec<_>>());
    }

    async fn a_step_that_fails_leaves_nothing_and_is_taken_the_next_time(place: &Place) {
        const BROKEN: Migration = step(Kind::Expand, "CREATE TABLE half (id BIGINT); SELECT nothing FROM nowhere");
        const WHOLE: Migration = step(Kind::Expand, "CREATE TABLE half (id BIGINT)");
        place.open(MIGRATIONS).await.unwrap();
        place.open(and_then(&[WIDER, BROKEN])).await.unwrap_err();
        assert_eq!(place.taken().await.last(), Some(&(KNOWN + 1)), "what came before it stays");
        place.open(and_then(&[WIDER, WHOLE])).await.unwrap();
        assert_eq!(place.taken().await.last(), Some(&(KNOWN + 2)));
    }

    async fn a_new_store_is_made_whole(place: &Place) {
        place.open(and_then(&[WIDER, NARROWER, INDEX])).await.unwrap();
        assert_eq!(place.taken().await.len() as i64, KNOWN + 3);
    }
}

/// Somebody writes all the time, and another builds an index: neither waits for the other.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_built_beside_a_transaction_that_writes() {
    let Some(place) = Place::postgres().await else { return };
    place.open(MIGRATIONS).await.unwrap();
    let mut writer = place.connect().await;
    let mut writing = writer.begin().await.unwrap();
    sqlx::raw_sql("INSERT INTO notes VALUES ('1', 1, 'ada', 'a', 's', 'd')").execute(&mut *writing).await.unwrap();

    let list = and_then(&[INDEX]);
    let (options, dialect) = (place.options.clone(), place.dialect);
    let building =
        tokio::spawn(async move { expand(&mut connect(&options, dialect).await.unwrap(), dialect, list).await });
    const WAITS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'";
    while place.count(WAITS).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // While the build waits for that transaction, others write, and who opens the store goes on without the index.
    place.execute("SET lock_timeout = '5s'; INSERT INTO notes VALUES ('2', 1, 'ada', 'a', 's', 'd')").await;
    place.open(list).await.unwrap();
    assert_eq!(place.taken().await.last(), Some(&KNOWN));
    writing.commit().await.unwrap();
    building.await.unwrap().unwrap();
    assert_eq!(place.taken().await.last(), Some(&(KNOWN + 1)));
    drop(writer);
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_left_half_built_is_built_anew() {
    let Some(place) = Place::postgres().await else { return };
    place.open(MIGRATIONS).await.unwrap();
    place.execute("INSERT INTO notes VALUES ('1', 1, 'ada', 'a', 's', 'd'), ('2', 1, 'ada', 'a', 's', 'd')").await;
    let left = "CREATE UNIQUE INDEX CONCURRENTLY notes_by_action ON notes (action)";
    sqlx::raw_sql(left).execute(&mut place.connect().await).await.unwrap_err();

    place.open(and_then(&[INDEX])).await.unwrap();

    const GOOD: &str = "SELECT COUNT(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                        WHERE c.relname = 'notes_by_action' AND i.indisvalid AND NOT i.indisunique";
    assert_eq!(place.count(GOOD).await, 1);
    place.remove().await;
}

/// A step gives up its place in the queue, so that who stands behind it gets through, and comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_lets_others_through_while_it_waits_for_a_lock() {
    let Some(place) = Place::postgres().await else { return };
    place.open(MIGRATIONS).await.unwrap();
    let mut reader = place.connect().await;
    let mut reading = reader.begin().await.unwrap();
    sqlx::raw_sql("SELECT * FROM notes").execute(&mut *reading).await.unwrap();

    let list = and_then(&[WIDER]);
    let (options, dialect) = (place.options.clone(), place.dialect);
    let stepping =
        tokio::spawn(async move { expand(&mut connect(&options, dialect).await.unwrap(), dialect, list).await });
    const WAITS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND query LIKE 'ALTER TABLE notes%' AND wait_event_type = 'Lock'";
    while place.count(WAITS).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    place.execute("SET lock_timeout = '8s'; INSERT INTO notes VALUES ('2', 1, 'ada', 'a', 's', 'd')").await;
    reading.commit().await.unwrap();
    stepping.await.unwrap().unwrap();
    drop(reader);
    place.remove().await;
}

/// What is an expansion and what is an index is held to its word from the first version on that may meet an older one.
#[test]
fn a_step_is_what_its_kind_says() {
    const BEFORE_KINDS: usize = 13;
    for migration in MIGRATIONS.iter().skip(BEFORE_KINDS) {
        let (name, words) = (migration.name, statements(migration.sql));
        match migration.kind {
            Kind::Index => {
                assert_eq!(words.len(), 1, "{name} is one statement");
                index::parts(migration.sql).unwrap();
            }
            Kind::Expand => {
                let made: Vec<&str> =
                    words.iter().filter_map(|s| s.strip_prefix("CREATE TABLE ")?.split(' ').next()).collect();
                for statement in &words {
                    assert_expands(name, statement, &made);
                }
            }
            Kind::Contract => {}
        }
    }
}

fn assert_expands(name: &str, statement: &str, made: &[&str]) {
    for word in ["DROP ", "RENAME ", "SET NOT NULL", "ALTER COLUMN", "DELETE "] {
        assert!(!statement.contains(word), "{name} takes something away: {statement}");
    }
    if statement.contains("ADD COLUMN") && statement.contains("NOT NULL") {
        assert!(statement.contains("DEFAULT"), "{name}: an older program leaves the column out: {statement}");
    }
    if statement.starts_with("CREATE INDEX") || statement.starts_with("CREATE UNIQUE INDEX") {
        let on = statement.split(" ON ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert!(made.contains(&on), "{name}: an index on a table that is there already is a step of its own kind");
    }
}

fn statements(sql: &str) -> Vec<String> {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    lines
        .join("\n")
        .split(';')
        .map(|s| s.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|s| !s.is_empty())
        .collect()
}

#[test]
fn every_file_of_a_step_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".sql")?.to_owned()))
        .collect();
    files.sort();
    assert_eq!(files, MIGRATIONS.iter().map(|migration| migration.name).collect::<Vec<_>>());
}
