//! Where a Bellhop is, as those who call it see it: its URL, its ports, its host names.
//! Owns what `--url`, the environment and the configuration say of that.
//! Never connects.

use crate::{
    cli::Failure,
    config::{BaseUrl, Config, Environment, HostPattern, Origin, Protocol},
    identity::Context,
    provider::preset::sdk::Way,
    upstream::TlsTrust,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

pub struct Place {
    /// Without one, the configured listener has any free port.
    main: Option<BaseUrl>,
    ports: BTreeMap<String, Origin>,
    hosts: Option<HostPattern>,
    /// Of the configured listeners.
    certificate: Option<PathBuf>,
    /// Whether somebody said where it is, rather than nobody anything.
    pub stated: bool,
}

const NOWHERE: &str = "listen.proxy has port 0, so the port is anybody's guess: give --url or BELLHOP_PROXY_URL";

/// A provider's address, and the way in that it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Door {
    pub way: Way,
    pub base: BaseUrl,
}

impl Place {
    /// `--url`, else `BELLHOP_PROXY_URL`, else `listen.public_url`, else the proxy listener.
    pub fn find(named: Option<&BaseUrl>, environment: &Environment, config: &Config) -> Result<Self, Failure> {
        let variable = match environment.text("BELLHOP_PROXY_URL")? {
            Some(text) => {
                let url = text.parse::<BaseUrl>();
                Some(url.map_err(|expected| Failure::usage(format!("BELLHOP_PROXY_URL: {expected}")))?)
            }
            None => None,
        };
        let listen = &config.listen;
        let protocol = if config.tls.is_some() { Protocol::Https } else { Protocol::Http };
        let public = named.cloned().or(variable).or_else(|| listen.public_url.clone());
        let stated = public.is_some();
        let of_public = public.as_ref().map(|url| &*url.origin.host);
        let listener = || reachable(listen.proxy, protocol, None).map(|origin| BaseUrl { origin, path: "".into() });
        let ports = listen.providers.iter();
        let ports = ports.filter_map(|(id, at)| Some((id.clone(), reachable(*at, protocol, of_public)?)));
        Ok(Self {
            ports: ports.collect(),
            hosts: listen.hosts.clone(),
            certificate: config.tls.as_ref().map(|files| files.cert.clone()),
            main: public.or_else(listener),
            stated,
        })
    }

    pub fn main(&self) -> Result<&BaseUrl, Failure> {
        self.main.as_ref().ok_or_else(|| Failure::usage(NOWHERE))
    }

    /// Its own certificate is believed, as well as the public ones where another one may stand before it.
    pub fn trust(&self) -> Result<TlsTrust, Failure> {
        match (&self.certificate, self.stated) {
            (Some(certificate), false) => {
                TlsTrust::of_file(certificate).map_err(|error| Failure::failed(format!("tls.cert: {error}")))
            }
            _ => Ok(TlsTrust::public()),
        }
    }

    /// The first of these ways that there is. The root is only taken if it is `chosen`, because it depends on the token.
    pub fn door(
        &self,
        provider: &str,
        ways: &[Way],
        chosen: Option<Way>,
        context: Option<&Context>,
    ) -> Result<Door, String> {
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

    fn no_door(&self, provider: &str, chosen: Option<Way>) -> String {
        let port = format!("listen.providers: {{ {provider}: \"127.0.0.1:8091\" }}");
        match chosen {
            None | Some(Way::Path | Way::Host | Way::Root) if self.main.is_none() => NOWHERE.into(),
            Some(Way::Path) => "it drops the path of its address: choose another way".into(),
            Some(Way::Root) => "it cannot use the root of an address".into(),
            Some(Way::Port) => format!("Bellhop has no port for {provider}: {port} in its configuration"),
            Some(Way::Host) => "Bellhop has no host names, or this one would be too long: `listen.hosts`".into(),
            None => format!(
                "it drops the path of its address, so it needs a port or a host name of its own: {port} or `listen.hosts` \
                 in Bellhop's configuration; or --way root, with a token that may use {provider} only"
            ),
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
        Place::find(url.as_ref(), &Environment::default(), &sources.load().unwrap().config).unwrap()
    }

    fn base(place: &Place, ways: &[Way], chosen: Option<Way>, context: Option<&str>) -> String {
        let context = context.map(|context| context.parse().unwrap());
        let door = place.door("iqm", ways, chosen, context.as_ref());
        door.map_or_else(|problem| problem, |door| door.base.to_string())
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
