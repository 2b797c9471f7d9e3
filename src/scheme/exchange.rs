//! Exchanging a stored credential for an access token: the call that does it, and what its answer says.
//! Owns nothing; who calls, when, and for whom is the machine's above.
//! Never takes an answer for a token that says no, is no token, or had ended when it came.

use super::{Destination, Head, NotPreparable, Outgoing, sensitive};
use crate::{
    clock::Timestamp,
    id::CredentialId,
    provider::{
        Fields,
        preset::exchange::{Exchange, Form, Pairs, Yield},
        value::ValueTemplate,
    },
    secret::Secret,
    store::ExchangeRow,
    vault::{Vault, VaultError},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, uri::PathAndQuery};
use serde_json::{Map, Value};
use std::time::Duration;
use zeroize::Zeroizing;

/// What an exchange yielded.
pub struct Yielded {
    pub token: Secret,
    pub life: Duration,
    /// What the next exchange is to be made with.
    pub rotated: Option<Secret>,
}

/// Why an exchange yielded nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotYielded {
    /// The stored credential is not good.
    #[error("the provider's login refused it (status {0})")]
    Refused(u16),
    #[error("the provider's login answered with status {0}")]
    Status(u16),
    #[error("the provider's login sent an answer without a usable token: {0}")]
    Invalid(&'static str),
}

/// Longer is no token, and no header.
const LONGEST: usize = 16 * 1024;
/// Shorter than this, a token would end on its way.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);
/// Who believes in longer lives is asked again all the same.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The call, with the credential in it. `rotated` takes the place of the field that each exchange spends.
pub fn call<D: Destination, B>(
    exchange: &Exchange,
    fields: &Fields,
    rotated: Option<&Secret>,
    destination: &D,
    body: impl FnOnce(Bytes) -> B,
) -> Result<Outgoing<D, B>, NotPreparable> {
    let value = |name: &str| match (&exchange.rotation, rotated) {
        (Some(rotation), Some(secret)) if *rotation.field == *name => Some(secret.expose()),
        _ => fields.expose(name),
    };
    let expand = |template: &ValueTemplate| template.expand(value).ok_or(NotPreparable::Header);
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bellhop"));
    for (name, template) in &exchange.headers {
        headers.insert(name, sensitive(expand(template)?.expose())?);
    }
    let all = |pairs: &Pairs| -> Result<Vec<(String, Secret)>, NotPreparable> {
        pairs.iter().map(|(name, template)| Ok((name.to_string(), expand(template)?))).collect()
    };
    let sent = match &exchange.form {
        Form::Urlencoded(pairs) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, secret) in all(pairs)? {
                form.append_pair(&name, secret.expose());
            }
            Bytes::from(form.finish())
        }
        Form::Json(pairs) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let members = all(pairs)?.into_iter().map(|(name, secret)| (name, Value::from(secret.expose())));
            Bytes::from(Value::Object(members.collect::<Map<_, _>>()).to_string())
        }
        Form::Cookies(pairs) => {
            let crumbs = all(pairs)?.into_iter().map(|(name, secret)| format!("{name}={}", secret.expose()));
            let value = Zeroizing::new(crumbs.collect::<Vec<_>>().join("; "));
            headers.insert(header::COOKIE, sensitive(&value)?);
            Bytes::new()
        }
        Form::Empty => Bytes::new(),
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent.len()));
    let target = PathAndQuery::try_from(&*exchange.target).map_err(|_| NotPreparable::Header)?;
    Ok(Outgoing::new(Head { method: exchange.method.clone(), target, headers, signed: None }, body(sent), destination))
}

/// Reads an answer. `now` is for tokens that say when they end, and not how long they live.
pub fn read(
    exchange: &Exchange,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Yielded, NotYielded> {
    if exchange.refusals.contains(&status) {
        return Err(NotYielded::Refused(status.as_u16()));
    }
    if !status.is_success() {
        return Err(NotYielded::Status(status.as_u16()));
    }
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let find = |place: &Yield| match place {
        Yield::Body(pointer) => {
            let text = *pointer.values(document.as_ref()?).first()?;
            text.as_str().map(Secret::new)
        }
        Yield::Cookie(name) => cookie(headers, name),
    };
    let Some(token) = find(&exchange.token).filter(is_token) else {
        // Some say no with a 200.
        let is_said = |value: &Value| {
            !matches!(value, Value::Null | Value::Bool(false)) && value.as_array().is_none_or(|all| !all.is_empty())
        };
        let says_no = |members: &Map<String, Value>| {
            ["error", "errors", "errorCode"].iter().any(|name| members.get(*name).is_some_and(is_said))
        };
        let refused = document.as_ref().and_then(Value::as_object).is_some_and(says_no);
        return Err(if refused {
            NotYielded::Refused(status.as_u16())
        } else {
            NotYielded::Invalid("there is none in it")
        });
    };
    let told = exchange.life.at.as_ref().and_then(|pointer| seconds(*pointer.values(document.as_ref()?).first()?));
    let life = told.or_else(|| life_of_jwt(token.expose(), now)).unwrap_or(exchange.life.assumed.as_secs() as i64);
    let life = Duration::from_secs(u64::try_from(life).unwrap_or_default());
    if life < SHORTEST_LIFE {
        return Err(NotYielded::Invalid("it had ended when it came"));
    }
    let rotated = exchange.rotation.as_ref().and_then(|rotation| find(&rotation.at)).filter(is_token);
    Ok(Yielded { token, life: life.min(LONGEST_LIFE), rotated })
}

const ACCESS: &str = "access";
const NEXT: &str = "next";

/// What an exchange gave, for the record: the access token, and what the next one is made with.
pub fn seal(
    vault: &Vault,
    (credential, version): (CredentialId, u32),
    (access, next): (&Secret, &Secret),
    (made, ends): (Timestamp, Timestamp),
) -> Result<ExchangeRow, VaultError> {
    let secrets = [(ACCESS.into(), access.clone()), (NEXT.into(), next.clone())].into();
    let sealed = Some(vault.seal_exchange((credential, version), &secrets)?);
    Ok(ExchangeRow { credential, version, sealed, made, ends, is_held: false })
}

/// The access token, and what the next exchange is made with.
pub async fn unseal(vault: &Vault, row: &ExchangeRow) -> Result<(Secret, Secret), VaultError> {
    let mut secrets = vault.unseal_exchange(row).await?;
    let refused = VaultError::Refused { credential: row.credential, version: row.version };
    secrets.remove(ACCESS).zip(secrets.remove(NEXT)).ok_or(refused)
}

fn is_token(secret: &Secret) -> bool {
    let text = secret.expose();
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn cookie(headers: &HeaderMap, wanted: &str) -> Option<Secret> {
    headers.get_all(header::SET_COOKIE).iter().find_map(|value| {
        let (name, rest) = value.to_str().ok()?.split_once('=')?;
        (name.trim() == wanted).then(|| Secret::new(rest.split(';').next().unwrap_or_default().trim()))
    })
}

/// A number, or a text that is one.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|s| s as i64)).or_else(|| value.as_str()?.parse().ok())
}

/// Seconds from when it was made, by the provider's own clock, to its end; only a token that does not say when it was
/// made is held against ours.
fn life_of_jwt(token: &str, now: Timestamp) -> Option<i64> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let at = |name: &str| claims.get(name).and_then(seconds);
    Some(at("exp")?.saturating_sub(at("iat").unwrap_or(now.seconds())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::preset::Preset;
    use proptest::prelude::*;

    fn exchange(more: &str) -> Exchange {
        let text = format!(
            "
id: x
name: X
origin: https://api.example.com
caller_token: [{{ header: Authorization }}]
fields: [{{ name: key, kind: secret, label: Key }}]
scheme:
  exchange:
    request: POST /token
    form: {{ grant: key, key: \"{{key}}\" }}
    token: answer /access_token
    lifetime: answer /expires_in
    {more}
    attach: {{ headers: [{{ name: Authorization, value: \"Bearer {{access_token}}\" }}] }}
operations: []
"
        );
        Preset::parse("x.yaml", &text).unwrap().exchange.unwrap()
    }

    fn asked(status: u16, body: &str) -> Result<(String, u64), NotYielded> {
        let status = StatusCode::from_u16(status).unwrap();
        let now = Timestamp::from_millis(1_800_000_000_000);
        let yielded = read(&exchange("assume: 30s"), status, &HeaderMap::new(), body.as_bytes(), now)?;
        Ok((yielded.token.expose().to_owned(), yielded.life.as_secs()))
    }

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_lives_as_long_as_the_answer_or_the_token_says() {
        let token = |life: &str| asked(200, &format!(r#"{{"access_token":"fake-1"{life}}}"#)).unwrap().1;
        assert_eq!(token(r#","expires_in":3600"#), 3600);
        assert_eq!(token(r#","expires_in":"120""#), 120);
        assert_eq!(token(""), 30);
        assert_eq!(token(r#","expires_in":99999999999"#), 24 * 3600);
        let told = |claims: &str| asked(200, &format!(r#"{{"access_token":"{}"}}"#, jwt(claims)));
        // The provider's clock may be far from ours: only the difference of its own two times counts.
        assert_eq!(told(r#"{"iat":1800000600,"exp":1800001200}"#).unwrap().1, 600);
        assert_eq!(told(r#"{"exp":1800000600}"#).unwrap().1, 600);
        assert!(told(r#"{"exp":1799999000}"#).is_err());
    }

    #[test]
    fn what_is_no_token_is_told_apart_from_a_no() {
        assert_eq!(asked(401, ""), Err(NotYielded::Refused(401)));
        assert_eq!(asked(400, r#"{"error":"invalid_grant"}"#), Err(NotYielded::Refused(400)));
        assert_eq!(asked(200, r#"{"error":"invalid_grant"}"#), Err(NotYielded::Refused(200)));
        assert_eq!(asked(503, "<html>"), Err(NotYielded::Status(503)));
        assert_eq!(asked(302, ""), Err(NotYielded::Status(302)));
        for nothing in [
            "<html>login</html>",
            "{}",
            "[]",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":1}"#,
            r#"{"error":null,"errors":[],"data":{}}"#,
        ] {
            assert!(matches!(asked(200, nothing), Err(NotYielded::Invalid(_))), "{nothing}");
        }
        for over in ["0", "-5", "\"-5\""] {
            let body = format!(r#"{{"access_token":"fake-1","expires_in":{over}}}"#);
            assert!(matches!(asked(200, &body), Err(NotYielded::Invalid(_))), "{over}");
        }
    }

    #[test]
    fn a_cookie_and_a_rotated_secret_are_found() {
        let mut exchange = exchange("rotates: { field: key, at: answer /next }");
        exchange.token = "cookie id".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("other=x; Path=/"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("id=fake-id; Path=/; Secure"));
        let now = Timestamp::from_millis(0);
        let yielded = read(&exchange, StatusCode::OK, &headers, br#"{"next":"fake-next"}"#, now).unwrap();
        assert_eq!(yielded.token.expose(), "fake-id");
        assert_eq!(yielded.rotated.unwrap().expose(), "fake-next");
    }

    proptest! {
        #[test]
        fn answers_from_outside_never_panic(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let status = StatusCode::from_u16(status).unwrap();
            let _ = read(&exchange(""), status, &HeaderMap::new(), &body, Timestamp::from_millis(0));
        }
    }
}
