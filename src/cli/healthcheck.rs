//! `bellhop healthcheck`: asks a running Bellhop whether it is ready, for containers without curl.
//! Owns one connection, for at most five seconds.
//! Never asks anything but `/readyz`.

use super::{Failure, wait_for};
use crate::config::{BaseUrl, Config, Sources};
use bytes::Bytes;
use clap::Args;
use http::{Request, StatusCode, header::HOST};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

#[derive(Args, Debug)]
#[command(after_help = "Exits 0 if it is ready, 1 if not.\nExample:\n  HEALTHCHECK CMD [\"bellhop\", \"healthcheck\"]")]
pub struct Healthcheck {
    /// Where the admin listener is; without it, as configured
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Healthcheck {
    pub fn run(self, sources: &Sources) -> Result<(), Failure> {
        let address = match self.url {
            Some(url) => format!("{}:{}", url.origin.host, url.origin.port),
            None => reachable(sources.load()?.config)?.to_string(),
        };
        wait_for(async {
            let asked = tokio::time::timeout(PATIENCE, ask(&address)).await;
            let told = |what: String| Failure::failed(format!("{address} is not ready: {what}"));
            match asked {
                Ok(Ok(StatusCode::OK)) => Ok(()),
                Ok(Ok(status)) => Err(told(format!("it answers {status}"))),
                Ok(Err(error)) => Err(told(error)),
                Err(_) => Err(told(format!("no answer in {} seconds", PATIENCE.as_secs()))),
            }
        })
    }
}

/// A listener on every address is reached over loopback.
fn reachable(config: Config) -> Result<SocketAddr, Failure> {
    let mut address = config.listen.admin;
    if address.port() == 0 {
        return Err(Failure::usage("listen.admin has port 0, so the port is anybody's guess: give --url"));
    }
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        });
    }
    Ok(address)
}

async fn ask(address: &str) -> Result<StatusCode, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    exchange(stream, address).await.map_err(|error| error.to_string())
}

async fn exchange<S>(stream: S, authority: &str) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/readyz").header(HOST, authority).body(Empty::<Bytes>::new())?;
    tokio::select! {
        answer = sender.send_request(request) => Ok(answer?.status()),
        ended = connection => Err(ended.err().map_or_else(|| "it closed the connection".into(), Into::into)),
    }
}
