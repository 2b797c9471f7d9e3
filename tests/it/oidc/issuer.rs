//! A stand-in for an identity provider: as strict as a good one with its client, and as wrong as a story wants it to be.

use crate::support::{Reply, Upstream, provider_line::Arrived};
use aws_lc_rs::{
    digest, hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

pub const SECRET: &str = "fake-oidc-client-secret-canary";
const ACCESS: &str = "fake-access-token-canary";

pub struct Issuer {
    upstream: Upstream,
    desk: Arc<Desk>,
}

struct Desk {
    origin: OnceLock<String>,
    key: Mutex<Key>,
    /// Codes that were given out and not brought back yet.
    codes: Mutex<HashMap<String, Grant>>,
    next: Mutex<u32>,
    twist: Mutex<Twist>,
    says: Mutex<HashMap<&'static str, Reply>>,
    userinfo: Mutex<Value>,
    told: Mutex<Vec<String>>,
}

type Twist = Arc<dyn Fn(&mut Token) + Send + Sync>;

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

struct Grant {
    asked: BTreeMap<String, String>,
    person: Value,
}

/// An ID token before it is signed.
pub struct Token {
    pub header: Value,
    pub claims: Value,
    pub sign: Sign,
}

pub enum Sign {
    Key,
    /// With a key that nobody has published.
    Stranger,
    /// With the client's secret, or whatever else this is.
    Hmac(Vec<u8>),
    Nothing,
}

impl Key {
    fn draw(number: u32) -> Self {
        Self { id: format!("key-{number}"), pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (b64(&point[1..33]), b64(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": x, "y": y })
    }
}

impl Issuer {
    pub async fn open() -> Self {
        let desk = Arc::new(Desk {
            origin: OnceLock::new(),
            key: Mutex::new(Key::draw(1)),
            codes: Mutex::default(),
            next: Mutex::new(0),
            twist: Mutex::new(Arc::new(|_| ())),
            says: Mutex::default(),
            userinfo: Mutex::new(Value::Null),
            told: Mutex::default(),
        });
        let behind = Arc::clone(&desk);
        let upstream = Upstream::answering(move |request| behind.answer(request)).await;
        desk.origin.set(upstream.origin()).unwrap();
        Self { upstream, desk }
    }

    pub fn origin(&self) -> String {
        self.upstream.origin()
    }

    /// As `bellhop.yaml` has it.
    pub fn section(&self) -> Value {
        json!({
            "issuer": self.origin(), "client_id": "bellhop", "client_secret": { "env": "OIDC_SECRET" },
            "name": "The Institute", "allow_private": true,
            "groups": {
                "physics": { "organization": "acme", "role": "member" },
                "chairs": { "organization": "acme", "role": "owner" },
                "it": { "administrator": true },
            },
        })
    }

    /// Somebody signs in there, having been sent to this address: where their browser is sent next.
    pub fn sign_in(&self, url: &str, person: Value) -> String {
        let asked = query(url);
        let code = {
            let mut next = self.desk.next.lock().unwrap();
            *next += 1;
            format!("fake-code-{next}-canary")
        };
        let state = asked["state"].clone();
        self.desk.told.lock().unwrap().extend([state.clone(), asked["nonce"].clone(), code.clone()]);
        self.desk.codes.lock().unwrap().insert(code.clone(), Grant { asked, person });
        format!("/sign-in/oidc/return?code={code}&state={state}")
    }

    /// What is wrong with the tokens from now on.
    pub fn twist(&self, twist: impl Fn(&mut Token) + Send + Sync + 'static) {
        *self.desk.twist.lock().unwrap() = Arc::new(twist);
    }

    /// What is answered at this path instead.
    pub fn say(&self, path: &'static str, reply: Option<Reply>) {
        let mut says = self.desk.says.lock().unwrap();
        match reply {
            Some(reply) => drop(says.insert(path, reply)),
            None => drop(says.remove(path)),
        }
    }

    /// What it says of somebody to who comes with an access token; null: it has no such endpoint.
    pub fn tell(&self, userinfo: Value) {
        *self.desk.userinfo.lock().unwrap() = userinfo;
    }

    pub fn rotate(&self) {
        *self.desk.key.lock().unwrap() = Key::draw(2);
    }

    pub fn go_down(&self) {
        self.upstream.go_down();
    }

    /// What nobody else may learn.
    pub fn told(&self) -> Vec<String> {
        self.desk.told.lock().unwrap().clone()
    }

    pub fn asked(&self, path: &str) -> usize {
        self.upstream.requests().iter().filter(|request| request.path() == path).count()
    }
}

impl Desk {
    fn answer(&self, request: &Arrived) -> Reply {
        if let Some((_, reply)) = self.says.lock().unwrap().iter().find(|(path, _)| **path == request.path()) {
            return reply.clone();
        }
        match request.path() {
            "/.well-known/openid-configuration" => Reply::json(200, &self.metadata()),
            "/keys" => Reply::json(200, &json!({ "keys": [self.key.lock().unwrap().public()] })),
            "/token" => self.token(request),
            "/userinfo" => match request.header("authorization") {
                Some(value) if value == format!("Bearer {ACCESS}") => {
                    Reply::json(200, &self.userinfo.lock().unwrap().clone())
                }
                _ => Reply::new(401),
            },
            _ => Reply::new(404),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.origin.get().unwrap());
        let mut metadata = json!({
            "issuer": at(""), "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        });
        if !self.userinfo.lock().unwrap().is_null() {
            metadata["userinfo_endpoint"] = json!(at("/userinfo"));
        }
        metadata
    }

    /// RFC 6749 §4.1.3 and RFC 7636 §4.6: a code is good once, for its client, its address and its verifier.
    fn token(&self, request: &Arrived) -> Reply {
        let refuse = |error: &str| Reply::json(400, &json!({ "error": error, "error_description": "<b>no</b>" }));
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        if request.header("authorization")
            != Some(&format!("Basic {}", BASE64_STANDARD.encode(format!("bellhop:{SECRET}"))))
        {
            return refuse("invalid_client");
        }
        let Some(grant) = self.codes.lock().unwrap().remove(&form["code"]) else { return refuse("invalid_grant") };
        let challenge = b64(digest::digest(&digest::SHA256, form["code_verifier"].as_bytes()).as_ref());
        self.told.lock().unwrap().push(form["code_verifier"].clone());
        if challenge != grant.asked["code_challenge"] || form["redirect_uri"] != grant.asked["redirect_uri"] {
            return refuse("invalid_grant");
        }
        let token = self.sign(&grant);
        self.told.lock().unwrap().push(token.clone());
        Reply::json(
            200,
            &json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": 300, "id_token": token }),
        )
    }

    fn sign(&self, grant: &Grant) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let key = self.key.lock().unwrap();
        let half = b64(&digest::digest(&digest::SHA256, ACCESS.as_bytes()).as_ref()[..16]);
        let mut claims = json!({
            "iss": self.origin.get().unwrap(), "aud": "bellhop", "iat": now, "exp": now + 60, "at_hash": half,
            "nonce": grant.asked["nonce"], "updated_at": 1_700_000_000, "email_verified": true,
        });
        claims.as_object_mut().unwrap().extend(grant.person.as_object().unwrap().clone());
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": key.id });
        let mut token = Token { header, claims, sign: Sign::Key };
        let twist = self.twist.lock().unwrap().clone();
        twist(&mut token);
        let text = format!("{}.{}", b64(token.header.to_string().as_bytes()), b64(token.claims.to_string().as_bytes()));
        let by = |pair: &EcdsaKeyPair| pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec();
        let signature = match token.sign {
            Sign::Key => by(&key.pair),
            Sign::Stranger => by(&Key::draw(9).pair),
            Sign::Hmac(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), text.as_bytes()).as_ref().to_vec()
            }
            Sign::Nothing => Vec::new(),
        };
        format!("{text}.{}", b64(&signature))
    }
}

fn b64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn query(url: &str) -> BTreeMap<String, String> {
    let (_, query) = url.split_once('?').unwrap_or_else(|| panic!("no query in {url}"));
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
