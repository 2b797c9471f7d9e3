//! One connection of a caller's, with nothing between the story and its bytes.

use super::{Answer, Ask, soon::PATIENCE, within};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Everything that callers of a story were answered.
pub type Seen = Arc<Mutex<Vec<u8>>>;

pub struct Line {
    stream: Box<dyn Io>,
    /// What goes into `Host`.
    pub host: String,
    read: Vec<u8>,
    seen: Option<Seen>,
}

impl Line {
    pub async fn open(address: SocketAddr, seen: Seen) -> Self {
        let stream = within(PATIENCE, "a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, address.to_string(), seen)
    }

    pub fn over(stream: impl Io + 'static, host: String, seen: Seen) -> Self {
        Self { stream: Box::new(stream), host, read: Vec::new(), seen: Some(seen) }
    }

    /// Bulk is not kept for the search at the end.
    pub fn without_record(mut self) -> Self {
        self.seen = None;
        self
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).await.expect("the connection takes bytes");
        self
    }

    /// For when Bellhop may have closed the connection by now.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within(PATIENCE, "Bellhop to take bytes", async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Sends a request and waits for its answer.
    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        let bytes = ask.bytes(&self.host);
        self.send(bytes).await;
        self.answer_to(ask.method).await
    }

    pub async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    pub async fn answer_to(&mut self, method: &str) -> Answer {
        within(PATIENCE, "an answer", self.try_answer(method)).await.expect("an answer before the connection's end")
    }

    /// `None` when the connection ends before a head is there.
    pub async fn answer_or_end(&mut self) -> Option<Answer> {
        within(PATIENCE, "an answer or the end", self.try_answer("GET")).await
    }

    /// Only the head; `read_more` takes what follows.
    pub async fn head(&mut self) -> Answer {
        let mut interim = Vec::new();
        loop {
            let mut answer = within(PATIENCE, "a head", self.next_head()).await.expect("a head before the end");
            if (100..200).contains(&answer.status) && answer.status != 101 {
                interim.push(answer.status);
                continue;
            }
            answer.interim = interim;
            return answer;
        }
    }

    /// The status of a 1xx answer.
    pub async fn interim(&mut self) -> u16 {
        let answer = within(PATIENCE, "a 1xx answer", self.next_head()).await.expect("a head before the end");
        assert!((100..200).contains(&answer.status), "{}", answer.status);
        answer.status
    }

    async fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let mut interim = Vec::new();
        let mut answer = loop {
            let answer = self.next_head().await?;
            if !(100..200).contains(&answer.status) || answer.status == 101 {
                break answer;
            }
            interim.push(answer.status);
        };
        answer.interim = interim;
        let empty = method == "HEAD" || matches!(answer.status, 101 | 204 | 304);
        let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        answer.is_whole = if empty {
            true
        } else if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks(&mut answer.body).await.is_some()
        } else if let Some(length) = length {
            let whole = self.fill(length).await;
            let taken = length.min(self.read.len());
            answer.body = self.read.drain(..taken).collect();
            whole
        } else {
            while self.more().await {}
            answer.body = std::mem::take(&mut self.read);
            true
        };
        Some(answer)
    }

    async fn next_head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = memchr::memmem::find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        Some(parse_head(&head))
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let size = self.chunk_line().await?;
            let size = usize::from_str_radix(&size, 16).expect("a chunk's size");
            if size == 0 {
                while !self.chunk_line().await?.is_empty() {}
                return Some(());
            }
            let whole = self.fill(size + 2).await;
            let taken = size.min(self.read.len());
            body.extend(self.read.drain(..taken));
            if !whole {
                return None;
            }
            self.read.drain(..2);
        }
    }

    async fn chunk_line(&mut self) -> Option<String> {
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

    /// Reads until this much is there. `false` at the connection's end.
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
        if let Some(seen) = &self.seen {
            seen.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// What has arrived and was not asked for yet; waits for at least one byte. Empty at the end.
    pub async fn read_more(&mut self) -> Vec<u8> {
        if self.read.is_empty() {
            within(PATIENCE, "more bytes", self.more()).await;
        }
        std::mem::take(&mut self.read)
    }

    /// Reads this many bytes and forgets them.
    pub async fn drain(&mut self, length: usize) {
        let mut left = length - self.read.len().min(length);
        self.read.clear();
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let part = buffer.len().min(left);
            let count = within(PATIENCE, "bulk", self.stream.read(&mut buffer[..part])).await.unwrap();
            assert!(count > 0, "the answer ended {left} bytes early");
            left -= count;
        }
    }

    /// Bellhop has nothing more to say, and ends the connection.
    pub async fn assert_closed(&mut self) {
        within(PATIENCE, "the connection's end", async { while self.more().await {} }).await;
        assert!(self.read.is_empty(), "before its end came {:?}", self.read.escape_ascii().to_string());
    }

    /// The end of the connection, whatever comes before it.
    pub async fn until_closed(&mut self) -> Vec<u8> {
        within(PATIENCE, "the connection's end", async { while self.more().await {} }).await;
        std::mem::take(&mut self.read)
    }
}

fn parse_head(head: &[u8]) -> Answer {
    let text: String = head.iter().map(|b| char::from(*b)).collect();
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    assert!(status_line.starts_with("HTTP/1."), "no answer: {:?}", head.escape_ascii().to_string());
    let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').expect("a field");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Answer { status, headers: headers.collect(), ..Answer::default() }
}
