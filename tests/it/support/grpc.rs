//! gRPC at both ends: calls as an SDK makes them, and a stand-in that is under the story's control to the frame.
//! Owns the record of every call that reached the stand-in, and searches it for tokens at the end.

use super::{Ask, Pat, Site, canary, eventually};
use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    server::{self, SendResponse},
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, request};
use serde_json::{Value, json};
use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// A provider token at Rigetti.
pub const KEY: &str = "fake-rigetti-token-canary";
const CONTROLLER: &str = "/rigetti/services.controller.Controller";

/// A message in its frame.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// A field that holds a text, or a message of its own.
pub fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    assert!(number < 16 && content.len() < 128, "larger ones need more than one byte");
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()][..], content].concat()
}

/// A call of the controller, as the SDK makes it.
pub fn call(method: &str, pat: &Pat, message: &[u8]) -> Ask {
    let ask = Ask::post(format!("{CONTROLLER}/{method}")).header("Authorization", format!("Bearer {pat}"));
    ask.header("Content-Type", "application/grpc").header("TE", "trailers").body(framed(message))
}

/// Submits one job.
pub fn execute(pat: &Pat) -> Ask {
    call("ExecuteControllerJob", pat, &field(3, ""))
}

/// Asks for one job's result.
pub fn result(pat: &Pat, job: &str) -> Ask {
    call("GetControllerJobResults", pat, &field(1, job))
}

/// A credential of Rigetti's, as the state file has it.
pub fn credential() -> Value {
    super::state::credential("rigetti", &json!({ "refresh_token": { "value": KEY } }))
}

/// A call as it reached the stand-in.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub connection: usize,
    pub authority: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
}

/// A call that waits to be answered.
pub struct Call {
    pub head: request::Parts,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    connection: usize,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Call {
    /// The whole request; from then on it is on the stand-in's record.
    pub async fn request(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(Ok(part)) = self.body.data().await {
            let _ = self.body.flow_control().release_capacity(part.len());
            body.extend_from_slice(&part);
        }
        let trailers = self.body.trailers().await.ok().flatten().unwrap_or_default();
        let uri = &self.head.uri;
        self.arrived.lock().unwrap().push(Arrived {
            connection: self.connection,
            authority: uri.authority().map(ToString::to_string).unwrap_or_default(),
            path: uri.path().to_owned(),
            headers: self.head.headers.clone(),
            body: body.clone(),
            trailers,
        });
        body
    }

    /// The head of an answer with messages.
    pub fn begin(&mut self) -> SendStream<Bytes> {
        let head = Response::builder().header("content-type", "application/grpc").header("alt-svc", "h3");
        self.respond.send_response(head.body(()).unwrap(), false).unwrap()
    }

    /// One message, and a good end.
    pub async fn answer(&mut self, message: &[u8]) {
        self.request().await;
        let mut stream = self.begin();
        stream.send_data(framed(message).into(), false).unwrap();
        stream.send_trailers(ended("0")).unwrap();
    }

    /// Ends without a message.
    pub async fn refuse(&mut self, code: &str) {
        self.request().await;
        let head = Response::builder().header("content-type", "application/grpc").header("grpc-status", code);
        self.respond.send_response(head.body(()).unwrap(), true).unwrap();
    }

    pub fn reset(&mut self) {
        self.respond.send_reset(h2::Reason::INTERNAL_ERROR);
    }
}

/// The trailers of a call that ended with this number.
pub fn ended(code: &str) -> HeaderMap {
    fields(&[("grpc-status", code)])
}

pub fn fields(fields: &[(&str, &str)]) -> HeaderMap {
    let field =
        |(name, value): &(&str, &str)| -> (HeaderName, HeaderValue) { (name.parse().unwrap(), value.parse().unwrap()) };
    fields.iter().map(field).collect()
}

type Script = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// How a stand-in treats its connections.
#[derive(Clone, Default)]
pub struct Manners {
    pub tls: Option<ServerConfig>,
    /// Says that it is going away after so many calls.
    pub calls_each: Option<usize>,
}

/// Stands in for Rigetti's gateway.
pub struct Gateway {
    pub address: SocketAddr,
    scheme: &'static str,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Gateway {
    pub async fn answering<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::with(Manners::default(), script).await
    }

    pub async fn with<F: Future<Output = ()> + Send + 'static>(
        manners: Manners,
        script: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (arrived, connections) = (Arc::default(), Arc::default());
        let scheme = if manners.tls.is_some() { "https" } else { "http" };
        let script: Script = Arc::new(move |call| Box::pin(script(call)));
        let accepting = tokio::spawn(accept(listener, manners, script, Arc::clone(&arrived), Arc::clone(&connections)));
        Self { address, scheme, arrived, connections, accepting }
    }

    /// A site whose Rigetti this is, under this name.
    pub fn site(&self, host: &str) -> Site {
        let origin = format!("{}://{host}:{}", self.scheme, self.address.port());
        let upstream = json!({ "main": origin, "translation": origin, "gateway": origin });
        let site = Site::empty().set("providers.rigetti", json!({ "upstream": upstream, "allow_private": true }));
        site.without_exchange("rigetti", "{ headers: [{ name: Authorization, value: 'Bearer {refresh_token}' }] }")
    }

    pub fn calls(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// The one call that came.
    #[track_caller]
    pub fn call(&self) -> Arrived {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    pub async fn until_calls(&self, count: usize) {
        eventually(&format!("{count} calls have reached the provider"), async || self.calls().len() >= count).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
        if !std::thread::panicking() {
            for call in self.calls() {
                canary::assert_no_token("a call", format!("{:?}", (&call.headers, &call.trailers)).as_bytes());
                canary::assert_no_token("a call", &call.body);
            }
        }
    }
}

async fn accept(
    listener: TcpListener,
    manners: Manners,
    script: Script,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    connections: Arc<AtomicUsize>,
) {
    let tls = manners.tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    let mut serving = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let number = connections.fetch_add(1, SeqCst);
        let (tls, script, arrived) = (tls.clone(), Arc::clone(&script), Arc::clone(&arrived));
        let calls_each = manners.calls_each.unwrap_or(usize::MAX);
        serving.spawn(async move {
            let stream: Box<dyn super::intake::Io> = match tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => return,
                },
            };
            let Ok(mut connection) = server::handshake(stream).await else { return };
            let mut count = 0;
            while let Some(Ok((request, respond))) = connection.accept().await {
                let (head, body) = request.into_parts();
                let call = Call { head, body, respond, connection: number, arrived: Arc::clone(&arrived) };
                tokio::spawn(script(call));
                count += 1;
                if count == calls_each {
                    connection.graceful_shutdown();
                }
            }
        });
    }
}
