//! The program that `bellhop run` runs: in this process's place, or beside it where something must be removed afterwards.
//! Owns the private folder, and the wait.
//! Never comes between a program and its terminal, its signals or its exit code.

use crate::{
    cli::{Failure, wait_for},
    secret::Secret,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, OpenOptions},
    future::poll_fn,
    io::{self, IsTerminal, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Command, ExitStatus},
    task::{Context, Poll},
};
use tokio::signal::unix::{self, SignalKind};

/// As shells and `env` have them.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

pub struct Child<'c> {
    pub program: &'c OsStr,
    pub arguments: &'c [OsString],
    pub set: BTreeMap<String, Secret>,
    pub remove: Vec<String>,
    pub folder: Option<PrivateFolder>,
}

impl Child<'_> {
    pub fn run(self) -> Result<u8, Failure> {
        let mut command = Command::new(self.program);
        command.args(self.arguments);
        self.remove.iter().for_each(|name| {
            command.env_remove(name);
        });
        self.set.iter().for_each(|(name, value)| {
            command.env(name, value.expose());
        });
        if self.folder.is_none() {
            // Only what could not be started comes back from here.
            return Err(self.not_started(&command.exec()));
        }
        let unwaited = |error| Failure::failed(format!("cannot wait for the program: {error}"));
        let status = wait_for(async {
            // Before the program is there: one that came in between would end this process, and the folder would stay.
            let mut signals = Signals::heed().map_err(unwaited)?;
            let mut child = tokio::process::Command::from(command).spawn().map_err(|error| self.not_started(&error))?;
            wait(&mut child, &mut signals).await.map_err(unwaited)
        });
        status.map(code)
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
        let program = crate::cli::console::shown(&self.program.to_string_lossy());
        Failure::Program(format!("cannot run `{program}`: {error}"), code)
    }
}

fn code(status: ExitStatus) -> u8 {
    let by_signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(by_signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The signals that are handed on, each as it is received and as it is sent.
struct Signals([(unix::Signal, Signal); 6]);

impl Signals {
    fn heed() -> io::Result<Self> {
        let heed = |kind, sent| Ok::<_, io::Error>((unix::signal(kind)?, sent));
        Ok(Self([
            heed(SignalKind::hangup(), Signal::HUP)?,
            heed(SignalKind::interrupt(), Signal::INT)?,
            heed(SignalKind::quit(), Signal::QUIT)?,
            heed(SignalKind::terminate(), Signal::TERM)?,
            heed(SignalKind::user_defined1(), Signal::USR1)?,
            heed(SignalKind::user_defined2(), Signal::USR2)?,
        ]))
    }

    async fn next(&mut self) -> Signal {
        let received = |cx: &mut Context<'_>| {
            let mut heard =
                self.0.iter_mut().filter_map(|(heard, sent)| heard.poll_recv(cx).is_ready().then_some(*sent));
            heard.next().map_or(Poll::Pending, Poll::Ready)
        };
        poll_fn(received).await
    }
}

/// Waits until the program ends, and hands on what this process is signalled. What the keys of a terminal signal
/// reaches both processes by itself.
async fn wait(child: &mut tokio::process::Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let by_keys = io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
    loop {
        let received = tokio::select! {
            status = child.wait() => return status,
            received = signals.next() => received,
        };
        let from_keys = by_keys && matches!(received, Signal::INT | Signal::QUIT);
        if let (Some(pid), false) = (pid, from_keys) {
            // It may have ended in this moment, which the next turn tells.
            let _ = kill_process(pid, received);
        }
    }
}

/// A folder that nobody else can look into, with files that hold a token. Goes when it is dropped.
pub struct PrivateFolder(PathBuf);

impl PrivateFolder {
    pub fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("bellhop-run-{}", uuid::Uuid::now_v7().simple()));
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Failure::failed(format!("cannot make the folder {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    /// Writes a file into a folder in this one, whose path it returns.
    pub fn write(&self, folder: &str, name: &str, content: &Secret) -> Result<PathBuf, Failure> {
        let folder = self.0.join(folder);
        let path = folder.join(name);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| Failure::failed(format!("cannot make the folder {}: {error}", folder.display())))?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(content.expose().as_bytes()));
        written.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        Ok(folder)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
