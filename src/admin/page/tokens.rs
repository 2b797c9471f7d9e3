//! Personal access tokens: the list, a new one, the end of one.
//! Owns nothing.
//! Never shows a token's value but in the answer that made it.

use super::{
    entry::sentence,
    form::{Fields, Sent},
    frame::{Frame, Visitor, broken},
    page,
};
use crate::{
    admin::api::Api,
    id::TokenId,
    identity::{Context, Scope},
    manage::{
        Fault, Page,
        tokens::{CreateToken, MadeToken, Token},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use std::time::Duration;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Tokens {
    frame: Frame,
    list: Vec<Token>,
    next: Option<String>,
    made: Option<MadeToken>,
    wish: Wish,
    contexts: Vec<String>,
    lives: [(u32, &'static str); 5],
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct Revoke {
    frame: Frame,
    token: Token,
}

/// What stands in the form: also what was typed, where it could not be done.
struct Wish {
    name: String,
    days: u32,
    run: bool,
    read: bool,
    manage: bool,
    context: String,
    providers: String,
    contexts: String,
    networks: String,
}

const LIVES: [(u32, &str); 5] = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "a year")];
const USUAL: u32 = 90;
const MOST: u16 = 200;

impl Default for Wish {
    fn default() -> Self {
        let none = String::new;
        let (name, context, providers, contexts, networks) = (none(), none(), none(), none(), none());
        Self { name, days: USUAL, run: true, read: false, manage: false, context, providers, contexts, networks }
    }
}

impl Wish {
    fn read(fields: &Fields) -> Self {
        let has = |scope| fields.many("scopes").any(|found| found == scope);
        Self {
            name: fields.one("name").into(),
            days: fields.one("expires").parse().unwrap_or(USUAL),
            run: has("run"),
            read: has("read"),
            manage: has("manage"),
            context: fields.one("context").into(),
            providers: fields.one("providers").into(),
            contexts: fields.one("contexts").into(),
            networks: fields.one("networks").into(),
        }
    }

    fn is_limited(&self) -> bool {
        !(self.providers.is_empty() && self.contexts.is_empty() && self.networks.is_empty())
    }

    fn scopes(&self) -> Vec<Scope> {
        let all = [(self.run, Scope::Run), (self.read, Scope::Read), (self.manage, Scope::Manage)];
        all.into_iter().filter_map(|(wanted, scope)| wanted.then_some(scope)).collect()
    }
}

impl Tokens {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    fn scope(&self, scope: &Scope) -> &'static str {
        match scope {
            Scope::Run => "run jobs",
            Scope::Read => "read",
            Scope::Manage => "manage",
        }
    }

    /// What it is limited to, in words.
    fn boundary(&self, token: &Token) -> String {
        let mut parts = Vec::new();
        if let Some(context) = &token.context {
            parts.push(format!("pays with {context}"));
        }
        let list = |words: Vec<String>| words.join(", ");
        if !token.providers.is_empty() {
            parts.push(format!("only {}", list(token.providers.clone())));
        }
        if !token.contexts.is_empty() {
            parts.push(format!("only in {}", list(token.contexts.iter().map(Context::to_string).collect())));
        }
        if !token.networks.is_empty() {
            parts.push(format!("only from {}", list(token.networks.iter().map(ToString::to_string).collect())));
        }
        if parts.is_empty() { "anything that you may".into() } else { parts.join("; ") }
    }
}

pub async fn list(State(api): State<Api>, visitor: Visitor, Query(place): Query<Page>) -> Response {
    let frame = Frame::of(&visitor, "/tokens");
    render(&api, &visitor, (frame, place), (Wish::default(), None)).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    (frame, place): (Frame, Page),
    (wish, made): (Wish, Option<MadeToken>),
) -> Response {
    let found = match api.management.tokens(&visitor.who, (None, None), &place).await {
        Ok(found) => found,
        Err(fault) => return broken(&fault),
    };
    let contexts = match contexts(api, visitor).await {
        Ok(contexts) => contexts,
        Err(fault) => return broken(&fault),
    };
    page(&Tokens { frame, list: found.items, next: found.next, made, wish, contexts, lives: LIVES })
}

/// All that a token can be pinned to.
async fn contexts(api: &Api, visitor: &Visitor) -> Result<Vec<String>, Fault> {
    let (mut contexts, mut place) = (Vec::new(), Page { after: None, limit: Some(MOST) });
    loop {
        let found = api.management.contexts(&visitor.who, &place).await?;
        contexts.extend(found.items.into_iter().map(|named| named.context.to_string()));
        match found.next {
            Some(next) => place.after = Some(next),
            None => return Ok(contexts),
        }
    }
}

pub async fn make(State(api): State<Api>, Sent { visitor, fields }: Sent) -> Response {
    let wish = Wish::read(&fields);
    let frame = Frame::of(&visitor, "/tokens");
    let made = match wanted(&api, &wish, &fields) {
        Ok(wanted) => api.management.create_token(&visitor.who, wanted).await,
        Err(fault) => Err(fault),
    };
    match made {
        Ok(made) => render(&api, &visitor, (frame, Page::default()), (Wish::default(), Some(made))).await,
        Err(fault @ (Fault::Invalid { .. } | Fault::Conflict(_) | Fault::Forbidden(_))) => {
            let frame = frame.alert(sentence(&fault));
            let again = render(&api, &visitor, (frame, Page::default()), (wish, None)).await;
            (StatusCode::UNPROCESSABLE_ENTITY, again).into_response()
        }
        Err(fault) => broken(&fault),
    }
}

fn wanted(api: &Api, wish: &Wish, fields: &Fields) -> Result<CreateToken, Fault> {
    let context = |field, text: &str| text.parse::<Context>().map_err(|error| Fault::invalid(field, error.to_string()));
    let contexts = fields.list("contexts");
    Ok(CreateToken {
        user: None,
        name: wish.name.clone(),
        expires: Some(api.management.now().plus(Duration::from_secs(86_400) * wish.days)),
        context: if wish.context.is_empty() { None } else { Some(context("context", &wish.context)?) },
        contexts: contexts.iter().map(|text| context("contexts", text)).collect::<Result<_, _>>()?,
        providers: fields.list("providers"),
        scopes: Some(wish.scopes()),
        networks: fields.list("networks"),
    })
}

pub async fn ask(State(api): State<Api>, visitor: Visitor, Path(id): Path<TokenId>) -> Response {
    match api.management.token(&visitor.who, id).await {
        Ok(token) => page(&Revoke { frame: Frame::of(&visitor, "/tokens"), token }),
        Err(fault) => broken(&fault),
    }
}

pub async fn revoke(State(api): State<Api>, Path(id): Path<TokenId>, Sent { visitor, .. }: Sent) -> Response {
    match api.management.revoke_token(&visitor.who, id, None).await {
        // Pressed twice, or gone in another tab: it is as it was wanted.
        Ok(_) | Err(Fault::Missing(_)) => Redirect::to("/tokens").into_response(),
        Err(fault) => broken(&fault),
    }
}
