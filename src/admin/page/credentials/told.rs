//! A provider token in words: how it is, whose it is, who may use it.
//! Owns nothing.
//! Never says more than `manage` told of it.

use super::super::words::say;
use crate::{
    clock::Timestamp,
    credential::State,
    identity::Context,
    manage::{credentials::Credential, whoami::Me},
    store::Verdict,
};

/// How something is: a word on a coloured ground.
pub struct Mark {
    /// `good`, `warn`, `bad`, or nothing where nobody can say.
    pub kind: &'static str,
    pub text: String,
}

pub fn mark(credential: &Credential, provider: &str) -> Mark {
    let (kind, text) = match (credential.state, credential.probe) {
        (State::Retired, _) => ("warn", say!("mark-retired")),
        (State::Disabled, _) => ("warn", say!("mark-disabled")),
        (State::Active, _) if credential.expired => ("bad", say!("mark-expired")),
        (State::Active, _) if credential.source_failing => ("bad", say!("mark-source")),
        (State::Active, Some(Verdict::Refused)) => ("bad", say!("mark-refused", provider = provider)),
        (State::Active, Some(Verdict::Unreachable)) => ("warn", say!("mark-unreachable", provider = provider)),
        (State::Active, Some(Verdict::Valid)) => ("good", say!("mark-good")),
        (State::Active, None) => ("", say!("mark-unchecked")),
    };
    Mark { kind, text }
}

/// What it is called, with its provider.
pub fn title(credential: &Credential, provider: &str) -> String {
    if credential.label.is_empty() {
        provider.to_owned()
    } else {
        say!("credential-title", provider = provider, label = credential.label)
    }
}

/// Whose it is.
pub fn home(credential: &Credential, me: &Me) -> String {
    let Some(context) = &credential.context else { return say!("credential-ownerless") };
    match &credential.user {
        Some(user) if *user != me.name => say!("credential-of", user = user.to_string(), context = context.to_string()),
        Some(_) if *context == Context::me() => say!("credential-yours"),
        _ => context.to_string(),
    }
}

/// Who may use it.
pub fn spent_by(credential: &Credential, me: &Me) -> String {
    let Some(context) = &credential.context else { return say!("spent-by-nobody") };
    let details = credential.details.clone().unwrap_or_default();
    let mut parts = Vec::new();
    if !details.projects.is_empty() {
        parts.push(say!("spent-by-projects", list = details.projects.join(", ")));
    }
    if !details.members.is_empty() {
        parts.push(say!("spent-by-members", list = details.members.join(", ")));
    }
    match (&credential.user, &context.organization) {
        _ if !parts.is_empty() => parts.join("; "),
        (Some(user), _) if *user != me.name => say!("spent-by-user", user = user.to_string()),
        (_, Some(organization)) if context.project.is_none() => {
            say!("spent-by-organization", name = organization.to_string())
        }
        (_, Some(_)) => say!("spent-by-project", name = context.to_string()),
        (_, None) => say!("spent-by-you"),
    }
}

/// The day on which something ends, as a form's field has it; empty: never.
pub fn last_day(time: Timestamp) -> String {
    let time = if time == Timestamp::MAX { None } else { jiff::Timestamp::from_millisecond(time.millis()).ok() };
    time.map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// To the end of that day.
pub fn end_of(day: &str) -> Option<Timestamp> {
    if day.is_empty() { Some(Timestamp::MAX) } else { format!("{day}T23:59:59Z").parse().ok() }
}
