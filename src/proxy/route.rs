//! Where a request is meant for: which provider, in which context, with which target.
//! Read from the raw target, the listener and, where the operator gave host names, the Host; nothing else chooses.
//! Never decodes a provider's name, and passes on what follows it byte for byte.

use super::{
    head,
    listen::Entry,
    refusal::{Code, Refusal},
};
use crate::{
    config::HostPattern,
    directory::Purse,
    identity::Context,
    provider::{Catalog, Provider, preset::Slot},
};
use http::{HeaderMap, HeaderValue, header, request};
use std::sync::Arc;

/// What the request's head says about where it goes.
pub struct Route<'s, 'r> {
    /// `None`: the token decides, or Bellhop answers itself.
    pub destination: Option<&'s Arc<Provider>>,
    /// The context that the URL or the header names; both are the same where both are there.
    pub purse: Option<Purse>,
    /// Path and query as they go upstream.
    pub target: &'r str,
    /// The path alone.
    pub path: &'r str,
    /// The Host that the caller used.
    pub host: Option<HeaderValue>,
    /// What stands before `target` in the caller's URLs, for URLs in answers.
    pub prefix: &'r str,
    /// Both, as they came.
    whole: &'r str,
}

impl Route<'_, '_> {
    /// Leaves segments out that stand before the provider's own path for an SDK's sake.
    pub fn skip(&mut self, segments: &str) {
        let rest = self.path.strip_prefix(segments).filter(|rest| rest.starts_with('/'));
        if rest.is_some() {
            self.path = &self.path[segments.len()..];
            self.target = &self.target[segments.len()..];
            self.prefix = &self.whole[..self.whole.len() - self.target.len()];
        }
    }
}

impl<'r> Route<'_, 'r> {
    /// From here on this is the target; the caller's own stays in the request.
    pub fn read_as(&mut self, target: &'r str) {
        self.target = target;
        self.path = target.split('?').next().unwrap_or(target);
    }
}

/// The doors that a listener has.
pub struct Doors<'s> {
    pub catalog: &'s Catalog,
    pub hosts: Option<&'s HostPattern>,
    /// The providers with listeners of their own, in the order of [`Entry::Provider`].
    pub ports: &'s [Box<str>],
}

pub fn route<'s, 'r>(
    doors: &Doors<'s>,
    entry: Entry,
    parts: &'r request::Parts,
    headers: &HeaderMap,
) -> Result<Route<'s, 'r>, Refusal> {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    if !target.starts_with('/') {
        return Err(Refusal::bad_request("The request's target is not a path."));
    }
    let path = parts.uri.path();
    if has_dot_segment(path) {
        return Err(Refusal::bad_request("`.` and `..` segments and backslashes are not allowed in a path."));
    }
    let header = named_by_header(headers)?;
    let mut route = match entry {
        Entry::Provider(place) => {
            let id = doors.ports.get(usize::from(place)).map_or("", |id| id);
            let destination = Some(find(doors.catalog, id)?);
            Route { destination, purse: None, target, path, prefix: "", whole: target, host: None }
        }
        Entry::Shared => match doors.hosts.and_then(|hosts| hosts.label(host_of(parts, headers))) {
            Some(label) => by_host(doors.catalog, label, target, path)?,
            None => by_path(doors.catalog, target, path)?,
        },
    };
    route.host = host_value(parts, headers);
    match (&route.purse, header) {
        (Some(Purse::Named(url)), Some(header)) if *url != header => Err(Refusal::bad_request(format!(
            "The URL names the context `{url}` and the header Bellhop-Context `{header}`. Name one."
        ))),
        (None, Some(header)) => {
            route.purse = Some(Purse::Named(header));
            Ok(route)
        }
        _ => Ok(route),
    }
}

pub fn find<'s>(catalog: &'s Catalog, id: &str) -> Result<&'s Arc<Provider>, Refusal> {
    catalog.find(id).ok_or_else(|| unknown_provider(catalog, id))
}

/// For a path that begins with no provider, and a token that does not say which one it is for.
pub fn no_provider(catalog: &Catalog, target: &str) -> Refusal {
    unknown_provider(catalog, target[1..].split(['/', '?']).next().unwrap_or_default())
}

fn unknown_provider(catalog: &Catalog, segment: &str) -> Refusal {
    let known: Vec<&str> = catalog.iter().map(|p| p.id()).collect();
    let segment: String = segment.chars().take(40).flat_map(char::escape_debug).collect();
    Refusal::new(
        Code::UnknownProvider,
        format!("`{segment}` is no provider here. The path begins with one of: {}.", known.join(", ")),
    )
}

/// botocore escapes the `@` for S3, in whatever address it is given. For nobody else is this read; ids and contexts have
/// nothing to escape.
fn escaped<'r>(catalog: &Catalog, first: &'r str) -> Option<(&'r str, &'r str)> {
    let signs = |id: &str| catalog.find(id).is_some_and(|provider| provider.slots().contains(&Slot::Signature));
    first.split_once("%40").filter(|(id, _)| signs(id))
}

fn by_path<'s, 'r>(catalog: &'s Catalog, target: &'r str, path: &'r str) -> Result<Route<'s, 'r>, Refusal> {
    let first = path[1..].split('/').next().unwrap_or_default();
    let split = first.split_once('@').or_else(|| escaped(catalog, first));
    let (id, context) = split.map_or((first, None), |(id, context)| (id, Some(context)));
    let (Some(provider), cut) = (catalog.find(id), 1 + first.len()) else {
        let Some(_) = context else {
            return Ok(Route { destination: None, purse: None, target, path, prefix: "", whole: target, host: None });
        };
        return Err(unknown_provider(catalog, id));
    };
    let context = context.map(named).transpose()?;
    let (whole, (prefix, rest)) = (target, target.split_at(cut));
    let (target, path) = match rest {
        "" => ("/", "/"),
        rest if rest.starts_with('/') => (rest, &path[cut..]),
        _ => return Err(Refusal::bad_request(format!("Write a `/` after the provider: `/{id}/`."))),
    };
    let purse = context.map(Purse::Named);
    Ok(Route { destination: Some(provider), purse, target, path, prefix, whole, host: None })
}

fn by_host<'s, 'r>(
    catalog: &'s Catalog,
    label: &str,
    target: &'r str,
    path: &'r str,
) -> Result<Route<'s, 'r>, Refusal> {
    let label = label.to_ascii_lowercase();
    let (id, context) = label.split_once("--").map_or((&*label, None), |(id, context)| (id, Some(context)));
    let context = context.map(|c| Context::from_host_label(c).map_err(|e| Refusal::bad_request(e.to_string())));
    let context = context.transpose()?;
    let purse = context.map(Purse::Named);
    Ok(Route { destination: Some(find(catalog, id)?), purse, target, path, prefix: "", whole: target, host: None })
}

fn host_value(parts: &request::Parts, headers: &HeaderMap) -> Option<HeaderValue> {
    let authority = || HeaderValue::from_str(parts.uri.authority()?.as_str()).ok();
    headers.get(header::HOST).cloned().or_else(authority)
}

fn host_of<'h>(parts: &'h request::Parts, headers: &'h HeaderMap) -> &'h str {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let host = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // In HTTP/2 the authority stands in the place of Host; in HTTP/1 an absolute target chooses nothing.
    if parts.version == http::Version::HTTP_2 { authority.or_else(host) } else { host() }.unwrap_or_default()
}

fn named_by_header(headers: &HeaderMap) -> Result<Option<Context>, Refusal> {
    let mut values = headers.get_all(head::CONTEXT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => named(value.to_str().unwrap_or("?")).map(Some),
        _ => Err(Refusal::bad_request("The header Bellhop-Context is there more than once.")),
    }
}

fn named(text: &str) -> Result<Context, Refusal> {
    text.parse().map_err(|error: crate::identity::NotAContext| Refusal::bad_request(error.to_string()))
}

/// `.` and `..` segments, raw or percent-encoded, and backslashes: servers disagree on what these come to.
fn has_dot_segment(path: &str) -> bool {
    if memchr::memchr3(b'.', b'\\', b'%', path.as_bytes()).is_none() {
        return false;
    }
    let has_backslash = path.contains('\\') || path.as_bytes().windows(3).any(|w| w.eq_ignore_ascii_case(b"%5c"));
    has_backslash || path.split('/').any(is_dot_segment)
}

/// One or two dots, each as it is or percent-encoded.
fn is_dot_segment(segment: &str) -> bool {
    let (mut rest, mut dots) = (segment, 0);
    while let Some(after) = [".", "%2e", "%2E"].iter().find_map(|dot| rest.strip_prefix(dot)) {
        (rest, dots) = (after, dots + 1);
    }
    rest.is_empty() && matches!(dots, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_seen_in_every_spelling() {
        for bad in ["/a/../b", "/a/./b", "/..", "/%2e%2E/b", "/.%2e", "/a\\b", "/a%5Cb", "/%2e"] {
            assert!(has_dot_segment(bad), "{bad}");
        }
        for good in ["/", "/v0.4/jobs", "/a..b", "/...", "/a%2Fb", "/.hidden", "/a%252e"] {
            assert!(!has_dot_segment(good), "{good}");
        }
    }

    #[test]
    fn an_escaped_at_names_a_context_of_a_provider_that_is_signed_for_and_of_no_other() {
        let catalog = Catalog::shipped().unwrap();
        let route = |target: &'static str| by_path(&catalog, target, target);
        let (written, escaped) = (route("/braket@acme/s3/a%40b").unwrap(), route("/braket%40acme/s3/a%40b").unwrap());
        assert_eq!((escaped.target, escaped.prefix), ("/s3/a%40b", "/braket%40acme"));
        assert!(escaped.purse.is_some() && escaped.purse == written.purse);
        for other in ["/ionq%40acme/v0.4/jobs", "/x/braket%40acme/jobs", "/braket%2540acme/jobs"] {
            let unread = route(other).unwrap();
            assert!(unread.destination.is_none() && unread.purse.is_none() && unread.target == other, "{other}");
        }
        assert_eq!(route("/braket/s3/b%40acme").unwrap().purse, None);
    }
}
