//! Providers that want a login first: SDKs sign in with Bellhop's tokens, and Bellhop signs in with the stored credential.

mod choices;
mod discovery;
mod exchange;
mod rotation;
mod sdk_side;

use crate::support::{Reply, Site, Upstream, provider_line::Arrived, state::credential};
use serde_json::json;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

pub const ADA_SECRET: &str = "fake-ada-login-secret-canary";
pub const ACME_SECRET: &str = "fake-acme-login-secret-canary";

/// A provider whose SDKs and whose API want a login: a form with the key for a bearer.
const PRESET: &str = r#"
id: guild
name: Guild
origin: "https://api.guild.example"
services:
  - { name: identity, path: /identity, removed: true, origin: "https://login.guild.example" }
ignored_prefix: /experimental
caller_token:
  - { header: Authorization, word: Bearer }
fields:
  - { name: key, kind: secret, label: Key }
scheme:
  exchange:
    service: identity
    request: POST /token
    form: { grant_type: "urn:guild:key", apikey: "{key}" }
    token: answer /access_token
    lifetime: answer /expires_in
    attach: { headers: [{ name: Authorization, value: "Bearer {access_token}" }] }
operations:
  - name: login
    kind: login
    on: POST /identity/token
    login:
      token: form apikey
      answer: { access_token: "{token}", token_type: Bearer, expires_in: "{lifetime}", expiration: "{expires}" }
  - name: signed-login
    kind: login
    on: POST /oauth/token
    login:
      token: body /client_secret
      mint: jwt
      lifetime: 1h
      claims: { iss: "{base}/", aud: "{sent.audience}", sub: "{user}" }
      answer: { access_token: "{token}", expires_in: "{lifetime}" }
  - name: cookie-login
    kind: login
    on: POST /refresh
    login: { token: cookie oat, lifetime: 1s, cookies: [session] }
  - name: discovery
    kind: login
    on: GET /.well-known/openid-configuration
    publishes: { issuer: "{base}/", token_endpoint: "{base}/oauth/token", jwks_uri: "{base}/.well-known/jwks.json" }
  - name: keys
    kind: login
    on: GET /.well-known/jwks.json
    publishes: jwks
  - name: status
    kind: poll
    on: "GET /jobs/{job}"
    uses: [{ kind: job, id: path job }]
  - name: submit
    kind: submit
    on: POST /jobs
    creates: [{ kind: job, id: answer /id }]
"#;

/// The provider: gives out numbered tokens for a good key, and accepts the newest alone.
pub struct Guild {
    pub upstream: Upstream,
    pub desk: Arc<Desk>,
}

#[derive(Default)]
pub struct Desk {
    exchanges: AtomicUsize,
    good: Mutex<Option<String>>,
    /// What the login answers instead of a token.
    pub says: Mutex<Option<Reply>>,
    lifetime: Mutex<Option<serde_json::Value>>,
}

impl Desk {
    pub fn exchanges(&self) -> usize {
        self.exchanges.load(SeqCst)
    }

    pub fn say(&self, reply: Option<Reply>) {
        *self.says.lock().unwrap() = reply;
    }

    pub fn live_for(&self, lifetime: serde_json::Value) {
        *self.lifetime.lock().unwrap() = Some(lifetime);
    }

    /// Forgets every token that was given out.
    pub fn forget(&self) {
        *self.good.lock().unwrap() = None;
    }

    fn answer(&self, request: &Arrived) -> Reply {
        if request.path() == "/token" { self.exchange(request) } else { self.serve(request) }
    }

    fn exchange(&self, request: &Arrived) -> Reply {
        let number = self.exchanges.fetch_add(1, SeqCst) + 1;
        if let Some(reply) = self.says.lock().unwrap().clone() {
            return reply;
        }
        let form = String::from_utf8(request.body.clone()).unwrap();
        let known =
            [ADA_SECRET, ACME_SECRET].iter().any(|key| form == format!("apikey={key}&grant_type=urn%3Aguild%3Akey"));
        if !known || request.header("authorization").is_some() {
            return Reply::json(400, &json!({ "error": "invalid_grant" }));
        }
        let token = format!("fake-access-{number}-canary");
        *self.good.lock().unwrap() = Some(token.clone());
        let mut answer = json!({ "access_token": token, "expires_in": 3600 });
        if let Some(lifetime) = self.lifetime.lock().unwrap().clone() {
            answer["expires_in"] = lifetime;
        }
        Reply::json(200, &answer)
    }

    fn serve(&self, request: &Arrived) -> Reply {
        let good = self.good.lock().unwrap().clone().map(|token| format!("Bearer {token}"));
        if good.is_none() || request.header("authorization") != good.as_deref() {
            return Reply::json(401, &json!({ "message": "no such token" }));
        }
        Reply::json(200, &json!({ "id": "job-1", "status": "running", "seen": request.header("authorization") }))
    }
}

impl Guild {
    pub async fn open() -> Self {
        let desk = Arc::new(Desk::default());
        let answering = Arc::clone(&desk);
        let upstream = Upstream::answering(move |request| answering.answer(request)).await;
        Self { upstream, desk }
    }

    /// What was asked of it but for logins.
    pub fn questions(&self) -> Vec<Arrived> {
        self.upstream.requests().into_iter().filter(|request| request.path() != "/token").collect()
    }

    pub fn site(&self) -> Site {
        self.site_with(PRESET)
    }

    pub fn site_with(&self, preset: &str) -> Site {
        let mut site = Site::empty().provider("guild", &self.upstream);
        let file = site.write("guild.yaml", preset);
        site.reconfigure("presets", json!([file]));
        site
    }
}

pub fn guild(secret: &str) -> serde_json::Value {
    credential("guild", &json!({ "key": { "value": secret } }))
}
