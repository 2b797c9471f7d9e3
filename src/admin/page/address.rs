//! Where people reach this page, for a link that one hands to another.
//! Owns nothing.
//! Never believed: it is shown to whoever asked, as they have reached it, where the configuration does not say.

use crate::admin::api::Api;
use http::{HeaderMap, header};

pub fn of(api: &Api, headers: &HeaderMap, path: &str) -> String {
    let current = api.management.current();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (&current.config.listen.admin_url, host) {
        (None, Some(host)) => format!("{}://{host}{path}", if api.guard.is_secure() { "https" } else { "http" }),
        _ => format!("{}{path}", current.config.page_at(current.config.listen.admin)),
    }
}
