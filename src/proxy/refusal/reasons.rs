//! Why a request was refused, in words: what is the matter, what to do about it, and where.
//! Owns nothing; each of these makes one [`Refusal`] of what a step of `proxy` found out.
//! Never repeats a token, an id or a body.

use super::{Code, Refusal};
use crate::{
    credential::resolve::{Unresolved, Unusable},
    directory::{Grant, Unresolvable},
    exchange::NoAccess,
    hook::Way,
    identity::{Context, Scopes},
    provider::preset::{operation::Kind, region::Regions},
    proxy::Asked,
    scheme::NotAttachable,
    upstream::{SendError, Waiting},
};
use http::StatusCode;
use serde_json::Value;

/// Method and path template, which name no ids, for refusals that say what is not allowed.
pub(super) fn what(asked: &Asked<'_>) -> String {
    match &asked.operation {
        Some(found) => found.pattern.to_string(),
        None => format!("{} on a path that the preset `{}` does not list", asked.method, asked.provider.id()),
    }
}

pub(super) fn not_allowed(detail: String) -> Refusal {
    Refusal::new(Code::NotAllowed, detail)
}

pub fn provider_not_allowed(asked: &Asked<'_>, allowed: &[Box<str>]) -> Refusal {
    not_allowed(format!(
        "This token may be used for {} only, not for {}. Use another token, or make one that may.",
        allowed.join(", "),
        asked.provider.id()
    ))
}

pub fn network_not_allowed(asked: &Asked<'_>) -> Refusal {
    not_allowed(format!(
        "{} is not allowed from your network: this token is restricted to others. Use it there, or make another token.",
        what(asked)
    ))
}

pub fn scope_not_allowed(asked: &Asked<'_>, scopes: Scopes) -> Refusal {
    not_allowed(format!(
        "{} needs a token with the scope `run`; this one has `{scopes}`. Make a token with `run`.",
        what(asked)
    ))
}

pub fn blocked(asked: &Asked<'_>) -> Refusal {
    not_allowed(format!(
        "{} is not passed on: it would hand out or end the provider token that you share. Your organization's \
         maintainers can do this at {} itself.",
        what(asked),
        asked.provider.preset().name
    ))
}

pub fn not_attachable(asked: &Asked<'_>, grant: &Grant, error: NotAttachable) -> Refusal {
    if let NotAttachable::NotSignable(_) = error {
        return Refusal::bad_request(format!("{} has a header that cannot be signed.", what(asked)));
    }
    not_selectable(asked, grant)
}

pub fn not_selectable(asked: &Asked<'_>, grant: &Grant) -> Refusal {
    not_allowed(format!(
        "{} asks for an account, instance or workspace that {} does not allow. Leave the choice out, or ask who manages \
         the credential.",
        what(asked),
        credential(grant.home(), &grant.label)
    ))
}

/// Why nothing pays, and what to do about it.
pub fn unresolved(asked: &Asked<'_>, error: &Unresolvable) -> Refusal {
    let (provider, name) = (asked.provider.id(), &asked.provider.preset().name);
    let error = match error {
        Unresolvable::Unavailable => return Refusal::store_unavailable(),
        Unresolvable::Unusable { home, label, because } => {
            let detail = format!("{name} cannot be paid with {}: {because}.", credential(home, label));
            return Refusal::new(Code::NoCredential, detail).with("owner", home.to_string());
        }
        Unresolvable::Unresolved(error) => error,
    };
    match error {
        Unresolved::NoCredential { context: None } => Refusal::new(
            Code::NoCredential,
            format!(
                "There is no {name} token that could pay for this: you have none of your own, and no organization of \
                 yours offers you one. Add yours (`bellhop credential add {provider}@me --user NAME`), or ask a \
                 maintainer of your organization."
            ),
        ),
        Unresolved::NoCredential { context: Some(context) } => Refusal::new(
            Code::NoCredential,
            format!(
                "The context {context} offers no {name} token, and a chosen context never falls back to another. Add \
                 one there (`bellhop credential add {}`), or choose another context.",
                at(provider, context)
            ),
        )
        .with("context", context.to_string()),
        Unresolved::Ambiguous { candidates } => {
            let names: Vec<String> = candidates.iter().map(ToString::to_string).collect();
            let detail = format!(
                "Several {name} tokens could pay for this: {}. Name one in the URL (`/{provider}@{}/…`) or in the \
                 header Bellhop-Context, or pin your token to one.",
                names.join(", "),
                names.first().map_or("", String::as_str)
            );
            Refusal::new(Code::AmbiguousContext, detail).with("candidates", names)
        }
        Unresolved::NotAMember { context } => Refusal::new(
            Code::NotAMember,
            format!("You are not a member of {context}, or it does not exist. Ask one of its owners to add you."),
        )
        .with("context", context.to_string()),
        Unresolved::OutsideBoundary { context } => not_allowed(format!(
            "This token may not pay from {context}. Name a context that it may use, or make another token."
        )),
        Unresolved::PersonalForbidden => not_allowed(format!(
            "Personal credentials are switched off for {name} here. Use an organization's: name it in the URL or in \
             the header Bellhop-Context."
        )),
        Unresolved::Restricted { home, label } => not_allowed(format!(
            "{name} cannot be paid with {}: it is restricted to other members. Ask a maintainer of {home}.",
            credential(home, label)
        )),
        Unresolved::Unusable { home, label, because } => Refusal::new(
            Code::NoCredential,
            format!(
                "{name} cannot be paid with {}: it is {because}, and nothing else is used in its place. {}, or name \
                 another context.",
                credential(home, label),
                match because {
                    Unusable::Disabled => format!("Enable it (`bellhop credential enable {}`)", at(provider, home)),
                    Unusable::Expired => format!(
                        "Enter one that ends later (`bellhop credential rotate {} --expires WHEN`)",
                        at(provider, home)
                    ),
                }
            ),
        )
        .with("owner", home.to_string()),
    }
}

/// A grant whose credential expired since it was made.
pub fn expired(asked: &Asked<'_>, grant: &Grant) -> Refusal {
    let because = Unusable::Expired;
    let error = Unresolved::Unusable { home: grant.home().clone(), label: grant.label.clone(), because };
    unresolved(asked, &error.into())
}

/// Why there is no answer of the provider's.
pub fn not_forwarded(asked: &Asked<'_>, error: &SendError, waiting: Waiting) -> Refusal {
    let name = &asked.provider.preset().name;
    let refusal = match error {
        SendError::Timeout if waiting == Waiting::Caller => {
            return Refusal::bad_request("The request's body stopped coming.")
                .status(StatusCode::REQUEST_TIMEOUT)
                .close();
        }
        SendError::Timeout => Refusal::new(Code::UpstreamTimeout, format!("{name} did not answer in time.")),
        SendError::Invalid => {
            Refusal::new(Code::UpstreamInvalid, format!("{name} sent an answer that is not sound HTTP."))
        }
        SendError::Dial(_) | SendError::Unsent | SendError::Broken => {
            Refusal::new(Code::UpstreamUnreachable, format!("{name} cannot be reached: {error}."))
        }
    };
    tracing::warn!(event = "upstream.failed", provider = asked.provider.id(), %error, "a request was not answered by its provider");
    if asked.kind() == Some(Kind::Submit) && error.may_have_left() {
        refusal.submit_unknown(asked.provider.preset().lost_submit)
    } else {
        refusal
    }
}

/// The provider refused the stored credential. What it said is passed on inside.
pub fn credential_refused(asked: &Asked<'_>, grant: &Grant, status: StatusCode, said: Value) -> Refusal {
    let name = &asked.provider.preset().name;
    tracing::warn!(
        event = "credential.refused",
        provider = asked.provider.id(), credential = %grant.credential, version = grant.version, status = status.as_u16(),
        "the provider refused a stored credential"
    );
    let who = who_replaces(asked, grant);
    let detail =
        format!("{name} refused {} (status {}). {who}", credential(grant.home(), &grant.label), status.as_u16());
    Refusal::new(Code::CredentialRefused, detail)
        .of(grant, Way::Request, status.as_u16())
        .with("owner", grant.home().to_string())
        .with("label", &*grant.label)
        .with("provider_status", status.as_u16())
        .with("provider_answer", said)
}

/// The provider's login refused the stored credential.
pub fn login_refused(asked: &Asked<'_>, grant: &Grant, error: &NoAccess) -> Refusal {
    let name = &asked.provider.preset().name;
    let detail = format!(
        "{name} cannot be paid with {}: {error}. {}",
        credential(grant.home(), &grant.label),
        who_replaces(asked, grant)
    );
    let refusal = Refusal::new(Code::CredentialRefused, detail);
    let refusal = match error.status() {
        Some(status) => refusal.of(grant, Way::Login, status),
        None => refusal,
    };
    refusal
        .with("owner", grant.home().to_string())
        .with("label", &*grant.label)
        .with("provider_answer", format!("{name}: {error}"))
}

/// The provider's login could not be asked, or said nothing that could be used.
pub fn login_failed(asked: &Asked<'_>, error: &NoAccess) -> Refusal {
    Refusal::new(
        Code::UpstreamUnreachable,
        format!(
            "{} wants a login first, and it failed: {error}. Nothing was sent. Try again shortly.",
            asked.provider.preset().name
        ),
    )
}

pub fn region_not_listed(asked: &Asked<'_>, regions: &Regions) -> Refusal {
    not_allowed(format!(
        "{} names a region in `{}` that Bellhop does not pass on: {} has {}.",
        what(asked),
        regions.header,
        asked.provider.preset().name,
        regions.names().collect::<Vec<_>>().join(", ")
    ))
}

fn who_replaces(asked: &Asked<'_>, grant: &Grant) -> String {
    let provider = asked.provider.id();
    match &grant.home().organization {
        _ if grant.is_renewable() => {
            "Its value is read from a source, which is being read again: send the request once \
                                      more. If it is refused then, too, it has to be replaced there."
                .into()
        }
        None => format!("Replace it: `bellhop credential rotate {}`.", at(provider, grant.home())),
        Some(organization) => format!(
            "A maintainer of {organization} can replace it: `bellhop credential rotate {}`.",
            at(provider, grant.home())
        ),
    }
}

/// A credential as its users know it: whose it is, and its label if it was given one.
fn credential(home: &Context, label: &str) -> String {
    if label.is_empty() { format!("the credential of {home}") } else { format!("the credential `{label}` of {home}") }
}

/// A credential's place as commands take it, which have to be told whose `me` is.
fn at(provider: &str, context: &Context) -> String {
    let whose = if context.organization.is_none() { " --user NAME" } else { "" };
    format!("{provider}@{context}{whose}")
}

/// An answer that must be read before it may pass, and cannot be.
pub fn unreadable(asked: &Asked<'_>, because: &'static str) -> Refusal {
    let name = &asked.provider.preset().name;
    tracing::warn!(
        event = "upstream.withheld",
        provider = asked.provider.id(),
        because,
        "a provider's answer was withheld"
    );
    let refusal = Refusal::new(Code::UpstreamInvalid, format!("The answer of {name} was withheld: {because}."));
    if asked.kind() == Some(Kind::Submit) {
        refusal.submit_unknown(asked.provider.preset().lost_submit)
    } else {
        refusal
    }
}
