//! Reaching a provider: the address is checked and then connected to, the certificate is verified, always.
//! Owns the TLS configuration of an endpoint.
//! Never connects to an address that it did not check, and has no switch that turns verification off.

use crate::{
    config::{Origin, Protocol},
    provider::preset::Wire,
    scheme::Destination,
    telemetry::metrics::Failure,
};
use http::HeaderValue;
use rustls::{
    CipherSuite, ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Where requests go: an origin that the operator or a preset set, never the caller.
pub struct Endpoint {
    slot: u64,
    origin: Origin,
    host: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    allow_private: bool,
    wire: Wire,
}

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("its name does not resolve")]
    Unresolved,
    #[error("its address is private; set `allow_private` for this provider if that is meant")]
    Private,
    #[error("the connection was refused or did not come about in time")]
    Refused,
    #[error("the TLS handshake failed: {0}")]
    Tls(Box<str>),
    #[error("it does not speak HTTP/2")]
    NotHttp2,
    #[error("the origin's host is no valid server name")]
    ServerName,
}

impl DialError {
    pub const fn failure(&self) -> Failure {
        match self {
            Self::Unresolved => Failure::Unresolved,
            Self::Private => Failure::Private,
            Self::Refused => Failure::Refused,
            Self::Tls(_) | Self::ServerName => Failure::Tls,
            Self::NotHttp2 => Failure::NotHttp2,
        }
    }
}

/// What HTTP/2 is called in a TLS handshake (RFC 9113 §3.2).
const HTTP2: &[u8] = b"h2";

/// Which certificates are believed.
#[derive(Clone)]
pub struct TlsTrust {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct BadCaFile {
    path: String,
    problem: String,
}

/// What TLS is made of, on both sides, in the order in which it is preferred: AES with 128 bits first, as Go and browsers
/// have it. Nothing that is sent here needs more, and its handshake, which is digested with SHA-256 and not SHA-384,
/// takes a sixth less of a core.
pub fn cryptography() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| !is_preferred(suite.suite()));
    provider
}

const fn is_preferred(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}

impl TlsTrust {
    /// The certificate authorities that browsers believe (Mozilla's list).
    pub fn public() -> Self {
        Self::in_roots(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }

    /// The certificates of a PEM file, and no others.
    pub fn of_file(path: &Path) -> Result<Self, BadCaFile> {
        let bad = |problem: String| BadCaFile { path: path.display().to_string(), problem };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|e| bad(e.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.map_err(|e| bad(e.to_string()))?).map_err(|e| bad(e.to_string()))?;
        }
        if roots.is_empty() { Err(bad("it has no certificate in PEM form".into())) } else { Ok(Self::in_roots(roots)) }
    }

    fn in_roots(roots: RootCertStore) -> Self {
        let provider = Arc::new(cryptography());
        // TLS 1.2 and 1.3 are all that rustls has; naming them cannot fail with its own provider.
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = match builder {
            Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
            Err(_) => ClientConfig::builder().with_root_certificates(roots).with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut http2 = config.clone();
        http2.alpn_protocols = vec![HTTP2.to_vec()];
        Self { http1: Arc::new(config), http2: Arc::new(http2) }
    }

    fn config(&self, wire: Wire) -> Arc<ClientConfig> {
        Arc::clone(match wire {
            Wire::Http1 => &self.http1,
            Wire::Http2 => &self.http2,
        })
    }
}

impl Endpoint {
    pub fn new(origin: Origin, trust: &TlsTrust, allow_private: bool) -> Result<Arc<Self>, DialError> {
        Self::speaking(Wire::Http1, origin, trust, allow_private)
    }

    pub fn speaking(wire: Wire, origin: Origin, trust: &TlsTrust, allow_private: bool) -> Result<Arc<Self>, DialError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let host = HeaderValue::from_str(&origin.authority()).map_err(|_| DialError::ServerName)?;
        let tls = match origin.protocol {
            Protocol::Http => None,
            Protocol::Https => {
                let name = ServerName::try_from(origin.host.to_string()).map_err(|_| DialError::ServerName)?;
                Some((TlsConnector::from(trust.config(wire)), name))
            }
        };
        let slot = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Self { slot, origin, host, tls, allow_private, wire }))
    }

    /// Names this endpoint's pool; no two endpoints of a process share one.
    pub const fn slot(&self) -> u64 {
        self.slot
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Which version of HTTP is spoken to it.
    pub const fn wire(&self) -> Wire {
        self.wire
    }

    /// What goes into `Host`.
    pub const fn authority(&self) -> &HeaderValue {
        &self.host
    }

    pub async fn dial(&self, connect: Duration, handshake: Duration) -> Result<Stream, DialError> {
        let stream = timeout(connect, self.connect()).await.map_err(|_| DialError::Refused)??;
        let _ = stream.set_nodelay(true);
        let Some((connector, name)) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let secured = timeout(handshake, connector.connect(name.clone(), stream)).await;
        let secured = secured.map_err(|_| DialError::Tls("it took too long".into()))?;
        let secured = secured.map_err(|e| DialError::Tls(e.to_string().into()))?;
        // What was not agreed on is not spoken: its first bytes would mean something else.
        if self.wire == Wire::Http2 && secured.get_ref().1.alpn_protocol() != Some(HTTP2) {
            return Err(DialError::NotHttp2);
        }
        Ok(Stream::Tls(Box::new(secured)))
    }

    async fn connect(&self) -> Result<TcpStream, DialError> {
        let mut last = DialError::Unresolved;
        for address in self.addresses().await? {
            if !self.allow_private && is_private(address.ip()) {
                last = DialError::Private;
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(_) => last = DialError::Refused,
            }
        }
        Err(last)
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, DialError> {
        let host = &*self.origin.host;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, self.origin.port).into()]);
        }
        let found = tokio::net::lookup_host((host, self.origin.port)).await;
        found.map(Iterator::collect).map_err(|_| DialError::Unresolved)
    }
}

impl Destination for Arc<Endpoint> {
    fn host(&self) -> HeaderValue {
        self.host.clone()
    }
}

/// Addresses that lead to this machine, its neighbours or a cloud's metadata service, not to a provider.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b)) // shared address space, RFC 6598
                || (a == 192 && b == 0 && c == 0) // RFC 6890
                || (a == 198 && (b == 18 || b == 19)) // benchmarking, RFC 2544
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || segments[0] == 0x2002 // 6to4 and Teredo can carry any IPv4 address
                || (segments[0] == 0x2001 && segments[1] == 0)
                || (segments[0] == 0x64 && segments[1] == 0xff9b)
                || (segments[0] == 0x2001 && segments[1] == 0xdb8)
                || segments[0] & 0xffc0 == 0xfec0
        }
    }
}

/// A connection to a provider, secured or not.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Tls($inner) => {
                let $inner = Pin::new(&mut **$inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheaper_cipher_is_preferred_and_none_is_missing() {
        let (ours, all) = (cryptography().cipher_suites, rustls::crypto::aws_lc_rs::default_provider().cipher_suites);
        assert_eq!(ours[0].suite(), CipherSuite::TLS13_AES_128_GCM_SHA256);
        assert!(all.iter().all(|suite| ours.contains(suite)));
    }

    #[test]
    fn addresses_that_are_not_a_providers_are_private() {
        let private = "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 198.18.0.1 \
                       224.0.0.1 255.255.255.255 ::1 :: fe80::1 fd00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 \
                       64:ff9b::7f00:1 2002:7f00:1::";
        for address in private.split_whitespace() {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}
