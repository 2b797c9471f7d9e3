//! The PROXY protocol: a load balancer that only passes bytes on says whose they are.

use crate::support::{
    ADA_KEY, Answer, Ask, Bellhop, Line, Pat, Site, Upstream,
    certificates::{Authority, Validity, client},
    eventually,
};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{
    TlsConnector,
    rustls::{pki_types::ServerName, version::TLS13},
};

const JOB: &str = "/ionq/v0.4/jobs/job-1";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Ada's token is good at 10.0.0.0/8 only.
async fn far_away(site: impl FnOnce(Site) -> Site) -> (Upstream, Bellhop, Pat) {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = site(Site::facing(&ionq).set("listen.trusted_proxies", json!(["127.0.0.0/8", "192.0.2.7/32"])));
    let limits = json!({ "networks": ["10.0.0.0/8"], "scopes": ["run", "manage"] });
    let ada = site.user("ada").key(ADA_KEY).pat_with("far", &limits);
    (ionq, site.serve().await, ada)
}

async fn requiring() -> (Upstream, Bellhop, Pat) {
    far_away(|site| site.set("listen.proxy_protocol", "require")).await
}

fn version2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    [SIGNATURE, &[command, family], &u16::try_from(block.len()).unwrap().to_be_bytes(), block].concat()
}

fn from(address: [u8; 4]) -> Vec<u8> {
    version2(0x21, 0x11, &[&address[..], &[127, 0, 0, 1, 0xdc, 4, 1, 187], &[0xea, 0, 3, 1, 2, 3]].concat())
}

async fn after(bellhop: &Bellhop, preface: &[u8], ask: &Ask) -> Answer {
    let mut line = bellhop.connect().await;
    line.send(preface).await;
    line.ask(ask).await
}

#[tokio::test]
async fn whom_a_trusted_load_balancer_names_is_the_caller() {
    let (_ionq, bellhop, ada) = requiring().await;
    let ask = Ask::get(JOB).pat(&ada);

    after(&bellhop, &from([10, 1, 2, 3]), &ask).await.assert_paid_by("me", "own");
    after(&bellhop, b"PROXY TCP4 10.1.2.3 127.0.0.1 56324 443\r\n", &ask).await.assert_paid_by("me", "own");
    after(&bellhop, &from([192, 0, 2, 1]), &ask).await.assert_refused("not-allowed");
    let mapped = version2(0x21, 0x21, &[&[0; 10][..], &[0xff, 0xff, 10, 1, 2, 3], &[0; 20]].concat());
    after(&bellhop, &mapped, &ask).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn what_is_forwarded_counts_when_the_named_address_is_a_trusted_proxys() {
    let (_ionq, bellhop, ada) = requiring().await;
    let ask = Ask::get(JOB).pat(&ada).header("Forwarded", "for=10.1.2.3");

    after(&bellhop, &from([192, 0, 2, 7]), &ask).await.assert_paid_by("me", "own");
    after(&bellhop, &from([192, 0, 2, 8]), &ask).await.assert_refused("not-allowed");
}

#[tokio::test]
async fn a_health_check_of_the_load_balancer_is_its_own() {
    let (_ionq, bellhop, ada) = requiring().await;
    let ask = Ask::get(JOB).pat(&ada);

    for preface in [version2(0x20, 0, b""), version2(0x21, 0, &[9; 40]), version2(0x21, 0x31, &[0; 216])] {
        after(&bellhop, &preface, &ask).await.assert_refused("not-allowed");
    }
    let itself = ask.clone().header("Forwarded", "for=10.1.2.3");
    after(&bellhop, &version2(0x20, 0, b""), &itself).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn it_may_come_in_any_number_of_pieces() {
    let (_ionq, bellhop, ada) = requiring().await;
    for preface in [from([10, 1, 2, 3]), b"PROXY TCP4 10.1.2.3 127.0.0.1 56324 443\r\n".to_vec()] {
        let mut line = bellhop.connect().await;
        for byte in preface {
            line.send([byte]).await;
            tokio::task::yield_now().await;
        }
        line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    }
}

#[tokio::test]
async fn what_is_malformed_or_missing_ends_the_connection() {
    let (ionq, bellhop, ada) = requiring().await;
    let request = Ask::get(JOB).pat(&ada).bytes("bellhop");
    for preface in [
        &b""[..],
        &version2(0x31, 0x11, &[10; 12]),
        &version2(0x21, 0x11, &[10; 4]),
        &version2(0x21, 0x11, &[0; 5000]),
        b"PROXY TCP4 10.1.2.3\r\n",
        b"PROXY nonsense\r\n",
    ] {
        let mut line = bellhop.connect().await;
        let _ = line.try_send([preface, &request].concat()).await;
        assert!(line.is_cut_off().await, "{}", preface.escape_ascii());
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq).set("listen.trusted_proxies", json!(["192.0.2.7/32"]));
    let mut site = site.set("listen.proxy_protocol", "accept");
    let ada = site.user("ada").key(ADA_KEY).pat_with("far", &json!({ "networks": ["10.0.0.0/8"] }));
    let mut bellhop = site.serve().await;
    let ask = Ask::get(JOB).pat(&ada);

    after(&bellhop, &from([10, 1, 2, 3]), &ask).await.assert_refused("bad-request");
    bellhop.ask(&ask).await.assert_refused("not-allowed");

    bellhop.reconfigure("listen.proxy_protocol", "require");
    bellhop.write_config();
    bellhop.signal("HUP");
    eventually("it is taken up", async || bellhop.log().contains("reloaded")).await;
    let mut line = bellhop.connect().await;
    let _ = line.try_send([from([10, 1, 2, 3]), ask.bytes("bellhop")].concat()).await;
    assert!(line.is_cut_off().await);
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_trusted_proxy_may_leave_it_out_where_it_is_only_accepted() {
    let (_ionq, bellhop, ada) = far_away(|site| site.set("listen.proxy_protocol", "accept")).await;
    let ask = Ask::get(JOB).pat(&ada);

    bellhop.ask(&ask).await.assert_refused("not-allowed");
    bellhop.ask(&ask.clone().header("Forwarded", "for=10.1.2.3")).await.assert_paid_by("me", "own");
    after(&bellhop, &from([10, 1, 2, 3]), &ask).await.assert_paid_by("me", "own");
    after(&bellhop, b"PR", &Ask::new("OPFIND", JOB).pat(&ada)).await.assert_refused("not-allowed");
}

#[tokio::test]
async fn who_only_begins_it_is_not_waited_for_longer_than_for_a_head() {
    let (ionq, bellhop, _ada) =
        far_away(|site| site.set("listen.proxy_protocol", "accept").set("timeouts.head", "1s")).await;
    for beginning in [&b"PROX"[..], &SIGNATURE[..5], SIGNATURE] {
        let mut line = bellhop.connect().await;
        line.send(beginning).await;
        assert!(line.is_cut_off().await, "{}", beginning.escape_ascii());
    }
    ionq.assert_untouched();
}

#[tokio::test]
async fn it_stands_before_tls() {
    let authority = Authority::new();
    let identity = authority.identity("localhost", Validity::Now);
    let (_ionq, bellhop, ada) = far_away(|site| {
        let cert = site.write("cert.pem", &identity.certificate);
        let key = site.write("key.pem", &identity.key);
        site.set("listen.proxy_protocol", "require").set("tls", json!({ "cert": cert, "key": key }))
    })
    .await;
    let mut stream = TcpStream::connect(bellhop.addresses.proxy).await.unwrap();
    stream.write_all(&from([10, 1, 2, 3])).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(client(&authority, &[], &[&TLS13])).connect(name, stream).await.unwrap();

    let mut line = Line::over(stream, "localhost".into(), bellhop.answers.clone());
    line.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn the_admin_listener_understands_it_too() {
    let (_ionq, bellhop, ada) = far_away(|site| site.set("listen.admin_proxy_protocol", "accept")).await;
    let whoami = Ask::get("/api/v1/whoami").header("Authorization", format!("Bearer {}", ada.as_str()));

    let direct = bellhop.ask_admin(&whoami).await;
    let mut line = bellhop.connect_to(bellhop.addresses.admin).await;
    line.send(from([10, 1, 2, 3])).await;
    let named = line.ask(&whoami).await;

    assert_eq!(bellhop.admin("/healthz").await.status, 200);
    assert_eq!((direct.status, named.status), (403, 200), "{} {}", direct.text(), named.text());
}

#[tokio::test]
async fn without_trusted_proxies_it_is_a_mistake() {
    let site = Site::empty().set("listen.proxy_protocol", "require");
    let check = site.run(&["check", "--offline"]).await.assert_code(78);
    assert!(check.err.contains("trusted_proxies"), "{}", check.err);
}
