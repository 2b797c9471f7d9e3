//! The driver of a connection over HTTP/2: its streams are tasks of their own.
//! Owns the connection until it ends, and knows when it should.
//! Never looks into a stream.

use super::{
    Core,
    drain::Stage,
    link::{CallerStream, Link, LinkIo},
    listen::{Entry, respond},
};
use crate::upstream::LocalExecutor;
use bytes::Bytes;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{pin::pin, rc::Rc, time::Duration};
use tokio::time::{sleep, timeout};

/// How long callers may take to hear the end of their streams.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub async fn drive(core: &Rc<Core>, stream: CallerStream, link: Rc<Link>, entry: Entry) {
    let io = TokioIo::new(LinkIo::new(stream, Rc::clone(&link), Bytes::new()));
    let (service_core, service_link) = (Rc::clone(core), Rc::clone(&link));
    let service = service_fn(move |request| respond(Rc::clone(&service_core), service_link.enter(), entry, request));
    let mut connection = pin!(core.http2.serve_connection(io, service));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = core.drain.until(Stage::Finishing) => connection.as_mut().graceful_shutdown(),
        tired = patience_ends(&link) => match tired {
            Tired::OfSilence => connection.as_mut().graceful_shutdown(),
            Tired::OfWaiting => return,
        },
    }
    // What is under way is finished; what nobody takes is not.
    let finished = async {
        while timeout(link.patience.body_idle, connection.as_mut()).await.is_err() {
            if !link.is_under_way() || link.has_untaken_answer() {
                return;
            }
        }
    };
    tokio::select! {
        () = finished => {}
        () = is_cut(core, &link) => {}
    }
}

/// Each stream tells its caller first; one whose caller does not listen would keep the connection.
async fn is_cut(core: &Core, link: &Link) {
    core.drain.until(Stage::Cutting).await;
    loop {
        sleep(LAST_WORDS).await;
        if !link.is_awaited() {
            return;
        }
    }
}

/// Why a connection over HTTP/2 is ended from this side.
enum Tired {
    /// Nothing has been asked for as long as a connection may be kept.
    OfSilence,
    /// Part of an answer was not taken. Hyper asks an answer for more only when there is room, so that it could not
    /// end itself; and one stream cannot be ended from outside, so they all end.
    OfWaiting,
}

const STEP: Duration = Duration::from_secs(5);

async fn patience_ends(link: &Link) -> Tired {
    let mut quiet = Duration::ZERO;
    let step = STEP.min(link.patience.body_idle);
    while quiet < link.patience.keep_alive {
        sleep(step).await;
        if link.has_untaken_answer() {
            return Tired::OfWaiting;
        }
        quiet = if link.is_under_way() { Duration::ZERO } else { quiet + step };
    }
    Tired::OfSilence
}

/// The limits on HTTP/2 that its libraries leave open: h2's own defaults are 16 MiB of headers and any number of streams.
pub fn builder(streams: u32, header_list: u32) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_header_list_size(header_list)
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
