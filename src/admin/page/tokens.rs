//! Personal access tokens: the list, a new one, the end of one.
//! Owns nothing.
//! Never shows a token's value but in the answer that made it.

use super::{
    confirm::Confirm,
    form::{Fields, Sent},
    frame::{Frame, Refused, Visitor, day, told},
    page, to_mend,
    words::say,
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
    lives: [u32; 5],
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

const LIVES: [u32; 5] = [7, 30, 90, 180, 365];
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
        let has = |scope| fields.has("scopes", scope);
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
    fn scope(&self, scope: &Scope) -> String {
        match scope {
            Scope::Run => say!("scope-run-short"),
            Scope::Read => say!("scope-read-short"),
            Scope::Manage => say!("scope-manage-short"),
        }
    }

    /// What it is limited to, in words.
    fn boundary(&self, token: &Token) -> String {
        let mut parts = Vec::new();
        if let Some(context) = &token.context {
            parts.push(say!("tokens-pays-with", context = context.to_string()));
        }
        let list = |words: Vec<String>| words.join(", ");
        if !token.providers.is_empty() {
            parts.push(say!("tokens-only", list = list(token.providers.clone())));
        }
        if !token.contexts.is_empty() {
            parts.push(say!("tokens-only-in", list = list(token.contexts.iter().map(Context::to_string).collect())));
        }
        if !token.networks.is_empty() {
            parts.push(say!("tokens-only-from", list = list(token.networks.iter().map(ToString::to_string).collect())));
        }
        if parts.is_empty() { say!("tokens-anything") } else { parts.join("; ") }
    }
}

pub async fn list(State(api): State<Api>, visitor: Visitor, Query(place): Query<Page>) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, "/tokens");
    render(&api, &visitor, (frame, place), (Wish::default(), None)).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    (frame, place): (Frame, Page),
    (wish, made): (Wish, Option<MadeToken>),
) -> Result<Response, Refused> {
    let found = api.management.tokens(&visitor.who, (None, None), &place).await?;
    let contexts = contexts(api, visitor).await?;
    Ok(page(&Tokens { frame, list: found.items, next: found.next, made, wish, contexts, lives: LIVES }))
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

pub async fn make(State(api): State<Api>, Sent { visitor, fields }: Sent) -> Result<Response, Refused> {
    let wish = Wish::read(&fields);
    let frame = Frame::of(&visitor, "/tokens");
    let made = match wanted(&api, &wish, &fields) {
        Ok(wanted) => api.management.create_token(&visitor.who, wanted).await,
        Err(fault) => Err(fault),
    };
    match made {
        Ok(made) => render(&api, &visitor, (frame, Page::default()), (Wish::default(), Some(made))).await,
        Err(fault) => {
            let frame = frame.alert(told(fault)?);
            let again = render(&api, &visitor, (frame, Page::default()), (wish, None)).await?;
            Ok(to_mend(again))
        }
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

pub async fn ask(State(api): State<Api>, visitor: Visitor, Path(id): Path<TokenId>) -> Result<Response, Refused> {
    let token = api.management.token(&visitor.who, id).await?;
    let used = match &token.last_used {
        Some(time) => say!("revoke-used", day = day(time)),
        None => say!("revoke-unused"),
    };
    Ok(page(&Confirm {
        frame: Frame::of(&visitor, "/tokens"),
        heading: say!("revoke-heading", name = token.name),
        effects: vec![say!("revoke-effect"), say!("revoke-jobs"), used],
        act: say!("revoke-go"),
        back: "/tokens".into(),
    }))
}

pub async fn revoke(
    State(api): State<Api>,
    Path(id): Path<TokenId>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    match api.management.revoke_token(&visitor.who, id, None).await {
        // Pressed twice, or gone in another tab: it is as it was wanted.
        Ok(_) | Err(Fault::Missing(_)) => Ok(Redirect::to("/tokens?said=removed").into_response()),
        Err(fault) => Err(fault.into()),
    }
}
