//! TLS on both sides: a provider that does not prove who it is gets no byte of a request.

use crate::support::{
    ADA_KEY, Ask, Bellhop, Line, Pat, ProviderLine, Site, Upstream,
    cast::ada_on,
    certificates::{Authority, Identity, Validity, client},
    eventually,
    http2::Http2,
    soon::PATIENCE,
    upstream::job,
    within,
};
use serde_json::json;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, SupportedProtocolVersion,
        pki_types::ServerName,
        version::{TLS12, TLS13},
    },
};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

async fn serving(identity: &Identity) -> Upstream {
    Upstream::secured(identity.server(), |mut line: ProviderLine| async move {
        while line.request().await.is_some() {
            line.send(job().bytes()).await;
        }
    })
    .await
}

/// A site whose IonQ is this stand-in, under this name, trusting this authority.
fn trusting(ionq: &Upstream, host: &str, authority: &Authority) -> Site {
    let site = Site::empty();
    let ca_file = site.write("ca.pem", authority.pem());
    let upstream = format!("https://{host}:{}", ionq.address.port());
    site.set("providers.ionq", json!({ "upstream": upstream, "allow_private": true, "ca_file": ca_file }))
}

#[tokio::test]
async fn a_provider_of_a_trusted_authority_is_reached() {
    let authority = Authority::new();
    let ionq = serving(&authority.identity("localhost", Validity::Now)).await;
    let (bellhop, ada) = ada_on(trusting(&ionq, "localhost", &authority)).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");

    assert_eq!(ionq.request().key(), ADA_KEY);
    assert_eq!(ionq.request().header("host"), Some(&*format!("localhost:{}", ionq.address.port())));
}

async fn assert_not_trusted(site: Site, ionq: &Upstream) {
    let (bellhop, ada) = ada_on(site).await;
    let answer = bellhop.post(&ada, "/ionq/v0.4/jobs", &json!({ "input": "fake-input" })).await;
    answer.assert_refused("upstream-unreachable");
    assert_eq!(answer.header("bellhop-submit"), None);
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_provider_with_another_name_gets_nothing() {
    let authority = Authority::new();
    let ionq = serving(&authority.identity("elsewhere.example", Validity::Now)).await;
    assert_not_trusted(trusting(&ionq, "localhost", &authority), &ionq).await;
}

#[tokio::test]
async fn a_provider_of_an_unknown_authority_gets_nothing() {
    let ionq = serving(&Authority::new().identity("localhost", Validity::Now)).await;
    assert_not_trusted(trusting(&ionq, "localhost", &Authority::new()), &ionq).await;
}

#[tokio::test]
async fn a_private_authority_is_not_trusted_without_being_named() {
    let ionq = serving(&Authority::new().identity("localhost", Validity::Now)).await;
    let upstream = format!("https://localhost:{}", ionq.address.port());
    let site = Site::empty().set("providers.ionq", json!({ "upstream": upstream, "allow_private": true }));
    assert_not_trusted(site, &ionq).await;
}

#[tokio::test]
async fn a_provider_whose_certificate_has_expired_gets_nothing() {
    let authority = Authority::new();
    let ionq = serving(&authority.identity("localhost", Validity::Expired)).await;
    assert_not_trusted(trusting(&ionq, "localhost", &authority), &ionq).await;
}

/// Answers any ClientHello with a ServerHello of TLS 1.1 (RFC 4346 §7.4.1.3).
async fn speaking_tls_1_1() -> Upstream {
    Upstream::scripted(|mut line: ProviderLine| async move {
        line.read_more().await;
        let mut hello = vec![2, 0, 0, 38, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0xc0, 0x14, 0]);
        line.send([&[22, 3, 2, 0, 42][..], &hello].concat()).await;
        line.hang().await;
    })
    .await
}

#[tokio::test]
async fn a_provider_that_speaks_only_an_old_tls_gets_nothing() {
    let ionq = speaking_tls_1_1().await;
    let (bellhop, ada) = ada_on(trusting(&ionq, "localhost", &Authority::new())).await;

    bellhop
        .post(&ada, "/ionq/v0.4/jobs", &json!({ "input": "fake-input" }))
        .await
        .assert_refused("upstream-unreachable");

    let seen = String::from_utf8_lossy(&ionq.bytes()).into_owned();
    assert!(!seen.contains("fake-input") && !seen.contains("POST") && !seen.contains("canary"));
}

#[tokio::test]
async fn a_provider_that_speaks_no_tls_gets_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) =
        ada_on(trusting(&ionq, "localhost", &Authority::new()).set("timeouts.tls_handshake", "1s")).await;

    bellhop.get(&ada, JOB).await.assert_refused("upstream-unreachable");

    let seen = String::from_utf8_lossy(&ionq.bytes()).into_owned();
    assert!(!seen.contains("GET") && !seen.contains("canary"));
}

/// A site whose callers come over TLS, and who would trust it.
fn secured(ionq: &Upstream) -> (Site, Authority) {
    let authority = Authority::new();
    let site = Site::facing(ionq);
    write_identity(&site, &authority.identity("localhost", Validity::Now));
    let files = json!({ "cert": site.path("cert.pem"), "key": site.path("key.pem") });
    (site.set("tls", files), authority)
}

fn write_identity(site: &Site, identity: &Identity) {
    site.write("cert.pem", &identity.certificate);
    site.write("key.pem", &identity.key);
}

async fn handshake(bellhop: &Bellhop, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    handshake_at(bellhop.addresses.proxy, config).await
}

async fn handshake_at(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    within(PATIENCE, "a TLS handshake", TlsConnector::from(config).connect(name, stream)).await
}

async fn ask_over(bellhop: &Bellhop, stream: TlsStream<TcpStream>, pat: &Pat) {
    let mut line = Line::over(stream, "localhost".into(), bellhop.answers.clone());
    line.ask(&Ask::get(JOB).pat(pat)).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn callers_over_tls_are_served_in_both_versions() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (site, authority) = secured(&ionq);
    let (bellhop, ada) = ada_on(site).await;

    let versions: [(&'static SupportedProtocolVersion, _); 2] =
        [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];
    for (version, negotiated) in versions {
        let stream = handshake(&bellhop, client(&authority, &["http/1.1"], &[version])).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(negotiated));
        ask_over(&bellhop, stream, &ada).await;
    }
}

#[tokio::test]
async fn callers_over_tls_may_choose_http2() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (site, authority) = secured(&ionq);
    let (bellhop, ada) = ada_on(site).await;

    let stream = handshake(&bellhop, client(&authority, &["h2", "http/1.1"], &[&TLS13])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut http2 = Http2::over(stream, &bellhop).await;

    for _ in 0..3 {
        http2.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    }
    assert_eq!(ionq.last().key(), ADA_KEY);
}

#[tokio::test]
async fn a_caller_who_speaks_no_tls_to_a_tls_listener_gets_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (site, _) = secured(&ionq);
    let (bellhop, ada) = ada_on(site).await;

    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("localhost");
    line.send(bytes).await;

    let answer = line.until_closed().await;
    assert!(!answer.starts_with(b"HTTP/"), "{}", answer.escape_ascii());
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_while_running() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (site, first) = secured(&ionq);
    let (bellhop, ada) = ada_on(site).await;
    let kept = handshake(&bellhop, client(&first, &["http/1.1"], &[&TLS13])).await.unwrap();

    let second = Authority::new();
    write_identity(&bellhop, &second.identity("localhost", Validity::Now));

    eventually("the new certificate is shown", async || {
        handshake(&bellhop, client(&second, &["http/1.1"], &[&TLS13])).await.is_ok()
    })
    .await;
    assert!(handshake(&bellhop, client(&first, &["http/1.1"], &[&TLS13])).await.is_err());
    ask_over(&bellhop, kept, &ada).await;
}

#[tokio::test]
async fn a_broken_certificate_keeps_the_old_one() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (site, authority) = secured(&ionq);
    let (bellhop, ada) = ada_on(site).await;

    bellhop.write("cert.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n");
    bellhop.signal("HUP");

    eventually("the log says so", async || bellhop.log().contains("not reloaded")).await;
    let stream = handshake(&bellhop, client(&authority, &["http/1.1"], &[&TLS13])).await.unwrap();
    ask_over(&bellhop, stream, &ada).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_given_up() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (site, _) = secured(&ionq);
    let (bellhop, _) = ada_on(site.set("timeouts.tls_handshake", "1s")).await;

    let mut silent = bellhop.connect().await;
    let mut begun = bellhop.connect().await;
    begun.send([22, 3, 1, 2, 0, 1]).await;

    silent.assert_closed().await;
    begun.assert_closed().await;
}

#[tokio::test]
async fn the_admin_listener_speaks_http2_within_bounds_too() {
    let authority = Authority::new();
    let site = Site::empty();
    write_identity(&site, &authority.identity("localhost", Validity::Now));
    let files = json!({ "cert": site.path("cert.pem"), "key": site.path("key.pem") });
    let bellhop = site.set("admin_tls", files).serve().await;
    let address = bellhop.addresses.admin;

    let stream = handshake_at(address, client(&authority, &["h2", "http/1.1"], &[&TLS13])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut http2 = Http2::over(stream, &bellhop).await;

    assert_eq!(http2.ask(&Ask::get("/healthz")).await.status, 200);
    let refused = http2.ask(&Ask::get("/api/v1/whoami")).await;
    assert_eq!((refused.status, refused.header("content-type")), (401, Some("application/problem+json")));
    assert_eq!(http2.most_streams(), 32);
    let long = Ask::get("/healthz").header("X-Long", "x".repeat(20_000));
    assert_eq!(http2.ask(&long).await.status, 431);
    let stream = handshake_at(address, client(&authority, &["http/1.1"], &[&TLS13])).await.unwrap();
    let mut line = Line::over(stream, "localhost".into(), bellhop.answers.clone());
    assert_eq!(line.ask(&Ask::get("/readyz")).await.status, 200);
}

/// Nobody takes a seat and then says nothing.
#[tokio::test]
async fn an_http2_connection_of_the_admin_listener_that_asks_for_nothing_ends() {
    let authority = Authority::new();
    let site = Site::empty();
    write_identity(&site, &authority.identity("localhost", Validity::Now));
    let files = json!({ "cert": site.path("cert.pem"), "key": site.path("key.pem") });
    let bellhop = site.set("admin_tls", files).serve().await;
    let config = client(&authority, &["h2"], &[&TLS13]);

    let mut silent = handshake_at(bellhop.addresses.admin, config).await.unwrap();

    let mut heard = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut heard);
    within(PATIENCE, "the end of the connection", end).await.ok();
}
