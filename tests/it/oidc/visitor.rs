//! A browser without a script: it keeps its cookies, and goes where a story sends it.

use super::Issuer;
use crate::support::{Answer, Ask, Bellhop, Pat};
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Visitor<'b> {
    bellhop: &'b Bellhop,
    pub cookies: BTreeMap<String, String>,
}

impl<'b> Visitor<'b> {
    pub fn at(bellhop: &'b Bellhop) -> Self {
        Self { bellhop, cookies: BTreeMap::new() }
    }

    /// Another window with the same cookies as now.
    pub fn clone_of(&self) -> Self {
        Self { bellhop: self.bellhop, cookies: self.cookies.clone() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Ask::get(path)).await
    }

    /// A form of Bellhop's own page.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let ask = Ask::post(path).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        self.send(ask.header("Sec-Fetch-Site", "same-origin")).await
    }

    async fn send(&mut self, mut ask: Ask) -> Answer {
        if !self.cookies.is_empty() {
            let crumbs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            ask = ask.header("Cookie", crumbs.join("; "));
        }
        let answer = self.bellhop.ask_admin(&ask).await;
        for (_, set) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    /// There and back.
    pub async fn sign_in(&mut self, issuer: &Issuer, person: Value) -> Answer {
        self.sign_in_by("/sign-in/oidc", issuer, person).await
    }

    pub async fn sign_in_by(&mut self, way: &str, issuer: &Issuer, person: Value) -> Answer {
        let away = self.get(way).await;
        assert_eq!(away.status, 303, "{}", away.text());
        let back = issuer.sign_in(&away.header_of("location").unwrap(), person);
        self.get(&back).await
    }

    pub fn has_session(&self) -> bool {
        self.cookies.contains_key("bellhop")
    }

    pub async fn whoami(&mut self) -> Value {
        self.get("/api/v1/whoami").await.json()
    }
}

impl Answer {
    pub fn header_of(&self, name: &str) -> Option<String> {
        self.header(name).map(str::to_owned)
    }

    #[track_caller]
    pub fn assert_in(&self) {
        let set = self.headers.iter().any(|(name, value)| name == "set-cookie" && value.starts_with("bellhop="));
        assert!(self.status == 303 && set, "not signed in: {} {}", self.status, self.text());
    }

    /// Nobody was signed in, and the page says so in words of Bellhop's own.
    #[track_caller]
    pub fn assert_out(&self, status: u16, words: &str) {
        let set = self.headers.iter().any(|(name, value)| name == "set-cookie" && value.starts_with("bellhop="));
        let text = self.text();
        assert!(self.status == status && !set, "signed in, or not as expected: {} {text}", self.status);
        assert!(text.contains(words) && text.contains("name=\"secret-password\""), "{text}");
        assert!(!text.contains("<b>") && !text.contains("invalid_grant"), "the provider's own words: {text}");
    }
}

pub async fn ask(bellhop: &Bellhop, pat: &Pat, method: &'static str, path: &str, body: Option<&Value>) -> Answer {
    let ask = Ask::new(method, format!("/api/v1{path}")).header("Authorization", format!("Bearer {pat}"));
    bellhop.ask_admin(&if let Some(body) = body { ask.json(body) } else { ask }).await
}
