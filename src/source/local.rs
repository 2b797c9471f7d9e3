//! Sources on this machine: variables, files, and the output of programs.
//! Owns a program for as long as it runs.
//! Never starts a shell, never passes Bellhop's own secrets to a program, and never keeps what it says on standard error.

use super::{
    problem::Problem,
    text::{self, LARGEST},
};
use crate::vault::SecretFields;
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{io::AsyncReadExt, process::Command, sync::Semaphore, task::spawn_blocking, time::timeout};
use zeroize::Zeroizing;

/// How long a file may take: a network file system can hang for ever.
const FILE_PATIENCE: Duration = Duration::from_secs(5);

pub fn environment(variables: &BTreeMap<Box<str>, Box<str>>) -> Result<SecretFields, Problem> {
    let read = variables.iter().map(|(field, name)| -> Result<_, Problem> {
        let value = std::env::var_os(&**name).ok_or_else(|| Problem::NoVariable(name.clone()))?;
        Ok((field.clone(), text::value(value.as_encoded_bytes())?))
    });
    read.collect()
}

/// All of them, twice: a file that is being written is not taken for what it is going to be.
pub async fn files(paths: &BTreeMap<Box<str>, PathBuf>, turn: &Arc<Semaphore>) -> Result<SecretFields, Problem> {
    // A thread that hangs in the kernel cannot be ended; there is to be one of them and not one more each second.
    let turn = Arc::clone(turn).try_acquire_owned().map_err(|_| Problem::Hangs)?;
    let paths = paths.clone();
    let read = spawn_blocking(move || {
        let _turn = turn;
        let first = read_all(&paths)?;
        std::thread::sleep(Duration::from_millis(20));
        let second = read_all(&paths)?;
        if first == second { Ok(second) } else { read_all(&paths) }
    });
    let contents = timeout(FILE_PATIENCE, read).await.map_err(|_| Problem::Hangs)?.map_err(|_| Problem::Hangs)??;
    contents.into_iter().map(|(field, bytes)| Ok((field, text::value(&bytes)?))).collect()
}

/// What stands in each file, by the field that it fills.
type Contents = Vec<(Box<str>, Zeroizing<Vec<u8>>)>;

fn read_all(paths: &BTreeMap<Box<str>, PathBuf>) -> Result<Contents, Problem> {
    paths.iter().map(|(field, path)| Ok((field.clone(), read_file(path)?))).collect()
}

/// Follows links, as Kubernetes swaps them. A pipe would never end.
pub fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let metadata = fs::metadata(path).map_err(|error| Problem::file(path, &error))?;
    if !metadata.is_file() {
        return Err(Problem::NotAFile(path.display().to_string().into()));
    }
    // With room for all of it from the start: a buffer that grows leaves its old bytes behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    let file = fs::File::open(path).map_err(|error| Problem::file(path, &error))?;
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| Problem::file(path, &error))?;
    if bytes.len() > LARGEST { Err(Problem::TooLarge) } else { Ok(bytes) }
}

/// `sole` is the field that is meant where the program prints nothing but a value.
pub async fn command(
    argv: &[String],
    patience: Duration,
    hidden: &[String],
    sole: Option<&str>,
) -> Result<SecretFields, Problem> {
    let bytes = timeout(patience, run(argv, hidden)).await.map_err(|_| Problem::Hangs)??;
    text::printed(&bytes, sole)
}

async fn run(argv: &[String], hidden: &[String]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let (program, arguments) = argv.split_first().ok_or(Problem::Unknown)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let own = |name: &str| name.starts_with("BELLHOP_") || hidden.iter().any(|other| other == name);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| Problem::NotStarted(error.kind()))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    if let Some(output) = child.stdout.take() {
        let read = output.take(LARGEST as u64 + 1).read_to_end(&mut bytes).await;
        read.map_err(|_| Problem::Broken)?;
    }
    if bytes.len() > LARGEST {
        return Err(Problem::TooLarge);
    }
    let status = child.wait().await.map_err(|error| Problem::NotStarted(error.kind()))?;
    if status.success() { Ok(bytes) } else { Err(Problem::Failed(status.to_string().into())) }
}
