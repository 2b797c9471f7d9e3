//! What is revoked is refused by every replica, soon, and never works again, however requests and the revocation overlap.

use crate::{
    counts,
    figures::{percentile, say, tally},
    fleet::Fleet,
    load::{Line, Load},
    provider::Provider,
    soaks,
    support::Pat,
};
use serde_json::json;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// A poll by the holder of this token; its status.
async fn poll(replica: SocketAddr, pat: &Pat) -> u16 {
    let request = format!(
        "GET /ionq/v0.4/backends/qpu.aria-1/characterizations HTTP/1.1\r\nHost: bellhop\r\nAuthorization: apiKey {pat}\r\n\r\n"
    );
    Line::open(replica).await.unwrap().ask(&request).await.unwrap().status
}

/// Uses a token at one replica without a pause, until it is refused: when it was last let through.
async fn use_until_refused(replica: SocketAddr, pat: Pat) -> Instant {
    let request = format!(
        "GET /ionq/v0.4/backends/qpu.aria-1/characterizations HTTP/1.1\r\nHost: bellhop\r\nAuthorization: apiKey {pat}\r\n\r\n"
    );
    let mut line = Line::open(replica).await.unwrap();
    let mut last = Instant::now();
    loop {
        match line.ask(&request).await.unwrap().status {
            200 => last = Instant::now(),
            401 => return last,
            other => panic!("{other}"),
        }
    }
}

struct Trials {
    /// From when the revocation was sent to its last use at any replica.
    after: Vec<Duration>,
}

/// Revokes one token after the other, each while it is in use at every replica.
async fn revoke_in_use(fleet: &Fleet, trials: usize) -> Trials {
    let replicas = fleet.addresses();
    let mut after = Vec::new();
    for trial in 0..trials {
        let desk = fleet.replicas[trial % replicas.len()].addresses.admin;
        let made = fleet.manage(desk, "POST", "/tokens", &json!({ "name": format!("trial-{trial}") })).await;
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
        let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
        let pat = Pat::printed(made["value"].as_str().unwrap());
        for replica in &replicas {
            assert_eq!(poll(*replica, &pat).await, 200);
        }
        let using: Vec<_> =
            replicas.iter().map(|replica| tokio::spawn(use_until_refused(*replica, pat.clone()))).collect();
        let sent = Instant::now();
        let token = format!("/tokens/{}", made["id"].as_str().unwrap());
        assert_eq!(fleet.manage(desk, "DELETE", &token, &serde_json::Value::Null).await.status, 204);
        let mut last = Duration::ZERO;
        for using in using {
            let used = tokio::time::timeout(Duration::from_secs(20), using).await.expect("it works for ever").unwrap();
            last = last.max(used.saturating_duration_since(sent));
        }
        after.push(last);
    }
    Trials { after }
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_three_replicas_under_load() {
    let provider = Provider::accepting(&[crate::fleet::ACME]).await;
    let Some(fleet) = Fleet::of(3, &provider, counts(9, 65), &[]).await else { return };
    let balancer = fleet.balancer();
    let load = Load::begin(&balancer, fleet.habits(counts(200.0, 2000.0), 0));
    let began = Instant::now();

    let trials = revoke_in_use(&fleet, counts(5, 200)).await;

    let (asked, took) = (load.asked(), began.elapsed());
    let outcomes = load.end().await;
    assert!(outcomes.iter().all(|outcome| outcome.status == 200), "{:?}", tally(&outcomes));
    let (half, most, worst) =
        (percentile(&trials.after, 50.0), percentile(&trials.after, 99.0), percentile(&trials.after, 100.0));
    say(&format!(
        "revocation to last use, three replicas at {:.0} requests/s, {} trials: p50 {half:?}, p99 {most:?}, worst {worst:?}",
        asked as f64 / took.as_secs_f64(),
        trials.after.len()
    ));
    assert!(worst <= Duration::from_secs(5), "{worst:?}");
    if soaks() {
        assert!(most <= Duration::from_millis(250), "{most:?}");
    }
    for replica in &fleet.replicas {
        assert!(replica.metric(&["bellhop_change_lag_seconds_count"]).await >= trials.after.len() as f64);
        assert!(replica.metric(&["bellhop_follower_listening"]).await > 0.0);
    }
    fleet.end().await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_soon_when_notices_do_not_arrive() {
    let provider = Provider::accepting(&[crate::fleet::ACME]).await;
    // Nothing listens there.
    let settings = [("store.listen_url", json!("postgres://nobody@127.0.0.1:9/none"))];
    let Some(fleet) = Fleet::of(2, &provider, 2, &settings).await else { return };
    for replica in &fleet.replicas {
        assert!(replica.metric(&["bellhop_follower_listening"]).await == 0.0);
    }

    let trials = revoke_in_use(&fleet, counts(2, 50)).await;

    let worst = percentile(&trials.after, 100.0);
    say(&format!("revocation to last use without notices, {} trials: worst {worst:?}", trials.after.len()));
    assert!(worst <= Duration::from_secs(5), "{worst:?}");
    fleet.end().await;
}

/// A cold look-up on one replica overlaps with the revocation on another; what the look-up read must not survive it.
#[tokio::test]
async fn no_look_up_brings_a_revoked_token_back() {
    let provider = Provider::accepting(&[crate::fleet::ACME]).await;
    let Some(fleet) = Fleet::of(2, &provider, 1, &[("limits.failed_lookups", json!("1000000/s"))]).await else {
        return;
    };
    let (rounds, at_once) = counts((2, 25), (100, 100));
    let replicas = fleet.addresses();
    let (mut races, mut let_through) = (0, 0);
    for round in 0..rounds {
        let mut site = fleet.site();
        site.state = fleet.replicas[0].state.clone();
        let name = |number: usize| format!("race-{round}-{number}");
        let pats: Vec<Pat> = (0..at_once).map(|n| site.user("member-0").pat_with(&name(n), &json!({}))).collect();
        site.apply().await;
        (0..at_once).for_each(|n| site.user("member-0").without_pat(&name(n)));

        let using: Vec<_> = pats
            .iter()
            .enumerate()
            .map(|(number, pat)| {
                let (replica, pat) = (replicas[number % replicas.len()], pat.clone());
                tokio::spawn(async move {
                    // Spread over the time that the revocation takes.
                    tokio::time::sleep(Duration::from_millis(400) * number as u32 / at_once as u32).await;
                    poll(replica, &pat).await
                })
            })
            .collect();
        site.try_apply(&["--prune"]).await.assert_code(0);
        for using in using {
            let_through += usize::from(using.await.unwrap() == 200);
        }
        // One that a replica has not cached is refused from the commit on, one that it has from when it has followed that.
        for replica in &replicas {
            for pat in &pats {
                crate::support::eventually("the change is in force", async || poll(*replica, pat).await == 401).await;
            }
        }
        for replica in &replicas {
            for pat in &pats {
                assert_eq!(poll(*replica, pat).await, 401, "a revoked token works again");
            }
        }
        races += at_once;
    }
    say(&format!("{races} races of a look-up with a revocation, {let_through} look-ups were first: 0 resurrections"));
    fleet.end().await;
}
