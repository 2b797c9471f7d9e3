//! Who submits: an organization whose members share one provider token, and a provider that makes jobs.

use super::place::Place;
use crate::support::{
    ACME_KEY, Answer, Ask, Bellhop, Pat, ProviderLine, Reply, Site, Upstream, eventually, provider_line::Arrived,
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::sync::Semaphore;

pub const JOBS: &str = "/ionq/v0.4/jobs";

pub fn job(id: &str) -> String {
    format!("{JOBS}/{id}")
}

/// Ada and Grace are members of acme, Maud is its maintainer; nobody has a key of their own.
pub struct Office {
    pub bellhop: Bellhop,
    pub ionq: Upstream,
    pub ada: Pat,
    pub grace: Pat,
    pub maud: Pat,
}

impl Office {
    pub async fn open(place: &Place) -> Self {
        Self::facing(place, minting().await).await
    }

    pub async fn facing(place: &Place, ionq: Upstream) -> Self {
        Self::furnished(place, ionq, |site| site).await
    }

    /// With more in the site than the organization.
    pub async fn furnished(place: &Place, ionq: Upstream, furnish: impl FnOnce(Site) -> Site) -> Self {
        let mut site = place.hold(Site::facing(&ionq));
        let [ada, grace, maud] = ["ada", "grace", "maud"].map(|name| site.user(name).pat());
        let acme = site.organization("acme").key(ACME_KEY);
        acme.member("ada", "member").member("grace", "member").member("maud", "maintainer");
        Self { bellhop: furnish(site).serve().await, ionq, ada, grace, maud }
    }

    /// Submits a job and returns the id that the caller sees.
    pub async fn submit(&self, pat: &Pat) -> String {
        let answer = self.bellhop.post(pat, JOBS, &json!({ "backend": "qpu", "shots": 100 })).await;
        answer.assert_relayed();
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    pub async fn poll(&self, pat: &Pat, id: &str) -> Answer {
        self.bellhop.get(pat, &job(id)).await
    }

    /// A request with a body that is no submission.
    pub async fn put(&self, pat: &Pat, target: &str, body: &Value) -> Answer {
        self.bellhop.ask(&Ask::new("PUT", target).pat(pat).json(body)).await
    }

    /// What is refused for good, and was not sent.
    pub async fn assert_unknown(&self, ask: &Ask) {
        let before = self.ionq.requests().len();
        self.bellhop.ask(ask).await.assert_refused("unknown-job");
        assert_eq!(self.ionq.requests().len(), before, "{ask:?}");
    }

    pub async fn restarted(self) -> Self {
        let Self { bellhop, ionq, ada, grace, maud } = self;
        let bellhop = Bellhop::start(bellhop.stop().await).await;
        Self { bellhop, ionq, ada, grace, maud }
    }

    pub async fn on_a_disk_that_fills(self) -> Self {
        let Self { bellhop, ionq, ada, grace, maud } = self;
        let bellhop = Bellhop::start_on_a_disk_that_fills(bellhop.stop().await).await;
        Self { bellhop, ionq, ada, grace, maud }
    }

    pub async fn killed_and_restarted(self) -> Self {
        let Self { bellhop, ionq, ada, grace, maud } = self;
        let bellhop = Bellhop::start(bellhop.kill().await).await;
        Self { bellhop, ionq, ada, grace, maud }
    }

    /// Jobs on record.
    pub async fn jobs(&self) -> Vec<Value> {
        self.listed(&["job", "list", "--json", "--limit", "10000"]).await
    }

    /// Submissions of unknown fate.
    pub async fn unknown(&self) -> Vec<Value> {
        self.listed(&["job", "list", "--unknown", "--json"]).await
    }

    pub async fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let listed = self.bellhop.run(arguments).await.assert_code(0).json();
        listed.as_array().expect("a list").clone()
    }

    pub async fn until_unknown(&self, count: usize) {
        eventually("what is of unknown fate is listed", async || self.unknown().await.len() == count).await;
    }
}

/// A provider that makes a new job for each submission, and tells of all that it made.
pub async fn minting() -> Upstream {
    let made = Mutex::new(Vec::new());
    Upstream::answering(move |request| answer(request, &mut made.lock().unwrap())).await
}

fn answer(request: &Arrived, made: &mut Vec<String>) -> Reply {
    let path = request.target.split('?').next().unwrap();
    match (request.method.as_str(), path.trim_start_matches("/v0.4/")) {
        ("POST", path) if path.starts_with("jobs") => {
            made.push(format!("job-{}", made.len() + 1));
            Reply::json(200, &json!({ "id": made.last(), "status": "submitted" }))
        }
        ("POST", "sessions") => Reply::json(200, &json!({ "id": "session-1" })),
        ("GET", "jobs") => {
            let jobs: Vec<Value> = made.iter().map(|id| json!({ "id": id, "status": "ready" })).collect();
            Reply::json(200, &json!({ "jobs": jobs, "next": "page-2" }))
        }
        ("GET", path) => Reply::json(200, &finished(path.rsplit('/').next().unwrap())),
        _ => Reply::json(200, &json!({ "status": "canceled" })),
    }
}

/// A job that has run, as IonQ tells of one.
pub fn finished(id: &str) -> Value {
    json!({ "id": id, "status": "completed", "backend": "qpu", "shots": 100, "execution_duration_ms": 1500 })
}

/// A provider that gives each submission its answer only when the story lets it.
pub async fn hesitating() -> (Upstream, Arc<Semaphore>) {
    let (gate, made) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let held = Arc::clone(&gate);
    let ionq = Upstream::scripted(move |mut line: ProviderLine| {
        let (gate, made) = (Arc::clone(&held), Arc::clone(&made));
        async move {
            while let Some(request) = line.request().await {
                if request.method == "POST" {
                    gate.acquire().await.unwrap().forget();
                    let id = format!("job-{}", made.fetch_add(1, SeqCst) + 1);
                    line.send(Reply::json(200, &json!({ "id": id })).bytes()).await;
                } else {
                    line.send(Reply::json(200, &finished(request.target.rsplit('/').next().unwrap())).bytes()).await;
                }
            }
        }
    })
    .await;
    (ionq, gate)
}
