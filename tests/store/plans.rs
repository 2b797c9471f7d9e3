//! Tables that grow without end are never read from end to end.

use crate::{on_both, place::Place};
use bellhop::store::Address;
use sqlx::{AssertSqlSafe, Connection, Row};

const GROWING: [&str; 4] = ["things", "submissions", "usage", "reservations"];

on_both! {
    async fn whatever_is_asked_about_jobs_is_answered_from_an_index(place: &Place) {
        let steps = match &place.address {
            Address::Sqlite(path) => sqlite(&crate::place::url_of(path), &place.store.texts_about_jobs()).await,
            Address::Postgres(url) => postgres(url.expose(), &place.store.texts_about_jobs()).await,
        };
        assert!(steps.len() > 100);
        for (step, sql) in steps {
            let reads_all = GROWING.iter().any(|table| step.contains(&format!("Seq Scan on {table}")))
                || ["SCAN t", "SCAN s", "SCAN things", "SCAN submissions"].iter().any(|scan| step == *scan);
            assert!(!reads_all, "{step}\n{sql}");
            assert!(!is_wide(&step, &sql), "more than what is asked for is read: {step}\n{sql}");
            assert_ne!(step, "USE TEMP B-TREE FOR ORDER BY", "all rows before the first\n{sql}");
            let reads_submissions = sql.contains("FROM submissions t")
                && ["SCAN t ", "SEARCH t ", "submissions t"].iter().any(|reads| step.contains(reads));
            for state in ["unknown", "open"].iter().filter(|state| sql.contains(&format!("t.state = '{state}'"))) {
                let few = format!("{state}_submissions");
                assert!(!reads_submissions || step.contains(&few), "all of them for the few that are {state}: {step}\n{sql}");
            }
        }
    }
}

on_both! {
    async fn whatever_is_asked_about_the_trail_is_answered_from_an_index(place: &Place) {
        let texts = place.store.texts_about_the_trail();
        let steps = match &place.address {
            Address::Sqlite(path) => sqlite(&crate::place::url_of(path), &texts).await,
            Address::Postgres(url) => postgres(url.expose(), &texts).await,
        };
        assert!(steps.len() >= texts.len());
        for (step, sql) in steps {
            assert!(step != "SCAN t" && !step.contains("Seq Scan"), "{step}\n{sql}");
            assert_ne!(step, "USE TEMP B-TREE FOR ORDER BY", "all rows before the first\n{sql}");
            for by in ["actor", "subject", "action"] {
                let is_wide = step.starts_with("SEARCH t ") && !step.contains(&format!("{by}=?"));
                assert!(!sql.contains(&format!("t.{by} = ?")) || !is_wide, "{step}\n{sql}");
            }
        }
    }
}

/// As SQLite says it: what is narrowed down to somebody is looked up by whose it is.
fn is_wide(step: &str, sql: &str) -> bool {
    let is_narrowed =
        ["t.user_id = ?", "t.organization_id = ?", "t.credential_id = ?"].iter().any(|by| sql.contains(by));
    is_narrowed && (step.starts_with("SCAN t ") || step.starts_with("SEARCH t ")) && !step.contains("_id=?")
}

async fn sqlite(url: &str, texts: &[String]) -> Vec<(String, String)> {
    let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
    let mut steps = Vec::new();
    for sql in texts {
        let rows =
            sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&mut connection).await.unwrap();
        steps.extend(rows.iter().map(|row| (row.get::<String, _>("detail"), sql.clone())));
    }
    steps
}

/// An empty table would be read whole; what is asked is whether there is another way.
async fn postgres(url: &str, texts: &[String]) -> Vec<(String, String)> {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let set = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    sqlx::raw_sql(set).execute(&mut connection).await.unwrap();
    let mut steps = Vec::new();
    for (n, sql) in texts.iter().enumerate() {
        let most = (1..=99).take_while(|parameter| sql.contains(&format!("${parameter}"))).count();
        let values = match vec!["NULL"; most].join(", ") {
            none if none.is_empty() => none,
            values => format!("({values})"),
        };
        sqlx::raw_sql(AssertSqlSafe(format!("PREPARE q{n} AS {sql}"))).execute(&mut connection).await.unwrap();
        let explain = format!("EXPLAIN EXECUTE q{n}{values}");
        let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
        steps.extend(rows.iter().map(|row| (row.get::<String, _>(0), sql.clone())));
    }
    steps
}
