//! `bellhop healthcheck`: asks a running Bellhop whether it is ready, for containers without curl.
//! Owns nothing but the question.
//! Never asks anything but `/readyz`, and never believes a certificate unchecked.

use super::{Failure, get::get, wait_for};
use crate::{
    config::{self, BaseUrl, Config, Origin, Protocol, Sources},
    upstream::{Endpoint, TlsTrust},
};
use clap::Args;
use http::StatusCode;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  HEALTHCHECK CMD [\"bellhop\", \"healthcheck\"]\n\nExits 0 if it is ready, 1 if not."
)]
pub struct Healthcheck {
    /// Where the admin listener is; without it, as configured
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,
}

impl Healthcheck {
    pub fn run(self, sources: &Sources) -> Result<(), Failure> {
        let (origin, trust) = match self.url {
            Some(url) => (url.origin.clone(), TlsTrust::public()),
            None => configured(&sources.load()?.config)?,
        };
        let not_ready = |what: String| Failure::failed(format!("{origin} is not ready: {what}"));
        let endpoint = Endpoint::new(origin.clone(), &trust, true).map_err(|error| not_ready(error.to_string()))?;
        wait_for(async {
            match get(&endpoint, "/readyz", None).await.map(|answer| answer.status()) {
                Ok(StatusCode::OK) => Ok(()),
                Ok(status) => Err(not_ready(format!("it answers {status}"))),
                Err(error) => Err(not_ready(error)),
            }
        })
    }
}

/// With TLS, its own certificate is believed, under the name of `listen.admin_url`.
fn configured(config: &Config) -> Result<(Origin, TlsTrust), Failure> {
    let Some(tls) = &config.admin_tls else { return Ok((reachable(config.listen.admin)?, TlsTrust::public())) };
    let url = config.listen.admin_url.as_ref().ok_or_else(|| {
        Failure::usage(
            "the admin listener has TLS: give --url, or set listen.admin_url, with the name in its certificate",
        )
    })?;
    let trust = TlsTrust::of_file(&tls.cert);
    let trust =
        trust.map_err(|error| Failure::Config(config::ConfigError::new("admin_tls.cert", error.to_string())))?;
    Ok((url.origin.clone(), trust))
}

/// A listener on every address is reached over loopback.
fn reachable(listener: SocketAddr) -> Result<Origin, Failure> {
    if listener.port() == 0 {
        return Err(Failure::usage("listen.admin has port 0, so the port is anybody's guess: give --url"));
    }
    let address = match listener.ip() {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    Ok(Origin { protocol: Protocol::Http, host: address.to_string().into(), port: listener.port() })
}
