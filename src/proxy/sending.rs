//! The step from what may be sent to the answer's head: the credential is attached to a head that is built anew, and the
//! request leaves by the one way out.
//! Owns a request for as long as it is on its way.
//! Never passes on anything of a caller's head that could steer the connection, and attaches the credential last.

use super::{
    Asked, Exchange,
    confine::Permit,
    errand::Carried,
    grpc::{self, Dialect},
    head,
    hot::{Attached, Hot},
    link::Protocol,
    refusal::{self, Refusal},
    renew,
};
use crate::{
    provider::preset::{Wire, operation::Kind},
    scheme::{self, Head, Outgoing, sigv4::Verified},
    telemetry::metrics::{OperationMetrics, ProviderMetrics},
    upstream::{Alarm, Deadline, Driver, Endpoint, Lease, Outbound, SendError, Upstreams, Waiting},
};
use http::{HeaderMap, Response, header, uri::PathAndQuery};
use hyper::body::Incoming;
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

impl Exchange<'_> {
    /// Attaches the credential to a head that is built anew. From here on the caller's token is gone.
    pub(super) fn authorize(
        &self,
        asked: &Asked<'_>,
        paying: Option<(&Hot, &Attached)>,
        _permit: Permit,
        headers: HeaderMap,
        signed: Option<Verified>,
        body: Carried,
    ) -> Result<Sending, Refusal> {
        let preset = asked.provider.preset();
        let service = asked.provider.service(asked.path().as_bytes());
        let target = PathAndQuery::try_from(asked.provider.upstream_target(service, asked.route.target))
            .map_err(|_| Refusal::bad_request("The target has characters that cannot stand in one."))?;
        let has_length = headers.contains_key(header::CONTENT_LENGTH);
        let mut headers = head::outgoing(headers, asked.provider.slot_headers(), preset.cookies);
        match &body {
            // S3 takes nothing whose length it is not told.
            Carried::Read(bytes) if signed.is_some() && !has_length && !bytes.is_empty() => {
                headers.insert(header::CONTENT_LENGTH, bytes.len().into());
            }
            _ => head::frame(&mut headers, has_length, body.is_empty()),
        }
        head::choose_encoding(&mut headers, asked.operation.as_ref().map(|found| found.operation));
        let endpoint = self.current.endpoint(asked, paying.map(|(hot, _)| hot), &headers, signed.as_ref())?;
        if self.dialect == Dialect::Grpc && endpoint.wire() == Wire::Http2 {
            grpc::prepare(&mut headers, asked.kind());
        }
        let head = Head { method: asked.method.clone(), target, headers, signed };
        let patience = self.patience(asked);
        let is_complete = body.is_complete();
        let again = paying.and_then(|(hot, attached)| renew::copy(&head, (hot, attached), &body));
        let (body, deadline, alarm) = self.outbound(asked, body, patience);
        let outgoing = match paying {
            Some((hot, attached)) => attached
                .injection
                .authorize(head, body, (&endpoint, service))
                .map_err(|error| refusal::not_attachable(asked, &hot.grant, error))?,
            None => scheme::without_credential(head, body, &endpoint),
        };
        Ok(Sending { outgoing, deadline, alarm, patience, is_complete, again })
    }

    /// How long the head of the answer may take.
    pub(super) fn patience(&self, asked: &Asked<'_>) -> Duration {
        let stated = asked.operation.as_ref().and_then(|m| m.operation.head).or(asked.provider.preset().head);
        stated.unwrap_or(self.current.settings.timeouts.upstream_head)
    }

    pub(super) fn outbound(
        &self,
        asked: &Asked<'_>,
        body: Carried,
        patience: Duration,
    ) -> (Outbound, Deadline, Rc<Alarm>) {
        let (alarm, driver) = match self.link.protocol {
            // A submission goes on when its connection is gone.
            Protocol::Http1 if asked.kind() != Some(Kind::Submit) => (Rc::clone(&self.link.alarm), Driver::Connection),
            Protocol::Http1 | Protocol::Http2 => (Alarm::new(self.arrived), Driver::Exchange),
        };
        let idle = self.link.patience.body_idle;
        if body.is_complete() {
            alarm.set(Instant::now() + patience, Waiting::Provider);
        } else {
            alarm.set(self.arrived + idle, Waiting::Caller);
        }
        let body = match body {
            Carried::Read(bytes) => Outbound::full(bytes),
            Carried::Streamed(body) => Outbound::streamed(body, Rc::clone(&alarm), idle, patience, self.trailers()),
        };
        (body, Deadline::new(Rc::clone(&alarm), driver), alarm)
    }

    pub(super) async fn forward(
        &self,
        asked: &Asked<'_>,
        grant: Option<&Rc<Hot>>,
        sending: Sending,
    ) -> Result<(Response<Incoming>, Lease), Refusal> {
        let figures = self.current.figures(asked.provider, asked.kind());
        // Made where it is awaited: a future of this size that is made first is copied once more for each request.
        let send = |sending: Sending| sending.send(&self.core.upstreams, figures, self.arrived);
        let answer = match (self.dialect, grant) {
            // A call may wait for its first message as long as a stream goes on.
            (Dialect::Grpc, Some(hot)) => Box::pin(self.while_valid(hot, send(sending))).await?,
            _ => send(sending).await,
        };
        answer.map_err(|(error, waiting)| refusal::not_forwarded(asked, &error, waiting))
    }
}

/// Where an exchange with a provider is counted.
#[derive(Clone, Copy)]
pub struct Figures<'m> {
    pub provider: &'m ProviderMetrics,
    pub operation: &'m OperationMetrics,
}

/// A request that may leave, and how long it may take.
pub struct Sending {
    pub outgoing: Outgoing<Arc<Endpoint>, Outbound>,
    pub deadline: Deadline,
    pub alarm: Rc<Alarm>,
    pub patience: Duration,
    /// Nothing more of the request is to come from the caller.
    pub is_complete: bool,
    /// What may be sent once more, with another value of the credential.
    pub again: Option<Box<Head>>,
}

impl Sending {
    /// The one way out. An error comes with whom it was that was waited for.
    pub async fn send(
        self,
        upstreams: &Rc<Upstreams>,
        figures: Option<Figures<'_>>,
        arrived: Instant,
    ) -> Result<(Response<Incoming>, Lease), (SendError, Waiting)> {
        let sent = Instant::now();
        if let Some(Figures { operation, .. }) = figures {
            operation.overhead.record(sent - arrived);
        }
        let answer = upstreams.send(self.outgoing, self.deadline).await;
        if let Some(Figures { provider, operation }) = figures {
            operation.upstream.record(sent.elapsed());
            if let Err(error) = &answer {
                provider.failures[error.failure() as usize].add(1);
            }
        }
        answer.map_err(|error| (error, self.alarm.waiting()))
    }
}
