//! systemd and its like: what they are told, and the sockets that they keep while nobody runs.

use crate::support::{ADA_KEY, Ask, Bellhop, Line, Site, Upstream, cast::ada_on, soon::PATIENCE};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::json;
use std::{
    io::IoSliceMut,
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddr, UnixDatagram},
    },
    time::Instant,
};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

/// The manager's end: what it was told, and the sockets that came with it.
struct Told(UnixDatagram);

impl Told {
    fn at(address: &UnixAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn in_folder_of(site: Site) -> (Self, Site) {
        let path = site.path("notify");
        let told = Self::at(&UnixAddr::from_pathname(&path).unwrap());
        (told, site.environment("NOTIFY_SOCKET", path.to_str().unwrap()))
    }

    fn next(&self) -> (String, Option<TcpListener>) {
        let mut text = [0; 4096];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let into = &mut [IoSliceMut::new(&mut text)];
        let came =
            recvmsg(&self.0, into, &mut control, RecvFlags::CMSG_CLOEXEC).expect("the manager is told something");
        let socket = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
            _ => None,
        });
        (String::from_utf8(text[..came.bytes].to_vec()).unwrap(), socket.map(TcpListener::from))
    }

    /// Passes over everything else.
    fn until(&self, word: &str) -> String {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let (text, _) = self.next();
            if text.lines().any(|line| line.starts_with(word)) {
                return text;
            }
        }
        panic!("the manager was not told {word}");
    }
}

#[tokio::test]
async fn the_manager_hears_of_the_beginning_of_reloads_and_of_the_end() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (told, site) = Told::in_folder_of(Site::facing(&ionq));
    let (mut bellhop, _) = ada_on(site).await;
    let ready = told.until("READY=1");
    assert!(ready.contains(&format!("STATUS=Serving at {}", bellhop.addresses.proxy)), "{ready}");

    bellhop.signal("HUP");
    let reloading = told.until("RELOADING=1");
    let micros = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(micros.is_some_and(|micros| micros.parse::<u64>().unwrap() > 0), "{reloading}");
    told.until("READY=1");

    bellhop.reconfigure("limits.per_token", "many");
    bellhop.write_config();
    bellhop.signal("HUP");
    told.until("RELOADING=1");
    let kept = told.until("READY=1");
    assert!(kept.contains("not reloaded"), "{kept}");

    bellhop.signal("TERM");
    let stopping = told.until("STOPPING=1");
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC="), "{stopping}");
    assert_eq!(bellhop.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_manager_without_a_path_gets_signs_of_life() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let name = format!("bellhop-test-{}", std::process::id());
    let told = Told::at(&UnixAddr::from_abstract_name(&name).unwrap());
    let site = Site::facing(&ionq).environment("NOTIFY_SOCKET", &format!("@{name}"));
    let (mut bellhop, _) = ada_on(site.environment("WATCHDOG_USEC", "300000")).await;

    for _ in 0..3 {
        told.until("WATCHDOG=1");
    }

    bellhop.signal("TERM");
    assert_eq!(bellhop.exit_code().await, Some(0));
}

fn listener() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn sockets_of_a_unit_are_listened_at_by_every_core() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (proxy, at) = listener();
    let (admin, managed_at) = listener();
    let (told, site) = Told::in_folder_of(Site::facing(&ionq));
    let mut site = site.set("listen.proxy", at.to_string()).set("listen.admin", managed_at.to_string());
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.apply().await;
    // Before anybody accepts.
    let mut early = Line::open(at, site.answers.clone()).await;

    let bellhop = Bellhop::start_with_sockets(site, [("bellhop.socket", proxy), ("bellhop.socket", admin)]).await;

    assert_eq!((bellhop.addresses.proxy, bellhop.addresses.admin), (at, managed_at));
    early.ask(&Ask::get(JOB).pat(&ada)).await.assert_paid_by("me", "own");
    for _ in 0..20 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }
    assert_eq!(bellhop.admin("/readyz").await.status, 200);
    let (first, none) = told.next();
    assert!(first.starts_with("READY=1") && none.is_none(), "a unit's sockets are the unit's: {first}");
}

#[tokio::test]
async fn a_socket_that_is_not_configured_is_an_error_that_says_so() {
    let ((stray, at), (admin, managed_at)) = (listener(), listener());
    let site = Site::empty().set("listen.admin", managed_at.to_string());

    let err = Bellhop::fail_with_sockets(&site, [("stray", stray), ("admin", admin)]).await.assert_code(78).err;

    assert!(err.contains(&at.to_string()) && err.contains("stray") && err.contains("listen.proxy"), "{err}");
}

#[tokio::test]
async fn what_waits_in_the_managers_store_over_a_restart_is_served_afterwards() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (told, site) = Told::in_folder_of(Site::facing(&ionq).set("listen.workers", 1));
    let (bellhop, ada) = ada_on(site).await;
    let mut kept = Vec::new();
    loop {
        let (text, socket) = told.next();
        let Some(socket) = socket else { break };
        assert!(text.contains("FDSTORE=1"), "{text}");
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap().to_owned();
        kept.push((name, socket));
    }
    let names: Vec<&str> = kept.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["kept-proxy", "kept-admin"]);
    let at = bellhop.addresses.proxy;

    let site = bellhop.stop().await;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut line = Line::open(at, site.answers.clone()).await;
        let bytes = Ask::get(JOB).pat(&ada).bytes(&line.host);
        line.send(bytes).await;
        waiting.push(line);
    }
    let [(first, proxy), (second, admin)] = <[_; 2]>::try_from(kept).unwrap();
    let bellhop = Bellhop::start_with_sockets(site, [(&first, proxy), (&second, admin)]).await;

    assert_eq!(bellhop.addresses.proxy, at);
    for line in &mut waiting {
        line.answer().await.assert_paid_by("me", "own");
    }
    told.until("FDNAME=kept-proxy");
}

#[tokio::test]
async fn what_the_manager_kept_of_an_old_configuration_is_let_go() {
    let ((old, _), (admin, managed_at)) = (listener(), listener());
    let (told, site) = Told::in_folder_of(Site::empty());
    let site = site.set("listen.admin", managed_at.to_string()).set("listen.providers", json!({}));

    let bellhop = Bellhop::start_with_sockets(site, [("kept-provider-iqm", old), ("kept-admin", admin)]).await;

    let removed = told.until("FDSTOREREMOVE=1");
    assert!(removed.contains("FDNAME=kept-provider-iqm"), "{removed}");
    assert_eq!(bellhop.addresses.admin, managed_at);
}
