//! A stand-in for IonQ that costs little: it answers polls, and makes a job of each submission, for the exact keys alone.
//! Owns what it was asked to make, so that a story can compare it with what is on record.
//! Never answers a request of which it has not seen all.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

pub struct Provider {
    address: SocketAddr,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    keys: Vec<String>,
    /// Jobs that were made, by what the submission named itself.
    made: Mutex<HashMap<String, Vec<String>>>,
    held: AtomicBool,
    released: Notify,
}

impl Provider {
    pub async fn accepting(keys: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let keys = keys.iter().map(|key| format!("apikey {key}").to_ascii_lowercase()).collect();
        let seen = Arc::new(Seen { keys, ..Seen::default() });
        let shared = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, seen, accepting }
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was made, by the name that the submission gave itself; more than one id is a submission that came twice.
    pub fn made(&self) -> HashMap<String, Vec<String>> {
        self.seen.made.lock().unwrap().clone()
    }

    /// Submissions are read and not answered from now on.
    pub fn hold(&self) {
        self.seen.held.store(true, SeqCst);
    }

    pub fn release(&self) {
        self.seen.held.store(false, SeqCst);
        self.seen.released.notify_waiters();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>) {
    let _ = stream.set_nodelay(true);
    let mut read = Vec::new();
    while let Some(request) = Request::read(&mut stream, &mut read).await {
        let answer = seen.answer(&request).await;
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl Seen {
    async fn answer(&self, request: &Request) -> String {
        let authorization = request.header("authorization").unwrap_or_default().to_ascii_lowercase();
        if !self.keys.contains(&authorization) {
            return json(401, r#"{"error":"Unauthorized","message":"no such key"}"#);
        }
        if request.line.starts_with("POST ") {
            if self.held.load(SeqCst) {
                self.released.notified().await;
            }
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let name = body["name"].as_str().unwrap_or_default().to_owned();
            let id = uuid::Uuid::now_v7().to_string();
            self.made.lock().unwrap().entry(name).or_default().push(id.clone());
            return json(200, &format!(r#"{{"id":"{id}","status":"ready","request":1700000000}}"#));
        }
        let id = request.line.split(['/', ' ', '?']).nth(4).unwrap_or_default();
        json(200, &format!(r#"{{"id":"{id}","status":"ready"}}"#))
    }
}

fn json(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// `None` at the end of the connection. What was read beyond it stays in `read`.
    async fn read(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Self> {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(read).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        read.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let line = lines.next()?.to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut request = Self { line, headers, body: Vec::new() };
        let is_chunked = request.header("transfer-encoding").is_some();
        let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if is_chunked {
            request.body = chunks(stream, read).await?;
        } else {
            while read.len() < length {
                if stream.read_buf(read).await.ok()? == 0 {
                    return None;
                }
            }
            request.body = read.drain(..length).collect();
        }
        Some(request)
    }
}

async fn chunks(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(2).position(|two| two == b"\r\n") {
                break end;
            }
            if stream.read_buf(read).await.ok()? == 0 {
                return None;
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&read[..end]).ok()?.trim(), 16).ok()?;
        read.drain(..end + 2);
        while read.len() < size + 2 {
            if stream.read_buf(read).await.ok()? == 0 {
                return None;
            }
        }
        body.extend(read.drain(..size));
        read.drain(..2);
        if size == 0 {
            return Some(body);
        }
    }
}
