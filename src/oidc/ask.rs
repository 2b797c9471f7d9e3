//! How the identity provider is asked: over the connections that Bellhop has for everything, for the `openidconnect` crate.
//! Owns which certificates are believed, and whether private addresses may be asked.
//! Never follows a redirect, never waits for long, and never reads an answer without end.

use crate::{
    config::{Origin, Protocol},
    upstream::{
        DialError, TlsTrust,
        once::{Api, NotTold, Question},
    },
};
use http::{HeaderName, HeaderValue, Request, Response, Uri, uri::PathAndQuery};
use openidconnect::AsyncHttpClient;
use std::{future::Future, pin::Pin, time::Duration};

const LARGEST: usize = 512 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Asker {
    pub trust: TlsTrust,
    pub allow_private: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Unasked {
    #[error("it names an address that is no https URL")]
    Address,
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    NotTold(#[from] NotTold),
}

type Answer = Response<Vec<u8>>;

impl<'c> AsyncHttpClient<'c> for Asker {
    type Error = Unasked;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Unasked>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

impl Asker {
    async fn ask(&self, request: Request<Vec<u8>>) -> Result<Answer, Unasked> {
        let (parts, body) = request.into_parts();
        let origin = self.origin(&parts.uri)?;
        let api = Api::named_by_others(origin, (&self.trust, self.allow_private), (LARGEST, PATIENCE))?;
        let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        let sensitive = |(name, mut value): (HeaderName, HeaderValue)| {
            value.set_sensitive(true);
            (name, value)
        };
        let headers = parts.headers.into_iter().filter_map(|(name, value)| Some(sensitive((name?, value)))).collect();
        let told = api.ask(Question { method: parts.method, target, headers, body: &body }).await?;
        let mut answer = Response::new(told.body.to_vec());
        *answer.status_mut() = told.status;
        *answer.headers_mut() = told.headers;
        Ok(answer)
    }

    /// Without userinfo, and over TLS unless the operator allows otherwise.
    fn origin(&self, uri: &Uri) -> Result<Origin, Unasked> {
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(Unasked::Address)?;
        let origin: Origin = format!("{scheme}://{authority}").parse().map_err(|_| Unasked::Address)?;
        let is_safe = origin.protocol == Protocol::Https || self.allow_private;
        if is_safe { Ok(origin) } else { Err(Unasked::Address) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_without_userinfo_is_asked() {
        let origin = |text: &str, allow_private| {
            let asker = Asker { trust: TlsTrust::public(), allow_private };
            asker.origin(&text.parse().unwrap()).map(|origin| origin.to_string()).ok()
        };
        assert_eq!(origin("https://id.example.org/token", false).as_deref(), Some("https://id.example.org"));
        assert_eq!(origin("http://127.0.0.1:1/token", true).as_deref(), Some("http://127.0.0.1:1"));
        for bad in ["http://id.example.org/token", "https://a:b@id.example.org/", "/token", "ftp://id.example.org/"] {
            assert_eq!(origin(bad, false), None, "{bad}");
        }
    }
}
