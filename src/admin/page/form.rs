//! What a form has sent.
//! Owns it only while it is read.
//! Never from another page than Bellhop's own, and never more than 64 KiB.

use super::frame::Visitor;
use crate::admin::{api::Api, session};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::StatusCode;

const LARGEST: usize = 64 * 1024;

/// The fields of a form that anybody may send.
pub struct Fields(Vec<(String, String)>);

/// A form of somebody who is signed in, from a page of their session.
pub struct Sent {
    pub visitor: Visitor,
    pub fields: Fields,
}

impl Fields {
    /// The one value of this name, without space around it.
    pub fn one(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// As it was typed: a password's spaces are part of it.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    pub fn many<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// A list in one line, as people write it.
    pub fn list(&self, name: &str) -> Vec<String> {
        let words = self.one(name).split([',', ' ']).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}

impl FromRequest<Api> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Response> {
        if !session::is_of_page(request.method(), request.headers()) {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
        let body = zeroize::Zeroizing::new(body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?.to_vec());
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }
}

impl FromRequest<Api> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, api).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), api).await?;
        if fields.raw("csrf") != visitor.csrf {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        Ok(Self { visitor, fields })
    }
}
