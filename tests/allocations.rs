//! How often a poll allocates, held to a ceiling: what is prepared for a grant must not be prepared for each request.

#![allow(unsafe_code, reason = "a global allocator can only be written with it")]
#![allow(clippy::expect_used, reason = "a test may end when its own set-up fails")]

use bellhop::{
    app::App,
    config::{Environment, Sources},
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// 19 were counted when this was written: hyper's two heads and the hand-over between its two connections, the outgoing
/// head built anew, its target, the request id, the body's exchange, and seven for the job that a poll names: its kind,
/// its id, its record, and what is kept of them until the answer has been looked at. Two more are for a change of those
/// libraries; what is prepared once for a grant would cost at least five if it were prepared for each request.
const CEILING: f64 = 21.0;

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The caller's and the provider's threads are not Bellhop.
    static EXCLUDED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !EXCLUDED.try_with(Cell::get).unwrap_or(true) {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_poll_allocates_no_more_than_its_ceiling() {
    EXCLUDED.set(true);
    let folder = tempfile::tempdir().expect("a folder");
    let provider = provider();
    let config = folder.path().join("bellhop.yaml");
    let data = folder.path().join("data");
    let text = format!(
        "listen: {{ proxy: \"127.0.0.1:0\", admin: \"127.0.0.1:0\", workers: 1 }}\ndata_dir: {data:?}\n\
         providers: {{ ionq: {{ upstream: \"http://{provider}\", allow_private: true }} }}\n\
         limits: {{ per_token: 1000000/s, per_user: 1000000/s, per_credential: 1000000/s }}\n"
    );
    std::fs::write(&config, text).expect("a configuration");
    let state = folder.path().join("state.yaml");
    let credential = "{ provider: ionq, label: own, fields: { api_key: { value: fake-allocations-canary-key } } }";
    let text = format!("users: [ {{ name: ada, tokens: [ {{ name: t }} ], credentials: [ {credential} ] }} ]\n");
    std::fs::write(&state, text).expect("a state file");
    let mut apply = Command::new(env!("CARGO_BIN_EXE_bellhop"));
    let made = output(apply.arg("--config").arg(&config).arg("apply").arg(&state));
    let token = serde_json::from_str::<serde_json::Value>(&made).expect("one line of JSON")["value"].clone();
    let token = token.as_str().expect("a token");

    EXCLUDED.set(false);
    let sources = Sources { file: Some(config), environment: Environment::default(), flags: Vec::new() };
    let app = App::start(sources.load().expect("a sound configuration").config).expect("Bellhop starts");
    EXCLUDED.set(true);
    let mut line = TcpStream::connect(app.addresses.proxy).expect("a connection");
    let head = format!("host: bellhop\r\nauthorization: apiKey {token}\r\ncontent-length: 2\r\n\r\n{{}}");
    ask(&mut line, &format!("POST /ionq/v0.4/jobs HTTP/1.1\r\n{head}"), 1);
    let request = format!(
        "GET /ionq/v0.4/jobs/0123 HTTP/1.1\r\nhost: bellhop\r\nuser-agent: fake-sdk/1.0\r\naccept: application/json\r\n\
         connection: keep-alive\r\nauthorization: apiKey {token}\r\n\r\n"
    );
    ask(&mut line, &request, 200);
    let before = COUNT.load(Ordering::Relaxed);
    let count = 2_000;
    ask(&mut line, &request, count);
    let each = (COUNT.load(Ordering::Relaxed) - before) as f64 / f64::from(count);
    drop(line);
    app.drain();
    assert!(each <= CEILING, "{each:.1} allocations for each poll, and the ceiling is {CEILING}");
    assert!(each > 5.0, "{each:.1} allocations for each poll: this does not count what it should");
}

fn output(command: &mut Command) -> String {
    let done = command.output().expect("apply runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

fn ask(line: &mut TcpStream, request: &str, count: u32) {
    let mut answer = [0; 4096];
    for _ in 0..count {
        line.write_all(request.as_bytes()).expect("a request leaves");
        let mut length = 0;
        while !answer[..length].ends_with(b"}") {
            let read = line.read(&mut answer[length..]).expect("an answer comes");
            assert!(read > 0, "the connection ended");
            length += read;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
    }
}

/// Answers every poll on every connection, and nothing else than polls with the right key.
fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        EXCLUDED.set(true);
        for line in listener.incoming() {
            thread::spawn(move || {
                EXCLUDED.set(true);
                answer(&mut line.expect("a connection"));
            });
        }
    });
    address
}

fn answer(line: &mut TcpStream) {
    let mut request = [0; 4096];
    while let Ok(read) = line.read(&mut request) {
        if read == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&request[..read]);
        let status =
            if text.contains("apiKey fake-allocations-canary-key\r\n") { "200 OK" } else { "401 Unauthorized" };
        let body = r#"{"id":"0123","status":"ready"}"#;
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if line.write_all((head + body).as_bytes()).is_err() {
            return;
        }
    }
}
