//! Provider tokens: those that one may use or manage, and what can be done with each.
//! Owns nothing.
//! Never shows a value that was entered: there is no way to ask for one.

mod change;
mod delete;
mod enter;
mod fields;
mod rotate;
mod told;

pub use change::{ask_to_disable, ask_to_edit, disable, edit, enable, probe, to_show};
pub use delete::{ask_to_delete, delete};
pub use enter::{choose, enter};
pub use rotate::{ask_to_rotate, rotate};

use super::{
    frame::{Frame, Refused, Visitor},
    page,
    words::say,
};
use crate::{
    admin::api::Api,
    credential::State as Switched,
    id::CredentialId,
    identity::Context,
    manage::{
        Fault, Listed, Page, Who,
        credentials::{Credential, Spender, Which},
        providers::Provider,
    },
    store::Verdict,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use told::spent_by;
pub use told::{Mark, home, mark, title};

/// The providers that there are, by id.
pub type Known = BTreeMap<String, Provider>;

pub const ALL: Page = Page { after: None, limit: Some(200) };

pub async fn known(api: &Api, who: &Who) -> Result<Known, Fault> {
    let all = api.management.providers(who, &ALL).await?;
    Ok(all.items.into_iter().map(|provider| (provider.id.clone(), provider)).collect())
}

/// What the visitor can name.
pub async fn contexts(api: &Api, who: &Who) -> Result<Vec<Context>, Fault> {
    let (mut contexts, mut place) = (Vec::new(), ALL);
    loop {
        let found = api.management.contexts(who, &place).await?;
        contexts.extend(found.items.into_iter().map(|named| named.context));
        match found.next {
            Some(next) => place.after = Some(next),
            None => return Ok(contexts),
        }
    }
}

/// What people call it; what is gone has only its id.
pub fn name<'k>(known: &'k Known, id: &'k str) -> &'k str {
    known.get(id).map_or(id, |provider| &provider.name)
}

/// No id at all is none of a credential's.
fn read_id(text: &str) -> Result<CredentialId, Refused> {
    text.parse().map_err(|_| Fault::missing("credential").into())
}

#[derive(Template)]
#[template(path = "credentials.html")]
struct Credentials {
    frame: Frame,
    groups: Vec<Group>,
    next: Option<String>,
    wanted: Wanted,
    contexts: Vec<Context>,
    providers: Known,
}

/// What one owner has.
struct Group {
    owner: String,
    lines: Vec<Line>,
}

struct Line {
    credential: Credential,
    provider: String,
    mark: Mark,
    spent_by: String,
}

/// Which are listed, as the form says it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    context: String,
    provider: String,
    after: Option<String>,
}

impl Wanted {
    const fn is_narrow(&self) -> bool {
        !(self.context.is_empty() && self.provider.is_empty())
    }

    fn which(&self) -> Result<Which, Fault> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let context = some(&self.context).map(|text| text.parse::<Context>());
        let context = context.transpose().map_err(|error| Fault::invalid("context", error.to_string()))?;
        Ok(Which { context, user: None, provider: some(&self.provider), state: None, failing: false })
    }
}

pub async fn list(State(api): State<Api>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refused> {
    let place = Page { after: wanted.after.clone(), limit: None };
    let Listed { mut items, next } = api.management.credentials(&visitor.who, &wanted.which()?, &place).await?;
    let providers = known(&api, &visitor.who).await?;
    items.sort_by_key(|credential| (is_anothers(credential, &visitor), home(credential, &visitor.me)));
    let mut groups: Vec<Group> = Vec::new();
    for credential in items {
        let owner = home(&credential, &visitor.me);
        let provider = name(&providers, &credential.provider).to_owned();
        let line = Line {
            mark: mark(&credential, &provider),
            spent_by: spent_by(&credential, &visitor.me),
            provider,
            credential,
        };
        match groups.last_mut().filter(|group| group.owner == owner) {
            Some(group) => group.lines.push(line),
            None => groups.push(Group { owner, lines: vec![line] }),
        }
    }
    let contexts = contexts(&api, &visitor.who).await?;
    let frame = Frame::of(&visitor, "/credentials");
    Ok(page(&Credentials { frame, groups, next, wanted, contexts, providers }))
}

/// One's own come first.
fn is_anothers(credential: &Credential, visitor: &Visitor) -> bool {
    credential.user.as_ref() != Some(&visitor.me.name)
}

#[derive(Template)]
#[template(path = "credential.html")]
struct One {
    frame: Frame,
    credential: Credential,
    provider: String,
    owner: String,
    mark: Mark,
    spent_by: String,
    spenders: Option<Listed<Spender>>,
    /// Whether the provider can be asked about it.
    can_probe: bool,
    /// What else to set up for who has just entered it.
    is_new: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: Option<String>,
    said: String,
}

pub async fn show(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(After { after, said }): Query<After>,
) -> Result<Response, Refused> {
    let id = read_id(&id)?;
    let credential = api.management.credential(&visitor.who, id).await?;
    let providers = known(&api, &visitor.who).await?;
    let provider = name(&providers, &credential.provider).to_owned();
    let place = Page { after, limit: None };
    let spenders = match &credential.details {
        Some(_) if credential.state == Switched::Active && providers.contains_key(&credential.provider) => {
            Some(api.management.spenders(&visitor.who, id, &place).await?)
        }
        _ => None,
    };
    let can_probe = providers.get(&credential.provider).is_some_and(|provider| provider.probe);
    let is_new = said == "entered";
    let frame = match (&*said, credential.probe) {
        ("entered" | "probed", _) => said_of(Frame::of(&visitor, "/credentials"), &credential, &provider, is_new),
        _ => Frame::of(&visitor, "/credentials"),
    };
    let (owner, mark) = (home(&credential, &visitor.me), mark(&credential, &provider));
    let spent_by = spent_by(&credential, &visitor.me);
    Ok(page(&One { frame, credential, provider, owner, mark, spent_by, spenders, can_probe, is_new }))
}

/// What the provider has just said of it.
fn said_of(frame: Frame, credential: &Credential, provider: &str, is_new: bool) -> Frame {
    let begin = if is_new { say!("credential-saved") } else { String::new() };
    let begin = if begin.is_empty() { begin } else { begin + " " };
    match credential.probe {
        Some(Verdict::Valid) => {
            let notice = begin + &say!("credential-takes-it", provider = provider);
            Frame { notice: Some(notice), ..frame }
        }
        Some(Verdict::Refused) => frame.alert(begin + &say!("credential-refuses-it", provider = provider)),
        Some(Verdict::Unreachable) => frame.alert(begin + &say!("credential-no-answer", provider = provider)),
        None if is_new => Frame { notice: Some(say!("credential-saved")), ..frame },
        None => frame,
    }
}

impl One {
    /// What it is called.
    fn title(&self) -> String {
        title(&self.credential, &self.provider)
    }

    /// Where to go on from here: with what it pays for filled in.
    fn connect(&self) -> String {
        let context = match &self.credential.context {
            Some(context) if *context != Context::me() => format!("&context={context}"),
            _ => String::new(),
        };
        format!("/connect?provider={}{context}", self.credential.provider)
    }

    const fn is_entered(&self) -> bool {
        match &self.credential.details {
            Some(details) => details.source.is_none(),
            None => false,
        }
    }

    fn is_active(&self) -> bool {
        self.credential.state == Switched::Active
    }

    fn is_retired(&self) -> bool {
        self.credential.state == Switched::Retired
    }
}
