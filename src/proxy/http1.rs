//! The driver of a connection over HTTP/1: busy while there are requests, at rest between them.
//! Owns the connection until it ends, and knows when it should.
//! Never answers a request, but for what cannot be read as one.

use super::{
    Core,
    drain::Stage,
    head,
    link::{CallerStream, Link, LinkIo},
    listen::{Entry, YOUNG, respond},
    refusal::{Refusal, Shape},
    relay::Answer,
    wire::Violation,
};
use crate::upstream::{Waiting, ring_when_due};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    time::{Sleep, sleep, sleep_until, timeout},
};

/// A connection that rests this long gives its buffers back and only waits to be read from.
const REST: Duration = Duration::from_millis(250);
/// A connection at rest is kept so long when its core drains: the caller may have asked before it could know.
const LINGER: Duration = Duration::from_millis(100);
/// How long a caller may take to hear the end of a connection.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A timer that would fire this much too late is set anew; one that fires too early just looks again.
const LATENESS: Duration = Duration::from_secs(1);

type Io = TokioIo<LinkIo>;

/// Serves one HTTP/1 connection: busy while there are requests, at rest between them.
pub async fn drive(core: &Rc<Core>, stream: CallerStream, link: Rc<Link>, entry: Entry) {
    let mut stream = stream;
    let mut ahead = Bytes::new();
    loop {
        // Boxed, so that a connection at rest does not keep the room.
        match Box::pin(busy(core, stream, &link, entry, ahead)).await {
            Some((rested, read)) => (stream, ahead) = (rested, read),
            None => return,
        }
        if ahead.is_empty() && !rest(core, &stream, &link).await {
            return;
        }
    }
}

/// Runs hyper until the connection ends (`None`) or rests.
async fn busy(
    core: &Rc<Core>,
    stream: CallerStream,
    link: &Rc<Link>,
    entry: Entry,
    ahead: Bytes,
) -> Option<(CallerStream, Bytes)> {
    let io: Io = TokioIo::new(LinkIo::new(stream, Rc::clone(link), ahead));
    // Entered here and not in the future: hyper reads on before it polls that.
    let service = service_fn(|request| respond(Rc::clone(core), link.enter(), entry, request));
    let mut connection = core.http1.serve_connection(io, service);
    let mut timer = pin!(sleep_until(link.alarm.at().into()));
    let mut drain = pin!(core.drain.until(Stage::Cutting));
    let mut ending = Ending::default();
    let mut rung = false;
    let end = poll_fn(|cx| {
        loop {
            // Woken at each step of it.
            let is_cutting = drain.as_mut().poll(cx).is_ready();
            if ending.must_say_so(core, link) {
                Pin::new(&mut connection).graceful_shutdown();
            }
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(if result.is_ok() { End::Closed } else { End::Broken });
            }
            if core.drain.has_begun()
                && let Poll::Ready(end) = ending.poll(is_cutting, link, cx)
            {
                return Poll::Ready(end);
            }
            if std::mem::take(&mut rung) && link.alarm.has_rung() {
                // Whoever waited has answered; what is left is for the caller to take.
                link.alarm.set(Instant::now() + link.patience.body_idle, Waiting::Caller);
            }
            match keep_time(link, timer.as_mut(), cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Due::Rest) => return Poll::Ready(End::Rests),
                // Whoever waits for the provider answers for itself, now that the alarm has rung.
                Poll::Ready(Due::Answer) => rung = true,
                Poll::Ready(Due::Caller) => return Poll::Ready(End::TooSlow),
            }
        }
    })
    .await;
    finish(end, connection, core, link).await
}

/// The end of a connection whose core drains.
#[derive(Default)]
struct Ending {
    said: bool,
    /// Until when the caller may hear why.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Ending {
    /// Once, while something is under way: without a request, hyper would close what may carry one in a moment.
    fn must_say_so(&mut self, core: &Core, link: &Link) -> bool {
        core.drain.has_begun() && link.is_under_way() && !std::mem::replace(&mut self.said, true)
    }

    /// What is under way ends by itself, or is told to; a connection at rest is closed where it rests; a head that is on
    /// its way is waited for.
    fn poll(&mut self, is_cutting: bool, link: &Link, cx: &mut Context<'_>) -> Poll<End> {
        let is_cut = is_cutting && !link.is_awaited();
        if is_cut && link.is_in_head() {
            return Poll::Ready(End::Draining);
        }
        let until = match (is_cut, link.is_unused()) {
            (true, true) => return Poll::Ready(End::Closed),
            (true, false) => Instant::now() + LAST_WORDS,
            (false, true) => link.accepted + YOUNG,
            (false, false) => {
                self.timer = None;
                return Poll::Pending;
            }
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until.into())));
        timer.as_mut().poll(cx).map(|()| if is_cut { End::Broken } else { End::Closed })
    }
}

enum End {
    Closed,
    Broken,
    Rests,
    TooSlow,
    /// Its core ends, in the middle of a head.
    Draining,
}

enum Due {
    Rest,
    Caller,
    Answer,
}

fn keep_time(link: &Link, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Due> {
    if link.is_at_rest() {
        link.begin_rest(REST);
    }
    if link.alarm.at() + LATENESS < timer.deadline().into_std() {
        timer.as_mut().reset(link.alarm.at().into());
    }
    ring_when_due(&link.alarm, timer.as_mut(), cx);
    if !link.alarm.has_rung() {
        return Poll::Pending;
    }
    Poll::Ready(if link.is_at_rest() {
        Due::Rest
    } else if link.is_under_way() && link.alarm.waiting() == Waiting::Provider {
        Due::Answer
    } else {
        Due::Caller
    })
}

async fn finish<S>(
    end: End,
    connection: http1::Connection<Io, S>,
    core: &Core,
    link: &Link,
) -> Option<(CallerStream, Bytes)>
where
    S: hyper::service::HttpService<Incoming, ResBody = Answer>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if let Some(tunnel) = link.take_tunnel() {
        let parts = connection.into_parts();
        // Whoever did not wait for the agreement has sent what was read as a request.
        if matches!(end, End::Closed) && link.violation().is_none() {
            tunnel.run(&core.drain, parts.io.into_inner().into_stream(), parts.read_buf).await;
        }
        return None;
    }
    let refusal = match (end, link.violation()) {
        (End::Rests, _) => {
            let parts = connection.into_parts();
            return Some((parts.io.into_inner().into_stream(), parts.read_buf));
        }
        // Hyper calls it closed when the very first bytes could not be read.
        (End::Broken | End::Closed, Some(violation)) if !link.is_under_way() => refuse(violation),
        (End::TooSlow, None) if !link.is_under_way() => {
            Refusal::bad_request("The request's head took too long.").status(StatusCode::REQUEST_TIMEOUT)
        }
        (End::Draining, None) => Refusal::draining(),
        _ => return None,
    };
    let stream = connection.into_parts().io.into_inner().into_stream();
    let _ = timeout(LAST_WORDS, last_words(stream, refusal, core.ids.next())).await;
    None
}

fn refuse(violation: Violation) -> Refusal {
    let refusal = Refusal::bad_request(format!("The request cannot be read safely: {violation}."));
    match violation {
        Violation::HeadTooLarge => refusal.status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Violation::TargetTooLong => refusal.status(StatusCode::URI_TOO_LONG),
        _ => refusal,
    }
}

/// A refusal on a connection that hyper no longer serves.
async fn last_words(stream: CallerStream, refusal: Refusal, id: HeaderValue) -> io::Result<()> {
    let (mut parts, body) = refusal.close().answer(Shape::default()).into_parts();
    parts.headers.insert(head::REQUEST_ID, id);
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut text = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", parts.status, body.len()).into_bytes();
    for (name, value) in &parts.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&body);
    let mut stream = stream.boxed();
    stream.write_all(&text).await?;
    stream.shutdown().await
}

/// Waits, holding nothing but the socket. Whether the connection goes on.
async fn rest(core: &Core, stream: &CallerStream, link: &Link) -> bool {
    let until = Instant::now() + link.patience.keep_alive;
    let over = async {
        core.drain.until(Stage::Finishing).await;
        sleep(LINGER).await;
    };
    let goes_on = tokio::select! {
        biased;
        readable = stream.socket().readable() => readable.is_ok(),
        () = sleep_until(until.into()) => false,
        () = over => false,
    };
    link.end_rest();
    goes_on
}
