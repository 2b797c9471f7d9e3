//! Which token would pay: the answer for a request that nobody has made, and why each other one lost.
//! Owns nothing.
//! Sends nothing to anybody.

use super::{
    credentials::{ALL, Known, contexts, known, name},
    frame::{Frame, Refused, Visitor, told},
    page,
    words::say,
};
use crate::{
    admin::api::Api,
    credential::State as Switched,
    identity::Context,
    manage::{
        Fault,
        explain::{Considered, Explain, Explanation},
        tokens::Token,
    },
};
use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;

/// The request that is asked about.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    provider: String,
    user: String,
    context: String,
    token: String,
    job: String,
}

#[derive(Template)]
#[template(path = "explain.html")]
struct Explained {
    frame: Frame,
    wanted: Wanted,
    providers: Known,
    contexts: Vec<Context>,
    tokens: Vec<Token>,
    answer: Option<Explanation>,
}

impl Explained {
    fn provider(&self) -> &str {
        name(&self.providers, &self.wanted.provider)
    }

    /// What pays, in a sentence.
    fn sentence(&self, pays: &Considered) -> String {
        let label = if pays.label.is_empty() { self.provider().to_owned() } else { pays.label.clone() };
        let (context, why) = (pays.context.to_string(), pays.why.as_str());
        say!("explain-pays", provider = self.provider(), label = label, context = context, why = why)
    }

    fn refusal(&self, answer: &Explanation) -> String {
        refusal(answer)
    }

    fn state(&self, line: &Considered) -> (&'static str, String) {
        match line.state {
            Switched::Active => ("good", say!("explain-on")),
            Switched::Disabled => ("warn", say!("mark-disabled")),
            Switched::Retired => ("warn", say!("mark-retired")),
        }
    }

    fn add(&self) -> String {
        let pairs = [("provider", &self.wanted.provider), ("context", &self.wanted.context)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("/credentials/new?{query}")
    }
}

/// Why nothing pays.
pub fn refusal(answer: &Explanation) -> String {
    let because = answer.verdict.strip_prefix("refused: ").unwrap_or(&answer.verdict);
    super::frame::sentence(&Fault::conflict(because.to_owned()))
}

pub async fn show(State(api): State<Api>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refused> {
    let (user, providers) = (some(&wanted.user), known(&api, &visitor.who).await?);
    let (answer, alert) = match explained(&api, &visitor, &wanted).await {
        Ok(answer) => (answer, None),
        // Of somebody whom the visitor must not know of, or a token that is gone.
        Err(fault @ Fault::Missing(_)) => (None, Some(super::frame::sentence(&fault))),
        Err(fault) => (None, Some(told(fault)?)),
    };
    let tokens = match api.management.tokens(&visitor.who, (user.as_deref(), None), &ALL).await {
        Ok(tokens) => tokens.items,
        Err(Fault::Missing(_)) => Vec::new(),
        Err(fault) => return Err(fault.into()),
    };
    let frame = Frame::of(&visitor, "/explain");
    let (frame, status) = match alert {
        Some(text) => (frame.alert(text), StatusCode::UNPROCESSABLE_ENTITY),
        None => (frame, StatusCode::OK),
    };
    let contexts = contexts(&api, &visitor.who).await?;
    let shown = page(&Explained { frame, wanted, providers, contexts, tokens, answer });
    Ok((status, shown).into_response())
}

async fn explained(api: &Api, visitor: &Visitor, wanted: &Wanted) -> Result<Option<Explanation>, Fault> {
    if wanted.provider.is_empty() {
        return Ok(None);
    }
    let context = some(&wanted.context).map(|text| text.parse::<Context>());
    let question = Explain {
        provider: wanted.provider.clone(),
        context: context.transpose().map_err(|error| Fault::invalid("context", error.to_string()))?,
        user: some(&wanted.user),
        token: some(&wanted.token),
        value: None,
        job: some(&wanted.job),
    };
    api.management.explain(&visitor.who, question).await.map(Some)
}

fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
