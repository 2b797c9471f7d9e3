//! Where a caller is, when a proxy that the operator trusts stands before Bellhop.
//! Owns nothing.
//! Never believes anybody else: without trusted proxies, the peer is the caller.

mod preface;

pub use preface::source;

use http::{HeaderMap, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The last address on the way that is not itself a trusted proxy's.
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let mut nearest = peer;
    for hop in hops(headers).into_iter().rev() {
        // An obfuscated or malformed hop (RFC 7239 §6.3): nothing before it can be believed.
        let Some(address) = hop else { break };
        nearest = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    nearest
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address.to_canonical()))
}

/// `Forwarded` (RFC 7239), else `X-Forwarded-For`; the farthest hop comes first.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = |name: &str| headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
    let standard = values(header::FORWARDED.as_str());
    if !standard.is_empty() {
        return standard.iter().flat_map(|value| value.split(',')).map(forwarded_for).collect();
    }
    values("x-forwarded-for").iter().flat_map(|value| value.split(',')).map(|hop| parse(hop.trim())).collect()
}

fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    parse(node.trim().trim_matches('"'))
}

/// An address, in brackets or not, with a port or without.
fn parse(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse().map(|address: SocketAddr| address.ip()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn seen(peer: &str, name: &'static str, value: &str, trusted: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        let trusted: Vec<IpNet> = trusted.split_whitespace().map(|net| net.parse().unwrap()).collect();
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("192.0.2.1", "x-forwarded-for", "203.0.113.9", ""), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", "x-forwarded-for", "203.0.113.9", "10.0.0.0/8"), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", "x-forwarded-for", "203.0.113.9", "10.0.0.0/8"), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", "x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.7", "10.0.0.0/8"), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", "forwarded", "for=\"[2001:db8::1]:99\";proto=https", "10.0.0.0/8"), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", "forwarded", "for=203.0.113.9, for=_hidden", "10.0.0.0/8"), "10.0.0.1");
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(value in "[ -~]{0,80}") {
            seen("10.0.0.1", "forwarded", &value, "10.0.0.0/8");
            seen("10.0.0.1", "x-forwarded-for", &value, "10.0.0.0/8");
        }
    }
}
