//! The last step: the provider's answer becomes the caller's. Most pass as they come; what the preset says must be
//! read is read, within a bound, or withheld.
//! Owns the bound on what is held in memory for one answer.
//! Never passes on a head that could act beyond its answer, or a URL that leads a token to another host.

mod body;
mod frames;
pub mod readable;
mod record;
mod rewrite;

pub use body::{Answer, Meter, Relayed};
pub use frames::Frames;
pub use readable::{Incomplete, Whole};

use super::{
    Asked, Core, Exchange,
    confine::Permit,
    errand::Named,
    grpc::{self, Dialect},
    head,
    hot::{Attached, Hot},
    refusal::{self, Refusal},
    streams::Lifeline,
};
use crate::{
    identity::pat::PatDigest,
    provider::{Located, preset::operation::Kind},
    scheme::echo::Echo,
    telemetry::metrics::CoreMetrics,
    upstream::Lease,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use std::{rc::Rc, sync::Arc, time::Duration};

/// What a connection may hold of an answer that the caller does not take.
pub const BUFFER: usize = 16 * 1024;
/// An answer that must be read as a whole may be this large.
pub const READABLE: usize = 32 * 1024 * 1024;
/// What is told of a provider's refusal.
const TOLD: usize = 16 * 1024;
/// How long an answer's body may pause where its operation says nothing else.
const SILENCE: Duration = Duration::from_secs(60);

/// The body of a provider's answer.
pub enum Came {
    Coming(Incoming, Lease),
    Read(Whole),
}

/// What the answer is to: what of the record the request named, and what of it may be seen.
pub struct About {
    pub permit: Permit,
    pub named: Vec<Named>,
    /// What the request was signed in with.
    pub attached: Option<Rc<Attached>>,
}

impl About {
    fn echo(&self) -> Option<&Rc<Echo>> {
        self.attached.as_ref()?.echo.as_ref()
    }
}

impl Exchange<'_> {
    pub(super) async fn relay(
        &self,
        asked: &Asked<'_>,
        grant: Option<Rc<Hot>>,
        about: About,
        answer: Response<Came>,
    ) -> Result<Response<Answer>, Refusal> {
        let preset = asked.provider.preset();
        let answer = match &grant {
            Some(_) if asked.hides_reason(&answer) => Box::pin(self.with_reason(asked, &about, answer)).await?,
            _ => answer,
        };
        let is_refused = asked.is_refused(&answer);
        let (mut parts, came) = answer.into_parts();
        let meter = self.meter(asked, grant.as_ref());
        let status = grpc::outcome_so_far(parts.status, &parts.headers);
        if let Some(hot) = &grant
            && is_refused
        {
            let said = match came {
                Came::Coming(body, lease) => {
                    Box::pin(self.collect(asked, &parts.headers, about.echo(), body, lease, TOLD)).await.ok()
                }
                Came::Read(whole) => Some(whole),
            };
            let said = said.map(|whole| counted(whole, &*meter).0);
            let said = said.map(|bytes| readable::for_people(&bytes[..bytes.len().min(TOLD)])).unwrap_or_default();
            return Err(refusal::credential_refused(asked, &hot.grant, status, said));
        }
        if let Some(hot) = &grant
            && asked.kind() == Some(Kind::Cancel)
        {
            Box::pin(self.note_cancel(asked, hot, &about.named, status)).await?;
        }
        head::clean_answer(&mut parts.headers, preset.cookies);
        if parts.status.is_redirection() {
            self.keep_redirect(asked, &mut parts.headers)?;
        }
        self.sign(asked, (grant.as_ref(), about.echo()), &mut parts.headers, &*meter);
        let echo = about.echo().cloned();
        let body = match came {
            Came::Read(whole) => {
                let (bytes, trailers) = counted(whole, &*meter);
                let trailers = self.trailers_of(trailers, echo.as_deref(), &*meter);
                self.read_whole(asked, &mut parts, bytes)?.followed_by(trailers)
            }
            Came::Coming(body, lease) if self.must_be_read(asked, &parts, &about, echo.is_some()) => {
                let collected = self.collect(asked, &parts.headers, about.echo(), body, lease, READABLE);
                let (bytes, trailers) = counted(Box::pin(collected).await?, &*meter);
                let outcome = grpc::outcome(parts.status, &parts.headers, trailers.as_deref());
                let bytes = Box::pin(self.on_record(asked, grant.as_deref(), about, outcome, bytes)).await?;
                let trailers = self.trailers_of(trailers, echo.as_deref(), &*meter);
                self.read_whole(asked, &mut parts, bytes)?.followed_by(trailers)
            }
            Came::Coming(body, lease) => {
                let readable = !is_compressed(&parts.headers);
                let silence = asked.operation.as_ref().map_or(Some(SILENCE), |found| found.operation.silence);
                let relayed = Relayed::new(body, lease, echo.filter(|_| readable), silence, meter);
                let relayed = if self.dialect == Dialect::Grpc { relayed.of_call() } else { relayed };
                let study = (readable && status.is_success()).then(|| self.study(asked, about.named)).flatten();
                Answer::relayed(relayed.studied(study.map(|study| (Arc::clone(&self.core.shared.jobs), study))))
            }
        };
        Ok(Response::from_parts(parts, body))
    }

    /// Where only the body tells whether the credential was refused, with its body.
    pub(super) async fn with_reason(
        &self,
        asked: &Asked<'_>,
        about: &About,
        answer: Response<Came>,
    ) -> Result<Response<Came>, Refusal> {
        if !asked.hides_reason(&answer) {
            return Ok(answer);
        }
        let (parts, came) = answer.into_parts();
        let came = match came {
            Came::Coming(body, lease) => {
                Came::Read(self.collect(asked, &parts.headers, about.echo(), body, lease, READABLE).await?)
            }
            read @ Came::Read(_) => read,
        };
        Ok(Response::from_parts(parts, came))
    }

    pub(super) fn meter(&self, asked: &Asked<'_>, grant: Option<&Rc<Hot>>) -> Rc<dyn Meter> {
        Rc::new(ProviderMeter {
            core: Rc::clone(self.core),
            metrics: Arc::clone(&self.current.metrics),
            provider: asked.provider.index(),
            caller: grant.map(|hot| hot.digest()),
        })
    }

    /// The receipt, and what the preset says of the head; without secrets.
    pub(super) fn sign(
        &self,
        asked: &Asked<'_>,
        (grant, echo): (Option<&Rc<Hot>>, Option<&Rc<Echo>>),
        headers: &mut HeaderMap,
        meter: &dyn Meter,
    ) {
        if let Some(hot) = grant {
            headers.insert(head::CREDENTIAL, hot.receipt.clone());
        }
        if let Some(echo) = echo {
            mask_fields(headers, echo, meter);
        }
        if let Some(found) = &asked.operation {
            for (name, value) in &found.operation.answer_headers {
                headers.insert(name, value.clone());
            }
        }
    }

    /// What stands after an answer that was read as a whole: of gRPC only.
    fn trailers_of(
        &self,
        trailers: Option<Box<HeaderMap>>,
        echo: Option<&Echo>,
        meter: &dyn Meter,
    ) -> Option<Box<HeaderMap>> {
        let trailers = trailers.filter(|_| self.dialect == Dialect::Grpc)?;
        let mut trailers = head::clean_trailers(*trailers);
        if let Some(echo) = echo {
            mask_fields(&mut trailers, echo, meter);
        }
        Some(Box::new(trailers))
    }

    /// What an answer that was read as a whole has to do with the record.
    async fn on_record(
        &self,
        asked: &Asked<'_>,
        grant: Option<&Hot>,
        about: About,
        status: StatusCode,
        bytes: Bytes,
    ) -> Result<Bytes, Refusal> {
        if !status.is_success() {
            return Ok(bytes);
        }
        self.bind_children(asked, &about.named, &bytes).await?;
        let filtered = match grant {
            Some(hot) if about.permit.filters => self.filter(asked, hot, &bytes).await?,
            _ => bytes.clone(),
        };
        if let Some(study) = self.study(asked, about.named) {
            self.core.shared.jobs.study(study, bytes);
        }
        Ok(filtered)
    }

    /// An answer is read as a whole where URLs in it are the provider's own, or where it is compressed against our asking.
    fn must_be_read(&self, asked: &Asked<'_>, parts: &http::response::Parts, about: &About, masks: bool) -> bool {
        let has_body = *asked.method != Method::HEAD && parts.status != StatusCode::NO_CONTENT;
        let rewrites = asked.operation.as_ref().is_some_and(|found| !found.operation.rewrites.is_empty());
        let reads = rewrites || record::names_parent(asked, &about.named);
        let compressed = masks && asked.kind() != Some(Kind::Result) && is_compressed(&parts.headers);
        // Whatever the media type says: SDKs do not look at it before they follow a URL.
        has_body && (((reads || about.permit.filters) && parts.status.is_success()) || compressed)
    }

    /// The whole body, decompressed and masked. What is too large or cannot be decompressed is withheld.
    async fn collect(
        &self,
        asked: &Asked<'_>,
        headers: &HeaderMap,
        echo: Option<&Rc<Echo>>,
        body: Incoming,
        lease: Lease,
        most: usize,
    ) -> Result<Whole, Refusal> {
        let echo = echo.map(|echo| &**echo);
        let whole = readable::whole(headers, (body, lease), echo, most, &self.link.alarm, SILENCE).await;
        whole.map_err(|because| refusal::unreadable(asked, because))
    }

    fn read_whole(
        &self,
        asked: &Asked<'_>,
        parts: &mut http::response::Parts,
        bytes: Bytes,
    ) -> Result<Answer, Refusal> {
        let pointers = asked.operation.as_ref().map_or(&[][..], |found| &found.operation.rewrites);
        let bytes = if pointers.is_empty() || !parts.status.is_success() {
            bytes
        } else {
            let base = self.base(asked);
            rewrite::rewrite(bytes, pointers, |url| asked.provider.locate(url), &base)
                .map_err(|because| refusal::unreadable(asked, because))?
        };
        // What these say of the provider's bytes is not true of ours.
        for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::ETAG, header::ACCEPT_RANGES] {
            parts.headers.remove(name);
        }
        for name in ["content-md5", "digest", "content-digest", "repr-digest"] {
            parts.headers.remove(name);
        }
        Ok(Answer::full(bytes))
    }

    /// A redirect within the provider goes through Bellhop, too; one that leaves it is not passed on, because most
    /// HTTP libraries would send the caller's token along.
    fn keep_redirect(&self, asked: &Asked<'_>, headers: &mut HeaderMap) -> Result<(), Refusal> {
        let Some(location) = headers.get(header::LOCATION) else { return Ok(()) };
        let foreign = || refusal::unreadable(asked, "it redirects to another host");
        let target = match asked.provider.locate(location.to_str().map_err(|_| foreign())?) {
            Located::Own("") => "/".to_owned(),
            Located::Own(target) if target.starts_with('/') => target.to_owned(),
            Located::Relative if location.as_bytes().first() == Some(&b'/') => {
                location.to_str().unwrap_or("/").to_owned()
            }
            Located::Relative => return Ok(()),
            Located::Own(_) | Located::Foreign => return Err(foreign()),
        };
        let location = HeaderValue::try_from(format!("{}{target}", self.base(asked))).map_err(|_| foreign())?;
        headers.insert(header::LOCATION, location);
        Ok(())
    }

    /// What stands before this provider's paths in the caller's URLs.
    pub(super) fn base(&self, asked: &Asked<'_>) -> String {
        format!("{}{}", self.root(asked), asked.route.prefix)
    }

    /// The same without a path.
    pub(super) fn root(&self, asked: &Asked<'_>) -> String {
        let scheme = if self.link.secure { "https" } else { "http" };
        let host = asked.route.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
        match &self.current.settings.public_url {
            // Ports and host names have URLs of their own; only what has a prefix is published under one.
            Some(url) if !asked.route.prefix.is_empty() => url.clone(),
            _ => format!("{scheme}://{host}"),
        }
    }
}

fn counted(Whole { bytes, trailers, masked }: Whole, meter: &dyn Meter) -> (Bytes, Option<Box<HeaderMap>>) {
    if masked > 0 {
        meter.masked(masked);
    }
    (bytes, trailers)
}

fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity")
}

fn mask_fields(fields: &mut HeaderMap, echo: &Echo, meter: &dyn Meter) {
    for value in fields.values_mut() {
        if let Some((masked, count)) = masked_value(echo, value) {
            meter.masked(count);
            *value = masked;
        }
    }
}

fn masked_value(echo: &Echo, value: &HeaderValue) -> Option<(HeaderValue, usize)> {
    let (masked, count) = echo.masked(value.as_bytes())?;
    Some((HeaderValue::from_maybe_shared(masked).unwrap_or_else(|_| HeaderValue::from_static("*")), count))
}

/// Counts for one provider on this core, and knows whose answer it is.
struct ProviderMeter {
    core: Rc<Core>,
    metrics: Arc<CoreMetrics>,
    provider: u16,
    caller: Option<PatDigest>,
}

impl Meter for ProviderMeter {
    fn masked(&self, count: usize) {
        tracing::warn!(event = "echo.masked", count, "a provider sent a stored secret back; it was masked");
        if let Some(metrics) = self.metrics.providers.get(usize::from(self.provider)) {
            metrics.masked_echoes.add(count as u64);
        }
    }

    fn relayed(&self, bytes: usize) {
        if let Some(metrics) = self.metrics.providers.get(usize::from(self.provider)) {
            metrics.relayed_bytes.add(bytes as u64);
        }
    }

    fn watch(&self) -> Option<Rc<Lifeline>> {
        self.caller.map(|digest| self.core.streams.watch(digest))
    }
}
