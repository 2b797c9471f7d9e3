//! A running `bellhop serve`, from its `listening` line to its exit code.

use super::{Answer, Ask, Line, Pat, Run, Site, canary, intake::Seen, soon::PATIENCE};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::{Deref, DerefMut},
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// Its site can be reached through it: commands beside a running server are part of many stories.
pub struct Bellhop {
    process: Child,
    log_reader: Option<std::thread::JoinHandle<()>>,
    pub addresses: Addresses,
    /// There until the site is handed on.
    site: Option<Site>,
}

/// Of the `listening` line.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
    providers: Value,
}

impl Addresses {
    fn read(line: &Value) -> Self {
        let address = |field: &str| line[field].as_str().and_then(|a| a.parse().ok()).expect(field);
        Self { proxy: address("proxy"), admin: address("admin"), providers: line["providers"].clone() }
    }

    pub fn provider(&self, id: &str) -> SocketAddr {
        self.providers[id]
            .as_str()
            .and_then(|a| a.parse().ok())
            .unwrap_or_else(|| panic!("{id} in {:?}", self.providers))
    }
}

impl Deref for Bellhop {
    type Target = Site;

    fn deref(&self) -> &Site {
        self.site.as_ref().expect("the site")
    }
}

impl DerefMut for Bellhop {
    fn deref_mut(&mut self) -> &mut Site {
        self.site.as_mut().expect("the site")
    }
}

impl Bellhop {
    pub async fn start(site: Site) -> Self {
        Self::serve(site, Command::new(env!("CARGO_BIN_EXE_bellhop"))).await
    }

    /// Where `fill_disk` makes writes fail instead of ending the process.
    pub async fn start_on_a_disk_that_fills(site: Site) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bellhop")]);
        Self::serve(site, shell).await
    }

    /// As a service manager does that passes these listening sockets, by these names.
    pub async fn start_with_sockets(site: Site, sockets: [(&str, TcpListener); 2]) -> Self {
        Self::serve_with(site, passing(sockets), &["serve"]).await
    }

    /// The same, of which nothing comes.
    pub async fn fail_with_sockets(site: &Site, sockets: [(&str, TcpListener); 2]) -> Run {
        site.write_config();
        let mut shell = passing(sockets);
        site.surround(shell.arg("serve").stderr(Stdio::piped()));
        let ended = tokio::task::spawn_blocking(move || shell.output().unwrap());
        let output = super::within(PATIENCE, "its end", ended).await.unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        Run { code: output.status.code(), out: String::new(), err }
    }

    /// Nobody has to be there to take over from.
    pub async fn start_to_take_over(site: Site) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellhop"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self::serve_with(site, command, &["serve", "--take-over"]).await
    }

    /// Starts another one that takes this one's place. What comes back is the old one, without its site, and the new one.
    pub async fn replaced(mut self) -> (Self, Self) {
        let site = self.site.take().expect("the site");
        (self, Self::start_to_take_over(site).await)
    }

    async fn serve(site: Site, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self::serve_with(site, command, &["serve"]).await
    }

    async fn serve_with(site: Site, mut command: Command, arguments: &[&str]) -> Self {
        site.write_config();
        command.args(arguments).stderr(Stdio::piped());
        site.surround(&mut command);
        let mut process = command.spawn().unwrap();
        let (said, listening) = mpsc::channel();
        let (stderr, logs) = (process.stderr.take().unwrap(), site.logs.clone());
        let log_reader = std::thread::spawn(move || read_log(stderr, &logs, &said));
        let addresses = tokio::task::spawn_blocking(move || listening.recv_timeout(PATIENCE)).await.unwrap();
        let Ok(addresses) = addresses else {
            let _ = process.kill();
            panic!("Bellhop did not say `listening`: {}", String::from_utf8_lossy(&site.logs.lock().unwrap()));
        };
        Self { process, log_reader: Some(log_reader), addresses, site: Some(site) }
    }

    pub async fn connect(&self) -> Line {
        Line::open(self.addresses.proxy, self.answers.clone()).await
    }

    pub async fn connect_to(&self, address: SocketAddr) -> Line {
        Line::open(address, self.answers.clone()).await
    }

    /// Asks on a connection of its own.
    pub async fn ask(&self, ask: &Ask) -> Answer {
        self.connect().await.ask(ask).await
    }

    pub async fn get(&self, pat: &Pat, target: &str) -> Answer {
        self.ask(&Ask::get(target).pat(pat)).await
    }

    pub async fn post(&self, pat: &Pat, target: &str, body: &Value) -> Answer {
        self.ask(&Ask::post(target).pat(pat).json(body)).await
    }

    /// Sends these bytes, and nothing else, on a connection of their own.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut line = self.connect().await;
        line.send(bytes).await;
        line.answer().await
    }

    /// Asks the admin listener.
    pub async fn admin(&self, target: &str) -> Answer {
        self.ask_admin(&Ask::get(target)).await
    }

    pub async fn ask_admin(&self, ask: &Ask) -> Answer {
        self.connect_to(self.addresses.admin).await.ask(ask).await
    }

    /// The sum of the samples of `/metrics` whose name and labels hold all of these words.
    pub async fn metric(&self, words: &[&str]) -> f64 {
        let text = self.admin("/metrics").await.text();
        let samples =
            text.lines().filter(|line| !line.starts_with('#') && words.iter().all(|word| line.contains(word)));
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.logs.lock().unwrap()).into_owned()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &self.pid().to_string()]).status();
        assert!(sent.unwrap().success(), "kill -s {name}");
    }

    /// From now on no file of this process grows.
    pub fn fill_disk(&self) {
        let limited = Command::new("prlimit").args(["--fsize=0", "--pid", &self.pid().to_string()]).status();
        assert!(limited.unwrap().success(), "prlimit");
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory, now and at its highest, in KiB.
    pub fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    pub fn has_exited(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Waits for the end of the process.
    pub async fn exit_code(&mut self) -> Option<i32> {
        super::eventually("Bellhop has exited", async || self.process.try_wait().unwrap().is_some()).await;
        self.process.wait().unwrap().code()
    }

    /// Ends the process as an operator does. What was written on its way is the site's.
    pub async fn stop(mut self) -> Site {
        self.signal("TERM");
        assert_eq!(self.exit_code().await, Some(0), "{}", self.log());
        self.site.take().expect("the site")
    }

    /// What one that has exited leaves.
    pub fn into_site(mut self) -> Site {
        self.site.take().expect("the site")
    }

    /// As a power failure does.
    pub async fn kill(mut self) -> Site {
        self.signal("KILL");
        self.exit_code().await;
        self.site.take().expect("the site")
    }

    fn assert_metrics_hold_no_secret(&self) {
        let Ok(mut stream) = TcpStream::connect(self.addresses.admin) else { return };
        let mut text = Vec::new();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut text).unwrap();
        canary::assert_no_trace("/metrics", &text);
    }

    /// Bounded: a Bellhop that does not end is killed, and the story fails.
    fn end(&mut self) -> Option<ExitStatus> {
        self.signal("TERM");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Bellhop {
    fn drop(&mut self) {
        let running = self.process.try_wait().is_ok_and(|status| status.is_none());
        if running && !std::thread::panicking() {
            self.assert_metrics_hold_no_secret();
            let status = self.end();
            assert_eq!(status.and_then(|s| s.code()), Some(0), "the end after SIGTERM: {}", self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reader) = self.log_reader.take() {
            let _ = reader.join();
        }
        if std::thread::panicking() && self.site.is_some() {
            eprintln!("what Bellhop logged:\n{}", self.log());
        }
    }
}

/// A shell that moves its standard input and output to where a service manager puts sockets.
fn passing([(first, one), (second, other)]: [(&str, TcpListener); 2]) -> Command {
    const PASS: &str = "exec 3<&0 4<&1 0</dev/null 1>/dev/null; \
                        export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=$0; exec \"$@\"";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", PASS, &format!("{first}:{second}"), env!("CARGO_BIN_EXE_bellhop")]);
    shell.stdin(OwnedFd::from(one)).stdout(OwnedFd::from(other));
    shell
}

fn read_log(stderr: impl Read, logs: &Seen, said: &mpsc::Sender<Addresses>) {
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let json = serde_json::from_slice::<Value>(&line);
        if let Ok(json) = json
            && json["message"] == "listening"
        {
            let _ = said.send(Addresses::read(&json));
        }
        let mut logs = logs.lock().unwrap();
        logs.extend_from_slice(&line);
        logs.push(b'\n');
    }
}
