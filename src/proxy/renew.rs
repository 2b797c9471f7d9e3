//! A provider refused a credential whose value is read from a source: the source is asked at once, and what only reads
//! is sent once more with the value that it has by now.
//! Owns nothing; the copy of a request's head is the request's.
//! Never sends anything with a body twice, a submission least of all: its caller is told, and sends it again.

use super::{Asked, Carried, Exchange, Sending, hot::Hot, refusal, refusal::Refusal, relay::Came};
use crate::{directory::Renewed, provider::preset::operation::Kind, scheme::Head};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use std::{rc::Rc, sync::Arc};

/// What could be sent once more. Only where there may be another value: no other request pays for a copy.
pub fn copy(head: &Head, hot: &Hot, body: &Carried) -> Option<Box<Head>> {
    let reads = matches!(head.method, Method::GET | Method::HEAD) && body.is_empty();
    (reads && hot.grant.is_renewable()).then(|| {
        let Head { method, target, headers } = head;
        Box::new(Head { method: method.clone(), target: target.clone(), headers: headers.clone() })
    })
}

impl Exchange<'_> {
    /// The answer to the request with the new value, and what paid for it; where there is no other value, or nothing
    /// that may be sent again, the answer as it is.
    pub(super) async fn renew(
        &self,
        asked: &Asked<'_>,
        hot: Rc<Hot>,
        again: Option<Box<Head>>,
        answer: Response<Came>,
    ) -> Result<(Rc<Hot>, Response<Came>), Refusal> {
        let directory = Arc::clone(self.directory());
        let head = match again {
            Some(head) if asked.kind() != Some(Kind::Submit) => *head,
            _ => {
                let grant = Arc::clone(&hot.grant);
                // Nobody waits for it: the next request finds the value.
                tokio::task::spawn_local(async move { drop(directory.renew(&grant).await) });
                return Ok((hot, answer));
            }
        };
        let Renewed::Changed(grant) = directory.renew(&hot.grant).await else { return Ok((hot, answer)) };
        let hot = hot.with(grant).map_err(|error| refusal::unresolved(asked, &error))?;
        // Closes its connection: nobody reads the refusal.
        drop(answer);
        let endpoint = self.current.endpoint(asked, Some(&hot))?;
        let patience = self.patience(asked);
        let (body, deadline, alarm) = self.outbound(asked, Carried::Read(Bytes::new()), patience);
        let outgoing = hot.injection.authorize(head, body, &endpoint);
        let outgoing = outgoing.map_err(|_| refusal::not_selectable(asked, &hot.grant))?;
        let sending = Sending { outgoing, deadline, alarm, patience, is_complete: true, again: None };
        let (answer, lease) = self.forward(asked, sending).await?;
        Ok((hot, answer.map(|body| Came::Coming(body, lease))))
    }
}

impl Asked<'_> {
    /// Whether the provider says by this that the credential is not good.
    pub(super) fn is_refused(&self, status: StatusCode) -> bool {
        self.provider.preset().refusals.contains(&status)
    }
}
