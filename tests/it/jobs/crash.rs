//! The process is killed at random moments under load: whatever a caller saw is on record, and nothing was sent twice.

use super::{
    office::{JOBS, Office, finished, job},
    place::{Place, on_both},
};
use crate::support::{Answer, Ask, Bellhop, Line, Pat, Reply, Upstream, eventually, intake::Seen};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{net::TcpStream, task::JoinSet, time::sleep};

const CALLERS: usize = 8;

/// How often the process is killed: `BELLHOP_SOAK` asks for more.
fn rounds() -> usize {
    if std::env::var_os("BELLHOP_SOAK").is_some() { 1000 } else { 20 }
}

/// Up to a third of a second.
fn a_moment() -> Duration {
    Duration::from_micros(RandomState::new().hash_one(()) % 333_333)
}

/// What the callers share.
struct Load {
    address: Mutex<SocketAddr>,
    answers: Seen,
    /// Makes every submission's target unlike every other.
    next: AtomicUsize,
    /// Ids that a caller saw.
    seen: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Load {
    /// `None` where Bellhop is gone, or goes before it has answered.
    async fn ask(&self, ask: &Ask) -> Option<Answer> {
        let address = *self.address.lock().unwrap();
        let stream = TcpStream::connect(address).await.ok()?;
        let mut line = Line::over(stream, address.to_string(), Arc::clone(&self.answers));
        line.try_send(ask.bytes("bellhop")).await.ok()?;
        line.answer_or_end().await.filter(|answer| answer.is_whole)
    }

    /// One submission, never repeated, and a few polls.
    async fn turn(&self, pat: &Pat) {
        let target = format!("target-{}", self.next.fetch_add(1, SeqCst));
        let submit = Ask::post(JOBS).pat(pat).json(&json!({ "backend": target }));
        let Some(answer) = self.ask(&submit).await else { return sleep(Duration::from_millis(5)).await };
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            if let Some(polled) = self.ask(&Ask::get(job(&id)).pat(pat)).await {
                polled.assert_paid_by("acme", "job");
            }
        }
        self.seen.lock().unwrap().push(id);
    }
}

/// Names each job after its target, and by how often that was submitted.
async fn recording() -> Upstream {
    let submitted = Mutex::new(BTreeMap::<String, usize>::new());
    Upstream::answering(move |request| {
        if request.method != "POST" {
            return Reply::json(200, &finished(request.target.rsplit('/').next().unwrap()));
        }
        let target = target_of(&request.body);
        let mut submitted = submitted.lock().unwrap();
        let times = submitted.entry(target.clone()).or_default();
        *times += 1;
        Reply::json(200, &json!({ "id": format!("{target}-{times}") }))
    })
    .await
}

fn target_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["backend"].as_str().unwrap().to_owned()
}

async fn killed_often(office: Office) -> (Office, Vec<String>) {
    let load = Arc::new(Load {
        address: Mutex::new(office.bellhop.addresses.proxy),
        answers: Arc::clone(&office.bellhop.answers),
        next: AtomicUsize::new(0),
        seen: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (load, pat) = (Arc::clone(&load), office.ada.clone());
        let pat = if number.is_multiple_of(2) { pat } else { office.grace.clone() };
        callers.spawn(async move {
            while !load.over.load(SeqCst) {
                load.turn(&pat).await;
            }
        });
    }
    let Office { mut bellhop, ionq, ada, grace, maud } = office;
    for round in 0..rounds() {
        // Every other time in the midst of the load, and else whatever it is about to do.
        if round.is_multiple_of(2) {
            let before = load.seen.lock().unwrap().len();
            eventually("somebody was answered", async || load.seen.lock().unwrap().len() > before).await;
        }
        sleep(a_moment()).await;
        bellhop = Bellhop::start(bellhop.kill().await).await;
        *load.address.lock().unwrap() = bellhop.addresses.proxy;
    }
    load.over.store(true, SeqCst);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let seen = load.seen.lock().unwrap().clone();
    (Office { bellhop, ionq, ada, grace, maud }, seen)
}

fn texts(lines: &[Value], field: &str) -> BTreeSet<String> {
    lines.iter().map(|line| line[field].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn whoever_kills_the_process_loses_no_job(place: &Place) {
        let office = Office::furnished(place, recording().await, |site| site.set("log.level", "warn")).await;

        let (office, seen) = killed_often(office).await;

        let every = ["--limit", "1000000", "--json"];
        let jobs = office.listed(&[&["job", "list"][..], &every].concat()).await;
        let unknown = office.listed(&[&["job", "list", "--unknown"][..], &every].concat()).await;
        let (on_record, unknown) = (texts(&jobs, "job"), texts(&unknown, "target"));
        let sent: Vec<String> =
            office.ionq.requests().iter().filter(|r| r.method == "POST").map(|r| target_of(&r.body)).collect();
        let lost: Vec<&String> = seen.iter().filter(|id| !on_record.contains(*id)).collect();
        let twice = sent.len() - sent.iter().collect::<BTreeSet<_>>().len();
        let unlisted = sent.iter().filter(|t| !on_record.contains(&format!("{t}-1")) && !unknown.contains(*t));
        let counted: u64 =
            office.listed(&["usage", "--json"]).await.iter().map(|line| line["jobs"].as_u64().unwrap()).sum();
        let figures = format!(
            "{} kills, {} sent, {} seen, {} unknown", rounds(), sent.len(), seen.len(), unknown.len()
        );
        eprintln!("{figures}");
        assert!(seen.len() >= rounds() / 2, "{figures}");
        assert!(lost.is_empty(), "{figures}; seen and not on record: {lost:?}");
        assert_eq!((twice, unlisted.count()), (0, 0), "{figures}; sent twice, and neither bound nor listed");
        assert_eq!((counted, jobs.len()), (on_record.len() as u64, on_record.len()), "{figures}; counted");
        for id in seen.iter().rev().take(50) {
            office.poll(&office.maud, id).await.assert_paid_by("acme", "job");
        }
    }
}
