//! Where a Bellhop is, as those who call it see it: its URL, its ports, its host names.
//! Owns what its configuration, and whoever says where it is, say of that.
//! Never connects.

use crate::{
    config::{BaseUrl, HostPattern, Listen, Origin, Protocol},
    identity::Context,
    provider::preset::sdk::Way,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

pub struct Place {
    /// Without one, the listener has any free port.
    main: Option<BaseUrl>,
    ports: BTreeMap<String, Origin>,
    hosts: Option<HostPattern>,
}

/// Why an SDK cannot get in, in the words of the command line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoDoor {
    #[error("listen.proxy has port 0, so the port is anybody's guess: give --url or BELLHOP_PROXY_URL")]
    Nowhere,
    #[error("it drops the path of its address: choose another way")]
    DropsPath,
    #[error("it cannot use the root of an address")]
    NoRoot,
    #[error("Bellhop has no port for {provider}: {} in its configuration", port(.provider))]
    NoPort { provider: String },
    #[error("Bellhop has no host names, or this one would be too long: `listen.hosts`")]
    NoHost,
    #[error(
        "it drops the path of its address, so it needs a port or a host name of its own: {} or `listen.hosts` in Bellhop's \
         configuration; or --way root, with a token that may use {provider} only",
        port(.provider)
    )]
    NeedsOwnAddress { provider: String },
}

fn port(provider: &str) -> String {
    format!("listen.providers: {{ {provider}: \"127.0.0.1:8091\" }}")
}

/// A provider's address, and the way in that it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Door {
    pub way: Way,
    pub base: BaseUrl,
}

impl Place {
    /// Where it is said to be, else its public URL, else where it listens.
    pub fn new(stated: Option<BaseUrl>, listen: &Listen, protocol: Protocol) -> Self {
        let public = stated.or_else(|| listen.public_url.clone());
        let of_public = public.as_ref().map(|url| &*url.origin.host);
        let listener = || reachable(listen.proxy, protocol, None).map(|origin| BaseUrl { origin, path: "".into() });
        let ports = listen.providers.iter();
        let ports = ports.filter_map(|(id, at)| Some((id.clone(), reachable(*at, protocol, of_public)?)));
        Self { ports: ports.collect(), hosts: listen.hosts.clone(), main: public.or_else(listener) }
    }

    pub fn main(&self) -> Result<&BaseUrl, NoDoor> {
        self.main.as_ref().ok_or(NoDoor::Nowhere)
    }

    /// The first of these ways that there is. The root is only taken if it is `chosen`, because it depends on the token.
    pub fn door(
        &self,
        provider: &str,
        ways: &[Way],
        chosen: Option<Way>,
        context: Option<&Context>,
    ) -> Result<Door, NoDoor> {
        let mut ways = ways.iter().filter(|way| chosen.map_or(**way != Way::Root, |chosen| **way == chosen));
        let door = ways.find_map(|way| Some(Door { way: *way, base: self.base(provider, *way, context)? }));
        door.ok_or_else(|| self.no_door(provider, chosen))
    }

    fn base(&self, provider: &str, way: Way, context: Option<&Context>) -> Option<BaseUrl> {
        let main = self.main.as_ref();
        match way {
            Way::Path => {
                let BaseUrl { origin, path } = main?.clone();
                let context = context.map(|context| format!("@{context}")).unwrap_or_default();
                Some(BaseUrl { origin, path: format!("{path}/{provider}{context}").into() })
            }
            Way::Port => self.ports.get(provider).map(|origin| BaseUrl { origin: origin.clone(), path: "".into() }),
            Way::Host => {
                let context = context.map(|context| format!("--{}", context.host_label())).unwrap_or_default();
                let host = self.hosts.as_ref()?.host(&format!("{provider}{context}"))?;
                let Origin { protocol, port, .. } = main?.origin;
                Some(BaseUrl { origin: Origin { protocol, host: host.into(), port }, path: "".into() })
            }
            Way::Root => main.cloned(),
        }
    }

    fn no_door(&self, provider: &str, chosen: Option<Way>) -> NoDoor {
        let provider = provider.to_owned();
        match chosen {
            None | Some(Way::Path | Way::Host | Way::Root) if self.main.is_none() => NoDoor::Nowhere,
            Some(Way::Path) => NoDoor::DropsPath,
            Some(Way::Root) => NoDoor::NoRoot,
            Some(Way::Port) => NoDoor::NoPort { provider },
            Some(Way::Host) => NoDoor::NoHost,
            None => NoDoor::NeedsOwnAddress { provider },
        }
    }

    /// Whether an address is this Bellhop's, however it is reached.
    pub fn owns(&self, origin: &Origin) -> bool {
        let main = self.main.iter().map(|url| &url.origin);
        let named = || self.hosts.as_ref().is_some_and(|hosts| hosts.label(&origin.host).is_some());
        main.chain(self.ports.values()).any(|own| same(own, origin)) || named()
    }

    /// Whether a host name is this Bellhop's, where there is no more than that.
    pub fn owns_host(&self, host: &str) -> bool {
        let own = self.main.iter().map(|url| &url.origin).chain(self.ports.values());
        own.into_iter().any(|own| is_same_host(&own.host, host))
            || self.hosts.as_ref().is_some_and(|hosts| hosts.label(host).is_some())
    }
}

fn same(own: &Origin, other: &Origin) -> bool {
    own.protocol == other.protocol && own.port == other.port && is_same_host(&own.host, &other.host)
}

/// This machine has several names.
fn is_same_host(own: &str, other: &str) -> bool {
    let local = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1");
    own.eq_ignore_ascii_case(other) || (local(own) && local(other))
}

/// A listener on every address is reached under the public name, or over loopback; one on any port cannot be.
fn reachable(listener: SocketAddr, protocol: Protocol, public: Option<&str>) -> Option<Origin> {
    let host = match (listener.ip(), public) {
        (address, Some(public)) if address.is_unspecified() => public.into(),
        (IpAddr::V4(address), None) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string().into(),
        (IpAddr::V6(address), None) if address.is_unspecified() => Ipv6Addr::LOCALHOST.to_string().into(),
        (address, _) => address.to_string().into(),
    };
    (listener.port() != 0).then_some(Origin { protocol, host, port: listener.port() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Way; 4] = [Way::Path, Way::Port, Way::Host, Way::Root];

    fn place(settings: &[(&str, &str)], url: Option<&str>) -> Place {
        let flags = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let sources = crate::config::Sources { flags, ..crate::config::Sources::default() };
        let url = url.map(|url| url.parse().unwrap());
        Place::new(url, &sources.load().unwrap().config.listen, Protocol::Http)
    }

    fn base(place: &Place, ways: &[Way], chosen: Option<Way>, context: Option<&str>) -> String {
        let context = context.map(|context| context.parse().unwrap());
        let door = place.door("iqm", ways, chosen, context.as_ref());
        door.map_or_else(|problem| problem.to_string(), |door| door.base.to_string())
    }

    #[test]
    fn the_first_way_that_there_is_leads_in() {
        let plain = place(&[], None);
        assert_eq!(base(&plain, &ALL, None, None), "http://127.0.0.1:8080/iqm");
        assert_eq!(base(&plain, &ALL, None, Some("acme.optics")), "http://127.0.0.1:8080/iqm@acme.optics");
        assert!(base(&plain, &ALL[1..], None, None).contains("listen.providers: { iqm: \"127.0.0.1:8091\" }"));
        assert_eq!(base(&plain, &ALL[1..], Some(Way::Root), None), "http://127.0.0.1:8080");
        let port = place(&[("listen.providers", "{iqm: \"0.0.0.0:8091\"}")], None);
        assert_eq!(base(&port, &ALL[1..], None, None), "http://127.0.0.1:8091");
        let far = place(&[("listen.providers", "{iqm: \"0.0.0.0:8091\"}")], Some("http://far.example.org/b/"));
        assert_eq!(base(&far, &ALL[1..], None, None), "http://far.example.org:8091");
        assert_eq!(base(&far, &ALL, None, None), "http://far.example.org/b/iqm");
        let hosts =
            [("listen.hosts", "{provider}.bellhop.example.org"), ("listen.public_url", "https://bellhop.example.org")];
        assert_eq!(
            base(&place(&hosts, None), &ALL[1..], None, Some("acme.optics")),
            "https://iqm--acme--optics.bellhop.example.org"
        );
        let nowhere = place(&[("listen.proxy", "127.0.0.1:0"), hosts[0]], None);
        for chosen in [None, Some(Way::Path), Some(Way::Host), Some(Way::Root)] {
            assert!(base(&nowhere, &ALL, chosen, None).contains("give --url"), "{chosen:?}");
        }
    }

    #[test]
    fn its_own_addresses_are_known_in_every_spelling() {
        let place = place(
            &[("listen.providers", "{iqm: \"127.0.0.1:8091\"}"), ("listen.hosts", "{provider}.b.example.org")],
            None,
        );
        for (url, own) in [
            ("http://localhost:8080", true),
            ("http://[::1]:8091", true),
            ("http://iqm.b.example.org", true),
            ("https://127.0.0.1:8080", false),
            ("http://127.0.0.1:9000", false),
            ("https://api.ionq.co", false),
        ] {
            assert_eq!(place.owns(&url.parse().unwrap()), own, "{url}");
        }
    }
}
