//! The provider's end of one connection, read and written byte by byte, and the requests that came on it.

use super::{
    intake::{Intake, Io},
    upstream::Arrivals,
};
use std::{sync::Arc, time::Duration};

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

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// IonQ's key, and that there is one only.
    #[track_caller]
    pub fn key(&self) -> &str {
        let value = self.header("authorization").unwrap_or_else(|| panic!("no key in {:?}", self.headers));
        value.strip_prefix("apiKey ").unwrap_or_else(|| panic!("an unusual Authorization: {value}"))
    }
}

/// The provider's end of one connection.
pub struct ProviderLine {
    intake: Intake,
    arrivals: Arc<Arrivals>,
    /// Which connection this is, from 0.
    pub number: usize,
}

impl ProviderLine {
    pub fn new(stream: Box<dyn Io>, arrivals: Arc<Arrivals>, number: usize) -> Self {
        Self { intake: Intake::new(stream, Arc::clone(&arrivals.bytes)), arrivals, number }
    }

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
        self.intake.head().await.map(|head| parse_head(&head, self.number))
    }

    async fn body(&mut self, request: &mut Arrived) -> bool {
        let length = request.header("content-length").map(|length| length.parse::<usize>().unwrap());
        match (request.header("transfer-encoding"), length) {
            (None, None | Some(0)) => true,
            (None, Some(length)) => self.intake.exactly(length, &mut request.body).await,
            (Some("chunked"), None) => self.intake.chunks(&mut request.body, &mut request.trailers).await,
            framing => panic!("Bellhop framed a request twice or oddly: {framing:?}"),
        }
    }

    /// Reads this many bytes of a body and forgets them.
    pub async fn drain(&mut self, length: usize) {
        self.intake.drain(length).await;
    }

    /// More of what comes, as it comes. Empty at the end.
    pub async fn read_more(&mut self) -> Vec<u8> {
        self.intake.some().await
    }

    /// Bellhop may be gone by now, and that is for the story to say.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.intake.send(bytes.as_ref()).await.is_ok()
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
        self.intake.half_close().await;
    }

    /// Says nothing until Bellhop gives up.
    pub async fn hang(&mut self) {
        self.intake.until_the_end().await;
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
