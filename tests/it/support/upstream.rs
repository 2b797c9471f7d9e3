//! A stand-in for a provider, under the story's control to the byte.
//! Records every byte that reaches it; accepts exactly the keys that it was told, where a story does not script it.

use super::{
    eventually,
    intake::{Io, Seen},
    provider_line::{Arrived, ProviderLine},
};
use serde_json::Value;
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
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

/// What has come from Bellhop.
#[derive(Default)]
pub struct Arrivals {
    pub requests: Mutex<Vec<Arrived>>,
    pub bytes: Seen,
    connections: AtomicUsize,
    closed: AtomicUsize,
    /// Scripts that found what no story expects, such as a request that is framed twice.
    faults: AtomicUsize,
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

    /// Begins an answer of 100 MB, and sends as long as anybody takes it.
    pub async fn endless() -> Self {
        Self::scripted(|mut line| async move {
            line.request().await;
            line.send(Reply::new(200).header("Content-Length", "100000000").without_length().bytes()).await;
            while line.send([b'x'; 65536]).await {}
        })
        .await
    }

    /// Does what the story says over TLS, for callers that accept the certificate.
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
    Some(ProviderLine::new(stream, arrivals, number))
}
