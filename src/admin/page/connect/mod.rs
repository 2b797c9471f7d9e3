//! Connecting an SDK: what to set, and what to write, so that it speaks to this Bellhop.
//! Owns nothing; the texts are the presets', as `bellhop env` writes them.
//! Never has a token's value: where one belongs stands its variable.

mod blocks;
mod told;

use super::{
    credentials::{ALL, Known, contexts, known, name},
    frame::{Frame, Refused, Visitor},
    page,
    words::say,
};
use crate::{
    admin::{Admin, Bound, api::Api},
    config::{BaseUrl, Protocol},
    credential::State as Switched,
    identity::{Context, Scope},
    manage::{
        Fault,
        credentials::Which,
        explain::{Explain, Explanation},
        tokens::Token,
    },
    point::{Aim, Pointed, place::Place},
    provider::{
        Provider,
        preset::sdk::{Sdk, Way},
    },
};
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use blocks::{Block, Form};
use clap::ValueEnum;
use http::{HeaderMap, header, uri::Authority};
use serde::Deserialize;
use std::sync::Arc;

/// What is to be connected, with what.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    provider: String,
    sdk: String,
    way: String,
    context: String,
    token: String,
    form: String,
}

#[derive(Template)]
#[template(path = "connect.html")]
struct Connect {
    frame: Frame,
    wanted: Wanted,
    providers: Known,
    /// Their names, and what people call them.
    sdks: Vec<(String, String)>,
    /// Those that it can use here, where that is more than one.
    ways: Vec<(String, String)>,
    contexts: Vec<Context>,
    tokens: Vec<Token>,
    forms: Vec<(&'static str, String)>,
    explanation: Explanation,
    pointed: Result<Shown, String>,
}

/// An SDK that is pointed.
struct Shown {
    base: String,
    blocks: Vec<Block>,
    /// What can be done instead.
    others: Vec<Block>,
    note: Option<String>,
    warnings: Vec<String>,
}

impl Connect {
    fn provider(&self) -> &str {
        name(&self.providers, &self.wanted.provider)
    }

    /// With what is chosen here.
    fn to(&self, path: &str) -> String {
        let pairs =
            [("provider", &self.wanted.provider), ("context", &self.wanted.context), ("token", &self.wanted.token)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{path}?{query}")
    }

    fn refusal(&self) -> String {
        super::explain::refusal(&self.explanation)
    }
}

pub async fn show(
    State(api): State<Api>,
    Extension(admin): Extension<Arc<Admin>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(mut wanted): Query<Wanted>,
) -> Result<Response, Refused> {
    let providers = known(&api, &visitor.who).await?;
    if !providers.contains_key(&wanted.provider) {
        wanted.provider = usual(&api, &visitor, &providers).await?;
    }
    let tokens = tokens(&api, &visitor).await?;
    if !tokens.iter().any(|token| token.name == wanted.token) {
        wanted.token.clear();
    }
    let context = wanted.context.parse::<Context>().ok();
    if context.is_none() {
        wanted.context.clear();
    }
    let explanation = explained(&api, &visitor, &wanted, context.as_ref()).await?;
    let current = api.management.current();
    let provider = current.provider(&wanted.provider)?;
    let place = place(&api, &admin.bound, &headers);
    let sdks = &provider.preset().sdks;
    let sdk = sdks.iter().find(|sdk| *sdk.name == *wanted.sdk).or(sdks.first());
    wanted.sdk = sdk.map(|sdk| sdk.name.to_string()).unwrap_or_default();
    let ways = sdk.map(|sdk| ways(&place, provider, sdk, context.as_ref())).unwrap_or_default();
    let form = Form::of(&wanted.form);
    let aim = Aim { context: context.as_ref(), way: Way::from_str(&wanted.way, false).ok(), plain: &[] };
    let pointed = match sdk {
        Some(sdk) => {
            let token = tokens.iter().find(|token| token.name == wanted.token);
            let pointed = aim.point(&place, provider, sdk).map_err(|problem| told::no_door(&problem, provider));
            pointed.map(|pointed| shown(&pointed, &place, (form, token)))
        }
        None => Err(say!("connect-no-sdk", provider = provider.preset().name.to_string())),
    };
    let named = |sdk: &Sdk| (sdk.name.to_string(), crate::point::title(sdk));
    let frame = Frame::of(&visitor, "/connect");
    Ok(page(&Connect {
        frame,
        providers,
        sdks: sdks.iter().map(named).collect(),
        ways: ways.into_iter().map(|way| (told::word(way), told::way(way))).collect(),
        contexts: contexts(&api, &visitor.who).await?,
        tokens,
        forms: Form::ALL.map(|form| (form.word(), form.name())).to_vec(),
        explanation,
        pointed,
        wanted: Wanted { form: form.word().into(), ..wanted },
    }))
}

/// The provider that somebody most likely means who has not said: one that they could pay.
async fn usual(api: &Api, visitor: &Visitor, providers: &Known) -> Result<String, Refused> {
    let which = Which { state: Some(Switched::Active), ..Which::default() };
    let paid = api.management.credentials(&visitor.who, &which, &ALL).await?;
    let paid = paid.items.into_iter().map(|credential| credential.provider).find(|id| providers.contains_key(id));
    let first = || providers.keys().find(|id| *id == "ionq").or(providers.keys().next());
    Ok(paid.or_else(|| first().cloned()).ok_or_else(|| Fault::missing("provider"))?)
}

/// Those that can run jobs, or read them.
async fn tokens(api: &Api, visitor: &Visitor) -> Result<Vec<Token>, Refused> {
    let mut tokens = api.management.tokens(&visitor.who, (None, None), &ALL).await?.items;
    tokens.retain(|token| !token.expired && token.scopes.iter().any(|scope| matches!(scope, Scope::Run | Scope::Read)));
    Ok(tokens)
}

async fn explained(
    api: &Api,
    visitor: &Visitor,
    wanted: &Wanted,
    context: Option<&Context>,
) -> Result<Explanation, Refused> {
    let question = Explain {
        provider: wanted.provider.clone(),
        context: context.cloned(),
        token: Some(wanted.token.clone()).filter(|token| !token.is_empty()),
        ..Explain::default()
    };
    Ok(api.management.explain(&visitor.who, question).await?)
}

/// Where callers find this very process: as the configuration says it, else as it was bound; on every address, by the
/// name that this browser found it by.
fn place(api: &Api, bound: &Bound, headers: &HeaderMap) -> Place {
    let current = api.management.current();
    let protocol = if current.config.tls.is_some() { Protocol::Https } else { Protocol::Http };
    let mut listen = current.config.listen.clone();
    (listen.proxy, listen.providers) = (bound.proxy, bound.providers.clone());
    let is_everywhere = listen.public_url.is_none() && listen.proxy.ip().is_unspecified();
    let stated = if is_everywhere { called(headers, protocol, listen.proxy.port()) } else { None };
    Place::new(stated, &listen, protocol)
}

fn called(headers: &HeaderMap, protocol: Protocol, port: u16) -> Option<BaseUrl> {
    let host: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    format!("{}://{}:{port}", protocol.as_str(), host.host()).parse().ok()
}

fn ways(place: &Place, provider: &Provider, sdk: &Sdk, context: Option<&Context>) -> Vec<Way> {
    let is_open = |way: &Way| place.door(provider.id(), &sdk.ways, Some(*way), context).is_ok();
    sdk.ways.iter().copied().filter(is_open).collect()
}

fn shown(pointed: &Pointed<'_>, place: &Place, (form, token): (Form, Option<&Token>)) -> Shown {
    Shown {
        base: pointed.door.base.to_string(),
        blocks: blocks::of(pointed, form, token),
        others: blocks::others(pointed, place),
        note: pointed.sdk.note.as_deref().map(Into::into),
        warnings: pointed.warnings.iter().map(told::warning).collect(),
    }
}
