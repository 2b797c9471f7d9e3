//! HashiCorp Vault, or OpenBao, which speaks the same API: secrets of the KV engine, version 2.
//! Owns the token that a Kubernetes login gave, until most of its life is over.
//! Never keeps a token that an operator rotates: those are read from their file at each use.

use super::{
    ask::{Api, sensitive},
    local::read_file,
    problem::Problem,
    text,
};
use crate::{
    config::{VaultConfig, VaultLogin},
    provider::Preset,
    secret::Secret,
    upstream::once::Question,
    vault::SecretFields,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

pub struct Vault {
    api: Api,
    namespace: Option<HeaderValue>,
    login: VaultLogin,
    token: Mutex<Option<Lease>>,
}

struct Lease {
    token: Secret,
    until: Instant,
}

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Vault's agent asks for it, against requests that a browser was tricked into.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

impl Vault {
    pub fn new(config: &VaultConfig) -> Result<Self, String> {
        let namespace = config.namespace.as_deref().map(HeaderValue::from_str).transpose();
        let namespace = namespace.map_err(|_| "`namespace` cannot stand in a header".to_owned())?;
        let api = Api::new(&config.url, config.ca_file.as_deref())?;
        Ok(Self { api, namespace, login: config.login.clone(), token: Mutex::default() })
    }

    /// The secret's values, by the fields of the credential that they fill.
    pub async fn read(
        &self,
        mount: &str,
        path: &str,
        fields: &BTreeMap<Box<str>, Box<str>>,
        preset: &Preset,
    ) -> Result<SecretFields, Problem> {
        let target = format!("/v1/{}/data/{}", encoded(mount), encoded(path));
        let (mut status, mut body) = self.get(&target, self.token(Reuse::Kept).await?).await?;
        if status == StatusCode::FORBIDDEN && matches!(self.login, VaultLogin::Kubernetes { .. }) {
            // The lease may have been revoked since.
            (status, body) = self.get(&target, self.token(Reuse::Never).await?).await?;
        }
        match status {
            StatusCode::OK => found(&body, fields, preset),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                Err(Problem::Refused { what: "token", status: status.as_u16() })
            }
            status => Err(Problem::Status(status.as_u16())),
        }
    }

    async fn get(&self, target: &str, token: Secret) -> Result<(StatusCode, bytes::Bytes), Problem> {
        let mut headers = self.headers();
        headers.push((TOKEN, sensitive(&token)?));
        self.api.ask(Question { method: Method::GET, target: target.to_owned(), headers, body: b"" }).await
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let namespace = self.namespace.iter().map(|value| (NAMESPACE, value.clone()));
        namespace.chain([(REQUEST, HeaderValue::from_static("true"))]).collect()
    }

    async fn token(&self, reuse: Reuse) -> Result<Secret, Problem> {
        let (role, mount, file) = match &self.login {
            VaultLogin::TokenFile(path) => return text::value(&read_file(path)?),
            VaultLogin::TokenVariable(name) => {
                let value = std::env::var_os(name).ok_or_else(|| Problem::NoVariable(name.as_str().into()))?;
                return text::value(value.as_encoded_bytes());
            }
            VaultLogin::Kubernetes { role, mount, token_file } => (role, mount, token_file),
        };
        let mut kept = self.token.lock().await;
        if let Some(lease) = kept.as_ref().filter(|lease| reuse == Reuse::Kept && lease.until > Instant::now()) {
            return Ok(lease.token.clone());
        }
        let account = text::value(&read_file(file)?)?;
        let body = zeroize::Zeroizing::new(json!({ "role": role, "jwt": account.expose() }).to_string());
        let target = format!("/v1/auth/{}/login", encoded(mount));
        let question = Question { method: Method::POST, target, headers: self.headers(), body: body.as_bytes() };
        let lease = match self.api.ask(question).await? {
            (StatusCode::OK, body) => signed_in(&body)?,
            (status @ (StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST), _) => {
                return Err(Problem::Refused { what: "service account", status: status.as_u16() });
            }
            (status, _) => return Err(Problem::Status(status.as_u16())),
        };
        Ok(kept.insert(lease).token.clone())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Kept,
    Never,
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, SEGMENT).to_string()
}

fn found(body: &[u8], fields: &BTreeMap<Box<str>, Box<str>>, preset: &Preset) -> Result<SecretFields, Problem> {
    let document: Value = serde_json::from_slice(body).map_err(|_| Problem::NotJson)?;
    let data = document.pointer("/data/data").and_then(Value::as_object).ok_or(Problem::NotJson)?;
    if fields.is_empty() {
        let known = data.iter().filter(|(name, _)| preset.field(name).is_some());
        return known.map(|(name, value)| Ok((name.as_str().into(), text::text(name, value)?))).collect();
    }
    let read = fields.iter().map(|(field, key)| -> Result<_, Problem> {
        let value = data.get(&**key).ok_or_else(|| Problem::NoField(key.clone()))?;
        Ok((field.clone(), text::text(key, value)?))
    });
    read.collect()
}

/// Used for four fifths of its life; one that says nothing of it, for a minute.
fn signed_in(body: &[u8]) -> Result<Lease, Problem> {
    let document: Value = serde_json::from_slice(body).map_err(|_| Problem::NotJson)?;
    let token = document.pointer("/auth/client_token").and_then(Value::as_str).ok_or(Problem::NotJson)?;
    let seconds = document.pointer("/auth/lease_duration").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
    let life = Duration::from_secs(seconds.unwrap_or(75).min(30 * 86_400));
    Ok(Lease { token: Secret::new(token), until: Instant::now() + life * 4 / 5 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;
    use proptest::prelude::*;

    fn read(body: &str, fields: &[(&str, &str)]) -> Result<SecretFields, Problem> {
        let catalog = Catalog::shipped().unwrap();
        let fields = fields.iter().map(|(field, key)| ((*field).into(), (*key).into())).collect();
        found(body.as_bytes(), &fields, catalog.find("mat3ra").unwrap().preset())
    }

    #[test]
    fn a_secrets_keys_fill_the_fields_of_their_names_or_those_that_are_said() {
        let body = r#"{"data":{"data":{"token":"fake-canary","account_id":7,"note":[]},"metadata":{"version":3}}}"#;
        let all = read(body, &[]).unwrap();
        assert_eq!((all["token"].expose(), all["account_id"].expose(), all.len()), ("fake-canary", "7", 2));
        assert_eq!(read(body, &[("account_id", "token")]).unwrap()["account_id"].expose(), "fake-canary");
        assert!(matches!(read(body, &[("token", "key")]), Err(Problem::NoField(_))));
        assert!(matches!(read(body, &[("token", "note")]), Err(Problem::NotAText(_))));
        assert!(matches!(read(r#"{"data":{"data":null}}"#, &[]), Err(Problem::NotJson)));
        assert!(matches!(read("<html>", &[]), Err(Problem::NotJson)));
    }

    #[test]
    fn a_login_without_a_lease_is_not_kept_for_long() {
        let lease = signed_in(br#"{"auth":{"client_token":"fake-canary","lease_duration":0}}"#).unwrap();
        assert!(lease.until <= Instant::now() + Duration::from_secs(60));
        assert!(signed_in(br#"{"auth":null}"#).is_err());
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(body in r#"\{?("(data|auth|client_token|lease_duration)":?[\{\["]?){0,5}[0-9"\}\]]{0,9}"#) {
            let _ = (read(&body, &[]), signed_in(body.as_bytes()));
        }
    }
}
