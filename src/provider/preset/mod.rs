//! Presets: everything that Bellhop knows about one provider, as data.
//! Read from YAML (JSON is YAML) and checked as a whole; an invalid preset cannot exist afterwards.
//! Never holds a credential, and nothing in it is chosen by a caller.

mod attach;
pub mod document;
pub mod exchange;
mod known;
pub mod login;
mod mistake;
pub mod operation;
mod operations;
mod parse;
mod raw;
pub mod refusal;
pub mod region;
pub mod sdk;
mod sdks;
pub mod sigv4;
pub mod storage;

pub use mistake::PresetError;
pub(in crate::provider) use parse::{Read, parse, read_yaml};

use super::{
    fields::{self, FieldSpec},
    origin::OriginTemplate,
    pointer::Pointer,
    value::ValueTemplate,
};
use crate::job::Ended;
use exchange::Exchange;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use operation::Operation;
use refusal::RefusalWords;
use region::Regions;
use sdk::Sdk;
use sigv4::SigV4;
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preset {
    /// The first segment of its paths: 1 to 40 of `[a-z0-9-]`.
    pub id: Box<str>,
    pub name: Box<str>,
    /// Where a person makes a token.
    pub website: Option<Box<str>>,
    pub origin: OriginTemplate,
    /// What is spoken to it.
    pub wire: Wire,
    /// Parts of the provider that have an origin of their own.
    pub services: Box<[Service]>,
    /// Where a header of the request chooses among its origins.
    pub regions: Option<Regions>,
    /// Removed from the beginning of a path before anything is made of it: an SDK wants it there, and the provider has none.
    pub ignored_prefix: Option<Box<str>>,
    /// Where its SDKs put the caller's token.
    pub slots: Box<[Slot]>,
    pub fields: Box<[FieldSpec]>,
    /// Sets of fields of which a credential has exactly one; empty where it is always the same.
    pub one_of: Box<[FieldSet]>,
    pub scheme: Scheme,
    /// What the credential is exchanged for before it is attached.
    pub exchange: Option<Exchange>,
    pub selectors: Box<[Selector]>,
    /// The words by which the provider says that a job has ended, and how; any other word leaves it open.
    pub states: States,
    pub operations: Box<[Operation]>,
    /// Statuses by which the provider says that the credential is not good.
    pub refusals: Box<[StatusCode]>,
    /// Words by which it says so beside a status that has other meanings, too.
    pub refused_by: Option<RefusalWords>,
    /// How long an answer's head may take, where the configured default does not do.
    pub head: Option<Duration>,
    pub errors: ErrorShape,
    pub cookies: Cookies,
    /// The status of a refusal when nobody knows whether a submit arrived, for SDKs that would send it again after
    /// the 502 or 504 that it is otherwise.
    pub lost_submit: Option<StatusCode>,
    pub probe: Option<Probe>,
    /// The plain field that says whose the credential is.
    pub account: Option<Box<str>>,
    /// The plain field that lists the buckets and prefixes which a credential is good for.
    pub storage: Option<Box<str>>,
    pub sdks: Box<[Sdk]>,
}

/// Names of fields.
pub type FieldSet = Box<[Box<str>]>;

/// Words of a provider's, and how a job has ended of which it says so.
pub type States = Box<[(Box<str>, Ended)]>;

impl Preset {
    /// Reads one preset; `file` is what its mistakes are told with.
    pub fn parse(file: &str, text: &str) -> Result<Self, PresetError> {
        parse(file, text).map(|read| read.preset)
    }

    /// How its requests are signed, where they are.
    pub const fn signs(&self) -> Option<&SigV4> {
        match &self.scheme {
            Scheme::SigV4(signing) => Some(signing),
            Scheme::Headers(_) | Scheme::Basic { .. } | Scheme::Cookies(_) => None,
        }
    }

    /// Whether an answer says that the credential is not good, as far as it is known.
    pub fn is_refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
        let by_word = || self.refused_by.as_ref().is_some_and(|words| words.are_said(status, headers, body));
        self.refusals.contains(&status) || by_word()
    }

    pub fn field(&self, name: &str) -> Option<&FieldSpec> {
        self.fields.iter().find(|f| *f.name == *name)
    }

    /// Whether anything of it goes on record: where nothing does, there is nothing to keep apart.
    pub fn makes_things(&self) -> bool {
        self.operations.iter().any(|operation| !operation.creates.is_empty())
    }

    /// How a job has ended that the provider says this of.
    pub fn ended(&self, status: &str) -> Option<Ended> {
        self.states.iter().find(|(word, _)| **word == *status).map(|(_, ended)| *ended)
    }

    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| *o.name == *name)
    }
}

/// A part of the provider, known by how its paths begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    pub name: Box<str>,
    /// Whole segments, such as `/metadata`.
    pub path: Box<str>,
    pub segments: Segments,
    /// `None`: the provider's own.
    pub origin: Option<OriginTemplate>,
    pub wire: Wire,
    pub errors: Wording,
}

/// What becomes of the segments that a service is known by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segments {
    /// They are the provider's own.
    Kept,
    /// They are Bellhop's, for an SDK that is given an address for each service.
    Removed,
}

/// The version of HTTP that is spoken to an origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Wire {
    #[default]
    Http1,
    /// By ALPN over TLS, by prior knowledge in the clear: what gRPC needs.
    Http2,
}

impl Service {
    pub fn covers(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.path.as_bytes()).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    }
}

/// A place in a request where an SDK puts the caller's token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Slot {
    Header {
        name: HeaderName,
        /// The word before the token, such as `Bearer`, in any case of letters.
        word: Option<Box<str>>,
    },
    Cookie {
        name: Box<str>,
        company: Company,
    },
    /// The key id of a signature, or the session token beside it (AWS SigV4).
    Signature,
}

/// Whether a place may be filled beside another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Company {
    Alone,
    /// A login fills it with a token of its own; it counts as one with the caller's.
    Beside,
}

impl Slot {
    pub const fn is_beside(&self) -> bool {
        matches!(self, Self::Cookie { company: Company::Beside, .. })
    }

    pub const fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Cookie { .. } | Self::Signature => None,
        }
    }

    /// The token within a value of this slot's header or cookie; `None` when the value has another form.
    pub fn token<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let token = match self {
            Self::Header { word: Some(word), .. } => {
                let (first, rest) = value.split_at_checked(word.len())?;
                let separated = first.eq_ignore_ascii_case(word.as_bytes()) && rest.first() == Some(&b' ');
                if !separated {
                    return None;
                }
                rest.trim_ascii()
            }
            Self::Header { word: None, .. } | Self::Cookie { .. } | Self::Signature => value.trim_ascii(),
        };
        (!token.is_empty() && !token.contains(&b' ')).then_some(token)
    }
}

/// How a credential is attached to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scheme {
    Headers(Box<[(HeaderName, ValueTemplate)]>),
    /// RFC 7617: user and password in base64.
    Basic {
        user: ValueTemplate,
        password: ValueTemplate,
    },
    Cookies(Box<[(Box<str>, ValueTemplate)]>),
    SigV4(Box<SigV4>),
}

impl Scheme {
    fn sets(&self, header: &str) -> bool {
        match self {
            Self::Headers(headers) => headers.iter().any(|(name, _)| name.as_str().eq_ignore_ascii_case(header)),
            Self::Basic { .. } => header.eq_ignore_ascii_case("authorization"),
            Self::Cookies(_) => false,
            Self::SigV4(_) => header.eq_ignore_ascii_case("authorization"),
        }
    }
}

/// An account, organization or workspace that belongs to the credential and goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selector {
    Header {
        name: HeaderName,
        field: Box<str>,
    },
    /// The path must begin with the field's value.
    Path {
        field: Box<str>,
    },
}

/// What becomes of a selector's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Selection<'f> {
    /// The caller's own goes upstream, or none where there was none.
    Keep,
    Set(&'f str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the credential does not allow this")]
pub struct NotSelectable;

/// Chooses the value of a selector's header: `allowed` is the credential's field, `callers` what the request has.
/// A credential that lists values passes the caller's choice among them; one that lists none lets any through.
pub fn select<'f>(allowed: Option<&'f str>, callers: Option<&[u8]>) -> Result<Selection<'f>, NotSelectable> {
    match (allowed, callers) {
        (None, _) => Ok(Selection::Keep),
        (Some(values), None) => Ok(fields::items(values).next().map_or(Selection::Keep, Selection::Set)),
        (Some(values), Some(choice)) => {
            let allowed = fields::items(values).any(|v| v.as_bytes() == choice);
            if allowed { Ok(Selection::Keep) } else { Err(NotSelectable) }
        }
    }
}

/// Whether a raw path begins with a path that the credential allows, segment for segment.
pub fn path_is_within(allowed: Option<&str>, path: &[u8]) -> Result<(), NotSelectable> {
    let Some(values) = allowed else { return Ok(()) };
    let within = |value: &str| {
        let mut segments = path.split(|b| *b == b'/').map(super::template::decode);
        value.split('/').all(|wanted| segments.next().is_some_and(|s| *s == *wanted.as_bytes()))
    };
    if fields::items(values).any(within) { Ok(()) } else { Err(NotSelectable) }
}

/// How refusals differ from the shape that nearly every SDK can show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ErrorShape {
    /// Statuses at which the member `error` is a text and not an object.
    pub error_as_text: Box<[StatusCode]>,
    /// The member `error_code` is a text: its SDK's model has no room for a number there.
    pub error_code_as_text: bool,
}

/// The language in which a service's SDKs read what is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
pub enum Wording {
    #[default]
    #[serde(rename = "json")]
    Json,
    /// `<Error><Code>…`, as S3 has it.
    #[serde(rename = "s3")]
    S3,
    /// `<ErrorResponse><Error><Code>…`, as AWS's query services have it.
    #[serde(rename = "aws-query")]
    AwsQuery,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cookies {
    #[default]
    Dropped,
    Passed,
}

/// A harmless request that tells whether a credential is good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    pub method: Method,
    /// Path and query.
    pub target: Box<str>,
    /// Whose it is, in the answer.
    pub account: Option<Pointer>,
}

#[cfg(test)]
mod tests;
