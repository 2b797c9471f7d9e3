//! One question to an HTTP API that is a source: over a connection of its own, bounded in time and size.
//! Owns nothing; the connection ends with the answer.
//! Never follows a redirect, and connects by the same rules as to a provider.
//!
//! Why not the connections of `upstream`: those belong to one core each and take only what carries a provider's
//! credential. A question every minute has no use for a pool.

use super::{problem::Problem, text::LARGEST};
use crate::{
    config::BaseUrl,
    secret::Secret,
    upstream::{Endpoint, TlsTrust},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{future::Future, path::Path, pin::pin, sync::Arc, time::Duration};
use tokio::time::timeout;

/// An API, and where it begins.
pub struct Api {
    endpoint: Arc<Endpoint>,
    base: Box<str>,
}

pub struct Question<'q> {
    pub method: Method,
    /// Below the API's own path, with its query.
    pub target: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: &'q [u8],
}

const CONNECT: Duration = Duration::from_secs(5);
pub const PATIENCE: Duration = Duration::from_secs(15);

impl Api {
    pub fn new(url: &BaseUrl, ca_file: Option<&Path>) -> Result<Self, String> {
        let trust = ca_file.map_or_else(|| Ok(TlsTrust::public()), TlsTrust::of_file);
        let trust = trust.map_err(|error| error.to_string())?;
        // The operator has written the address down, and the certificate proves who answers there.
        let endpoint = Endpoint::new(url.origin.clone(), &trust, true).map_err(|error| error.to_string())?;
        Ok(Self { endpoint, base: url.path.clone() })
    }

    pub async fn ask(&self, question: Question<'_>) -> Result<(StatusCode, Bytes), Problem> {
        timeout(PATIENCE, self.exchange(question)).await.map_err(|_| Problem::Hangs)?
    }

    async fn exchange(&self, question: Question<'_>) -> Result<(StatusCode, Bytes), Problem> {
        let Question { method, target, headers, body } = question;
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{target}", self.base).parse().map_err(|_| Problem::Unknown)?;
        request.headers_mut().insert(header::HOST, self.endpoint.authority().clone());
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("bellhop"));
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        request.headers_mut().extend(headers);
        let stream = self.endpoint.dial(CONNECT, CONNECT).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Problem::Broken)?;
        let asked = async {
            let answer = sender.send_request(request).await.map_err(|_| Problem::Broken)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
                Some(_) => Problem::TooLarge,
                None => Problem::Broken,
            })?;
            Ok((status, body.to_bytes()))
        };
        beside(asked, connection).await
    }
}

/// The outcome of one, while the other makes it happen.
async fn beside<T>(asked: impl Future<Output = Result<T, Problem>>, driven: impl Future) -> Result<T, Problem> {
    let (asked, driven) = (pin!(asked), pin!(driven));
    match futures_util::future::select(asked, driven).await {
        futures_util::future::Either::Left((outcome, _)) => outcome,
        futures_util::future::Either::Right((_, asked)) => asked.await,
    }
}

/// A header's value that no log shows.
pub fn sensitive(text: &Secret) -> Result<HeaderValue, Problem> {
    let mut value = HeaderValue::from_str(text.expose()).map_err(|_| Problem::Header)?;
    value.set_sensitive(true);
    Ok(value)
}

pub fn bearer(token: &Secret) -> Result<HeaderValue, Problem> {
    sensitive(&Secret::new(format!("Bearer {}", token.expose())))
}
