//! One installation of Bellhop: a folder with its configuration, its declared state and its data, and its commands.
//! When a story ends, everything that came out of Bellhop is searched for secrets.

use super::{
    Bellhop, Upstream, canary,
    intake::Seen,
    soon::{PATIENCE, within},
    state::{Organization, Person, State},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

pub struct Site {
    folder: TempDir,
    pub config: Value,
    pub state: State,
    /// What callers were answered.
    pub answers: Seen,
    /// Standard error of every process.
    pub logs: Seen,
    /// Standard output of every command: tokens may stand here, once.
    pub outputs: Seen,
    environment: Vec<(String, String)>,
    /// Whether there is a configuration.
    configured: bool,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    #[track_caller]
    pub fn assert_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {:?}, err: {}", self.out, self.err))
    }
}

impl Site {
    /// Nothing configured but free ports, a folder, and a log that hides nothing.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "listen": { "proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "workers": 2 },
            "data_dir": folder.path().join("data"),
            "drain": { "deadline": "2s" },
            "log": { "format": "json", "level": "trace" },
        });
        let (answers, logs, outputs) = Default::default();
        Self {
            folder,
            config,
            state: State::default(),
            answers,
            logs,
            outputs,
            environment: Vec::new(),
            configured: true,
        }
    }

    /// A machine that has no Bellhop of its own.
    pub fn unconfigured(mut self) -> Self {
        self.configured = false;
        self
    }

    /// IonQ's place is taken by this stand-in.
    pub fn facing(ionq: &Upstream) -> Self {
        Self::empty().provider("ionq", ionq)
    }

    pub fn provider(self, id: &str, upstream: &Upstream) -> Self {
        self.set(&format!("providers.{id}"), json!({ "upstream": upstream.origin(), "allow_private": true }))
    }

    /// The shipped preset, with the stored token attached as it is: that it is exchanged first has stories of its own.
    pub fn without_exchange(mut self, id: &str, attached: &str) -> Self {
        let file = format!("{}/config/providers/{id}.yaml", env!("CARGO_MANIFEST_DIR"));
        let shipped = fs::read_to_string(file).unwrap();
        let (before, exchange) = shipped.split_once("\nscheme:\n  exchange:").expect("a preset with an exchange");
        let (_, after) = exchange.split_once("\n\n").expect("something after it");
        let file = self.write(&format!("{id}.yaml"), format!("{before}\nscheme: {attached}\n\n{after}"));
        self.reconfigure("presets", json!([file]));
        self
    }

    /// Sets one key of the configuration, written as its path: `timeouts.head`.
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.reconfigure(path, value);
        self
    }

    pub fn reconfigure(&mut self, path: &str, value: impl Into<Value>) {
        let mut at = &mut self.config;
        for key in path.split('.') {
            at = &mut at[key];
        }
        *at = value.into();
    }

    /// A variable in the environment of every command.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn user(&mut self, name: &str) -> Person<'_> {
        self.state.user(name)
    }

    pub fn organization(&mut self, name: &str) -> Organization<'_> {
        self.state.organization(name)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs one command to its end, with the configuration as it is now.
    pub async fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_input(arguments, "").await
    }

    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        self.finish(self.command(arguments), &format!("`bellhop {}`", arguments.join(" ")), input).await
    }

    /// No file can grow any further: a write beyond that fails as it does when the disk is full.
    pub async fn run_on_a_full_disk(&self, arguments: &[&str]) -> Run {
        let full = "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"";
        let arguments = [&["-c", full, env!("CARGO_BIN_EXE_bellhop")], arguments].concat();
        self.finish(self.program("/bin/sh", &arguments), "a command on a full disk", "").await
    }

    async fn finish(&self, mut command: Command, what: &str, input: &str) -> Run {
        let mut child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that needs no input may be gone before it is written.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = within(PATIENCE, what, child.wait_with_output()).await;
        let output = output.unwrap();
        self.outputs.lock().unwrap().extend_from_slice(&output.stdout);
        self.logs.lock().unwrap().extend_from_slice(&output.stderr);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Starts a command and leaves it running.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        Running(self.command(arguments).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap())
    }

    /// Starts a command and kills it, as a power failure would, unless it is quicker.
    pub async fn kill_after(&self, arguments: &[&str], time: std::time::Duration) {
        let mut running = self.spawn(arguments);
        tokio::time::sleep(time).await;
        running.0.kill().await.unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_bellhop"), arguments)
    }

    fn program(&self, program: &str, arguments: &[&str]) -> Command {
        self.write_config();
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.surround(command.as_std_mut());
        command
    }

    /// Nothing of the environment in which the tests run reaches Bellhop.
    pub fn surround(&self, command: &mut std::process::Command) {
        command.current_dir(self.folder.path()).env_clear().envs(self.environment.iter().cloned());
    }

    /// The file that Bellhop finds where it is started. Whole at every moment: commands may run side by side.
    pub fn write_config(&self) {
        if !self.configured {
            return;
        }
        // JSON is YAML.
        let new = self.write("bellhop.yaml.new", serde_json::to_string_pretty(&self.config).unwrap());
        fs::rename(new, self.path("bellhop.yaml")).unwrap();
    }

    /// Applies the state as it is now.
    pub async fn apply(&self) -> Run {
        self.try_apply(&[]).await.assert_code(0)
    }

    pub async fn try_apply(&self, options: &[&str]) -> Run {
        let file = self.write("state.yaml", self.state.0.to_string());
        let mut arguments = vec!["apply", file.to_str().unwrap()];
        arguments.extend(options);
        self.run(&arguments).await
    }

    /// Applies the state and starts to serve.
    pub async fn serve(self) -> Bellhop {
        self.apply().await;
        Bellhop::start(self).await
    }

    fn assert_no_secret(&self) {
        canary::assert_no_trace("the log", &self.logs.lock().unwrap());
        canary::assert_no_trace("an answer", &canary::but_for_new_tokens(&self.answers.lock().unwrap()));
        canary::assert_no_secret_in_folder(Path::new(&self.data()));
    }
}

/// A command that has not ended. It is killed with the story.
pub struct Running(Child);

impl Running {
    /// As a power failure does.
    pub async fn kill(mut self) {
        self.0.kill().await.unwrap();
    }

    pub async fn first_error_line(&mut self) -> String {
        let mut lines = BufReader::new(self.0.stderr.take().unwrap()).lines();
        within(PATIENCE, "a line on standard error", lines.next_line()).await.unwrap().unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_no_secret();
        }
    }
}
