//! What a form has sent.
//! Owns it only while it is read; what was typed outlives a session that ended meanwhile, but for secrets.
//! Never from another page than Bellhop's own, and never more than 64 KiB.

use super::{
    entry::{self, Resume},
    frame::{Frame, Visitor, to_sign_in},
    page,
};
use crate::admin::{api::Api, session};
use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};

const LARGEST: usize = 64 * 1024;
/// Fields of this beginning hold what is kept nowhere: passwords, keys.
const SECRET: &str = "secret-";

/// The fields of a form that anybody may send.
#[derive(Default)]
pub struct Fields(Vec<(String, String)>);

/// A form of somebody who is signed in, from a page of their session.
pub struct Sent {
    pub visitor: Visitor,
    pub fields: Fields,
}

impl Fields {
    /// As a form's body or a query has them.
    pub fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The one value of this name, without space around it.
    pub fn one(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same, where something stands in it.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.one(name)).filter(|value| !value.is_empty())
    }

    /// As it was typed: a password's spaces are part of it.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    pub fn many<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box of this name and value is ticked.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.many(name).any(|found| found == value)
    }

    /// Every field whose name begins so, by the rest of its name.
    pub fn under<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// A list in one line, as people write it.
    pub fn list(&self, name: &str) -> Vec<String> {
        let words = self.one(name).split([',', ' ']).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// What can be kept while somebody signs in again.
    pub fn lasting(self) -> Vec<(String, String)> {
        self.0.into_iter().filter(|(name, _)| is_lasting(name)).collect()
    }

    /// What was kept so, on the page on which they sign in.
    pub fn kept(&self) -> Vec<(String, String)> {
        let kept = self.under("kept-").filter(|(name, _)| is_lasting(name));
        kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

fn is_lasting(name: &str) -> bool {
    name != "csrf" && !name.starts_with(SECRET)
}

impl FromRequest<Api> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Response> {
        if !session::is_of_page(request.method(), request.headers()) {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        if !is_form(request.headers()) {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
        let body = zeroize::Zeroizing::new(body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?.to_vec());
        Ok(Self::parse(&body))
    }
}

/// As browsers send forms without files, all of which are the page's.
fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

impl FromRequest<Api> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        let (headers, uri) = (request.headers().clone(), request.uri().clone());
        let fields = Fields::from_request(request, api).await?;
        let path = uri.path();
        match Visitor::read(api, &headers, &uri).await.map_err(IntoResponse::into_response)? {
            Some(visitor) if fields.raw("csrf") == visitor.csrf => Ok(Self { visitor, fields }),
            // Of a session before this one, of another's, or of a page that is none of ours: whoever sits there decides.
            Some(visitor) => {
                let frame = Frame::of(&visitor, "");
                let again = page(&Resume { frame, path, fields: fields.lasting() });
                Err((StatusCode::FORBIDDEN, again).into_response())
            }
            None => Err(match fields.lasting() {
                // A form of nothing but a button stands at its own address, and says what it does.
                none if none.is_empty() => to_sign_in(path),
                kept => (StatusCode::UNAUTHORIZED, entry::ask_again(api, path, &kept)).into_response(),
            }),
        }
    }
}
