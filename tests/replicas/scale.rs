//! What more replicas cost: processor time for each request, and what the store is asked.

use crate::{
    counts,
    figures::{say, tally},
    fleet::{ACME, Fleet},
    load::{Kind, Load},
    provider::Provider,
    soaks,
    support::Bellhop,
};
use sqlx::{Connection, PgConnection};
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// User and system time of a process, in hundredths of a second (proc(5)).
fn cpu(replica: &Bellhop) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", replica.pid())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let field = |at: usize| rest.split_ascii_whitespace().nth(at).unwrap().parse::<u64>().unwrap();
    field(11) + field(12)
}

/// Transactions of this database so far; what is outside of one is one by itself.
async fn asked(connection: &mut PgConnection) -> i64 {
    // What a session has done is told a second later at the latest.
    sleep(Duration::from_millis(1500)).await;
    sqlx::query_scalar(
        "SELECT CAST(xact_commit + xact_rollback AS BIGINT) FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

struct Measured {
    /// Microseconds of all replicas together, for each request.
    cpu: f64,
    /// What the store was asked beyond what it is asked anyway, for a thousand requests.
    asked: f64,
    /// And what it is asked anyway, in a second.
    idle: f64,
}

async fn measure(replicas: usize, rate: f64, span: Duration) -> Option<Measured> {
    let provider = Provider::accepting(&[ACME]).await;
    let fleet = Fleet::of(replicas, &provider, 24, &[]).await?;
    let balancer = fleet.balancer();
    // Two jobs for each, and everything known where it will be asked for.
    let made = Load::begin(&balancer, fleet.habits(48.0, 1));
    while made.asked() < 48 {
        sleep(Duration::from_millis(20)).await;
    }
    let mut habits = fleet.habits(rate, 0);
    for outcome in made.end().await {
        let (name, id) = outcome.job.expect("a job");
        let member: usize = name.split('-').next().unwrap().parse().unwrap();
        habits[member].jobs.push((name, id));
    }
    let warm = Load::begin(&balancer, habits.clone());
    sleep(Duration::from_secs(3)).await;
    drop(warm.end().await);

    let mut store = PgConnection::connect(&fleet.postgres.direct_url()).await.unwrap();
    let (before, began) = (asked(&mut store).await, Instant::now());
    sleep(span).await;
    let (idle, quiet) = (asked(&mut store).await, began.elapsed());
    let idle = (idle - before) as f64 / quiet.as_secs_f64();

    let (before, began) = (asked(&mut store).await, Instant::now());
    let used: u64 = fleet.replicas.iter().map(cpu).sum();
    let load = Load::begin(&balancer, habits);
    sleep(span).await;
    let outcomes = load.end().await;
    let used = fleet.replicas.iter().map(cpu).sum::<u64>() - used;
    let (after, busy) = (asked(&mut store).await, began.elapsed());
    assert!(outcomes.iter().all(|outcome| outcome.status == 200), "{:?}", tally(&outcomes));
    assert!(outcomes.iter().any(|outcome| outcome.kind == Kind::Poll));
    let count = outcomes.len() as f64;
    let asked = ((after - before) as f64 - idle * busy.as_secs_f64()) / count * 1000.0;
    fleet.end().await;
    Some(Measured { cpu: used as f64 * 10_000.0 / count, asked, idle })
}

#[tokio::test]
async fn polls_with_warm_caches_ask_the_store_nothing_however_many_replicas_there_are() {
    let (rate, span) = counts((200.0, Duration::from_secs(3)), (1600.0, Duration::from_secs(20)));
    let mut costs = Vec::new();
    for replicas in counts(vec![2], vec![1, 2, 3, 4]) {
        let Some(Measured { cpu, asked, idle }) = measure(replicas, rate, span).await else { return };
        say(&format!(
            "{replicas} replicas at {rate} requests/s: {cpu:.1} µs of CPU for each request; the store is asked {asked:.2} times \
             more for 1,000 of them, and {idle:.1} times a second anyway"
        ));
        if soaks() {
            assert!(asked <= 1.0, "{asked}");
        } else {
            // Few requests: one look at a token's last use already counts for much.
            assert!(asked <= 20.0, "{asked}");
        }
        costs.push(cpu);
    }
    let (least, most) = (costs.iter().copied().fold(f64::MAX, f64::min), costs.iter().copied().fold(0.0, f64::max));
    say(&format!("CPU for each request, the most over the least: {:.3}", most / least));
}
