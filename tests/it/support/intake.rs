//! What comes over a connection, byte by byte, and what HTTP/1's framing makes of it: the same at both ends.

use super::{soon::PATIENCE, within};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Everything that came, for the search at a story's end.
pub type Seen = Arc<Mutex<Vec<u8>>>;

pub struct Intake {
    stream: Box<dyn Io>,
    /// What came and was not asked for yet.
    read: Vec<u8>,
    seen: Option<Seen>,
}

impl Intake {
    pub fn new(stream: Box<dyn Io>, seen: Seen) -> Self {
        Self { stream, read: Vec::new(), seen: Some(seen) }
    }

    pub fn without_record(self) -> Self {
        Self { seen: None, ..self }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    pub async fn half_close(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// `false` at the connection's end.
    pub async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        let count = self.stream.read(&mut buffer).await.unwrap_or(0);
        if let Some(seen) = &self.seen {
            seen.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Whatever there is; waits for at least one byte. Empty at the end.
    pub async fn some(&mut self) -> Vec<u8> {
        if self.read.is_empty() {
            self.more().await;
        }
        std::mem::take(&mut self.read)
    }

    pub async fn until_the_end(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.read)
    }

    /// Up to and with the empty line. `None` when the connection ends before that.
    pub async fn head(&mut self) -> Option<Vec<u8>> {
        self.up_to(b"\r\n\r\n").await
    }

    /// As many bytes, and whether that is all of them.
    pub async fn exactly(&mut self, length: usize, body: &mut Vec<u8>) -> bool {
        while self.read.len() < length {
            if !self.more().await {
                break;
            }
        }
        let taken = length.min(self.read.len());
        body.extend(self.read.drain(..taken));
        taken == length
    }

    /// A body in chunks, what stands after the last one, and whether there is a last one.
    pub async fn chunks(&mut self, body: &mut Vec<u8>, trailers: &mut Vec<String>) -> bool {
        self.try_chunks(body, trailers).await.is_some()
    }

    async fn try_chunks(&mut self, body: &mut Vec<u8>, trailers: &mut Vec<String>) -> Option<()> {
        loop {
            let size = usize::from_str_radix(&self.line().await?, 16).expect("a chunk's size");
            if size == 0 {
                break;
            }
            if !self.exactly(size, body).await {
                return None;
            }
            assert_eq!(self.line().await?, "", "a chunk is as long as it says");
        }
        loop {
            match self.line().await? {
                end if end.is_empty() => return Some(()),
                trailer => trailers.push(trailer),
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        let line = self.up_to(b"\r\n").await?;
        Some(String::from_utf8_lossy(&line[..line.len() - 2]).into_owned())
    }

    async fn up_to(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.read, end) {
                return Some(self.read.drain(..at + end.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads as many bytes and forgets them.
    pub async fn drain(&mut self, length: usize) {
        let mut left = length - self.read.len().min(length);
        self.read.clear();
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let part = buffer.len().min(left);
            let count = within(PATIENCE, "bulk", self.stream.read(&mut buffer[..part])).await.unwrap();
            assert!(count > 0, "it ended {left} bytes early");
            left -= count;
        }
    }
}
