//! PostgreSQL is gone under load: who is known goes on, nothing is called invalid, nothing is sent that is not on record, and
//! everything comes back by itself.

use crate::{
    counts,
    figures::{say, tally},
    fleet::{ACME, Fleet},
    load::{Kind, Load, Outcome},
    provider::Provider,
    soaks,
    support::{Pat, eventually},
};
use sqlx::{Connection, PgConnection};
use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// What is on record of submissions: how many jobs each job id is, and how many were counted.
async fn on_record(fleet: &Fleet) -> (HashSet<String>, i64) {
    let mut connection = PgConnection::connect(&fleet.postgres.direct_url()).await.unwrap();
    let jobs: Vec<String> =
        sqlx::query_scalar("SELECT id FROM things WHERE kind = 'job'").fetch_all(&mut connection).await.unwrap();
    let counted: Option<i64> =
        sqlx::query_scalar("SELECT CAST(SUM(jobs) AS BIGINT) FROM usage").fetch_one(&mut connection).await.unwrap();
    let all = jobs.len();
    let jobs: HashSet<String> = jobs.into_iter().collect();
    assert_eq!(jobs.len(), all, "a job is on record twice");
    (jobs, counted.unwrap_or(0))
}

/// Whatever a caller was told is on record, once; and nothing was submitted twice.
pub async fn assert_nothing_lost(fleet: &Fleet, provider: &Provider, outcomes: &[Outcome]) {
    let told: Vec<&(String, String)> = outcomes
        .iter()
        .filter(|outcome| outcome.kind == Kind::Submit)
        .filter_map(|outcome| outcome.job.as_ref())
        .collect();
    eventually("what is in the spools is on record", async || {
        let (jobs, _) = on_record(fleet).await;
        told.iter().all(|(_, id)| jobs.contains(id))
    })
    .await;
    let twice: Vec<_> = provider.made().into_iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "submitted twice: {twice:?}");
    let (jobs, counted) = on_record(fleet).await;
    let made: HashSet<String> = provider.made().into_values().flatten().collect();
    assert!(jobs.is_subset(&made));
    assert_eq!(counted, i64::try_from(jobs.len()).unwrap(), "each job is counted once");
}

fn between(outcomes: &[Outcome], from: Instant, to: Instant) -> impl Iterator<Item = &Outcome> + Clone {
    outcomes.iter().filter(move |outcome| outcome.at >= from && outcome.at + outcome.took <= to)
}

#[tokio::test]
async fn known_callers_go_on_for_as_long_as_it_takes() {
    let provider = Provider::accepting(&[ACME]).await;
    let Some(fleet) = Fleet::of(3, &provider, counts(12, 48), &[]).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(counts(120.0, 900.0), 8));
    sleep(counts(Duration::from_secs(3), Duration::from_secs(10))).await;

    let cut = Instant::now();
    fleet.postgres.cut();
    let strangers = Instant::now();
    let mut refused = BTreeMap::new();
    while strangers.elapsed() < counts(Duration::from_secs(6), Duration::from_secs(60)) {
        for replica in &fleet.replicas {
            let answer = replica.get(&Pat::fake(), crate::support::CATALOGUE).await;
            // Until the first that needs the store finds it gone, a token that nobody has is told so.
            *refused.entry(answer.status).or_insert(0) += 1;
            assert_eq!(replica.admin("/readyz").await.status, 200);
        }
        sleep(Duration::from_millis(200)).await;
    }
    let restored = Instant::now();
    fleet.postgres.restore();
    let mut back = Vec::new();
    for replica in &fleet.replicas {
        let unknown = Pat::fake();
        eventually("a stranger is called one again", async || {
            replica.get(&unknown, crate::support::CATALOGUE).await.status == 401
        })
        .await;
        back.push(restored.elapsed());
    }
    sleep(Duration::from_secs(6)).await;

    let outcomes = load.end().await;
    let gone = between(&outcomes, cut, restored);
    let asked = gone.clone().filter(|outcome| outcome.kind != Kind::Submit);
    let failed: Vec<_> = asked.clone().filter(|outcome| outcome.status != 200).collect();
    assert!(failed.is_empty(), "{:?}", tally(failed));
    assert!(asked.count() > 100);
    // One whose connection broke under its commit is refused as well: nothing had left.
    let submits = gone.filter(|outcome| outcome.kind == Kind::Submit && outcome.at > cut);
    let sent: Vec<_> = submits.clone().filter(|outcome| outcome.status != 503).collect();
    assert!(
        sent.iter().all(|outcome| outcome.status == 200 && outcome.at < cut + Duration::from_millis(50)),
        "{sent:?}"
    );
    assert!(submits.clone().count() > 5);
    let refusals = submits.filter(|outcome| outcome.status == 503).map(|outcome| outcome.why.as_str());
    assert_eq!(refusals.collect::<HashSet<_>>(), HashSet::from(["store-unavailable"]));
    let whole = outcomes.iter().filter(|outcome| !matches!(outcome.status, 200 | 503)).collect::<Vec<_>>();
    assert!(whole.is_empty(), "{:?}", tally(whole));
    let late =
        outcomes.iter().filter(|outcome| outcome.at > restored + Duration::from_secs(5) && outcome.status != 200);
    let late: Vec<_> = late.collect();
    assert!(late.is_empty(), "{:?}", tally(late));
    assert!(!refused.contains_key(&404) && refused.get(&401).is_none_or(|few| *few <= 3), "{refused:?}");
    let last = outcomes.iter().filter(|outcome| outcome.at > restored && outcome.status != 200).map(|o| o.at).max();
    say(&format!(
        "{} s without PostgreSQL: {:?}; strangers {refused:?}; last refusal {:?} after its return, strangers told apart after {:?}",
        (restored - cut).as_secs(),
        tally(between(&outcomes, cut, restored)),
        last.map(|at| at - restored).unwrap_or_default(),
        back.iter().max().unwrap()
    ));
    if soaks() {
        assert!(back.iter().all(|back| *back <= Duration::from_secs(5)), "{back:?}");
    }
    assert_nothing_lost(&fleet, &provider, &outcomes).await;
    fleet.end().await;
}
