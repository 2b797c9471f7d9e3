//! The cookies of a browser: its session's key, a sign-in with the identity provider that is under way, and a form that
//! waits for its end.
//! Owns nothing; the store has the key's digest, and the others are sealed.
//! Never sent to another host or over plain HTTP, but on the machine itself, and never read by a script.

use crate::secret::Secret;
use http::{HeaderMap, HeaderValue, Method, header};
use std::time::Duration;

/// Browsers hold this name to what is said above: RFC 6265bis, section 4.1.3.2.
const NAME: &str = "__Host-bellhop";
/// On the machine itself, without TLS, where that name could not be set.
const PLAIN: &str = "bellhop";

/// While somebody is at the identity provider.
const AWAY: &str = "__Host-bellhop-sign-in";
const PLAIN_AWAY: &str = "bellhop-sign-in";

/// What was typed into a form whose session had ended.
const FORM: &str = "__Host-bellhop-form";
const PLAIN_FORM: &str = "bellhop-form";

/// What makes a browser keep the key until it is closed; the session may end before that.
pub fn keep(key: &Secret, secure: bool) -> Option<HeaderValue> {
    let (name, secure) = if secure { (NAME, "; Secure") } else { (PLAIN, "") };
    sensitive(format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}", key.expose()))
}

/// What makes it keep a sign-in that is under way. It comes back from another host, which `SameSite=Lax` allows.
pub fn keep_journey(journey: &Secret, secure: bool, patience: Duration) -> Option<HeaderValue> {
    keep_for(if secure { AWAY } else { PLAIN_AWAY }, journey, (secure, patience))
}

/// What makes it keep a form.
pub fn keep_form(form: &Secret, secure: bool, patience: Duration) -> Option<HeaderValue> {
    keep_for(if secure { FORM } else { PLAIN_FORM }, form, (secure, patience))
}

fn keep_for(name: &str, value: &Secret, (secure, patience): (bool, Duration)) -> Option<HeaderValue> {
    let (value, seconds, secure) = (value.expose(), patience.as_secs(), if secure { "; Secure" } else { "" });
    sensitive(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={seconds}"))
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let text = zeroize::Zeroizing::new(text);
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What makes it forget.
pub fn forget(secure: bool) -> HeaderValue {
    HeaderValue::from_static(if secure {
        "__Host-bellhop=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
    } else {
        "bellhop=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    })
}

pub fn forget_journey(secure: bool) -> HeaderValue {
    HeaderValue::from_static(if secure {
        "__Host-bellhop-sign-in=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
    } else {
        "bellhop-sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    })
}

pub fn forget_form(secure: bool) -> HeaderValue {
    HeaderValue::from_static(if secure {
        "__Host-bellhop-form=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
    } else {
        "bellhop-form=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    })
}

/// The key, where there is exactly one.
pub fn read(headers: &HeaderMap, secure: bool) -> Option<&str> {
    only(headers, if secure { NAME } else { PLAIN })
}

pub fn read_journey(headers: &HeaderMap, secure: bool) -> Option<&str> {
    only(headers, if secure { AWAY } else { PLAIN_AWAY })
}

pub fn read_form(headers: &HeaderMap, secure: bool) -> Option<&str> {
    only(headers, if secure { FORM } else { PLAIN_FORM })
}

fn only<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let crumbs = lines.flat_map(|line| line.split(';')).filter_map(|crumb| crumb.trim().split_once('='));
    let mut keys = crumbs.filter(|(name, _)| *name == wanted).map(|(_, key)| key);
    keys.next().filter(|_| keys.next().is_none())
}

/// Whether a request that changes something comes from the page itself. Every browser of today says so; one that says
/// nothing is refused. What only reads may come from anywhere: the answer goes nowhere else.
pub fn is_of_page(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match text("sec-fetch-site") {
        _ if method.is_safe() => true,
        Some(site) => site == "same-origin",
        None => {
            let host = text("host");
            let origin = text("origin").and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
            host.is_some() && origin == host
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_key_is_kept_by_one_host_and_read_where_it_is_alone() {
        let kept = keep(&Secret::new("fake-session-key"), true).unwrap();
        assert_eq!(kept, "__Host-bellhop=fake-session-key; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(kept.is_sensitive());
        assert_eq!(read(&headers(&[("cookie", "a=b; __Host-bellhop=k; bellhop=x")]), true), Some("k"));
        assert_eq!(read(&headers(&[("cookie", "bellhop=x")]), true), None);
        assert_eq!(read(&headers(&[("cookie", "bellhop=x; bellhop=y")]), false), None);
    }

    #[test]
    fn a_change_is_taken_from_the_page_alone() {
        let post = |lines: &[(&'static str, &'static str)]| is_of_page(&Method::POST, &headers(lines));
        assert!(post(&[("sec-fetch-site", "same-origin")]) && is_of_page(&Method::GET, &headers(&[])));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!post(&[("sec-fetch-site", site), ("origin", "http://a"), ("host", "a")]), "{site}");
        }
        assert!(post(&[("origin", "http://a:1"), ("host", "a:1")]) && !post(&[("host", "a")]));
        assert!(!post(&[("origin", "http://b"), ("host", "a")]) && !post(&[("origin", "null"), ("host", "a")]));
    }
}
