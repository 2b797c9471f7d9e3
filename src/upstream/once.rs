//! One question to an HTTP API: over a connection of its own, bounded in time and size.
//! Owns nothing; the connection ends with the answer.
//! Never follows a redirect, and connects by the same rules as to a provider.
//!
//! Why not the pooled connections: those belong to one core each and take only what carries a provider's credential.
//! A question every minute has no use for a pool.

use super::dial::{DialError, Endpoint, Stream, TlsTrust};
use crate::config::{BaseUrl, Origin};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::time::timeout;

/// An API, and where it begins.
pub struct Api {
    endpoint: Arc<Endpoint>,
    base: Box<str>,
    /// Of an answer, in bytes.
    largest: usize,
    patience: Duration,
}

pub struct Question<'q> {
    pub method: Method,
    /// Below the API's own path, with its query.
    pub target: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: &'q [u8],
}

pub struct Told {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] DialError),
    #[error("it does not answer in time")]
    Hangs,
    #[error("its answer is too large")]
    TooLarge,
    #[error("the connection broke before it had answered")]
    Broken,
    #[error("it cannot be asked for this")]
    Unaskable,
}

type Sender = http1::SendRequest<Full<Bytes>>;
type Connection = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

const CONNECT: Duration = Duration::from_secs(5);

impl Api {
    /// The operator has written the address down, and the certificate proves who answers there.
    pub fn new(url: &BaseUrl, trust: &TlsTrust, (largest, patience): (usize, Duration)) -> Result<Self, String> {
        let endpoint = Endpoint::new(url.origin.clone(), trust, true).map_err(|error| error.to_string())?;
        Ok(Self { endpoint, base: url.path.clone(), largest, patience })
    }

    /// Of an origin that another server has named: it may lead anywhere, so private addresses are the operator's to allow.
    pub fn named_by_others(
        origin: Origin,
        (trust, allow_private): (&TlsTrust, bool),
        (largest, patience): (usize, Duration),
    ) -> Result<Self, DialError> {
        Ok(Self { endpoint: Endpoint::new(origin, trust, allow_private)?, base: "".into(), largest, patience })
    }

    /// Somebody else than the operator has written the address down: what it resolves to is looked at as well.
    pub fn foreign(
        url: &BaseUrl,
        trust: &TlsTrust,
        allow_private: bool,
        patience: Duration,
    ) -> Result<Self, DialError> {
        let of = Self::named_by_others(url.origin.clone(), (trust, allow_private), (0, patience))?;
        Ok(Self { base: url.path.clone(), ..of })
    }

    /// Asks for nothing but the status: of what else is answered nothing is read.
    pub async fn tell(&self, question: Question<'_>) -> Result<StatusCode, NotTold> {
        let told = async {
            let (mut sender, connection, request) = self.begin(question).await?;
            let told = async {
                let answer = sender.send_request(request).await.map_err(|_| NotTold::Broken)?;
                Ok(answer.status())
            };
            beside(told, connection).await
        };
        timeout(self.patience, told).await.map_err(|_| NotTold::Hangs)?
    }

    pub async fn ask(&self, question: Question<'_>) -> Result<Told, NotTold> {
        timeout(self.patience, self.exchange(question)).await.map_err(|_| NotTold::Hangs)?
    }

    async fn exchange(&self, question: Question<'_>) -> Result<Told, NotTold> {
        let (mut sender, connection, request) = self.begin(question).await?;
        let asked = async {
            let answer = sender.send_request(request).await.map_err(|_| NotTold::Broken)?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, self.largest).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => NotTold::TooLarge,
                None => NotTold::Broken,
            })?;
            Ok(Told { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        beside(asked, connection).await
    }

    async fn begin(&self, question: Question<'_>) -> Result<(Sender, Connection, Request<Full<Bytes>>), NotTold> {
        let Question { method, target, headers, body } = question;
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{target}", self.base).parse().map_err(|_| NotTold::Unaskable)?;
        request.headers_mut().insert(header::HOST, self.endpoint.authority().clone());
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("bellhop"));
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        request.headers_mut().extend(headers);
        let stream = self.endpoint.dial(CONNECT, CONNECT).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| NotTold::Broken)?;
        Ok((sender, connection, request))
    }
}

/// The outcome of one, while the other makes it happen.
async fn beside<T>(asked: impl Future<Output = Result<T, NotTold>>, driven: impl Future) -> Result<T, NotTold> {
    let (asked, driven) = (pin!(asked), pin!(driven));
    match futures_util::future::select(asked, driven).await {
        futures_util::future::Either::Left((outcome, _)) => outcome,
        futures_util::future::Either::Right((_, asked)) => asked.await,
    }
}
