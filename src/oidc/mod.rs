//! The identity provider: how people are sent to it, and what it says of those who come back.
//! Owns nothing but what it has told of itself.
//! Never believes what it did not sign for this client and this sign-in, and never tells a token to anybody.
//!
//! The authorization code flow of OpenID Connect Core 1.0, with PKCE (RFC 7636, S256): state, nonce and verifier are the
//! caller's to keep, bound to the browser. The `openidconnect` crate speaks it; which algorithms may sign, how long an
//! answer may take and what a claim means here is said in this module.

mod ask;
mod claims;
mod known;

use crate::{
    clock::Timestamp,
    config::{ClientSecretSource, OidcConfig},
    identity::key,
    upstream::TlsTrust,
};
use ask::Asker;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use known::{Fresh, Known, Metadata};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, SubjectIdentifier,
    TokenResponse, UserInfoUrl,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims,
        CoreJwsSigningAlgorithm, CoreTokenResponse,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What may sign: asymmetric, because a client's secret is known to more than the provider; and never nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Where people come back to, below `listen.admin_url`.
pub const RETURN: &str = "/sign-in/oidc/return";

/// Longer is no subject: OpenID Connect Core 1.0, §2.
const LONGEST_SUBJECT: usize = 255;
/// How much of the provider's own words goes into the log.
const TOLD: usize = 300;

pub struct Issuer {
    pub config: OidcConfig,
    redirect: RedirectUrl,
    secret: Option<ClientSecret>,
    asker: Asker,
    known: Known,
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A sign-in under way. Whoever has it can complete it, so it is bound to one browser.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    pub state: String,
    nonce: String,
    verifier: String,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending(…)")
    }
}

/// With what somebody comes back, as their browser says it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Returned {
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
    pub iss: Option<String>,
}

/// Somebody, by the provider's word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    pub subject: String,
    pub name: Option<String>,
    pub groups: Vec<String>,
}

/// Why nobody was signed in. The texts are for the log: what the provider itself has said is bounded and holds no token.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("it cannot be asked: {0}")]
    Unreachable(String),
    /// It says so itself.
    #[error("it has signed nobody in: {0}")]
    Declined(String),
    /// Another browser's, another provider's, or none.
    #[error("what came back does not belong to this sign-in: {0}")]
    Foreign(&'static str),
    #[error("what it says is not to be believed: {0}")]
    NotBelieved(String),
    #[error("what it says of the person cannot be used: {0}")]
    Unusable(String),
}

impl Issuer {
    /// `redirect` is where people come back to, to the letter.
    pub fn new(config: OidcConfig, redirect: String) -> Result<Self, String> {
        let redirect = RedirectUrl::new(redirect).map_err(|_| "listen.admin_url: expected a URL".to_owned())?;
        let secret = config.client_secret.as_ref().map(read_secret).transpose()?;
        let trust = config.ca_file.as_deref().map_or_else(|| Ok(TlsTrust::public()), TlsTrust::of_file);
        let trust = trust.map_err(|error| format!("oidc.ca_file: expected certificates: {error}"))?;
        let asker = Asker { trust, allow_private: config.allow_private };
        Ok(Self { config, redirect, secret, asker, known: Known::default() })
    }

    /// Asks it about itself, which shows that it is there and is who it is said to be.
    pub async fn discover(&self) -> Result<(), Trouble> {
        self.metadata(Fresh::Kept).await.map(drop)
    }

    /// Where to send somebody, and what to keep until they are back.
    pub async fn begin(&self) -> Result<(String, Pending), Trouble> {
        let metadata = self.metadata(Fresh::Kept).await?;
        let random = || key::generate().map(|(key, _)| key.expose().to_owned());
        let random = || random().map_err(|_| Trouble::Unusable("there is no randomness".into()));
        let pending = Pending { state: random()?, nonce: random()?, verifier: random()? };
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(pending.verifier.clone()));
        let (state, nonce) = (pending.state.clone(), pending.nonce.clone());
        let client = self.client(&metadata);
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        );
        // `openid` the crate sets itself.
        let scopes = self.config.scopes.iter().filter(|scope| *scope != "openid");
        let request = request.add_scopes(scopes.map(|scope| Scope::new(scope.clone())));
        let (url, _, _) = request.set_pkce_challenge(challenge).url();
        Ok((url.into(), pending))
    }

    /// Who has come back. The code that they bring is spent, whatever comes of it.
    pub async fn finish(&self, pending: &Pending, returned: Returned, now: Timestamp) -> Result<Person, Trouble> {
        if returned.state != pending.state {
            return Err(Trouble::Foreign("the state is another"));
        }
        let metadata = self.metadata(Fresh::Kept).await?;
        let must_name = known::names_itself(&metadata);
        match returned.iss.as_deref() {
            Some(issuer) if issuer != self.config.issuer.as_str() => {
                return Err(Trouble::Foreign("another issuer has answered"));
            }
            None if must_name => return Err(Trouble::Foreign("the answer does not say whose it is")),
            _ => {}
        }
        if let Some(error) = returned.error {
            return Err(Trouble::Declined(bounded(&error)));
        }
        let code = returned.code.ok_or(Trouble::Foreign("there is no code"))?;
        let answer = self.exchange(&metadata, code, pending).await?;
        let (claims, raw) = self.verify(metadata.clone(), &answer, pending, now).await?;
        self.person(&metadata, &answer, &claims, raw).await
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: String,
        pending: &Pending,
    ) -> Result<CoreTokenResponse, Trouble> {
        let client = self.client(metadata);
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|_| Trouble::NotBelieved("it has no token endpoint".into()))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()));
        request.request_async(&self.asker).await.map_err(|error| match error {
            RequestTokenError::Request(error) => Trouble::Unreachable(error.to_string()),
            RequestTokenError::ServerResponse(refusal) => {
                Trouble::Declined(bounded(&format!("{}, at the token endpoint", refusal.error().as_ref())))
            }
            // What could not be read may hold a token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Trouble::NotBelieved("the token endpoint's answer cannot be read".into())
            }
        })
    }

    /// The claims of its ID token, typed and as they are written.
    async fn verify(
        &self,
        metadata: Arc<Metadata>,
        answer: &CoreTokenResponse,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<(CoreIdTokenClaims, Value), Trouble> {
        let token = answer.id_token().ok_or_else(|| Trouble::NotBelieved("there is no ID token".into()))?;
        let outcome = self.believe(&metadata, token, answer, pending, now);
        let claims = match outcome {
            // It may have a new key.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::AmbiguousKeyId(_)
                | SignatureVerificationError::CryptoError(_),
            )) => self.believe(&*self.metadata(Fresh::Now).await?, token, answer, pending, now),
            outcome => outcome,
        };
        let claims = claims.map_err(|error| Trouble::NotBelieved(bounded(&error.to_string())))?;
        let raw = payload(token).ok_or_else(|| Trouble::NotBelieved("the ID token cannot be read".into()))?;
        Ok((claims, raw))
    }

    fn believe(
        &self,
        metadata: &Metadata,
        token: &CoreIdToken,
        answer: &CoreTokenResponse,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let client = self.client(metadata);
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let verifier = verifier.set_time_fn(move || time(now));
        let claims = token.claims(&verifier, &Nonce::new(pending.nonce.clone()))?.clone();
        // The crate leaves this one to its caller.
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.config.client_id) {
            return Err(ClaimsVerificationError::InvalidAudience("it was issued to another client".into()));
        }
        // It binds what is asked with the access token to who was signed in.
        if let Some(expected) = claims.access_token_hash() {
            let unsigned = ClaimsVerificationError::SignatureVerification;
            let (algorithm, key) =
                (token.signing_alg().map_err(unsigned)?, token.signing_key(&verifier).map_err(unsigned)?);
            let actual = AccessTokenHash::from_token(answer.access_token(), algorithm, key);
            if !actual.is_ok_and(|actual| actual == *expected) {
                return Err(ClaimsVerificationError::Other("the access token is another's".into()));
            }
        }
        Ok(claims)
    }

    async fn person(
        &self,
        metadata: &Metadata,
        answer: &CoreTokenResponse,
        claims: &CoreIdTokenClaims,
        mut said: Value,
    ) -> Result<Person, Trouble> {
        let OidcConfig { user_claim, groups_claim, groups, .. } = &self.config;
        let subject = claims.subject();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
            return Err(Trouble::Unusable("its subject is no subject".into()));
        }
        let lacks_name = claims::find(&said, user_claim).is_none();
        let lacks_groups = !groups.is_empty() && claims::find(&said, groups_claim).is_none();
        // Where there is an access token, the standard has the claims of a scope told here rather than in the ID token.
        if (lacks_name || lacks_groups)
            && let Some(endpoint) = metadata.userinfo_endpoint()
        {
            let more = self.user_info(endpoint, answer, subject).await?;
            if let (Value::Object(said), Value::Object(more)) = (&mut said, more) {
                for (name, value) in more {
                    said.entry(name).or_insert(value);
                }
            }
        }
        let unusable = |error: claims::NotReadable| Trouble::Unusable(error.to_string());
        Ok(Person {
            subject: subject.to_string(),
            name: claims::text(&said, user_claim),
            groups: if groups.is_empty() {
                Vec::new()
            } else {
                claims::groups(&said, groups_claim).map_err(unusable)?
            },
        })
    }

    /// Read here and not by the crate, which refuses all of it for one claim that is odd: a time as a text, an address as
    /// one. What counts is whose it is.
    async fn user_info(
        &self,
        endpoint: &UserInfoUrl,
        answer: &CoreTokenResponse,
        subject: &SubjectIdentifier,
    ) -> Result<Value, Trouble> {
        let not_believed = |text: &str| Trouble::NotBelieved(text.to_owned());
        let token = format!("Bearer {}", answer.access_token().secret());
        let request = http::Request::get(endpoint.as_str()).header(http::header::AUTHORIZATION, token);
        let request = request.body(Vec::new()).map_err(|_| not_believed("its access token is none"))?;
        let told = self.asker.call(request).await.map_err(|error| Trouble::Unreachable(error.to_string()))?;
        if told.status() != http::StatusCode::OK {
            return Err(Trouble::NotBelieved(format!("its userinfo endpoint answers {}", told.status())));
        }
        let said: Value = serde_json::from_slice(told.body())
            .map_err(|_| not_believed("its userinfo endpoint's answer is no JSON"))?;
        if said["sub"].as_str() == Some(subject.as_str()) {
            Ok(said)
        } else {
            Err(not_believed("its userinfo endpoint tells of somebody else"))
        }
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let id = ClientId::new(self.config.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), id, self.secret.clone());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        let in_body = !takes(CoreClientAuthMethod::ClientSecretBasic) && takes(CoreClientAuthMethod::ClientSecretPost);
        let method = if in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        client.set_auth_type(method).set_redirect_uri(self.redirect.clone())
    }

    async fn metadata(&self, fresh: Fresh) -> Result<Arc<Metadata>, Trouble> {
        self.known.get((&self.config.issuer, &self.asker), fresh).await
    }
}

/// What is signed, as it is written: whatever a claim is called, it is in here.
fn payload(token: &CoreIdToken) -> Option<Value> {
    let text = token.to_string();
    let payload = text.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn time(now: Timestamp) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(now.millis()).unwrap_or_default()
}

/// Words of the provider's, not too many of them.
fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TOLD).collect()
}

fn read_secret(source: &ClientSecretSource) -> Result<ClientSecret, String> {
    let text = match source {
        ClientSecretSource::File(path) => std::fs::read_to_string(path).map_err(|error| {
            format!("oidc.client_secret.file: expected a readable file: {}: {error}", path.display())
        })?,
        ClientSecretSource::Environment(name) => std::env::var(name)
            .map_err(|_| format!("oidc.client_secret.env: expected a value in the variable {name}"))?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        Err("oidc.client_secret: expected a secret".into())
    } else {
        Ok(ClientSecret::new(text.into()))
    }
}
