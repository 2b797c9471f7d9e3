//! Exchanges: how a stored credential becomes what requests are signed in with, where the provider wants a login first.
//! Facts of a preset; the call is made elsewhere, once for everybody.
//! Never holds a credential.

use super::{
    known::Known,
    mistake::{Checked, mistake, parsed, quoted},
    parse::{check_span, check_status, header_name, token},
    raw::{RawExchange, RawPair, RawRotation, Text},
};
use crate::provider::{ServiceIndex, pointer::Pointer, value::ValueTemplate};
use http::{HeaderName, Method, StatusCode};
use std::{collections::BTreeMap, str::FromStr, time::Duration};

/// The name by which templates that attach the credential speak of what was exchanged for it.
pub const ACCESS_TOKEN: &str = "access_token";

/// One call that a stored credential is exchanged by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// Whose origin it goes to.
    pub service: ServiceIndex,
    pub method: Method,
    /// Path and query.
    pub target: Box<str>,
    pub headers: Box<[(HeaderName, ValueTemplate)]>,
    pub form: Form,
    /// Where the answer has the access token.
    pub token: Yield,
    pub life: Life,
    /// Where the provider gives a new secret with each exchange, and the old one is spent.
    pub rotation: Option<Rotation>,
    /// The field that is the access token itself, where it is given.
    pub given: Option<Box<str>>,
    /// Statuses by which the provider says that the stored credential is not good.
    pub refusals: Box<[StatusCode]>,
}

/// How the credential goes into the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// `application/x-www-form-urlencoded`.
    Urlencoded(Pairs),
    /// One JSON object of texts.
    Json(Pairs),
    Cookies(Pairs),
    /// In headers alone.
    Empty,
}

pub type Pairs = Box<[(Box<str>, ValueTemplate)]>;

/// Where an answer has a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Yield {
    Body(Pointer),
    Cookie(Box<str>),
}

/// How long an access token lives. Where the answer does not say it, and the token is no JWT that does, it is `assumed`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// Seconds, in the answer's body.
    pub at: Option<Pointer>,
    pub assumed: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// The secret field that it takes the place of.
    pub field: Box<str>,
    pub at: Yield,
}

/// Where nothing else is known: a token that lives shorter than this would fail the requests that it is for.
const ASSUMED: Duration = Duration::from_secs(300);

impl FromStr for Yield {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected `answer <pointer>` or `cookie <name>`";
        match text.split_once(' ') {
            Some(("answer", pointer)) => Pointer::parse(pointer).map(Self::Body).map_err(|_| EXPECTED),
            Some(("cookie", name)) => token(name).map(Self::Cookie).map_err(|_| EXPECTED),
            _ => Err(EXPECTED),
        }
    }
}

pub fn check(raw: &RawExchange, known: &Known<'_>) -> Checked<Exchange> {
    let (method, target) = parsed(&raw.request, request)?;
    let header = |pair: &RawPair| Ok((parsed(&pair.name, header_name)?, known.template(&pair.value)?));
    let exchange = Exchange {
        service: match &raw.service {
            Some(name) => known.service(name)?,
            None => ServiceIndex::MAIN,
        },
        method,
        target,
        headers: raw.with.iter().map(header).collect::<Checked<_>>()?,
        form: check_form(raw, known)?,
        token: parsed(&raw.token, str::parse)?,
        life: Life {
            at: raw.lifetime.as_ref().map(|text| parsed(text, answer_pointer)).transpose()?,
            assumed: raw.assume.as_ref().map(check_span).transpose()?.unwrap_or(ASSUMED),
        },
        rotation: raw.rotates.as_ref().map(|rotates| check_rotation(rotates, known)).transpose()?,
        given: raw.given.as_ref().map(|name| known.secret(name)).transpose()?,
        refusals: match &raw.refusals {
            Some(statuses) => statuses.iter().map(check_status).collect::<Checked<_>>()?,
            None => [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].into(),
        },
    };
    match &raw.rotates {
        Some(rotates) if !exchange.uses(&rotates.field.value) => {
            mistake(&rotates.field, "expected a field that the call sends")
        }
        _ => Ok(exchange),
    }
}

fn check_rotation(raw: &RawRotation, known: &Known<'_>) -> Checked<Rotation> {
    Ok(Rotation { field: known.secret(&raw.field)?, at: parsed(&raw.at, str::parse)? })
}

impl Exchange {
    fn uses(&self, field: &str) -> bool {
        let pairs = match &self.form {
            Form::Urlencoded(pairs) | Form::Json(pairs) | Form::Cookies(pairs) => &**pairs,
            Form::Empty => &[],
        };
        let templates = pairs.iter().map(|(_, template)| template).chain(self.headers.iter().map(|(_, t)| t));
        templates.flat_map(ValueTemplate::fields).any(|name| name == field)
    }
}

fn request(text: &str) -> Result<(Method, Box<str>), &'static str> {
    const EXPECTED: &str = "expected a request such as `POST /oauth/token`";
    let (method, target) = text.split_once(' ').ok_or(EXPECTED)?;
    let method = Method::from_str(method).map_err(|_| EXPECTED)?;
    let sound = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if sound && matches!(method, Method::GET | Method::POST) { Ok((method, target.into())) } else { Err(EXPECTED) }
}

fn answer_pointer(text: &str) -> Result<Pointer, &'static str> {
    match text.parse()? {
        Yield::Body(pointer) => Ok(pointer),
        Yield::Cookie(_) => Err("expected `answer <pointer>`"),
    }
}

fn check_form(raw: &RawExchange, known: &Known<'_>) -> Checked<Form> {
    let pairs = |all: &BTreeMap<String, Text>| -> Checked<Pairs> {
        all.iter().map(|(name, text)| Ok((name.as_str().into(), known.template(text)?))).collect()
    };
    match (&raw.form, &raw.json, &raw.cookies) {
        (Some(form), None, None) => Ok(Form::Urlencoded(pairs(form)?)),
        (None, Some(json), None) => Ok(Form::Json(pairs(json)?)),
        (None, None, Some(cookies)) => match cookies.keys().find(|name| token(name).is_err()) {
            Some(name) => mistake(&raw.request, format!("{} cannot name a cookie", quoted(name))),
            None => Ok(Form::Cookies(pairs(cookies)?)),
        },
        (None, None, None) => Ok(Form::Empty),
        _ => mistake(&raw.request, "expected one of `form`, `json` and `cookies`"),
    }
}
