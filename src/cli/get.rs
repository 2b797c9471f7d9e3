//! One GET to a Bellhop that runs somewhere, for the commands that ask it something.
//! Owns one connection, for at most five seconds.
//! Never believes a certificate unchecked, and reads no more than a bounded answer.

use crate::{secret::Secret, upstream::Endpoint};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{error::Error, time::Duration};

const PATIENCE: Duration = Duration::from_secs(5);
const READABLE: usize = 1024 * 1024;

/// What went wrong, for a person.
pub async fn get(endpoint: &Endpoint, path: &str, token: Option<&Secret>) -> Result<Response<Bytes>, String> {
    match tokio::time::timeout(PATIENCE, ask(endpoint, path, token)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {} seconds", PATIENCE.as_secs())),
    }
}

async fn ask(
    endpoint: &Endpoint,
    path: &str,
    token: Option<&Secret>,
) -> Result<Response<Bytes>, Box<dyn Error + Send + Sync>> {
    let stream = endpoint.dial(PATIENCE, PATIENCE).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::get(path).header(header::HOST, endpoint.authority()).body(Empty::<Bytes>::new())?;
    if let Some(token) = token {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    // The sender goes with the exchange: as long as it lives, the connection does.
    let exchange = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, READABLE).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}
