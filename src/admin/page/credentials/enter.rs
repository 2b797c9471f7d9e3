//! Entering a provider token.
//! Owns what was typed while its form is shown again, but for secrets.
//! Never keeps a value outside of the act that seals it.

use super::{
    super::{
        form::{Fields, Sent},
        frame::{Frame, Refused, Visitor, told},
        page, to_mend,
        words::say,
    },
    ALL, Known, contexts,
    fields::{Input, choices, given, in_words, inputs},
    known,
    told::end_of,
};
use crate::{
    admin::api::Api,
    credential::State as Switched,
    id::CredentialId,
    identity::{Context, role::Act},
    manage::{
        Fault,
        credentials::{CreateCredential, Which},
        providers::Provider,
    },
};
use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use std::collections::BTreeSet;

/// For what a new one is to be.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct For {
    provider: String,
    context: String,
    /// Whose `me` the context is; empty: the visitor's. For administrators.
    user: String,
}

#[derive(Template)]
#[template(path = "credential_choose.html")]
struct Choose {
    frame: Frame,
    providers: Known,
    /// Those that the context has an active one for.
    had: BTreeSet<String>,
    wanted: For,
}

#[derive(Template)]
#[template(path = "credential_new.html")]
struct New {
    frame: Frame,
    provider: Provider,
    inputs: Vec<Input>,
    choices: Vec<String>,
    contexts: Vec<String>,
    wish: Wish,
    /// The one that stands in the way of it.
    existing: Option<CredentialId>,
}

/// What stands in the form beside the fields.
struct Wish {
    context: String,
    user: String,
    label: String,
    last_day: String,
    probe: bool,
}

impl Wish {
    fn read(fields: &Fields) -> Self {
        Self {
            context: fields.one("context").into(),
            user: fields.one("user").into(),
            label: fields.one("label").into(),
            last_day: fields.one("expires").into(),
            probe: fields.has("probe", "yes"),
        }
    }
}

impl Choose {
    fn to(&self, provider: &str) -> String {
        let pairs = [("provider", provider), ("context", &self.wanted.context), ("user", &self.wanted.user)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("/credentials/new?{query}")
    }
}

/// The form, or first the choice of what it is for.
pub async fn choose(State(api): State<Api>, visitor: Visitor, Query(wanted): Query<For>) -> Result<Response, Refused> {
    let mut providers = known(&api, &visitor.who).await?;
    let frame = Frame::of(&visitor, "/credentials");
    if let Some(provider) = providers.remove(&wanted.provider) {
        let wish = Wish {
            context: wanted.context,
            user: wanted.user,
            label: String::new(),
            last_day: String::new(),
            probe: true,
        };
        return form(&api, &visitor, (frame, provider), (wish, &Fields::default(), None)).await;
    }
    let had = had(&api, &visitor, &wanted).await?;
    Ok(page(&Choose { frame, providers, had, wanted }))
}

async fn had(api: &Api, visitor: &Visitor, wanted: &For) -> Result<BTreeSet<String>, Refused> {
    let Ok(context) = wanted.context.parse::<Context>() else { return Ok(BTreeSet::new()) };
    let user = Some(wanted.user.clone()).filter(|user| !user.is_empty());
    let which = Which { context: Some(context), user, state: Some(Switched::Active), ..Which::default() };
    let found = api.management.credentials(&visitor.who, &which, &ALL).await?;
    Ok(found.items.into_iter().map(|credential| credential.provider).collect())
}

async fn form(
    api: &Api,
    visitor: &Visitor,
    (frame, provider): (Frame, Provider),
    (mut wish, typed, existing): (Wish, &Fields, Option<CredentialId>),
) -> Result<Response, Refused> {
    let mut contexts = manageable(api, visitor, &provider).await?;
    if wish.context.is_empty() {
        wish.context = contexts.first().cloned().unwrap_or_default();
    } else if !contexts.contains(&wish.context) {
        // Of a link: whether it is the visitor's to choose is for the act to judge.
        contexts.push(wish.context.clone());
    }
    let (inputs, choices) = (inputs(&provider, typed), choices(&provider));
    Ok(page(&New { frame, provider, inputs, choices, contexts, wish, existing }))
}

/// The contexts whose provider tokens the visitor enters.
async fn manageable(api: &Api, visitor: &Visitor, provider: &Provider) -> Result<Vec<String>, Refused> {
    let all = contexts(api, &visitor.who).await?;
    let is_manageable = |context: &Context| match &context.organization {
        None => provider.personal,
        Some(name) => {
            let mine = visitor.me.organizations.iter().find(|organization| organization.name == *name);
            mine.is_some_and(|organization| organization.role.permits(Act::ManageCredentials))
        }
    };
    Ok(all.into_iter().filter(is_manageable).map(|context| context.to_string()).collect())
}

pub async fn enter(State(api): State<Api>, Sent { visitor, fields }: Sent) -> Result<Response, Refused> {
    let id = fields.one("provider");
    let missing = || Fault::missing("provider");
    let provider = known(&api, &visitor.who).await?.remove(id).ok_or_else(missing)?;
    let wish = Wish::read(&fields);
    match entered(&api, &visitor, &provider, (&wish, &fields)).await {
        Ok(id) => Ok(Redirect::to(&format!("/credentials/{id}?said=entered")).into_response()),
        Err(fault) => {
            let existing = match &fault {
                Fault::Conflict(_) => standing_in_the_way(&api, &visitor, &provider, &wish).await,
                _ => None,
            };
            let text = match existing {
                Some(_) => say!("credential-taken", provider = provider.name, context = wish.context),
                None => told(in_words(&provider, fault))?,
            };
            let frame = Frame::of(&visitor, "/credentials").alert(text);
            let again = form(&api, &visitor, (frame, provider), (wish, &fields, existing)).await?;
            Ok(to_mend(again))
        }
    }
}

async fn entered(
    api: &Api,
    visitor: &Visitor,
    provider: &Provider,
    (wish, fields): (&Wish, &Fields),
) -> Result<CredentialId, Fault> {
    let context = wish.context.parse().map_err(|_| Fault::conflict(say!("credential-whose-missing")))?;
    let last_day = end_of(&wish.last_day);
    let wanted = CreateCredential {
        context,
        user: Some(wish.user.clone()).filter(|user| !user.is_empty()),
        provider: provider.id.clone(),
        label: wish.label.clone(),
        fields: given(provider, fields),
        source: None,
        expires: Some(last_day.ok_or_else(|| Fault::conflict(say!("credential-bad-day")))?),
        projects: Vec::new(),
        members: Vec::new(),
        probe: wish.probe && provider.probe_new,
    };
    let id = api.management.create_credential(&visitor.who, wanted).await?.credential.id;
    ask_afterwards(api, visitor, provider, (id, wish.probe)).await;
    Ok(id)
}

/// Where each login gives a new secret, the provider is asked only when this one is on record. It is; what the provider
/// says is shown there.
pub async fn ask_afterwards(api: &Api, visitor: &Visitor, provider: &Provider, (id, wanted): (CredentialId, bool)) {
    if wanted && provider.probe && !provider.probe_new {
        let _ = api.management.probe_credential(&visitor.who, id).await;
    }
}

async fn standing_in_the_way(api: &Api, visitor: &Visitor, provider: &Provider, wish: &Wish) -> Option<CredentialId> {
    let which = Which {
        context: Some(wish.context.parse().ok()?),
        user: Some(wish.user.clone()).filter(|user| !user.is_empty()),
        provider: Some(provider.id.clone()),
        state: Some(Switched::Active),
        failing: false,
    };
    let found = api.management.credentials(&visitor.who, &which, &ALL).await.ok()?;
    found.items.first().map(|credential| credential.id)
}
