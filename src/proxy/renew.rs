//! A provider refused a credential that may have another value by now: one that is read from a source, or what it was
//! exchanged for. That is had anew at once, and what only reads is sent once more.
//! Owns nothing; the copy of a request's head is the request's.
//! Never sends anything with a body twice, a submission least of all: its caller is told, and sends it again.

use super::{
    Asked, Exchange,
    errand::Carried,
    grpc,
    hot::{Attached, Hot},
    refusal::{self, Refusal},
    relay::{About, Came},
    sending::Sending,
};
use crate::{directory::Renewed, provider::preset::operation::Kind, scheme::Head};
use bytes::Bytes;
use http::{Method, Response};
use std::{rc::Rc, sync::Arc};

/// What could be sent once more. Only where there may be another value: no other request pays for a copy.
pub fn copy(head: &Head, (hot, attached): (&Hot, &Attached), body: &Carried) -> Option<Box<Head>> {
    let reads = matches!(head.method, Method::GET | Method::HEAD) && body.is_empty();
    (reads && is_renewable(hot, Some(attached))).then(|| {
        let Head { method, target, headers, signed } = head;
        let (method, target) = (method.clone(), target.clone());
        Box::new(Head { method, target, headers: headers.clone(), signed: signed.clone() })
    })
}

fn is_renewable(hot: &Hot, attached: Option<&Attached>) -> bool {
    hot.grant.is_renewable() || attached.is_some_and(|attached| attached.access.is_some())
}

impl About {
    pub fn is_renewable(&self, hot: &Hot) -> bool {
        is_renewable(hot, self.attached.as_deref())
    }
}

impl Exchange<'_> {
    /// The answer to the request with the new value, and what paid for it; where there is no other value, or nothing
    /// that may be sent again, the answer as it is.
    pub(super) async fn renew(
        &self,
        asked: &Asked<'_>,
        hot: Rc<Hot>,
        about: &mut About,
        again: Option<Box<Head>>,
        answer: Response<Came>,
    ) -> Result<(Rc<Hot>, Response<Came>), Refusal> {
        let answer = self.with_reason(asked, about, answer).await?;
        if !asked.is_refused(&answer) {
            return Ok((hot, answer));
        }
        let access = about.attached.as_ref().and_then(|attached| attached.access.as_ref());
        let is_old = access.is_some_and(|access| access.refuse());
        let head = match again {
            Some(head) if asked.kind() != Some(Kind::Submit) => *head,
            _ => {
                self.renew_behind(&hot);
                return Ok((hot, answer));
            }
        };
        let renewed = if is_old { self.exchanged_anew(asked, &hot).await } else { self.read_anew(asked, &hot).await };
        let Some((hot, attached)) = renewed else { return Ok((hot, answer)) };
        // Closes its connection: nobody reads the refusal.
        drop(answer);
        let endpoint = self.current.endpoint(asked, Some(&hot), &head.headers, head.signed.as_ref())?;
        let patience = self.patience(asked);
        let (body, deadline, alarm) = self.outbound(asked, Carried::Read(Bytes::new()), patience);
        let service = asked.provider.service(asked.path().as_bytes());
        let outgoing = attached.injection.authorize(head, body, (&endpoint, service));
        let outgoing = outgoing.map_err(|error| refusal::not_attachable(asked, &hot.grant, error))?;
        let sending = Sending { outgoing, deadline, alarm, patience, is_complete: true, again: None };
        let (answer, lease) = self.forward(asked, Some(&hot), sending).await?;
        about.attached = Some(attached);
        Ok((hot, answer.map(|body| Came::Coming(body, lease))))
    }

    /// Nobody waits for it: the next request finds the value.
    fn renew_behind(&self, hot: &Hot) {
        if hot.grant.is_renewable() {
            let (directory, grant) = (Arc::clone(self.directory()), Arc::clone(&hot.grant));
            tokio::task::spawn_local(async move { drop(directory.renew(&grant).await) });
        }
    }

    /// The same credential, exchanged once more; where the provider's login refuses it as well, read once more.
    async fn exchanged_anew(&self, asked: &Asked<'_>, hot: &Rc<Hot>) -> Option<(Rc<Hot>, Rc<Attached>)> {
        match self.access(asked, Some(hot)).await {
            Ok(attached) => attached.map(|attached| (Rc::clone(hot), attached)),
            Err(_) => self.read_anew(asked, hot).await,
        }
    }

    /// The credential's value as its source has it now, if that is another.
    pub(super) async fn read_anew(&self, asked: &Asked<'_>, hot: &Hot) -> Option<(Rc<Hot>, Rc<Attached>)> {
        if !hot.grant.is_renewable() {
            return None;
        }
        let Renewed::Changed(grant) = self.directory().renew(&hot.grant).await else { return None };
        let hot = hot.with(grant).ok()?;
        let attached = Box::pin(self.access(asked, Some(&hot))).await.ok()??;
        Some((hot, attached))
    }
}

impl Asked<'_> {
    /// Whether the provider says by this that the credential is not good.
    pub(super) fn is_refused(&self, answer: &Response<Came>) -> bool {
        let body = match answer.body() {
            Came::Read(whole) => &*whole.bytes,
            Came::Coming(..) => &[],
        };
        let status = grpc::outcome_so_far(answer.status(), answer.headers());
        self.provider.preset().is_refusal(status, answer.headers(), body)
    }

    /// Whether it takes the answer's body to know that.
    pub(super) fn hides_reason(&self, answer: &Response<Came>) -> bool {
        let Some(words) = &self.provider.preset().refused_by else { return false };
        let is_coming = matches!(answer.body(), Came::Coming(..)) && *self.method != Method::HEAD;
        is_coming && words.are_in_body(answer.status(), answer.headers())
    }
}
