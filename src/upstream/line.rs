//! One connection to a provider, and the body of the answer that it is carrying. It has no task of its own: whoever
//! waits for what it brings drives it, which spares each request two hand-overs between tasks.
//! Owns the connection, and gives it back when the answer has been read to its end.
//! Never keeps for the next request what is not done with the last one.

use super::{Outbound, SendError, Upstreams, dial::Stream, interim::Watched};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};
use tokio::task::{coop::unconstrained, spawn_local};

type Connection = http1::Connection<TokioIo<Watched>, Outbound>;

pub struct Line {
    sender: http1::SendRequest<Outbound>,
    /// `None` once it has ended.
    connection: Option<Pin<Box<Connection>>>,
}

impl Line {
    pub async fn begin(stream: Stream, builder: &http1::Builder) -> Result<Self, SendError> {
        let io = TokioIo::new(Watched::new(stream));
        let (sender, connection) = builder.handshake(io).await.map_err(|_| SendError::Broken)?;
        Ok(Self { sender, connection: Some(Box::pin(connection)) })
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn send(
        &mut self,
        request: Request<Outbound>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outbound>>> {
        let Self { sender, connection } = self;
        let mut answer = pin!(unconstrained(sender.try_send_request(request)));
        poll_fn(|cx| {
            drive(connection, cx);
            answer.as_mut().poll(&mut asked_again())
        })
        .await
    }

    /// Whether nothing of the last exchange is left, and the other side is still there. Wakes nobody later on.
    pub fn is_free(&mut self) -> bool {
        let mut driven = pin!(unconstrained(poll_fn(|cx| {
            drive(&mut self.connection, cx);
            Poll::Ready(())
        })));
        let _ = driven.as_mut().poll(&mut asked_again());
        self.sender.is_ready()
    }

    /// When it was last seen, it could take a request.
    pub fn seems_free(&self) -> bool {
        self.sender.is_ready()
    }

    /// Takes no more requests, and ends when it is done with the last one.
    pub fn retire(self) {
        if let Some(connection) = self.connection {
            spawn_local(async move {
                // Whoever waited for something from it has it.
                let _ = connection.await;
            });
        }
    }
}

/// Lets a connection do what it can.
fn drive(connection: &mut Option<Pin<Box<Connection>>>, cx: &mut Context<'_>) {
    if connection.as_mut().is_some_and(|connection| connection.as_mut().poll(cx).is_ready()) {
        *connection = None;
    }
}

/// For what only this connection can bring about: it is looked at after each drive, so that waking the task which is
/// driving would only run it a second time. (Hence `unconstrained`, too: what has used up its turn must ask for another.)
const fn asked_again() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The body of an answer. Read to its end, its connection can take the next request; dropped before that, the
/// connection is closed, because what is left on it belongs to somebody.
pub struct Inbound {
    body: Incoming,
    line: Option<Line>,
    upstreams: Rc<Upstreams>,
    endpoint: u64,
}

impl Inbound {
    pub fn new(body: Incoming, line: Line, upstreams: Rc<Upstreams>, endpoint: u64) -> Self {
        let mut inbound = Self { body, line: Some(line), upstreams, endpoint };
        if inbound.body.is_end_stream() {
            inbound.give_back();
        }
        inbound
    }

    fn give_back(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        if line.is_free() {
            self.upstreams.keep(self.endpoint, line);
        } else {
            // The provider ended the connection, or answered before it had the whole request, which goes on.
            line.retire();
        }
    }

    fn look(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(&mut asked_again())
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut frame = self.look();
        if frame.is_pending()
            && let Some(line) = &mut self.line
        {
            drive(&mut line.connection, cx);
            frame = self.look();
        }
        match &frame {
            Poll::Ready(Some(Err(_))) => self.line = None,
            Poll::Ready(None) => self.give_back(),
            Poll::Ready(Some(Ok(_))) if self.body.is_end_stream() => self.give_back(),
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
