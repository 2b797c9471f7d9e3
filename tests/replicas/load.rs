//! Callers: each with a token and a connection of its own, asking at a steady pace and writing down what they were told.
//! Owns the balancer before the replicas, which does what every one does: it asks for readiness, and sends a request that
//! never left to another.
//! Never sends a submission twice, and never forgets an answer.

use crate::support::Pat;
use serde_json::{Value, json};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, sleep_until, timeout},
};

const CATALOGUE: &str = "/ionq/v0.4/backends/qpu.aria-1/characterizations";
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A question about nobody's job.
    Read,
    /// About a job of one's own, which was asked about before.
    Poll,
    Submit,
}

/// What came of one request.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub kind: Kind,
    pub at: Instant,
    pub took: Duration,
    /// 0: there was no answer.
    pub status: u16,
    /// The code of a refusal, or what went wrong with the connection.
    pub why: String,
    /// What the submission called itself, and the job that the caller was told of.
    pub job: Option<(String, String)>,
}

/// Where each replica is, and whether it is to be sent anything.
pub struct Balancer(Mutex<Vec<Seat>>);

#[derive(Clone, Copy)]
struct Seat {
    proxy: SocketAddr,
    admin: SocketAddr,
    ready: bool,
}

impl Balancer {
    pub fn before(replicas: &[(SocketAddr, SocketAddr)]) -> Arc<Self> {
        let seats = replicas.iter().map(|(proxy, admin)| Seat { proxy: *proxy, admin: *admin, ready: true });
        let this = Arc::new(Self(Mutex::new(seats.collect())));
        let checking = Arc::downgrade(&this);
        tokio::spawn(async move {
            while let Some(balancer) = checking.upgrade() {
                balancer.check().await;
                drop(balancer);
                sleep(Duration::from_millis(100)).await;
            }
        });
        this
    }

    /// Another takes a replica's place.
    pub fn seat(&self, place: usize, proxy: SocketAddr, admin: SocketAddr) {
        self.0.lock().unwrap()[place] = Seat { proxy, admin, ready: false };
    }

    async fn check(&self) {
        let seats = self.0.lock().unwrap().clone();
        for (place, seat) in seats.iter().enumerate() {
            let ready = timeout(Duration::from_secs(1), is_ready(seat.admin)).await.unwrap_or(false);
            let mut seats = self.0.lock().unwrap();
            if seats[place].admin == seat.admin {
                seats[place].ready = ready;
            }
        }
    }

    /// The replica of this place, or the next one that is ready.
    fn choose(&self, place: usize) -> SocketAddr {
        let seats = self.0.lock().unwrap();
        let next = (0..seats.len()).map(|step| seats[(place + step) % seats.len()]);
        next.into_iter().find(|seat| seat.ready).unwrap_or(seats[place % seats.len()]).proxy
    }

    fn is_ready(&self, proxy: SocketAddr) -> bool {
        self.0.lock().unwrap().iter().any(|seat| seat.proxy == proxy && seat.ready)
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    let asked = async {
        let mut line = Line::open(admin).await?;
        line.ask("GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").await
    };
    asked.await.is_ok_and(|answer: Told| answer.status == 200)
}

/// What a caller does over and over.
#[derive(Clone)]
pub struct Habit {
    pub pat: Pat,
    pub place: usize,
    pub every: Duration,
    /// Of so many requests one is a submission; none for 0.
    pub submits: u32,
    /// Jobs of one's own to ask about from the beginning, by what their submission called itself.
    pub jobs: Vec<(String, String)>,
}

pub struct Load {
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Vec<Outcome>>>,
    asked: Arc<AtomicU64>,
}

impl Load {
    pub fn begin(balancer: &Arc<Balancer>, habits: Vec<Habit>) -> Self {
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let callers = habits.into_iter().enumerate().map(|(number, habit)| {
            let jobs = habit.jobs.clone();
            let caller =
                Caller { number, habit, balancer: Arc::clone(balancer), line: None, jobs, outcomes: Vec::new() };
            tokio::spawn(caller.run(Arc::clone(&over), Arc::clone(&asked)))
        });
        let callers = callers.collect();
        Self { over, callers, asked }
    }

    /// How many requests were answered, or failed, so far.
    pub fn asked(&self) -> u64 {
        self.asked.load(SeqCst)
    }

    pub async fn end(self) -> Vec<Outcome> {
        self.over.store(true, SeqCst);
        let mut all = Vec::new();
        for caller in self.callers {
            all.extend(timeout(PATIENCE * 2, caller).await.expect("a caller that does not end").unwrap());
        }
        all.sort_by_key(|outcome| outcome.at);
        all
    }
}

struct Caller {
    number: usize,
    habit: Habit,
    balancer: Arc<Balancer>,
    line: Option<(SocketAddr, Line)>,
    /// Jobs that were made, by what their submission called itself.
    jobs: Vec<(String, String)>,
    outcomes: Vec<Outcome>,
}

impl Caller {
    async fn run(mut self, over: Arc<AtomicBool>, asked: Arc<AtomicU64>) -> Vec<Outcome> {
        // Not all at once.
        let mut next = Instant::now() + self.habit.every.mul_f64(self.number as f64 * 0.618 % 1.0);
        for turn in 0_u32.. {
            sleep_until(next.into()).await;
            next = Instant::now().max(next + self.habit.every);
            if over.load(SeqCst) {
                break;
            }
            let (submits, jobs) = (self.habit.submits, self.jobs.len());
            let outcome = if submits > 0 && (turn % submits == 0) {
                self.submit(turn).await
            } else if jobs > 0 && turn % 2 == 0 {
                // Those that were asked about before: what is new is not cached anywhere.
                self.poll(turn as usize % jobs.min(4)).await
            } else {
                self.get(Kind::Read, CATALOGUE.to_owned()).await
            };
            if let Some(job) = &outcome.job {
                self.jobs.push(job.clone());
            }
            self.outcomes.push(outcome);
            asked.fetch_add(1, SeqCst);
        }
        self.outcomes
    }

    async fn poll(&mut self, which: usize) -> Outcome {
        let target = format!("/ionq/v0.4/jobs/{}", self.jobs[which].1);
        self.get(Kind::Poll, target).await
    }

    async fn get(&mut self, kind: Kind, target: String) -> Outcome {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: bellhop\r\nAuthorization: apiKey {}\r\n\r\n", self.habit.pat);
        let at = Instant::now();
        let told = self.ask(&request, true).await;
        outcome(kind, at, told, None)
    }

    async fn submit(&mut self, turn: u32) -> Outcome {
        let name = format!("{}-{turn}", self.number);
        let body = json!({ "name": name, "target": "simulator", "shots": 10, "input": { "qubits": 1, "circuit": [] } });
        let body = body.to_string();
        let request = format!(
            "POST /ionq/v0.4/jobs HTTP/1.1\r\nHost: bellhop\r\nAuthorization: apiKey {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.habit.pat,
            body.len()
        );
        let at = Instant::now();
        // On a connection of its own, so that none can be closed under it while it rests.
        self.line = None;
        let told = self.ask(&request, false).await;
        outcome(Kind::Submit, at, told, Some(name))
    }

    /// A request that found its connection closed before anything came back is sent again once, if it may be.
    async fn ask(&mut self, request: &str, again: bool) -> io::Result<Told> {
        let rested = self.line.is_some();
        match self.ask_once(request).await {
            Err(error) if rested && again && error.kind() == io::ErrorKind::UnexpectedEof => {
                self.ask_once(request).await
            }
            told => told,
        }
    }

    async fn ask_once(&mut self, request: &str) -> io::Result<Told> {
        let kept = self.line.take().filter(|(replica, line)| self.balancer.is_ready(*replica) && !line.is_closed());
        let (replica, mut line) = match kept {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let told =
            timeout(PATIENCE, line.ask(request)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if !told.closes {
            self.line = Some((replica, line));
        }
        Ok(told)
    }

    /// Nothing has left while no connection has come about: another replica may have it.
    async fn connect(&self) -> io::Result<(SocketAddr, Line)> {
        let mut last = io::ErrorKind::NotConnected.into();
        for step in 0..3 {
            let replica = self.balancer.choose(self.habit.place + step);
            match Line::open(replica).await {
                Ok(line) => return Ok((replica, line)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn outcome(kind: Kind, at: Instant, told: io::Result<Told>, name: Option<String>) -> Outcome {
    let took = at.elapsed();
    match told {
        Ok(told) => {
            let id = (told.status == 200).then(|| serde_json::from_slice::<Value>(&told.body).ok()).flatten();
            let id = id.and_then(|body| body["id"].as_str().map(str::to_owned));
            let job = name.zip(id);
            Outcome { kind, at, took, status: told.status, why: told.refusal, job }
        }
        Err(error) => Outcome { kind, at, took, status: 0, why: error.to_string(), job: None },
    }
}

/// One connection to a replica.
pub struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What was answered.
pub struct Told {
    pub status: u16,
    pub refusal: String,
    pub body: Vec<u8>,
    closes: bool,
}

impl Line {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(2048) })
    }

    /// As clients look before they use a connection again.
    fn is_closed(&self) -> bool {
        !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// With `UnexpectedEof` if the connection was closed, or reset, and nothing came back.
    pub async fn ask(&mut self, request: &str) -> io::Result<Told> {
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        self.stream.write_all(request.as_bytes()).await.map_err(|_| eof())?;
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) if self.read.is_empty() => return Err(eof()),
                Ok(0) => return Err(io::Error::other("the answer broke off in its head")),
                read => _ = read?,
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        self.read.drain(..end + 4);
        let field = |name: &str| {
            let line = head.split("\r\n").skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let length: usize = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.read.len() < length {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::Error::other("the answer broke off in its body"));
            }
        }
        let closes = field("connection").is_some_and(|connection| connection.contains("close"));
        let body = self.read.drain(..length).collect();
        Ok(Told { status, refusal: field("bellhop-refusal").unwrap_or_default(), body, closes })
    }
}
