//! Jobs, usage, home and the trail, with enough in them to be looked at.

use super::{Window, sign_in};
use crate::management::cast::Cast;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

/// What was used on other days, and jobs of them: nobody can wait for that.
async fn age(cast: &Cast) {
    let file = format!("sqlite://{}", cast.bellhop.data().join("bellhop.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    const USAGE: &str = "INSERT INTO usage (day, organization_id, project_id, user_id, token_id, credential_id, provider, target, jobs, shots, qpu_us, micros) \
         SELECT u.day - n.n * 86400000, u.organization_id, ";
    let projects = cast.get(&cast.iris, "/projects?of=acme").await.items();
    let mut sql = String::new();
    for (place, (provider, target)) in [
        ("ionq", "qpu.aria-1"),
        ("ibm", "ibm_fez"),
        ("iqm", "garnet"),
        ("braket", "rigetti.ankaa"),
        ("dwave", "advantage2"),
    ]
    .iter()
    .enumerate()
    {
        let project = projects.get(place % (projects.len() + 1)).map_or("", |project| project["id"].as_str().unwrap());
        sql.push_str(&format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 27) {USAGE} '{project}', u.user_id, \
             u.token_id, u.credential_id, '{provider}', '{target}', (n.n * {a} + {b}) % 17 + 2, ((n.n * {a} + {b}) % 17 + 2) * 1000, \
             ((n.n * {a} + {b}) % 17 + 2) * 1250000, ((n.n * {a} + {b}) % 17 + 2) * 300000 \
             FROM usage u, n WHERE u.provider = 'ionq' AND u.target = 'qpu' AND (n.n + {place}) % 7 NOT IN (2, 3);",
            a = place * 5 + 3,
            b = place * 7,
        ));
    }
    sql.push_str(
        "UPDATE things SET ended = 'completed', ended_at = created + 95000, status = 'completed', target = 'qpu.aria-1', qpu_us = 1500000, micros = 1300000 WHERE id LIKE '%2' OR id LIKE '%4' OR id LIKE '%5';\
         UPDATE things SET ended = 'failed', ended_at = created + 4000, status = 'failed' WHERE id LIKE '%3';\
         UPDATE things SET status = 'running' WHERE id LIKE '%6';\
         UPDATE things SET created = created - 3600000 * (8 - CAST(substr(id, 5) AS INTEGER)) WHERE kind = 'job';",
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn furnished() -> (Cast, crate::support::Upstream) {
    let (cast, ionq) = Cast::with_jobs().await;
    cast.add_project("chemistry", &["alan", "grace"]).await;
    for _ in 0..7 {
        cast.job_of_alan().await;
    }
    cast.lost_by_alan().await;
    age(&cast).await;
    (cast, ionq)
}

#[tokio::test]
async fn jobs_are_found_opened_and_cancelled() {
    let (cast, _ionq) = furnished().await;
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "grace").await;

    window.open("/jobs").await;
    window.until_reads("No job yet").await;
    window.look("jobs-empty").await;
    window.open("/jobs?of=acme").await;
    window.until_reads("Of unknown fate").await;
    window.look("jobs").await;
    window.follow("job/7").await;
    window.until_reads("Give to somebody").await;
    window.look("job").await;
    window.follow("Give to somebody").await;
    window.look("job-adopt").await;
    window.fill("to", "alan").await;
    window.press("Give it to them").await;
    window.until_reads("the job is theirs").await;
    window.follow("Cancel").await;
    window.until_reads("It is alan’s job").await;
    window.look("job-cancel").await;
    window.press("Cancel the job").await;
    window.until_reads("has taken the cancel").await;

    let lost = cast.get(&cast.grace, "/submissions?organization=acme&state=unknown").await.items().remove(0);
    window.open(&format!("/submissions/{}", lost["id"].as_str().unwrap())).await;
    window.until_reads("Look for it at ionq").await;
    window.look("lost").await;
    window.follow("It never arrived …").await;
    window.look("lost-refuse").await;
    window.press("It never arrived").await;
    window.until_reads("Settled").await;
    window.close().await;
}

#[tokio::test]
async fn usage_is_a_picture_in_light_and_dark_wide_and_narrow() {
    let (cast, _ionq) = furnished().await;
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "grace").await;
    window.open("/usage").await;
    window.until_reads("No job was submitted").await;
    window.look("usage-empty").await;
    window.open("/usage?of=acme&by=provider&measure=shots&when=30-days").await;
    window.until_reads("Shots · Provider · per day").await;
    window.look("usage").await;
    window.open("/usage?of=acme&by=project&measure=cost&when=12-months").await;
    window.until_reads("per month").await;
    window.look("usage-months").await;
    window.open("/usage?of=acme&when=dates&from=2026-03-02&to=2026-03-01").await;
    window.until_reads("not before the first one").await;
    window.look("usage-refused").await;
    window.close().await;
}

#[tokio::test]
async fn home_and_the_trail_tell_an_administrator_everything() {
    let (cast, _ionq) = furnished().await;
    let quota = json!({ "context": "acme", "measure": "jobs", "period": "month", "limit": "8" });
    assert_eq!(cast.put(&cast.ada, "/quotas", &quota).await.status, 200);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let token = json!({ "name": "lab-notebook", "expires": soon.to_string() });
    assert_eq!(cast.post(&cast.alan, "/tokens", &token).await.status, 201);
    let Some(window) = Window::at(&cast.bellhop).await else { return };
    sign_in(&window, &cast, "alan").await;
    window.open("/").await;
    window.until_reads("Needs attention").await;
    window.look("home-member").await;
    window.press("Sign out").await;
    window.until_reads("Sign in").await;
    sign_in(&window, &cast, "iris").await;
    window.open("/").await;
    window.until_reads("Everybody’s jobs this month").await;
    window.look("home-admin").await;
    window.open("/audit").await;
    window.until_reads("Set a quota").await;
    window.look("audit").await;
    window.follow("Verify").await;
    window.press("Verify the trail").await;
    window.until_reads("intact").await;
    window.look("audit-verified").await;
    window.close().await;
}
