//! A stand-in for IonQ on this machine: its job API, version 0.4, as far as submitting, asking, results, cancelling
//! and listing go. Owns the jobs, each under the key that submitted it.
//! Accepts exactly the keys that it was given, and notes it if anything like a caller's token ever reaches it.

use super::furnish::{Keys, Purse};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

pub struct Standin {
    address: SocketAddr,
    desk: Arc<Desk>,
    /// Dropped to end it.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What all connections share.
struct Desk {
    keys: Keys,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    by_id: BTreeMap<String, Job>,
    callers_token_seen: bool,
}

#[derive(Clone)]
struct Job {
    payer: Purse,
    backend: String,
    shots: u64,
    status: Status,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// A device has a queue, and nobody in this demo waits long enough to see its end.
    Ready,
    /// The simulator is done at once.
    Completed,
    Canceled,
}

/// A Bell pair, measured: both qubits 0, or both 1.
const BELL: [(&str, f64); 2] = [("0", 0.5), ("3", 0.5)];
const CALLERS_TOKEN: &str = "bhp_";

impl Standin {
    pub fn start(keys: Keys) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let desk = Arc::new(Desk { keys, jobs: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&desk);
        let thread = std::thread::Builder::new().name("stand-in".into()).spawn(move || {
            runtime.block_on(serve(listener, served, stopped));
        })?;
        Ok(Self { address, desk, stop: Some(stop), thread: Some(thread) })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which key a job was paid with.
    pub fn payer(&self, job: &str) -> Option<Purse> {
        self.desk.with_jobs(|jobs| jobs.by_id.get(job).map(|job| job.payer))
    }

    /// Whether a caller's token has ever come through.
    pub fn has_seen_a_callers_token(&self) -> bool {
        self.desk.with_jobs(|jobs| jobs.callers_token_seen)
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: std::net::TcpListener, desk: Arc<Desk>, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let desk = Arc::clone(&desk);
                let service = service_fn(move |request| answer(Arc::clone(&desk), request));
                connections.spawn(async move {
                    // A caller that goes away ends its connection, and nothing else.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }
    }
}

async fn answer(desk: Arc<Desk>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    const LARGEST: usize = 1024 * 1024;
    let (head, body) = request.into_parts();
    let (status, value) = match Limited::new(body, LARGEST).collect().await {
        Ok(body) => desk.answer(&head, &body.to_bytes()),
        Err(_) => refusal(StatusCode::BAD_REQUEST, "the body is not complete, or too large"),
    };
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

type Answer = (StatusCode, Value);

fn refusal(status: StatusCode, message: &str) -> Answer {
    (status, json!({ "statusCode": status.as_u16(), "error": status.canonical_reason(), "message": message }))
}

impl Desk {
    fn with_jobs<T>(&self, look: impl FnOnce(&mut Jobs) -> T) -> T {
        look(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, head: &http::request::Parts, body: &[u8]) -> Answer {
        if carries_a_callers_token(head, body) {
            self.with_jobs(|jobs| jobs.callers_token_seen = true);
        }
        let key = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = key.and_then(|value| value.strip_prefix("apiKey "));
        let Some(payer) = key.and_then(|key| self.keys.whose(key)) else {
            return refusal(StatusCode::UNAUTHORIZED, "this is not a key of this provider");
        };
        let path = head.uri.path().strip_prefix("/v0.4/").unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        match (&head.method, &segments[..]) {
            (&Method::POST, ["jobs"]) => self.submit(payer, body),
            (&Method::GET, ["jobs"]) => self.list(payer),
            (&Method::GET, ["jobs", id]) => self.with_job(payer, id, |job| (StatusCode::OK, job.described(id))),
            (&Method::GET, ["jobs", id, "results", "probabilities"]) => {
                self.with_job(payer, id, |job| job.probabilities())
            }
            (&Method::PUT, ["jobs", id, "status", "cancel"]) => self.with_job(payer, id, |job| job.cancel(id)),
            _ => refusal(StatusCode::NOT_FOUND, "the stand-in does not know this path"),
        }
    }

    fn submit(&self, payer: Purse, body: &[u8]) -> Answer {
        let Ok(submitted) = serde_json::from_slice::<Value>(body) else {
            return refusal(StatusCode::BAD_REQUEST, "the body is not JSON");
        };
        let backend = submitted["backend"].as_str().or(submitted["target"].as_str()).unwrap_or("simulator").to_owned();
        let status = if backend == "simulator" { Status::Completed } else { Status::Ready };
        let shots = submitted["shots"].as_u64().unwrap_or(100);
        let id = uuid::Uuid::now_v7().to_string();
        let described = json!({ "id": id, "status": "ready", "session_id": null });
        self.with_jobs(|jobs| jobs.by_id.insert(id, Job { payer, backend, shots, status }));
        (StatusCode::CREATED, described)
    }

    fn list(&self, payer: Purse) -> Answer {
        let jobs: Vec<Value> = self.with_jobs(|jobs| {
            jobs.by_id.iter().filter(|(_, job)| job.payer == payer).map(|(id, job)| job.described(id)).collect()
        });
        (StatusCode::OK, json!({ "jobs": jobs, "next": null }))
    }

    /// To another key, a job is as good as none.
    fn with_job(&self, payer: Purse, id: &str, look: impl FnOnce(&mut Job) -> Answer) -> Answer {
        self.with_jobs(|jobs| match jobs.by_id.get_mut(id).filter(|job| job.payer == payer) {
            Some(job) => look(job),
            None => refusal(StatusCode::NOT_FOUND, "there is no such job under this key"),
        })
    }
}

fn carries_a_callers_token(head: &http::request::Parts, body: &[u8]) -> bool {
    let holds = |bytes: &[u8]| memchr::memmem::find(bytes, CALLERS_TOKEN.as_bytes()).is_some();
    holds(head.uri.to_string().as_bytes()) || holds(body) || head.headers.values().any(|value| holds(value.as_bytes()))
}

impl Job {
    fn described(&self, id: &str) -> Value {
        let mut job = json!({
            "id": id,
            "status": self.status.as_str(),
            "backend": self.backend,
            "shots": self.shots,
            "stats": { "qubits": 2 },
        });
        if self.status == Status::Completed {
            job["results"] = json!({ "probabilities": { "url": format!("/v0.4/jobs/{id}/results/probabilities") } });
        }
        job
    }

    fn probabilities(&self) -> Answer {
        if self.status == Status::Completed {
            (StatusCode::OK, BELL.into_iter().collect())
        } else {
            refusal(StatusCode::NOT_FOUND, "the job has no results yet")
        }
    }

    fn cancel(&mut self, id: &str) -> Answer {
        if self.status == Status::Completed {
            return refusal(StatusCode::CONFLICT, "the job is completed");
        }
        self.status = Status::Canceled;
        (StatusCode::OK, json!({ "id": id, "status": self.status.as_str() }))
    }
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
        }
    }
}
