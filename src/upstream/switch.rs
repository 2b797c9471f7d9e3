//! Requests to go on with another protocol: each on a connection of its own, which becomes a tunnel if the provider agrees.
//! Owns nothing once the tunnel is made, and never puts such a connection into a pool.
//! Never takes an agreement to anything else than what was asked for.

use super::{
    Deadline, Endpoint, Lease, Open, Outbound, READ_BUFFER, SendError, Upstreams, Watched, explain, has_two_lengths,
};
use crate::scheme::Outgoing;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, response};
use hyper::{body::Incoming, client::conn::http1, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// What the provider said to it.
pub enum Switched {
    /// Yes: the answer's head, and the connection after it.
    Tunnel(Box<response::Parts>, TokioIo<Upgraded>),
    Answered(Response<Incoming>, Lease),
}

impl Upstreams {
    /// Asks for a WebSocket (RFC 6455 §4.1).
    pub async fn switch(
        &self,
        outgoing: Outgoing<Arc<Endpoint>, Outbound>,
        deadline: Deadline,
    ) -> Result<Switched, SendError> {
        let (endpoint, mut request) = outgoing.into_parts();
        ask(request.headers_mut());
        self.counted.dialled.add(1);
        let stream = endpoint.dial(self.timeouts.connect, self.timeouts.tls_handshake);
        let stream = deadline.bound(Box::pin(stream)).await.ok_or(SendError::Timeout)??;
        let mut builder = http1::Builder::new();
        builder.max_header_size(self.head_bytes).max_buf_size(READ_BUFFER.max(self.head_bytes));
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(Watched::new(stream))).await.map_err(|_| SendError::Unsent)?;
        let open = Open::count(&self.counted);
        tokio::task::spawn_local(async move {
            let _open = open;
            let _ = connection.with_upgrades().await;
        });
        let answer = deadline.bound(sender.try_send_request(request)).await.ok_or(SendError::Timeout)?;
        let mut answer = answer.map_err(|error| explain(error).0)?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            let refused = has_two_lengths(answer.headers());
            return if refused {
                Err(SendError::Invalid)
            } else {
                Ok(Switched::Answered(answer, Lease::Alone(sender)))
            };
        }
        if !agrees(answer.headers()) {
            return Err(SendError::Invalid);
        }
        let upgraded = deadline.bound(hyper::upgrade::on(&mut answer)).await.ok_or(SendError::Timeout)?;
        let upgraded = upgraded.map_err(|_| SendError::Broken)?;
        Ok(Switched::Tunnel(Box::new(answer.into_parts().0), TokioIo::new(upgraded)))
    }
}

/// Without extensions: what is compressed within a frame could not be searched for secrets.
fn ask(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, WEBSOCKET);
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
}

fn agrees(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(header::UPGRADE).iter();
    let is_websocket = protocols.next().is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let is_alone = protocols.next().is_none() && !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
    is_websocket && is_alone && headers.contains_key(header::SEC_WEBSOCKET_ACCEPT)
}
