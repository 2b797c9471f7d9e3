//! Logins: what an SDK asks its provider's identity service for is answered here, with a token of Bellhop's own.
//! Owns nothing; the token says itself whose it is.
//! Never passes a login on, and never gives out anything that the provider would accept.

use super::{
    Asked, Exchange,
    admit::Known,
    authenticate::{self, Presented},
    hot::Hot,
    refusal::{self, Refusal},
    relay::{Answer, readable},
};
use crate::{
    clock::Timestamp,
    directory::Purse,
    identity::pat::PatDigest,
    provider::preset::{
        Selector,
        document::{Document, Placeholder},
        login::{Login, Mint, TokenLogin, TokenPlace},
        path_is_within,
    },
    scheme::minted::{self, Minted, NotMinted},
    upstream::Waiting,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Incoming};
use serde_json::Value;
use std::{borrow::Cow, rc::Rc};

/// A larger login is none.
const READABLE: usize = 64 * 1024;
/// What a caller sends along is put into an answer if it is no longer than this.
const LONGEST_SENT: usize = 512;
/// How long who verifies tokens may go by the keys that they fetched.
const KEYS_FOR: &str = "public, max-age=300";

/// A login's body, as far as anything is read of it.
enum Told {
    Nothing,
    Form(Vec<(String, String)>),
    Json(Value),
}

impl Told {
    /// A text by its name, among the members of the outermost object.
    fn text(&self, name: &str) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Form(pairs) => pairs.iter().find(|(n, _)| n == name).map(|(_, value)| &**value),
            Self::Json(document) => document.get(name)?.as_str(),
        }
    }
}

impl Exchange<'_> {
    pub(super) async fn login(
        &self,
        asked: &Asked<'_>,
        login: &Login,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        match login {
            Login::Token(login) => self.token(asked, login, headers, body).await,
            Login::Document(document) => self.published(asked, document),
            Login::Keys => {
                let keys = self.minter().keys(self.now()).await.map_err(|NotMinted| Refusal::store_unavailable())?;
                Ok(answer(&keys, KEYS_FOR))
            }
        }
    }

    fn published(&self, asked: &Asked<'_>, document: &Document) -> Result<Response<Answer>, Refusal> {
        let place = |placeholder: Placeholder<'_>| match placeholder {
            Placeholder::Base => Some(self.base(asked).into()),
            Placeholder::Root => Some(self.root(asked).into()),
            _ => None,
        };
        document.fill(&place).map(|filled| answer(&filled, KEYS_FOR)).ok_or_else(|| refusal::blocked(asked))
    }

    async fn token(
        &self,
        asked: &Asked<'_>,
        login: &TokenLogin,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Answer>, Refusal> {
        authenticate::refuse_in_target(asked.route.target)?;
        let told = self.told(asked, headers, body).await?;
        let presented = find(login, asked, headers, &told)?;
        let presented = presented.ok_or_else(Refusal::missing_token)?;
        let digest = PatDigest::of_token(presented.as_bytes()).map_or(Presented::Malformed, Presented::Token);
        let known = self.known(&digest).await?;
        self.within_boundary(asked, &known.caller.holder)?;
        self.take_from(known.limits()).await?;
        known.caller.note_use(self.now());
        let (digest, user) = (known.caller.digest, known.caller.holder.standing.name.to_string());
        let issued = self.now();
        let expires = issued.plus(login.lifetime).min(known.caller.holder.expires);
        let context = match &asked.route.purse {
            Some(Purse::Named(context)) => Some(context.clone()),
            _ => None,
        };
        let minted = Minted { digest, provider: asked.provider.id().into(), context, expires };
        // Whoever has nothing to pay with hears it from the next request, as SDKs lose a login's text; unless there is
        // nothing to tell them without.
        let paying = if login.tells_of_credential() { Some(self.paying(asked, known).await?) } else { None };
        let paying = paying.as_deref();
        let presented = &*presented;
        let said = Said { exchange: self, asked, told: &told, presented, user: &user, minted: &minted, issued, paying };
        said.check(login)?;
        let token = if login.gives_token() { said.mint(login).await? } else { String::new() };
        said.answer(login, &token)
    }

    /// What would pay for the path that is asked about.
    async fn paying(&self, asked: &Asked<'_>, known: Known) -> Result<Rc<Hot>, Refusal> {
        let hot = self.grant(asked, known, asked.route.purse.as_ref()).await?;
        let is_outside = |selector: &Selector| match selector {
            Selector::Path { field } => path_is_within(hot.grant.fields.plain(field), asked.path().as_bytes()).is_err(),
            Selector::Header { .. } => false,
        };
        if asked.provider.preset().selectors.iter().any(is_outside) {
            return Err(refusal::not_selectable(asked, &hot.grant));
        }
        Ok(hot)
    }

    /// The body, as a form or as JSON, whatever it says that it is.
    async fn told(&self, asked: &Asked<'_>, headers: &HeaderMap, body: Incoming) -> Result<Told, Refusal> {
        if body.size_hint().lower() > READABLE as u64 {
            return Err(refusal::body_not_read(asked, readable::Incomplete::TooLarge));
        }
        let (alarm, idle) = (&self.link.alarm, self.link.patience.body_idle);
        let bytes = readable::collect(body, READABLE, alarm, idle, Waiting::Caller).await;
        let bytes = bytes.map_err(|because| refusal::body_not_read(asked, because))?.bytes;
        let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(if bytes.is_empty() {
            Told::Nothing
        } else if media.starts_with("application/json") {
            let unreadable = |_| Refusal::bad_request("The login's body is not the JSON that it says it is.");
            Told::Json(serde_json::from_slice(&bytes).map_err(unreadable)?)
        } else {
            Told::Form(form_urlencoded::parse(&bytes).into_owned().collect())
        })
    }
}

/// The caller's token. Two that differ are refused, as everywhere.
fn find<'t>(
    login: &'t TokenLogin,
    asked: &Asked<'t>,
    headers: &'t HeaderMap,
    told: &'t Told,
) -> Result<Option<Cow<'t, str>>, Refusal> {
    let mut found: Vec<&str> = match (&login.token, told) {
        (TokenPlace::Form(name), Told::Form(pairs)) => {
            pairs.iter().filter(|(n, _)| *n == **name).map(|(_, value)| &**value).collect()
        }
        (TokenPlace::Body(pointer), Told::Json(document)) => {
            pointer.values(document).into_iter().filter_map(Value::as_str).collect()
        }
        (TokenPlace::Cookie(name), _) => authenticate::cookies(headers, name.as_bytes())
            .filter_map(|value| std::str::from_utf8(value).ok())
            .collect(),
        (TokenPlace::Slot, _) => {
            let all = authenticate::every_token(headers, asked.provider.slots());
            all.filter_map(|token| std::str::from_utf8(token).ok()).collect()
        }
        (TokenPlace::Form(_) | TokenPlace::Body(_), _) => Vec::new(),
    };
    found.dedup();
    match found[..] {
        [] => Ok(None),
        [only] => Ok(Some(only.trim().into())),
        _ => {
            Err(Refusal::bad_request("The login carries two different tokens. Send your Bellhop token, and no other."))
        }
    }
}

/// What is known when a login is answered.
struct Said<'s, 'e> {
    exchange: &'s Exchange<'e>,
    asked: &'s Asked<'s>,
    told: &'s Told,
    presented: &'s str,
    user: &'s str,
    minted: &'s Minted,
    /// One moment for all that is said of times.
    issued: Timestamp,
    /// Where the answer tells of it.
    paying: Option<&'s Hot>,
}

impl Said<'_, '_> {
    async fn mint(&self, login: &TokenLogin) -> Result<String, Refusal> {
        let minter = self.exchange.minter();
        let token = match login.mint {
            Mint::Opaque => minter.mint(self.minted),
            Mint::Jwt => {
                let mut claims = minted::claims(self.issued, self.minted.expires);
                if let Some(more) = &login.claims {
                    let more = more.fill(&|place| self.value(place, None)).ok_or_else(not_sent)?;
                    for (name, value) in more.as_object().into_iter().flatten() {
                        claims[name] = value.clone();
                    }
                }
                minter.mint_jwt(self.minted, &claims, self.issued).await
            }
        };
        token.map_err(|NotMinted| Refusal::store_unavailable())
    }

    /// Whether everything that the answer repeats was sent; asked before anything is done.
    fn check(&self, login: &TokenLogin) -> Result<(), Refusal> {
        let whole = |document: &Document| document.fill(&|place| self.value(place, Some(""))).is_some();
        if login.claims.iter().chain(&login.answer).all(whole) { Ok(()) } else { Err(not_sent()) }
    }

    const fn lifetime(&self) -> i64 {
        self.minted.expires.seconds() - self.issued.seconds()
    }

    fn value(&self, placeholder: Placeholder<'_>, token: Option<&str>) -> Option<Value> {
        Some(match placeholder {
            Placeholder::Token => token?.into(),
            Placeholder::Presented => self.presented.into(),
            Placeholder::Lifetime => self.lifetime().into(),
            Placeholder::Expires => self.minted.expires.seconds().into(),
            Placeholder::Issued => self.issued.seconds().into(),
            Placeholder::Base => self.exchange.base(self.asked).into(),
            Placeholder::Root => self.exchange.root(self.asked).into(),
            Placeholder::User => self.user.into(),
            Placeholder::Plain(name) => self.paying?.grant.fields.plain(name)?.into(),
            Placeholder::Uuid => return None,
            Placeholder::Sent(name) => self.told.text(name).filter(|text| text.len() <= LONGEST_SENT)?.into(),
        })
    }

    fn answer(&self, login: &TokenLogin, token: &str) -> Result<Response<Answer>, Refusal> {
        let mut response = match &login.answer {
            Some(document) => {
                answer(&document.fill(&|place| self.value(place, Some(token))).ok_or_else(not_sent)?, "no-store")
            }
            None => answer(&Value::Object(serde_json::Map::new()), "no-store"),
        };
        let life = self.lifetime();
        for name in &login.cookies {
            let cookie = format!("{name}={token}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax");
            let mut cookie = HeaderValue::try_from(cookie).map_err(|_| Refusal::store_unavailable())?;
            cookie.set_sensitive(true);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }
}

fn not_sent() -> Refusal {
    Refusal::bad_request("The login lacks something that its answer repeats. Send it as your SDK does.")
}

fn answer(document: &Value, cache: &'static str) -> Response<Answer> {
    let mut response = Response::new(Answer::full(Bytes::from(document.to_string())));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
