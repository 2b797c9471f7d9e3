//! Whether Bellhop is where it is said to be, and what each provider would be paid with.
//! Owns one question to it.
//! Never asks a provider.

use super::Finding;
use crate::{
    cli::{
        Console, Failure,
        console::{Form, shown},
        get::get,
        point::Map,
        wait_for,
    },
    secret::Secret,
    upstream::Endpoint,
};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

pub struct Reached {
    /// What it said to who asked with a token.
    pub whoami: Option<Value>,
    pub problem: Option<Finding>,
}

#[derive(Serialize)]
struct PayerLine<'p> {
    provider: &'p str,
    pays: &'p Value,
    label: &'p Value,
    why: &'p Value,
}

pub fn ask(map: &Map, token: Option<&Secret>) -> Result<Reached, Failure> {
    let url = map.place.main()?;
    let trust = map.trust()?;
    let answer = Endpoint::new(url.origin.clone(), &trust, true).map_err(|error| error.to_string());
    let path = format!("{}/whoami", url.path);
    let answer = match answer {
        Ok(endpoint) => wait_for(async { Ok(get(&endpoint, &path, token).await) })?,
        Err(problem) => Err(problem),
    };
    let problem = |what: String, remedy: &str| Reached {
        whoami: None,
        problem: Some(Finding::variable(&url.to_string(), None, what, remedy)),
    };
    Ok(match answer {
        Err(error) => problem(
            format!("Bellhop cannot be reached: {error}"),
            "start it, or say where it is: --url, BELLHOP_PROXY_URL or `listen.public_url`",
        ),
        Ok(answer) => match judged(&answer, token.is_some()) {
            Judged::Bellhop(whoami) => Reached { whoami, problem: None },
            Judged::Refused(text) => {
                problem(format!("Bellhop refuses the token: {text}"), "see `bellhop token create`")
            }
            Judged::Unwell(text) => problem(
                format!("Bellhop is there and does not serve now: {text}"),
                "try again in a moment: it says nothing about the token",
            ),
            Judged::Stranger => problem(
                format!("what answers there ({}) is not Bellhop", answer.status()),
                "say where it is: --url, BELLHOP_PROXY_URL or `listen.public_url`",
            ),
        },
    })
}

enum Judged {
    Bellhop(Option<Value>),
    Refused(String),
    /// It answers nobody now.
    Unwell(String),
    Stranger,
}

/// Without a token, Bellhop is known by the code of its refusal.
fn judged(answer: &Response<bytes::Bytes>, with_token: bool) -> Judged {
    let refusal = answer.headers().get("bellhop-refusal").and_then(|code| code.to_str().ok());
    let body = || serde_json::from_slice::<Value>(answer.body()).ok();
    match refusal {
        Some(_) if !with_token => Judged::Bellhop(None),
        Some(code) => {
            let detail = body().and_then(|body| Some(body["detail"].as_str()?.to_owned()));
            let text = detail.unwrap_or_else(|| code.to_owned());
            let is_unwell = answer.status().is_server_error() || answer.status() == StatusCode::TOO_MANY_REQUESTS;
            if is_unwell { Judged::Unwell(text) } else { Judged::Refused(text) }
        }
        None if answer.status() == StatusCode::OK => match body().filter(|body| body["providers"].is_object()) {
            Some(whoami) => Judged::Bellhop(Some(whoami)),
            None => Judged::Stranger,
        },
        None => Judged::Stranger,
    }
}

impl Reached {
    pub fn tell(&self, chosen: &[String], console: &mut Console<'_>) {
        let Some(whoami) = &self.whoami else { return };
        let user = shown(whoami["user"].as_str().unwrap_or("?"));
        console.say(format_args!("Bellhop knows the token as one of {user}'s\n"));
        let providers = whoami["providers"].as_object().into_iter().flatten();
        let wanted = providers
            .filter(|(id, paid)| if chosen.is_empty() { !paid["credential"].is_null() } else { chosen.contains(id) });
        let lines = wanted.map(|(id, paid)| PayerLine {
            provider: id,
            pays: &paid["owner"],
            label: &paid["label"],
            why: if paid["why"].is_null() { &paid["because"] } else { &paid["why"] },
        });
        let lines: Vec<PayerLine<'_>> = lines.collect();
        console.table(Form { json: false }, &["provider", "pays", "label", "why"], &lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, refusal: &str) -> &'static str {
        let body = r#"{"detail":"because"}"#.into();
        let answer = Response::builder().status(status).header("bellhop-refusal", refusal).body(body).unwrap();
        match judged(&answer, true) {
            Judged::Bellhop(_) => "bellhop",
            Judged::Refused(_) => "refused",
            Judged::Unwell(_) => "unwell",
            Judged::Stranger => "stranger",
        }
    }

    #[test]
    fn a_bellhop_that_cannot_serve_now_says_nothing_about_the_token() {
        assert_eq!(told(401, "unknown-token"), "refused");
        assert_eq!(told(403, "not-allowed"), "refused");
        for (status, refusal) in [(503, "store-unavailable"), (503, "draining"), (429, "throttled")] {
            assert_eq!(told(status, refusal), "unwell", "{refusal}");
        }
    }
}
