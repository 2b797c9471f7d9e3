//! Why a signed request was refused, in words.
//! Owns nothing; each of these makes one [`Refusal`].
//! Never repeats a signature, a key id or the name of an object.

use super::{Code, Refusal, not_allowed, what};
use crate::{
    directory::Grant,
    provider::{Provider, preset::sigv4::SigV4},
    proxy::Asked,
    scheme::sigv4::Flaw,
};
use http::HeaderName;

pub fn signature(flaw: &Flaw) -> Refusal {
    Refusal::new(Code::BadRequest, flaw.to_string())
}

pub fn service_not_listed(provider: &Provider, signing: &SigV4) -> Refusal {
    let services: Vec<&str> = signing.services.iter().map(|service| &*service.name).collect();
    not_allowed(format!(
        "The request is signed for a service that {} is not used for here. Allowed are: {}.",
        provider.preset().name,
        services.join(", ")
    ))
}

pub fn signed_region_not_listed(provider: &Provider, allowed: &str) -> Refusal {
    not_allowed(format!(
        "The request is signed for a region where {} is not used. Allowed are: {allowed}. Set AWS_DEFAULT_REGION to one of them.",
        provider.preset().name
    ))
}

pub fn header_not_listed(asked: &Asked<'_>, name: &HeaderName) -> Refusal {
    not_allowed(format!("{} with the header `{name}` is not passed on. Leave it out.", what(asked)))
}

pub fn query_not_listed(asked: &Asked<'_>, listed: &[Box<str>]) -> Refusal {
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    not_allowed(format!(
        "{} is passed on without other parameters only: with them it is another operation. Allowed are: {listed}.",
        what(asked)
    ))
}

pub fn form_not_listed(asked: &Asked<'_>, form: &[(Box<str>, Box<str>)]) -> Refusal {
    let listed: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    not_allowed(format!("{} is passed on for {} only.", what(asked), listed.join(", ")))
}

pub fn object_not_listed(asked: &Asked<'_>, grant: &Grant, areas: Option<&str>) -> Refusal {
    not_allowed(format!(
        "{} is about a bucket or prefix that the credential `{}` of {} is not good for. It is good for: {}. Name one of \
         these, or ask who manages the credential.",
        what(asked),
        grant.label,
        grant.home(),
        areas.unwrap_or("none, as its field `s3` is empty")
    ))
}

pub fn object_not_theirs(asked: &Asked<'_>, grant: &Grant, areas: Option<&str>, name: &str) -> Refusal {
    not_allowed(format!(
        "{} is about a place in storage that is not yours. Under the credential `{}` of {} yours is what is below `{name}/` \
         in each of: {}.",
        what(asked),
        grant.label,
        grant.home(),
        areas.unwrap_or_default()
    ))
}
