//! Interim answers (1xx): hyper passes over any number of them, and a provider must not keep a request waiting that way.
//! Owns the count of those since the last request was written.
//! Never changes a byte.

use super::dial::Stream;
use memchr::memmem;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};

/// More than this before an answer, and the connection is given up.
const MOST: usize = 8;
const INTERIM: &[u8] = b"HTTP/1.1 1";
/// Hyper doubles its buffer while reads fill it. A little less than 16 KiB at a time keeps it there: a thousand stalled
/// readers must fit in memory.
const READ: u64 = 15 * 1024;

/// A connection whose interim answers are counted.
pub struct Watched {
    stream: Take<Stream>,
    /// `None` once something else than interim answers came.
    interim: Option<usize>,
}

impl Watched {
    pub fn new(stream: Stream) -> Self {
        Self { stream: stream.take(READ), interim: Some(0) }
    }

    fn count(&mut self, arrived: &[u8]) -> io::Result<()> {
        let Some(before) = self.interim else { return Ok(()) };
        if !arrived.starts_with(INTERIM) {
            self.interim = None;
            return Ok(());
        }
        let count = before + memmem::find_iter(arrived, INTERIM).take(MOST + 1).count();
        self.interim = Some(count);
        if count > MOST { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        self.stream.set_limit(READ);
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => Poll::Ready(self.count(&buf.filled()[before..])),
            read => read,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.interim = Some(0);
        Pin::new(self.stream.get_mut()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.interim = Some(0);
        Pin::new(self.stream.get_mut()).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}
