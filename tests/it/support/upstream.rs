//! A stand-in for a provider, under the story's control to the byte.
//! Records every byte that reaches it; accepts exactly the keys that it was told, where a story does not script it.

use super::{eventually, line::Io, soon::PATIENCE, within};
use serde_json::Value;
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

type Script = Arc<dyn Fn(ProviderLine) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub struct Upstream {
    pub address: SocketAddr,
    scheme: &'static str,
    arrivals: Arc<Arrivals>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Arrivals {
    requests: Mutex<Vec<Arrived>>,
    bytes: Mutex<Vec<u8>>,
    connections: AtomicUsize,
    closed: AtomicUsize,
    /// Scripts that found what no story expects, such as a request that is framed twice.
    faults: AtomicUsize,
}

/// A request as it reached the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Which connection it came on, from 0.
    pub connection: usize,
    pub method: String,
    pub target: String,
    /// As they were written, in their order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What stood after the last chunk.
    pub trailers: Vec<String>,
    /// Whether its framing says that this is all of it.
    pub is_whole: bool,
}

impl Arrived {
    /// The one value of this header.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &**value);
        let first = values.next();
        assert!(values.next().is_none(), "{name} came more than once: {:?}", self.headers);
        first
    }

    /// IonQ's key, and that there is one only.
    #[track_caller]
    pub fn key(&self) -> &str {
        let value = self.header("authorization").unwrap_or_else(|| panic!("no key in {:?}", self.headers));
        value.strip_prefix("apiKey ").unwrap_or_else(|| panic!("an unusual Authorization: {value}"))
    }
}

/// What a stand-in answers.
#[derive(Clone, Debug)]
pub struct Reply {
    head: String,
    body: Vec<u8>,
    has_length: bool,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self { head: format!("HTTP/1.1 {status} Whatever\r\n"), body: Vec::new(), has_length: true }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status).header("Content-Type", "application/json").body(body.to_string())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The story frames the body itself.
    pub const fn without_length(mut self) -> Self {
        self.has_length = false;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn head_bytes(&self) -> Vec<u8> {
        let length = if self.has_length { format!("Content-Length: {}\r\n", self.body.len()) } else { String::new() };
        format!("{}{length}\r\n", self.head).into_bytes()
    }
}

impl Upstream {
    /// Answers `200` to these IonQ keys and `401` to everything else.
    pub async fn accepting(keys: &[&str]) -> Self {
        Self::accepting_at(ANY_PORT, keys).await
    }

    pub async fn accepting_at(address: SocketAddr, keys: &[&str]) -> Self {
        let keys: Vec<String> = keys.iter().map(|key| format!("apiKey {key}")).collect();
        let answer = move |request: &Arrived| {
            let authorizations: Vec<&str> = request
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case("authorization"))
                .map(|(_, v)| &**v)
                .collect();
            match authorizations[..] {
                [one] if keys.iter().any(|key| key == one) => job(),
                _ => Reply::json(401, &serde_json::json!({ "error": "Unauthorized", "message": "no such key" })),
            }
        };
        Self::listen(address, None, answering(answer)).await
    }

    /// Answers every request alike, by its content.
    pub async fn answering(answer: impl Fn(&Arrived) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(ANY_PORT, None, answering(answer)).await
    }

    /// Does what the story says with every connection.
    pub async fn scripted<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(ProviderLine) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::listen(ANY_PORT, None, Arc::new(move |line| Box::pin(script(line)))).await
    }

    /// The same over TLS, for callers that accept the certificate.
    pub async fn secured<F: Future<Output = ()> + Send + 'static>(
        config: ServerConfig,
        script: impl Fn(ProviderLine) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::listen(ANY_PORT, Some(TlsAcceptor::from(Arc::new(config))), Arc::new(move |line| Box::pin(script(line))))
            .await
    }

    async fn listen(address: SocketAddr, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrivals = Arc::new(Arrivals::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(accept(listener, tls, script, Arc::clone(&arrivals)));
        Self { address, scheme, arrivals, accepting: task }
    }

    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub fn requests(&self) -> Vec<Arrived> {
        self.arrivals.requests.lock().unwrap().clone()
    }

    /// The one request that came.
    #[track_caller]
    pub fn request(&self) -> Arrived {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    #[track_caller]
    pub fn last(&self) -> Arrived {
        self.requests().pop().expect("a request")
    }

    /// Every byte that came, in the order of its coming.
    pub fn bytes(&self) -> Vec<u8> {
        self.arrivals.bytes.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.arrivals.connections.load(SeqCst)
    }

    pub fn open_connections(&self) -> usize {
        self.connections() - self.arrivals.closed.load(SeqCst)
    }

    #[track_caller]
    pub fn assert_untouched(&self) {
        assert!(self.bytes().is_empty(), "the provider was sent {}", self.bytes().escape_ascii());
    }

    pub async fn until_requests(&self, count: usize) {
        eventually(&format!("{count} requests have reached the provider"), async || self.requests().len() >= count)
            .await;
    }

    /// Stops listening, as a provider that is down.
    pub fn go_down(&self) {
        self.accepting.abort();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
        if !std::thread::panicking() {
            assert_eq!(self.arrivals.faults.load(SeqCst), 0, "a stand-in's script failed; see above");
        }
    }
}

fn answering(answer: impl Fn(&Arrived) -> Reply + Send + Sync + 'static) -> Script {
    let answer = Arc::new(answer);
    Arc::new(move |mut line| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            while let Some(request) = line.request().await {
                let reply = answer(&request);
                let bytes = if request.method == "HEAD" { reply.head_bytes() } else { reply.bytes() };
                line.send(bytes).await;
            }
        })
    })
}

/// A job, as IonQ tells of one.
pub fn job() -> Reply {
    Reply::json(200, &serde_json::json!({ "id": "job-1", "status": "ready", "backend": "simulator" }))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script, arrivals: Arc<Arrivals>) {
    // Ends its connections when it is dropped, and that is when the stand-in goes.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        stream.set_nodelay(true).unwrap();
        let number = arrivals.connections.fetch_add(1, SeqCst);
        let (tls, script, arrivals) = (tls.clone(), Arc::clone(&script), Arc::clone(&arrivals));
        connections.spawn(async move {
            let _closing = Closing(Arc::clone(&arrivals));
            if let Some(line) = welcome(stream, tls, arrivals, number).await {
                script(line).await;
            }
        });
    }
}

/// Counts a connection as closed, however its script ends.
struct Closing(Arc<Arrivals>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, SeqCst);
        self.0.faults.fetch_add(usize::from(std::thread::panicking()), SeqCst);
    }
}

async fn welcome(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    arrivals: Arc<Arrivals>,
    number: usize,
) -> Option<ProviderLine> {
    let stream: Box<dyn Io> = match tls {
        None => Box::new(stream),
        Some(acceptor) => Box::new(acceptor.accept(stream).await.ok()?),
    };
    Some(ProviderLine { stream, read: Vec::new(), arrivals, number })
}

/// The provider's end of one connection.
pub struct ProviderLine {
    stream: Box<dyn Io>,
    read: Vec<u8>,
    arrivals: Arc<Arrivals>,
    /// Which connection this is, from 0.
    pub number: usize,
}

impl ProviderLine {
    /// The next whole request, or `None` when there is no more to come.
    pub async fn request(&mut self) -> Option<Arrived> {
        let mut request = self.head().await?;
        request.is_whole = self.body(&mut request).await;
        let mut requests = self.arrivals.requests.lock().unwrap();
        requests.push(request.clone());
        Some(request)
    }

    /// The next request's head. It is not counted as a request.
    pub async fn head(&mut self) -> Option<Arrived> {
        let end = loop {
            if let Some(at) = memchr::memmem::find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        Some(parse_head(&head, self.number))
    }

    async fn body(&mut self, request: &mut Arrived) -> bool {
        let length = request.header("content-length").map(|length| length.parse::<usize>().unwrap());
        match (request.header("transfer-encoding"), length) {
            (None, None | Some(0)) => true,
            (None, Some(length)) => {
                let is_whole = self.fill(length).await;
                let taken = length.min(self.read.len());
                request.body = self.read.drain(..taken).collect();
                is_whole
            }
            (Some("chunked"), None) => self.chunks(request).await.is_some(),
            framing => panic!("Bellhop framed a request twice or oddly: {framing:?}"),
        }
    }

    async fn chunks(&mut self, request: &mut Arrived) -> Option<()> {
        loop {
            let size = usize::from_str_radix(&self.text_line().await?, 16).expect("a chunk's size");
            if size == 0 {
                loop {
                    match self.text_line().await? {
                        line if line.is_empty() => return Some(()),
                        trailer => request.trailers.push(trailer),
                    }
                }
            }
            let is_whole = self.fill(size + 2).await;
            let taken = size.min(self.read.len());
            request.body.extend(self.read.drain(..taken));
            if !is_whole {
                return None;
            }
            self.read.drain(..2);
        }
    }

    async fn text_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.read, b"\r\n") {
                let line: Vec<u8> = self.read.drain(..at + 2).collect();
                return Some(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn fill(&mut self, length: usize) -> bool {
        while self.read.len() < length {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        let count = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.arrivals.bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Reads this many bytes of a body and forgets them.
    pub async fn drain(&mut self, length: usize) {
        let mut left = length - self.read.len().min(length);
        self.read.clear();
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let part = buffer.len().min(left);
            let count = within(PATIENCE, "bulk at the provider", self.stream.read(&mut buffer[..part])).await.unwrap();
            assert!(count > 0, "the request ended {left} bytes early");
            left -= count;
        }
    }

    /// More of what comes, as it comes. Empty at the end.
    pub async fn read_more(&mut self) -> Vec<u8> {
        if self.read.is_empty() {
            self.more().await;
        }
        std::mem::take(&mut self.read)
    }

    /// Bellhop may be gone by now, and that is for the story to say.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// A few bytes at a time.
    pub async fn drip(&mut self, bytes: &[u8], part: usize, pause: Duration) {
        for piece in bytes.chunks(part) {
            if !self.send(piece).await {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    pub async fn half_close(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Says nothing until Bellhop gives up.
    pub async fn hang(&mut self) {
        while self.more().await {}
    }
}

fn parse_head(head: &[u8], connection: usize) -> Arrived {
    let text: String = head.iter().map(|b| char::from(*b)).collect();
    let mut lines = text.split("\r\n");
    let request_line = lines.next().unwrap_or_default();
    let [method, target, "HTTP/1.1"] = request_line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("Bellhop sent an odd request line: {request_line:?}");
    };
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(": ").or_else(|| line.split_once(':')).expect("a field");
        (name.to_owned(), value.to_owned())
    });
    let (method, target) = (method.to_owned(), target.to_owned());
    Arrived { connection, method, target, headers: headers.collect(), ..Arrived::default() }
}
