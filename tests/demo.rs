//! The demo, as the person who types it sees it.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds something else than it expects")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

fn bellhop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellhop"));
    command.args(arguments).env_remove("BELLHOP_CONFIG");
    command
}

#[test]
fn the_check_takes_the_tour_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let ran = bellhop(&["demo", "--check"]).env("TMPDIR", temporary.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.ends_with("all as it should be, and no caller's token reached the provider\n"), "{said}");
    assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let ran = bellhop(&["demo", "--check", "--dir", folder.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("expected an empty folder"));
}

/// A demo that runs, and what it has printed up to its last line.
struct Running {
    demo: Child,
    printed: String,
}

impl Running {
    fn start() -> Self {
        let mut demo = bellhop(&["demo"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap());
        let mut printed = String::new();
        while !printed.contains("Ctrl-C ends it.") {
            assert_ne!(lines.read_line(&mut printed).unwrap(), 0, "{printed}");
        }
        Self { demo, printed }
    }

    fn lines(&self, start: &str) -> impl Iterator<Item = &str> {
        self.printed.lines().filter(move |line| line.starts_with(start))
    }

    /// From the line that begins so to the line `END`.
    fn script(&self, start: &str) -> &str {
        let from = self.printed.find(start).unwrap();
        let to = self.printed[from..].find("\nEND\n").unwrap();
        &self.printed[from..from + to + "\nEND\n".len()]
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        Command::new("kill").arg("-INT").arg(self.demo.id().to_string()).status().unwrap();
        assert!(self.demo.wait().unwrap().success());
    }
}

fn shell(script: &str) -> String {
    let ran = Command::new("sh").args(["-c", script]).env("no_proxy", "127.0.0.1").output().unwrap();
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[test]
fn every_line_of_the_tour_works_as_printed() {
    let demo = Running::start();
    let expected = [
        ("201 Created", "why=own"),
        ("200 OK", "{\"0\":0.5,\"3\":0.5}"),
        ("201 Created", "owner=\"acme.optics\""),
        ("201 Created", "owner=\"acme\""),
        ("200 OK", "\"canceled\""),
        ("403 Forbidden", "bellhop-refusal: no-credential"),
        ("401 Unauthorized", "bellhop-refusal: unknown-token"),
        ("401 Unauthorized", "this is not a key of this provider"),
    ];
    let lines: Vec<&str> = demo.lines("curl ").collect();
    assert_eq!(lines.len(), expected.len());
    for (line, (status, part)) in lines.into_iter().zip(expected) {
        let answer = shell(line);
        assert!(answer.contains(status) && answer.contains(part), "{line}\n{answer}");
    }
    let python = demo.script("python3 - <<'END'");
    assert_eq!(python.lines().count(), 8, "six lines of Python between two of the shell's");
    assert_eq!(shell(python).trim(), "{'0': 0.5, '3': 0.5}");
    let explain = demo.printed.lines().find(|line| line.contains(" explain --user ")).unwrap();
    assert!(shell(explain).contains("acme.optics is the only one that offers one"));
}
