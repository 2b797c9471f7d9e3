//! Requests that want to go on with another protocol: a WebSocket where the preset allows one, and nothing else.
//! Owns nothing; what becomes of it is the connection's, once its driver has it.
//! Never offers what it did not ask for, and refuses every other way out of HTTP.

use super::{
    Asked, Exchange, head,
    hot::{Attached, Hot},
    refusal::{self, Refusal},
    relay::Answer,
    sending::Sending,
    tunnel::Tunnel,
};
use crate::{
    provider::preset::operation::Upgrade,
    upstream::{Lease, Switched},
};
use http::{HeaderMap, HeaderValue, Method, Response, Version, header, request};
use hyper::body::Incoming;
use std::{rc::Rc, time::Duration};

/// What a request is after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    Answer,
    WebSocket,
}

/// A tunnel over which nothing passes is closed, where its operation does not say when after this.
const IDLE: Duration = Duration::from_secs(3600);

impl Wish {
    /// RFC 6455 §4.2.1, as strict as a server may be. Another protocol is asked for in vain, also beside this one.
    pub fn of(parts: &request::Parts, headers: &HeaderMap) -> Result<Self, Refusal> {
        if !headers.contains_key(header::UPGRADE) || !head::asks_for_upgrade(headers) {
            return Ok(Self::Answer);
        }
        let only = |name: &header::HeaderName| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
        };
        let is_websocket = only(&header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
            && only(&header::SEC_WEBSOCKET_VERSION) == Some(b"13")
            && only(&header::SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24);
        let is_bare = !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING);
        if is_websocket && is_bare && parts.method == Method::GET && parts.version == Version::HTTP_11 {
            Ok(Self::WebSocket)
        } else {
            Err(not_here())
        }
    }
}

fn not_here() -> Refusal {
    Refusal::bad_request("This path cannot be upgraded to another protocol.")
}

/// A tunnel is made on listed paths only.
pub fn allow(asked: &Asked<'_>, wish: Wish) -> Result<(), Refusal> {
    let listed = asked.operation.as_ref().is_some_and(|found| found.operation.upgrade == Upgrade::WebSocket);
    if wish == Wish::Answer || listed { Ok(()) } else { Err(not_here()) }
}

/// What a request for a WebSocket came to.
pub enum Met {
    /// The tunnel is the connection's, which goes on with it once this has been said.
    Switching(Response<Answer>),
    Answered(Response<Incoming>, Lease),
}

impl Exchange<'_> {
    pub(super) async fn switch(
        &self,
        asked: &Asked<'_>,
        grant: Option<&Rc<Hot>>,
        attached: Option<&Attached>,
        sending: Sending,
    ) -> Result<Met, Refusal> {
        let Sending { outgoing, deadline, alarm, .. } = sending;
        let switched = self.core.upstreams.switch(outgoing, deadline).await;
        let (mut parts, provider) = match switched {
            Ok(Switched::Tunnel(parts, provider)) => (*parts, provider),
            Ok(Switched::Answered(answer, lease)) => return Ok(Met::Answered(answer, lease)),
            Err(error) => return Err(refusal::not_forwarded(asked, &error, alarm.waiting())),
        };
        let meter = self.meter(asked, grant);
        head::clean_answer(&mut parts.headers, asked.provider.preset().cookies);
        let echo = attached.and_then(|attached| attached.echo.clone());
        self.sign(asked, (grant, echo.as_ref()), &mut parts.headers, &*meter);
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let idle = asked.operation.as_ref().and_then(|found| found.operation.silence).unwrap_or(IDLE);
        self.link.dig(Tunnel { provider, echo, idle, lifeline: meter.watch(), meter });
        Ok(Met::Switching(Response::from_parts(parts, Answer::full(bytes::Bytes::new()))))
    }
}
