//! The management API as commands speak it: over the network to the Bellhop that `BELLHOP_URL` names, or without one to
//! the very same API in this process, on the store that the configuration names.
//! Owns the connection, or the store, for as long as the command runs.
//! Never sends the caller's token anywhere but to that address.

use super::{Failure, local::Local, point};
use crate::{
    admin::api::{self, Guard, Problem},
    config::{BaseUrl, Environment, Rate},
    manage::{Listed, Management, Who},
    secret::Secret,
    upstream::{
        TlsTrust,
        once::{self, Question, Told},
    },
};
use axum::{Router, body::Body};
use http::{HeaderValue, Method, Request, header};
use serde::{Serialize, de::DeserializeOwned};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tower::ServiceExt;

pub struct Api(Way);

enum Way {
    Here { router: Box<Router>, page: String },
    There { api: once::Api, authorization: HeaderValue, url: BaseUrl },
}

/// Of one answer. A page of a list has at most 200 things.
const LARGEST: usize = 8 * 1024 * 1024;
/// A probe asks a provider, which may take its time.
const PATIENCE: Duration = Duration::from_secs(120);

impl Api {
    /// On this store, with every right.
    pub fn here(management: &Arc<Management>) -> Self {
        let rate = management.current().config.limits.failed_lookups;
        Self::inside(management, rate)
    }

    fn inside(management: &Arc<Management>, failed_lookups: Rate) -> Self {
        let guard = Arc::new(Guard::new(failed_lookups, false));
        let page = {
            let current = management.current();
            current.config.page_at(current.config.listen.admin)
        };
        let router = Box::new(api::router(api::Api { management: Arc::clone(management), guard }));
        Self(Way::Here { router, page })
    }

    /// The Bellhop that `BELLHOP_URL` names, with the rights of `BELLHOP_TOKEN`.
    pub fn there(environment: &Environment) -> Result<Option<Self>, Failure> {
        let Some(url) = environment.text("BELLHOP_URL")? else { return Ok(None) };
        let url: BaseUrl = url.parse().map_err(|expected| Failure::usage(format!("BELLHOP_URL: {expected}")))?;
        let token = point::token::of_environment(environment)?
            .ok_or_else(|| Failure::failed("BELLHOP_URL is set: put a token of scope `manage` into BELLHOP_TOKEN"))?;
        let trust = match environment.text("BELLHOP_CA_FILE")? {
            Some(file) => {
                let trust = TlsTrust::of_file(&PathBuf::from(file));
                trust.map_err(|error| Failure::failed(format!("BELLHOP_CA_FILE: {error}")))?
            }
            None => TlsTrust::public(),
        };
        let api = once::Api::new(&url, &trust, (LARGEST, PATIENCE));
        let api = api.map_err(|error| Failure::usage(format!("BELLHOP_URL: {error}")))?;
        Ok(Some(Self(Way::There { api, authorization: bearer(&token)?, url })))
    }

    /// On the store itself, where nobody in particular asks.
    pub const fn is_here(&self) -> bool {
        matches!(self.0, Way::Here { .. })
    }

    /// The address of a page for people.
    pub fn address(&self, path: &str) -> String {
        match &self.0 {
            Way::Here { page, .. } => format!("{page}{path}"),
            Way::There { url, .. } => format!("{}{path}", url.to_string().trim_end_matches('/')),
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(self.ask(Method::GET, path, None).await?)
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.send(Method::POST, path, body).await
    }

    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.send(Method::PATCH, path, body).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.send(Method::PUT, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.ask(Method::DELETE, path, None).await.map(drop)
    }

    /// A deletion whose answer says what became of it.
    pub async fn remove<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(self.ask(Method::DELETE, path, None).await?)
    }

    /// All pages of a list, one after the other.
    pub async fn every<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        self.first(path, usize::MAX).await
    }

    /// So many of a list, in as many pages as it takes.
    pub async fn first<T: DeserializeOwned>(&self, path: &str, most: usize) -> Result<Vec<T>, Failure> {
        let (mut all, mut after) = (Vec::new(), None);
        while all.len() < most {
            let page = self.page(path, after, (most - all.len()).min(200)).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(all)
    }

    pub async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Listed<T>, Failure> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let place = after.map_or_else(String::new, |after| format!("&after={}", escaped(&after)));
        self.get(&format!("{path}{mark}limit={limit}{place}")).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::failed(error.to_string()))?;
        read(self.ask(method, path, Some(body)).await?)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let target = format!("/api/v1{path}");
        let json = HeaderValue::from_static("application/json");
        let (status, body) = match &self.0 {
            Way::Here { router, .. } => {
                let mut request = Request::new(body.map_or_else(Body::empty, Body::from));
                *request.method_mut() = method;
                *request.uri_mut() = target.parse().map_err(|_| Failure::usage("that is no name"))?;
                request.headers_mut().insert(header::CONTENT_TYPE, json);
                request.extensions_mut().insert(Who::command_line());
                let Ok(answer) = Router::clone(router).oneshot(request).await;
                let (parts, body) = answer.into_parts();
                let body = axum::body::to_bytes(body, LARGEST).await;
                (parts.status, body.map_err(|error| Failure::failed(error.to_string()))?)
            }
            Way::There { api, authorization, url } => {
                let headers = vec![(header::AUTHORIZATION, authorization.clone()), (header::CONTENT_TYPE, json)];
                let question = Question { method, target, headers, body: &body.unwrap_or_default() };
                let told = api.ask(question).await;
                let Told { status, body, .. } =
                    told.map_err(|error| Failure::failed(format!("the Bellhop at {}: {error}", url.origin)))?;
                (status, body)
            }
        };
        if status.is_success() {
            return Ok(body.to_vec());
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Failure::failed(super::console::shown(&problem.detail)),
            Err(_) => Failure::failed(format!(
                "what BELLHOP_URL names answers with status {}, and not as Bellhop's management API does: it is the \
                 admin listener's address",
                status.as_u16()
            )),
        })
    }
}

fn read<T: DeserializeOwned>(body: Vec<u8>) -> Result<T, Failure> {
    let body = if body.is_empty() { b"null".to_vec() } else { body };
    serde_json::from_slice(&body)
        .map_err(|error| Failure::failed(format!("the answer is not what this version of bellhop expects: {error}")))
}

fn bearer(token: &Secret) -> Result<HeaderValue, Failure> {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| Failure::failed("the token has characters that it cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A name as it stands in a path or a query.
pub fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// An address with what is asked for in its query.
pub fn asked(path: &str, query: &[(&str, Option<String>)]) -> String {
    let given = query.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_deref()?))));
    match given.collect::<Vec<_>>() {
        none if none.is_empty() => path.to_owned(),
        given => format!("{path}?{}", given.join("&")),
    }
}

impl Local {
    /// The management API on this store.
    pub fn api(&self) -> Result<Api, Failure> {
        Ok(Api::here(&self.management()?))
    }
}
