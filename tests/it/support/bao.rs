//! OpenBao, a real server that speaks Vault's API, in memory and on a port of its own.
//! Only where `BELLHOP_TEST_BAO` names its program; `tests/bao` prints where it is.

use super::{Answer, Ask, Line, eventually, intake::Seen};
use serde_json::Value;
use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

pub const ROOT: &str = "fake-bao-root-token-canary";

pub struct Bao {
    process: Child,
    pub address: SocketAddr,
    _home: TempDir,
}

impl Bao {
    /// `None` where there is no program to test with.
    pub async fn start() -> Option<Self> {
        let Ok(program) = std::env::var("BELLHOP_TEST_BAO") else {
            eprintln!("skipped: BELLHOP_TEST_BAO names no program of OpenBao");
            return None;
        };
        // It does not say which port it got when it is asked for any.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command.args([format!("-dev-listen-address={address}"), format!("-dev-root-token-id={ROOT}")]);
        command.env_clear().env("HOME", home.path());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bao = Self { process, address, _home: home };
        eventually("OpenBao listens", async || TcpStream::connect(address).is_ok()).await;
        eventually("OpenBao has its engine", async || {
            bao.ask("GET", "/v1/sys/mounts/secret", None).await.status == 200
        })
        .await;
        Some(bao)
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn ask(&self, method: &'static str, path: &str, body: Option<&Value>) -> Answer {
        let ask = Ask::new(method, path).header("X-Vault-Token", ROOT);
        let ask = if let Some(body) = body { ask.json(body) } else { ask };
        Line::open(self.address, Seen::default()).await.ask(&ask).await
    }

    /// Asks for a change.
    pub async fn set(&self, method: &'static str, path: &str, body: &Value) {
        let answer = self.ask(method, path, Some(body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
    }

    pub fn end(mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
