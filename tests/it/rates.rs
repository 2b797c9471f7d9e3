//! Rates hold for the whole deployment: several Bellhops on one PostgreSQL let through what one would.
//!
//! What passes is counted where it arrives, by the time of its arrival. A machine that is too busy to send what a story
//! needs, or that stands still for a while, shows that in the times of the answers: such a second says nothing, and is not
//! counted against Bellhop; what may pass in all always is.

use crate::support::{ADA_KEY, Ask, Bellhop, CATALOGUE, Pat, Site, Upstream, postgres::Postgres, upstream::job};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep_until};

const SECOND: Duration = Duration::from_secs(1);
const RATE: usize = 100;
/// Callers, each of whom asks again after this long.
const CALLERS: usize = 24;
const EVERY: Duration = Duration::from_millis(120);

type Times = Arc<Mutex<Vec<Instant>>>;

struct Deployment {
    replicas: Vec<Bellhop>,
    postgres: Postgres,
    ada: Pat,
    ionq: Upstream,
    passed: Times,
}

impl Deployment {
    async fn of(replicas: usize, limit: &str) -> Option<Self> {
        let postgres = Postgres::fresh().await?;
        let passed = Times::default();
        let noting = Arc::clone(&passed);
        let ionq = Upstream::answering(move |_| {
            noting.lock().unwrap().push(Instant::now());
            job()
        })
        .await;
        let site = || {
            let site = Site::facing(&ionq).set("store.url", postgres.url()).set("log.level", "info");
            site.set(&format!("limits.{limit}"), format!("{RATE}/s"))
        };
        let mut first = site();
        let ada = first.user("ada").key(ADA_KEY).pat();
        let mut deployed = vec![first.serve().await];
        while deployed.len() < replicas {
            let mut site = site();
            site.reconfigure("master_key.file", deployed[0].data().join("master.key").to_str().unwrap());
            deployed.push(Bellhop::start(site).await);
        }
        Some(Self { replicas: deployed, postgres, ada, ionq, passed })
    }

    /// Asks for so long, at the replica that is said for each caller and time; when each answer came.
    async fn load(&self, span: Duration, place: impl Fn(usize, Duration) -> usize + Copy + Send + 'static) -> Load {
        let (began, answers, mut callers) = (Instant::now(), Times::default(), JoinSet::new());
        let over = Arc::new(AtomicUsize::new(0));
        for caller in 0..CALLERS {
            let mut lines = Vec::new();
            for replica in &self.replicas {
                lines.push(replica.connect().await.without_record());
            }
            let (ask, answers, over) = (Ask::get(CATALOGUE).pat(&self.ada), Arc::clone(&answers), Arc::clone(&over));
            callers.spawn(async move {
                let mut next = Instant::now() + EVERY * u32::try_from(caller).unwrap() / 24;
                while began.elapsed() < span {
                    sleep_until(next.into()).await;
                    let answer = lines[place(caller, began.elapsed())].ask(&ask).await;
                    match answer.status {
                        200 => {}
                        429 => drop(over.fetch_add(1, SeqCst)),
                        status => panic!("{status}: {}", answer.text()),
                    }
                    answers.lock().unwrap().push(Instant::now());
                    // What could not be asked in time is not asked afterwards.
                    next = (next + EVERY).max(Instant::now());
                }
            });
        }
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
        let passed = self.passed.lock().unwrap().iter().copied().filter(|at| *at >= began).collect();
        let answers = answers.lock().unwrap().clone();
        Load { began, span, answers, passed, over: over.load(SeqCst) }
    }

    async fn end(self) {
        for replica in self.replicas {
            drop(replica.stop().await);
        }
        drop(self.ionq);
        self.postgres.drop_database().await;
    }
}

struct Load {
    began: Instant,
    span: Duration,
    answers: Vec<Instant>,
    passed: Vec<Instant>,
    over: usize,
}

impl Load {
    fn count(&self, times: &[Instant], from: Duration, to: Duration) -> usize {
        times.iter().filter(|at| (from..to).contains(&at.saturating_duration_since(self.began))).count()
    }

    /// Whether the machine kept up in a second and the one before: callers had answers all along, and more than can pass.
    /// What could not pass while it stood still may pass afterwards.
    fn says_something(&self, second: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(50);
        let slices = (0..37).filter_map(|step| (second + STEP * step).checked_sub(SECOND));
        let kept_up = |from: Duration| self.count(&self.answers, from, from + STEP * 3) > RATE * 15 / 100;
        slices.filter(|from| *from >= STEP * 2).all(kept_up)
    }

    /// How many passed in each second but the first, where that says something.
    fn seconds(&self) -> Vec<Option<usize>> {
        let seconds = (1..self.span.as_secs()).map(Duration::from_secs);
        seconds.map(|at| self.says_something(at).then(|| self.count(&self.passed, at, at + SECOND))).collect()
    }

    #[track_caller]
    fn assert_limited(&self) {
        let seconds = self.seconds();
        eprintln!("passed in each second but the first: {seconds:?}; refused: {}", self.over);
        if seconds.iter().all(Option::is_none) {
            eprintln!("this machine is too busy for the load: only what passes in all is judged");
        }
        assert!(seconds.iter().flatten().all(|count| (90..=110).contains(count)), "{seconds:?}");
        self.assert_no_more_than(RATE);
    }

    /// A burst, and a tenth more than the rate.
    #[track_caller]
    fn assert_no_more_than(&self, burst: usize) {
        let span = self.passed.last().map_or(Duration::ZERO, |last| last.saturating_duration_since(self.began));
        let most = burst + (1.1 * RATE as f64 * span.as_secs_f64()) as usize;
        assert!(self.passed.len() <= most, "{} of {most} in {span:?}", self.passed.len());
    }
}

/// Even traffic, all of it at one replica, and all of it at one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_let_through_what_one_would() {
    let Some(deployment) = Deployment::of(3, "per_token").await else { return };

    let load = deployment.load(7 * SECOND, |caller, since| match since.as_millis() {
        0..3000 => caller % 3,
        3000..5000 => 0,
        millis => usize::try_from(millis / 400 % 3).unwrap(),
    });

    load.await.assert_limited();
    deployment.end().await;
}

/// While it is gone each has the share that it had, and when it is back there is no burst for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_stays_within_the_limit_while_the_store_is_gone() {
    let Some(deployment) = Deployment::of(3, "per_user").await else { return };
    let before = deployment.load(2 * SECOND, |caller, _| caller % 3).await;
    before.assert_no_more_than(RATE);

    deployment.postgres.cut();
    let without = deployment.load(3 * SECOND, |caller, _| caller % 3).await;
    deployment.postgres.restore();
    let after = deployment.load(3 * SECOND, |caller, _| caller % 3).await;

    // What little was left of the burst.
    without.assert_no_more_than(RATE / 4);
    assert!(without.passed.len() > RATE, "{}: callers are served without the store, too", without.passed.len());
    after.assert_no_more_than(RATE / 4);
    deployment.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_dies_takes_nobodys_share_with_it() {
    let Some(mut deployment) = Deployment::of(2, "per_credential").await else { return };
    deployment.load(SECOND, |caller, _| caller % 2).await;

    drop(deployment.replicas.pop().unwrap().kill().await);

    deployment.load(4 * SECOND, |_, _| 0).await.assert_limited();
    deployment.end().await;
}

/// A limit that is changed by a reload is in force at once, also where it was used up before.
#[tokio::test]
async fn another_limit_is_in_force_after_a_reload() {
    let Some(mut deployment) = Deployment::of(1, "per_token").await else { return };
    let bellhop = &mut deployment.replicas[0];
    bellhop.reconfigure("limits.per_token", "1/h burst 2");
    reload(bellhop, 1).await;
    for _ in 0..2 {
        bellhop.get(&deployment.ada, CATALOGUE).await.assert_paid_by("me", "own");
    }
    bellhop.get(&deployment.ada, CATALOGUE).await.assert_refused("throttled");

    bellhop.reconfigure("limits.per_token", "1000/s");
    reload(bellhop, 2).await;

    crate::support::soon::eventually_within(SECOND * 2, "it is served", async || {
        bellhop.get(&deployment.ada, CATALOGUE).await.status == 200
    })
    .await;
    deployment.end().await;
}

/// Two on one machine, with its file: each has noticed the other soon.
#[tokio::test]
async fn two_that_share_a_file_share_its_limits() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq).set("limits.per_token", "1/h burst 1");
    site.user("ada").key(ADA_KEY);
    let pats: Vec<Pat> = (0..80).map(|n| site.user("ada").pat_with(&format!("t{n}"), &serde_json::json!({}))).collect();
    let first = site.serve().await;
    let beside = Site::facing(&ionq).set("limits.per_token", "1/h burst 1");
    let second = Bellhop::start(beside.set("data_dir", first.data().to_str().unwrap())).await;
    let mut pats = pats.iter();

    crate::support::soon::eventually("what one lets through counts for the other", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let pat = pats.next().expect("a token that is not used up");
        second.get(pat, CATALOGUE).await.assert_paid_by("me", "own");
        first.get(pat, CATALOGUE).await.status == 429
    })
    .await;
    let pat = pats.next().expect("a token that is not used up");
    first.get(pat, CATALOGUE).await.assert_paid_by("me", "own");
    second.get(pat, CATALOGUE).await.assert_refused("throttled");
    drop(second.stop().await);
}

async fn reload(bellhop: &Bellhop, times: usize) {
    bellhop.write_config();
    bellhop.signal("HUP");
    crate::support::eventually("it has reloaded", async || bellhop.log().matches("\"reloaded\"").count() >= times)
        .await;
}
