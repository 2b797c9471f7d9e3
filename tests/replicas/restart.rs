//! Replicas come and go under load: nobody's request fails, and no job is lost, also when one of them is killed.

use crate::{
    counts,
    figures::{say, tally},
    fleet::{ACME, Fleet},
    load::{Kind, Load, Outcome},
    outage::assert_nothing_lost,
    provider::Provider,
    support::eventually,
};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn one_after_the_other_is_restarted_and_nobody_notices() {
    let provider = Provider::accepting(&[ACME]).await;
    let settings = [("drain.delay", "500ms".into()), ("drain.deadline", "10s".into())];
    let Some(mut fleet) = Fleet::of(3, &provider, counts(12, 48), &settings).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(counts(120.0, 600.0), 6));
    sleep(Duration::from_secs(1)).await;

    for _ in 0..counts(1, 3) {
        for place in 0..3 {
            let replica = fleet.replicas.remove(place);
            let site = replica.stop().await;
            let replica = crate::support::Bellhop::start(site).await;
            balancer.seat(place, replica.addresses.proxy, replica.addresses.admin);
            fleet.replicas.insert(place, replica);
            // As whoever rolls does: the next one goes when this one serves.
            eventually("it is ready", async || fleet.replicas[place].admin("/readyz").await.status == 200).await;
            sleep(Duration::from_millis(500)).await;
        }
    }
    sleep(Duration::from_secs(1)).await;

    let outcomes = load.end().await;
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.status != 200).collect();
    say(&format!("rolling restart of three replicas: {:?}", tally(&outcomes)));
    assert!(failed.is_empty(), "{:?}", tally(failed));
    assert_nothing_lost(&fleet, &provider, &outcomes).await;
    fleet.end().await;
}

#[tokio::test]
async fn one_that_is_killed_takes_nothing_with_it_that_a_caller_was_told() {
    let provider = Provider::accepting(&[ACME]).await;
    let Some(mut fleet) = Fleet::of(3, &provider, 12, &[]).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(150.0, 3));
    for turn in 0..counts(3, 60) {
        // Spread over what a submission goes through; the same in each run.
        sleep(Duration::from_millis(400 + turn * 37 % 211)).await;
        let place = usize::try_from(turn % 3).unwrap();
        let site = fleet.replicas.remove(place).kill().await;
        let replica = crate::support::Bellhop::start(site).await;
        balancer.seat(place, replica.addresses.proxy, replica.addresses.admin);
        fleet.replicas.insert(place, replica);
    }
    sleep(Duration::from_secs(1)).await;

    let outcomes = load.end().await;
    say(&format!("{} kills: {:?}", counts(3, 60), tally(&outcomes)));
    let wrong = |outcome: &&Outcome| !matches!(outcome.status, 0 | 200);
    let wrong: Vec<&Outcome> = outcomes.iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "{:?}", tally(wrong));
    let submits = outcomes.iter().filter(|outcome| outcome.kind == Kind::Submit && outcome.status == 200);
    assert!(submits.count() > 20);
    assert_nothing_lost(&fleet, &provider, &outcomes).await;
    fleet.end().await;
}
