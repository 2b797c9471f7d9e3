//! Callers that speak HTTP/2: a sound one, and one that writes frames which no sound one would.

use super::{Answer, Ask, Bellhop, UNLISTED, intake::Seen, soon::PATIENCE, within};
use bytes::Bytes;
use h2::{
    SendStream,
    client::{self, ResponseFuture, SendRequest},
};
use http::{Request, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub struct Http2 {
    sender: SendRequest<Bytes>,
    host: String,
    seen: Seen,
}

impl Http2 {
    /// In the clear, by prior knowledge.
    pub async fn connect(bellhop: &Bellhop) -> Self {
        let stream = TcpStream::connect(bellhop.addresses.proxy).await.unwrap();
        Self::over(stream, bellhop).await
    }

    pub async fn over(stream: impl super::intake::Io + 'static, bellhop: &Bellhop) -> Self {
        let (sender, connection) = within(PATIENCE, "an HTTP/2 handshake", client::handshake(stream)).await.unwrap();
        tokio::spawn(async move {
            // What goes wrong here also reaches whoever waits for an answer.
            let _ = connection.await;
        });
        Self { sender, host: bellhop.addresses.proxy.to_string(), seen: bellhop.answers.clone() }
    }

    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        self.try_ask(ask).await.expect("an answer")
    }

    pub async fn try_ask(&mut self, ask: &Ask) -> Result<Answer, h2::Error> {
        let answer = self.begin(ask).await?;
        within(PATIENCE, "an answer over HTTP/2", whole(answer, &self.seen)).await
    }

    /// Sends the whole request, and leaves the answer to be waited for.
    pub async fn begin(&mut self, ask: &Ask) -> Result<ResponseFuture, h2::Error> {
        let request = self.head(ask);
        let mut sender = within(PATIENCE, "a stream", self.sender.clone().ready()).await?;
        let (answer, mut body) = sender.send_request(request, ask.body.is_none())?;
        if let Some(bytes) = &ask.body {
            body.send_data(Bytes::from(bytes.clone()), true)?;
        }
        Ok(answer)
    }

    /// Sends the head alone: the body goes where the story says.
    pub async fn open(&mut self, ask: &Ask) -> (ResponseFuture, SendStream<Bytes>) {
        let mut sender = within(PATIENCE, "a stream", self.sender.clone().ready()).await.unwrap();
        sender.send_request(self.head(ask), false).unwrap()
    }

    fn head(&self, ask: &Ask) -> Request<()> {
        let mut request = Request::builder().method(ask.method).version(Version::HTTP_2);
        request = request.uri(format!("http://{}{}", self.host, ask.target));
        for (name, value) in &ask.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        request.body(()).unwrap()
    }

    /// How many streams Bellhop lets a caller have at once, once its settings are here.
    pub fn most_streams(&self) -> usize {
        self.sender.current_max_send_streams()
    }
}

/// Waits for the whole of an answer.
pub async fn whole(answer: ResponseFuture, seen: &Seen) -> Result<Answer, h2::Error> {
    let (parts, mut stream) = answer.await?.into_parts();
    let text = |value: &http::HeaderValue| value.as_bytes().iter().map(|b| char::from(*b)).collect::<String>();
    let headers: Vec<_> = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        body.extend_from_slice(&part);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    let trailers: Vec<_> = trailers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut seen = seen.lock().unwrap();
    seen.extend(headers.iter().chain(&trailers).flat_map(|(name, value)| format!("{name}: {value}\n").into_bytes()));
    seen.extend_from_slice(&body);
    Ok(Answer { status: parts.status.as_u16(), headers, body, trailers, interim: Vec::new(), is_whole: true })
}

/// Writes frames by hand. RFC 9113 for the frames, RFC 7541 §6.2.2 for fields that need no table.
pub struct Frames {
    stream: TcpStream,
}

const HEADERS: u8 = 1;
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How Bellhop took what it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reaction {
    Answered,
    StreamReset,
    ConnectionEnded,
}

impl Frames {
    pub async fn connect(bellhop: &Bellhop) -> Self {
        let mut stream = TcpStream::connect(bellhop.addresses.proxy).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut frames = Self { stream };
        frames.write(SETTINGS, 0, 0, &[]).await;
        frames
    }

    /// One request on stream 1, with exactly these fields, and this body.
    pub async fn request(&mut self, fields: &[(&str, &str)], body: Option<&[u8]>) {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        let end = if body.is_none() { END_STREAM } else { 0 };
        self.write(HEADERS, END_HEADERS | end, 1, &block).await;
        if let Some(body) = body {
            self.write(DATA, END_STREAM, 1, body).await;
        }
    }

    /// `false` once Bellhop has ended the connection.
    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        within(PATIENCE, "Bellhop to take a frame", self.stream.write_all(&frame)).await.is_ok()
    }

    /// The beginning of a header block that never ends, and this many continuations of it.
    pub async fn endless_head(&mut self, continuations: usize) -> bool {
        self.write(HEADERS, END_STREAM, 1, &literal("x-a", "b")).await;
        let part: Vec<u8> = std::iter::repeat_n(literal("x-filler", &"x".repeat(100)), 100).flatten().collect();
        for _ in 0..continuations {
            if !self.write(CONTINUATION, 0, 1, &part).await {
                return false;
            }
        }
        true
    }

    /// Opens streams and resets them at once, as fast as it goes.
    pub async fn reset_rapidly(&mut self, fields: &[(&str, &str)], streams: u32) {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        for stream in (1..streams * 2).step_by(2) {
            let sent = self.write(HEADERS, END_HEADERS | END_STREAM, stream, &block).await
                && self.write(RST_STREAM, 0, stream, &[0, 0, 0, 8]).await;
            if !sent {
                return;
            }
        }
    }

    /// Begins a request on stream 1 whose body is still to come.
    pub async fn begin(&mut self, fields: &[(&str, &str)], body: &[u8]) {
        let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
        self.write(HEADERS, END_HEADERS, 1, &block).await;
        self.write(DATA, 0, 1, body).await;
    }

    /// What comes first of an answer, a reset, or the end.
    pub async fn reaction(&mut self) -> Reaction {
        within(PATIENCE, "a reaction", async {
            loop {
                let mut head = [0; 9];
                if self.stream.read_exact(&mut head).await.is_err() {
                    return Reaction::ConnectionEnded;
                }
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                let mut payload = vec![0; length];
                if self.stream.read_exact(&mut payload).await.is_err() {
                    return Reaction::ConnectionEnded;
                }
                match head[3] {
                    HEADERS => return Reaction::Answered,
                    RST_STREAM => return Reaction::StreamReset,
                    GOAWAY => return Reaction::ConnectionEnded,
                    _ => {}
                }
            }
        })
        .await
    }
}

/// A request's pseudo-fields and its token.
pub fn sound(authorization: &str) -> [(&'static str, &str); 5] {
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "bellhop"),
        (":path", UNLISTED),
        ("authorization", authorization),
    ]
}

/// A literal field without indexing, its strings without Huffman coding.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127, "longer strings need more than one length byte");
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
