//! D-Wave's Leap account API: which projects an account has, and the token of one.
//! Owns nothing.
//! Never takes a token of another project: the code of a project is the beginning of its token.

use super::{
    ask::{Api, bearer},
    problem::Problem,
};
use crate::{config::LeapConfig, provider::fields::begins_with, secret::Secret, upstream::once::Question};
use http::{Method, StatusCode, header};
use serde_json::Value;

pub struct Leap(Api);

struct Project {
    id: u64,
    code: Option<Box<str>>,
}

impl Leap {
    pub fn new(config: &LeapConfig) -> Result<Self, String> {
        Api::new(&config.url, config.ca_file.as_deref()).map(Self)
    }

    /// The token of the project with this number or code.
    pub async fn token(&self, project: &str, account: &Secret) -> Result<Secret, Problem> {
        let found = find(&self.get("/account/projects/oauth/".into(), account).await?, project)?;
        let target = format!("/account/token/oauth/?project_id={}", found.id);
        let token = token(&self.get(target, account).await?)?;
        match &found.code {
            Some(code) if !begins_with(token.expose(), code) => Err(Problem::OtherProject(code.clone())),
            _ => Ok(token),
        }
    }

    async fn get(&self, target: String, account: &Secret) -> Result<Value, Problem> {
        let headers = vec![(header::AUTHORIZATION, bearer(account)?)];
        match self.0.ask(Question { method: Method::GET, target, headers, body: b"" }).await? {
            (StatusCode::OK, body) => serde_json::from_slice(&body).map_err(|_| Problem::NotJson),
            (status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _) => {
                Err(Problem::Refused { what: "bearer", status: status.as_u16() })
            }
            (status, _) => Err(Problem::Status(status.as_u16())),
        }
    }
}

fn find(answer: &Value, wanted: &str) -> Result<Project, Problem> {
    let projects = answer.pointer("/data/projects").and_then(Value::as_array).ok_or(Problem::NotJson)?;
    let mut read = projects.iter().filter_map(|entry| {
        let project = entry.get("project")?;
        let code = project.get("code").and_then(Value::as_str).filter(|code| !code.is_empty());
        Some(Project { id: project.get("id")?.as_u64()?, code: code.map(Into::into) })
    });
    let is_wanted = |project: &Project| {
        project.code.as_deref().is_some_and(|code| code == wanted) || project.id.to_string() == wanted
    };
    read.find(is_wanted).ok_or_else(|| Problem::NoProject(wanted.into()))
}

fn token(answer: &Value) -> Result<Secret, Problem> {
    let token = answer.pointer("/data/token").ok_or(Problem::NotJson)?;
    match token.as_str() {
        Some(text) if !text.is_empty() => Ok(Secret::new(text)),
        _ => Err(Problem::NoToken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_project_is_found_by_its_number_and_by_its_code() {
        let project = |id: u64, code: &str| json!({ "project": { "id": id, "name": "any", "code": code } });
        let answer = json!({ "data": { "projects": [project(7, "DEV"), project(8, "PROD")] } });
        assert_eq!((find(&answer, "8").unwrap().id, find(&answer, "DEV").unwrap().id), (8, 7));
        assert!(matches!(find(&answer, "OTHER"), Err(Problem::NoProject(_))));
        assert!(matches!(find(&json!("<html>"), "8"), Err(Problem::NotJson)));
    }

    #[test]
    fn a_token_is_of_the_project_that_it_begins_with() {
        for (token, code, is_so) in [
            ("DEV-fake-canary", "DEV", true),
            ("dev-fake-canary", "DEV", true),
            ("A-B-fake-canary", "A-B", true),
            ("fakecanary", "DEV", true),
            ("PROD-fake-canary", "DEV", false),
            ("DEV2-fake-canary", "DEV", false),
        ] {
            assert_eq!(begins_with(token, code), is_so, "{token}");
        }
        assert!(matches!(super::token(&json!({ "data": { "token": null } })), Err(Problem::NoToken)));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(text in r#"\{"data":\{"(projects|token)":[\[\{"a-z0-9:,\}\]]{0,40}\}\}?"#) {
            if let Ok(answer) = serde_json::from_str(&text) {
                let _ = (find(&answer, "7"), token(&answer));
            }
        }
    }
}
