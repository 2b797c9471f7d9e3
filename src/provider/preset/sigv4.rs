//! How a provider's services want to be signed (AWS SigV4), and what a signature may be for: facts of a preset.
//! The raw shape and its checks are here as well, as nothing else needs them.
//! Never signs: that is `scheme::sigv4`, which has the credential.

use super::{
    Segments, Service,
    mistake::{Checked, mistake, parsed, quoted},
    raw::Text,
};
use crate::provider::{
    fields::{FieldSpec, Presence, Sensitivity, items},
    origin::is_label,
};
use http::HeaderName;
use serde::Deserialize;
use serde_yaml::Spanned;

/// The one algorithm that is spoken: the first word of such an `Authorization`.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The word for the region in an origin: it is the signature's, and no field's.
pub const REGION: &str = "region";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigV4 {
    /// Names of fields.
    pub access_key_id: Box<str>,
    pub secret_access_key: Box<str>,
    pub session_token: Option<Box<str>>,
    /// The plain field by which a credential allows fewer regions.
    pub region: Option<Box<str>>,
    pub regions: Box<[Box<str>]>,
    pub services: Box<[Signed]>,
    /// What of `x-amz-…` may go on.
    pub headers: Box<[HeaderRule]>,
}

/// A service that may be signed for, by its name in credential scopes, which is its name in the preset, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    pub name: Box<str>,
    pub dialect: Dialect,
}

/// What differs between services in how they are signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    Json,
    /// The path stands in the signature as it was sent, and the body's hash in a header.
    S3,
    Query,
}

/// A header's name, or how it begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeaderRule {
    Named(HeaderName),
    Begins(Box<str>),
}

/// A scope that is not on the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotListed {
    Service,
    Region,
}

impl SigV4 {
    /// The service that a scope is for, where both are on the lists.
    pub fn service(&self, service: &str, region: &str) -> Result<&Signed, NotListed> {
        let signed = self.services.iter().find(|s| *s.name == *service).ok_or(NotListed::Service)?;
        if self.regions.iter().any(|r| **r == *region) { Ok(signed) } else { Err(NotListed::Region) }
    }

    /// Whether a credential that lists regions lists this one; one that lists none allows all.
    pub fn allows_region(allowed: Option<&str>, region: &str) -> bool {
        allowed.is_none_or(|allowed| items(allowed).any(|r| r == region))
    }

    /// Whether a header of this name may go on. What does not steer AWS always may.
    pub fn passes(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        let listed = |rule: &HeaderRule| match rule {
            HeaderRule::Named(known) => known.as_str() == name,
            HeaderRule::Begins(beginning) => name.starts_with(&**beginning),
        };
        !name.starts_with("x-amz-") || self.headers.iter().any(listed)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSigV4 {
    access_key_id: Text,
    secret_access_key: Text,
    session_token: Option<Text>,
    region: Option<Text>,
    regions: Spanned<Vec<Text>>,
    services: Spanned<Vec<RawSigned>>,
    #[serde(default)]
    headers: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSigned {
    name: Text,
    dialect: Dialect,
}

pub fn check(raw: &RawSigV4, fields: &[FieldSpec]) -> Checked<SigV4> {
    if raw.regions.value.is_empty() {
        return mistake(&raw.regions, "expected at least one region");
    }
    if raw.services.value.is_empty() {
        return mistake(&raw.services, "expected at least one service");
    }
    let label =
        |text: &Text| parsed(text, |t| if is_label(t) { Ok(t.into()) } else { Err("expected a part of a host name") });
    let signed = |raw: &RawSigned| Ok(Signed { name: label(&raw.name)?, dialect: raw.dialect });
    Ok(SigV4 {
        access_key_id: secret(&raw.access_key_id, fields, Presence::Required)?,
        secret_access_key: secret(&raw.secret_access_key, fields, Presence::Required)?,
        session_token: raw.session_token.as_ref().map(|t| secret(t, fields, Presence::Optional)).transpose()?,
        region: raw.region.as_ref().map(|t| listed(t, fields)).transpose()?,
        regions: raw.regions.value.iter().map(label).collect::<Checked<_>>()?,
        services: raw.services.value.iter().map(signed).collect::<Checked<_>>()?,
        headers: raw.headers.iter().map(rule).collect::<Checked<_>>()?,
    })
}

/// Each service that is signed for is a part of the provider with paths of its own: that is how its operations are told
/// from another's.
pub fn check_services(raw: &RawSigV4, services: &[Service]) -> Checked<()> {
    let unknown = |signed: &&RawSigned| {
        let path = format!("/{}", signed.name.value);
        let is_its = |s: &Service| *s.name == *signed.name.value && *s.path == *path && s.segments == Segments::Removed;
        !services.iter().any(is_its)
    };
    match raw.services.value.iter().find(unknown) {
        None => Ok(()),
        Some(signed) => {
            let name = &signed.name.value;
            mistake(
                &signed.name,
                format!("expected a service of this name in `services:`, with `path: /{name}` and `removed: true`"),
            )
        }
    }
}

fn secret(text: &Text, fields: &[FieldSpec], presence: Presence) -> Checked<Box<str>> {
    let field = fields.iter().find(|f| *f.name == *text.value && f.sensitivity == Sensitivity::Secret);
    match field.filter(|f| f.presence == presence) {
        Some(field) => Ok(field.name.clone()),
        None if presence == Presence::Required => {
            mistake(text, format!("expected a secret field that is required, not {}", quoted(&text.value)))
        }
        None => mistake(text, format!("expected a secret field that is optional, not {}", quoted(&text.value))),
    }
}

/// A plain field that lists values.
pub fn listed(text: &Text, fields: &[FieldSpec]) -> Checked<Box<str>> {
    let field = fields.iter().find(|f| *f.name == *text.value);
    match field.filter(|f| f.sensitivity == Sensitivity::Plain && f.list) {
        Some(field) => Ok(field.name.clone()),
        None => mistake(text, format!("expected a plain field with `list: true`, not {}", quoted(&text.value))),
    }
}

fn rule(text: &Text) -> Checked<HeaderRule> {
    parsed(text, |t| {
        let (name, begins) = t.strip_suffix('*').map_or((t, false), |name| (name, true));
        match HeaderName::try_from(name) {
            Ok(_) if !name.starts_with("x-amz-") => Err("expected a header whose name begins with `x-amz-`"),
            Ok(name) if begins => Ok(HeaderRule::Begins(name.as_str().into())),
            Ok(name) => Ok(HeaderRule::Named(name)),
            Err(_) => Err("expected the name of a header, or its beginning and `*`"),
        }
    })
}
